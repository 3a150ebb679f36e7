// What replays send, read a page at a time. A page is noted as sent once its queue has confirmed it, and only if the replay
// is still where it was when the page was read. So whatever is interrupted or runs twice, no event is left out.

import * as z from 'zod';
import type { RouteFilter } from '../contract/routes.ts';
import { storedFilter } from './active-routes.ts';
import { type EventFilter, matchedRows } from './event-listing.ts';
import { type BoundValue, scanOldestFirst, wantedSql } from './keyset-paging.ts';
import { seqRange } from './places.ts';
import { claimTask, releaseTask } from './progress.ts';
import {
  BLOTTED_FILTER,
  countSentSql,
  REPLAY_COLUMNS,
  type Replay,
  type ReplayRow,
  replayOf,
} from './replays.ts';
import { storedJson } from './stored-json.ts';
import { wantsSql } from './stretches.ts';

/** Events that one statement of a replay scans. */
const MAX_SCANNED_FOR_REPLAY = 10_000;
/** Events that one statement counts, for a dry run. */
const MAX_COUNTED_ROWS = 25_000;

/**
 * Takes the right to work off the replays of a route, if there are any: two runs at once would send everything twice. It
 * ends by itself after `forMs`, should the isolate that holds it die.
 *
 * @returns names the right for {@link releaseReplays}; `null`: there is nothing to do, or another run is at it.
 */
export async function claimReplays(
  db: D1Database,
  route: string,
  nowMs: number,
  forMs: number,
): Promise<number | null> {
  return claimTask(db, taskOf(route), nowMs, forMs, {
    sql: `EXISTS (${openReplaysSql('?4')})`,
    values: [route],
  });
}

/** Gives the right back, unless it has ended and another run has it. */
export async function releaseReplays(db: D1Database, route: string, claim: number): Promise<void> {
  await releaseTask(db, taskOf(route), claim);
}

/** The name of a route's replays in `progress`. */
function taskOf(route: string): string {
  return `replays:${route}`;
}

/** Selects the replays of a route that can go on. */
function openReplaysSql(route: `?${number}` | 'r.name'): string {
  return `
    SELECT 1 FROM replays INDEXED BY replays_open CROSS JOIN routes ON routes.name = replays.route
    WHERE replays.state = 'running' AND NOT paused AND replays.route = ${route} AND routes.state = 'active'`;
}

/** The active routes that have replays to work off. */
export async function findReplayingRoutes(db: D1Database): Promise<string[]> {
  const { results } = await db
    .prepare(`SELECT r.name FROM routes AS r WHERE EXISTS (${openReplaysSql('r.name')})`)
    .run<{ name: string }>();
  return results.map(({ name }) => name);
}

/** A replay whose turn it is. */
export interface ReplayInTurn {
  replay: Replay;
  routeFilter: RouteFilter;
  /** How many events were sent so far, by integration. */
  sent: Record<string, number>;
}

const storedCounts = storedJson(z.record(z.string(), z.number()));

/** The replay of a route whose last page was sent longest ago. `null`: there is none, or the route is paused. */
export async function nextReplay(db: D1Database, route: string): Promise<ReplayInTurn | null> {
  const row = await db
    .prepare(
      `SELECT ${REPLAY_COLUMNS}, replays.sent AS sentByIntegration,
         (SELECT filter FROM routes WHERE name = ?1 AND state = 'active') AS routeFilter
       FROM replays INDEXED BY replays_open
       WHERE state = 'running' AND NOT paused AND route = ?1 ORDER BY updated_at, id LIMIT 1`,
    )
    .bind(route)
    .first<ReplayRow & { sentByIntegration: string; routeFilter: string | null }>();
  if (row === null || row.routeFilter === null) return null;
  const { sentByIntegration, routeFilter, ...replay } = row;
  return {
    replay: replayOf(replay),
    routeFilter: storedFilter.parse(routeFilter),
    sent: storedCounts.parse(sentByIntegration),
  };
}

/** Where an event is that a replay sends, and how much of its payload there is to read. */
export interface ReplayedPlace {
  seq: number;
  bytes: number;
}

/** What a scan of events found. */
interface ReplayScan<Found> {
  found: Found;
  /** Where to go on; the end of the range where there is no more. */
  nextSeq: number;
}

