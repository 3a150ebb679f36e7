// The receiver of an isolate: what its three handlers share, made once from the bindings.

import { createApp, createPayloadApp } from './app.ts';
import { boundedDatabase, boundedQueue, boundedRateLimit } from './bounded-bindings.ts';
import type { CloudEvent } from './contract/cloudevent.ts';
import { settingsFrom } from './env.ts';
import { isDeadLetterQueue, keepDeadLetters } from './forward/dead-letters.ts';
import { consumeIntake } from './forward/intake.ts';
import { CRON_BUDGET, runReplays } from './forward/replay.ts';
import { MAX_PAGES, sweepOutbox } from './forward/sweep.ts';
import type { Lifetime } from './group-commit.ts';
import { describeError, log } from './log.ts';
import { purgeDeadLetters } from './store/dead-letters.ts';
import { recordSweep } from './store/progress.ts';
import { purgeReplays } from './store/replays.ts';
import { purgeEvents, purgeRejections } from './store/retention.ts';
import { rollUp } from './store/roll-up.ts';
import { webhookTokens } from './webhook-token.ts';

export interface Receiver {
  fetch(request: Request, lifetime: ExecutionContext): Promise<Response>;
  /** Answers for a payload, and nothing else. Asks for no token: for who is bound to it, not for the internet. */
  fetchPayload(request: Request): Promise<Response>;
  /** Consumes the intake queue and queues of dead letters. */
  queue(batch: MessageBatch, lifetime: Lifetime): Promise<void>;
  /** The cron's tasks. Rejects when one of them failed, after all had their turn. */
  scheduled(): Promise<void>;
}

/** Makes the receiver. Throws `ConfigurationError` when the settings make no sense. */
export function createReceiver(env: Env, now: () => number = Date.now): Receiver {
  const settings = settingsFrom(env);
  const deps = {
    db: boundedDatabase(env.DB),
    events: boundedQueue(env.EVENTS as Queue<CloudEvent>),
    intake: boundedQueue(env.INTAKE),
    webhookFailures: boundedRateLimit(env.WEBHOOK_FAILURES),
    tokens: webhookTokens(settings.webhookSecret),
    adminToken: settings.adminToken,
    readToken: settings.readToken,
    access: settings.access,
    allowedOrigins: settings.allowedOrigins,
    apiFailures: boundedRateLimit(env.API_FAILURES),
    publicUrl: settings.publicUrl,
    maxDatabaseBytes: settings.maxDatabaseBytes,
    assets: env.ASSETS,
    version: env.VERSION?.id ?? null, // a Worker that runs without wrangler has none
    now,
  };
  const app = createApp(deps);
  const payloads = createPayloadApp(deps);

  const tasks = {
    sweep: async () => {
      await sweepOutbox(deps, { maxPages: MAX_PAGES });
      await recordSweep(deps.db, now());
    },
    'roll-up': async () => rollUp(deps.db, now()), // before the purge, so that what that deletes has been counted
    purge: async () => {
      const purged = await purgeEvents(deps.db, {
        storedBeforeMs: now() - settings.retentionMs,
        maxDatabaseBytes: settings.maxDatabaseBytes,
      });
      if (purged.expired > 0) log('info', 'purged what is past its retention', { events: purged.expired });
      if (purged.overflowing > 0) {
        log('warn', 'purged early: the database is at its ceiling', { events: purged.overflowing });
      }
    },
    'purge of rejections': async () => {
      const deliveredBeforeMs = now() - settings.rejectionMs;
      const purged = await purgeRejections(deps.db, { deliveredBeforeMs, nowMs: now() });
      if (purged.expired > 0) {
        log('info', 'purged rejections past their retention', { rejections: purged.expired });
      }
      if (purged.overflowing > 0) {
        log('warn', 'purged rejections: an integration has too many', { rejections: purged.overflowing });
      }
    },
    'purge of dead letters': async () => {
      const purged = await purgeDeadLetters(deps.db, now() - settings.retentionMs);
      if (purged > 0) log('warn', 'purged dead letters past their retention', { events: purged });
    },
    'purge of replays': async () => {
      await purgeReplays(deps.db, now() - settings.retentionMs);
    },
    replays: async () => runReplays(deps, CRON_BUDGET), // last: it takes its time
  };

  return {
    fetch: async (request, lifetime) => app.fetch(request, env, lifetime),

    fetchPayload: async (request) => payloads.fetch(request),

    queue: async (batch) =>
      isDeadLetterQueue(batch.queue) ? keepDeadLetters(deps, batch) : consumeIntake(deps, batch.messages),

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
