// The progress table: how far the cron's tasks have come, and when they last ran.

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

/** The place that a task has come to, as SQL; 0 before its first run. */
export function progressSql(task: 'counters' | 'hours'): string {
  return `coalesce((SELECT seq FROM progress WHERE task = '${task}'), 0)`;
}
