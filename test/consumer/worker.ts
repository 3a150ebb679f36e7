// A consumer as a user would write it, whose handler does as the test says. It has a queue of its own, and reads what
// its dead-letter queue gets.

import { WorkerEntrypoint } from 'cloudflare:workers';
import { type ConsumeOptions, consume, d1Once, type ResponseEvent } from 'instant-message-consumer';
import { intercept } from '../../tools/bench/workers/watched-d1.ts';

interface Env {
  STATE: D1Database;
}

/** How the handler behaves. */
export interface Behaviour {
  /** Throws at every so many-th message that it is first given. */
  failsEvery?: number;
  /** Takes so long. */
  takesMs?: number;
  /** Whether repeats are kept away. */
  once?: boolean;
  /** Whether the events of a contact are kept in order beyond a batch. */
  ordered?: boolean;
}

export interface Seen {
  /** The ids of events whose handler began, and those whose handler came to its end. */
  begun: string[];
  handled: string[];
  attempts: number[];
  batches: number;
  deadLetters: unknown[];
  logged: string[];
}

const nothingSeen = (): Seen => ({
  begun: [],
  handled: [],
  attempts: [],
  batches: 0,
  deadLetters: [],
  logged: [],
});
let seen = nothingSeen();
let behaviour: Behaviour = {};
/** Messages that will not come again. No reset forgets them. */
let finished = 0;

console.error = (...parts: unknown[]) => void seen.logged.push(parts.map(String).join(' '));

/** The tests' hold on the consumer. */
export class Probe extends WorkerEntrypoint {
  reset(changed: Behaviour = {}): void {
    seen = nothingSeen();
    behaviour = changed;
  }

  seen(): Seen {
    return seen;
  }

  /** How many messages were acknowledged or became dead letters, ever. */
  finished(): number {
    return finished;
  }
}

async function handle(event: ResponseEvent, { attempt }: { attempt: number }): Promise<void> {
  seen.begun.push(event.id);
  seen.attempts.push(attempt);
  const { failsEvery, takesMs } = behaviour;
  if (takesMs !== undefined) await new Promise((resolve) => setTimeout(resolve, takesMs));
  const first = [...new Set(seen.begun)];
  if (failsEvery !== undefined && attempt === 1 && (first.indexOf(event.id) + 1) % failsEvery === 0) {
    throw new Error(`failed over ${event.contact}`);
  }
  seen.handled.push(event.id);
}

const options: ConsumeOptions<Env> = {
  onResponse: handle,
  once: ({ STATE }) => (behaviour.once ? d1Once(STATE) : undefined),
  retry: { firstSeconds: 1, longestSeconds: 1 },
};
const inAnyOrder = consume<Env>(options);
const inOrder = consume<Env>({ ...options, ordered: { by: 'contact', db: ({ STATE }) => STATE } });

export default {
  async queue(batch, env) {
    if (batch.queue === 'kit-dead') {
      seen.deadLetters.push(...batch.messages.map(({ body }) => body));
      finished += batch.messages.length;
      return;
    }
    seen.batches++;
    const messages = batch.messages.map((message) =>
      intercept(message, {
        ack: () => {
          finished++;
          message.ack();
        },
      }),
    );
    const queue = behaviour.ordered ? inOrder : inAnyOrder;
    await queue({ queue: batch.queue, messages } as unknown as MessageBatch, env);
  },
} satisfies ExportedHandler<Env>;
