// Dead letters: what is taken out of the dead-letter queues and kept, and goes back to its queue when an operator says so:
// what consumers gave up on to the events queue, a webhook that could not be stored to the intake queue.
//
// A message leaves the table only once the queue has confirmed it: what ends in between is sent a second time, under
// the same id.

import * as z from 'zod';
import { CLOUDEVENT_TYPES, type CloudEvent } from '../contract/cloudevent.ts';
import { canonicalContact } from '../contract/contact.ts';
import { decodePayload, encodePayload } from '../contract/payload.ts';
import { EVENT_TYPES } from '../contract/webhook.ts';
import { cutGroups } from '../runtime/batching.ts';
import type { AuditEntry } from '../store/audit.ts';
import {
  DELETION_LIMITS,
  type DeadLetterFilter,
  type DeadLetterPlace,
  deleteDeadLetters,
  findDeadLetters,
  type KeptDeadLetter,
  type LostEvent,
  MAX_DEAD_LETTER_BATCH,
  MAX_DEAD_LETTER_BATCH_BYTES,
  MAX_DEAD_LETTER_BYTES,
  type NewDeadLetter,
  recordDeadLetters,
  walkDeadLetters,
} from '../store/dead-letters.ts';
import { BATCH_LIMITS, type ForwardingDeps, METADATA_BYTES } from './events.ts';
import { deferWebhook, gunzipBase64, intakeMessage } from './intake-consumer.ts';
import { type Held, recordMessages, retryLater } from './record-messages.ts';

/** A queue of this name's end holds what consumers gave up on, or what could not be kept of that. */
const DEAD_LETTER_QUEUE = /-dead$/;
/** A queue of this name's end has none behind it: what cannot be taken out of it for days is lost. */
const LAST_QUEUE = /-intake-dead$/;

/** Dead letters that one request redrives or discards at most; with usual sizes some 50 subrequests. */
const MAX_RUN_LETTERS = 1_000;
/** No batch begins later in a run, so that its answer comes before proxies and clients lose patience. */
const MAX_RUN_MS = 10_000;

/**
 * The longest delay before what is in the last queue is tried to be kept again: with the 100 tries of wrangler.toml they
 * span the four days for which a queue keeps messages by default.
 */
const LAST_QUEUE_LONGEST_RETRY_SECONDS = 3_600;

/** A webhook has a body of a megabyte at most, which is gzip in its message. */
const MAX_UNPACKED_BYTES = 1_400_000;

/**
 * A webhook that was given up, as it is kept: its body as text where it is UTF-8, so that it can be read, and found by
 * what it holds.
 */
const keptWebhook = intakeMessage.extend({
  /** The body in base64, where it is no text or would be too long as JSON. */
  base64: z.string().optional(),
});

export function isDeadLetterQueue(name: string): boolean {
  return DEAD_LETTER_QUEUE.test(name);
}

/** Keeps a batch of dead letters. Each is acknowledged once it is in D1, and otherwise retried with growing delays. */
export async function keepDeadLetters(
  { db, now }: Pick<ForwardingDeps, 'db' | 'now'>,
  { queue, messages }: Pick<MessageBatch<unknown>, 'queue' | 'messages'>,
): Promise<void> {
  const longestSeconds = LAST_QUEUE.test(queue) ? LAST_QUEUE_LONGEST_RETRY_SECONDS : undefined;
  const read = messages.map((message) => ({ message, body: jsonOf(message.body) }));
  const limits = { maxItems: MAX_DEAD_LETTER_BATCH, maxBytes: MAX_DEAD_LETTER_BATCH_BYTES };
  const bytesOf = ({ message, body }: (typeof read)[number]) =>
    isZipped(message.body) ? MAX_UNPACKED_BYTES : body.length;
  for (const group of cutGroups(read, bytesOf, limits)) {
    const letters = await Promise.all(
      group.map(async ({ message, body }): Promise<Held<NewDeadLetter>> => {
        const webhook = intakeMessage.safeParse(message.body);
        const event = webhook.success ? null : eventIn(message.body);
        const sent = {
          messageId: message.id,
          attempts: message.attempts,
          sentAtMs: message.timestamp.getTime(),
        };
        return {
          message,
          held: webhook.success
            ? {
                ...sent,
                kind: 'intake',
                event,
                integration: webhook.data.integration,
                body: await keptWebhookJson(webhook.data),
              }
            : { ...sent, kind: 'given-up', event, integration: event?.integration ?? null, body },
        };
      }),
    );
    await recordMessages(db, letters, async (batch) => recordDeadLetters(db, batch, now()), {
      retry: (message) => retryLater(message, longestSeconds),
    });
  }
}

function isZipped(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'gzip' in body;
}

/** A webhook as it is kept. One that cannot be unpacked is kept as it is. */
async function keptWebhookJson({ gzip, ...webhook }: z.infer<typeof intakeMessage>): Promise<string> {
  if (webhook.payload !== undefined || gzip === undefined) return JSON.stringify(webhook);
  try {
    const body = await gunzipBase64(gzip);
    const payload = decodePayload(body);
    const plain = payload === null ? null : JSON.stringify({ ...webhook, payload });
    return plain !== null && encodePayload(plain).byteLength <= MAX_DEAD_LETTER_BYTES
      ? plain
      : JSON.stringify({ ...webhook, base64: new Uint8Array(body).toBase64() });
  } catch {
    return JSON.stringify({ ...webhook, gzip });
  }
}

