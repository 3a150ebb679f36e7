// The progress table: how far the cron's tasks have come, and when they last ran.

/** The readers of the log, by what they make of it. */
export type Reader = 'counters' | 'hours' | 'usage' | 'business-numbers';

/** Notes that a task ran to its end. Unix ms. */
export async function recordRun(db: D1Database, task: 'sweep', nowMs: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO progress (task, seq, at) VALUES (?1, 0, ?2)
       ON CONFLICT (task) DO UPDATE SET at = max(at, excluded.at)`,
    )
    .bind(task, nowMs)
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
