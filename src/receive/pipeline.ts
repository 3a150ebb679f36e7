// The stages of a judged webhook, each a group commit: recording it as an event or as a rejection, which its answer waits
// for, and forwarding the event, which it does not. Large bodies are recorded in a lane of their own, so that they do not
// hold up the small ones.

import type { NewEvent } from '../contract/event.ts';
import { createFreshForwarding, type FreshEvents } from '../forward/fresh-events.ts';
import { MAX_FORWARDED_PAYLOAD_BYTES } from '../forward/messages.ts';
import type { ForwardingDeps } from '../forward/routes.ts';
import type { CircuitBreaker } from '../runtime/circuit-breaker.ts';
import { type GroupCommitOptions, groupCommit, type Lifetime } from '../runtime/group-commit.ts';
import {
  compareRepeats,
  differingRejection,
  MAX_COMPARED_EVENTS,
  type RecordOutcome,
} from '../store/differing-repeats.ts';
import {
  MAX_RECORD_BYTES,
  MAX_RECORD_EVENTS,
  type RecordableEvent,
  type RecordedEvent,
  type RecordedGroup,
  recordEvents,
  toRecordable,
} from '../store/events.ts';
import type { PendingEvent } from '../store/pending-events.ts';
import {
  MAX_REJECTION_BATCH,
  MAX_REJECTION_BATCH_BYTES,
  type NewRejection,
  recordRejections,
} from '../store/rejections.ts';
import { isLarge } from './read-body.ts';

/** When D1 takes longer it counts as failing, and the intake queue takes the webhook. */
export const D1_TIMEOUT_MS = 2_000;

/** An event is recorded anew where the stored one is deleted while a repeat is compared with it. */
const MAX_RECORD_TRIES = 3;

/** What became of an event. `kept`: as a rejection, since the stored event of its id has another content. */
interface EventOutcome {
  id: string;
  outcome: 'stored' | 'duplicate' | 'kept';
}

/** Makes the stages. Once for each isolate: webhooks share groups by sharing them. */
export function createPipeline(deps: ForwardingDeps & { breaker: CircuitBreaker }) {
  const d1 = { workTimeoutMs: D1_TIMEOUT_MS, breaker: deps.breaker };
  const forwardFresh = createFreshForwarding(deps);

  const record = inLanes<RecordableEvent, RecordedEvent | null>(({ event }) => event.payload.length, {
    ...d1,
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    bytesOf: ({ bytes }) => bytes,
    work: async (events, lifetime) => {
      const group = await recordEvents(deps.db, events, deps.now());
      const fresh = freshOf(events, group);
      if (fresh !== null) lifetime.waitUntil(forwardFresh(fresh, lifetime));
      return group.recorded;
    },
  });

  /** Compares repeats that differ in bytes from what is stored. A group of its own, so that new events do not wait for it. */
  const compare = groupCommit<NewEvent, RecordOutcome | null>({
    ...d1,
    maxItems: MAX_COMPARED_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    bytesOf: ({ payload }) => payload.length,
    work: async (events) => compareRepeats(deps.db, events),
  });

  const reject = inLanes<NewRejection, void>(({ body }) => body.byteLength, {
    ...d1,
    maxItems: MAX_REJECTION_BATCH,
    maxBytes: MAX_REJECTION_BATCH_BYTES,
    bytesOf: ({ body }) => body.byteLength,
    work: async (rejections) => {
      await recordRejections(deps.db, rejections, deps.now());
      return [];
    },
  });

  return {
    /**
     * Records an event, and forwards it without being waited for if this is its first delivery. Rejects when D1 does not
     * record it in time.
     *
     * @param generation of the token that it came with.
     */
    async recordEvent(
      event: NewEvent,
      generation: number,
      lifetime: Lifetime,
      timeoutMs: number,
    ): Promise<EventOutcome> {
      const untilMs = deps.now() + timeoutMs;
      const leftMs = () => untilMs - deps.now();
      for (let leftTries = MAX_RECORD_TRIES; leftTries > 0; leftTries--) {
        const recorded = await record(toRecordable(event), lifetime, leftMs());
        if (recorded !== null) return { id: event.id, outcome: recorded.isNew ? 'stored' : 'duplicate' };
        const compared = await compare(event, lifetime, leftMs());
        if (compared === null) continue;
        if (compared.outcome !== 'differs') return { id: compared.id, outcome: compared.outcome };
        await reject(differingRejection(event, compared, generation), lifetime, leftMs());
        return { id: event.id, outcome: 'kept' };
      }
      throw new Error('an event comes and goes while a repeat of it is compared');
    },
    /** Rejects when D1 does not record it in time. */
    recordRejection: reject,
  };
}

/** A group commit for small items, and one for large ones. */
function inLanes<Item, Result>(
  lengthOf: (item: Item) => number,
  options: GroupCommitOptions<Item, Result>,
): ReturnType<typeof groupCommit<Item, Result>> {
  const small = groupCommit(options);
  const large = groupCommit(options);
  return async (item, lifetime, timeoutMs) =>
    (isLarge(lengthOf(item)) ? large : small)(item, lifetime, timeoutMs);
}

/** What of a group is to be forwarded; `null`: nothing is new. A payload that is too large for a message is not held for it. */
function freshOf(
  events: readonly RecordableEvent[],
  { recorded, stretch, routes }: RecordedGroup,
): FreshEvents | null {
  if (stretch === null) return null;
  const fresh = events.flatMap(({ event: { payload, ...head } }, index): PendingEvent[] => {
    const { seq, isNew } = recorded[index] ?? { seq: 0, isNew: false };
    if (!isNew || seq <= stretch.after) return [];
    return [{ seq, head, payload: payload.length <= MAX_FORWARDED_PAYLOAD_BYTES ? payload : null }];
  });
  const stored = new Set(
    recorded.flatMap((one) => (one !== null && one.seq > stretch.after ? [one.seq] : [])),
  );
  if (stored.size !== fresh.length) throw new Error('a group stored events of which it does not know');
  return { stretch, routes, events: fresh.toSorted((a, b) => a.seq - b.seq) };
}
