// The receiver of an isolate: makes once from the bindings what its handlers share.

import { createApp, createPayloadApp } from './app.ts';
import { routeQueuesOf, settingsFrom } from './env.ts';
import { type CatchUpDeps, catchUp, routeToCatchUp } from './forward/catch-up.ts';
import { isDeadLetterQueue, keepDeadLetters } from './forward/dead-letters.ts';
import { consumeIntake, UNPACKED_LIMITS } from './forward/intake-consumer.ts';
import { createMaintenance } from './maintenance.ts';
import { BODY_LIMITS } from './receive/read-body.ts';
import { createRefusals } from './receive/refusal-counter.ts';
import { boundedDatabase, boundedQueue, boundedRateLimit } from './runtime/bounded-bindings.ts';
import { byteBudget } from './runtime/byte-budget.ts';
import { circuitBreaker } from './runtime/circuit-breaker.ts';
import type { Lifetime } from './runtime/group-commit.ts';
import { webhookTokens } from './sender/webhook-token.ts';

export interface Receiver {
  fetch(request: Request, lifetime: ExecutionContext): Promise<Response>;
  /** Serves payloads, and nothing else. Asks for no token, so it is for service bindings and not for the internet. */
  fetchPayload(request: Request): Promise<Response>;
  /** Consumes the intake queue and the dead-letter queues. */
  queue(batch: MessageBatch, lifetime: Lifetime): Promise<void>;
  /** Does the cron's tasks. Rejects, once all had their turn, when some failed or did not end. */
  scheduled(): Promise<void>;
}

/** Consumes the intake queue: webhooks first, since more depends on them. */
async function consumeOwn(
  deps: Parameters<typeof consumeIntake>[0] & CatchUpDeps,
  messages: readonly Message<unknown>[],
): Promise<void> {
  const routes = new Map(messages.map((message) => [message, routeToCatchUp(message.body)]));
  const webhooks = messages.filter((message) => routes.get(message) === null);
  if (webhooks.length > 0) await consumeIntake(deps, webhooks);
  const behind = new Set([...routes.values()].filter((route) => route !== null));
  if (behind.size === 0) return;
  await catchUp(deps, behind);
  for (const [message, route] of routes) if (route !== null) message.ack();
}

/** Tests have a clock of their own. */
export interface Clock {
  /** Unix ms. */
  now: () => number;
  pause: (ms: number) => Promise<void>;
}

const REAL_CLOCK: Clock = {
  now: Date.now,
  pause: async (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Makes the receiver. Throws `ConfigurationError` when a setting is wrong. */
export function createReceiver(env: Env, { now, pause }: Clock = REAL_CLOCK): Receiver {
  const { webhookSecret, ...settings } = settingsFrom(env);
  const deps = {
    ...settings,
    db: boundedDatabase(env.DB),
    queues: new Map(Array.from(routeQueuesOf(env), ([name, queue]) => [name, boundedQueue(queue)] as const)),
    intake: boundedQueue(env.INTAKE),
    breaker: circuitBreaker(),
    bodies: byteBudget(BODY_LIMITS),
    unpacked: byteBudget(UNPACKED_LIMITS),
    webhookFailures: boundedRateLimit(env.WEBHOOK_FAILURES),
    tokens: webhookTokens(webhookSecret),
    apiFailures: boundedRateLimit(env.API_FAILURES),
    assets: env.ASSETS,
    version: env.VERSION?.id ?? null, // missing in Workers that run without wrangler
    now,
  };
  const maintenance = createMaintenance(deps);
  const refusals = createRefusals({ db: deps.db, now, pause });
  const app = createApp({ ...deps, ...maintenance, ...refusals });
  const payloads = createPayloadApp(deps);

  return {
    async fetch(request, lifetime) {
      const answer = await app.fetch(request, env, lifetime);
      maintenance.standIn(lifetime);
      refusals.writeRefusals(lifetime);
      return answer;
    },

    fetchPayload: async (request) => payloads.fetch(request),

    async queue(batch, lifetime) {
      if (isDeadLetterQueue(batch.queue)) await keepDeadLetters(deps, batch);
      else await consumeOwn(deps, batch.messages);
      maintenance.lookAfterCron(lifetime);
    },

    scheduled: maintenance.run,
  };
}
