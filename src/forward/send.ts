// Sends events to the queue of a route, in as few batches as the limits allow.

import type { CloudEvent, Sending } from '../contract/cloudevent.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { describeError, log } from '../runtime/log.ts';
import type { PendingEvent } from '../store/pending-events.ts';
import { BATCH_LIMITS, type EventMessage, messageOf } from './messages.ts';

/** An invocation has six connections at a time (https://developers.cloudflare.com/workers/platform/limits/). */
const PARALLEL_BATCHES = 6;

/**
 * What queues answer beyond their 5,000 messages a second, or when they cannot keep up at less
 * (https://developers.cloudflare.com/queues/platform/limits/, https://github.com/cloudflare/workerd/issues/6053).
 */
const OVERLOADED = /overloaded|too many requests/i;

/** Where events go, and how. */
export interface Way {
  route: string;
  queue: Queue<CloudEvent>;
  /** Address of the receiver, without a slash at its end; empty where it is not configured, so that a `dataref` is relative. */
  publicUrl: string;
  replay: Sending['replay'];
}

export interface OutgoingEvent extends PendingEvent {
  /** Gives its message, where that is made once for several routes. */
  message?: () => EventMessage;
}

/** What became of events that were sent. */
export interface SentEvents<Event> {
  /** The queue confirmed them. */
  taken: Event[];
  /** Their batches were not taken by the queue, or were not sent since the queue is overloaded. */
  refused: Event[];
  /** No message can be made of them, whatever the queue does. */
  broken: Event[];
  /** The queue asks to be spared for a while. */
  isOverloaded: boolean;
  batches: number;
}

/** Sends events. What was not taken is logged; never rejects. */
export async function sendEvents<Event extends OutgoingEvent>(
  { route, queue, publicUrl, replay }: Way,
  events: readonly Event[],
): Promise<SentEvents<Event>> {
  const made: { event: Event; message: EventMessage }[] = [];
  const sent: SentEvents<Event> = { taken: [], refused: [], broken: [], isOverloaded: false, batches: 0 };
  for (const event of events) {
    try {
      made.push({ event, message: event.message?.() ?? messageOf(event, publicUrl, replay) });
    } catch (error) {
      const { seq, head } = event;
      log('error', 'no message can be made of an event', {
        seq,
        integration: head.integration,
        error: describeError(error),
      });
      sent.broken.push(event);
    }
  }
  const batches = splitIntoBatches(made, ({ message }) => message.bytes, BATCH_LIMITS);
  const waiting = batches.values();
  let failure: string | undefined;
  const sendInTurn = async () => {
    for (const batch of waiting) {
      const ofBatch = batch.map(({ event }) => event);
      if (sent.isOverloaded) {
        sent.refused.push(...ofBatch);
        continue;
      }
      sent.batches++;
      try {
        await queue.sendBatch(batch.map(({ message: { body } }) => ({ body, contentType: 'json' })));
        sent.taken.push(...ofBatch);
      } catch (error) {
        failure = describeError(error);
        sent.isOverloaded ||= OVERLOADED.test(failure);
        sent.refused.push(...ofBatch);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_BATCHES, batches.length) }, sendInTurn));
  if (failure !== undefined) {
    log('error', 'forwarding failed', { route, events: sent.refused.length, error: failure });
  }
  return sent;
}
