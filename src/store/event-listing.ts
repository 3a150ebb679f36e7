// Listing events, newest first, and walking them by what leads to them. What it costs does not depend on how many are
// stored, nor what it holds in memory on how large they are.

import { messageIdRange } from '../contract/event.ts';
import type { EventType } from '../contract/webhook.ts';
import { type ListedEvent, SHOWN_COLUMNS, type ShownRow, shownEventOf } from './events.ts';
import {
  MAX_SCANNED_ROWS,
  nextBeforeSeq,
  type ScannedRow,
  scannedPage,
  seqRange,
  type TimeRange,
} from './keyset-paging.ts';
import { fittingOf, MAX_READ_AT_ONCE_BYTES, readPayloads } from './payload-pages.ts';

/** Which events are meant. Every filter that is absent lets all through. */
export interface EventFilter extends TimeRange {
  type?: EventType | undefined;
  status?: string | undefined;
  integration?: string | undefined;
  /** Canonical. */
  contact?: string | undefined;
  messageId?: string | undefined;
}

/** Which events to list. */
export interface ListingFilter extends EventFilter {
  isForwarded?: boolean | undefined;
  isDeferred?: boolean | undefined;
  /** Whether its payload differs from the documentation. */
  isOdd?: boolean | undefined;
}

export interface EventPage {
  events: ListedEvent[];
  /** Events older than this are on the next page; `null` when there are none. */
  nextBeforeSeq: number | null;
}

/** Messages with more events than this, a hundred times the usual, are sorted by D1. */
const MAX_SORTED_EVENTS = 400;

/** Events that one listing looks at where each is two rows to read: its own, and its place in the outbox. */
const MAX_SCANNED_IN_BOTH = MAX_SCANNED_ROWS / 2;

/** What a listing reads of an event, with `e` for events. */
const LISTED_COLUMNS = `
  ${SHOWN_COLUMNS}, octet_length(e.payload) AS payload_bytes,
  CASE WHEN octet_length(e.payload) <= ${MAX_READ_AT_ONCE_BYTES} THEN e.payload END AS payload`;

interface ListedRow extends ShownRow {
  payload_bytes: number;
  /** `null` where it is larger than {@link MAX_READ_AT_ONCE_BYTES}. */
  payload: string | null;
}

/**
 * Lists events, newest first, at most `limit`. The cost does not depend on how many are stored: a listing by
 * contact, message or time, or of all that are not forwarded, reads what it returns. One by type, status, integration,
 * deferral or forwarding scans at most {@link MAX_SCANNED_ROWS} besides: of the outbox for what is not forwarded, whatever
 * else is asked for.
 */
