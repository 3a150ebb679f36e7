// The two stages that an event goes through once it is accepted, each a group commit: recording, which the answer
// waits for, and forwarding, which it does not.

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

/** Slower than this, D1 counts as failing, and the intake queue takes the webhook. */
export const D1_TIMEOUT_MS = 2_000;
/** `waitUntil` ends 30 s after the answer (https://developers.cloudflare.com/workers/runtime-apis/context/). */
const FORWARD_TIMEOUT_MS = 25_000;
/** Forwarding waits for the answers to go out, and for more events to share its batch and its confirmation. */
const FORWARD_LINGER_MS = 10;
/** Events forwarded together. The queue's own limits cut them further into batches. */
const MAX_FORWARD_EVENTS = 500;
const MAX_FORWARD_BYTES = 8_000_000;

/** Records an event; the first delivery of one is forwarded afterwards, behind the answer's back. */
export type RecordEvent = (event: NewEvent, lifetime: Lifetime, timeoutMs: number) => Promise<RecordedEvent>;

/** Makes the stages. Once for each isolate: webhooks share groups by sharing them. */
export function createPipeline(deps: ForwardingDeps & { now: () => number }): RecordEvent {
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
    work: async (events, lifetime) => {
      const recorded = await recordEvents(deps.db, events, deps.now());
      const isNew = events.flatMap(({ event }, index) => pendingEventOf(event, recorded[index]));
      if (isNew.length > 0)
        lifetime.waitUntil(forward(isNew, lifetime, FORWARD_TIMEOUT_MS).catch(leaveToSweep));
      return recorded;
    },
  });

  return async (event, lifetime, timeoutMs) => record(recordable(event), lifetime, timeoutMs);
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
