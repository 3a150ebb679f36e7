// The afternoon's receiver on bindings that keep count.

import { COUNTS_PATH } from '../counts.ts';
import { countedD1, countedQueue, takeCounts } from './counted.ts';
import naiveReceiver, { type NaiveEnv } from './naive-receiver.ts';

export default {
  async fetch(request, env, lifetime) {
    if (new URL(request.url).pathname === COUNTS_PATH) return Response.json(takeCounts());
    return naiveReceiver.fetch(
      request,
      { ...env, DB: countedD1(env.DB), EVENTS: countedQueue(env.EVENTS) },
      lifetime,
    );
  },
} satisfies ExportedHandler<NaiveEnv>;
