// The stages that a webhook goes through once it is judged, each a group commit: recording it as event or as
// rejection, which the answer waits for, and forwarding the event, which it does not. Large bodies are recorded one by
// one: they have a lane of their own, so that none of them holds up the small ones.

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
  type Recorded,
} from '../store/differing-repeats.ts';
import {
  MAX_RECORD_BYTES,
  MAX_RECORD_EVENTS,
  type RecordableEvent,
  type RecordedEvent,
  recordable,
  recordEvents,
} from '../store/events.ts';
import type { PendingEvent } from '../store/outbox.ts';
import {
  MAX_REJECTION_BATCH,
  MAX_REJECTION_BATCH_BYTES,
  type NewRejection,
  recordRejections,
} from '../store/rejections.ts';
import { isLarge } from './read-body.ts';

/** Slower than this, D1 counts as failing, and the intake queue takes the webhook. */
export const D1_TIMEOUT_MS = 2_000;
/** `waitUntil` ends 30 s after the answer (https://developers.cloudflare.com/workers/runtime-apis/context/). */
const FORWARD_TIMEOUT_MS = 25_000;
/**
 * Forwarding waits for the answers to go out, and for more events to share its batch and its confirmation. Consumers
 * do not notice: a queue gathers their batches for a second.
 */
const FORWARD_LINGER_MS = 50;
/** Events forwarded together. The queue's own limits cut them further into batches. */
const MAX_FORWARD_EVENTS = 500;
const MAX_FORWARD_BYTES = 8_000_000;

/** An event that is deleted just when a repeat is compared with it is recorded anew. */
const MAX_RECORD_TRIES = 3;

/** What waits to be forwarded, or is being forwarded: while the queue hangs it would fill the memory. */
const MAX_FORWARD_HELD_BYTES = 16_000_000;
/** A character of a text takes one byte, or two where not all of them are Latin-1. */
const BYTES_PER_CHARACTER = 2;

export interface PipelineDeps extends ForwardingDeps {
  breaker: CircuitBreaker;
}

/** What became of an event, and its id. `kept`: as a rejection, since the event of that id has another content. */
export interface Taken {
  id: string;
  outcome: 'stored' | 'duplicate' | 'kept';
}

/** Where judged webhooks go. Both reject when D1 does not take it within `timeoutMs`. */
export interface Pipeline {
  /**
   * Records an event; the first delivery of one is forwarded afterwards, behind the answer's back.
   *
   * @param generation of the token that it came with.
   */
  recordEvent(event: NewEvent, generation: number, lifetime: Lifetime, timeoutMs: number): Promise<Taken>;
  recordRejection(rejection: NewRejection, lifetime: Lifetime, timeoutMs: number): Promise<void>;
}

/** Makes the stages. Once for each isolate: webhooks share groups by sharing them. */
export function createPipeline(deps: PipelineDeps): Pipeline {
  const { breaker } = deps;
  const forwardHeld = byteBudget({ maxBytes: MAX_FORWARD_HELD_BYTES });

  const forward = groupCommit<PendingEvent[], void>({
    maxItems: MAX_FORWARD_EVENTS,
    maxBytes: MAX_FORWARD_BYTES,
    bytesOf: heldBytesOf,
    lingerMs: FORWARD_LINGER_MS,
    workTimeoutMs: FORWARD_TIMEOUT_MS,
    work: async (groups) => {
      await forwardEvents(deps, groups.flat());
      return groups.map(() => undefined);
    },
  });

  /** For events that there is no room to hold: they are read again when their turn comes. */
  const forwardFromStore = groupCommit<{ seqs: number[]; bytes: number }, void>({
    maxItems: MAX_FORWARD_EVENTS,
    maxBytes: MAX_FORWARD_BYTES,
    bytesOf: ({ bytes }) => bytes,
    lingerMs: FORWARD_LINGER_MS,
    workTimeoutMs: FORWARD_TIMEOUT_MS,
    work: async (groups) => {
      const seqs = groups.flatMap((group) => group.seqs);
      await forwardStored(deps, seqs, 'events that there was no room to hold');
      return groups.map(() => undefined);
    },
  });

  /** Forwards what was just recorded. What fails or is late is in the outbox: the next sweep forwards it. Never rejects. */
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
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    bytesOf: ({ bytes }) => bytes,
    workTimeoutMs: D1_TIMEOUT_MS,
    breaker,
    work: async (events, lifetime) => {
      const recorded = await recordEvents(deps.db, events, deps.now());
      const isNew = events.flatMap(({ event }, index) => pendingEventOf(event, recorded[index]));
      if (isNew.length > 0) lifetime.waitUntil(forwardRecorded(isNew, lifetime));
      return recorded;
    },
  });

  /** For events that are stored and were written otherwise: apart, so that new ones do not wait for them. */
  const compare = groupCommit<NewEvent, Recorded | null>({
    maxItems: MAX_COMPARED_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    bytesOf: ({ payload }) => payload.length,
    workTimeoutMs: D1_TIMEOUT_MS,
    breaker,
    work: async (events) => compareRepeats(deps.db, events),
  });

  const reject = inLanes<NewRejection, void>(({ body }) => body.byteLength, {
    maxItems: MAX_REJECTION_BATCH,
    maxBytes: MAX_REJECTION_BATCH_BYTES,
    bytesOf: ({ body }) => body.byteLength,
    workTimeoutMs: D1_TIMEOUT_MS,
    breaker,
    work: async (rejections) => {
      await recordRejections(deps.db, rejections, deps.now());
      return rejections.map(() => undefined);
    },
  });

  async function recordEvent(
    event: NewEvent,
    generation: number,
    lifetime: Lifetime,
    timeoutMs: number,
  ): Promise<Taken> {
    const untilMs = deps.now() + timeoutMs;
    const leftMs = () => untilMs - deps.now();
    for (let leftTries = MAX_RECORD_TRIES; leftTries > 0; leftTries--) {
      const recorded = await record(recordable(event), lifetime, leftMs());
      if (recorded !== null) return { id: event.id, outcome: recorded.isNew ? 'stored' : 'duplicate' };
      const compared = await compare(event, lifetime, leftMs());
      if (compared === null) continue;
      if (compared.outcome !== 'differs') return { id: compared.id, outcome: compared.outcome };
      await reject(differingRejection(event, compared, generation), lifetime, leftMs());
      return { id: event.id, outcome: 'kept' };
    }
    throw new Error('an event comes and goes while a repeat of it is compared');
  }

  return {
    recordEvent,
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

/** Without the payload where it cannot go into a message anyway: it need not be held for that. */
function pendingEventOf(event: NewEvent, recorded: RecordedEvent | null | undefined): PendingEvent[] {
  if (!recorded?.isNew) return [];
  const { payload, ...head } = event;
  const isForwarded = payload.length <= MAX_FORWARDED_PAYLOAD_BYTES;
  return [{ seq: recorded.seq, replay: 0, head, payload: isForwarded ? payload : null }];
}
