// Gaps: what of the log a route has yet to forward. They lie between its position and the stretches beyond that were
// confirmed, see stretches.ts.

import * as z from 'zod';
import { type ActiveRoute, storedFilter } from './active-routes.ts';
import { type PendingEvent, type PendingRow, pendingColumns, pendingEventOf } from './pending-events.ts';
import { storedJson } from './stored-json.ts';
import { gapEndSql, isPassedSql, joinStretches, LAST_PLACE, type Stretch, wantsSql } from './stretches.ts';

/** Younger events are left to the requests that brought them, whose `waitUntil` ends 30 s after the answer. */
export const SWEEP_GRACE_MS = 30_000;

/** Noted stretches that are read at once. What lies behind them is swept once these are joined. */
const MAX_READ_STRETCHES = 500;

/** An active route with gaps that are old enough to be swept, oldest first. */
export interface RouteBehind extends ActiveRoute {
  gaps: Stretch[];
}

/**
 * The active routes that are behind. Events count that have been stored for {@link SWEEP_GRACE_MS}. Their
 * places tell that; where a clock that was ahead told the place, the event counts as well if it was there when a sweep last
 * ended. A route that is not behind costs two rows.
 */
export async function findRoutesBehind(db: D1Database, nowMs: number): Promise<RouteBehind[]> {
  const { results } = await db
    .prepare(BEHIND)
    .bind(nowMs - SWEEP_GRACE_MS, MAX_READ_STRETCHES)
    .run<BehindRow>();
  return results.map(({ name, filter, version, position, sweptTo, noted }) => ({
    name,
    filter: storedFilter.parse(filter),
    version,
    gaps: gapsOf({ after: position, last: sweptTo }, notedStretches.parse(noted)),
  }));
}

interface BehindRow {
  name: string;
  filter: string;
  version: number;
  position: number;
  sweptTo: number;
  /** JSON */
  noted: string;
}

/** ?1 is the time before which an event has to have been stored, ?2 is {@link MAX_READ_STRETCHES}. */
const BEHIND = `
  WITH log AS MATERIALIZED (
    SELECT min(${LAST_PLACE}, max(
      ?1 * 1000 - 1, coalesce((SELECT seq FROM progress WHERE task = 'sweep' AND at <= ?1), 0)
    )) AS last
  )
  SELECT name, filter, version, position, CAST(log.last AS INTEGER) AS sweptTo, (
    SELECT json_group_array(json_array(after, last)) FROM (
      SELECT after, last FROM forwarded WHERE route = routes.name AND after < log.last ORDER BY after LIMIT ?2
    )
  ) AS noted
  FROM log CROSS JOIN routes
  WHERE state = 'active' AND position < log.last`;

const notedStretches = storedJson(
  z.array(z.tuple([z.int(), z.int()]).transform(([after, last]): Stretch => ({ after, last }))),
);

/** What of a stretch lies in none of the noted ones, which are in order. */
function gapsOf({ after, last }: Stretch, noted: readonly Stretch[]): Stretch[] {
  const gaps: Stretch[] = [];
  let reached = after;
  for (const stretch of noted) {
    if (stretch.after > reached) gaps.push({ after: reached, last: Math.min(stretch.after, last) });
    reached = Math.max(reached, stretch.last);
  }
  if (reached < last && noted.length < MAX_READ_STRETCHES) gaps.push({ after: reached, last });
  return gaps.filter((gap) => gap.after < gap.last);
}

/** More than there are routes, each of which can have a gap that ends at the same place. */
const MAX_LISTED_GAPS = 100;

/** The newest gaps within a stretch of the log. */
export interface NewestGaps {
  /** Newest first. Those of several routes are joined where they touch. */
  gaps: Stretch[];
  /** Before this place there may be more; `null`: there are none. */
  moreBeforeSeq: number | null;
}

/** The newest gaps of a route, or of all routes, within a stretch of the log. */
export async function listGaps(
  db: D1Database,
  route: string | undefined,
  { after, last }: Stretch,
): Promise<NewestGaps> {
  const { results } = await db
    .prepare(GAPS)
    .bind(route ?? null, after, last, MAX_LISTED_GAPS)
    .run<Stretch>();
  // The gaps that were not read end before all that were. Only behind there all is known.
  const knownAfter = results.length === MAX_LISTED_GAPS ? (results.at(-1)?.last ?? after) : after;
  const known = results.map((gap) => ({ after: Math.max(gap.after, knownAfter), last: gap.last }));
  return {
    gaps: joinStretches(known.filter((gap) => gap.after < gap.last)).toReversed(),
    moreBeforeSeq: knownAfter > after ? knownAfter + 1 : null,
  };
}

/** ?1 is the route or NULL, ?2 and ?3 are the stretch. A gap begins where the position or a noted stretch ends. */
const GAPS = `
  SELECT max(after, ?2) AS after, min(until, ?3) AS last
  FROM (
    SELECT begins.place AS after, ${gapEndSql('begins.route', 'begins.place')} AS until
    FROM (SELECT name AS route, position AS place FROM routes UNION ALL SELECT route, last FROM forwarded) AS begins
    WHERE ?1 IS NULL OR begins.route = ?1
  )
  WHERE after < min(until, ?3) AND until > ?2
  ORDER BY last DESC LIMIT ?4`;

/** What one statement reads of a gap at most. */
export interface PageLimits {
  /** Events that are looked at. */
  scanned: number;
  /** Events that are wanted. */
  events: number;
  /** Of the payloads that go into messages. Larger ones are not read. */
  bytes: number;
  maxPayloadBytes: number;
}

/** An event that waits in a gap. */
export interface WaitingEvent extends PendingEvent {
  /** In so many runs the queue refused this event and took others. */
  refusals: number;
}

