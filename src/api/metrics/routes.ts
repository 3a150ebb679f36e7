// GET /api/metrics: the counts of /api/stats for Prometheus, in its text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). Counters are totals since the beginning.

import { Hono } from 'hono';
import * as z from 'zod';
import { type Backlog, type Backlogs, readBacklogs } from '../../forward/backlog.ts';
import type { RouteQueues } from '../../forward/routes.ts';
import {
  bucketMs,
  type CountedKind,
  type CounterTotal,
  countedOddity,
  countedOfRoute,
  firstBucketFrom,
  isOddity,
  isOfRoute,
  LAG_STEPS,
  type LagTotal,
  readLagTotals,
  readTotals,
} from '../../store/counters.ts';
import { type DatabaseState, MAX_COUNTED, readDatabaseState } from '../../store/database.ts';
import { type RouteStatus, readRouteStatus } from '../../store/route-status.ts';
import type { ActorEnv } from '../access/actor.ts';
import type { ApiDeps } from '../deps.ts';
import { watchingOperation } from '../health/routes.ts';
import { unroutedBindings } from '../routes/route.ts';
import { serve } from '../serve.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export const getMetrics = watchingOperation('getMetrics', 'GET /api/metrics', {
  summary: 'Read the counters for Prometheus',
  answers: {
    200: {
      description: "Prometheus' text format. Counters are totals since the beginning.",
      mediaType: 'text/plain',
      schema: z.string(),
      example: `# HELP instant_message_duplicates_total Repeated deliveries of events.
# TYPE instant_message_duplicates_total counter
instant_message_duplicates_total{integration="shop"} 12
`,
    },
  },
});

const PREFIX = 'instant_message_';
const QUEUE_TIMEOUT_MS = 2_000;
const COUNTED = `counted up to ${MAX_COUNTED}.`;

/** The upper bounds of the histograms, as powers of two of a millisecond: 64 ms, and then four times the one before. */
const BOUND_EXPONENTS = [6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28] as const;

interface Sample {
  /** What follows the metric's name: `_bucket`, `_sum`, `_count`. */
  suffix?: string;
  labels: Record<string, string>;
  value: number;
}

interface Metric {
  /** Without the prefix. */
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  samples: Sample[];
}

export function metricsRoutes(deps: Pick<ApiDeps, 'db' | 'queues' | 'intake' | 'now'>): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getMetrics, async (c) => {
    const nowMs = deps.now();
    const [totals, lags, state, routes, backlogs] = await Promise.all([
      readTotals(deps.db),
      readLagTotals(deps.db),
      readDatabaseState(deps.db, nowMs),
      readRouteStatus(deps.db, nowMs),
      readBacklogs(deps, QUEUE_TIMEOUT_MS),
    ]);
    const all = [
      ...counters(totals),
      histogram(lags),
      ...routeGauges(routes, deps.queues, nowMs),
      ...backlogGauges(backlogs),
      ...gauges(state, nowMs),
    ];
    return c.body(all.map(textOf).join(''), 200, { 'content-type': METRICS_TYPE });
  });
  return routes;
}

/** A counter by integration. `labelsOf` gives the other labels of a kind, and `null` for a kind that it does not count. */
interface Counter {
  name: string;
  help: string;
  labelsOf: (kind: CountedKind) => Record<string, string> | null;
}

const byRoute = (what: 'forwarded' | 'replayed') => (kind: CountedKind) => {
  if (!isOfRoute(kind)) return null;
  const counted = countedOfRoute(kind);
  return counted.what === what ? { route: counted.route } : null;
};

const only = (counted: CountedKind) => (kind: CountedKind) => (kind === counted ? {} : null);

const COUNTERS: Counter[] = [
  {
    name: 'events_total',
    help: 'New events, by integration, type and status. Counted once a minute.',
    labelsOf(kind) {
      const [type = '', status = ''] = kind.split(':');
      return type === 'response' || type === 'status' ? { type, status } : null;
    },
  },
  { name: 'duplicates_total', help: 'Repeated deliveries of events.', labelsOf: only('duplicate') },
  {
    name: 'odd_events_total',
    help: 'New events whose payload differs from the documentation.',
    labelsOf: only('odd'),
  },
  {
    name: 'oddities_total',
    help: 'In what the payloads of new events differ from the documentation, by field and kind.',
    labelsOf(kind) {
      if (!isOddity(kind)) return null;
      const { path, code } = countedOddity(kind);
      return { path, code };
    },
  },
  { name: 'rejected_total', help: 'Deliveries that were kept as rejections.', labelsOf: only('rejected') },
  {
    name: 'refused_total',
    help: 'Requests for webhook addresses that were refused, by integration (empty: of none) and reason.',
    labelsOf(kind) {
      const [what, reason = ''] = kind.split(':');
      return what === 'refused' ? { reason } : null;
    },
  },
  {
    name: 'deferred_total',
    help: 'New events that were stored by way of the intake queue.',
    labelsOf: only('deferred'),
  },
  {
    name: 'forwarded_total',
    help: 'New events that the queue of a route has confirmed, by integration and route.',
    labelsOf: byRoute('forwarded'),
  },
  {
    name: 'replayed_total',
    help: 'Events that the queue of a route has confirmed again, on a replay.',
    labelsOf: byRoute('replayed'),
  },
];

function counters(totals: CounterTotal[]): Metric[] {
  return COUNTERS.map(({ name, help, labelsOf }) => ({
    name,
    type: 'counter',
    help,
    samples: totals.flatMap(({ integration, kind, count }) => {
      const labels = labelsOf(kind);
      return labels === null ? [] : [{ labels: { integration, ...labels }, value: count }];
    }),
  }));
}

