// Bindings that keep count of what a Worker asks of them, in the units that are billed.

import type { Counts } from '../counts.ts';

let counts = nothing();

function nothing(): Counts {
  return { statements: 0, rowsRead: 0, rowsWritten: 0, messages: 0, sends: 0 };
}

/** The counts since they were last taken. */
export function takeCounts(): Counts {
  const taken = counts;
  counts = nothing();
  return taken;
}

export function countedD1(db: D1Database): D1Database {
  const counted = (statement: D1PreparedStatement): D1PreparedStatement => {
    const run = async () => {
      const result = await statement.run();
      counts.statements++;
      counts.rowsRead += result.meta.rows_read;
      counts.rowsWritten += result.meta.rows_written;
      return result;
    };
    return intercept(statement, {
      bind: (...values: unknown[]) => counted(statement.bind(...values)),
      first: async () => (await run()).results[0] ?? null,
      run,
      all: run,
    });
  };
  return intercept(db, { prepare: (sql: string) => counted(db.prepare(sql)) });
}

export function countedQueue(queue: Queue): Queue {
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
