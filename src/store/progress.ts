// The progress table: how far the readers of the log have come, when recurring tasks last ran, and who may run them.
//
// A reader reads the log a stretch at a time. Each step is one batch, hence atomic, that begins where the one before ended
// and notes where it ends; every statement of it asks whether that is still the place. So two runs at once, a crash, or an
// answer that was lost leave each event read once. Nothing is left out, since `seq` grows in commit order: nothing appears
// before a place that a reader has come to.

import { readSingleRow } from './single-row.ts';

/** The readers of the log, by what they make of it. */
export type Reader = 'counters' | 'hours' | 'usage' | 'business-numbers';

/** Notes that the cron began a run. Unix ms. */
export async function recordCron(db: D1Database, nowMs: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO progress (task, seq, at) VALUES ('cron', 0, ?1)
       ON CONFLICT (task) DO UPDATE SET at = max(at, excluded.at)`,
    )
    .bind(nowMs)
    .run();
}

/** When the cron last began a run, Unix ms; NULL: never. */
export const CRON_RUN_SQL = "(SELECT at FROM progress WHERE task = 'cron')";

/** When the cron last began a run, Unix ms; `null`: never. */
export async function readCronRun(db: D1Database): Promise<number | null> {
  return db.prepare(`SELECT ${CRON_RUN_SQL} AS at`).first<number>('at');
}

/**
 * Takes the right to do the cron's work, where the cron is late: one isolate at a time has it. It ends by itself after
 * `forMs`, so there is one such run in that time at the most. Writes a row only where the right is given.
 */
export async function claimCronWork(
  db: D1Database,
  { nowMs, cronLateMs, forMs }: { nowMs: number; cronLateMs: number; forMs: number },
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `INSERT INTO progress (task, seq, at) SELECT 'stand-in', 0, ?1 WHERE coalesce(${CRON_RUN_SQL}, 0) < ?2
       ON CONFLICT (task) DO UPDATE SET at = excluded.at WHERE at <= ?3`,
    )
    .bind(nowMs, nowMs - cronLateMs, nowMs - forMs)
    .run();
  return meta.changes > 0;
}

/**
 * Takes the right to do a task, which one run at a time has. It ends by itself after `forMs`, should the isolate that holds
 * it die.
 *
 * @param condition for which it is given at all; its parameters are numbered from ?4 on.
 * @returns names the right for {@link releaseTask}; `null`: another run is at it.
 */
export async function claimTask(
  db: D1Database,
  task: string,
  nowMs: number,
  forMs: number,
  { sql, values }: { sql: string; values: readonly string[] } = { sql: 'true', values: [] },
): Promise<number | null> {
  const claim = nowMs + forMs;
  const { meta } = await db
    .prepare(
      `INSERT INTO progress (task, seq, at) SELECT ?3, 0, ?2 WHERE ${sql}
       ON CONFLICT (task) DO UPDATE SET at = excluded.at WHERE at <= ?1`,
    )
    .bind(nowMs, claim, task, ...values)
    .run();
  return meta.changes > 0 ? claim : null;
}

/** Gives the right back, unless it has ended and another run has it. */
export async function releaseTask(db: D1Database, task: string, claim: number): Promise<void> {
  await db.prepare('UPDATE progress SET at = 0 WHERE task = ?1 AND at = ?2').bind(task, claim).run();
}

/**
 * Notes that a sweep ran to its end, and the newest event's place then. Events up to there were stored before that time,
 * whatever clock told their places.
 */
export async function recordSweep(db: D1Database, nowMs: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO progress (task, seq, at)
       SELECT 'sweep', coalesce((SELECT max(seq) FROM events), 0), ?1 WHERE true
       ON CONFLICT (task) DO UPDATE SET seq = excluded.seq, at = excluded.at`,
    )
    .bind(nowMs)
    .run();
}

/** The place that a reader has come to; 0 before its first run. */
export function progressSql(reader: Reader): string {
  return `coalesce((SELECT seq FROM progress WHERE task = '${reader}'), 0)`;
}

/** The condition of every statement of a reader's step: the reader is still at ?1, where the step begins. */
export function isUnmoved(reader: Reader): string {
  return `${progressSql(reader)} = ?1`;
}

/** The last statement of a reader's step: moves the reader on to ?2. ?3 is now. */
export function advanceSql(reader: Reader, condition = isUnmoved(reader)): string {
  return `
    INSERT INTO progress (task, seq, at) SELECT '${reader}', ?2, ?3 WHERE ${condition}
    ON CONFLICT (task) DO UPDATE SET seq = excluded.seq, at = max(at, excluded.at)`;
}

/** What a reader reads in one step: the events after a place, up to another one. */
export interface Stretch {
  afterSeq: number;
  /** `null`: there is no event. */
  lastSeq: number | null;
  events: number;
}

/** The next stretch of a reader, of at most `maxEvents`. @param behind a reader that it stays behind. */
export async function nextStretch(
  db: D1Database,
  reader: Reader,
  maxEvents: number,
  behind?: Reader,
): Promise<Stretch> {
  const end = behind === undefined ? '' : `AND seq <= ${progressSql(behind)}`;
  const next = db
    .prepare(
      `SELECT ${progressSql(reader)} AS afterSeq, max(seq) AS lastSeq, count(*) AS events
       FROM (
         SELECT seq FROM events NOT INDEXED WHERE seq > ${progressSql(reader)} ${end} ORDER BY seq LIMIT ?1
       )`,
    )
    .bind(maxEvents);
  return readSingleRow(next);
}
