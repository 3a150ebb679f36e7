// Draws the routes of a schedule: which there are, what operators do to them, and what their queues fail at.
import type { Random } from '../random.ts';
import {
  type Fault,
  type Operation,
  type Poison,
  ROUTES,
  type RouteFilter,
  type RouteNames,
  type RouteSetup,
  type Schedule,
  SLUGS,
} from './schedule.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** The length of the load, and when most of it happens. */
export interface Burst {
  loadMs: number;
  atMs: number;
}

const BURST_MS = 3_000;

/** A moment of the load, which is in the burst in half of the cases. */
export function randomTime(random: Random, { loadMs, atMs }: Burst): number {
  const at = random.fraction();
  return random.chance(0.5) ? atMs + at * BURST_MS : at * loadMs;
}

type DrawnRoutes = Pick<Schedule, 'boundRoutes' | 'routes' | 'poisons' | 'faults' | 'operations'>;

/** @param isFaultFree nothing fails, but operators do what they do all the same. */
export function routesOf(random: Random, burst: Burst, isFaultFree: boolean): DrawnRoutes {
  const count = random.pick([1, 1, 1, 2, 2, 2, 3, 3, 4, 4] as const);
  const [first, ...others] = ROUTES;
  const boundRoutes: RouteNames = [first, ...others.slice(0, count - 1)];
  const isUnboundMade = random.chance(0.1);
  const madeRoutes: RouteNames = isUnboundMade ? [first, ...others.slice(0, count)] : boundRoutes;
  const routes: RouteSetup[] = [];
  const operations: Operation[] = [];
  const nextName = () => `ro${operations.length + 1}`;
  const atMs = () => randomTime(random, burst) + random.whole(0, 2_000);
  for (const route of madeRoutes) {
    if (route === 'events' ? random.chance(0.15) : random.chance(0.6)) {
      routes.push({ name: `r-${route}`, route, filter: filterOf(random) });
    } else if (route !== 'events') {
      const from = random.pick(['now', 'now', 'oldest', 'time'] as const);
      operations.push({
        name: nextName(),
        atMs: atMs(),
        what: 'add route',
        route,
        filter: filterOf(random),
        from: from === 'time' ? { fromMs: random.whole(-MINUTE_MS, Math.ceil(burst.loadMs)) } : from,
      });
    }
  }
  const changes = random.chance(count > 1 ? 0.6 : 0.3) ? random.whole(1, 5) : 0;
  for (let index = 0; index < changes; index++) {
    operations.push(changeOf(random, madeRoutes, { name: nextName(), atMs: atMs() }, burst));
  }
  return {
    boundRoutes,
    routes,
    operations,
    faults: isFaultFree ? [] : outagesOf(random, boundRoutes, burst),
    poisons: isFaultFree ? [] : poisonsOf(random, boundRoutes, burst),
  };
}

function changeOf(
  random: Random,
  routes: RouteNames,
  operation: Pick<Operation, 'name' | 'atMs'>,
  { loadMs }: Burst,
): Operation {
  const route = random.pick(routes);
  const filter = filterOf(random);
  switch (random.pick(['pause', 'pause', 'filter', 'filter', 'filter', 'remove', 'add'] as const)) {
    case 'pause': {
      const forMs = random.chance(0.15) ? null : random.fraction() * Math.max(loadMs, 2 * MINUTE_MS);
      return { ...operation, what: 'pause route', route, forMs };
    }
    case 'filter':
      return {
        ...operation,
        what: 'filter route',
        route,
        filters: random.chance(0.6)
          ? [filter]
          : Array.from({ length: random.whole(2, 12) }, () => filterOf(random)),
      };
    case 'remove': {
      const afterMs = random.chance(0.7) ? random.whole(0, 500) : random.whole(0, 2 * MINUTE_MS);
      const again = { afterMs, from: random.pick(['now', 'oldest'] as const) };
      return { ...operation, what: 'remove route', route, again: random.chance(0.75) ? again : null };
    }
    case 'add': {
      const from = random.pick(['now', 'oldest'] as const);
      return { ...operation, what: 'add route', route, filter, from };
    }
  }
}

/** A filter. Half of them let everything through. */
export function filterOf(random: Random): RouteFilter {
  const some = <T>(all: readonly T[]) => all.filter(() => random.chance(0.6));
  const [integrations, types, statuses] = [
    some([...SLUGS, 'none']),
    some(['response', 'status']),
    some(['sent', 'delivered', 'read', 'failed']),
  ];
  if (random.chance(0.5)) return {};
  return {
    ...(random.chance(0.5) && integrations.length > 0 && { integrations }),
    ...(random.chance(0.5) && types.length > 0 && { types }),
    ...(random.chance(0.5) && statuses.length > 0 && { statuses }),
  };
}

/** One queue is down for hours, or for minutes, while others go on. */
function outagesOf(random: Random, routes: RouteNames, burst: Burst): Fault[] {
  const isLong = random.chance(0.04);
  if (!isLong && !random.chance(0.12)) return [];
  const fromMs = Math.max(0, randomTime(random, burst) - random.whole(0, 10_000));
  const lastsMs = isLong ? random.whole(HOUR_MS, 3 * HOUR_MS) : random.whole(1, 8) * MINUTE_MS;
  const kind = random.pick(['before', 'overloaded', 'hang', 'slow'] as const);
  return [{ name: 'outage', target: random.pick(routes), kind, fromMs, untilMs: fromMs + lastsMs, rate: 1 }];
}

/** An event is given up after ten runs of the cron. */
function poisonsOf(random: Random, routes: RouteNames, burst: Burst): Poison[] {
  if (!random.chance(0.12)) return [];
  const fromMs = Math.max(0, randomTime(random, burst) - random.whole(0, 10_000));
  const untilMs = fromMs + random.whole(2, 40) * MINUTE_MS;
  return [{ name: 'poison', route: random.pick(routes), oneIn: random.whole(2, 8), fromMs, untilMs }];
}
