// Puts a judged webhook where it is safe: into D1 within the time that D1 has, otherwise into the intake queue.

import { type DeferredWebhook, deferWebhook } from '../forward/intake-queue.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { describeError, log } from '../runtime/log.ts';
import type { Sender } from '../sender/verify-sender.ts';
import { D1_TIMEOUT_MS } from './pipeline.ts';

/** An answer is promised within 3 s, whatever hangs. Making and sending it takes time, too. */
const ANSWER_TIMEOUT_MS = 2_900;

/** The moments by which a request must have got on, Unix ms, whatever it waits for. */
export interface Deadline {
  /** D1 may record the webhook until then. */
  d1UntilMs: number;
  /** The intake queue may take it until then. */
  answerByMs: number;
}

/** A webhook whose body was judged. */
export interface JudgedWebhook<Body extends ArrayBuffer | string> extends DeferredWebhook {
  body: Body;
  /** Its sender, where the registration could not be read: the intake consumer checks it. */
  unchecked: Sender | null;
}

/**
 * The deadline of a request once its body has come. D1 has its time once, and the look-up of the registration used some of
 * it, except for as long as the body would have kept us waiting anyway.
 */
export function deadlineOf(at: { receivedAtMs: number; beganAtMs: number; readAtMs: number }): Deadline {
  const lookUpMs = at.beganAtMs - at.receivedAtMs;
  const bodyMs = at.readAtMs - at.beganAtMs;
  const arrivedAtMs = at.readAtMs - Math.max(0, lookUpMs - bodyMs);
  return { d1UntilMs: arrivedAtMs + D1_TIMEOUT_MS, answerByMs: arrivedAtMs + ANSWER_TIMEOUT_MS };
}

/**
 * Records a webhook, or defers it where its sender is unchecked or D1 does not answer in time.
 *
 * @param record records it in D1 within a time.
 * @returns what `record` gives; `deferred`; `null` where neither D1 nor the intake queue took it.
 */
export async function recordOrDefer<Recorded>(
  { intake, now }: { intake: Queue<unknown>; now: () => number },
  { unchecked, ...webhook }: JudgedWebhook<ArrayBuffer | string>,
  { d1UntilMs, answerByMs }: Deadline,
  record: (timeoutMs: number) => Promise<Recorded>,
): Promise<Recorded | 'deferred' | null> {
  const { integration } = webhook;
  const d1LeftMs = Math.min(d1UntilMs - now(), D1_TIMEOUT_MS);
  if (unchecked === null && d1LeftMs > 0) {
    try {
      return await record(d1LeftMs);
    } catch (error) {
      log('warn', 'webhook not recorded, deferring it', { integration, error: describeError(error) });
    }
  }
  try {
    const leftMs = Math.min(answerByMs - now(), ANSWER_TIMEOUT_MS);
    await withTimeout(leftMs, deferWebhook(intake, webhook, unchecked));
    return 'deferred';
  } catch (error) {
    log('error', 'webhook neither recorded nor deferred', { integration, error: describeError(error) });
    return null;
  }
}
