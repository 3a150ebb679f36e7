// GET /api/stats: what was counted, by steps of time, and how fast messages take their steps.

import { Hono } from 'hono';
import * as z from 'zod';
import type { Oddity } from '../../contract/documented-fields.ts';
import { type ContractProblem, problemAt } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { readBacklogs } from '../../forward/backlog.ts';
import { json } from '../../http/operation.ts';
import {
  type CountedKind,
  type CountedPeriod,
  countedOddity,
  countedOfRoute,
  isOddity,
  isOfRoute,
  LAG_STEPS,
  type LagCount,
  type PeriodCount,
  percentileMs,
  readCounts,
  readLags,
} from '../../store/counters.ts';
import { readDatabaseState } from '../../store/database.ts';
import { COARSE_RETENTION_MS, FINE_RETENTION_MS } from '../../store/roll-up.ts';
import { readRouteStatus } from '../../store/route-status.ts';
import type { ActorEnv } from '../access/actor.ts';
import type { ApiDeps } from '../deps.ts';
import { oddity } from '../events/routes.ts';
import { count, moment } from '../fields.ts';
import { watchingOperation } from '../health/routes.ts';
import { invalidParameters, listingParameters } from '../query-parameters.ts';
import { backlog, routeStatusAnswer, shownRouteStatus } from '../routes/route.ts';
import { serve } from '../serve.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The steps of time that there are, shortest first. */
export const STEPS_MS = {
  '1m': MINUTE_MS,
  '5m': 5 * MINUTE_MS,
  '15m': 15 * MINUTE_MS,
  '1h': HOUR_MS,
  '6h': 6 * HOUR_MS,
  '1d': DAY_MS,
} as const;

type Step = keyof typeof STEPS_MS;

const STEP_NAMES = Object.keys(STEPS_MS) as [Step, ...Step[]];

/** Enough for a day by minute, or for two months by hour. */
const MAX_POINTS = 1_500;
const DEFAULT_PERIOD_MS = HOUR_MS;
/** A day less than is kept, since a period is widened to whole steps. */
const FINE_REACH_MS = FINE_RETENTION_MS - DAY_MS;
const COARSE_REACH_MS = COARSE_RETENTION_MS - DAY_MS;
const QUEUE_TIMEOUT_MS = 2_000;

const statsParameters = z.strictObject({
  since: listingParameters.since,
  until: listingParameters.until,
  step: z
    .enum(STEP_NAMES)
    .optional()
    .describe(`Without one: the shortest that gives at most ${MAX_POINTS} points.`),
  integration: z.string().min(1).optional(),
});

const outcomes = {
  received: count.describe('New events: responses and statuses.'),
  responses: count,
  duplicates: count.describe('Repeated deliveries of an event.'),
  deferred: count.describe('Those received that were stored by way of the intake queue.'),
  odd: count.describe('Those received whose payload differs from the documentation.'),
  rejected: count.describe('Deliveries that were kept as rejections.'),
  forwarded: count.describe('Messages of new events that the queues of all routes have confirmed.'),
  replayed: count.describe('Messages that they have confirmed of events sent again, on replays.'),
  refused: count.describe(
    'Requests for webhook addresses that were refused for whatever reason, with those that are kept as rejections. ' +
      '`/api/refusals` tells the reasons.',
  ),
};

const statuses = {
  sent: count,
  delivered: count,
  read: count,
  failed: count,
  other: count.describe('With a word that is not known.'),
};

const times = z
  .object({ count, p50Ms: count.nullable(), p95Ms: count.nullable() })
  .describe('Median and 95th percentile, at most 4.5 % off. Null where none was counted.');

const rate = z.number().nonnegative().nullable();

