// Bindings whose every call has a deadline: a call that hangs would otherwise hold up a webhook's answer, the tasks of the
// cron or a batch of a queue. Bindings are wrapped where the receiver is made, so that no caller can forget it. A caller
// with less time wraps them again.

import { NotAnsweredInTime, withTimeout } from './deadline.ts';

/** D1 ends a statement by itself after 30 s (https://developers.cloudflare.com/d1/platform/limits/). */
const D1_CALL_TIMEOUT_MS = 30_000;
/** A queue usually confirms within some 100 ms. Some sends have been seen to hang for a minute. */
const QUEUE_CALL_TIMEOUT_MS = 10_000;
/** The limiter counts on the machine that serves the request, so a slow answer is one that will not come. */
const RATE_LIMIT_TIMEOUT_MS = 500;

/**
 * D1 did not execute a statement, or did not say that it did: an outage, an overload, a lost connection, a timeout. It may
 * have been executed all the same. A statement that is itself wrong does not cause this error.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable';
}

/** How the messages of D1 begin for statements or values that are wrong, and fail however often they are tried. */
const WRONG_STATEMENT = /^D1_TYPE_ERROR|SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG|AUTH)/;

/** How long a call may take: a fixed time, or a function that gives what is left of a budget. At 0 or less no call is made. */
type CallTimeout = number | (() => number);

async function inTime<T>(timeout: CallTimeout, call: () => Promise<T>): Promise<T> {
  const timeoutMs = typeof timeout === 'number' ? timeout : timeout();
  if (timeoutMs <= 0) throw new NotAnsweredInTime(0);
  return withTimeout(timeoutMs, call());
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

/** A queue to send to. Rejects with `NotAnsweredInTime` where it does not answer; it may have taken the messages. */
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

/** A rate limiter. Rejects with `NotAnsweredInTime` where it does not answer. */
export function boundedRateLimit(limiter: RateLimit): RateLimit {
  return { limit: async (options) => withTimeout(RATE_LIMIT_TIMEOUT_MS, limiter.limit(options)) };
}
