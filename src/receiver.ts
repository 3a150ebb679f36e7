// The receiver of an isolate: what its three handlers share, made once from the bindings.

import { createApp, createPayloadApp } from './app.ts';
import { boundedDatabase, boundedQueue, boundedRateLimit } from './bounded-bindings.ts';
import { byteBudget } from './byte-budget.ts';
import { circuitBreaker } from './circuit-breaker.ts';
import type { CloudEvent } from './contract/cloudevent.ts';
import { settingsFrom } from './env.ts';
import { isDeadLetterQueue, keepDeadLetters } from './forward/dead-letters.ts';
import { consumeIntake, UNPACKED_LIMITS } from './forward/intake.ts';
import { CRON_BUDGET, runReplays } from './forward/replay.ts';
import { sweepOutbox } from './forward/sweep.ts';
import { describeError, log } from './log.ts';
import { BODY_LIMITS } from './receive/read-body.ts';
import { noteBusinessNumbers } from './store/business-numbers.ts';
import { purgeDeadLetters } from './store/dead-letters.ts';
import { evictDeadLetters } from './store/eviction.ts';
import { recordRun } from './store/progress.ts';
import { purgeReplays } from './store/replays.ts';
import { purgeEvents, purgeRejections } from './store/retention.ts';
import { rollUp } from './store/roll-up.ts';
import { sumEvents } from './store/usage.ts';
import { webhookTokens } from './webhook-token.ts';

export interface Receiver {
  fetch(request: Request, lifetime: ExecutionContext): Promise<Response>;
  /** Answers for a payload, and nothing else. Asks for no token: for who is bound to it, not for the internet. */
  fetchPayload(request: Request): Promise<Response>;
  /** Consumes the intake queue and queues of dead letters. */
  queue(batch: MessageBatch): Promise<void>;
  /** The cron's tasks. Rejects when one of them failed, after all had their turn. */
  scheduled(): Promise<void>;
}

/** Makes the receiver. Throws `ConfigurationError` when the settings make no sense. */
export function createReceiver(env: Env, now: () => number = Date.now): Receiver {
  const settings = settingsFrom(env);
  const { maxDatabaseBytes } = settings;
  const deps = {
    db: boundedDatabase(env.DB),
    events: boundedQueue(env.EVENTS as Queue<CloudEvent>),
    intake: boundedQueue(env.INTAKE),
    breaker: circuitBreaker(),
    bodies: byteBudget(BODY_LIMITS),
    unpacked: byteBudget(UNPACKED_LIMITS),
    webhookFailures: boundedRateLimit(env.WEBHOOK_FAILURES),
    tokens: webhookTokens(settings.webhookSecret),
    adminToken: settings.adminToken,
    readToken: settings.readToken,
    access: settings.access,
    allowedOrigins: settings.allowedOrigins,
    apiFailures: boundedRateLimit(env.API_FAILURES),
    publicUrl: settings.publicUrl,
    maxDatabaseBytes,
    assets: env.ASSETS,
    version: env.VERSION?.id ?? null, // a Worker that runs without wrangler has none
    now,
  };
  const app = createApp(deps);
  const payloads = createPayloadApp(deps);

  const tasks = {
    sweep: async () => {
      await sweepOutbox(deps, now());
      await recordRun(deps.db, 'sweep', now());
    },
    'roll-up': async () => rollUp(deps.db, now()), // before the purge, so that what that deletes has been counted
    'business numbers': async () => noteBusinessNumbers(deps.db, now()),
    'sums of what is kept': async () => sumEvents(deps.db, now()),
    // Events last: they make room only for themselves, not for what the others still have over their budgets.
    'purge of rejections': async () => {
      const deliveredBeforeMs = now() - settings.rejectionMs;
      const purged = await purgeRejections(deps.db, { deliveredBeforeMs, maxDatabaseBytes });
      if (purged.expired > 0) {
        log('info', 'purged rejections past their retention', { rejections: purged.expired });
      }
      if (purged.overflowing > 0) {
        log('warn', 'purged rejections early: they are over their budget', {
          rejections: purged.overflowing,
        });
      }
    },
    'purge of dead letters': async () => {
      const purged = await purgeDeadLetters(deps.db, now() - settings.retentionMs);
      if (purged > 0) log('warn', 'purged dead letters past their retention', { events: purged });
      const evicted = await evictDeadLetters(deps.db, maxDatabaseBytes);
      if (evicted > 0)
        log('warn', 'purged dead letters early: they are over their budget', { events: evicted });
    },
    purge: async () => {
      const purged = await purgeEvents(deps.db, {
        storedBeforeMs: now() - settings.retentionMs,
        maxDatabaseBytes,
      });
      if (purged.expired > 0) log('info', 'purged what is past its retention', { events: purged.expired });
      if (purged.overflowing > 0) {
        log('warn', 'purged early: the database is at its ceiling', { events: purged.overflowing });
      } else if (purged.databaseBytes > maxDatabaseBytes) {
        log('error', 'the database is over its ceiling, and no event may go to make room');
      }
    },
    'purge of replays': async () => {
      await purgeReplays(deps.db, now() - settings.retentionMs);
    },
    replays: async () => runReplays(deps, CRON_BUDGET), // last: it takes its time
  };

  return {
    fetch: async (request, lifetime) => app.fetch(request, env, lifetime),

    fetchPayload: async (request) => payloads.fetch(request),

    queue: async ({ queue, messages }) =>
      isDeadLetterQueue(queue) ? keepDeadLetters(deps, messages) : consumeIntake(deps, messages),

    async scheduled() {
      const failed: string[] = [];
      for (const [task, run] of Object.entries(tasks)) {
        try {
          await run();
        } catch (error) {
          failed.push(task);
          log('error', 'scheduled task failed', { task, error: describeError(error) });
        }
      }
      if (failed.length > 0) throw new Error(`scheduled tasks failed: ${failed.join(', ')}`);
    },
  };
}
