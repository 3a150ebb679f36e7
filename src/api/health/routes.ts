// GET /api/health: whether everything that the receiver depends on works, and in words what is amiss.

import { Hono } from 'hono';
import * as z from 'zod';
import { bindingOf } from '../../contract/routes.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { type Backlogs, readBacklogs } from '../../forward/backlog.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { withTimeoutOrNull } from '../../runtime/deadline.ts';
import { type DatabaseState, MAX_COUNTED, readDatabaseState } from '../../store/database.ts';
import {
  findSilentIntegrations,
  findUnusualRefusals,
  type RefusedShare,
  SHARE_MS,
  type SilentIntegration,
} from '../../store/refusals.ts';
import { type RouteStatus, readRouteStatus } from '../../store/route-status.ts';
import type { ActorEnv } from '../access/actor.ts';
import type { ApiDeps } from '../deps.ts';
import { count, moment, textOrNull } from '../fields.ts';
import { backlog, routeState, unroutedBindings } from '../routes/route.ts';
import { answer, serve } from '../serve.ts';

/** Some monitors give up on a health check after 5 s. */
const TIMEOUT_MS = 2_500;
/** The cron runs every minute, so it has missed two runs. */
const MAX_CRON_AGE_MS = 3 * 60_000;
/** The sweep forwards what is older than half a minute, so it has failed again and again. */
export const MAX_WAITING_MS = 5 * 60_000;
/** A route that is paused for longer may have been forgotten. */
export const MAX_PAUSED_MS = 60 * 60_000;
const MAX_FILLED = 0.9;

const status = z.enum(['ok', 'degraded']);
const nullableBacklog = backlog.nullable();

export const health = z
  .object({
    status: status.describe('Degraded when anything below is.'),
    reasons: z.array(z.string()).describe('What is amiss, for people. Empty when all is well.'),
    checks: z
      .object({
        d1: z.object({
          status,
          answeredInMs: count.nullable(),
          databaseBytes: count.nullable(),
          maxDatabaseBytes: z.number(),
        }),
        queues: z
          .object({ status, routes: z.record(z.string(), nullableBacklog), intake: nullableBacklog })
          .describe(
            "Backlogs by the queues' own word, those of routes by their names. Null: they do not tell, which is no failure.",
          ),
        cron: z
          .object({ status, lastRunAt: moment.nullable() })
          .describe('Whether the cron comes. While it does not, requests do its work.'),
        sweep: z.object({ status, lastRunAt: moment.nullable() }),
        rollUp: z.object({ status, lastRunAt: moment.nullable() }),
        routes: z
          .object({
            status,
            data: z
              .array(
                z.object({
                  name: z.string(),
                  status,
                  bound: z.boolean().describe('Whether the receiver has its queue.'),
                  state: routeState,
                  stateSince: moment,
                  waiting: count.describe('Events that it has yet to forward.'),
                  oldestAgeMs: count.nullable().describe('For how long the oldest of them is stored.'),
                }),
              )
              .nullable(),
            unrouted: z.array(z.string()).nullable().describe('Bindings of queues that no route sends to.'),
          })
          .describe(
            'Degraded where a route has no queue or a queue no route, where a route is paused for more than an hour, or is ' +
              'active and has had an event to forward for more than five minutes.',
          ),
        deadLetters: z
          .object({
            status,
            messages: count.nullable(),
            unstored: count.nullable(),
            neverSent: count.nullable(),
          })
          .describe(
            '`unstored`: webhooks that were acknowledged and could not be stored. `neverSent`: events that the ' +
              'queue of a route never takes. What consumers gave up on is only counted, in `messages`, as those are.',
          ),
        refusals: z
          .object({
            status,
            unusual: z
              .array(
                z.object({
                  integration: textOrNull.describe('Null: of all together.'),
                  refused: count,
                  webhooks: count.describe('With those that were refused.'),
                  usualShare: z.number(),
                }),
              )
              .nullable(),
          })
          .describe(
            'Where the share of refused webhooks was unusual in the last ten minutes. `/api/refusals` tells the reasons.',
          ),
        silence: z
          .object({
            status,
            silent: z
              .array(z.object({ integration: z.string(), lastEventAt: moment, longestMs: count }))
              .nullable(),
          })
          .describe(
            'Enabled integrations to which nothing has come for longer than ever in the eight days before their last ' +
              'event, `longestMs`, and for three hours at least.',
          ),
      })
      .describe(
        `Null: not to be known while D1 does not answer, or nothing to tell. Counts end at ${MAX_COUNTED}.`,
      ),
  })
  .describe('The health of the receiver and of what it depends on.');

