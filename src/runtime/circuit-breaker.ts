// A circuit breaker around D1, for the hot path: while D1 does not answer, webhooks go to the intake queue at once
// instead of each waiting in vain, and one call at a time still tries D1. The first that is answered closes it again.
//
// Each isolate has its own. A shared one would need a place that can be asked when D1 cannot, and would make one
// isolate's bad connection everybody's; what an isolate has to learn costs it a second.

import { DatabaseUnavailable } from './bounded-bindings.ts';
import { NotAnsweredInTime, within } from './deadline.ts';

/** So many calls that fail in a row open it. Any answer begins the count anew. */
const MAX_FAILURES_IN_A_ROW = 3;
/**
 * It opens, too, when a call has waited so long and none was answered since it began: calls follow one another, so that
 * to count those that hang would take a whole deadline for each.
 */
const SILENT_AFTER_MS = 1_000;
/** While it is open, whoever makes the call that tries D1 waits no longer than this for its outcome. */
const PROBE_PATIENCE_MS = 500;

/** D1 was not asked, because it does not answer and somebody else is trying already. */
export class CircuitOpen extends Error {
  override name = 'CircuitOpen';
  constructor() {
    super('not asked: the database does not answer, and is being tried by another request');
  }
}

export interface CircuitBreaker {
  /** `open`: D1 does not answer, as far as this isolate knows. */
  state(): 'closed' | 'open';
  /** Whether D1 may be called now: always while it is closed, and by one call at a time while it is open. */
  admits(): boolean;
  /** How long whoever needs a call's outcome should wait for it, of the time that there is. */
  patienceMs(timeoutMs: number): number;
  /**
   * Observes a call of D1. Gives what it gives, or rejects with {@link NotAnsweredInTime} after `timeoutMs`, or earlier,
   * when D1 has become silent; the call goes on, and its answer still counts within `timeoutMs`.
   */
  observe<T>(call: Promise<T>, timeoutMs: number): Promise<T>;
  /** Lets what waits for its turn to call D1 know that it waits in vain. */
  onOpen(listener: () => void): void;
}

/** Makes a breaker, closed. */
export function circuitBreaker(): CircuitBreaker {
  let isOpen = false;
  let failuresInARow = 0;
  let answers = 0;
  /** Until when a call counts as trying D1. A time, not a count: a request that dies takes its calls' ends with it. */
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

  /** The call with its outcome counted. */
  async function counted<T>(call: Promise<T>, timeoutMs: number): Promise<T> {
    try {
      const result = await within(timeoutMs, call);
      answered();
      return result;
    } catch (error) {
      const isFailure = error instanceof DatabaseUnavailable || error instanceof NotAnsweredInTime;
      if (!isFailure)
        answered(); // a statement that is wrong by itself: nobody can close D1 to others with it
      else if (++failuresInARow >= MAX_FAILURES_IN_A_ROW) open();
      throw error;
    } finally {
      tryingUntilMs = 0;
    }
  }

  return {
    state: () => (isOpen ? 'open' : 'closed'),

    admits: () => !isOpen || Date.now() >= tryingUntilMs,

    patienceMs: (timeoutMs) => (isOpen ? Math.min(timeoutMs, PROBE_PATIENCE_MS) : timeoutMs),

    async observe(call, timeoutMs) {
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

    onOpen: (listener) => void listeners.push(listener),
  };
}
