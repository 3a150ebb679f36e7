// Finds out what a receiver can take, and stays below it: a faster sender would measure its own queue.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import type { Sending } from './sender.ts';

/** Without `--rate` it sends no faster, so that it does not overload a deployed receiver. */
export const MAX_OWN_RATE = 200;
export const FIRST_RATE = 20;
const GROWTH = 1.5;
/** The share that is sent of what it takes. The rest is for what it does after its answers, and for other programs. */
const SHARE = 0.6;
const STEP_MS = 1_000;
/** The receiver is behind when more deliveries wait than were sent in so many seconds. */
const BEHIND_SECONDS = 0.25;
/** So many waiting deliveries are never a backlog. */
const FEW = 5;
const DRAIN_MS = 10_000;
const DRAIN_POLL_MS = 20;
const SLOWER = 0.7;

/** The observations of a step of the warm-up. */
export interface Step {
  rate: number;
  /** Deliveries that were answered, a second. */
  answered: number;
  /** Deliveries that wait for their answers at its end. */
  waiting: number;
}

/** Whether answers are slower than deliveries. */
export function isBehind(
  { rate, waiting }: Pick<Step, 'rate' | 'waiting'>,
  seconds = BEHIND_SECONDS,
): boolean {
  return waiting > FEW + rate * seconds;
}

/** The rate of the next step, or what the receiver takes once that is known, in deliveries a second. */
export function afterStep(step: Step): { rate: number } | { taken: number } {
  const taken = Math.max(1, Math.min(step.answered, step.rate));
  if (isBehind(step)) return { taken };
  return step.rate * SHARE >= MAX_OWN_RATE ? { taken } : { rate: step.rate * GROWTH };
}

/** The rate for a receiver that takes so many deliveries a second. */
export function rateFor(taken: number): number {
  return Math.max(1, Math.min(MAX_OWN_RATE, Math.floor(taken * SHARE)));
}

/**
 * Speeds up until the receiver is behind or fast enough, then waits until it has caught up. Being behind counts only when it
 * happens twice at the same rate, since a receiver that was just started is slow once.
 *
 * @returns what it takes, `null` where everything was sent before that was known, and the last rate.
 */
export async function measureTaken(
  sending: Sending,
  ledger: Ledger,
): Promise<{ taken: number | null; rate: number }> {
  let rate = FIRST_RATE;
  let takenBefore: number | null = null;
  for (;;) {
    sending.setRate(rate);
    const settledBefore = ledger.settled;
    if ((await Promise.race([sending.done.then(() => 'done'), sleep(STEP_MS)])) === 'done')
      return { taken: null, rate };
    const answered = ((ledger.settled - settledBefore) / STEP_MS) * 1_000;
    const step = { rate, answered, waiting: ledger.begun - ledger.settled };
    const next = afterStep(step);
    if ('rate' in next) {
      takenBefore = null;
      rate = next.rate;
      continue;
    }
    await drain(sending, ledger);
    if (takenBefore !== null || !isBehind(step))
      return { taken: Math.max(takenBefore ?? 0, next.taken), rate };
    takenBefore = next.taken;
  }
}

/** Slows down whenever the receiver is behind, until everything is sent. Returns the last rate. */
export async function keepBelow(
  sending: Sending,
  ledger: Ledger,
  firstRate: number,
  say: (rate: number) => void,
): Promise<number> {
  let rate = firstRate;
  sending.setRate(rate);
  for (;;) {
    if ((await Promise.race([sending.done.then(() => 'done'), sleep(STEP_MS)])) === 'done') return rate;
    if (rate > 1 && isBehind({ rate, waiting: ledger.begun - ledger.settled }, 1)) {
      await drain(sending, ledger);
      rate = Math.max(1, Math.floor(rate * SLOWER));
      say(rate);
      sending.setRate(rate);
    }
  }
}

/** Pauses until everything that was begun has been answered, or for a while at most. */
async function drain(sending: Sending, ledger: Ledger): Promise<void> {
  sending.setRate(Number.MIN_VALUE);
  const untilMs = performance.now() + DRAIN_MS;
  while (ledger.begun > ledger.settled && performance.now() < untilMs) await sleep(DRAIN_POLL_MS);
}