type Health = z.infer<typeof health>;

export const watchingOperation = operationsOf({
  name: 'Watching',
  description: 'Counters, health, and events as they come.',
});

export const getHealth = watchingOperation('getHealth', 'GET /api/health', {
  summary: 'Check what the receiver depends on',
  answers: {
    200: json('Each dependency, and what is amiss.', health),
    503: json('The database does not answer.', health),
  },
});

export function healthRoutes(
  deps: Pick<ApiDeps, 'db' | 'queues' | 'intake' | 'maxDatabaseBytes' | 'now'>,
): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getHealth, async () => {
    const startMs = deps.now();
    const [state, backlogs] = await Promise.all([
      withTimeoutOrNull(
        TIMEOUT_MS,
        Promise.all([
          readDatabaseState(deps.db, startMs),
          readRouteStatus(deps.db, startMs),
          findUnusualRefusals(deps.db, startMs),
          findSilentIntegrations(deps.db, startMs),
        ]).then(([read, routes, unusual, silent]) => ({
          ...read,
          routes,
          unusual,
          silent,
          answeredInMs: deps.now() - startMs,
        })),
      ),
      readBacklogs(deps, TIMEOUT_MS),
    ]);
    const report = healthOf(state, backlogs, deps, startMs);
    return answer(getHealth, state === null ? 503 : 200, report);
  });
  return routes;
}

interface ReadState extends DatabaseState {
  answeredInMs: number;
  routes: RouteStatus[];
  unusual: RefusedShare[];
  silent: SilentIntegration[];
}

/** @param state `null`: D1 does not answer. */
function healthOf(
  state: ReadState | null,
  backlogs: Backlogs,
  { queues, maxDatabaseBytes }: Pick<ApiDeps, 'queues' | 'maxDatabaseBytes'>,
  nowMs: number,
): Health {
  const reasons: string[] = [];
  const check = (amiss: string | null): Health['status'] => {
    if (amiss === null) return 'ok';
    reasons.push(amiss);
    return 'degraded';
  };
  const unknown = { status: 'degraded' as const };
  const checks: Health['checks'] = {
    d1: {
      status: check(state === null ? D1_SILENT : fullness(state.databaseBytes, maxDatabaseBytes)),
      answeredInMs: state && Math.max(state.answeredInMs, 0),
      databaseBytes: state?.databaseBytes ?? null,
      maxDatabaseBytes,
    },
    queues: { status: 'ok', ...backlogs },
    cron: { ...unknown, lastRunAt: null },
    sweep: { ...unknown, lastRunAt: null },
    rollUp: { ...unknown, lastRunAt: null },
    routes: { ...unknown, data: null, unrouted: null },
    deadLetters: { ...unknown, messages: null, unstored: null, neverSent: null },
    refusals: { ...unknown, unusual: null },
    silence: { ...unknown, silent: null },
  };
  if (state !== null) {
    const { sweptAtMs, rolledUpAtMs } = state;
    checks.cron = { status: check(cronLateness(state.cronAtMs, nowMs)), lastRunAt: iso(state.cronAtMs) };
    checks.sweep = { status: check(lateness('sweep', sweptAtMs, nowMs)), lastRunAt: iso(sweptAtMs) };
    checks.rollUp = {
      status: check(lateness('roll-up of the counters', rolledUpAtMs, nowMs)),
      lastRunAt: iso(rolledUpAtMs),
    };
    const unrouted = unroutedBindings(queues, state.routes);
    const routes = state.routes.map((route) => ({
      name: route.name,
      status: check(routeTrouble(route, queues, nowMs)),
      bound: queues.has(route.name),
      state: route.state,
      stateSince: rfc3339(route.stateAtMs),
      waiting: route.waiting,
      oldestAgeMs: route.oldestWaiting && nowMs - route.oldestWaiting.storedAtMs,
    }));
    checks.routes = {
      status: worst([check(unroutedWords(unrouted)), ...routes.map(({ status }) => status)]),
      data: routes,
      unrouted,
    };
    const { deadLetters: messages, unstored, neverSent } = state;
    checks.deadLetters = {
      status: worst([check(unstoredWords(unstored)), check(neverSentWords(neverSent))]),
      messages,
      unstored,
      neverSent,
    };
    // While the counters stand still, shares of what they count mean nothing.
    const unusual = checks.rollUp.status === 'ok' ? state.unusual : [];
    checks.refusals = { status: check(refusedWords(unusual)), unusual };
    const silent = state.silent.map(({ integration, lastEventAtMs, longestMs }) => ({
      integration,
      lastEventAt: rfc3339(lastEventAtMs),
      longestMs,
    }));
    checks.silence = { status: check(silenceWords(state.silent, nowMs)), silent };
  }
  return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons, checks };
}