export async function listEvents(
  db: D1Database,
  filter: ListingFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<EventPage> {
  const [fromSeq, untilSeq] = seqRange(filter);
  const beforeSeq = Math.min(page.beforeSeq ?? untilSeq, untilSeq);
  const walk = [...walkBounds(filter, fromSeq, beforeSeq), page.limit];
  const { type, status, integration, contact, messageId, isDeferred, isForwarded, isOdd } = filter;
  const unindexed = [type, status, integration, isDeferred, isOdd];
  if (isForwarded === false) unindexed.push(contact, messageId);
  const isScan = isForwarded === true || unindexed.some((wanted) => wanted !== undefined);
  if (messageId !== undefined && !isScan) {
    const { results } = await db
      .prepare(messageSql(filter))
      .bind(...walk.with(-1, MAX_SORTED_EVENTS + 1))
      .run<ListedRow>();
    if (results.length <= MAX_SORTED_EVENTS) {
      const newestFirst = results.toSorted((a, b) => b.seq - a.seq).slice(0, page.limit);
      return pageOf(db, newestFirst, nextBeforeSeq(newestFirst, page.limit));
    }
  }
  if (!isScan) {
    const { results } = await db
      .prepare(walkSql(filter))
      .bind(...walk)
      .run<ListedRow>();
    return pageOf(db, results, nextBeforeSeq(results, page.limit));
  }
  const maxScanned = isForwarded === undefined ? MAX_SCANNED_ROWS : MAX_SCANNED_IN_BOTH;
  const { results } = await db
    .prepare(scanSql(filter))
    .bind(
      ...walk,
      type ?? null,
      status ?? null,
      integration ?? null,
      isDeferred === undefined ? null : Number(isDeferred),
      maxScanned,
      isOdd === undefined ? null : Number(isOdd),
    )
    .run<ScannedRow<ListedRow>>();
  const found = scannedPage(results, { limit: page.limit, maxScanned });
  return pageOf(db, found.rows, found.nextBeforeSeq);
}

/** What {@link matchedRows} is bound to, from a place up to but not including another. */
export function walkBounds(
  { contact, messageId }: EventFilter,
  fromSeq: number,
  untilSeq: number,
): (number | string | null)[] {
  const idRange = messageId === undefined ? [null, null] : messageIdRange(messageId);
  return [fromSeq, untilSeq, contact ?? null, ...idRange];
}

/** As many of the rows as there is room for, with their payloads. */
async function pageOf(db: D1Database, rows: ListedRow[], nextBeforeSeq: number | null): Promise<EventPage> {
  const fitting = fittingOf(rows, ({ payload_bytes }) => payload_bytes);
  const large = await readPayloads(
    db,
    fitting.filter(({ payload }) => payload === null).map(({ seq }) => seq),
  );
  const events = fitting.flatMap((row) => {
    const payload = row.payload ?? large.get(row.seq);
    return payload === undefined ? [] : [{ ...shownEventOf(row), payload }]; // else it was erased just now
  });
  return {
    events,
    nextBeforeSeq: fitting.length < rows.length ? (fitting.at(-1)?.seq ?? null) : nextBeforeSeq,
  };
}

/** The events that a filter's index leads to. ?1 to ?5 bound the walk, see {@link walkBounds}. */
export function matchedRows(filter: EventFilter): string {
  return `
    FROM events AS e${indexFor(filter)}
    WHERE seq >= ?1 AND seq < ?2
      AND ${filter.contact === undefined ? '?3 IS NULL' : 'contact = ?3'}
      AND ${filter.messageId === undefined ? '?4 IS NULL AND ?5 IS NULL' : 'id >= ?4 AND id < ?5'}`;
}

/** A message's events by its index alone, in no order: D1 counts the rows that it sorts a second time. */
function messageSql(filter: EventFilter): string {
  return `SELECT ${LISTED_COLUMNS} ${matchedRows(filter)} LIMIT ?6`;
}

function walkSql(filter: ListingFilter): string {
  return `SELECT ${LISTED_COLUMNS} ${walkedRows(filter)} LIMIT ?6`;
}

/** The events to walk, newest first. Those that are not forwarded are found by the outbox, and by nothing else. */
function walkedRows(filter: ListingFilter): string {
  if (filter.isForwarded !== false) return `${matchedRows(filter)} ORDER BY e.seq DESC`;
  return `
    FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
    WHERE o.seq >= ?1 AND o.seq < ?2
    ORDER BY o.seq DESC`;
}

/**
 * For filters without an index: a walk of at most ?11 events is summed up as the places that match, in order, and how
 * far it came. The joins keep to the order in which they are written, so that LIMIT ends the reading; and iif() asks
 * last, and only where it matters, for what is dear: what lies behind the payload, and what is in the outbox.
 */
function scanSql(filter: ListingFilter): string {
  return `
    SELECT ${LISTED_COLUMNS}, scan.scanned, scan.last_scanned
    FROM (
      SELECT
        count(*) AS scanned,
        min(seq) AS last_scanned,
        json_group_array(seq) FILTER (WHERE is_match) AS matches
      FROM (
        SELECT e.seq, iif(
          (?3 IS NULL OR e.contact = ?3) AND (?4 IS NULL OR e.id >= ?4 AND e.id < ?5)
          AND (?7 IS NULL OR e.type = ?7) AND (?8 IS NULL OR e.status = ?8) AND (?9 IS NULL OR e.integration = ?9)
          AND (?10 IS NULL OR e.deferred = ?10) AND (?12 IS NULL OR (e.oddities IS NOT NULL) = ?12)
          ${filter.isForwarded === true ? 'AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq)' : ''},
          1, 0
        ) AS is_match
        ${walkedRows(filter)} LIMIT ?11
      )
    ) AS scan
    LEFT JOIN json_each(scan.matches) AS found
    LEFT JOIN events AS e ON e.seq = found.value
    LIMIT ?6`;
}

/** A message has few events, a contact some, a time range many: the narrowest index is walked. */
function indexFor(filter: EventFilter): string {
  if (filter.messageId !== undefined) return ' INDEXED BY sqlite_autoindex_events_1';
  if (filter.contact !== undefined) return ' INDEXED BY events_by_contact';
  return ' NOT INDEXED';
}
