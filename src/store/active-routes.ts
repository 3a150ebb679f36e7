// The active routes, as those who forward to them know them.

import { type RouteFilter, routeFilter } from '../contract/routes.ts';
import { storedJson } from './stored-json.ts';

/** With more routes, too many rows would be read with each group of events. */
export const MAX_ROUTES = 20;

/** A route to forward to. */
export interface ActiveRoute {
  name: string;
  filter: RouteFilter;
  /** Of the filter: what was sent by another one confirms nothing. */
  version: number;
}

/** The active routes, as JSON that {@link activeRoutesOf} reads. It goes into statements that are executed anyway. */
export const ACTIVE_ROUTES = `(
  SELECT json_group_array(json_object('name', name, 'filter', json(filter), 'version', version))
  FROM routes WHERE state = 'active'
)`;

export const storedFilter = storedJson(routeFilter);

/** @param json as {@link ACTIVE_ROUTES} writes it. It is read with every group of events, hence not checked. */
export function activeRoutesOf(json: string): ActiveRoute[] {
  return JSON.parse(json) as ActiveRoute[];
}

/** Reads the active routes. */
export async function readActiveRoutes(db: D1Database): Promise<ActiveRoute[]> {
  const routes = await db.prepare(`SELECT ${ACTIVE_ROUTES} AS routes`).first<string>('routes');
  return activeRoutesOf(routes ?? '[]');
}
