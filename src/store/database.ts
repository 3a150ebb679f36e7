// The database as a whole: its size, what waits in it, and when the cron last worked on it.

import { progressSql } from './progress.ts';

/** Rows that are counted at most: a count reads them all. More than these are told as this many. */
export const MAX_COUNTED = 10_000;

export interface DatabaseState {
  databaseBytes: number;
  /** Events that are not forwarded yet, {@link MAX_COUNTED} standing for so many or more. */
  outbox: number;
  /** The oldest of them, Unix ms; `null`: there is none. */
  oldestUnforwarded: { storedAtMs: number; receivedAtMs: number } | null;
  /** Events that are to be forwarded again, and what consumers gave up on; counted as `outbox`. */
  replaying: number;
  deadLetters: number;
  /** When the cron's sweep and its roll-up last ran to their ends, Unix ms; `null`: never. */
  sweptAtMs: number | null;
  rolledUpAtMs: number | null;
  /** When the oldest event that no counter holds was stored, Unix ms; `null`: all are counted. */
  oldestUncountedMs: number | null;
}

/** Reads a handful of rows, however many events are stored, besides what it counts. */
export async function readDatabaseState(db: D1Database): Promise<DatabaseState> {
  const { results, meta } = await db.prepare(STATE).run<StateRow>();
  const [row] = results;
  if (row === undefined) throw new Error('D1 returned no row for its state');
  return {
    databaseBytes: meta.size_after,
    outbox: row.outbox,
    oldestUnforwarded:
      row.oldest_seq === null
        ? null
        : { storedAtMs: msOf(row.oldest_seq), receivedAtMs: row.oldest_received_at ?? msOf(row.oldest_seq) },
    replaying: row.replaying,
    deadLetters: row.dead_letters,
    sweptAtMs: row.swept_at,
    rolledUpAtMs: row.rolled_up_at,
    oldestUncountedMs: row.uncounted_seq === null ? null : msOf(row.uncounted_seq),
  };
}

const STATE = `
  SELECT
    ${countSql('outbox')} AS outbox, ${countSql('replaying')} AS replaying, ${countSql('dead_letters')} AS dead_letters,
    oldest.seq AS oldest_seq,
    (SELECT received_at FROM events WHERE seq = oldest.seq) AS oldest_received_at,
    (SELECT at FROM progress WHERE task = 'sweep') AS swept_at,
    (SELECT at FROM progress WHERE task = 'counters') AS rolled_up_at,
    (SELECT min(seq) FROM events NOT INDEXED WHERE seq > ${progressSql('counters')}) AS uncounted_seq
  FROM (SELECT min(seq) AS seq FROM outbox) AS oldest`;

function countSql(table: string): string {
  return `(SELECT count(*) FROM (SELECT 1 FROM ${table} LIMIT ${MAX_COUNTED}))`;
}

interface StateRow {
  outbox: number;
  replaying: number;
  dead_letters: number;
  oldest_seq: number | null;
  oldest_received_at: number | null;
  swept_at: number | null;
  rolled_up_at: number | null;
  uncounted_seq: number | null;
}

function msOf(seq: number): number {
  return Math.floor(seq / 1000);
}
