// Handles events in the order of their places in the receiver's log, as far as that is possible behind a queue that has no order.
// This file says what is ordered and keeps whose turn it is; consume.ts acknowledges and retries.

import { type StatusEvent, sequenceOf } from '../../../src/contract/cloudevent.ts';
import { statusRank } from '../../../src/contract/message-status.ts';
import { DAY_MS, type Database, DEFAULT_KEEP_DAYS, PRUNED_ROWS, requireTableName, withTables } from './d1.ts';
import { handleOnce, type Outcome, type Task, type Work } from './handle-message.ts';
import { logError } from './log.ts';

/**
 * Keeps events in the order of their `sequence`: all of a contact, or those of a message. What follows from it for a handler:
 *
 * - It gets an event after every earlier one of the same contact that has reached this consumer, in whichever batch: one that
 *   is being handled, one that waits for its turn, and one that failed and waits for its retry.
 * - It never gets two events of a contact at the same time. A crash leaves a contact locked until the handler would have timed
 *   out; a handler that ran into its timeout and may still be running, for 15 minutes.
 * - It does not get a status that is behind one of the same message that was handled: `delivered` after `read`. What is behind
 *   what says `statusRank`: `sent`, `failed`, `delivered`, `read`. A response is never skipped.
 *
 * What it cannot promise:
 *
 * - A queue has no order, so an earlier event may arrive after a later one was handled. It is then handled late, or skipped
 *   where it is a status that is behind. Nothing tells that it is still to come.
 * - No event waits for ever: `maxWaitSeconds` after it arrived it neither waits nor is waited for, so that one that always fails,
 *   or has become a dead letter, does not stop its contact. A log line tells which events were overtaken.
 * - Replays, events of early versions (without `sequence`) and events without a contact are handled as they come.
 * - While D1 fails, events wait and are retried; none is handled out of turn.
 *
 * An event that has to wait goes back to the queue, and that counts as an attempt: `max_retries` must leave room for it. The
 * default `maxWaitSeconds` with the default `retry` takes seven attempts at most.
 */
export interface OrderedOptions<Env> {
  /** Whose events are kept in order. `message`: those with the same `source` and `subject`. */
  by: 'contact' | 'message';
  /** Gives the database. Called for each batch. */
  db: (env: Env) => Database;
  /** How long after its arrival an event waits, and is waited for. Default 300. */
  maxWaitSeconds?: number;
  /** Called with each status that is skipped, which is acknowledged. */
  onSkipped?: (event: StatusEvent) => void;
  /** The name of the table, another one for each consumer that shares the database. Default `ordered_events`. */
  table?: string;
  /** How long it is remembered how far a message has come. Default 30 days, which is as long as the receiver keeps events. */
  keepDays?: number;
}

/** Where an event stands among those that it is ordered with. */
export interface Place {
  key: string;
  sequence: number;
  /** Of a known status: which message has come how far. */
  status?: { message: string; rank: number };
}

/** `granted`: handle the event, then call `done`, `forget` or `release` with the token. */
type Turn =
  | { kind: 'granted'; token: string; overtaken: string[] }
  | { kind: 'held'; untilMs: number }
  | { kind: 'behind' };

export interface Order {
  /** Notes that events have arrived, so that later ones wait for them. */
  note(places: Place[], nowMs: number): Promise<void>;
  /** Asks for an event's turn, which nobody else of the same key then gets until it is given back, or `leaseMs` are over. */
  begin(place: Place, leaseMs: number, nowMs: number): Promise<Turn>;
  /** Gives a turn back after the event was handled. */
  done(place: Place, token: string, nowMs: number): Promise<void>;
  /** Gives a turn back of an event that later ones need not wait for. */
  forget(place: Place, token: string): Promise<void>;
  /** Gives a turn back after a failure, at that time. Later events wait for the retry. */
  release(place: Place, token: string, atMs: number): Promise<void>;
  /** Deletes a bounded number of rows that are older than `keepDays`. */
  prune(nowMs: number): Promise<void>;
}

export const DEFAULT_MAX_WAIT_SECONDS = 300;
const DEFAULT_TABLE = 'ordered_events';
/** For the statements before and after a handler. */
const LEASE_MARGIN_MS = 60_000;
/** https://developers.cloudflare.com/queues/platform/limits/: "Consumer duration (wall clock time): 15 minutes" */
const LONGEST_INVOCATION_MS = 900_000;

/** What an event is ordered by, as a text that nothing else has; `undefined` where it names none. */
export function orderName(body: unknown, by: 'contact' | 'message'): string | undefined {
  const { contact, source, subject } = (body ?? {}) as Record<string, unknown>;
  const names = by === 'contact' ? [contact] : [source, subject];
  return names.every((name) => typeof name === 'string') ? JSON.stringify([by, ...names]) : undefined;
}

