// Walking a table by `seq`, which is place and time in one: what the tables that are listed newest first have in common.

/**
 * Rows that one listing scans at most for a filter that has no index. It then answers with what it found; the cursor
 * goes on from there. An index for each would make every row dearer to write.
 */
export const MAX_SCANNED_ROWS = 5_000;

/** Times between which rows were stored: from the first up to but not including the second, Unix ms. */
export interface TimeRange {
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
}

/** The places between which these times lie: from the first up to but not including the second. */
export function seqRange({ sinceMs = 0, untilMs }: TimeRange): [fromSeq: number, untilSeq: number] {
  return [sinceMs * 1000, untilMs === undefined ? Number.MAX_SAFE_INTEGER : untilMs * 1000];
}

/**
 * The place of a new row: its time in microseconds, or the next one that was never given. To be assigned inside the
 * INSERT, by D1's single writer. Triggers keep in `last_places` what the newest row leaves behind when it is deleted.
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

/** What a scan says of itself in each of its rows; where nothing matched, in a single row without a place. */
interface Scan {
  scanned: number;
  last_scanned: number;
}

/** A row of a scan that sums up its walk as the places that match, in order, and how far it came. */
export type ScannedRow<Row> = (Row | { seq: null }) & Scan;

/** A page of what a scan found. It can hold fewer than `limit`, even none, and still have a next one. */
export function scannedPage<Row extends { seq: number }>(
  results: readonly ScannedRow<Row>[],
  { limit, maxScanned }: { limit: number; maxScanned: number },
): { rows: Row[]; nextBeforeSeq: number | null } {
  const rows = results.filter((row): row is Row & Scan => row.seq !== null);
  const [scan] = results;
  const scannedTo = scan?.scanned === maxScanned ? scan.last_scanned : null;
  return { rows, nextBeforeSeq: nextBeforeSeq(rows, limit, scannedTo) };
}

/** Where the page after these rows begins. @param scannedTo the answer where the page is not full. */
export function nextBeforeSeq(
  rows: readonly { seq: number }[],
  limit: number,
  scannedTo: number | null = null,
): number | null {
  return rows.length === limit ? (rows.at(-1)?.seq ?? scannedTo) : scannedTo;
}
