// The database as a whole: its size, what waits in it, and when the cron last worked on it.

import type { DeadLetterKind } from '../contract/dead-letters.ts';
import { CRON_RUN_SQL, progressSql } from './progress.ts';

/** Rows are counted up to this number, which then stands for so many or more: a count reads them all. */
export const MAX_COUNTED = 10_000;

export interface DatabaseState extends Counted {
  databaseBytes: number;
  /** When the oldest event that is not forwarded was stored and received, Unix ms, no later than now. `null`: there is none. */
  oldestUnforwarded: { storedAtMs: number; receivedAtMs: number } | null;
  /** When the oldest event that no counter holds was stored, Unix ms; `null`: all are counted. */
  oldestUncountedMs: number | null;
}

/** What the database says of itself. Numbers of rows are counted up to {@link MAX_COUNTED}. */
interface Counted {
  /** Events that are not forwarded yet. */
  outbox: number;
  /** Events that are to be forwarded again. */
  replaying: number;
  /** Of all kinds. */
  deadLetters: number;
  /** Dead letters that are webhooks which were acknowledged and not stored. */
  unstored: number;
  /** Dead letters that are events which no queue takes. */
  neverSent: number;
  /** When the cron last began, Unix ms; `null`: never. */
  cronAtMs: number | null;
  /** When the sweep and the roll-up last ran to their ends, by the cron or by requests, Unix ms; `null`: never. */
  sweptAtMs: number | null;
  rolledUpAtMs: number | null;
}

interface StateRow extends Counted {
  oldestSeq: number | null;
  oldestReceivedAtMs: number | null;
  aheadReceivedAtMs: number | null;
  uncountedSeq: number | null;
}

/** Reads a handful of rows, however many events are stored, besides what it counts. */
export async function readDatabaseState(db: D1Database, nowMs: number): Promise<DatabaseState> {
  const { results, meta } = await db.prepare(STATE).bind(nowMs).run<StateRow>();
  const [row] = results;
  if (row === undefined) throw new Error('D1 returned no row for its state');
  const { uncountedSeq, oldestSeq, oldestReceivedAtMs, aheadReceivedAtMs, ...counted } = row;
  return {
    ...counted,
    databaseBytes: meta.size_after,
    oldestUnforwarded: oldestOf(row, nowMs),
    oldestUncountedMs: uncountedSeq === null ? null : Math.min(msOf(uncountedSeq), nowMs),
  };
}

/**
 * When the oldest event that is not forwarded was stored and received. Where a clock that was ahead told its place, the
 * places of all that came since lie in the future too. Their times of arrival tell more then, but for those of events that
 * were deferred, which are stored later.
 */
function oldestOf({ oldestSeq, oldestReceivedAtMs, aheadReceivedAtMs }: StateRow, nowMs: number) {
  if (oldestSeq === null) return null;
  const placeMs = msOf(oldestSeq);
  const storedAtMs = Math.min(placeMs > nowMs ? (aheadReceivedAtMs ?? nowMs) : placeMs, nowMs);
  return { storedAtMs, receivedAtMs: Math.min(oldestReceivedAtMs ?? storedAtMs, nowMs) };
}

/** So many events are looked at where their places do not tell the time. */
const MAX_AHEAD = 100;

/** ?1 is now. */
const STATE = `
  SELECT
    ${countSql('outbox')} AS outbox, ${countSql('replaying')} AS replaying, ${countSql('dead_letters')} AS deadLetters,
    ${countKindSql('intake')} AS unstored, ${countKindSql('never-sent')} AS neverSent,
    oldest.seq AS oldestSeq,
    (SELECT received_at FROM events WHERE seq = oldest.seq) AS oldestReceivedAtMs,
    CASE WHEN oldest.seq > ?1 * 1000 THEN (
      SELECT min(received_at) FILTER (WHERE deferred = 0) FROM (
        SELECT e.received_at, e.deferred FROM outbox AS ahead CROSS JOIN events AS e ON e.seq = ahead.seq
        ORDER BY ahead.seq LIMIT ${MAX_AHEAD}
      )
    ) END AS aheadReceivedAtMs,
    ${CRON_RUN_SQL} AS cronAtMs,
    (SELECT at FROM progress WHERE task = 'sweep') AS sweptAtMs,
    (SELECT at FROM progress WHERE task = 'counters') AS rolledUpAtMs,
    (SELECT min(seq) FROM events NOT INDEXED WHERE seq > ${progressSql('counters')}) AS uncountedSeq
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

function msOf(seq: number): number {
  return Math.floor(seq / 1000);
}
