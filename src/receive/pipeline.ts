// The stages of a judged webhook, each a group commit: recording it as an event or as a rejection, which its answer waits
// for, and forwarding the event, which it does not. Large bodies are recorded in a lane of their own, so that they do not
// hold up the small ones.

import type { NewEvent } from '../contract/event.ts';
import {
  type ForwardingDeps,
  forwardEvents,
  forwardStored,
  MAX_FORWARDED_PAYLOAD_BYTES,
} from '../forward/events.ts';
import { byteBudget } from '../runtime/byte-budget.ts';
import type { CircuitBreaker } from '../runtime/circuit-breaker.ts';
import { type GroupCommitOptions, groupCommit, type Lifetime } from '../runtime/group-commit.ts';
import { describeError, log } from '../runtime/log.ts';
import {
  compareRepeats,
  differingRejection,
  MAX_COMPARED_EVENTS,
  type RecordOutcome,
} from '../store/differing-repeats.ts';
import type { PendingEvent } from '../store/events.ts';
import {
  MAX_RECORD_BYTES,
  MAX_RECORD_EVENTS,
  type RecordableEvent,
  type RecordedEvent,
  recordEvents,
  toRecordable,
} from '../store/events.ts';
import {
  MAX_REJECTION_BATCH,
  MAX_REJECTION_BATCH_BYTES,
  type NewRejection,
  recordRejections,
} from '../store/rejections.ts';
import { isLarge } from './read-body.ts';

/** When D1 takes longer it counts as failing, and the intake queue takes the webhook. */
export const D1_TIMEOUT_MS = 2_000;

/** `waitUntil` ends 30 s after the answer (https://developers.cloudflare.com/workers/runtime-apis/context/). */
const FORWARD_TIMEOUT_MS = 25_000;
/** Limits of what is forwarded together. The queue's own limits cut it further into batches. */
const FORWARD_GROUP = {
  maxItems: 500,
  maxBytes: 8_000_000,
  /**
   * Meanwhile the answers go out, and more events come to share a batch and its confirmation. Consumers do not notice, since
   * a queue gathers their batches for a second.
   */
  lingerMs: 50,
  workTimeoutMs: FORWARD_TIMEOUT_MS,
};
/** Payloads that wait to be forwarded or are being forwarded: while the queue hangs they would fill the memory. */
const MAX_FORWARD_HELD_BYTES = 16_000_000;
/** A character takes one byte in memory, or two in a text that is not all Latin-1. */
const BYTES_PER_CHARACTER = 2;

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
  const forwardHeld = byteBudget({ maxBytes: MAX_FORWARD_HELD_BYTES });

  const forward = groupCommit<PendingEvent[], void>({
    ...FORWARD_GROUP,
    bytesOf: heldBytesOf,
    work: async (groups) => {
      await forwardEvents(deps, groups.flat());
      return [];
    },
  });

  /** For events whose payloads there is no room to hold: they are read again when their turn comes. */
  const forwardFromStore = groupCommit<{ seqs: number[]; bytes: number }, void>({
    ...FORWARD_GROUP,
    bytesOf: ({ bytes }) => bytes,
    work: async (groups) => {
      const seqs = groups.flatMap((group) => group.seqs);
      await forwardStored(deps, seqs, 'events that there was no room to hold');
      return [];
    },
  });

  /** Forwards events that were just recorded. What fails or is late stays in the outbox for the sweep. Never rejects. */
  async function forwardRecorded(events: PendingEvent[], lifetime: Lifetime): Promise<void> {
    const bytes = heldBytesOf(events);
    const holding = forwardHeld.hold('');
    try {
      if (holding.take(bytes)) {
        await forward(events, lifetime, FORWARD_TIMEOUT_MS);
      } else {
        const seqs = events.map(({ seq }) => seq);
        await forwardFromStore({ seqs, bytes }, lifetime, FORWARD_TIMEOUT_MS);
      }
    } catch (error) {
      log('warn', 'forwarding left to the sweep', { events: events.length, error: describeError(error) });
    } finally {
      holding.release();
    }
  }

  const record = inLanes<RecordableEvent, RecordedEvent | null>(({ event }) => event.payload.length, {
    ...d1,
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    bytesOf: ({ bytes }) => bytes,
    work: async (events, lifetime) => {
      const recorded = await recordEvents(deps.db, events, deps.now());
      const isNew = events.flatMap(({ event }, index) => pendingEventOf(event, recorded[index]));
      if (isNew.length > 0) lifetime.waitUntil(forwardRecorded(isNew, lifetime));
      return recorded;
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

function heldBytesOf(events: PendingEvent[]): number {
  return events.reduce((sum, { payload }) => sum + (payload?.length ?? 0) * BYTES_PER_CHARACTER, 0);
}

/** The event to forward, if it is new. A payload that is too large for a message is not held for it. */
function pendingEventOf(event: NewEvent, recorded: RecordedEvent | null | undefined): PendingEvent[] {
  if (!recorded?.isNew) return [];
  const { payload, ...head } = event;
  const isForwarded = payload.length <= MAX_FORWARDED_PAYLOAD_BYTES;
  return [{ seq: recorded.seq, replay: 0, head, payload: isForwarded ? payload : null }];
}
