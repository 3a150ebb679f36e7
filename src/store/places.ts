// Places: `seq` is the key of a row, and tells in microseconds since 1970 when it was stored. It grows in commit order.

/** Times between which rows were stored: from the first up to but not including the second, Unix ms. */
export interface TimeRange {
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
}

/** The places between these times: from the first up to but not including the second. */
export function seqRange({ sinceMs = 0, untilMs }: TimeRange): [fromSeq: number, untilSeq: number] {
  return [sinceMs * 1000, untilMs === undefined ? Number.MAX_SAFE_INTEGER : untilMs * 1000];
}

/** How far the clocks of isolates may be apart. A place is told by the clock of the isolate that stored the row. */
export const CLOCK_SKEW_MS = 60_000;

/**
 * The place of a new row: its time in microseconds, or the next one that was never given. To be assigned inside the
 * INSERT, by D1's single writer. Triggers keep in `last_places` the place of the newest row when that is deleted.
 *
 * @param nowMs the parameter that is bound to the time.
 */
export function nextSeqSql(
  table: 'events' | 'rejections' | 'dead_letters' | 'audit',
  nowMs: `?${number}`,
): string {
  return `max(
    ${nowMs} * 1000,
    coalesce((SELECT max(seq) FROM ${table}), 0) + 1,
    coalesce((SELECT seq FROM last_places WHERE of_table = '${table}'), 0) + 1
  )`;
}

/** A version that no route ever had. @param nowMs the parameter that is bound to the time. */
export function nextVersionSql(nowMs: `?${number}`): string {
  return `max(
    ${nowMs} * 1000,
    coalesce((SELECT max(version) FROM routes), 0) + 1,
    coalesce((SELECT seq FROM last_places WHERE of_table = 'routes'), 0) + 1
  )`;
}

/** Selects the places that are bound to ?1, as {@link placesJson} writes them. */
export const GIVEN_PLACES = 'SELECT value FROM json_each(?1)';

export function placesJson(rows: readonly { seq: number }[]): string {
  return JSON.stringify(rows.map(({ seq }) => seq));
}

/** How something is read from the rows of a table. */
export interface RowReader<Row, Item> {
  /** The table, with the name that it has in `columns`. */
  from: `${string} AS ${string}`;
  columns: string;
  itemOf(row: Row): Item;
}

/** Reads what is at these places, in the order in which they are named. Those that do not exist are left out. */
export async function findAt<Row, Item>(
  db: D1Database,
  { from, columns, itemOf }: RowReader<Row, Item>,
  seqs: readonly number[],
): Promise<Item[]> {
  if (seqs.length === 0) return [];
  const { results } = await db
    .prepare(`SELECT ${columns} FROM json_each(?1) AS wanted CROSS JOIN ${from} ON seq = wanted.value`)
    .bind(JSON.stringify(seqs))
    .run<Row>();
  return results.map(itemOf);
}

/**
 * The place up to which rows have fewer than `maxBytes` together, but for the last one.
 *
 * @param rows selects `seq` and `bytes`, in order.
 */
export function lastSeqWithinSql(rows: string, maxBytes: `?${number}`): string {
  return `
    SELECT max(seq) FROM (SELECT seq, sum(bytes) OVER (ORDER BY seq) - bytes AS bytes_before FROM (${rows}))
    WHERE bytes_before < ${maxBytes}`;
}
