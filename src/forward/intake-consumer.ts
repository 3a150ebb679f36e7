// The intake queue: takes webhooks while D1 cannot, and gives them to this same Worker later. What it holds has a
// genuine token; whether the registration still stands is checked here, against D1. What it holds becomes an event or
// a rejection: nothing is dropped.

import * as z from 'zod';
import { assessBody, type Refused, refused } from '../contract/assess.ts';
import { decodePayload, encodePayload, MAX_BODY_BYTES } from '../contract/payload.ts';
import { problemAt } from '../contract/problems.ts';
import { cutGroups } from '../runtime/batching.ts';
import { boundedDatabase } from '../runtime/bounded-bindings.ts';
import type { ByteBudget, ByteLimits } from '../runtime/byte-budget.ts';
import { withinMs } from '../runtime/deadline.ts';
import { describeError, log } from '../runtime/log.ts';
import { objectionTo, objectionToBody, type Sender, withoutArrivalChecks } from '../sender/verify-sender.ts';
import type { WebhookTokens } from '../sender/webhook-token.ts';
import { differingRejection, recordOrCompare } from '../store/differing-repeats.ts';
import { MAX_RECORD_BYTES, MAX_RECORD_EVENTS, type RecordableEvent, recordable } from '../store/events.ts';
import { findIntegrations, type Integration } from '../store/integrations.ts';
import {
  MAX_REJECTION_BATCH,
  MAX_REJECTION_BATCH_BYTES,
  type NewRejection,
  recordRejections,
} from '../store/rejections.ts';
import { type ForwardingDeps, forwardStored, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';
import { type Held, recordMessages, retryLater } from './record-messages.ts';

/** A message of the intake queue. */
export const intakeMessage = z.object({
  integration: z.string(),
  /** Of the token that it came with. */
  generation: z.int().positive(),
  requestId: z.string().regex(/^[\w-]+$/), // several stand beside each other, parted by blanks
  receivedAtMs: z.int(),
  /** The body exactly as it came, where it is UTF-8. */
  payload: z.string().optional(),
  /** The body gzipped and in base64, where it is not, or would not fit otherwise. */
  gzip: z.string().optional(),
  /** What else is to be checked, where the registration could not be read when it arrived. */
  sender: z
    .object({
      address: z.string().nullable(),
      signature: z.object({ id: z.string(), timestamp: z.string(), signature: z.string() }).nullable(),
    })
    .optional(),
});

/** A webhook on its way through the intake queue. */
export interface DeferredWebhook {
  integration: string;
  generation: number;
  requestId: string;
  receivedAtMs: number;
  /** Exactly as it came: its text, or its bytes where it is not UTF-8 or has not been looked at. */
  body: ArrayBuffer | string;
}

/** https://developers.cloudflare.com/queues/platform/limits/, less the metadata that counts towards it. */
const MAX_MESSAGE_BYTES = 128_000 - 1_000;

/**
 * Puts a webhook into the intake queue. Rejects when the queue does not take it, or when it is too large for a
 * message even when compressed.
 *
 * @param unchecked its sender, where the registration could not be read: to be checked when it comes out again.
 */
export async function deferWebhook(
  intake: Queue<unknown>,
  { body, ...head }: DeferredWebhook,
  unchecked: Pick<Sender, 'address' | 'signature'> | null,
): Promise<void> {
  const sender = unchecked && { address: unchecked.address, signature: unchecked.signature };
  const message = { ...head, ...(sender && { sender }) };
  const payload = typeof body === 'string' ? body : decodePayload(body);
  const plain = payload !== null && { ...message, payload };
  const isSmall =
    plain && plain.payload.length <= MAX_MESSAGE_BYTES && messageBytes(plain) <= MAX_MESSAGE_BYTES;
  await intake.send(isSmall ? plain : { ...message, gzip: await gzipBase64(body) }, { contentType: 'json' });
}

const encoder = new TextEncoder();

function messageBytes(body: unknown): number {
  return encoder.encode(JSON.stringify(body)).byteLength;
}

async function gzipBase64(body: ArrayBuffer | string): Promise<string> {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
}

interface IntakeDeps extends ForwardingDeps {
  tokens: WebhookTokens;
  /** Of the webhooks that are being unpacked. */
  unpacked: ByteBudget;
}

/**
 * Bodies that are unpacked, judged and recorded together. A batch of a hundred messages has at most 256 KB, and can unpack
 * to 100 MB.
 */
const MAX_UNPACKED_BYTES = 4_000_000;
/** What a byte of a body takes in memory: itself, and two for a character of its text at the most. */
const HELD_PER_BYTE = 3;
/** What all batches that an isolate consumes at once may hold: two groups. */
export const UNPACKED_LIMITS: ByteLimits = { maxBytes: 2 * MAX_UNPACKED_BYTES * HELD_PER_BYTE };
/** What is forwarded together, so that it fits in memory. */
const FORWARD_GROUP = { maxItems: 100, maxBytes: 2_000_000 };

/**
 * A batch must end soon: acknowledgements count once its handler has ended, and a batch that is cut off is delivered again
 * as a whole. By then it has ended, and what is not forwarded yet is left to the sweep.
 */
const HANDLE_WITHIN_MS = 25_000;
/** No recording is begun later than this. What is not recorded by then is retried. */
const RECORD_WITHIN_MS = 12_000;
/** How long D1 may take for a statement, so that the last recording leaves time to forward. */
const D1_TIMEOUT_MS = 4_000;

/**
 * Records a batch of deferred webhooks as events or as rejections, and forwards the events. Each message is
 * acknowledged once it is in D1, and otherwise retried with growing delays; the dead-letter queue keeps what is given
 * up. Forwarding that fails, or is not done in time, is left to the sweep. Takes at most 25 s.
 */
export async function consumeIntake(deps: IntakeDeps, messages: readonly Message<unknown>[]): Promise<void> {
  const startMs = Date.now();
  const recording = {
    ...deps,
    db: boundedDatabase(deps.db, D1_TIMEOUT_MS),
    untilMs: startMs + RECORD_WITHIN_MS,
  };
  const read = messages.map(readMessage).filter((entry) => entry !== null);
  const registered = await findRegistered(recording.db, read);
  if (registered === null) return;
  const groups = cutGroups(read, ({ bodyBytes }) => bodyBytes, {
    maxItems: messages.length,
    maxBytes: MAX_UNPACKED_BYTES,
  });
  const stored = new Map<number, number>(); // one that came twice is one event
  for (const group of groups) await recordGroup(recording, group, registered, stored);
  await forwardInTime(deps, stored, startMs + HANDLE_WITHIN_MS);
}

type Recording = IntakeDeps & {
  /** Nothing more is begun after it, Unix ms. */
  untilMs: number;
};

/** @param stored takes what was stored: how many bytes are to be forwarded, by place. */
async function recordGroup(
  deps: Recording,
  group: readonly ReadMessage[],
  registered: Map<string, Integration>,
  stored: Map<number, number>,
): Promise<void> {
  const { db } = deps;
  const holding = deps.unpacked.hold('');
  try {
    const bodyBytes = group.reduce((sum, message) => sum + message.bodyBytes, 0);
    if (Date.now() >= deps.untilMs || !holding.take(bodyBytes * HELD_PER_BYTE)) {
      for (const { message } of group) retryLater(message);
      return;
    }
    const { events, rejections } = await judge(group, registered, deps.tokens);
    const rejectionGroups = cutGroups(rejections, ({ held }) => held.body.byteLength, REJECTION_GROUP);
    for (const one of rejectionGroups) {
      await recordMessages(db, one, async (batch) => recordRejections(db, batch, deps.now()), {
        untilMs: deps.untilMs,
      });
    }
    const eventGroups = cutGroups(events, ({ held }) => held.recordable.bytes, {
      maxItems: MAX_RECORD_EVENTS,
      maxBytes: MAX_RECORD_BYTES,
    });
    for (const one of eventGroups) {
      const record = async (batch: JudgedEvent[]) => {
        for (const [seq, bytes] of await recordJudged(deps, batch)) stored.set(seq, bytes);
      };
      await recordMessages(db, one, record, { untilMs: deps.untilMs });
    }
  } finally {
    holding.release();
  }
}

const REJECTION_GROUP = { maxItems: MAX_REJECTION_BATCH, maxBytes: MAX_REJECTION_BATCH_BYTES };

/** Records events, and keeps those that differ from what is stored. Gives how many bytes are to be forwarded, by place. */
async function recordJudged(
  { db, now, untilMs }: Recording,
  judged: readonly JudgedEvent[],
): Promise<Map<number, number>> {
  const stored = new Map<number, number>();
  const differing: NewRejection[] = [];
  const isLate = () => Date.now() >= untilMs;
  const recorded = await recordOrCompare(
    db,
    judged.map((one) => one.recordable),
    now,
    isLate,
  );
  for (const [index, { recordable, generation }] of judged.entries()) {
    const { event } = recordable;
    const done = recorded[index];
    if (done?.outcome === 'differs') differing.push(differingRejection(event, done, generation));
    else if (done !== undefined) stored.set(done.seq, forwardedBytes(event.payload));
  }
  for (const group of cutGroups(differing, ({ body }) => body.byteLength, REJECTION_GROUP)) {
    if (isLate()) throw new Error('no time is left to keep what differs');
    await recordRejections(db, group, now());
    for (const { integration } of group)
      log('warn', 'deferred webhook rejected', { integration, reason: 'differs' });
  }
  return stored;
}

function forwardedBytes({ length }: string): number {
  return length > MAX_FORWARDED_PAYLOAD_BYTES ? 0 : length;
}

/** Forwards until a moment, Unix ms. */
async function forwardInTime(deps: IntakeDeps, stored: Map<number, number>, untilMs: number): Promise<void> {
  const groups = cutGroups([...stored], ([, bytes]) => bytes, FORWARD_GROUP);
  for (const [index, group] of groups.entries()) {
    const seqs = group.map(([seq]) => seq);
    const isDone = withinMs(
      untilMs - Date.now(),
      forwardStored(deps, seqs, 'deferred webhooks').then(() => true),
    );
    if ((await isDone) === null) {
      log('warn', 'forwarding left to the sweep', {
        events: groups.slice(index).flat().length,
      });
      return;
    }
  }
}

/** The registrations of what was read. `null` where D1 does not tell: all is retried then. */
async function findRegistered(
  db: D1Database,
  read: readonly ReadMessage[],
): Promise<Map<string, Integration> | null> {
  try {
    const slugs = [...new Set(read.map(({ content }) => content.integration))];
    const integrations = await findIntegrations(db, slugs);
    return new Map(integrations.map((integration) => [integration.slug, integration]));
  } catch (error) {
    log('warn', 'deferred webhooks retried', { events: read.length, error: describeError(error) });
    for (const { message } of read) retryLater(message);
    return null;
  }
}

/** A webhook out of the intake queue, with the bytes of its body. */
type UnpackedWebhook = DeferredWebhook & { body: ArrayBuffer };

/** A webhook that is an event, on its way to be recorded. */
interface JudgedEvent {
  recordable: RecordableEvent;
  /** Of the token that it came with. */
  generation: number;
}

/** What the messages hold, judged by today's contract and registrations. Those that cannot be unpacked are retried. */
async function judge(
  group: readonly ReadMessage[],
  registered: Map<string, Integration>,
  tokens: WebhookTokens,
) {
  const events: Held<JudgedEvent>[] = [];
  const rejections: Held<NewRejection>[] = [];
  for (const one of group) {
    const unpacked = await unpack(one);
    if (unpacked === null) continue;
    const { message, webhook, sender } = unpacked;
    const integration = registered.get(webhook.integration);
    const judged = (await objectionOf(webhook, sender, integration, tokens)) ?? assess(webhook, integration);
    if (judged.ok) {
      const { generation } = webhook;
      events.push({
        message,
        held: { recordable: recordable({ ...judged.event, deferred: true }), generation },
      });
    } else {
      const { reason, problems } = judged;
      log('warn', 'deferred webhook rejected', { integration: webhook.integration, reason });
      rejections.push({ message, held: { ...webhook, reason, problems, deferred: true } });
    }
  }
  return { events, rejections };
}

function assess({ body, ...arrival }: UnpackedWebhook, integration: Integration | undefined) {
  return assessBody(body, { ...arrival, appId: integration?.appId ?? null });
}

/** What speaks against the sender now that the registration can be read, as of the time of its arrival. */
async function objectionOf(
  { generation, receivedAtMs, body }: UnpackedWebhook,
  unchecked: Pick<Sender, 'address' | 'signature'> | undefined,
  integration: Integration | undefined,
  tokens: WebhookTokens,
): Promise<Refused | null> {
  const sender = { generation, receivedAtMs, address: null, signature: null, ...unchecked };
  // What was checked on arrival was found good, and is not in the message.
  const asked = integration && unchecked === undefined ? withoutArrivalChecks(integration) : integration;
  const objection =
    objectionTo(sender, asked) ?? (asked && (await objectionToBody(sender, asked, body, tokens))) ?? null;
  return objection && refused('unauthorized', problemAt('', objection));
}

/** A message of the intake queue, not unpacked yet. */
interface ReadMessage {
  message: Message<unknown>;
  content: z.infer<typeof intakeMessage>;
  /** What its body has, as far as can be told before it is unpacked; never more than a body may. */
  bodyBytes: number;
}

function readMessage(message: Message<unknown>): ReadMessage | null {
  try {
    const content = intakeMessage.parse(message.body);
    const { payload, gzip = '' } = content;
    const bodyBytes = payload === undefined ? gunzippedBytes(gzip) : encoder.encode(payload).byteLength;
    return { message, content, bodyBytes };
  } catch (error) {
    return unreadable(message, error);
  }
}

async function unpack({ message, content, bodyBytes }: ReadMessage) {
  try {
    const { payload, gzip = '', sender, ...head } = content;
    const body = payload === undefined ? await gunzipBase64(gzip, bodyBytes) : encodePayload(payload);
    const webhook: UnpackedWebhook = { ...head, body };
    return { message, webhook, sender };
  } catch (error) {
    return unreadable(message, error);
  }
}

function unreadable(message: Message<unknown>, error: unknown): null {
  log('error', 'intake message cannot be read', {
    attempts: message.attempts,
    error: describeError(error),
  });
  retryLater(message);
  return null;
}

/** The size of what was compressed, by the last four bytes of a gzip file (RFC 1952, section 2.3.1), as far as a body goes. */
function gunzippedBytes(gzipBase64: string): number {
  const trailer = Uint8Array.fromBase64(gzipBase64.slice(-8)); // whole groups of four letters: 4 to 6 bytes
  const bytes = new DataView(trailer.buffer).getUint32(trailer.byteLength - 4, true);
  return Math.min(bytes, MAX_BODY_BYTES);
}

/** Undoes what {@link deferWebhook} does to a body that would not fit otherwise. Throws where it has more bytes, or fewer. */
export async function gunzipBase64(base64: string, bytes = gunzippedBytes(base64)): Promise<ArrayBuffer> {
  const packed = new Blob([Uint8Array.fromBase64(base64)]).stream();
  const unpacked = new Uint8Array(bytes);
  let length = 0;
  for await (const chunk of packed.pipeThrough(new DecompressionStream('gzip'))) {
    unpacked.set(chunk, length); // throws a RangeError where there is no room, which ends the unpacking
    length += chunk.byteLength;
  }
  if (length !== bytes) throw new RangeError('a gzip file has another length than it says');
  return unpacked.buffer;
}