/** The event that a message is, by its attributes: its data may be what the consumer could not read. */
function eventIn(body: unknown): LostEvent | null {
  if (typeof body !== 'object' || body === null) return null;
  const { specversion, id, source, type: written, contact } = body as Record<string, unknown>;
  const integration = typeof source === 'string' ? /^\/webhooks\/([^/]+)$/.exec(source)?.[1] : undefined;
  const type = EVENT_TYPES.find((name) => CLOUDEVENT_TYPES[name] === written);
  if (specversion !== '1.0' || typeof id !== 'string' || id === '') return null;
  if (integration === undefined || type === undefined) return null;
  return { id, integration, type, contact: typeof contact === 'string' ? canonicalContact(contact) : null };
}

/** A message's body as JSON. What is no JSON was never sent by us, and is kept for people to look at. */
function jsonOf(body: unknown): string {
  try {
    const bytes = body instanceof ArrayBuffer ? new Uint8Array(body) : body;
    const written: string | undefined = JSON.stringify(
      bytes instanceof Uint8Array ? { base64: bytes.toBase64() } : bytes,
    );
    return written ?? 'null';
  } catch {
    return 'null';
  }
}

export interface RedriveDeps extends ForwardingDeps {
  intake: Queue<unknown>;
}

/** Sends dead letters of ours to their queues again, as they were. Rejects when a queue does not take them. */
export async function sendAgain(
  { events, intake }: Pick<RedriveDeps, 'events' | 'intake'>,
  letters: readonly KeptDeadLetter[],
): Promise<void> {
  const ofEvents = letters.filter(({ kind }) => kind !== 'intake');
  if (ofEvents.length > 0) {
    await events.sendBatch(
      ofEvents.map(({ body }) => ({ body: JSON.parse(body) as CloudEvent, contentType: 'json' })),
    );
  }
  const webhooks = letters.filter(({ kind }) => kind === 'intake');
  await Promise.all(
    webhooks.map(async ({ body }) => deferAgain(intake, keptWebhook.parse(JSON.parse(body)))),
  );
}

async function deferAgain(
  intake: Queue<unknown>,
  { payload, base64, gzip, sender = undefined, ...head }: z.infer<typeof keptWebhook>,
): Promise<void> {
  const body =
    payload !== undefined
      ? encodePayload(payload)
      : base64 !== undefined
        ? (Uint8Array.fromBase64(base64).buffer as ArrayBuffer)
        : await gunzipBase64(gzip ?? '');
  await deferWebhook(intake, { ...head, body }, sender ?? null);
}

/** What a run over many dead letters did. */
export interface DeadLetterRun {
  /** Sent again, or deleted. */
  done: number;
  /** Those that stay because they are nothing of ours. */
  skipped: number;
  /** To be gone on with behind this place; `null`: the run came to its end. */
  nextAfterSeq: number | null;
  /** What ended the run early. What was done until then is done, and is in the audit trail. */
  interruption: { error: unknown } | null;
}

/**
 * Sends dead letters again, oldest first, as many as one request can. Each group leaves the table in one transaction with
 * its entry in the audit trail, once its queue has confirmed it.
 */
export async function redriveDeadLetters(
  deps: RedriveDeps,
  filter: DeadLetterFilter,
  afterSeq: number,
  audit: () => AuditEntry,
): Promise<DeadLetterRun> {
  return runOver(deps, filter, afterSeq, {
    isChosen: ({ isOurs }) => isOurs,
    limits: BATCH_LIMITS,
    async handle(seqs) {
      const letters = await findDeadLetters(deps.db, seqs);
      if (letters.length === 0) return 0;
      await sendAgain(deps, letters);
      await deleteDeadLetters(
        deps.db,
        letters.map(({ seq }) => seq),
        audit(),
      );
      return letters.length;
    },
  });
}

/**
 * Deletes dead letters, oldest first, as many as one request can. Each group is deleted in one transaction with its entry
 * in the audit trail.
 */
export async function discardDeadLetters(
  deps: Pick<ForwardingDeps, 'db' | 'now'>,
  filter: DeadLetterFilter,
  afterSeq: number,
  audit: () => AuditEntry,
): Promise<DeadLetterRun> {
  return runOver(deps, filter, afterSeq, {
    isChosen: () => true,
    limits: DELETION_LIMITS,
    handle: async (seqs) => deleteDeadLetters(deps.db, seqs, audit()),
  });
}

async function runOver(
  { db, now }: Pick<ForwardingDeps, 'db' | 'now'>,
  filter: DeadLetterFilter,
  afterSeq: number,
  {
    isChosen,
    limits,
    handle,
  }: {
    isChosen(place: DeadLetterPlace): boolean;
    limits: { maxItems: number; maxBytes: number };
    /** Gives how many there were. */
    handle(seqs: number[]): Promise<number>;
  },
): Promise<DeadLetterRun> {
  const run: DeadLetterRun = { done: 0, skipped: 0, nextAfterSeq: afterSeq, interruption: null };
  const deadlineMs = now() + MAX_RUN_MS;
  try {
    const walk = await walkDeadLetters(db, filter, { limit: MAX_RUN_LETTERS, afterSeq });
    const chosen = walk.places.filter(isChosen);
    run.skipped = walk.places.length - chosen.length;
    for (const group of cutGroups(chosen, ({ bodyBytes }) => bodyBytes + METADATA_BYTES, limits)) {
      if (now() >= deadlineMs) return run;
      run.done += await handle(group.map(({ seq }) => seq));
      run.nextAfterSeq = group.at(-1)?.seq ?? afterSeq;
    }
    run.nextAfterSeq = walk.walkedToSeq;
  } catch (error) {
    run.interruption = { error };
  }
  return run;
}
