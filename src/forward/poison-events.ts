// Forwarding events of which some may be such as no queue takes. It tells them from a queue that takes nothing, so that
// neither do they hold up others, nor does an outage make dead letters of them.
//
// A batch that is refused is halved until what is refused stands alone. Where several attempts in a row fail, an event
// that the queue took before is sent once more: if that is refused, too, the queue is down, and nothing is held against
// anybody. (Consumers drop the repeat, as any other.) What was refused alone is tried again at the end, and that counts as
// a refusal only if the queue took the other one both right before and right after it. Refusals are noted on the few rows
// that they concern. With ten of them an event becomes a dead letter. A queue that refuses at random makes none: whatever
// the rate, an event is far likelier to be taken in a run than to be counted (11 to 1 at the least), so that one in 10^10
// would come to ten.

import { log } from '../runtime/log.ts';
import type { NeverSent, NeverSentReason } from '../store/dead-letters.ts';
import { findForwarded, type WaitingEvent } from '../store/outbox.ts';
import {
  type Confirm,
  type ForwardingDeps,
  forwardEvents,
  keptMessageOf,
  MAX_FORWARDED_PAYLOAD_BYTES,
} from './events.ts';

/** In as many runs an event is refused before it is given up: ten minutes of the cron. */
const MAX_REFUSALS = 10;
/** So many failures in a row ask for a sign of life of the queue; after each that it gives, for twice as many. */
const FAILURES_IN_A_ROW = 3;

/** Events that are settled together: their payloads are in memory. */
const GROUP_EVENTS = 50;

/** Where the events wait. */
export interface Waiting<Pending extends WaitingEvent> {
  /** Takes them out once the queue has confirmed them; absent: out of the outbox. */
  confirm?: Confirm<Pending>;
  /** Reads those that still wait. */
  read(events: readonly Pending[]): Promise<Pending[]>;
  /** Notes that they were refused, each by itself, in this run. */
  noteRefusals(events: readonly Pending[]): Promise<void>;
  /** Takes events out, and keeps them as dead letters, in one transaction. */
  giveUp(letters: readonly NeverSent<Pending>[]): Promise<void>;
}

/** What a run came to. */
export interface Forwarded<Pending> {
  forwarded: number;
  /** Those that still wait, of those that were to be forwarded. */
  left: Pending[];
}

export interface CarefulForwarding<Pending> {
  forward(events: readonly Pending[]): Promise<void>;
  /** Whether the queue takes nothing: what is to be forwarded from then on is left. */
  isQueueDown(): boolean;
  /** How many messages or batches were tried to be sent. */
  attempts(): number;
  /** Settles what becomes of those that were refused. To be called once, last. */
  end(): Promise<Forwarded<Pending>>;
}

/** Begins a run. */
export function carefulForwarding<Pending extends WaitingEvent>(
  deps: ForwardingDeps,
  waiting: Waiting<Pending>,
): CarefulForwarding<Pending> {
  let forwarded = 0;
  let attempts = 0;
  let isDown = false;
  let failuresInARow = 0;
  let failuresAllowed = FAILURES_IN_A_ROW;
  const broken: Pending[] = [];
  const left: Pending[] = [];
  const refusedAlone: Pending[] = [];

  /** Sends events; gives those that were refused. */
  async function attempt(events: readonly Pending[]): Promise<Pending[]> {
    attempts++;
    const unforwarded = await forwardEvents(deps, events, waiting.confirm);
    broken.push(...unforwarded.broken.map(withoutPayload));
    const taken = events.length - unforwarded.refused.length - unforwarded.broken.length;
    forwarded += taken;
    if (taken > 0) {
      failuresInARow = 0;
    } else if (unforwarded.refused.length > 0) {
      failuresInARow++;
    }
    return unforwarded.refused;
  }

  async function forward(events: readonly Pending[]): Promise<void> {
    if (events.length === 0) return;
    if (isDown) return void left.push(...events.map(withoutPayload));
    const refused = await attempt(events);
    if (refused.length === 0) return;
    const [alone] = refused;
    if (events.length === 1 && alone !== undefined) {
      refusedAlone.push(withoutPayload(alone));
      log('error', 'event could not be forwarded', { seq: alone.seq, integration: alone.head.integration });
      await askWhereManyFail();
      return;
    }
    await askWhereManyFail();
    const half = Math.ceil(refused.length / 2);
    await forward(refused.slice(0, half));
    await forward(refused.slice(half));
  }

  async function askWhereManyFail(): Promise<void> {
    if (failuresInARow < failuresAllowed) return;
    failuresAllowed *= 2;
    isDown = !(await isTakingAnother());
  }

  /** Sends an event once more that the queue took before. */
  async function isTakingAnother(): Promise<boolean> {
    const another = await findForwarded(deps.db, MAX_FORWARDED_PAYLOAD_BYTES);
    if (another === null) return false;
    attempts++;
    const { refused, broken } = await forwardEvents(deps, [another], async () => undefined);
    if (refused.length + broken.length > 0) return false;
    failuresInARow = 0;
    return true;
  }

  /** Tries again what was refused alone, and settles what becomes of it. */
  async function settleRefused(): Promise<void> {
    if (refusedAlone.length > 0 && !isDown) isDown = !(await isTakingAnother());
    for (let from = 0; from < refusedAlone.length; from += GROUP_EVENTS) {
      const group = refusedAlone.slice(from, from + GROUP_EVENTS);
      if (isDown) left.push(...group);
      else await settle(await waiting.read(group));
    }
  }

  async function settle(group: readonly Pending[]): Promise<void> {
    const refused: Pending[] = [];
    for (const event of group) refused.push(...(await attempt([event])));
    if (refused.length === 0) return;
    isDown = !(await isTakingAnother());
    if (isDown) return void left.push(...refused.map(withoutPayload));
    const noted = refused.filter(({ refusals }) => refusals + 1 < MAX_REFUSALS);
    const givenUp = refused.filter(({ refusals }) => refusals + 1 >= MAX_REFUSALS);
    left.push(...noted.map(withoutPayload));
    if (noted.length > 0) await waiting.noteRefusals(noted);
    await giveUp(givenUp, 'refused');
  }

  async function giveUp(events: readonly Pending[], reason: NeverSentReason): Promise<void> {
    for (let from = 0; from < events.length; from += GROUP_EVENTS) {
      const letters = events.slice(from, from + GROUP_EVENTS).map((event) => ({
        event,
        reason,
        body: JSON.stringify(keptMessageOf(event, deps.publicUrl)),
      }));
      await waiting.giveUp(letters);
      log('error', 'events given up: they are dead letters', { events: letters.length, reason });
    }
  }

  return {
    async forward(events) {
      // what was refused in another run would only have its batch refused
      await forward(events.filter(({ refusals }) => refusals === 0));
      for (const event of events.filter(({ refusals }) => refusals > 0)) await forward([event]);
    },
    isQueueDown: () => isDown,
    attempts: () => attempts,
    async end() {
      await giveUp(broken, 'no-message');
      await settleRefused();
      return { forwarded, left };
    },
  };
}

/** What is remembered of an event that is not forwarded: many payloads would fill the memory. */
function withoutPayload<Pending extends WaitingEvent>(event: Pending): Pending {
  return { ...event, payload: null };
}