function histogram(lags: LagTotal[]): Metric {
  const samples: Sample[] = [];
  for (const [integration, ofIntegration] of Map.groupBy(lags, (lag) => lag.integration)) {
    for (const steps of LAG_STEPS) {
      const counted = ofIntegration.filter((lag) => lag.steps === steps);
      if (counted.length > 0) samples.push(...histogramSamples({ integration, steps }, counted));
    }
  }
  return {
    name: 'step_seconds',
    type: 'histogram',
    help: 'Time that messages take from one step to the next, once both are known. The sum is estimated.',
    samples,
  };
}

function histogramSamples(labels: Record<string, string>, counted: LagTotal[]): Sample[] {
  const countBelow = (bucket: number) =>
    counted.reduce((sum, lag) => sum + (lag.bucket < bucket ? lag.count : 0), 0);
  const total = countBelow(Number.POSITIVE_INFINITY);
  const estimatedMs = counted.reduce((sum, { bucket, count }) => sum + bucketMs(bucket) * count, 0);
  return [
    ...BOUND_EXPONENTS.map((exponent) => ({
      suffix: '_bucket',
      labels: { ...labels, le: String(2 ** exponent / 1000) },
      value: countBelow(firstBucketFrom(exponent)),
    })),
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: total },
    { suffix: '_sum', labels, value: Math.round(estimatedMs) / 1000 },
    { suffix: '_count', labels, value: total },
  ];
}

function gauge(name: string, help: string, ...samples: Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

const of = (value: number): Sample => ({ labels: {}, value });

function routeGauges(routes: RouteStatus[], queues: RouteQueues, nowMs: number): Metric[] {
  const ofEach = (valueIn: (route: RouteStatus) => number): Sample[] =>
    routes.map((route) => ({ labels: { route: route.name }, value: valueIn(route) }));
  return [
    gauge(
      'waiting_events',
      `Events that a route has yet to forward, ${COUNTED}`,
      ...ofEach(({ waiting }) => waiting),
    ),
    gauge(
      'oldest_waiting_age_seconds',
      'How long the oldest event that a route has yet to forward is stored; 0: there is none.',
      ...ofEach(({ oldestWaiting }) =>
        oldestWaiting === null ? 0 : (nowMs - oldestWaiting.storedAtMs) / 1000,
      ),
    ),
    gauge(
      'paused_seconds',
      'For how long a route is paused; 0: it is active.',
      ...ofEach(({ state, stateAtMs }) => (state === 'paused' ? Math.max(nowMs - stateAtMs, 0) / 1000 : 0)),
    ),
    gauge(
      'route_bound',
      'Whether the receiver has the queue of a route: 1, or 0.',
      ...ofEach(({ name }) => Number(queues.has(name))),
    ),
    gauge(
      'route_dead_letters',
      `Dead letters of a route, ${COUNTED}`,
      ...ofEach(({ deadLetters }) => deadLetters),
    ),
    gauge(
      'unrouted_queues',
      'Queues that the receiver has and no route sends to.',
      of(unroutedBindings(queues, routes).length),
    ),
  ];
}

function backlogGauges({ routes, intake }: Backlogs): Metric[] {
  const ofRoutes = (valueIn: (backlog: Backlog) => number): Sample[] =>
    Object.entries(routes).flatMap(([route, backlog]) =>
      backlog === null ? [] : [{ labels: { route }, value: valueIn(backlog) }],
    );
  const ofIntake = (valueIn: (backlog: Backlog) => number): Sample[] =>
    intake === null ? [] : [of(valueIn(intake))];
  const messagesOf = ({ messages }: Backlog) => messages;
  const bytesOf = ({ bytes }: Backlog) => bytes;
  return [
    gauge(
      'queue_backlog_messages',
      'Messages in the queue of a route, by its own word.',
      ...ofRoutes(messagesOf),
    ),
    gauge('queue_backlog_bytes', 'Bytes in the queue of a route, by its own word.', ...ofRoutes(bytesOf)),
    gauge(
      'intake_backlog_messages',
      'Messages in the intake queue, by its own word.',
      ...ofIntake(messagesOf),
    ),
    gauge('intake_backlog_bytes', 'Bytes in the intake queue, by its own word.', ...ofIntake(bytesOf)),
  ];
}

function gauges(state: DatabaseState, nowMs: number): Metric[] {
  return [
    gauge('open_replays', `Replays that are not over, ${COUNTED}`, of(state.replays)),
    gauge('dead_letters', `Dead letters of all kinds, ${COUNTED}`, of(state.deadLetters)),
    gauge(
      'unstored_webhooks',
      `Webhooks that were acknowledged and could not be stored: dead letters, ${COUNTED}`,
      of(state.unstored),
    ),
    gauge(
      'never_sent_events',
      `Events that the queue of a route never takes: dead letters, ${COUNTED}`,
      of(state.neverSent),
    ),
    gauge(
      'cron_age_seconds',
      'How long ago the cron last began.',
      ...(state.cronAtMs === null ? [] : [of(Math.max(nowMs - state.cronAtMs, 0) / 1000)]),
    ),
    gauge('database_size_bytes', 'Size of the database.', of(state.databaseBytes)),
  ];
}

/** The lines of a metric; none where it has no samples. */
function textOf({ name, type, help, samples }: Metric): string {
  if (samples.length === 0) return '';
  const lines = samples.map(
    ({ suffix = '', labels, value }) => `${PREFIX}${name}${suffix}${labelsText(labels)} ${value}\n`,
  );
  return `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n${lines.join('')}`;
}

function labelsText(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join()}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
