// Forwarding: events go to the EVENTS queue as CloudEvents, and leave the outbox once the queue has confirmed them.

import { type CloudEvent, cloudEventHead, payloadPath } from '../contract/cloudevent.ts';
import { parsePayload } from '../contract/payload.ts';
import { cutGroups } from '../runtime/batching.ts';
import { within } from '../runtime/deadline.ts';
import { describeError, log } from '../runtime/log.ts';
import { confirmForwarded, findPending, type PendingEvent } from '../store/outbox.ts';

/** https://developers.cloudflare.com/queues/platform/limits/ */
export const BATCH_LIMITS = { maxItems: 100, maxBytes: 256_000 };
const MAX_MESSAGE_BYTES = 128_000;
/** The limits count a message's metadata, "around 100 bytes"; twice that is kept free for each. */
export const METADATA_BYTES = 200;

/**
 * The platform's bodies have three levels. From some thousand on, what stands between here and the consumer fails to
 * write or to parse a message; many JSON parsers end at 64 or 100 by themselves.
 */
const MAX_FORWARDED_DEPTH = 60;

/** A payload larger than this cannot go into a message, whatever surrounds it. */
export const MAX_FORWARDED_PAYLOAD_BYTES = MAX_MESSAGE_BYTES;

/** Whoever stored events must not wait for a queue that hangs: its own messages would come again. */
const FORWARD_STORED_TIMEOUT_MS = 15_000;

/** Where to forward from and to. */
export interface ForwardingDeps {
  db: D1Database;
  events: Queue<CloudEvent>;
  /** Address of the receiver, without a slash at its end; empty: not known, a `dataref` is relative then. */
  publicUrl: string;
  now: () => number;
}

/** Takes down that the queue confirmed events, so that they are not forwarded again. */
export type Confirm<Pending> = (
  db: D1Database,
  confirmed: readonly Pending[],
  nowMs: number,
) => Promise<void>;

interface Message<Pending> {
  pending: Pending;
  body: CloudEvent;
  bytes: number;
}

const encoder = new TextEncoder();

/** Events that were not forwarded. They stay where they wait. */
export interface Unforwarded<Pending> {
  /** Those of batches that the queue did not take. */
  refused: Pending[];
  /** Those of which no message can be made, whatever the queue does. */
  broken: Pending[];
}

/**
 * Sends events in as few batches as the limits allow, and takes what was confirmed out of the outbox. What was not
 * stays there for the next sweep, and is logged.
 *
 * @param confirm for events that wait elsewhere than in the outbox.
 */
export async function forwardEvents<Pending extends PendingEvent>(
  deps: ForwardingDeps,
  pending: readonly Pending[],
  confirm: Confirm<Pending> = confirmForwarded,
): Promise<Unforwarded<Pending>> {
  const messages: Message<Pending>[] = [];
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
  const batches = cutGroups(messages, ({ bytes }) => bytes, BATCH_LIMITS);
  const answers = await Promise.allSettled(
    batches.map((batch) => deps.events.sendBatch(batch.map(({ body }) => ({ body, contentType: 'json' })))),
  );
  const confirmed = batches.filter((_, index) => answers[index]?.status === 'fulfilled').flat();
  if (confirmed.length > 0) {
    await confirm(
      deps.db,
      confirmed.map((message) => message.pending),
      deps.now(),
    );
  }
  for (const [index, answer] of answers.entries()) {
    if (answer.status === 'rejected') {
      log('error', 'forwarding failed', {
        events: batches[index]?.length ?? 0,
        error: describeError(answer.reason),
      });
    }
  }
  const refused = batches.filter((_, index) => answers[index]?.status === 'rejected').flat();
  return { refused: refused.map((message) => message.pending), broken };
}

/**
 * Forwards events that were just stored by others than the webhooks' own requests, as far as they are still in the
 * outbox. What fails or takes too long is left to the sweep; never rejects.
 *
 * @param what they are, for the log.
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
    await within(FORWARD_STORED_TIMEOUT_MS, forwarding);
  } catch (error) {
    log('error', `forwarding of ${what} failed`, { events: seqs.length, error: describeError(error) });
  }
}

/** The message of an event: with its payload where that can go into a message, else with a reference to it. */
function messageOf<Pending extends PendingEvent>(pending: Pending, publicUrl: string): Message<Pending> {
  const head = cloudEventHead(pending.head, pending.replay, publicUrl);
  const data = pending.payload === null ? undefined : parsePayload(pending.payload);
  if (data !== undefined && !isDeeperThan(data, MAX_FORWARDED_DEPTH)) {
    const whole = { ...head, data };
    const bytes = messageBytes(whole);
    if (bytes <= MAX_MESSAGE_BYTES) return { pending, body: whole, bytes };
  }
  const reference = referenceOf(pending, publicUrl);
  return { pending, body: reference, bytes: messageBytes(reference) };
}

function referenceOf({ head, replay }: PendingEvent, publicUrl: string): CloudEvent {
  return { ...cloudEventHead(head, replay, publicUrl), dataref: publicUrl + payloadPath(head) };
}

/**
 * What is kept of an event that no queue takes: its message where one can be made of it, else one that says where its
 * payload is to be read.
 */
export function keptMessageOf(pending: PendingEvent, publicUrl: string): CloudEvent {
  try {
    return messageOf(pending, publicUrl).body;
  } catch {
    return referenceOf(pending, publicUrl);
  }
}

/** Size of a message as the queue counts it. */
function messageBytes(body: CloudEvent): number {
  return encoder.encode(JSON.stringify(body)).byteLength + METADATA_BYTES;
}

/** Whether a JSON value has more levels of objects and arrays than that. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
