// Routes: the ways out of the log. Each is a queue with a filter.

import * as z from 'zod';
import type { EventHead } from './event.ts';
import { EVENT_TYPES } from './webhook.ts';

/** The route that there always was. Its binding is `EVENTS`. */
export const FIRST_ROUTE = 'events';

const FIRST_BINDING = 'EVENTS';

/** What a route can be called: the end of a binding's name, in lower case. */
export const ROUTE_NAME = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

export const MAX_ROUTE_NAME_LENGTH = 32;

/** The binding of a route's queue in wrangler.toml. */
export function bindingOf(route: string): string {
  return route === FIRST_ROUTE ? FIRST_BINDING : `${FIRST_BINDING}_${route.toUpperCase()}`;
}

/** The route that a binding is of; `null`: of none. */
export function routeOfBinding(binding: string): string | null {
  if (binding === FIRST_BINDING) return FIRST_ROUTE;
  const [, end] = /^EVENTS_([A-Z0-9_]+)$/.exec(binding) ?? [];
  const name = end?.toLowerCase();
  return name !== undefined && name !== FIRST_ROUTE && ROUTE_NAME.test(name) ? name : null;
}

/** Which events go to a route. What is absent lets all through. */
export const routeFilter = z.object({
  integrations: z.array(z.string()).min(1).optional(),
  types: z.array(z.enum(EVENT_TYPES)).min(1).optional(),
  /** Of status events: other events have no status, and are let through. */
  statuses: z.array(z.string()).min(1).optional(),
});

export type RouteFilter = z.infer<typeof routeFilter>;

/** Whether a filter lets an event through. */
export function wants(
  { integrations, types, statuses }: RouteFilter,
  { integration, type, status }: Pick<EventHead, 'integration' | 'type' | 'status'>,
): boolean {
  return (
    (integrations?.includes(integration) ?? true) &&
    (types?.includes(type) ?? true) &&
    (status === null || (statuses?.includes(status) ?? true))
  );
}

/** What became of an event on a route. `not-wanted` is also what was stored before the route began. */
export const ROUTED_STATES = ['forwarded', 'waits', 'not-wanted'] as const;

export type RoutedState = (typeof ROUTED_STATES)[number];
