// The effective status of a message. Steps arrive late, twice, out of order or not at all; the outcome depends only on
// which have arrived, never on when.

import type { StatusEvent } from './cloudevent.ts';
import { isStatus, type Status } from './webhook.ts';

/**
 * The steps by what they prove, weakest first; the strongest that was reported is the status. `read` and `delivered`
 * outweigh `failed`: a message that the customer has cannot have failed, whichever was reported later (a failure that
 * comes beside them is that of a second attempt, or of one of several devices). `failed` outweighs `sent`, which only
 * says that there was an attempt.
 */
const BY_PROOF = ['sent', 'failed', 'delivered', 'read'] as const satisfies Status[];

/** What each step implies, itself aside. A failure implies nothing: a message can fail before it is sent. */
const IMPLIED = {
  sent: [],
  failed: [],
  delivered: ['sent'],
  read: ['sent', 'delivered'],
} as const satisfies Record<Status, readonly Status[]>;

export interface MessageStatus {
  /** The effective status. */
  status: Status;
  /** The steps the message has taken, reported or implied: sent, failed, delivered, read. */
  steps: Status[];
  /** Those of `steps` that were not reported: `read` implies `delivered` implies `sent`. */
  implied: Status[];
}

/**
 * What is known of a message from its status events, in any order, repeats included. Steps can be given in place of
 * events, so that a stored status and a new event make the next one to store.
 *
 * @param events of one message. Those without data (see `dataref`) tell nothing, nor do steps that are not known.
 * @returns `null` where no step is known.
 * @example messageStatus(['sent', event])?.status
 */
export function messageStatus(events: Iterable<StatusEvent | string>): MessageStatus | null {
  const reported = new Set<Status>();
  for (const event of events) {
    const step = typeof event === 'string' ? event : event.data?.event.status;
    if (step !== undefined && isStatus(step)) reported.add(step);
  }
  const taken = new Set([...reported].flatMap((step): Status[] => [step, ...IMPLIED[step]]));
  const steps = BY_PROOF.filter((step) => taken.has(step));
  const status = steps.at(-1);
  return status === undefined
    ? null
    : { status, steps, implied: steps.filter((step) => !reported.has(step)) };
}

/** Orders steps as {@link messageStatus} does: the status of two is the one with the higher rank. From 0. */
export function statusRank(status: Status): number {
  return BY_PROOF.indexOf(status);
}
