// The Worker under test: the receiver itself, on bindings that can be made to fail and that keep count.

import type { CloudEvent } from '../src/contract/cloudevent.ts';
import { createReceiver, type Receiver } from '../src/receiver.ts';

/** What happens to the calls of a binding; `call` is the real one. */
type Fault<T> = (call: () => Promise<T>, about: { sql: string; bindings: unknown[] }) => Promise<T>;

interface Statement {
  sql: string;
  bindings: unknown[];
  rowsRead: number;
  rowsWritten: number;
}

/** Faults in force and what was seen; {@link reset} ends the first and forgets the second. */
export const probe = {
  d1: undefined as Fault<D1Result> | undefined,
  events: undefined as Fault<unknown> | undefined,
  intake: undefined as Fault<unknown> | undefined,
  /** Added to the clock. */
  clockAheadMs: 0,
  statements: [] as Statement[],
  /** Batches that the EVENTS queue confirmed. */
  batches: [] as CloudEvent[][],
  /** What arrived at a consumer of the EVENTS queue. */
  consumed: [] as CloudEvent[],
  deferred: [] as unknown[],
  /** How often each outcome befell a message of the intake queue. */
  intakeOutcomes: { ack: 0, retry: 0 },
};

let receiver: Receiver | undefined;

/** Ends all faults and forgets what was seen; the receiver begins anew, as a cold isolate would. */
export function reset(): void {
  Object.assign(probe, {
    d1: undefined,
    events: undefined,
    intake: undefined,
    clockAheadMs: 0,
    statements: [],
    batches: [],
    consumed: [],
    deferred: [],
    intakeOutcomes: { ack: 0, retry: 0 },
  });
  receiver = undefined;
}

function receiverOf(env: Env): Receiver {
  receiver ??= createReceiver(
    { ...env, DB: probedD1(env.DB), EVENTS: probedEvents(env.EVENTS), INTAKE: probedIntake(env.INTAKE) },
    () => Date.now() + probe.clockAheadMs,
  );
  return receiver;
}

function probedD1(db: D1Database): D1Database {
  const probed = (statement: D1PreparedStatement, sql: string, bindings: unknown[]): D1PreparedStatement =>
    intercept(statement, {
      bind: (...values: unknown[]) => probed(statement.bind(...values), sql, values),
      first: async () => (await run(statement, sql, bindings)).results[0] ?? null,
      run: async () => run(statement, sql, bindings),
    });
  const run = async (statement: D1PreparedStatement, sql: string, bindings: unknown[]) => {
    const call = async () => {
      const result = await statement.run();
      probe.statements.push({
        sql,
        bindings,
        rowsRead: result.meta.rows_read,
        rowsWritten: result.meta.rows_written,
      });
      return result;
    };
    return probe.d1 ? probe.d1(call, { sql, bindings }) : call();
  };
  return intercept(db, { prepare: (sql: string) => probed(db.prepare(sql), sql, []) });
}

function probedEvents(queue: Queue): Queue {
  return intercept(queue, {
    sendBatch: async (messages: MessageSendRequest<CloudEvent>[]) => {
      const call = async () => {
        const sent = await queue.sendBatch(messages);
        probe.batches.push(messages.map(({ body }) => body));
        return sent;
      };
      return probe.events ? probe.events(call, { sql: '', bindings: [] }) : call();
    },
  });
}

function probedIntake(queue: Queue): Queue {
  return intercept(queue, {
    send: async (body: unknown, options?: QueueSendOptions) => {
      const call = async () => {
        const sent = await queue.send(body, options);
        probe.deferred.push(body);
        return sent;
      };
      return probe.intake ? probe.intake(call, { sql: '', bindings: [] }) : call();
    },
  });
}

/** `target` with some of its methods replaced. */
function intercept<T extends object>(target: T, methods: object): T {
  return new Proxy(target, {
    get(_, name) {
      if (name in methods) return Reflect.get(methods, name);
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function counted(message: Message): Message {
  return intercept(message, {
    ack: () => {
      probe.intakeOutcomes.ack++;
      message.ack();
    },
    retry: () => {
      probe.intakeOutcomes.retry++;
      message.retry({ delaySeconds: 1 }); // the tests need not wait as long as production does
    },
  });
}

export default {
  async fetch(request, env, lifetime) {
    return receiverOf(env).fetch(request, lifetime);
  },

  async queue(batch, env) {
    if (batch.queue === 'instant-message-events') {
      probe.consumed.push(...batch.messages.map(({ body }) => body as CloudEvent));
    } else {
      await receiverOf(env).queue(withCounted(batch));
    }
  },

  async scheduled(_controller, env) {
    await receiverOf(env).scheduled();
  },
} satisfies ExportedHandler<Env>;

function withCounted(batch: MessageBatch): MessageBatch {
  const messages = batch.messages.map(counted);
  return new Proxy(batch, {
    get: (target, name) => (name === 'messages' ? messages : Reflect.get(target, name)),
  });
}