/** The first events of a gap that a route wants. */
export interface GapPage {
  events: WaitingEvent[];
  /** Up to here the route wants nothing else. */
  last: number;
}

/** Reads the first events of a gap. */
export async function readGap(
  db: D1Database,
  { name, filter }: Pick<ActiveRoute, 'name' | 'filter'>,
  gap: Stretch,
  limits: PageLimits,
): Promise<GapPage> {
  const values = [
    gap.after,
    gap.last,
    JSON.stringify(filter),
    limits.scanned,
    limits.events,
    limits.bytes,
    limits.maxPayloadBytes,
  ];
  const [ended, read] = await db.batch([
    db.prepare(PAGE_END).bind(...values),
    db.prepare(PAGE).bind(...values, name),
  ]);
  const [end] = (ended?.results ?? []) as { last: number | null; isEnd: number }[];
  const rows = (read?.results ?? []) as WaitingRow[];
  return {
    events: rows.map(waitingEventOf),
    last: end === undefined || end.last === null || end.isEnd === 1 ? gap.last : end.last,
  };
}

/** The events of a gap up to where the page ends; see {@link PageLimits} for ?4 to ?7. */
const SCANNED = `
  SELECT seq, sum(isWanted) OVER log - isWanted < ?5 AND sum(bytes) OVER log - bytes < ?6 AS fits
  FROM (
    SELECT seq, isWanted, iif(isWanted AND payloadBytes <= ?7, payloadBytes, 0) AS bytes
    FROM (
      SELECT e.seq, ${wantsSql('?3')} AS isWanted, octet_length(e.payload) AS payloadBytes
      FROM events AS e NOT INDEXED WHERE e.seq > ?1 AND e.seq <= ?2 ORDER BY e.seq LIMIT ?4
    )
  )
  WINDOW log AS (ORDER BY seq)`;

const PAGE_END = `
  SELECT max(seq) FILTER (WHERE fits) AS last, min(fits) AND count(*) < ?4 AS isEnd FROM (${SCANNED})`;

/** ?8 is the route. */
const PAGE = `
  SELECT ${pendingColumns('?7')}, coalesce(f.refusals, 0) AS refusals
  FROM events AS e NOT INDEXED LEFT JOIN refused AS f ON f.route = ?8 AND f.seq = e.seq
  WHERE e.seq > ?1 AND e.seq <= (SELECT max(seq) FILTER (WHERE fits) FROM (${SCANNED})) AND ${wantsSql('?3')}
  ORDER BY e.seq`;

/** Those of the events within stretches that a route wants and has yet to forward, in order. */
export async function findWaiting(
  db: D1Database,
  route: string,
  stretches: readonly Stretch[],
  maxPayloadBytes: number,
): Promise<WaitingEvent[]> {
  const { results } = await db
    .prepare(WAITING)
    .bind(JSON.stringify(stretches.map(({ after, last }) => [after, last])), route, maxPayloadBytes)
    .run<WaitingRow>();
  return results.map(waitingEventOf);
}

type WaitingRow = PendingRow & { refusals: number };

function waitingEventOf({ refusals, ...row }: WaitingRow): WaitingEvent {
  return { ...pendingEventOf(row), refusals };
}

const WAITING = `
  SELECT ${pendingColumns('?3')}, coalesce(f.refusals, 0) AS refusals
  FROM routes AS r CROSS JOIN json_each(?1) AS stretch CROSS JOIN events AS e NOT INDEXED
    ON e.seq > stretch.value ->> 0 AND e.seq <= stretch.value ->> 1
  LEFT JOIN refused AS f ON f.route = r.name AND f.seq = e.seq
  WHERE r.name = ?2 AND ${wantsSql('r.filter')} AND NOT ${isPassedSql('r', 'e.seq')}
  ORDER BY e.seq`;

/**
 * Events that the queue of a route took, newest first: those that it wants among the last before its position, the newest of
 * the log, and the last of each noted stretch. Where the filter was another one, some may never have been sent.
 */
export async function findForwarded(
  db: D1Database,
  route: string,
  { events, maxPayloadBytes }: Pick<PageLimits, 'events' | 'maxPayloadBytes'>,
): Promise<PendingEvent[]> {
  const { results } = await db.prepare(FORWARDED).bind(route, maxPayloadBytes, events).run<PendingRow>();
  return results.map(pendingEventOf);
}

/** So many events are looked at for one that was forwarded. */
const MAX_SEARCHED = 1_000;

const FORWARDED = `
  SELECT ${pendingColumns('?2')}
  FROM routes AS r CROSS JOIN (
    SELECT seq FROM (
      SELECT seq FROM events NOT INDEXED WHERE seq <= (SELECT position FROM routes WHERE name = ?1)
      ORDER BY seq DESC LIMIT ${MAX_SEARCHED}
    )
    UNION
    SELECT seq FROM (SELECT seq FROM events NOT INDEXED ORDER BY seq DESC LIMIT ${MAX_SEARCHED})
    UNION
    SELECT e.seq FROM (SELECT after, last FROM forwarded WHERE route = ?1 ORDER BY after DESC LIMIT 100) AS f
    CROSS JOIN events AS e NOT INDEXED ON e.seq = (SELECT max(seq) FROM events WHERE seq <= f.last AND seq > f.after)
  ) AS passed CROSS JOIN events AS e ON e.seq = passed.seq
  WHERE r.name = ?1 AND e.seq > r.began AND ${wantsSql('r.filter')} AND ${isPassedSql('r', 'e.seq')}
    AND NOT EXISTS (SELECT 1 FROM refused AS f WHERE f.route = ?1 AND f.seq = e.seq)
  ORDER BY e.seq DESC LIMIT ?3`;
