// Lets an event be handled once although queues and the receiver deliver at least once. This file keeps the claims; consume.ts
// handles and acknowledges.

import { DAY_MS, type Database, DEFAULT_KEEP_DAYS, PRUNED_ROWS, requireTableName, withTables } from './d1.ts';

/** Two deliveries with the same key are the same event. */
export interface ConsumedKey {
  source: string;
  id: string;
  /** The id of the replay where replays are handled again, otherwise `0`. */
  replay: string;
}

/**
 * `granted`: handle the event, then call `done` or `release` with the token. `done`: it has been handled. `taken`: another
 * invocation has the claim, until then at the latest.
 */
export type Claim =
  | { kind: 'granted'; token: string }
  | { kind: 'done' }
  | { kind: 'taken'; untilMs: number };

/**
 * Keeps which events have been handled. What follows from it for a handler:
 *
 * - An event whose handler succeeded, and for which `done` was kept, is not handled again for as long as the store
 *   keeps its key.
 * - No two invocations handle an event at the same time while a claim lasts, and a claim outlasts every invocation.
 * - A handler that fails gives its claim back and is run again by the retry.
 * - A crash after the claim and before `done` was kept leaves open whether the handler did its work. It is run again
 *   once the claim has expired: at least once, not at most once. A handler that must not repeat an effect even then
 *   has to make that effect itself repeatable (an idempotency key, an upsert).
 * - Where `done` cannot be kept although the handler succeeded, the message is acknowledged all the same; a further
 *   delivery after the claim's end is handled again.
 * - While the store fails, events wait and are retried; none is handled without a claim.
 */
export interface OnceStore {
  claim(key: ConsumedKey, nowMs: number): Promise<Claim>;
  /** Marks the event as handled, whoever holds the claim by now. */
  done(key: ConsumedKey): Promise<void>;
  /** Gives back the claim of this token after a failure. The claim of another token stays. */
  release(key: ConsumedKey, token: string): Promise<void>;
  /** Deletes a bounded number of rows that are older than `keepDays`. Called after each batch. */
  prune?(nowMs: number): Promise<void>;
}

export interface D1OnceOptions {
  /** The table's name, another one for each consumer that shares the database. Default `consumed_events`. */
  table?: string;
  /**
   * How long a claim lasts, which must be longer than any handler runs. Default 15 minutes, the longest invocation of a
   * queue's consumer.
   */
  leaseSeconds?: number;
  /** How long a handled event is remembered. Default 30 days, which is as long as the receiver keeps it. */
  keepDays?: number;
}

const DEFAULT_TABLE = 'consumed_events';
/** https://developers.cloudflare.com/queues/platform/limits/: "Consumer duration (wall clock time): 15 minutes" */
const DEFAULT_LEASE_SECONDS = 900;

/**
 * The SQL of {@link d1Once}'s table, for a migration. Without one the table is created on first use.
 *
 * `seq` grows with age, so that the oldest rows are found without an index on time, which every event would pay for.
 *
 * Tables of early versions have `replay` as an INTEGER. SQLite turns the digits of a replay's id into that number, so they go on
 * working as they are.
 */
export function onceTableSql(table = DEFAULT_TABLE): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
  seq         INTEGER PRIMARY KEY,
  source      TEXT    NOT NULL,
  id          TEXT    NOT NULL,
  replay      TEXT    NOT NULL,
  token       TEXT    NOT NULL,
  claimed_at  INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,
  done        INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source, id, replay)
) STRICT`;
}

/**
 * A {@link OnceStore} in a D1 database, in a table of its own. Costs three rows written for each event (two for the
 * claim, one when it is done) and one statement before and after each handler.
 *
 * @example consume({ once: (env: Env) => d1Once(env.DB), … })
 */
export function d1Once(
  db: Database,
  {
    table = DEFAULT_TABLE,
    leaseSeconds = DEFAULT_LEASE_SECONDS,
    keepDays = DEFAULT_KEEP_DAYS,
  }: D1OnceOptions = {},
): OnceStore {
  requireTableName(table);
  const withTable = async <T>(work: () => Promise<T>) => withTables(db, table, [onceTableSql(table)], work);

  return {
    async claim({ source, id, replay }, nowMs) {
      const token = crypto.randomUUID();
      const [, found] = await withTable(async () =>
        db.batch([
          db
            .prepare(
              `INSERT INTO ${table} (source, id, replay, token, claimed_at, lease_until)
               VALUES (?1, ?2, ?3, ?4, ?5, ?5 + ?6)
               ON CONFLICT (source, id, replay) DO UPDATE
               SET token = ?4, claimed_at = ?5, lease_until = ?5 + ?6 WHERE NOT done AND lease_until <= ?5`,
            )
            .bind(source, id, replay, token, nowMs, leaseSeconds * 1000),
          db
            .prepare(
              `SELECT token, lease_until, done FROM ${table} WHERE source = ?1 AND id = ?2 AND replay = ?3`,
            )
            .bind(source, id, replay),
        ]),
      );
      const [row] = (found?.results ?? []) as { token: string; lease_until: number; done: number }[];
      if (row === undefined) throw new Error('D1 returned no row for a claim');
      if (row.done === 1) return { kind: 'done' };
      return row.token === token ? { kind: 'granted', token } : { kind: 'taken', untilMs: row.lease_until };
    },

    async done({ source, id, replay }) {
      await db
        .prepare(`UPDATE ${table} SET done = 1 WHERE source = ?1 AND id = ?2 AND replay = ?3`)
        .bind(source, id, replay)
        .run();
    },

    async release({ source, id, replay }, token) {
      await db
        .prepare(
          `UPDATE ${table} SET lease_until = 0
           WHERE source = ?1 AND id = ?2 AND replay = ?3 AND token = ?4 AND NOT done`,
        )
        .bind(source, id, replay, token)
        .run();
    },

    async prune(nowMs) {
      await withTable(async () =>
        db
          .prepare(
            `DELETE FROM ${table} WHERE seq IN (
               SELECT seq FROM (SELECT seq, claimed_at FROM ${table} ORDER BY seq LIMIT ${PRUNED_ROWS})
               WHERE claimed_at < ?1
             )`,
          )
          .bind(nowMs - keepDays * DAY_MS)
          .run(),
      );
    },
  };
}
