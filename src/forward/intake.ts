// The intake queue: takes webhooks while D1 cannot, and gives them to this same Worker later. What it holds has a
// genuine token; whether the registration still stands is checked here, against D1.

import * as z from 'zod';
import { eventOf } from '../contract/event.ts';
import { parsePayload } from '../contract/payload.ts';
import { parseWebhook } from '../contract/webhook.ts';
import { cutGroups } from '../cut-groups.ts';
import { describeError, log } from '../log.ts';
import { isAnswering } from '../store/answering.ts';
import {
  MAX_RECORD_BYTES,
  MAX_RECORD_EVENTS,
  type RecordableEvent,
  recordable,
  recordEvents,
} from '../store/events.ts';
import { findIntegrations, type Integration } from '../store/integrations.ts';
import { findPending } from '../store/outbox.ts';
import { type ForwardingDeps, forwardEvents, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';

const deferredWebhook = z.object({
  integration: z.string(),
  /** Of the token that it came with. */
  generation: z.int().positive(),
  requestId: z.string(),
  receivedAtMs: z.int(),
  /** The body exactly as it came. */
  payload: z.string().optional(),
  /** The same, gzipped and in base64, where it would not fit otherwise. */
  gzip: z.string().optional(),
});

/** A webhook on its way through the intake queue. */
export interface DeferredWebhook {
  integration: string;
  generation: number;
  requestId: string;
  receivedAtMs: number;
  payload: string;
}

/** https://developers.cloudflare.com/queues/platform/limits/, less the metadata that counts towards it. */
const MAX_MESSAGE_BYTES = 128_000 - 1_000;

/** First and longest delay before a deferred webhook is tried again; 100 tries span about a day. */
const FIRST_RETRY_SECONDS = 5;
const LONGEST_RETRY_SECONDS = 900;

/**
 * Puts a webhook into the intake queue. Rejects when the queue does not take it, or when it is too large for a
 * message even when compressed.
 */
export async function deferWebhook(intake: Queue<unknown>, webhook: DeferredWebhook): Promise<void> {
  if (messageBytes(webhook) <= MAX_MESSAGE_BYTES) {
    await intake.send(webhook, { contentType: 'json' });
    return;
  }
  const { payload, ...head } = webhook;
  await intake.send({ ...head, gzip: await gzipBase64(payload) }, { contentType: 'json' });
}

function messageBytes(body: unknown): number {
  return new TextEncoder().encode(JSON.stringify(body)).byteLength;
}

async function gzipBase64(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
}

async function gunzipBase64(base64: string): Promise<string> {
  const stream = new Blob([Uint8Array.fromBase64(base64)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream('gzip'))).text();
}

/** A message of the batch whose event is ready to be recorded. */
interface Arrived {
  message: Message<unknown>;
  event: RecordableEvent;
}

/**
 * Records and forwards a batch of deferred webhooks. Each message is acknowledged once its event is in D1, and
 * otherwise retried with growing delays; the dead-letter queue keeps what is given up. Forwarding that fails is
 * left to the sweep.
 */
export async function consumeIntake(
  deps: ForwardingDeps & { now: () => number },
  messages: readonly Message<unknown>[],
): Promise<void> {
  const arrived = await admit(deps.db, messages);
  const groups = cutGroups(arrived, ({ event }) => event.bytes, {
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
  });
  const seqs: number[] = [];
  for (const group of groups) seqs.push(...(await recordGroup(deps, group)));
  if (seqs.length === 0) return;
  try {
    await forwardEvents(deps, await findPending(deps.db, seqs, MAX_FORWARDED_PAYLOAD_BYTES));
  } catch (error) {
    log('error', 'forwarding of deferred webhooks failed', {
      events: seqs.length,
      error: describeError(error),
    });
  }
}

/** The events of the messages whose registration stands. The others are retried, and end as dead letters. */
async function admit(db: D1Database, messages: readonly Message<unknown>[]): Promise<Arrived[]> {
  const read = await Promise.all(messages.map(readMessage));
  const deferred = read.filter((entry) => entry !== null);
  const slugs = [...new Set(deferred.map(({ webhook }) => webhook.integration))];
  let integrations: Integration[];
  try {
    integrations = await findIntegrations(db, slugs);
  } catch (error) {
    log('warn', 'deferred webhooks retried', { events: messages.length, error: describeError(error) });
    for (const { message } of deferred) retryLater(message);
    return [];
  }
  const registered = new Map(integrations.map((integration) => [integration.slug, integration]));
  const arrived: Arrived[] = [];
  for (const { message, webhook, event } of deferred) {
    const integration = registered.get(webhook.integration);
    if (integration?.isEnabled && integration.generation === webhook.generation) {
      arrived.push({ message, event });
    } else {
      log('error', 'deferred webhook has no registration', { attempts: message.attempts });
      retryLater(message);
    }
  }
  return arrived;
}

async function readMessage(message: Message<unknown>) {
  try {
    const { gzip, payload = await gunzipBase64(gzip ?? ''), ...head } = deferredWebhook.parse(message.body);
    const parsed = parseWebhook(parsePayload(payload));
    if (!parsed.ok) throw new Error('breaks the contract');
    const webhook: DeferredWebhook = { ...head, payload };
    return { message, webhook, event: recordable(eventOf(parsed.webhook, webhook)) };
  } catch (error) {
    log('error', 'intake message cannot be read', {
      attempts: message.attempts,
      error: describeError(error),
    });
    retryLater(message);
    return null;
  }
}

/** Records a group, or, should one of it be what D1 refuses, each by itself. Gives the places of the recorded. */
async function recordGroup(
  { db, now }: { db: D1Database; now: () => number },
  group: Arrived[],
): Promise<number[]> {
  try {
    const recorded = await recordEvents(
      db,
      group.map(({ event }) => event),
      now(),
    );
    for (const { message } of group) message.ack();
    return recorded.map(({ seq }) => seq);
  } catch (error) {
    log('warn', 'deferred webhooks not recorded', { events: group.length, error: describeError(error) });
  }
  // During an outage a statement for each message would only add to it.
  if (group.length > 1 && (await isAnswering(db))) {
    const seqs: number[] = [];
    for (const arrived of group) seqs.push(...(await recordGroup({ db, now }, [arrived])));
    return seqs;
  }
  for (const { message } of group) retryLater(message);
  return [];
}

function retryLater(message: Message<unknown>): void {
  const delaySeconds = Math.min(
    FIRST_RETRY_SECONDS * 2 ** Math.min(message.attempts - 1, 10),
    LONGEST_RETRY_SECONDS,
  );
  message.retry({ delaySeconds });
}
