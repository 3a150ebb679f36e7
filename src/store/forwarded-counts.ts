// Counts what was forwarded, by route and integration: each route is a reader of the log, which has counted up to a place
// behind its position. Events that were given up are dead letters, and do not count.

import { addCountsSql, minuteSql } from './counters.ts';
import { countSentSql, IS_OPEN } from './replays.ts';
import { wantsSql } from './stretches.ts';
import { repeatWithin, WorkBudget } from './work-budget.ts';

/** Events counted by one batch: short enough to let webhooks in between. */
const CHUNK_EVENTS = 10_000;
/** Bounds one run; what is left, the next run counts. */
const MAX_CHUNKS = 50;

/** Counts what a route has forwarded since it was last counted. */
export async function countForwarded(db: D1Database, route: string, nowMs: number): Promise<void> {
  await repeatWithin(new WorkBudget(MAX_CHUNKS), async () => {
    const [, advanced] = await db.batch<{ isLeft: number }>(countForwardedSql(db, route, nowMs));
    return advanced?.results[0]?.isLeft === 1;
  });
}

/** Counts what all routes and replays have sent since they were last counted. */
export async function countAllForwarded(db: D1Database, nowMs: number): Promise<void> {
  const { results } = await db
    .prepare('SELECT name FROM routes WHERE counted < position')
    .run<{ name: string }>();
  for (const { name } of results) await countForwarded(db, name, nowMs);
  await db.batch(countSentSql(db, nowMs, IS_OPEN));
}

/** The statements that count the next events of a route. The second one returns whether there are more. */
export function countForwardedSql(db: D1Database, route: string, nowMs: number): D1PreparedStatement[] {
  return [
    db.prepare(COUNT).bind(route, nowMs, CHUNK_EVENTS),
    db.prepare(ADVANCE).bind(route, CHUNK_EVENTS),
    db.prepare(FORGET_REFUSED).bind(route),
  ];
}

/** Where the next step ends: with so many events, or at the position. */
function stepEnd(maxEvents: `?${number}`): string {
  return `coalesce(
    (
      SELECT seq FROM events NOT INDEXED WHERE seq > r.counted AND seq <= r.position
      ORDER BY seq LIMIT 1 OFFSET ${maxEvents} - 1
    ),
    r.position
  )`;
}

const COUNT = addCountsSql(`
  SELECT 60, ${minuteSql('?2')}, e.integration, 'forwarded:' || r.name, count(*)
  FROM (SELECT name, filter, counted, ${stepEnd('?3')} AS last FROM routes AS r WHERE name = ?1) AS r
  CROSS JOIN events AS e NOT INDEXED ON e.seq > r.counted AND e.seq <= r.last
  WHERE ${wantsSql('r.filter')}
    AND NOT EXISTS (SELECT 1 FROM refused AS f WHERE f.route = r.name AND f.seq = e.seq AND f.given_up)
  GROUP BY e.integration, r.name`);

const ADVANCE = `
  UPDATE routes AS r SET counted = ${stepEnd('?2')} WHERE name = ?1 AND counted < position
  RETURNING counted < position AS isLeft`;

/** What was given up is remembered as long as its event may be stored: to the position it looks as if the queue had taken it. */
const FORGET_REFUSED = `
  DELETE FROM refused WHERE route = ?1 AND seq <= (SELECT counted FROM routes WHERE name = ?1)
    AND (NOT given_up OR seq < coalesce((SELECT min(seq) FROM events), seq + 1))`;
