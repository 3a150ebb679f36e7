// This receiver on bindings that keep count.

import { createReceiver, type Receiver } from '../../../src/receiver.ts';
import { COUNTS_PATH } from '../counts.ts';
import { countedD1, countedQueue, takeCounts } from './counted.ts';

let receiver: Receiver | undefined;

function receiverOf(env: Env): Receiver {
  receiver ??= createReceiver({
    ...env,
    DB: countedD1(env.DB),
    EVENTS: countedQueue(env.EVENTS),
    INTAKE: countedQueue(env.INTAKE),
  });
  return receiver;
}

export default {
  async fetch(request, env, lifetime) {
    if (new URL(request.url).pathname === COUNTS_PATH) return Response.json(takeCounts());
    return receiverOf(env).fetch(request, lifetime);
  },
} satisfies ExportedHandler<Env>;
