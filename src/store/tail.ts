// Reading events onwards from a place, oldest first, as a tail follows them.

import { messageIdRange } from '../contract/event.ts';
import type { EventFilter } from './event-listing.ts';
import { type ListedEvent, SHOWN_COLUMNS, type ShownRow, shownEventOf } from './events.ts';

/** A page, and most of a page's payloads, fit in memory many times over. */
export const MAX_TAILED_EVENTS = 200;
const MAX_TAILED_PAYLOAD_BYTES = 16_384;

/**
 * Rows that one page walks at most for a filter that has no index. A filter that lets most events through then walks
 * not many more than it returns.
 */
export const MAX_TAILED_ROWS = 2_000;

/** Which events to follow. Every filter that is absent lets all through. */
export type TailFilter = Omit<EventFilter, 'sinceMs' | 'untilMs'>;

/** An event without its payload where that is large: it is to be read by itself, see `findEvent`. */
export type TailedEvent = Omit<ListedEvent, 'payload'> & { payload: string | null };

export interface TailPage {
  /** In order of `seq`. */
  events: TailedEvent[];
  /** Every event up to here was looked at: the place to go on from. */
  walkedToSeq: number;
  /** Whether there may be more already. */
  isFull: boolean;
}

/** The place of the newest event, behind which the next one will be; 0 where there is none. */
export async function findLastSeq(db: D1Database): Promise<number> {
  return (await db.prepare('SELECT max(seq) AS last_seq FROM events').first<number>('last_seq')) ?? 0;
}

/**
 * The oldest events behind a place. As `seq` grows in commit order, going on from `walkedToSeq` leaves out none and
 * repeats none. Where nothing is new it reads one row, however many are stored. A message is found by walking, not by
 * its index, which is in no order: who follows one is behind by few events.
 */
export async function walkOnwards(db: D1Database, filter: TailFilter, afterSeq: number): Promise<TailPage> {
  const { type, status, integration, messageId, contact } = filter;
  const isScan = [type, status, integration, messageId].some((wanted) => wanted !== undefined);
  const maxWalked = isScan ? MAX_TAILED_ROWS : MAX_TAILED_EVENTS;
  const { results } = await db
    .prepare(walkSql(contact !== undefined))
    .bind(
      afterSeq,
      contact ?? null,
      type ?? null,
      status ?? null,
      integration ?? null,
      ...(messageId === undefined ? [null, null] : messageIdRange(messageId)),
      maxWalked,
      MAX_TAILED_EVENTS,
      MAX_TAILED_PAYLOAD_BYTES,
    )
    .run<TailRow | (Walk & { seq: null })>();
  const [walk] = results;
  const events = results.filter((row) => row.seq !== null).map(tailedEventOf);
  const last = events.at(-1);
  if (last !== undefined && events.length === MAX_TAILED_EVENTS) {
    return { events, walkedToSeq: last.seq, isFull: true };
  }
  if (walk?.walked === maxWalked) return { events, walkedToSeq: walk.walked_to ?? afterSeq, isFull: true };
  return { events, walkedToSeq: Math.max(walk?.last_seq ?? 0, afterSeq), isFull: false };
}

/**
 * ?1 the place to walk on from, ?2 to ?7 the filter, ?8 how many rows to walk, ?9 how many events to return, ?10 how
 * large payloads may be. The joins keep to the order in which they are written, so that LIMIT ends the reading.
 */
function walkSql(isByContact: boolean): string {
  return `
    SELECT
      ${SHOWN_COLUMNS},
      CASE WHEN octet_length(e.payload) <= ?10 THEN e.payload END AS payload,
      walk.walked, walk.walked_to, walk.last_seq
    FROM (
      SELECT
        count(*) AS walked,
        max(seq) AS walked_to,
        (SELECT max(seq) FROM events) AS last_seq,
        json_group_array(seq) FILTER (WHERE
          (?3 IS NULL OR type = ?3) AND (?4 IS NULL OR status = ?4) AND (?5 IS NULL OR integration = ?5)
          AND (?6 IS NULL OR id >= ?6 AND id < ?7)
        ) AS matches
      FROM (
        SELECT seq, id, type, status, integration
        FROM events ${isByContact ? 'INDEXED BY events_by_contact' : 'NOT INDEXED'}
        WHERE seq > ?1 AND ${isByContact ? 'contact = ?2' : '?2 IS NULL'}
        ORDER BY seq LIMIT ?8
      )
    ) AS walk
    LEFT JOIN json_each(walk.matches) AS found
    LEFT JOIN events AS e ON e.seq = found.value
    LIMIT ?9`;
}

interface Walk {
  walked: number;
  walked_to: number | null;
  last_seq: number | null;
}

interface TailRow extends ShownRow, Walk {
  payload: string | null;
}

function tailedEventOf(row: TailRow): TailedEvent {
  return { ...shownEventOf(row), payload: row.payload };
}