/** The place in the log that an event tells; `undefined` where it tells none. */
export function sequenceIn(body: unknown): number | undefined {
  const { sequence } = (body ?? {}) as { sequence?: unknown };
  if (typeof sequence !== 'string' || !/^\d+$/.test(sequence)) return undefined;
  return Number.isSafeInteger(Number(sequence)) ? Number(sequence) : undefined;
}

/** The place of an event; `undefined` where it is handled in no order. */
export async function placeOf({ event, step }: Task, by: 'contact' | 'message'): Promise<Place | undefined> {
  const name = orderName(event, by);
  const sequence = sequenceIn(event);
  if (name === undefined || sequence === undefined || event.replay !== undefined) return undefined;
  const place = { key: await digestOf(name), sequence };
  const message = orderName(event, 'message');
  if (step === undefined || message === undefined) return place;
  return { ...place, status: { message: await digestOf(message), rank: statusRank(step) } };
}

/** So that the database holds no phone number, and that rows can be picked at random by their key. */
async function digestOf(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Handles an event when it is its turn. Rejects only where the database fails. */
export async function handleInOrder<Env>(
  task: Task,
  place: Place,
  order: Order,
  work: Work<Env>,
): Promise<Outcome> {
  const { source, id } = task.event;
  const turn = await order.begin(place, work.timeoutMs + LEASE_MARGIN_MS, Date.now());
  if (turn.kind === 'held') return turn;
  if (turn.kind === 'behind') return { kind: 'behind', event: task.event as StatusEvent };
  const { token, overtaken } = turn;
  if (overtaken.length > 0) logError('event overtakes earlier ones', { source, id, overtaken });

  const giveBack = async (how: Promise<void>) => {
    try {
      await how;
    } catch (error) {
      logError('store of the order did not take the outcome', { source, id, error });
    }
  };
  try {
    const { outcome, isOver } = await handleOnce(task, work);
    if (outcome.kind === 'handled' || outcome.kind === 'repeated') {
      await giveBack(order.done(place, token, Date.now()));
    } else if (outcome.kind === 'unreadable') {
      await giveBack(order.forget(place, token)); // a retry will not mend it, so nobody need wait
    } else {
      await giveBack(order.release(place, token, isOver ? 0 : Date.now() + LONGEST_INVOCATION_MS));
    }
    return outcome;
  } catch (error) {
    await giveBack(order.release(place, token, 0)); // the store of handled events failed
    throw error;
  }
}

/**
 * The SQL of the tables of {@link OrderedOptions}, each a statement, for a migration. Without one they are created on first use.
 *
 * The first has the events that have arrived and are not handled, the second how far each message has come. Both are ordered
 * by digests and have no further index, which every event would pay for.
 */
export function orderedTablesSql(table = DEFAULT_TABLE): [events: string, statuses: string] {
  return [
    `CREATE TABLE IF NOT EXISTS ${table} (
  key         TEXT    NOT NULL,
  sequence    INTEGER NOT NULL,
  known_at    INTEGER NOT NULL,
  token       TEXT    NOT NULL DEFAULT '',
  lease_until INTEGER NOT NULL DEFAULT 0,
  overtaken   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (key, sequence)
) STRICT, WITHOUT ROWID`,
    `CREATE TABLE IF NOT EXISTS ${table}_statuses (
  message  TEXT    NOT NULL PRIMARY KEY,
  rank     INTEGER NOT NULL,
  noted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,
  ];
}

/**
 * The {@link Order} in a D1 database. An event costs two rows written (one when it begins, one when it is done), a third where
 * others of its batch are handled before it, and a status one more; and a statement before and one or two after its handler.
 */
export function d1Order(
  db: Database,
  maxWaitSeconds: number,
  {
    table = DEFAULT_TABLE,
    keepDays = DEFAULT_KEEP_DAYS,
  }: Pick<OrderedOptions<unknown>, 'table' | 'keepDays'>,
): Order {
  requireTableName(table);
  const statuses = `${table}_statuses`;
  const maxWaitMs = maxWaitSeconds * 1000;
  const withOwn = async <T>(work: () => Promise<T>) => withTables(db, table, orderedTablesSql(table), work);
  const statement = (sql: string, ...values: unknown[]) => db.prepare(sql).bind(...values);

  const noting = (places: Place[], nowMs: number) =>
    statement(
      `INSERT INTO ${table} (key, sequence, known_at)
       SELECT value ->> 0, value ->> 1, ?2 FROM json_each(?1) WHERE true
       ON CONFLICT (key, sequence) DO NOTHING`,
      JSON.stringify(places.map(({ key, sequence }) => [key, sequence])),
      nowMs,
    );
  const removing = ({ key, sequence }: Place, token: string) =>
    statement(`DELETE FROM ${table} WHERE key = ?1 AND sequence = ?2 AND token = ?3`, key, sequence, token);

  return {
    async note(places, nowMs) {
      if (places.length > 0) await withOwn(async () => noting(places, nowMs).run());
    },

    async begin(place, leaseMs, nowMs) {
      const { key, sequence, status } = place;
      const token = crypto.randomUUID();
      const { results: granted } = await withOwn(async () =>
        statement(
          `INSERT INTO ${table} (key, sequence, known_at, token, lease_until)
           SELECT ?1, ?2, ?3, ?4, ?3 + ?5
           WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE key = ?1 AND lease_until > ?3)
             AND (NOT EXISTS (SELECT 1 FROM ${table} WHERE key = ?1 AND sequence < ?2 AND known_at > ?6)
               OR EXISTS (SELECT 1 FROM ${table} WHERE key = ?1 AND sequence = ?2 AND known_at <= ?6))
             AND NOT EXISTS (SELECT 1 FROM ${statuses} WHERE message = ?7 AND rank > ?8)
           ON CONFLICT (key, sequence) DO UPDATE SET token = ?4, lease_until = ?3 + ?5
           RETURNING EXISTS (
             SELECT 1 FROM ${table} WHERE key = ?1 AND sequence < ?2 AND NOT overtaken
           ) AS overtakes`,
          ...[key, sequence, nowMs, token, leaseMs, nowMs - maxWaitMs],
          ...[status?.message ?? null, status?.rank ?? null],
        ).run(),
      );
      const [grant] = granted as { overtakes: number }[];
      if (grant !== undefined) {
        const overtaken = grant.overtakes === 1 ? await overtake(place).catch(() => []) : []; // only told
        return { kind: 'granted', token, overtaken };
      }
      const [, found] = await db.batch([
        noting([place], nowMs),
        statement(
          `SELECT known_at, (SELECT max(lease_until) FROM ${table} WHERE key = ?1) AS leased_until,
             EXISTS (SELECT 1 FROM ${statuses} WHERE message = ?3 AND rank > ?4) AS behind
           FROM ${table} WHERE key = ?1 AND sequence = ?2`,
          ...[key, sequence, status?.message ?? null, status?.rank ?? null],
        ),
      ]);
      const [row] = (found?.results ?? []) as { known_at: number; leased_until: number; behind: number }[];
      if (row === undefined) throw new Error('D1 returned no row for an event');
      if (row.behind === 0) {
        return { kind: 'held', untilMs: Math.max(row.leased_until, row.known_at + maxWaitMs) };
      }
      await statement(
        `DELETE FROM ${table} WHERE key = ?1 AND sequence = ?2 AND lease_until <= ?3`,
        ...[key, sequence, nowMs],
      ).run();
      return { kind: 'behind' };
    },

    async done(place, token, nowMs) {
      const { status } = place;
      const statements = [removing(place, token)];
      const canOutweigh = status !== undefined && status.rank > 0; // nothing is behind the first step
      if (canOutweigh) {
        statements.push(
          statement(
            `INSERT INTO ${statuses} (message, rank, noted_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (message) DO UPDATE SET rank = ?2, noted_at = ?3 WHERE rank < ?2`,
            ...[status.message, status.rank, nowMs],
          ),
        );
      }
      await db.batch(statements);
    },

    async forget(place, token) {
      await removing(place, token).run();
    },

    async release({ key, sequence }, token, atMs) {
      await statement(
        `UPDATE ${table} SET lease_until = ?4 WHERE key = ?1 AND sequence = ?2 AND token = ?3`,
        ...[key, sequence, token, atMs],
      ).run();
    },

    async prune(nowMs) {
      // From a place at random on, so that in time every row is looked at.
      const values = [nowMs - keepDays * DAY_MS, crypto.randomUUID()];
      await withOwn(async () =>
        db.batch([
          statement(
            `DELETE FROM ${table} WHERE (key, sequence) IN (
               SELECT key, sequence FROM (
                 SELECT key, sequence, known_at FROM ${table} WHERE key >= ?2 ORDER BY key, sequence LIMIT ${PRUNED_ROWS}
               ) WHERE known_at < ?1
             )`,
            ...values,
          ),
          statement(
            `DELETE FROM ${statuses} WHERE message IN (
               SELECT message FROM (
                 SELECT message, noted_at FROM ${statuses} WHERE message >= ?2 ORDER BY message LIMIT ${PRUNED_ROWS}
               ) WHERE noted_at < ?1
             )`,
            ...values,
          ),
        ]),
      );
    },
  };

  /** Marks the earlier events that did not come in time, and gives the `sequence` of those that were not marked before. */
  async function overtake({ key, sequence }: Place): Promise<string[]> {
    const { results } = await statement(
      `UPDATE ${table} SET overtaken = 1 WHERE key = ?1 AND sequence < ?2 AND NOT overtaken RETURNING sequence`,
      key,
      sequence,
    ).run();
    return (results as { sequence: number }[]).map((row) => sequenceOf(row.sequence));
  }
}
