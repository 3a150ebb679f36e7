// D1 on SQLite in memory, with the project's migrations. Triggers that D1 does not have tell an observer what becomes of events,
// routes, replays, rejections and counters.

import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { MIGRATIONS } from '../declared-worker.ts';

/** https://developers.cloudflare.com/d1/platform/limits/ */
const MAX_PARAMETERS = 100;
const MAX_VALUE_BYTES = 2_000_000;
const MAX_SQL_BYTES = 100_000;

/** One change that a statement made. */
export type Change =
  | {
      what: 'event stored';
      seq: number;
      id: string;
      integration: string;
      type: string;
      status: string | null;
      contact: string;
      requestId: string;
      deferred: number;
    }
  | { what: 'event deleted'; seq: number; id: string; integration: string; contact: string }
  | ({ what: 'route made' | 'route changed' } & RouteRow)
  | { what: 'route gone'; route: string }
  | { what: 'stretch noted'; route: string; after: number; last: number }
  | { what: 'given up'; route: string; seq: number }
  | { what: 'replay made'; id: number; route: string; filter: string; fromSeq: number; untilSeq: number }
  | { what: 'replay changed'; id: number; state: string; more: number }
  | { what: 'rejection kept'; seq: number; integration: string; deliveries: number }
  | { what: 'rejection delivered again'; seq: number; integration: string; more: number }
  | {
      what: 'dead letter kept';
      seq: number;
      kind: string;
      route: string | null;
      sequence: string | null;
      replay: string | null;
    }
  | { what: 'counted up to'; seq: number };

/** What a route is after a change. */
export interface RouteRow {
  route: string;
  /** JSON */
  filter: string;
  state: string;
  version: number;
  began: number;
  position: number;
  counted: number;
}

type Values = (string | number | null)[];

const ROUTE_ROW = `'route', NEW.name, 'filter', NEW.filter, 'state', NEW.state, 'version', NEW.version, 'began', NEW.began,
  'position', NEW.position, 'counted', NEW.counted`;
const STRETCH_ROW = "'route', NEW.route, 'after', NEW.after, 'last', NEW.last";

/** When the observer is told of something, and what, as arguments of SQLite's `json_object`. */
const TRIGGERS = [
  [
    'INSERT ON main.events',
    `'event stored', 'seq', NEW.seq, 'id', NEW.id, 'integration', NEW.integration, 'type', NEW.type,
     'status', NEW.status, 'contact', NEW.contact, 'requestId', NEW.request_id, 'deferred', NEW.deferred`,
  ],
  [
    'DELETE ON main.events',
    `'event deleted', 'seq', OLD.seq, 'id', OLD.id, 'integration', OLD.integration, 'contact', OLD.contact`,
  ],
  ['INSERT ON main.routes', `'route made', ${ROUTE_ROW}`],
  ['UPDATE ON main.routes', `'route changed', ${ROUTE_ROW}`],
  ['DELETE ON main.routes', `'route gone', 'route', OLD.name`],
  ['INSERT ON main.forwarded', `'stretch noted', ${STRETCH_ROW}`],
  ['UPDATE ON main.forwarded', `'stretch noted', ${STRETCH_ROW}`],
  ['INSERT ON main.refused WHEN NEW.given_up', `'given up', 'route', NEW.route, 'seq', NEW.seq`],
  [
    'UPDATE ON main.refused WHEN NEW.given_up AND NOT OLD.given_up',
    `'given up', 'route', NEW.route, 'seq', NEW.seq`,
  ],
  [
    'INSERT ON main.replays',
    `'replay made', 'id', NEW.id, 'route', NEW.route, 'filter', NEW.filter, 'fromSeq', NEW.from_seq,
     'untilSeq', NEW.until_seq`,
  ],
  [
    'UPDATE ON main.replays',
    `'replay changed', 'id', NEW.id, 'state', NEW.state, 'more', NEW.forwarded - OLD.forwarded`,
  ],
  [
    'INSERT ON main.rejections',
    `'rejection kept', 'seq', NEW.seq, 'integration', NEW.integration, 'deliveries', NEW.deliveries`,
  ],
  [
    'UPDATE OF deliveries ON main.rejections WHEN NEW.deliveries > OLD.deliveries',
    `'rejection delivered again', 'seq', NEW.seq, 'integration', NEW.integration,
     'more', NEW.deliveries - OLD.deliveries`,
  ],
  [
    'INSERT ON main.dead_letters',
    `'dead letter kept', 'seq', NEW.seq, 'kind', NEW.kind, 'route', NEW.route,
     'sequence', NEW.body ->> '$.sequence', 'replay', NEW.body ->> '$.replay'`,
  ],
  ["INSERT ON main.progress WHEN NEW.task = 'counters'", `'counted up to', 'seq', NEW.seq`],
  ["UPDATE ON main.progress WHEN NEW.task = 'counters'", `'counted up to', 'seq', NEW.seq`],
] as const;

let migrations: string[] | undefined;

/** A statement as the receiver has prepared and bound it. */
interface Bound {
  sql: string;
  values: Values;
}

/** A database that executes statements at once. */
export class SimulatedDatabase {
  readonly #db = new DatabaseSync(':memory:');
  readonly #prepared = new Map<string, StatementSync>();
  readonly #observe: (changes: Change[]) => void;
  #changes: Change[] = [];

