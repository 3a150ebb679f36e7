// CloudEvents as the receiver forwards them, and batches as the runtime gives them.

import { type CloudEvent, cloudEventHead } from '../../src/contract/cloudevent.ts';
import { eventOf } from '../../src/contract/event.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import { type Body, responseBody, statusBody } from '../webhooks.ts';

/** The place of the event made last: each has one behind it, as in the receiver's log. */
let lastSeq = 1_800_000_000_000_000;

/** The event of the documented response, changed by `change`. */
export function responseEvent(change?: (body: Body) => void): CloudEvent {
  return cloudEventOf(responseBody(change));
}

/** The event of the documented status, changed by `change`. */
export function statusEvent(change?: (body: Body) => void): CloudEvent {
  return cloudEventOf(statusBody(change));
}

/** So many responses with ids `0`, `1`, …, each of a contact of its own. */
export function responseEvents(count: number): CloudEvent[] {
  return Array.from({ length: count }, (_, index) =>
    responseEvent((body) => {
      body.message.messageId = `${index}`;
      body.clientData.number = `+5544999${String(index).padStart(6, '0')}`;
    }),
  );
}

function cloudEventOf(body: Body): CloudEvent {
  const parsed = parseWebhook(body, Date.now());
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const arrival = { integration: 'shop', payload: '', requestId: '', receivedAtMs: Date.now() };
  return { ...cloudEventHead(eventOf(parsed, arrival), { seq: ++lastSeq, replay: null }), data: body };
}

/** A batch of the queue `events`, and what becomes of each of its messages: `ack`, `retry <seconds>` or `none`. */
export function batchOf(bodies: unknown[], attempts = 1) {
  const outcomes: string[] = bodies.map(() => 'none');
  const messages = bodies.map((body, index) => ({
    id: `message-${index}`,
    body,
    attempts,
    ack: () => {
      outcomes[index] = 'ack';
    },
    retry: ({ delaySeconds }: { delaySeconds: number }) => {
      outcomes[index] = `retry ${delaySeconds}`;
    },
  }));
  return { batch: { queue: 'events', messages }, outcomes };
}
