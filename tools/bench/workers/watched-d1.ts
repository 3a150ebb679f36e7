// A D1 database whose calls can be counted, or made to fail.

/** A statement as it was prepared and bound. */
export interface WatchedStatement {
  sql: string;
  bound: unknown[];
}

export interface Watch {
  /** Wraps each call; `sql` is that of all its statements. */
  around?<T>(sql: string, call: () => Promise<T>): Promise<T>;
  /** Called for each statement that D1 answered, by itself or in a batch. */
  answered(statement: WatchedStatement, meta: D1Meta): void;
}

interface Prepared extends WatchedStatement {
  statement: D1PreparedStatement;
}

export function watchedD1(
  db: D1Database,
  { around = async (_, call) => call(), answered }: Watch,
): D1Database {
  const preparedBy = new WeakMap<D1PreparedStatement, Prepared>();
  const watched = (prepared: Prepared): D1PreparedStatement => {
    const { statement, sql } = prepared;
    const run = async () =>
      around(sql, async () => {
        const result = await statement.run<Record<string, unknown>>();
        answered(prepared, result.meta);
        return result;
      });
    const proxy = intercept(statement, {
      bind: (...values: unknown[]) => watched({ statement: statement.bind(...values), sql, bound: values }),
      first: async (column?: string) => {
        const [row] = (await run()).results;
        return row === undefined ? null : column === undefined ? row : row[column];
      },
      run,
      all: run,
    });
    preparedBy.set(proxy, prepared);
    return proxy;
  };
  return intercept(db, {
    prepare: (sql: string) => watched({ statement: db.prepare(sql), sql, bound: [] }),
    batch: async (proxies: D1PreparedStatement[]) => {
      const batch = proxies.map((proxy) => preparedBy.get(proxy) as Prepared);
      return around(batch.map(({ sql }) => sql).join(';'), async () => {
        const results = await db.batch(batch.map(({ statement }) => statement));
        for (const [index, { meta }] of results.entries()) answered(batch[index] as Prepared, meta);
        return results;
      });
    },
  });
}

/** `target` with some of its methods replaced. */
export function intercept<T extends object>(target: T, methods: object): T {
  return new Proxy(target, {
    get(_, name) {
      if (name in methods) return Reflect.get(methods, name);
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
