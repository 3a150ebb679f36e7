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
  /** The statements behind the proxies, for batches of them. */
  const statements = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const count = ({ meta }: D1Result) => {
    counts.statements++;
    counts.rowsRead += meta.rows_read;
    counts.rowsWritten += meta.rows_written;
  };
  const counted = (statement: D1PreparedStatement): D1PreparedStatement => {
    const run = async () => {
      const result = await statement.run<Record<string, unknown>>();
      count(result);
      return result;
    };
    const proxy = intercept(statement, {
      bind: (...values: unknown[]) => counted(statement.bind(...values)),
      first: async (column?: string) => {
        const [row] = (await run()).results;
        return row === undefined ? null : column === undefined ? row : row[column];
      },
      run,
      all: run,
    });
    statements.set(proxy, statement);
    return proxy;
  };
  return intercept(db, {
    prepare: (sql: string) => counted(db.prepare(sql)),
    batch: async (proxies: D1PreparedStatement[]) => {
      const results = await db.batch(proxies.map((proxy) => statements.get(proxy) ?? proxy));
      for (const result of results) count(result);
      return results;
    },
  });
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
