/** Whether D1 answers a query that any database could. */
export async function isDatabaseHealthy(db: D1Database): Promise<boolean> {
  try {
    await db.prepare('SELECT 1').run();
    return true;
  } catch {
    return false;
  }
}
