/** Whether D1 works at all. */
export async function isAnswering(db: D1Database): Promise<boolean> {
  try {
    await db.prepare('SELECT 1').run();
    return true;
  } catch {
    return false;
  }
}
