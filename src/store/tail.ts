// Reading events onwards from a place, oldest first, as a tail follows them.

import { type EventFilter, ofMessageSql } from './event-listing.ts';
import { LISTED_COLUMNS, type ListedEvent, type ListedRow, listedEventOf, payloadUpTo } from './events.ts';
import { type BoundValue, isWanted, wantedSql } from './keyset-paging.ts';

/** A page of so many events, with payloads of so many bytes, fits in memory many times over. */
export const MAX_TAILED_EVENTS = 200;
const MAX_TAILED_PAYLOAD_BYTES = 16_384;

/**
 * Rows that one page scans at most for a filter that has no index: not many more than a filter returns that lets most
 * events through.
 */
export const MAX_TAILED_ROWS = 2_000;

/** Which events to follow. Every filter that is absent lets all through. */
export type TailFilter = Omit<EventFilter, 'sinceMs' | 'untilMs'>;

/** An event. Its payload is `null` where it is large: `findEvent` reads it. */
export type TailedEvent = Omit<ListedEvent, 'payload'> & { payload: string | null };

export interface TailPage {
  /** In order of `seq`. */
  events: TailedEvent[];
  /** The place to go on from: every event up to here was looked at. */
  readToSeq: number;
  /** Whether there may be more already. */
  isFull: boolean;
}

/** The place of the newest event, behind which the next one will be; 0 where there is none. */
export async function findLastSeq(db: D1Database): Promise<number> {
  return (await db.prepare('SELECT max(seq) AS last_seq FROM events').first<number>('last_seq')) ?? 0;
}

/**
 * The oldest events behind a place. As `seq` grows in commit order, going on from `readToSeq` leaves out none and
 * repeats none. Where nothing is new it reads one row, however many are stored. A message is not found by its index, which
 * is in no order: whoever follows one is only a few events behind.
 */
export async function readTail(
  db: D1Database,
  { type, status, integration, messageId, contact }: TailFilter,
  afterSeq: number,
): Promise<TailPage> {
  const scanned = { type, status, integration };
  const maxScanned = isWanted(scanned) || messageId !== undefined ? MAX_TAILED_ROWS : MAX_TAILED_EVENTS;
  const values: BoundValue[] = [afterSeq, maxScanned, MAX_TAILED_EVENTS];
  const index = contact === undefined ? 'NOT INDEXED' : 'INDEXED BY events_by_contact';
  const { results } = await db
    .prepare(
      `SELECT
         ${LISTED_COLUMNS}, ${payloadUpTo(MAX_TAILED_PAYLOAD_BYTES)}, scan.scanned, scan.lastScanned, scan.newestSeq
       FROM (
         SELECT count(*) AS scanned, max(seq) AS lastScanned, (SELECT max(seq) FROM events) AS newestSeq,
           json_group_array(seq) FILTER (WHERE is_match) AS matches
         FROM (
           SELECT seq, ${wantedSql(scanned, values)} AND ${ofMessageSql(messageId, values)} AS is_match
           FROM events ${index} WHERE seq > ?1 AND ${wantedSql({ contact }, values)} ORDER BY seq LIMIT ?2
         )
       ) AS scan
       LEFT JOIN json_each(scan.matches) AS found
       LEFT JOIN events AS e ON e.seq = found.value
       LIMIT ?3`,
    )
    .bind(...values)
    .run<TailRow | (TailScan & { seq: null })>();
  const [scan] = results;
  const events = results.filter((row): row is TailRow => row.seq !== null).map(tailedEventOf);
  const last = events.at(-1);
  if (last !== undefined && events.length === MAX_TAILED_EVENTS) {
    return { events, readToSeq: last.seq, isFull: true };
  }
  if (scan?.scanned === maxScanned) return { events, readToSeq: scan.lastScanned ?? afterSeq, isFull: true };
  return { events, readToSeq: Math.max(scan?.newestSeq ?? 0, afterSeq), isFull: false };
}

interface TailScan {
  scanned: number;
  lastScanned: number | null;
  newestSeq: number | null;
}

type TailRow = TailScan & ListedRow & Pick<TailedEvent, 'payload'>;

function tailedEventOf({ scanned: _, lastScanned: __, newestSeq: ___, ...row }: TailRow): TailedEvent {
  return listedEventOf(row);
}