export const stats = z
  .object({
    since: moment,
    until: moment,
    step: z.enum(STEP_NAMES),
    countedUntil: moment.describe(
      'Events stored before this time are in it. New ones are counted once a minute.',
    ),
    totals: z.object({
      ...outcomes,
      statuses: z.object(statuses),
      routes: z
        .array(z.object({ name: z.string(), forwarded: count, replayed: count }))
        .describe('Of each route, by name, those since deleted too.'),
    }),
    oddities: z
      .array(oddity.extend({ count }))
      .describe('In what the payloads of the period differ from the documentation, the most frequent first.'),
    series: z
      .array(z.object({ start: moment, ...outcomes, ...statuses }))
      .describe('One point for every step, those without events too.'),
    funnel: z.object({
      sent: count,
      delivered: count,
      read: count,
      replied: count,
      rates: z
        .object({ delivered: rate, read: rate, replied: rate })
        .describe('Of the step before. Null where there was none.'),
      times: z
        .object({ sentToDelivered: times, deliveredToRead: times, readToReplied: times })
        .describe('Of the whole hours, or beyond a week whole days, that the period touches.'),
    }),
    routes: z.array(routeStatusAnswer).describe('How far each route is now, by name.'),
    intakeBacklog: backlog
      .nullable()
      .describe('What waits in the intake queue, by its own word; null where it does not tell.'),
    databaseBytes: count,
  })
  .describe('What was counted.');

type Stats = z.infer<typeof stats>;
type Outcomes = Stats['series'][number];

export const getStats = watchingOperation('getStats', 'GET /api/stats', {
  summary: 'Read the counters of a period',
  query: statsParameters,
  answers: { 200: json('What was counted.', stats) },
});

export function statsRoutes(deps: Pick<ApiDeps, 'db' | 'queues' | 'intake' | 'now'>): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getStats, async (_, { query }) => {
    const nowMs = deps.now();
    const chosen = periodOf(query, nowMs);
    if (!chosen.ok) return invalidParameters([chosen.problem]);
    const period = { sinceMs: chosen.sinceMs, untilMs: chosen.untilMs, integration: query.integration };
    const areHoursKept = nowMs - period.sinceMs <= FINE_REACH_MS;
    const [counts, lags, state, routes, backlogs] = await Promise.all([
      readCounts(deps.db, period, STEPS_MS[chosen.step]),
      readLags(deps.db, period, areHoursKept ? 'hour' : 'day'),
      readDatabaseState(deps.db, nowMs),
      readRouteStatus(deps.db, nowMs),
      readBacklogs(deps, QUEUE_TIMEOUT_MS),
    ]);
    return {
      ...countedOf(period, chosen.step, counts, lags),
      countedUntil: rfc3339(state.oldestUncountedMs ?? nowMs),
      routes: routes.map((route) =>
        shownRouteStatus(route, { queues: deps.queues, backlogs: backlogs.routes, nowMs }),
      ),
      intakeBacklog: backlogs.intake,
      databaseBytes: state.databaseBytes,
    };
  });
  return routes;
}

type ChosenPeriod =
  | { ok: true; sinceMs: number; untilMs: number; step: Step }
  | { ok: false; problem: ContractProblem };

/** The period of a request, widened to whole steps. Without parameters it is the last hour. */
function periodOf(
  { since, until, step: askedStep }: z.output<typeof statsParameters>,
  nowMs: number,
): ChosenPeriod {
  const untilMs = until ?? Math.max(nowMs, since ?? 0);
  const sinceMs = since ?? untilMs - DEFAULT_PERIOD_MS;
  if (sinceMs >= untilMs) return refused(problemAt('until', 'later-than', { parameter: 'since' }));
  const ageMs = nowMs - sinceMs;
  if (ageMs > COARSE_REACH_MS) {
    return refused(problemAt('since', 'too-early', { days: COARSE_REACH_MS / DAY_MS }));
  }
  const isReached = (step: Step) => ageMs <= FINE_REACH_MS || STEPS_MS[step] >= HOUR_MS;
  const step = askedStep ?? STEP_NAMES.find((name) => isReached(name) && points(name) <= MAX_POINTS);
  const tooManySteps = (path: string) => refused(problemAt(path, 'too-many-steps', { max: MAX_POINTS }));
  if (step === undefined) return tooManySteps('until');
  if (!isReached(step)) return refused(problemAt('step', 'step-too-fine', { days: FINE_REACH_MS / DAY_MS }));
  if (points(step) > MAX_POINTS) return tooManySteps('step');
  return { ok: true, step, ...widened(step) };

  function widened(name: Step) {
    const stepMs = STEPS_MS[name];
    return {
      sinceMs: Math.floor(sinceMs / stepMs) * stepMs,
      untilMs: Math.ceil(untilMs / stepMs) * stepMs,
    };
  }
  function points(name: Step): number {
    const period = widened(name);
    return (period.untilMs - period.sinceMs) / STEPS_MS[name];
  }
}

