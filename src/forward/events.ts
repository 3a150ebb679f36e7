// Forwarding: events go to the EVENTS queue as CloudEvents, and leave the outbox once the queue has confirmed them.

import { type CloudEvent, cloudEventHead, payloadPath } from '../contract/cloudevent.ts';
import { encodePayload, parsePayload } from '../contract/payload.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { describeError, log } from '../runtime/log.ts';
import type { PendingEvent } from '../store/events.ts';
import { confirmForwarded, findPending } from '../store/outbox.ts';

/** Limits of a queue for what is sent: https://developers.cloudflare.com/queues/platform/limits/ */
export const BATCH_LIMITS = { maxItems: 100, maxBytes: 256_000 };
export const MAX_MESSAGE_BYTES = 128_000;
/** The limits count a message's metadata, which is "around 100 bytes". Twice that is kept free. */
export const METADATA_BYTES = 200;

/** A payload larger than this fits into no message. */
export const MAX_FORWARDED_PAYLOAD_BYTES = MAX_MESSAGE_BYTES;

/**
 * Deeper payloads are forwarded by reference. The platform's bodies have three levels; many JSON parsers of consumers end at
 * 64 or 100, and from some thousand levels on the queue itself fails to write or to parse a message.
 */
const MAX_FORWARDED_DEPTH = 60;

/** A consumer that stored events must not wait for a queue that hangs, or its own messages would be delivered again. */
const FORWARD_STORED_TIMEOUT_MS = 15_000;

export interface ForwardingDeps {
  db: D1Database;
  events: Queue<CloudEvent>;
  /** Address of the receiver, without a slash at its end; empty where it is not configured, so that a `dataref` is relative. */
  publicUrl: string;
  now: () => number;
}

/** Records that the queue confirmed events, so that they are not forwarded again. */
export type Confirm<Pending> = (
  db: D1Database,
  confirmed: readonly Pending[],
  nowMs: number,
) => Promise<void>;

interface EventMessage<Pending> {
  pending: Pending;
  body: CloudEvent;
  bytes: number;
}

/** Events that were not forwarded, and still wait. */
interface Unforwarded<Pending> {
  /** Their batches were not taken by the queue. */
  refused: Pending[];
  /** No message can be made of them, whatever the queue does. */
  broken: Pending[];
}

/**
 * Sends events in as few batches as the limits allow, and confirms those that the queue took. What was not taken is logged.
 *
 * @param confirm for events that wait elsewhere than in the outbox.
 */
export async function forwardEvents<Pending extends PendingEvent>(
  deps: ForwardingDeps,
  pending: readonly Pending[],
  confirm: Confirm<Pending> = confirmForwarded,
): Promise<Unforwarded<Pending>> {
  const messages: EventMessage<Pending>[] = [];
  const broken: Pending[] = [];
  for (const event of pending) {
    try {
      messages.push(messageOf(event, deps.publicUrl));
    } catch (error) {
      const { seq, head } = event;
      log('error', 'no message can be made of an event', {
        seq,
        integration: head.integration,
        error: describeError(error),
      });
      broken.push(event);
    }
  }
  const batches = splitIntoBatches(messages, ({ bytes }) => bytes, BATCH_LIMITS);
  const answers = await Promise.allSettled(
    batches.map((batch) => deps.events.sendBatch(batch.map(({ body }) => ({ body, contentType: 'json' })))),
  );
  const confirmed: Pending[] = [];
  const refused: Pending[] = [];
  for (const [index, answer] of answers.entries()) {
    const events = batches[index]?.map((message) => message.pending) ?? [];
    if (answer.status === 'fulfilled') {
      confirmed.push(...events);
    } else {
      refused.push(...events);
      log('error', 'forwarding failed', { events: events.length, error: describeError(answer.reason) });
    }
  }
  if (confirmed.length > 0) await confirm(deps.db, confirmed, deps.now());
  return { refused, broken };
}

/**
 * Forwards events that were stored by others than the webhooks' own requests, as far as they are still in the outbox. What
 * fails or takes too long is left to the sweep; never rejects.
 *
 * @param what names the events in the log.
 */
export async function forwardStored(
  deps: ForwardingDeps,
  seqs: readonly number[],
  what: string,
): Promise<void> {
  if (seqs.length === 0) return;
  try {
    const forwarding = findPending(deps.db, seqs, MAX_FORWARDED_PAYLOAD_BYTES).then(async (pending) =>
      forwardEvents(deps, pending),
    );
    await withTimeout(FORWARD_STORED_TIMEOUT_MS, forwarding);
  } catch (error) {
    log('error', `forwarding of ${what} failed`, { events: seqs.length, error: describeError(error) });
  }
}

/** How many bytes of a payload are read to forward it: none where it goes by reference. */
export function forwardedBytes(payloadBytes: number): number {
  return payloadBytes > MAX_FORWARDED_PAYLOAD_BYTES ? 0 : payloadBytes;
}

/** The message of an event, with its payload where that fits, otherwise with a reference to it. */
function messageOf<Pending extends PendingEvent>(pending: Pending, publicUrl: string): EventMessage<Pending> {
  const data = pending.payload === null ? undefined : parsePayload(pending.payload);
  if (data !== undefined && !isDeeperThan(data, MAX_FORWARDED_DEPTH)) {
    const body = { ...cloudEventHead(pending.head, pending.replay, publicUrl), data };
    const bytes = messageBytes(body);
    if (bytes <= MAX_MESSAGE_BYTES) return { pending, body, bytes };
  }
  const body = referenceOf(pending, publicUrl);
  return { pending, body, bytes: messageBytes(body) };
}

function referenceOf({ head, replay }: PendingEvent, publicUrl: string): CloudEvent {
  return { ...cloudEventHead(head, replay, publicUrl), dataref: publicUrl + payloadPath(head) };
}

/** What is kept of an event that no queue takes: its message where one can be made, otherwise a reference to its payload. */
export function keptMessageOf(pending: PendingEvent, publicUrl: string): CloudEvent {
  try {
    return messageOf(pending, publicUrl).body;
  } catch {
    return referenceOf(pending, publicUrl);
  }
}

/** The size of a message as the queue counts it. */
function messageBytes(body: CloudEvent): number {
  return encodePayload(JSON.stringify(body)).byteLength + METADATA_BYTES;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
