// Contacts and their conversations, which are what customers wrote and what was sent to them, as the stored events tell.

import { eventHeadOf } from './events.ts';
import {
  MAX_SCANNED_ROWS,
  nextBeforeSeq,
  type Page,
  type PageRequest,
  pageRange,
  scanNewestFirst,
} from './keyset-paging.ts';
import {
  type ReadableEvent,
  type ReadableRow,
  readableColumns,
  readShownPayloads,
  type UnreadEvent,
} from './messages.ts';
import { MAX_READ_AT_ONCE_BYTES } from './payload-pages.ts';
import type { RowReader, TimeRange } from './places.ts';

/** Each event that a listing of contacts scans is two rows to read: its own, and what follows it in the index on contacts. */
const MAX_SCANNED_EVENTS = MAX_SCANNED_ROWS / 2;

const UNREAD_EVENTS: RowReader<ReadableRow, UnreadEvent> = {
  from: 'events AS e',
  columns: readableColumns(MAX_READ_AT_ONCE_BYTES),
  itemOf: eventHeadOf,
};

/**
 * Lists the newest event of each contact, newest first. There is no table of contacts, which every event would have to write
 * to: the log is scanned, at most {@link MAX_SCANNED_EVENTS} of it, for events that their contact has no later one of.
 */
export async function listContacts(
  db: D1Database,
  times: TimeRange,
  page: PageRequest,
): Promise<Page<ReadableEvent>> {
  const rows = `
    SELECT e.seq, e.contact <> '' AND NOT EXISTS (
      SELECT 1 FROM events AS later INDEXED BY events_by_contact
      WHERE later.contact = e.contact AND later.seq > e.seq
    ) AS is_match
    FROM events AS e NOT INDEXED WHERE e.seq >= ?1 AND e.seq < ?2 ORDER BY e.seq DESC`;
  const scan = { rows, values: pageRange(times, page), maxScanned: MAX_SCANNED_EVENTS };
  const found = await scanNewestFirst(db, UNREAD_EVENTS, scan, page.limit);
  const items = await readShownPayloads(db, found.items);
  const isCut = items.length < found.items.length; // by what an answer has room for
  return { items, nextBeforeSeq: isCut ? nextBeforeSeq(items, items.length) : found.nextBeforeSeq };
}

export interface ConversationPage {
  /** Newest first, by when they were stored. */
  events: ReadableEvent[];
  /** Events older than this are on the next page; `null` when there are none. */
  nextBeforeSeq: number | null;
  /**
   * The customer's last message, by when it was written, or when it arrived where the sender's clock is ahead. `null`: the
   * customer never wrote, or not among its last {@link MAX_SCANNED_ROWS} events.
   */
  lastResponse: ReadableEvent | null;
}

export type ConversationRange = TimeRange & PageRequest;

/**
 * A page of a contact's events, and its last message. The page ends early where its payloads would be too large together.
 * It reads a row for each event, and another where its payload is large. Finding the last message reads as many again,
 * and the few that were stored since it was written. Where the customer wrote none of these, it reads more, up to
 * {@link MAX_SCANNED_ROWS}: an index that led there would make every response dearer to write, and a row written costs as
 * much as a thousand read.
 *
 * @param contact canonical.
 */
export async function readConversation(
  db: D1Database,
  contact: string,
  range: ConversationRange,
): Promise<ConversationPage> {
  const { limit } = range;
  const { results } = await db
    .prepare(
      `SELECT ${readableColumns(MAX_READ_AT_ONCE_BYTES)} FROM events AS e INDEXED BY events_by_contact
       WHERE contact = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4`,
    )
    .bind(contact, ...pageRange(range, range), limit)
    .run<ReadableRow>();
  const events = await readShownPayloads(db, results.map(eventHeadOf));
  const isCut = events.length < results.length; // by what an answer has room for
  return {
    events,
    nextBeforeSeq: nextBeforeSeq(events, isCut ? events.length : limit),
    lastResponse: await findLastResponse(db, contact, limit),
  };
}

/**
 * Finds the response written last. The one stored last may be another one, but what was written after that was also stored
 * after its time of writing: nothing earlier needs to be looked at.
 */
async function findLastResponse(
  db: D1Database,
  contact: string,
  firstScanned: number,
): Promise<ReadableEvent | null> {
  const storedLast =
    (await findStoredLast(db, contact, firstScanned)) ??
    (await findStoredLast(db, contact, MAX_SCANNED_ROWS));
  if (storedLast === null) return null;
  const row = await db
    .prepare(
      `SELECT ${readableColumns(Number.POSITIVE_INFINITY)}
       FROM (
         SELECT seq, max(min(occurred_at, received_at)) FROM (
           SELECT seq, type, occurred_at, received_at FROM events INDEXED BY events_by_contact
           WHERE contact = ?1 AND seq >= ?2 AND seq <= ?3 ORDER BY seq DESC LIMIT ?4
         )
         WHERE +type = 'response'
       ) AS written_last
       CROSS JOIN events AS e ON e.seq = written_last.seq`,
    )
    .bind(contact, Math.min(storedLast.seq, storedLast.occurred_at * 1000), storedLast.seq, MAX_SCANNED_ROWS)
    .first<ReadableRow>();
  return row && eventHeadOf(row);
}

/** The response stored last, if it is among the last so many events. */
async function findStoredLast(db: D1Database, contact: string, maxScanned: number) {
  const row = await db
    .prepare(
      `SELECT max(seq) AS seq, occurred_at
       FROM (
         SELECT seq, type, occurred_at FROM events INDEXED BY events_by_contact
         WHERE contact = ?1 ORDER BY seq DESC LIMIT ?2
       )
       WHERE +type = 'response'`, // +: no index is made for one row
    )
    .bind(contact, maxScanned)
    .first<{ seq: number | null; occurred_at: number }>();
  return row?.seq == null ? null : { ...row, seq: row.seq };
}