/** Finds the next events that a replay is to send, at most so many of the next {@link MAX_SCANNED_FOR_REPLAY}. */
export async function findReplayPage(
  db: D1Database,
  { replay: { filter, nextSeq: fromSeq, untilSeq }, routeFilter }: ReplayInTurn,
  { maxEvents, maxPayloadBytes }: { maxEvents: number; maxPayloadBytes: number },
): Promise<ReplayScan<ReplayedPlace[]>> {
  const places = {
    sql: 'json_group_array(json_array(seq, bytes))',
    schema: storedJson(
      z.array(z.tuple([z.number(), z.number()]).transform(([seq, bytes]) => ({ seq, bytes }))),
    ),
  };
  const bytes = `iif(octet_length(payload) <= ${maxPayloadBytes}, octet_length(payload), 0)`;
  const range = [fromSeq, untilSeq] as const;
  const scan = await scanEvents(
    db,
    { ...places, columns: bytes },
    { filter, routeFilter },
    range,
    MAX_SCANNED_FOR_REPLAY,
  );
  const found = scan.found.toSorted((a, b) => a.seq - b.seq).slice(0, maxEvents);
  const last = found.at(-1);
  return last !== undefined && scan.found.length > maxEvents
    ? { found, nextSeq: last.seq + 1 }
    : { found, nextSeq: scan.nextSeq };
}

/** Counts what a replay would send, as far as one statement goes. */
export async function countReplay(
  db: D1Database,
  filters: { filter: EventFilter; routeFilter: RouteFilter },
  fromSeq: number,
): Promise<ReplayScan<number>> {
  const [sinceSeq, untilSeq] = seqRange(filters.filter);
  const count = { sql: 'count(*)', schema: z.number(), columns: '0' };
  return scanEvents(db, count, filters, [Math.max(fromSeq, sinceSeq), untilSeq], MAX_COUNTED_ROWS);
}

async function scanEvents<Found>(
  db: D1Database,
  found: { sql: string; schema: z.ZodType<Found>; columns: string },
  { filter, routeFilter }: { filter: EventFilter; routeFilter: RouteFilter },
  range: readonly [fromSeq: number, untilSeq: number],
  maxRows: number,
): Promise<ReplayScan<Found>> {
  const values: BoundValue[] = [...range];
  const { type, status, integration } = filter;
  const isMatch = wantedSql({ type, status, integration }, values);
  const isWanted = wantsSql(`?${values.push(JSON.stringify(routeFilter))}`);
  const rows = `
    SELECT seq, ${found.columns} AS bytes, iif(${isMatch}, ${isWanted}, 0) AS is_match ${matchedRows(filter, values)}`;
  const { scanned, lastSeq, ...scan } = await scanOldestFirst(db, found, rows, values, maxRows);
  return { ...scan, nextSeq: scanned === maxRows && lastSeq !== null ? lastSeq + 1 : range[1] };
}

/** Notes that a page was sent, in one row. Does nothing if the replay was moved on, or ended, meanwhile. */
export async function advanceReplay(
  db: D1Database,
  { replay: { id, nextSeq: fromSeq }, sent }: ReplayInTurn,
  page: { nextSeq: number; sent: Readonly<Record<string, number>> },
  nowMs: number,
): Promise<void> {
  const counts = { ...sent };
  for (const [integration, count] of Object.entries(page.sent)) {
    counts[integration] = (counts[integration] ?? 0) + count;
  }
  const total = Object.values(page.sent).reduce((sum, count) => sum + count, 0);
  await db
    .prepare(
      `UPDATE replays SET next_seq = ?3, sent = ?4, forwarded = forwarded + ?5, updated_at = ?6
       WHERE id = ?1 AND next_seq = ?2 AND state = 'running'`,
    )
    .bind(id, fromSeq, page.nextSeq, JSON.stringify(counts), total, nowMs)
    .run();
}

/** Ends a replay that has come to the end of its range. */
export async function endReplay(db: D1Database, id: number, nowMs: number): Promise<void> {
  await db.batch([
    ...countSentSql(db, nowMs, 'r.id = ?2', id),
    db
      .prepare(
        `UPDATE replays SET state = 'done', filter = ${BLOTTED_FILTER}, updated_at = ?2
         WHERE id = ?1 AND state = 'running' AND next_seq >= until_seq`,
      )
      .bind(id, nowMs),
  ]);
}