  /**
   * @param nowMs D1's own time, for `unixepoch()`.
   * @param observe absent: nobody is told of changes, which makes them cheaper.
   */
  constructor(nowMs: () => number, observe?: (changes: Change[]) => void) {
    this.#observe = observe ?? (() => undefined);
    const db = this.#db;
    db.function('unixepoch', () => Math.floor(nowMs() / 1000));
    migrations ??= readdirSync(MIGRATIONS)
      .filter((file) => file.endsWith('.sql'))
      .sort()
      .map((file) => readFileSync(`${MIGRATIONS}/${file}`, 'utf8'));
    for (const migration of migrations) db.exec(migration);
    if (observe === undefined) return;
    db.function('observed', (change) => {
      this.#changes.push(JSON.parse(String(change)) as Change);
      return null;
    });
    for (const [index, [when, change]] of TRIGGERS.entries()) {
      db.exec(
        `CREATE TEMP TRIGGER observe_${index} AFTER ${when}
         BEGIN SELECT observed(json_object('what', ${change})); END`,
      );
    }
  }

  /** Runs statements in one transaction, and gives D1's results. Throws D1's errors. */
  transact(statements: readonly Bound[]): D1Result<Record<string, unknown>>[] {
    this.#changes = [];
    const isBatch = statements.length > 1;
    if (isBatch) this.#db.exec('BEGIN');
    try {
      const results = statements.map((statement) => this.#execute(statement));
      if (isBatch) this.#db.exec('COMMIT');
      if (this.#changes.length > 0) this.#observe(this.#changes);
      return results;
    } catch (error) {
      if (isBatch) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** Tells the observer of the routes that the migrations made. */
  tellRoutes(): void {
    const rows = this.ask<RouteRow>(
      'SELECT name AS route, filter, state, version, began, position, counted FROM routes',
    );
    this.#observe(rows.map((row) => ({ what: 'route made', ...row })));
  }

  /** Reads rows from outside of the simulation. */
  ask<Row>(sql: string, ...values: Values): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  close(): void {
    this.#db.close();
  }

  #execute({ sql, values }: Bound): D1Result<Record<string, unknown>> {
    if (Buffer.byteLength(sql) > MAX_SQL_BYTES)
      throw new Error('D1_ERROR: statement too long: SQLITE_TOOBIG');
    if (values.length > MAX_PARAMETERS) throw new Error('D1_ERROR: too many SQL variables: SQLITE_ERROR');
    if (values.some((value) => typeof value === 'string' && Buffer.byteLength(value) > MAX_VALUE_BYTES)) {
      throw new Error('D1_ERROR: string or blob too big: SQLITE_TOOBIG');
    }
    const before = this.#totalChanges();
    let results: Record<string, unknown>[];
    try {
      results = this.#statement(sql).all(...values) as Record<string, unknown>[];
    } catch (error) {
      throw new Error(`D1_ERROR: ${(error as Error).message}: SQLITE_ERROR`);
    }
    const changes = this.#totalChanges() - before;
    const sizeNow = () => this.#size();
    const meta = {
      changes,
      get size_after() {
        return sizeNow();
      },
    };
    return { success: true, results, meta } as unknown as D1Result<Record<string, unknown>>;
  }

  #totalChanges(): number {
    return (this.#statement('SELECT total_changes() AS n').get() as { n: number }).n;
  }

  #size(): number {
    const pages = this.#statement(
      'SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count) AS n',
    ).get() as { n: number };
    return pages.n * 4096;
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}

/** @param call performs a call, or has it fail. */
export function d1Binding(
  database: Pick<SimulatedDatabase, 'transact'>,
  call: <T>(what: string, statements: number, perform: () => T) => Promise<T>,
): D1Database {
  const bounds = new WeakMap<object, Bound>();
  const prepared = (sql: string, values: Values): D1PreparedStatement => {
    const run = async () => {
      const [result] = await call(summaryOf(sql), 1, () => database.transact([{ sql, values }]));
      return result as D1Result<Record<string, unknown>>;
    };
    const statement = {
      bind: (...bound: unknown[]) => prepared(sql, bound.map(boundValue)),
      run,
      all: run,
      first: async (column?: string) => {
        const [row] = (await run()).results;
        return row === undefined ? null : column === undefined ? row : row[column];
      },
    } as unknown as D1PreparedStatement;
    bounds.set(statement, { sql, values });
    return statement;
  };
  return {
    prepare: (sql: string) => prepared(sql, []),
    batch: async (statements: D1PreparedStatement[]) => {
      const batch = statements.map((statement) => bounds.get(statement) as Bound);
      const what = batch.map(({ sql }) => summaryOf(sql)).join('; ');
      return call(what, batch.length, () => database.transact(batch));
    },
  } as unknown as D1Database;
}

function boundValue(value: unknown): string | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw new Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value`);
}

/** The verb and the table of a statement, for the trace. */
function summaryOf(sql: string): string {
  const [, verb = '?', rest = ''] =
    /^\s*(?:WITH\b[\s\S]*?\)\s*)?(INSERT INTO|DELETE FROM|UPDATE|SELECT)\b\s*([\s\S]*)$/.exec(sql) ?? [];
  return verb === 'SELECT'
    ? `SELECT … FROM ${/FROM\s+(\w+)/.exec(rest)?.[1] ?? '…'}`
    : `${verb} ${/^\w+/.exec(rest)?.[0] ?? '…'}`;
}
