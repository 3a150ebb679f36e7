// The effective status of a message. Steps arrive late, twice, out of order or not at all, so the status depends only on
// which steps have arrived, never on when.

import type { StatusEvent } from './cloudevent.ts';
import { isStatus, type Status } from './webhook.ts';

/**
 * The steps by what they prove, weakest first; the strongest that was reported is the status. `read` and `delivered`
 * outweigh `failed`, whichever was reported later: a message that the customer has cannot have failed, and a failure beside
 * them is that of a second attempt or of one of several devices. `failed` outweighs `sent`, which only tells of an attempt.
 */
const BY_PROOF = ['sent', 'failed', 'delivered', 'read'] as const satisfies Status[];

/** The earlier steps that each step implies. A failure implies none: a message can fail before it is sent. */
const IMPLIED = {
  sent: [],
  failed: [],
  delivered: ['sent'],
  read: ['sent', 'delivered'],
} as const satisfies Record<Status, readonly Status[]>;

export interface MessageStatus {
  status: Status;
  /** The steps the message has taken, reported or implied: sent, failed, delivered, read. */
  steps: Status[];
  /** Those of `steps` that were not reported: `read` implies `delivered` implies `sent`. */
  implied: Status[];
}

/**
 * The effective status of a message from its status events, in any order, repeats included. A step can be given in place of
 * an event, so that a consumer can combine the status that it has stored with a new event.
 *
 * @param events of one message. Those without data (see `dataref`) and unknown steps are ignored.
 * @returns `null` where no known step was reported.
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

/** The rank of a step, from 0: of two steps, the one with the higher rank is the status. */
export function statusRank(status: Status): number {
  return BY_PROOF.indexOf(status);
}
