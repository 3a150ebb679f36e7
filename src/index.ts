// The Worker: fetch, queue, scheduled. Wiring only.

import { REQUEST_ID_HEADER } from './app.ts';
import { ConfigurationError } from './env.ts';
import { log } from './log.ts';
import { problem } from './problem.ts';
import { createReceiver, type Receiver } from './receiver.ts';

/** Made by the first invocation of an isolate; holds the group commits, see group-commit.ts for why. */
let receiver: Receiver | undefined;

function receiverOf(env: Env): Receiver {
  receiver ??= createReceiver(env);
  return receiver;
}

export default {
  async fetch(request, env, lifetime) {
    try {
      return await receiverOf(env).fetch(request, lifetime);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const requestId = crypto.randomUUID();
      log('error', 'misconfigured', { requestId, problem: error.message });
      return problem('unavailable', 'The receiver is misconfigured; its log says how.', {
        headers: { 'retry-after': '60', [REQUEST_ID_HEADER]: requestId },
      });
    }
  },

  async queue(batch, env) {
    await receiverOf(env).queue(batch);
  },

  async scheduled(_controller, env) {
    await receiverOf(env).scheduled();
  },
} satisfies ExportedHandler<Env>;