function refused(problem: ContractProblem): ChosenPeriod {
  return { ok: false, problem };
}

type Counted = keyof typeof outcomes | keyof typeof statuses;

const NOTHING = Object.fromEntries(
  Object.keys({ ...outcomes, ...statuses }).map((name) => [name, 0]),
) as Record<Counted, number>;

/** The names that kinds of counts have in the answer. */
const NAMES = {
  response: 'responses',
  'status:sent': 'sent',
  'status:delivered': 'delivered',
  'status:read': 'read',
  'status:failed': 'failed',
  'status:other': 'other',
  deferred: 'deferred',
  odd: 'odd',
  duplicate: 'duplicates',
  rejected: 'rejected',
} as const satisfies Record<
  Exclude<CountedKind, `${'refused' | 'odd' | 'forwarded' | 'replayed'}:${string}`>,
  Counted
>;

function isRefusal(kind: CountedKind): kind is Extract<CountedKind, `refused:${string}`> {
  return kind.startsWith('refused:');
}

/** The name under which a kind is counted. */
function nameOf(kind: Exclude<CountedKind, `odd:${string}`>): Counted {
  if (isOfRoute(kind)) return countedOfRoute(kind).what;
  return isRefusal(kind) ? 'refused' : NAMES[kind];
}

function countedOf(period: CountedPeriod, step: Step, counts: PeriodCount[], lags: LagCount[]) {
  const sums = { ...NOTHING };
  const points = new Map<number, typeof NOTHING>();
  for (let start = period.sinceMs; start < period.untilMs; start += STEPS_MS[step]) {
    points.set(start, { ...NOTHING });
  }
  const oddities = new Map<string, Oddity & { count: number }>();
  const routes = new Map<string, { forwarded: number; replayed: number }>();
  for (const { startMs, kind, count } of counts) {
    if (isOddity(kind)) {
      const counted = oddities.get(kind) ?? { ...countedOddity(kind), count: 0 };
      oddities.set(kind, { ...counted, count: counted.count + count });
      continue;
    }
    if (isOfRoute(kind)) {
      const { what, route } = countedOfRoute(kind);
      const counted = routes.get(route) ?? { forwarded: 0, replayed: 0 };
      counted[what] += count;
      routes.set(route, counted);
    }
    const name = nameOf(kind);
    for (const sum of [sums, points.get(startMs)]) {
      if (sum === undefined) continue;
      sum[name] += count;
      if (kind === 'response' || kind.startsWith('status:')) sum.received += count;
    }
  }
  const { sent, delivered, read, failed, other, ...outcomes } = sums;
  return {
    since: rfc3339(period.sinceMs),
    until: rfc3339(period.untilMs),
    step,
    totals: {
      ...outcomes,
      statuses: { sent, delivered, read, failed, other },
      routes: Array.from(routes, ([name, counted]) => ({ name, ...counted })).toSorted((a, b) =>
        a.name < b.name ? -1 : 1,
      ),
    },
    oddities: [...oddities.values()].toSorted((a, b) => b.count - a.count),
    series: Array.from(points, ([start, point]): Outcomes => ({ start: rfc3339(start), ...point })),
    funnel: {
      sent,
      delivered,
      read,
      replied: outcomes.responses,
      rates: {
        delivered: rateOf(delivered, sent),
        read: rateOf(read, delivered),
        replied: rateOf(outcomes.responses, read),
      },
      times: timesOf(lags),
    },
  };
}

/** A share, rounded to four decimal places. */
function rateOf(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 1e4) / 1e4;
}

function timesOf(lags: LagCount[]): Stats['funnel']['times'] {
  const [sentToDelivered, deliveredToRead, readToReplied] = LAG_STEPS.map((steps) => {
    const between = lags.filter((lag) => lag.steps === steps);
    return {
      count: between.reduce((sum, { count }) => sum + count, 0),
      p50Ms: percentileMs(between, 0.5),
      p95Ms: percentileMs(between, 0.95),
    };
  }) as [z.infer<typeof times>, z.infer<typeof times>, z.infer<typeof times>];
  return { sentToDelivered, deliveredToRead, readToReplied };
}
