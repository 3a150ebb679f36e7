// The stages that a webhook goes through once it is judged, each a group commit: recording it as event or as
// rejection, which the answer waits for, and forwarding the event, which it does not.

import type { CircuitBreaker } from '../circuit-breaker.ts';
import type { NewEvent } from '../contract/event.ts';
import { type ForwardingDeps, forwardEvents } from '../forward/events.ts';
import { groupCommit, type Lifetime } from '../group-commit.ts';
import { describeError, log } from '../log.ts';
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

export interface PipelineDeps extends ForwardingDeps {
  breaker: CircuitBreaker;
}

/** Where judged webhooks go. Both reject when D1 does not take it within `timeoutMs`. */
export interface Pipeline {
  /** Records an event; the first delivery of one is forwarded afterwards, behind the answer's back. */
  recordEvent(event: NewEvent, lifetime: Lifetime, timeoutMs: number): Promise<RecordedEvent>;
  recordRejection(rejection: NewRejection, lifetime: Lifetime, timeoutMs: number): Promise<void>;
}

/** Makes the stages. Once for each isolate: webhooks share groups by sharing them. */
export function createPipeline(deps: PipelineDeps): Pipeline {
  const forward = groupCommit<PendingEvent[], void>({
    maxItems: MAX_FORWARD_EVENTS,
    maxBytes: MAX_FORWARD_BYTES,
    bytesOf: (events) => events.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 0),
    lingerMs: FORWARD_LINGER_MS,
    workTimeoutMs: FORWARD_TIMEOUT_MS,
    work: async (groups) => {
      await forwardEvents(deps, groups.flat());
      return groups.map(() => undefined);
    },
  });

  const record = groupCommit<RecordableEvent, RecordedEvent>({
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    bytesOf: ({ bytes }) => bytes,
    workTimeoutMs: D1_TIMEOUT_MS,
    breaker: deps.breaker,
    work: async (events, lifetime) => {
      const recorded = await recordEvents(deps.db, events, deps.now());
      const isNew = events.flatMap(({ event }, index) => pendingEventOf(event, recorded[index]));
      if (isNew.length > 0)
        lifetime.waitUntil(forward(isNew, lifetime, FORWARD_TIMEOUT_MS).catch(leaveToSweep));
      return recorded;
    },
  });

  const reject = groupCommit<NewRejection, void>({
    maxItems: MAX_REJECTION_BATCH,
    maxBytes: MAX_REJECTION_BATCH_BYTES,
    bytesOf: ({ body }) => body.byteLength,
    workTimeoutMs: D1_TIMEOUT_MS,
    breaker: deps.breaker,
    work: async (rejections) => {
      await recordRejections(deps.db, rejections, deps.now());
      return rejections.map(() => undefined);
    },
  });

  return {
    recordEvent: async (event, lifetime, timeoutMs) => record(recordable(event), lifetime, timeoutMs),
    recordRejection: reject,
  };
}

function pendingEventOf(event: NewEvent, recorded: RecordedEvent | undefined): PendingEvent[] {
  if (!recorded?.isNew) return [];
  const { payload, ...head } = event;
  return [{ seq: recorded.seq, replay: 0, head, payload }];
}

/** The events are in the outbox: the next sweep forwards them. */
function leaveToSweep(error: unknown): void {
  log('warn', 'forwarding left to the sweep', { error: describeError(error) });
}
