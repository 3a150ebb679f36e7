// The receiver of an isolate: what its three handlers share, made once from the bindings.

import { createApp, createPayloadApp } from './app.ts';
import type { CloudEvent } from './contract/cloudevent.ts';
import { settingsFrom } from './env.ts';
import { consumeIntake } from './forward/intake.ts';
import { sweepOutbox } from './forward/sweep.ts';
import { describeError, log } from './log.ts';
import { purgeEvents, purgeRejections } from './store/retention.ts';
import { webhookTokens } from './webhook-token.ts';

export interface Receiver {
  fetch(request: Request, lifetime: ExecutionContext): Promise<Response>;
  /** Answers for a payload, and nothing else. Asks for no token: for who is bound to it, not for the internet. */
  fetchPayload(request: Request): Promise<Response>;
  /** Consumes the intake queue. */
  queue(batch: MessageBatch): Promise<void>;
  /** The cron's tasks. Rejects when one of them failed, after all had their turn. */
  scheduled(): Promise<void>;
}

/** Makes the receiver. Throws `ConfigurationError` when the settings make no sense. */
export function createReceiver(env: Env, now: () => number = Date.now): Receiver {
  const settings = settingsFrom(env);
  const deps = {
    db: env.DB,
    events: env.EVENTS as Queue<CloudEvent>,
    intake: env.INTAKE,
    webhookFailures: env.WEBHOOK_FAILURES,
    tokens: webhookTokens(settings.webhookSecret),
    adminToken: settings.adminToken,
    readToken: settings.readToken,
    access: settings.access,
    allowedOrigins: settings.allowedOrigins,
    apiFailures: env.API_FAILURES,
    publicUrl: settings.publicUrl,
    now,
  };
  const app = createApp(deps);
  const payloads = createPayloadApp(deps);

  const tasks = {
    sweep: async () => sweepOutbox(deps, now()),
    purge: async () => {
      const purged = await purgeEvents(env.DB, {
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
      const purged = await purgeRejections(env.DB, { deliveredBeforeMs, nowMs: now() });
      if (purged.expired > 0) {
        log('info', 'purged rejections past their retention', { rejections: purged.expired });
      }
      if (purged.overflowing > 0) {
        log('warn', 'purged rejections: an integration has too many', { rejections: purged.overflowing });
      }
    },
  };

  return {
    fetch: async (request, lifetime) => app.fetch(request, env, lifetime),

    fetchPayload: async (request) => payloads.fetch(request),

    queue: async (batch) => consumeIntake(deps, batch.messages),

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
