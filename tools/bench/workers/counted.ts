// Workers on bindings that count what they use, in the units that are billed.

import { COUNTS_PATH, type Counts } from '../counts.ts';
import { intercept, watchedD1 } from './watched-d1.ts';

/** Statements that store events, as this receiver and the other subjects write them. */
const STORES_EVENTS = /\bINSERT\s+(OR\s+\w+\s+)?INTO\s+events\b/i;

/**
 * How long D1 takes for an answer at the least. Over a network it takes many times as long as on this machine, where groups
 * would be smaller than they are in production, since a group is what comes while D1 works on the one before.
 */
const D1_DELAY_MS = 20;

let counts = nothing();

function nothing(): Counts {
  return { statements: 0, recordings: 0, rowsRead: 0, rowsWritten: 0, messages: 0, sends: 0 };
}

/** The counts since they were last taken. */
function takeCounts(): Counts {
  const taken = counts;
  counts = nothing();
  return taken;
}

/** The Worker on bindings that keep count. It also shows the counts, at {@link COUNTS_PATH}, and begins new ones. */
export function countedWorker<E extends object>({
  fetch,
  queue,
  scheduled,
}: ExportedHandler<E>): ExportedHandler<E> {
  let countedEnv: E | undefined;
  const bindingsOf = (env: E) => {
    countedEnv ??= countedBindings(env);
    return countedEnv;
  };
  return {
    async fetch(request, env, lifetime) {
      if (new URL(request.url).pathname === COUNTS_PATH) return Response.json(takeCounts());
      return fetch?.(request, bindingsOf(env), lifetime) ?? new Response(null, { status: 404 });
    },
    queue: async (batch, env, lifetime) => queue?.(batch, bindingsOf(env), lifetime),
    scheduled: async (controller, env, lifetime) => scheduled?.(controller, bindingsOf(env), lifetime),
  };
}

/** All databases and queues among the bindings are counted, whatever their names. */
function countedBindings<E extends object>(env: E): E {
  const bindings = Object.entries(env).map(([name, binding]) => [name, countedBinding(binding)]);
  return Object.fromEntries(bindings) as E;
}

function countedBinding(binding: unknown): unknown {
  if (typeof binding !== 'object' || binding === null) return binding;
  if ('sendBatch' in binding) return countedQueue(binding as Queue);
  if ('prepare' in binding) return countedD1(binding as D1Database);
  return binding;
}

function countedD1(db: D1Database): D1Database {
  return watchedD1(db, {
    around: async (_, call) => {
      await new Promise((resolve) => setTimeout(resolve, D1_DELAY_MS));
      return call();
    },
    answered: ({ sql }, meta) => {
      counts.statements++;
      if (STORES_EVENTS.test(sql)) counts.recordings++;
      counts.rowsRead += meta.rows_read;
      counts.rowsWritten += meta.rows_written;
    },
  });
}

function countedQueue(queue: Queue): Queue {
  return intercept(queue, {
    send: async (...message: Parameters<Queue['send']>) => {
      counts.sends++;
      counts.messages++;
      return queue.send(...message);
    },
    sendBatch: async (messages: Iterable<MessageSendRequest>) => {
      const batch = [...messages];
      counts.sends++;
      counts.messages += batch.length;
      return queue.sendBatch(batch);
    },
  });
}
