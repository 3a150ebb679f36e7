// Keyset paging: tables are listed newest first by `seq`, and the cursor of a page is the place where the one before it
// ended. What a page costs does not depend on how many rows are stored.

import type * as z from 'zod';
import { type RowReader, seqRange, type TimeRange } from './places.ts';
import { readSingleRow } from './single-row.ts';

/**
 * Rows that one listing scans at most for a filter that has no index. It then answers with what it found, and the cursor
 * goes on from there. An index for each filter would make every row dearer to write.
 */
export const MAX_SCANNED_ROWS = 5_000;

/** Which page of a listing: at most so many rows, older than a place. */
export interface PageRequest {
  limit: number;
  beforeSeq?: number | undefined;
}

/** A page of a listing. After a scan it can hold fewer items than asked for, even none, and still have a next one. */
export interface Page<Item> {
  items: Item[];
  /** What is older than this is on the next page; `null` when nothing is. */
  nextBeforeSeq: number | null;
}

export type BoundValue = string | number | null;

/** The values that columns must have. What is `undefined` lets all through. */
export type Wanted = Readonly<Record<string, string | number | undefined>>;

/** The condition that columns have the wanted values, which are added to the statement's bound `values`. */
export function wantedSql(wanted: Wanted, values: BoundValue[]): string {
  const conditions = Object.entries(wanted).flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = ?${values.push(value)}`],
  );
  return conditions.join(' AND ') || 'true';
}

export function isWanted(wanted: Wanted): boolean {
  return Object.values(wanted).some((value) => value !== undefined);
}

/** The places that a page can be from: from the first up to but not including the second. */
export function pageRange(times: TimeRange, { beforeSeq }: PageRequest): [fromSeq: number, untilSeq: number] {
  const [fromSeq, untilSeq] = seqRange(times);
  return [fromSeq, Math.min(beforeSeq ?? untilSeq, untilSeq)];
}

/** Where the page after these rows begins. @param scannedTo where it begins if this page is not full. */
export function nextBeforeSeq(
  rows: readonly { seq: number }[],
  limit: number,
  scannedTo: number | null = null,
): number | null {
  return rows.length === limit ? (rows.at(-1)?.seq ?? scannedTo) : scannedTo;
}

/** What a table is listed by. */
export interface Listing {
  index: string;
  /** Columns that the index begins with. */
  indexed?: Wanted;
  /** Columns that have no index. */
  scanned: Wanted;
}

/** Lists what is in a table, newest first. Scans at most {@link MAX_SCANNED_ROWS} for what has no index. */
export async function listNewestFirst<Row extends { seq: number }, Item>(
  db: D1Database,
  reader: RowReader<Row, Item>,
  { index, indexed = {}, scanned }: Listing,
  times: TimeRange,
  page: PageRequest,
): Promise<Page<Item>> {
  const values: BoundValue[] = pageRange(times, page);
  const rows = `
    SELECT seq, ${wantedSql(scanned, values)} AS is_match FROM ${reader.from} ${index}
    WHERE ${wantedSql(indexed, values)} AND seq >= ?1 AND seq < ?2 ORDER BY seq DESC`;
  const maxScanned = isWanted(scanned) ? MAX_SCANNED_ROWS : page.limit;
  return scanNewestFirst(db, reader, { rows, values, maxScanned }, page.limit);
}

/** What a scan says of itself in each of its rows; where nothing matched, in a single row without a place. */
interface ScanSummary {
  scanned: number;
  lastScanned: number;
}

/**
 * Reads a page of what matches among the first `maxScanned` rows. The scan sums up the places that match, in order, and
 * how far it came. The joins keep to the order in which they are written, so that LIMIT ends the reading.
 *
 * @param scan selects `seq` and `is_match` of the rows, newest first; its parameters are bound to `values`.
 */
export async function scanNewestFirst<Row extends { seq: number }, Item>(
  db: D1Database,
  { from, columns, itemOf }: RowReader<Row, Item>,
  { rows, values, maxScanned }: { rows: string; values: BoundValue[]; maxScanned: number },
  limit: number,
): Promise<Page<Item>> {
  const { results } = await db
    .prepare(
      `SELECT ${columns}, scan.scanned, scan.lastScanned
       FROM (
         SELECT count(*) AS scanned, min(seq) AS lastScanned,
           json_group_array(seq) FILTER (WHERE is_match) AS matches
         FROM (${rows} LIMIT ?${values.length + 1})
       ) AS scan
       LEFT JOIN json_each(scan.matches) AS found
       LEFT JOIN ${from} ON seq = found.value
       LIMIT ?${values.length + 2}`,
    )
    .bind(...values, maxScanned, limit)
    .run<(Row | { seq: null }) & ScanSummary>();
  const [scan] = results;
  const found = results.filter((row): row is Row & ScanSummary => row.seq !== null);
  const scannedTo = scan?.scanned === maxScanned ? scan.lastScanned : null;
  return {
    items: found.map(({ scanned: _, lastScanned: __, ...row }) => itemOf(row as unknown as Row)),
    nextBeforeSeq: nextBeforeSeq(found, limit, scannedTo),
  };
}

/** What was found behind a place, oldest first. */
export interface OldestFound<Place> {
  places: Place[];
  /** There may be more behind this place; `null`: there are none. */
  searchedToSeq: number | null;
}

/** Finds the oldest that match behind a place, as {@link listNewestFirst} scans, and reads only `columns` of them. */
export async function findOldest<Place extends { seq: number }>(
  db: D1Database,
  table: string,
  columns: string,
  { index, indexed = {}, scanned }: Listing,
  times: TimeRange,
  { limit, afterSeq }: { limit: number; afterSeq: number },
): Promise<OldestFound<Place>> {
  const [fromSeq, untilSeq] = seqRange(times);
  const maxScanned = isWanted(scanned) ? MAX_SCANNED_ROWS : limit;
  const values: BoundValue[] = [Math.max(fromSeq, afterSeq + 1), untilSeq, maxScanned];
  const { results } = await db
    .prepare(
      `SELECT seq, ${columns}, ${wantedSql(scanned, values)} AS isMatch FROM ${table} ${index}
       WHERE ${wantedSql(indexed, values)} AND seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3`,
    )
    .bind(...values)
    .run<Place & { isMatch: number }>();
  const matches = results.filter(({ isMatch }) => isMatch === 1);
  if (matches.length > limit) {
    const places = matches.slice(0, limit);
    return { places, searchedToSeq: places.at(-1)?.seq ?? null };
  }
  const isEnd = results.length < maxScanned;
  return { places: matches, searchedToSeq: isEnd ? null : (results.at(-1)?.seq ?? null) };
}

/** What a scan from the oldest row on found. */
export interface OldestScan<Found> {
  found: Found;
  scanned: number;
  /** Scanned up to here; `null`: there was no row. */
  lastSeq: number | null;
}

/**
 * Scans rows, oldest first, and sums up in one row what matches and how far the scan came.
 *
 * @param found the aggregate of what matches, and the schema of its value.
 * @param rows selects `seq`, `is_match` and what `found` takes, in no order; its parameters are bound to `values`.
 */
export async function scanOldestFirst<Found>(
  db: D1Database,
  found: { sql: string; schema: z.ZodType<Found> },
  rows: string,
  values: readonly BoundValue[],
  maxScanned: number,
): Promise<OldestScan<Found>> {
  const scan = db
    .prepare(
      `SELECT count(*) AS scanned, max(seq) AS lastSeq, ${found.sql} FILTER (WHERE is_match) AS found
       FROM (${rows} ORDER BY seq LIMIT ?${values.length + 1})`,
    )
    .bind(...values, maxScanned);
  const row = await readSingleRow<OldestScan<unknown>>(scan);
  return { ...row, found: found.schema.parse(row.found) };
}
