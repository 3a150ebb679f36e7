// Bindings whose every call has a deadline. A call that hangs would otherwise hold up whatever waits for it: a webhook's
// answer, the tasks of the cron, a batch of a queue. The wrapping is done once, where the receiver is made, so that no
// caller can forget it; a caller that has less time bounds its call further by itself.

import { NotAnsweredInTime, within } from './deadline.ts';

/** D1 ends a statement by itself after 30 s (https://developers.cloudflare.com/d1/platform/limits/). */
const D1_CALL_TIMEOUT_MS = 30_000;
/** A queue usually confirms within some 100 ms. Some sends have been seen to hang for a minute. */
const QUEUE_CALL_TIMEOUT_MS = 10_000;
/** Failed authentications are counted by the machine that answers them; who waits longer waits for nothing. */
const RATE_LIMIT_TIMEOUT_MS = 500;

/**
 * D1 did not do what it was asked, or did not say that it did: an outage, an overload, a lost connection, no answer in
 * time. The statement may have been executed all the same. A statement that is wrong by itself is no such failure.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable';
}

/** How D1 begins to say that a statement or its values are wrong, which no repetition mends. */
const WRONG_STATEMENT = /^D1_TYPE_ERROR|SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|AUTH)/;

/** How long a call may take, in ms: always the same, or what is left of somebody's time. Nothing begins at 0 or less. */
export type CallTimeout = number | (() => number);

async function inTime<T>(timeout: CallTimeout, call: () => Promise<T>): Promise<T> {
  const timeoutMs = typeof timeout === 'number' ? timeout : timeout();
  if (timeoutMs <= 0) throw new NotAnsweredInTime(0);
  return within(timeoutMs, call());
}

async function answered<T>(timeout: CallTimeout, call: () => Promise<T>): Promise<T> {
  try {
    return await inTime(timeout, call);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (WRONG_STATEMENT.test(message)) throw error;
    throw new DatabaseUnavailable(message, { cause: error });
  }
}

/** The part of a database that this project uses. Rejects with {@link DatabaseUnavailable} where D1 fails. */
export function boundedDatabase(db: D1Database, timeout: CallTimeout = D1_CALL_TIMEOUT_MS): D1Database {
  const wrapped = new WeakMap<object, D1PreparedStatement>();
  const unwrap = (statement: D1PreparedStatement) => wrapped.get(statement) ?? statement;
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const bounded = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      first: async (...column: [string]) => answered(timeout, async () => statement.first(...column)),
      run: async () => answered(timeout, async () => statement.run()),
    } as D1PreparedStatement;
    wrapped.set(bounded, statement);
    return bounded;
  };
  return {
    prepare: (sql: string) => wrap(db.prepare(sql)),
    batch: async (statements: D1PreparedStatement[]) =>
      answered(timeout, async () => db.batch(statements.map(unwrap))),
  } as D1Database;
}

/** A queue to send to. Rejects with `NotAnsweredInTime` where it says nothing: it may have taken the messages. */
export function boundedQueue<Body>(
  queue: Queue<Body>,
  timeout: CallTimeout = QUEUE_CALL_TIMEOUT_MS,
): Queue<Body> {
  return {
    send: async (body, options) => inTime(timeout, async () => queue.send(body, options)),
    sendBatch: async (messages, options) => inTime(timeout, async () => queue.sendBatch(messages, options)),
    metrics: async () => inTime(timeout, async () => queue.metrics()),
  };
}

/** A rate limiter, of which nobody waits for an answer for long. */
export function boundedRateLimit(limiter: RateLimit, timeoutMs = RATE_LIMIT_TIMEOUT_MS): RateLimit {
  return { limit: async (options) => within(timeoutMs, limiter.limit(options)) };
}
