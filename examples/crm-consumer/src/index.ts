// A second consumer, with a queue of its own: what customers write, for a CRM that shows each conversation in its order.

import { consume, dataFromService } from 'instant-message-consumer';
import { describeEvent } from '../../push-consumer/src/describe-event.ts';

export interface Env {
  STATE: D1Database;
  RECEIVER: Fetcher;
}

export default {
  queue: consume<Env>({
    ordered: { by: 'contact', db: (env) => env.STATE },
    fetchData: (env) => dataFromService(env.RECEIVER),

    onResponse(event) {
      console.log(describeEvent(event));
    },
  }),
} satisfies ExportedHandler<Env>;
