// The progress table: how far the recurring tasks have come, when they last ran, and who is at them.

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

/** When the cron last began a run, Unix ms, as SQL; NULL: never. */
export const CRON_RUN_SQL = "(SELECT at FROM progress WHERE task = 'cron')";

/** When the cron last began a run, Unix ms; `null`: never. */
export async function readCronRun(db: D1Database): Promise<number | null> {
  return db.prepare(`SELECT ${CRON_RUN_SQL} AS at`).first<number>('at');
}

/**
 * Takes the right to do the cron's work, where the cron is late and nobody else has it: one at a time over all isolates.
 * It ends by itself after `forMs`, so that there is one such run in that time at the most. Writes a row where it is given.
 */
export async function claimCronsWork(
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
 * Notes that a sweep ran to its end, and the newest event's place then. What is no newer was stored before that time,
 * whatever clock its place was told by.
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

/** The place that a reader has come to, as SQL; 0 before its first run. */
export function progressSql(task: Reader): string {
  return `coalesce((SELECT seq FROM progress WHERE task = '${task}'), 0)`;
}

/** The condition of every statement of a reader's step: ?1 is where it begins. */
export function isUnmoved(task: Reader): string {
  return `${progressSql(task)} = ?1`;
}

/** Last of a reader's step: ?2 is the place it has come to, ?3 now. */
export function advanceSql(task: Reader, condition = isUnmoved(task)): string {
  return `
    INSERT INTO progress (task, seq, at) SELECT '${task}', ?2, ?3 WHERE ${condition}
    ON CONFLICT (task) DO UPDATE SET seq = excluded.seq, at = max(at, excluded.at)`;
}
