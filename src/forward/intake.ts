// The intake queue: takes webhooks while D1 cannot, and gives them to this same Worker later. What it holds has a
// genuine token; whether the registration still stands is checked here, against D1. What it holds becomes an event or
// a rejection: nothing is dropped.

import * as z from 'zod';
import { assessBody, type Refused, refused } from '../contract/assess.ts';
import { decodePayload, encodePayload } from '../contract/payload.ts';
import { cutGroups } from '../cut-groups.ts';
import { describeError, log } from '../log.ts';
import { objectionTo, objectionToBody, type Sender, withoutArrivalChecks } from '../sender.ts';
import {
  MAX_RECORD_BYTES,
  MAX_RECORD_EVENTS,
  type RecordableEvent,
  recordable,
  recordEvents,
} from '../store/events.ts';
import { findIntegrations, type Integration } from '../store/integrations.ts';
import {
  MAX_REJECTION_BATCH,
  MAX_REJECTION_BATCH_BYTES,
  type NewRejection,
  recordRejections,
} from '../store/rejections.ts';
import type { WebhookTokens } from '../webhook-token.ts';
import { type ForwardingDeps, forwardStored } from './events.ts';
import { type Held, recordMessages, retryLater } from './record-messages.ts';

/** A message of the intake queue. */
export const intakeMessage = z.object({
  integration: z.string(),
  /** Of the token that it came with. */
  generation: z.int().positive(),
  requestId: z.string(),
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
  /** Exactly as it came. */
  body: ArrayBuffer;
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
  const payload = decodePayload(body);
  const plain = payload !== null && { ...message, payload };
  const isSmall = plain && messageBytes(plain) <= MAX_MESSAGE_BYTES;
  await intake.send(isSmall ? plain : { ...message, gzip: await gzipBase64(body) }, { contentType: 'json' });
}

function messageBytes(body: unknown): number {
  return new TextEncoder().encode(JSON.stringify(body)).byteLength;
}

async function gzipBase64(bytes: ArrayBuffer): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
}

/** Undoes what {@link deferWebhook} does to a body that would not fit otherwise. */
export async function gunzipBase64(base64: string): Promise<ArrayBuffer> {
  const stream = new Blob([Uint8Array.fromBase64(base64)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

interface IntakeDeps extends ForwardingDeps {
  tokens: WebhookTokens;
}

/**
 * Records a batch of deferred webhooks as events or as rejections, and forwards the events. Each message is
 * acknowledged once it is in D1, and otherwise retried with growing delays; the dead-letter queue keeps what is given
 * up. Forwarding that fails is left to the sweep.
 */
export async function consumeIntake(deps: IntakeDeps, messages: readonly Message<unknown>[]): Promise<void> {
  const { events, rejections } = await judge(deps, messages);
  const rejectionGroups = cutGroups(rejections, ({ held }) => held.body.byteLength, {
    maxItems: MAX_REJECTION_BATCH,
    maxBytes: MAX_REJECTION_BATCH_BYTES,
  });
  for (const group of rejectionGroups) {
    await recordMessages(deps.db, group, async (batch) => recordRejections(deps.db, batch, deps.now()));
  }
  const eventGroups = cutGroups(events, ({ held }) => held.bytes, {
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
  });
  const seqs = new Set<number>(); // one that came twice is one event
  for (const group of eventGroups) {
    await recordMessages(deps.db, group, async (batch) => {
      const recorded = await recordEvents(deps.db, batch, deps.now());
      for (const { seq } of recorded) seqs.add(seq);
    });
  }
  await forwardStored(deps, [...seqs], 'deferred webhooks');
}

/** What the messages hold, judged by today's contract and registrations. Those that cannot be judged are retried. */
async function judge({ db, tokens }: IntakeDeps, messages: readonly Message<unknown>[]) {
  const events: Held<RecordableEvent>[] = [];
  const rejections: Held<NewRejection>[] = [];
  const read = (await Promise.all(messages.map(readMessage))).filter((entry) => entry !== null);
  let registered: Map<string, Integration>;
  try {
    const slugs = [...new Set(read.map(({ webhook }) => webhook.integration))];
    const integrations = await findIntegrations(db, slugs);
    registered = new Map(integrations.map((integration) => [integration.slug, integration]));
  } catch (error) {
    log('warn', 'deferred webhooks retried', { events: messages.length, error: describeError(error) });
    for (const { message } of read) retryLater(message);
    return { events, rejections };
  }
  for (const { message, webhook, sender } of read) {
    const integration = registered.get(webhook.integration);
    const judged = (await objectionOf(webhook, sender, integration, tokens)) ?? assess(webhook, integration);
    if (judged.ok) {
      events.push({ message, held: recordable({ ...judged.event, deferred: true }) });
    } else {
      const { reason, problems } = judged;
      log('warn', 'deferred webhook rejected', { integration: webhook.integration, reason });
      rejections.push({ message, held: { ...webhook, reason, problems, deferred: true } });
    }
  }
  return { events, rejections };
}

function assess({ body, ...arrival }: DeferredWebhook, integration: Integration | undefined) {
  return assessBody(body, { ...arrival, appId: integration?.appId ?? null });
}

/** What speaks against the sender now that the registration can be read, as of the time of its arrival. */
async function objectionOf(
  { generation, receivedAtMs, body }: DeferredWebhook,
  unchecked: Pick<Sender, 'address' | 'signature'> | undefined,
  integration: Integration | undefined,
  tokens: WebhookTokens,
): Promise<Refused | null> {
  const sender = { generation, receivedAtMs, address: null, signature: null, ...unchecked };
  // What was checked on arrival was found good, and is not in the message.
  const asked = integration && unchecked === undefined ? withoutArrivalChecks(integration) : integration;
  const objection =
    objectionTo(sender, asked) ?? (asked && (await objectionToBody(sender, asked, body, tokens))) ?? null;
  return objection && refused('unauthorized', '', objection);
}

async function readMessage(message: Message<unknown>) {
  try {
    const { payload, gzip, sender, ...head } = intakeMessage.parse(message.body);
    const body = payload === undefined ? await gunzipBase64(gzip ?? '') : encodePayload(payload);
    const webhook: DeferredWebhook = { ...head, body };
    return { message, webhook, sender };
  } catch (error) {
    log('error', 'intake message cannot be read', {
      attempts: message.attempts,
      error: describeError(error),
    });
    retryLater(message);
    return null;
  }
}
