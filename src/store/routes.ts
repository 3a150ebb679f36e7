// The routes table: the ways out of the log. stretches.ts says what their positions mean, and gaps.ts reads what they have
// yet to forward.

import type { RouteFilter } from '../contract/routes.ts';
import { DatabaseUnavailable } from '../runtime/bounded-bindings.ts';
import { type ActiveRoute, MAX_ROUTES, storedFilter } from './active-routes.ts';
import { type AuditEntry, auditChange, changeAudited } from './audit.ts';
import { countForwarded, countForwardedSql } from './forwarded-counts.ts';
import { nextVersionSql } from './places.ts';
import { endReplaysOfRoute } from './replays.ts';
import { LAST_PLACE } from './stretches.ts';

/** Positions move on while a route is counted. So often it is counted again for a change. */
const MAX_COUNTING_TRIES = 5;

export type RouteState = 'active' | 'paused';

export interface Route extends ActiveRoute {
  state: RouteState;
  /** It wants nothing up to this place. */
  beganSeq: number;
  /** Everything up to this place that it wants was confirmed by its queue. */
  positionSeq: number;
  /** Unix ms. */
  createdAtMs: number;
  /** Since when it has its state, Unix ms. */
  stateAtMs: number;
}

/** Lists all routes, by name. */
export async function listRoutes(db: D1Database): Promise<Route[]> {
  const { results } = await db.prepare(`SELECT ${COLUMNS} FROM routes ORDER BY name`).run<RouteRow>();
  return results.map(routeOf);
}

/** One route, or `null`. */
export async function findRoute(db: D1Database, name: string): Promise<Route | null> {
  const row = await db.prepare(`SELECT ${COLUMNS} FROM routes WHERE name = ?1`).bind(name).first<RouteRow>();
  return row && routeOf(row);
}

/** Where a route begins: behind the newest event, at the oldest, or at a time (Unix ms). */
export type RouteBeginning = 'now' | 'oldest' | number;

/** What became of a new route. `taken`: there is one of that name. `full`: there are {@link MAX_ROUTES}. */
export type RouteCreation = { outcome: 'created'; route: Route } | { outcome: 'taken' } | { outcome: 'full' };

/** Makes a route, and records who did. */
export async function createRoute(
  db: D1Database,
  { name, filter, from }: { name: string; filter: RouteFilter; from: RouteBeginning },
  audit: AuditEntry,
): Promise<RouteCreation> {
  const fromSeq = from === 'now' ? Number.MAX_SAFE_INTEGER : from === 'oldest' ? 0 : from * 1000;
  const [created] = await db.batch<RouteRow>([
    db
      .prepare(
        `INSERT INTO routes (name, filter, version, began, position, counted, created_at, state_at)
         SELECT ?1, ?2, ${nextVersionSql('?3')}, began.seq, began.seq, began.seq, ?3, ?3
         FROM (SELECT min(max(?4 - 1, coalesce((SELECT min(seq) FROM events) - 1, ${LAST_PLACE})), ${LAST_PLACE}) AS seq)
           AS began
         WHERE (SELECT count(*) FROM routes) < ${MAX_ROUTES}
         ON CONFLICT (name) DO NOTHING
         RETURNING ${COLUMNS}`,
      )
      .bind(name, JSON.stringify(filter), audit.atMs, fromSeq),
    auditChange(db, audit),
  ]);
  const [row] = created?.results ?? [];
  if (row !== undefined) return { outcome: 'created', route: routeOf(row) };
  return { outcome: (await findRoute(db, name)) === null ? 'full' : 'taken' };
}

/**
 * Gives a route another filter, which holds for everything beyond its position, and records who did. What lies beyond and
 * was confirmed already is forwarded once more, since nobody knows by which filter. The filter that it has already changes
 * nothing. False: there is no such route.
 */
export async function changeRouteFilter(
  db: D1Database,
  name: string,
  filter: RouteFilter,
  audit: AuditEntry,
): Promise<boolean> {
  const route = await findRoute(db, name);
  if (route === null) return false;
  if (JSON.stringify(route.filter) === JSON.stringify(filter)) return true;
  return onceCounted(db, name, audit, () => [
    db
      .prepare(
        `UPDATE routes SET filter = ?2, version = ${nextVersionSql('?3')} WHERE name = ?1 AND counted >= position`,
      )
      .bind(name, JSON.stringify(filter), audit.atMs),
    auditChange(db, audit),
    db
      .prepare(
        `DELETE FROM forwarded WHERE route = ?1
           AND EXISTS (SELECT 1 FROM routes WHERE name = ?1 AND counted >= position)`,
      )
      .bind(name),
  ]);
}

/**
 * Changes a route once everything up to its position is counted: by the filter by which it was forwarded, and before the route
 * is gone. A position can move on meanwhile, over more events than one transaction counts.
 *
 * @param change its first statement does nothing to a route that is not counted.
 * @returns whether it did something. False: there is no such route.
 */
async function onceCounted(
  db: D1Database,
  name: string,
  { atMs }: AuditEntry,
  change: () => D1PreparedStatement[],
): Promise<boolean> {
  for (let tries = 0; tries < MAX_COUNTING_TRIES; tries++) {
    await countForwarded(db, name, atMs);
    const count = countForwardedSql(db, name, atMs);
    const results = await db.batch([...count, ...change()]);
    const [changed] = results.slice(count.length);
    if (changed !== undefined && changed.meta.changes > 0) return true;
    if ((await findRoute(db, name)) === null) return false;
  }
  throw new DatabaseUnavailable('what the route forwarded could not be counted');
}

/** Pauses or resumes a route, and records who did. False: there is no such route, or it has that state. */
export async function setRouteState(
  db: D1Database,
  name: string,
  state: RouteState,
  audit: AuditEntry,
): Promise<boolean> {
  const change = db
    .prepare('UPDATE routes SET state = ?2, state_at = ?3 WHERE name = ?1 AND state <> ?2')
    .bind(name, state, audit.atMs);
  return changeAudited(db, change, audit);
}

/** Deletes a route with what is known of how far it had come, and records who did. False: there is none. */
export async function deleteRoute(db: D1Database, name: string, audit: AuditEntry): Promise<boolean> {
  const isGone = 'NOT EXISTS (SELECT 1 FROM routes WHERE name = ?1)';
  return onceCounted(db, name, audit, () => [
    db.prepare('DELETE FROM routes WHERE name = ?1 AND counted >= position').bind(name),
    auditChange(db, audit),
    db.prepare(`DELETE FROM forwarded WHERE route = ?1 AND ${isGone}`).bind(name),
    db.prepare(`DELETE FROM refused WHERE route = ?1 AND ${isGone}`).bind(name),
    ...endReplaysOfRoute(db, name, audit.atMs),
  ]);
}

const COLUMNS = `
  name, filter, version, state, began AS beganSeq, position AS positionSeq, created_at AS createdAtMs,
  state_at AS stateAtMs`;

type RouteRow = Omit<Route, 'filter'> & { filter: string };

function routeOf(row: RouteRow): Route {
  return { ...row, filter: storedFilter.parse(row.filter) };
}
