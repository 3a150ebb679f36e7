// Finds out what a receiver can take, and keeps below: a sender that is faster measures its own queue, not the receiver.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from './ledger.ts';
import type { Sending } from './sender.ts';

/** Faster is only who asks for it: also a receiver that is deployed is somebody's. */
export const MAX_OWN_RATE = 200;
export const FIRST_RATE = 20;
const GROWTH = 1.5;
/** Of what it takes. The rest is for what it does behind its answers, and for what else the machine does. */
const SHARE = 0.6;
const STEP_MS = 1_000;
/** It is behind when more waits than came in so many seconds. */
const BEHIND_SECONDS = 0.25;
/** Answers that are under way are no backlog. */
const FEW = 5;
const DRAIN_MS = 10_000;
const DRAIN_POLL_MS = 20;
const SLOWER = 0.7;

/** What a step of the warm-up saw. */
export interface Step {
  rate: number;
  /** Deliveries that were answered in it, a second. */
  answered: number;
  /** Deliveries that wait for their answer at its end. */
  waiting: number;
}

/** Whether answers come more slowly than deliveries. */
export function isBehind(
  { rate, waiting }: Pick<Step, 'rate' | 'waiting'>,
  seconds = BEHIND_SECONDS,
): boolean {
  return waiting > FEW + rate * seconds;
}

/** The rate of the next step; or, once it is known, what the receiver takes, deliveries a second. */
export function afterStep(step: Step): { rate: number } | { taken: number } {
  const taken = Math.max(1, Math.min(step.answered, step.rate));
  if (isBehind(step)) return { taken };
  return step.rate * SHARE >= MAX_OWN_RATE ? { taken } : { rate: step.rate * GROWTH };
}

/** How fast to send to a receiver that takes so much. */
export function rateFor(taken: number): number {
  return Math.max(1, Math.min(MAX_OWN_RATE, Math.floor(taken * SHARE)));
}

/**
 * Speeds up until the receiver is behind or fast enough, and gives what it takes. Whoever was just started is slow once: to
 * be behind counts when it happens again at the same rate. Waits until the receiver has caught up.
 *
 * @returns `taken`: `null` where all was sent before it was known; `rate`: at which it was sent last.
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

/** Slows down whenever the receiver falls behind, until all is sent. Gives the rate in the end. */
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

/** Begins nothing until all that was begun has been answered, or it has waited long enough. */
async function drain(sending: Sending, ledger: Ledger): Promise<void> {
  sending.setRate(Number.MIN_VALUE);
  const untilMs = performance.now() + DRAIN_MS;
  while (ledger.begun > ledger.settled && performance.now() < untilMs) await sleep(DRAIN_POLL_MS);
}
