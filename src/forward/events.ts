// Forwarding: events go to the EVENTS queue as CloudEvents, and leave the outbox once the queue has confirmed them.

import { type CloudEvent, cloudEventHead, payloadPath } from '../contract/cloudevent.ts';
import { parsePayload } from '../contract/payload.ts';
import { cutGroups } from '../cut-groups.ts';
import { describeError, log } from '../log.ts';
import { confirmForwarded, type PendingEvent } from '../store/outbox.ts';

/** https://developers.cloudflare.com/queues/platform/limits/ */
const MAX_BATCH_MESSAGES = 100;
const MAX_BATCH_BYTES = 256_000;
const MAX_MESSAGE_BYTES = 128_000;
/** The limits count a message's metadata, "around 100 bytes"; twice that is kept free for each. */
const METADATA_BYTES = 200;

/** A payload larger than this cannot go into a message, whatever surrounds it. */
export const MAX_FORWARDED_PAYLOAD_BYTES = MAX_MESSAGE_BYTES;

/** Where to forward from and to. */
export interface ForwardingDeps {
  db: D1Database;
  events: Queue<CloudEvent>;
  /** Address of the receiver for `dataref`, without a slash at its end; empty: relative. */
  publicUrl: string;
}

interface Message {
  pending: Pick<PendingEvent, 'seq' | 'replay'>;
  body: CloudEvent;
  bytes: number;
}

const encoder = new TextEncoder();

/**
 * Sends events in as few batches as the limits allow, and takes what was confirmed out of the outbox. What was not
 * stays there for the next sweep, and is logged.
 *
 * @returns the events that could not be sent.
 */
export async function forwardEvents(deps: ForwardingDeps, pending: PendingEvent[]): Promise<PendingEvent[]> {
  const messages = pending.map((event) => messageOf(event, deps.publicUrl));
  const batches = cutGroups(messages, ({ bytes }) => bytes, {
    maxItems: MAX_BATCH_MESSAGES,
    maxBytes: MAX_BATCH_BYTES,
  });
  const answers = await Promise.allSettled(
    batches.map((batch) => deps.events.sendBatch(batch.map(({ body }) => ({ body, contentType: 'json' })))),
  );
  const confirmed = batches.filter((_, index) => answers[index]?.status === 'fulfilled').flat();
  if (confirmed.length > 0) {
    await confirmForwarded(
      deps.db,
      confirmed.map((message) => message.pending),
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
  const confirmedSeqs = new Set(confirmed.map((message) => message.pending.seq));
  return pending.filter(({ seq }) => !confirmedSeqs.has(seq));
}

/** The message of an event: with its payload where that fits, else with a reference to it. */
function messageOf(pending: PendingEvent, publicUrl: string): Message {
  const head = cloudEventHead(pending.head, pending.replay);
  const whole = pending.payload === null ? null : measured({ ...head, data: parsePayload(pending.payload) });
  const { body, bytes } =
    whole ?? measuredReference({ ...head, dataref: publicUrl + payloadPath(pending.head) });
  return { pending, body, bytes };
}

/** The body with its size as the queue will count it; `null` where it is too large or nested too deeply to send. */
function measured(body: CloudEvent): { body: CloudEvent; bytes: number } | null {
  try {
    const bytes = encoder.encode(JSON.stringify(body)).byteLength + METADATA_BYTES;
    return bytes <= MAX_MESSAGE_BYTES ? { body, bytes } : null;
  } catch (error) {
    if (error instanceof RangeError) return null; // nested more deeply than the stack allows
    throw error;
  }
}

function measuredReference(body: CloudEvent): { body: CloudEvent; bytes: number } {
  return { body, bytes: encoder.encode(JSON.stringify(body)).byteLength + METADATA_BYTES };
}
