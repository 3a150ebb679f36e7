// GET /api/health: whether everything that the receiver depends on works, and in words what is amiss.

import { Hono } from 'hono';
import * as z from 'zod';
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
import type { ActorEnv } from '../access/actor.ts';
import type { ApiDeps } from '../deps.ts';
import { count, moment, textOrNull } from '../fields.ts';
import { answer, serve } from '../serve.ts';

/** Some monitors give up on a health check after 5 s. */
const TIMEOUT_MS = 2_500;
/** The cron runs every minute, so it has missed two runs. */
const MAX_CRON_AGE_MS = 3 * 60_000;
/** The sweep forwards what is older than half a minute, so it has failed again and again. */
const MAX_UNFORWARDED_AGE_MS = 5 * 60_000;
const MAX_FILLED = 0.9;

const status = z.enum(['ok', 'degraded']);
const backlog = z.object({ messages: count, bytes: count }).nullable();

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
          .object({ status, events: backlog, intake: backlog })
          .describe("Backlogs by the queues' own word. Null: they do not tell, which is no failure."),
        cron: z
          .object({ status, lastRunAt: moment.nullable() })
          .describe('Whether the cron comes. While it does not, requests do its work.'),
        sweep: z.object({ status, lastRunAt: moment.nullable() }),
        rollUp: z.object({ status, lastRunAt: moment.nullable() }),
        outbox: z.object({ status, events: count.nullable(), oldestAgeMs: count.nullable() }),
        deadLetters: z
          .object({
            status,
            messages: count.nullable(),
            unstored: count.nullable(),
            neverSent: count.nullable(),
          })
          .describe(
            '`unstored`: webhooks that were acknowledged and could not be stored. `neverSent`: events that the ' +
              'queue never takes. What consumers gave up on is only counted, in `messages`, as those are.',
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
  deps: Pick<ApiDeps, 'db' | 'events' | 'intake' | 'maxDatabaseBytes' | 'now'>,
): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getHealth, async () => {
    const startMs = deps.now();
    const [state, backlogs] = await Promise.all([
      withTimeoutOrNull(
        TIMEOUT_MS,
        Promise.all([
          readDatabaseState(deps.db, startMs),
          findUnusualRefusals(deps.db, startMs),
          findSilentIntegrations(deps.db, startMs),
        ]).then(([read, unusual, silent]) => ({
          ...read,
          unusual,
          silent,
          answeredInMs: deps.now() - startMs,
        })),
      ),
      readBacklogs(deps, TIMEOUT_MS),
    ]);
    const report = healthOf(state, backlogs, deps.maxDatabaseBytes, startMs);
    return answer(getHealth, state === null ? 503 : 200, report);
  });
  return routes;
}

/** @param state `null`: D1 does not answer. */
function healthOf(
  state:
    | (DatabaseState & { answeredInMs: number; unusual: RefusedShare[]; silent: SilentIntegration[] })
    | null,
  backlogs: Backlogs,
  maxDatabaseBytes: number,
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
    outbox: { ...unknown, events: null, oldestAgeMs: null },
    deadLetters: { ...unknown, messages: null, unstored: null, neverSent: null },
    refusals: { ...unknown, unusual: null },
    silence: { ...unknown, silent: null },
  };
  if (state !== null) {
    const { oldestUnforwarded, sweptAtMs, rolledUpAtMs } = state;
    const oldestAgeMs = oldestUnforwarded && Math.max(nowMs - oldestUnforwarded.storedAtMs, 0);
    checks.cron = { status: check(cronLateness(state.cronAtMs, nowMs)), lastRunAt: iso(state.cronAtMs) };
    checks.sweep = { status: check(lateness('sweep', sweptAtMs, nowMs)), lastRunAt: iso(sweptAtMs) };
    checks.rollUp = {
      status: check(lateness('roll-up of the counters', rolledUpAtMs, nowMs)),
      lastRunAt: iso(rolledUpAtMs),
    };
    checks.outbox = { status: check(waiting(oldestAgeMs)), events: state.outbox, oldestAgeMs };
    const { deadLetters: messages, unstored, neverSent } = state;
    const deadLetters = [check(unstoredWords(unstored)), check(neverSentWords(neverSent))];
    checks.deadLetters = {
      status: deadLetters.includes('degraded') ? 'degraded' : 'ok',
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

function waiting(oldestAgeMs: number | null): string | null {
  if (oldestAgeMs === null || oldestAgeMs <= MAX_UNFORWARDED_AGE_MS) return null;
  return `An event has waited ${duration(oldestAgeMs)} to be forwarded. The events queue may be failing; see the log.`;
}

function unstoredWords(webhooks: number): string | null {
  if (webhooks === 0) return null;
  return `Webhooks that were acknowledged could not be stored: ${webhooks}. They are dead letters: redrive them.`;
}

function neverSentWords(events: number): string | null {
  if (events === 0) return null;
  return `Events that the events queue never takes: ${events}. They are dead letters, with the reason.`;
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
