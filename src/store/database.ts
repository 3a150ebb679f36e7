// The database as a whole: its size, what waits in it, and when the cron last worked on it.

import type { DeadLetterKind } from '../contract/dead-letters.ts';
import { CRON_RUN_SQL, progressSql } from './progress.ts';

/** Rows are counted up to this number, which then stands for so many or more: a count reads them all. */
export const MAX_COUNTED = 10_000;

export interface DatabaseState extends Counted {
  databaseBytes: number;
  /** When the oldest event that no counter holds was stored, Unix ms; `null`: all are counted. */
  oldestUncountedMs: number | null;
}

/** What the database says of itself. Numbers of rows are counted up to {@link MAX_COUNTED}. */
interface Counted {
  /** Replays that are not over. */
  replays: number;
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
  uncountedSeq: number | null;
}

/** Reads a handful of rows, however many events are stored, besides what it counts. */
export async function readDatabaseState(db: D1Database, nowMs: number): Promise<DatabaseState> {
  const { results, meta } = await db.prepare(STATE).run<StateRow>();
  const [row] = results;
  if (row === undefined) throw new Error('D1 returned no row for its state');
  const { uncountedSeq, ...counted } = row;
  return {
    ...counted,
    databaseBytes: meta.size_after,
    oldestUncountedMs: uncountedSeq === null ? null : Math.min(Math.floor(uncountedSeq / 1000), nowMs),
  };
}

const STATE = `
  SELECT
    (SELECT count(*) FROM (
      SELECT 1 FROM replays INDEXED BY replays_open WHERE state = 'running' LIMIT ${MAX_COUNTED}
    )) AS replays,
    ${countSql('dead_letters')} AS deadLetters,
    ${countKindSql('intake')} AS unstored, ${countKindSql('never-sent')} AS neverSent,
    ${CRON_RUN_SQL} AS cronAtMs,
    (SELECT at FROM progress WHERE task = 'sweep') AS sweptAtMs,
    (SELECT at FROM progress WHERE task = 'counters') AS rolledUpAtMs,
    (SELECT min(seq) FROM events NOT INDEXED WHERE seq > ${progressSql('counters')}) AS uncountedSeq`;

function countSql(table: string): string {
  return `(SELECT count(*) FROM (SELECT 1 FROM ${table} LIMIT ${MAX_COUNTED}))`;
}

function countKindSql(kind: DeadLetterKind): string {
  return `(SELECT count(*) FROM (
    SELECT 1 FROM dead_letters INDEXED BY dead_letters_amiss
    WHERE kind = '${kind}' AND kind <> 'given-up' LIMIT ${MAX_COUNTED}
  ))`;
}
