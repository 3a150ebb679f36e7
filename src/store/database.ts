// The database as a whole: its size, what waits in it, and when the cron last worked on it.

import type { DeadLetterKind } from './dead-letters.ts';
import { CRON_RUN_SQL, progressSql } from './progress.ts';

/** Rows that are counted at most: a count reads them all. More than these are told as this many. */
export const MAX_COUNTED = 10_000;

export interface DatabaseState {
  databaseBytes: number;
  /** Events that are not forwarded yet, {@link MAX_COUNTED} standing for so many or more. */
  outbox: number;
  /** The oldest of them, Unix ms; `null`: there is none. No time of it is later than now. */
  oldestUnforwarded: { storedAtMs: number; receivedAtMs: number } | null;
  /** Events that are to be forwarded again, and dead letters of all kinds; counted as `outbox`. */
  replaying: number;
  deadLetters: number;
  /** Of the dead letters: webhooks that were acknowledged and not stored, and events that no queue takes. */
  unstored: number;
  neverSent: number;
  /** When the cron last began, Unix ms; `null`: never. */
  cronAtMs: number | null;
  /** When the sweep and the roll-up last ran to their ends, by the cron or by requests, Unix ms; `null`: never. */
  sweptAtMs: number | null;
  rolledUpAtMs: number | null;
  /** When the oldest event that no counter holds was stored, Unix ms; `null`: all are counted. */
  oldestUncountedMs: number | null;
}

/** Reads a handful of rows, however many events are stored, besides what it counts. */
export async function readDatabaseState(db: D1Database, nowMs: number): Promise<DatabaseState> {
  const { results, meta } = await db.prepare(STATE).bind(nowMs).run<StateRow>();
  const [row] = results;
  if (row === undefined) throw new Error('D1 returned no row for its state');
  return {
    databaseBytes: meta.size_after,
    outbox: row.outbox,
    oldestUnforwarded: oldestOf(row, nowMs),
    replaying: row.replaying,
    deadLetters: row.dead_letters,
    unstored: row.unstored,
    neverSent: row.never_sent,
    cronAtMs: row.cron_at,
    sweptAtMs: row.swept_at,
    rolledUpAtMs: row.rolled_up_at,
    oldestUncountedMs: row.uncounted_seq === null ? null : Math.min(msOf(row.uncounted_seq), nowMs),
  };
}

/**
 * The times of the oldest. A clock that was ahead may have told its place, and those of all that came in the meantime: the
 * times of arrival of the first of them then tell more, but for those that were deferred, which are stored later.
 */
function oldestOf({ oldest_seq, oldest_received_at, ahead_received_at }: StateRow, nowMs: number) {
  if (oldest_seq === null) return null;
  const placeMs = msOf(oldest_seq);
  const storedAtMs = Math.min(placeMs > nowMs ? (ahead_received_at ?? nowMs) : placeMs, nowMs);
  return { storedAtMs, receivedAtMs: Math.min(oldest_received_at ?? storedAtMs, nowMs) };
}

/** Events looked at where their places tell no time. */
const MAX_AHEAD = 100;

/** ?1 now. */
const STATE = `
  SELECT
    ${countSql('outbox')} AS outbox, ${countSql('replaying')} AS replaying, ${countSql('dead_letters')} AS dead_letters,
    ${countKindSql('intake')} AS unstored, ${countKindSql('never-sent')} AS never_sent,
    oldest.seq AS oldest_seq,
    (SELECT received_at FROM events WHERE seq = oldest.seq) AS oldest_received_at,
    CASE WHEN oldest.seq > ?1 * 1000 THEN (
      SELECT min(received_at) FILTER (WHERE deferred = 0) FROM (
        SELECT e.received_at, e.deferred FROM outbox AS ahead CROSS JOIN events AS e ON e.seq = ahead.seq
        ORDER BY ahead.seq LIMIT ${MAX_AHEAD}
      )
    ) END AS ahead_received_at,
    ${CRON_RUN_SQL} AS cron_at,
    (SELECT at FROM progress WHERE task = 'sweep') AS swept_at,
    (SELECT at FROM progress WHERE task = 'counters') AS rolled_up_at,
    (SELECT min(seq) FROM events NOT INDEXED WHERE seq > ${progressSql('counters')}) AS uncounted_seq
  FROM (SELECT min(seq) AS seq FROM outbox) AS oldest`;

function countSql(table: string): string {
  return `(SELECT count(*) FROM (SELECT 1 FROM ${table} LIMIT ${MAX_COUNTED}))`;
}

function countKindSql(kind: DeadLetterKind): string {
  return `(SELECT count(*) FROM (
    SELECT 1 FROM dead_letters INDEXED BY dead_letters_amiss
    WHERE kind = '${kind}' AND kind <> 'given-up' LIMIT ${MAX_COUNTED}
  ))`;
}

interface StateRow {
  outbox: number;
  replaying: number;
  dead_letters: number;
  unstored: number;
  never_sent: number;
  cron_at: number | null;
  ahead_received_at: number | null;
  oldest_seq: number | null;
  oldest_received_at: number | null;
  swept_at: number | null;
  rolled_up_at: number | null;
  uncounted_seq: number | null;
}

function msOf(seq: number): number {
  return Math.floor(seq / 1000);
}
