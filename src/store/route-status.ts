// How far the routes have come: what each has yet to forward, what it forwarded, and what it gave up.

import { MAX_COUNTED } from './database.ts';
import { progressSql } from './progress.ts';
import { listRoutes, type Route } from './routes.ts';
import { gapEndSql, isPassedSql, wantsSql } from './stretches.ts';

export interface RouteStatus extends Route {
  /** Events that it has yet to forward, of the first {@link MAX_COUNTED} in its gaps. */
  waiting: number;
  /** When the oldest of them was stored and received, Unix ms, no later than now. `null`: there is none. */
  oldestWaiting: { storedAtMs: number; receivedAtMs: number } | null;
  /** Stretches beyond its position that were confirmed: there is a gap before each. Counted up to {@link MAX_COUNTED}. */
  gaps: number;
  /** Events that its queue confirmed since the beginning, as far as they are counted. */
  forwarded: number;
  /** Its dead letters, counted up to {@link MAX_COUNTED}. */
  deadLetters: number;
}

/** Events that are looked at for what one route has yet to forward. */
const MAX_SEARCHED = MAX_COUNTED;
/** So many events are looked at where their places do not tell the time. */
const MAX_AHEAD = 100;

/** Reads the status of all routes, or of one. What it reads does not depend on how many events are stored. */
export async function readRouteStatus(db: D1Database, nowMs: number, name?: string): Promise<RouteStatus[]> {
  const routes = (await listRoutes(db)).filter((route) => name === undefined || route.name === name);
  if (routes.length === 0) return [];
  const read = await db.batch<StatusRow>(routes.map((route) => db.prepare(STATUS).bind(route.name)));
  return routes.flatMap((route, index) => {
    const [row] = read[index]?.results ?? [];
    if (row === undefined) return []; // deleted just now
    const { waiting, gaps, forwarded, deadLetters } = row;
    return [{ ...route, waiting, gaps, forwarded, deadLetters, oldestWaiting: oldestOf(row, nowMs) }];
  });
}

interface StatusRow {
  waiting: number;
  gaps: number;
  forwarded: number;
  deadLetters: number;
  oldestSeq: number | null;
  oldestReceivedAtMs: number | null;
  aheadReceivedAtMs: number | null;
}

/**
 * When the oldest waiting event was stored and received. Where a clock that was ahead told its place, the places of all that
 * came since lie in the future too. Their times of arrival tell more then, but for those of events that were deferred, which
 * are stored later.
 */
function oldestOf({ oldestSeq, oldestReceivedAtMs, aheadReceivedAtMs }: StatusRow, nowMs: number) {
  if (oldestSeq === null) return null;
  const placeMs = Math.floor(oldestSeq / 1000);
  const storedAtMs = Math.min(placeMs > nowMs ? (aheadReceivedAtMs ?? nowMs) : placeMs, nowMs);
  return { storedAtMs, receivedAtMs: Math.min(oldestReceivedAtMs ?? storedAtMs, nowMs) };
}

/** ?1 is the route. Its gaps begin where its position or a noted stretch ends. */
const STATUS = `
  WITH in_gaps AS (
    SELECT e.seq, e.received_at, e.deferred, e.integration, e.type, e.status
    FROM (
      SELECT place, ${gapEndSql('?1', 'place')} AS until
      FROM (
        SELECT position AS place FROM routes WHERE name = ?1
        UNION ALL
        SELECT place FROM (SELECT last AS place FROM forwarded WHERE route = ?1 ORDER BY after LIMIT ${MAX_SEARCHED})
      )
      ORDER BY place
    ) AS gap CROSS JOIN events AS e NOT INDEXED ON e.seq > gap.place AND e.seq <= gap.until
    LIMIT ${MAX_SEARCHED}
  ),
  waiting AS MATERIALIZED (
    SELECT e.seq, e.received_at, e.deferred FROM routes AS r CROSS JOIN in_gaps AS e
    WHERE r.name = ?1 AND ${wantsSql('r.filter')} AND NOT ${isPassedSql('r', 'e.seq')}
  )
  SELECT
    (SELECT count(*) FROM waiting) AS waiting,
    oldest.seq AS oldestSeq, oldest.received_at AS oldestReceivedAtMs,
    (
      SELECT min(received_at) FILTER (WHERE deferred = 0)
      FROM (SELECT received_at, deferred FROM waiting ORDER BY seq LIMIT ${MAX_AHEAD})
    ) AS aheadReceivedAtMs,
    (SELECT count(*) FROM (SELECT 1 FROM forwarded WHERE route = ?1 LIMIT ${MAX_COUNTED})) AS gaps,
    (SELECT count(*) FROM (
      SELECT 1 FROM dead_letters INDEXED BY dead_letters_by_route WHERE route = ?1 LIMIT ${MAX_COUNTED}
    )) AS deadLetters,
    (
      SELECT coalesce(sum(count), 0) FROM counters
      WHERE kind = 'forwarded:' || ?1 AND (step = 0 OR step = 60 AND start >= ${progressSql('hours')} / 1000)
    ) AS forwarded
  FROM (SELECT 1) LEFT JOIN (SELECT seq, received_at FROM waiting ORDER BY seq LIMIT 1) AS oldest`;