const D1_SILENT =
  'D1 does not answer. Webhooks are taken by the intake queue; what else this check asks is not known.';

function fullness(bytes: number, maxBytes: number): string | null {
  const share = bytes / maxBytes;
  if (share <= MAX_FILLED) return null;
  return `The database has ${Math.floor(share * 100)} % of its MAX_DATABASE_GB. Past that, events go early, of those integrations first that have most.`;
}

function cronLateness(lastRunAtMs: number | null, nowMs: number): string | null {
  if (lastRunAtMs === null) return 'The cron has never run. Requests do its work.';
  if (nowMs - lastRunAtMs <= MAX_CRON_AGE_MS) return null;
  return `The cron last ran ${duration(nowMs - lastRunAtMs)} ago. Requests do its work.`;
}

function lateness(task: string, lastRunAtMs: number | null, nowMs: number): string | null {
  if (lastRunAtMs === null) return `The ${task} has never run. The cron runs it every minute.`;
  if (nowMs - lastRunAtMs <= MAX_CRON_AGE_MS) return null;
  return `The ${task} last ran ${duration(nowMs - lastRunAtMs)} ago. The cron runs it every minute.`;
}

function worst(statuses: Health['status'][]): Health['status'] {
  return statuses.includes('degraded') ? 'degraded' : 'ok';
}

function routeTrouble(
  { name, state, stateAtMs, oldestWaiting }: RouteStatus,
  queues: ApiDeps['queues'],
  nowMs: number,
): string | null {
  if (!queues.has(name)) {
    return `The route ${name} has no queue: the receiver is deployed without ${bindingOf(name)}. Its events wait.`;
  }
  const stateAgeMs = nowMs - stateAtMs;
  if (state === 'paused') {
    if (stateAgeMs <= MAX_PAUSED_MS) return null;
    return `The route ${name} has been paused for ${duration(stateAgeMs)}. Its events wait, for as long as events are kept.`;
  }
  // What has waited while the route was paused, or was there before it, is not its queue's fault.
  const waitedMs = oldestWaiting === null ? 0 : Math.min(nowMs - oldestWaiting.storedAtMs, stateAgeMs);
  if (waitedMs <= MAX_WAITING_MS) return null;
  return `An event has waited ${duration(waitedMs)} to be forwarded on the route ${name}. Its queue may be failing; see the log.`;
}

function unroutedWords(bindings: string[]): string | null {
  if (bindings.length === 0) return null;
  return `Nothing is sent to the queues of these bindings, as they have no route: ${bindings.join(', ')}.`;
}

function unstoredWords(webhooks: number): string | null {
  if (webhooks === 0) return null;
  return `Webhooks that were acknowledged could not be stored: ${webhooks}. They are dead letters: redrive them.`;
}

function neverSentWords(events: number): string | null {
  if (events === 0) return null;
  return `Events that a queue never takes: ${events}. They are dead letters, with the reason.`;
}

function refusedWords(unusual: RefusedShare[]): string | null {
  if (unusual.length === 0) return null;
  const each = unusual.map(
    ({ integration, refused, webhooks }) =>
      `${refused} of ${webhooks} ${integration === null ? 'in all' : `of ${integration}`}`,
  );
  return `More webhooks than usual were refused within ${SHARE_MS / 60_000} minutes: ${each.join(', ')}. /api/refusals tells why.`;
}

function silenceWords(silent: SilentIntegration[], nowMs: number): string | null {
  if (silent.length === 0) return null;
  const each = silent.map(
    ({ integration, lastEventAtMs }) => `${integration} for ${duration(nowMs - lastEventAtMs)}`,
  );
  return `Nothing has come for longer than ever before: ${each.join(', ')}. Ask the platform, or disable what is not used any more.`;
}

/** In minutes, or in hours where there are many. */
function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
}

function iso(ms: number | null): string | null {
  return ms === null ? null : rfc3339(ms);
}
