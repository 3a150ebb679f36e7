// The entry point of the Worker: its handlers, and what consumers bind to.

import { WorkerEntrypoint } from 'cloudflare:workers';
import { createMisconfiguredApp } from './app.ts';
import { ConfigurationError } from './env.ts';
import { createReceiver, type Receiver } from './receiver.ts';

/** Made by the first invocation of an isolate, and shared by all: group-commit.ts says why. */
let receiver: Receiver | undefined;

function receiverOf(env: Env): Receiver {
  receiver ??= createReceiver(env);
  return receiver;
}

/** Serves consumers that are bound to it the payloads that are too large for a queue. Not reachable from outside. */
export class Payloads extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    return answer(request, async () => receiverOf(this.env).fetchPayload(request));
  }
}

export default {
  async fetch(request, env, lifetime) {
    return answer(request, async () => receiverOf(env).fetch(request, lifetime));
  },

  async queue(batch, env, lifetime) {
    await receiverOf(env).queue(batch, lifetime);
  },

  async scheduled(_controller, env) {
    await receiverOf(env).scheduled();
  },
} satisfies ExportedHandler<Env>;

async function answer(request: Request, handle: () => Promise<Response>): Promise<Response> {
  try {
    return await handle();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return createMisconfiguredApp(error).fetch(request);
  }
}
