// Forwards events among which there may be poison: events that the queue never takes. Poison must not hold up other events,
// and an outage of the queue must not make dead letters of good ones.
//
// A batch that is refused is halved until what is refused stands alone. When several attempts in a row fail, an event that
// the queue took before is sent once more, which consumers drop as a repeat: if that is refused as well, the queue is down,
// and no refusal counts. An event that was refused alone is tried again at the end of the run, and its refusal counts only
// if the queue took the other event both right before and right after. After ten counted refusals an event becomes a dead
// letter. A queue that refuses at random makes none: at any rate of refusal, an event is at least 11 times likelier to be
// taken in a run than to have a refusal counted, so that one in 10^10 would come to ten.

import type { NeverSentReason } from '../contract/dead-letters.ts';
import { log } from '../runtime/log.ts';
import type { NeverSent } from '../store/dead-letters.ts';
import { findForwarded, type WaitingEvent } from '../store/outbox.ts';
import {
  type Confirm,
  type ForwardingDeps,
  forwardEvents,
  keptMessageOf,
  MAX_FORWARDED_PAYLOAD_BYTES,
} from './events.ts';

/** An event is given up after refusals in this many runs: ten minutes of the cron. */
const MAX_REFUSALS = 10;
/** After this many failures in a row the queue is probed; after each probe that it takes, twice as many are allowed. */
const FAILURES_IN_A_ROW = 3;
/** Events that are settled together, whose payloads are in memory. */
const GROUP_EVENTS = 50;

/** What is done to events where they wait. */
interface WaitingStore<Pending extends WaitingEvent> {
  /** Removes those that the queue has confirmed. Default: from the outbox. */
  confirm?: Confirm<Pending>;
  /** Reads those of the events that still wait. */
  read(events: readonly Pending[]): Promise<Pending[]>;
  /** Counts a refusal of each. */
  noteRefusals(events: readonly Pending[]): Promise<void>;
  /** Moves events to the dead letters, in one transaction. */
  giveUp(letters: readonly NeverSent<Pending>[]): Promise<void>;
}

/** Begins a run. */
export function startPoisonSafeRun<Pending extends WaitingEvent>(
  deps: ForwardingDeps,
  waiting: WaitingStore<Pending>,
) {
  let forwarded = 0;
  let attempts = 0;
  let isDown = false;
  let failuresInARow = 0;
  let failuresAllowed = FAILURES_IN_A_ROW;
  const broken: Pending[] = [];
  const left: Pending[] = [];
  const refusedAlone: Pending[] = [];
  const leave = (events: readonly Pending[]) => void left.push(...events.map(withoutPayload));

  /** Sends events, and gives those that were refused. */
  async function attempt(events: readonly Pending[]): Promise<Pending[]> {
    attempts++;
    const unforwarded = await forwardEvents(deps, events, waiting.confirm);
    broken.push(...unforwarded.broken.map(withoutPayload));
    const taken = events.length - unforwarded.refused.length - unforwarded.broken.length;
    forwarded += taken;
    if (taken > 0) failuresInARow = 0;
    else if (unforwarded.refused.length > 0) failuresInARow++;
    return unforwarded.refused;
  }

  async function forward(events: readonly Pending[]): Promise<void> {
    if (events.length === 0) return;
    if (isDown) return leave(events);
    const refused = await attempt(events);
    if (refused.length === 0) return;
    const [alone] = refused;
    await probeAfterFailures();
    if (events.length === 1 && alone !== undefined) {
      refusedAlone.push(withoutPayload(alone));
      log('error', 'event could not be forwarded', { seq: alone.seq, integration: alone.head.integration });
      return;
    }
    const half = Math.ceil(refused.length / 2);
    await forward(refused.slice(0, half));
    await forward(refused.slice(half));
  }

  async function probeAfterFailures(): Promise<void> {
    if (failuresInARow < failuresAllowed) return;
    failuresAllowed *= 2;
    isDown = !(await probeQueue());
  }

  /** Sends an event again that the queue took before, and gives whether it took it. */
  async function probeQueue(): Promise<boolean> {
    const another = await findForwarded(deps.db, MAX_FORWARDED_PAYLOAD_BYTES);
    if (another === null) return false;
    attempts++;
    const { refused, broken } = await forwardEvents(deps, [another], async () => undefined);
    if (refused.length + broken.length > 0) return false;
    failuresInARow = 0;
    return true;
  }

  async function settleRefused(): Promise<void> {
    if (refusedAlone.length > 0 && !isDown) isDown = !(await probeQueue());
    for (let from = 0; from < refusedAlone.length; from += GROUP_EVENTS) {
      const group = refusedAlone.slice(from, from + GROUP_EVENTS);
      if (isDown) leave(group);
      else await settle(await waiting.read(group));
    }
  }

  async function settle(group: readonly Pending[]): Promise<void> {
    const refused: Pending[] = [];
    for (const event of group) refused.push(...(await attempt([event])));
    if (refused.length === 0) return;
    isDown = !(await probeQueue());
    if (isDown) return leave(refused);
    const noted = refused.filter(({ refusals }) => refusals + 1 < MAX_REFUSALS);
    const givenUp = refused.filter(({ refusals }) => refusals + 1 >= MAX_REFUSALS);
    leave(noted);
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
    async forward(events: readonly Pending[]): Promise<void> {
      // What was refused in an earlier run goes alone, since it would have its whole batch refused.
      await forward(events.filter(({ refusals }) => refusals === 0));
      for (const event of events.filter(({ refusals }) => refusals > 0)) await forward([event]);
    },
    /** Whether the queue takes nothing. Events are then left to the next run. */
    isQueueDown: () => isDown,
    /** How often something was sent. */
    attempts: () => attempts,
    /** Decides what becomes of refused events. To be called once, last. Gives how many were forwarded, and which still wait. */
    async end(): Promise<{ forwarded: number; left: Pending[] }> {
      await giveUp(broken, 'no-message');
      await settleRefused();
      return { forwarded, left };
    },
  };
}

/** Events that are remembered have no payload: many would fill the memory. */
function withoutPayload<Pending extends WaitingEvent>(event: Pending): Pending {
  return { ...event, payload: null };
}
