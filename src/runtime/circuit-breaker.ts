// A circuit breaker around D1 for the hot path. While D1 does not answer it is open: webhooks go to the intake queue at once
// instead of each waiting in vain, and one call at a time still tries D1. The first call that is answered closes it.
//
// Each isolate has its own. A shared one would need a service that answers while D1 does not, and would make one isolate's
// bad connection everybody's. Finding out that D1 is silent costs an isolate a second.

import { DatabaseUnavailable } from './bounded-bindings.ts';
import { NotAnsweredInTime, withTimeout } from './deadline.ts';

/** This many failures in a row open the breaker. Any answer resets the count. */
const MAX_FAILURES_IN_A_ROW = 3;
/**
 * A call that has waited this long also opens the breaker, unless another was answered meanwhile. Calls follow one another,
 * so counting those that hang would take a whole deadline for each.
 */
const SILENT_AFTER_MS = 1_000;
/** While the breaker is open, the request whose call tries D1 waits no longer than this for it. */
const PROBE_PATIENCE_MS = 500;

/** D1 was not called: it does not answer, and another request is trying it already. */
export class CircuitOpen extends Error {
  override name = 'CircuitOpen';
  constructor() {
    super('not asked: the database does not answer, and is being tried by another request');
  }
}

export type CircuitBreaker = ReturnType<typeof circuitBreaker>;

/** Makes a closed breaker. */
export function circuitBreaker() {
  let isOpen = false;
  let failuresInARow = 0;
  let answers = 0;
  /** Until when a call counts as trying D1. A time and not a count, since the calls of a request that dies never end. */
  let tryingUntilMs = 0;
  const listeners: (() => void)[] = [];

  function open(): void {
    if (isOpen) return;
    isOpen = true;
    for (const listener of listeners) listener();
  }

  function answered(): void {
    answers++;
    failuresInARow = 0;
    isOpen = false;
  }

  async function counted<T>(call: Promise<T>, timeoutMs: number): Promise<T> {
    try {
      const result = await withTimeout(timeoutMs, call);
      answered();
      return result;
    } catch (error) {
      const isFailure = error instanceof DatabaseUnavailable || error instanceof NotAnsweredInTime;
      // D1 did answer where the statement itself is wrong: such a statement must not keep others from D1.
      if (!isFailure) answered();
      else if (++failuresInARow >= MAX_FAILURES_IN_A_ROW) open();
      throw error;
    } finally {
      tryingUntilMs = 0;
    }
  }

  return {
    state: (): 'open' | 'closed' => (isOpen ? 'open' : 'closed'),

    /** Whether D1 may be called now: always while closed, by one call at a time while open. */
    admits: () => !isOpen || Date.now() >= tryingUntilMs,

    /** How long a request should wait for its call, of the time that it has. */
    patienceMs: (timeoutMs: number) => (isOpen ? Math.min(timeoutMs, PROBE_PATIENCE_MS) : timeoutMs),

    /**
     * Waits for a call of D1 and counts its outcome. Rejects with {@link NotAnsweredInTime} after `timeoutMs`, or earlier when
     * D1 has become silent; an answer of that call within `timeoutMs` still closes the breaker.
     */
    async observe<T>(call: Promise<T>, timeoutMs: number): Promise<T> {
      tryingUntilMs = Date.now() + timeoutMs;
      const answersBefore = answers;
      const silent = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        if (answers !== answersBefore) return;
        open();
        silent.reject(new NotAnsweredInTime(SILENT_AFTER_MS));
      }, SILENT_AFTER_MS);
      try {
        return await Promise.race([counted(call, timeoutMs), silent.promise]);
      } finally {
        clearTimeout(timer);
      }
    },

    /** Calls the listener each time the breaker opens. */
    onOpen: (listener: () => void) => void listeners.push(listener),
  };
}
