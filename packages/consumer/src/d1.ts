// What the kit's stores have in common: the part of D1 that they use, and tables that come into being on first use.

/** The part of D1 that is used. */
export interface Database {
  prepare(sql: string): Statement;
  batch(statements: Statement[]): Promise<{ results: unknown[] }[]>;
}
interface Statement {
  bind(...values: unknown[]): Statement;
  run(): Promise<{ results: unknown[] }>;
}

/** Rows that one pruning looks at: twice the largest batch, so that it keeps up with new events. */
export const PRUNED_ROWS = 200;
export const DEFAULT_KEEP_DAYS = 30;
export const DAY_MS = 86_400_000;

/** @throws TypeError where the name of a table is no plain identifier. */
export function requireTableName(table: string): void {
  if (!/^[a-z_]\w{0,62}$/i.test(table)) {
    throw new TypeError('the name of the table must be a plain identifier');
  }
}

/** Does the work, and once more after creating the tables where one whose name begins with `table` is missing. */
export async function withTables<T>(
  db: Database,
  table: string,
  createSql: string[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!String(error).includes(`no such table: ${table}`)) throw error;
    await db.batch(createSql.map((sql) => db.prepare(sql)));
    return work();
  }
}
