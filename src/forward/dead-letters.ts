// Dead letters: messages are taken out of the dead-letter queues and kept in D1, and sent to their queues again when an
// operator says so: what consumers gave up on to the queue of its route, webhooks that could not be stored to the intake
// queue.
//
// A message leaves the table only once its queue has confirmed it. If the isolate dies in between it is sent a second time,
// under the same id.

import * as z from 'zod';
import { CLOUDEVENT_TYPES, type CloudEvent } from '../contract/cloudevent.ts';
import { canonicalContact } from '../contract/contact.ts';
import { decodePayload, encodePayload } from '../contract/payload.ts';
import { FIRST_ROUTE } from '../contract/routes.ts';
import { type BatchLimits, splitIntoBatches } from '../runtime/batching.ts';
import type { AuditEntry } from '../store/audit.ts';
import {
  DELETION_LIMITS,
  type DeadLetterFilter,
  type DeadLetterPlace,
  deleteDeadLetters,
  findDeadLetters,
  findOldestDeadLetters,
  type KeptDeadLetter,
  type LostEvent,
  MAX_DEAD_LETTER_BATCH,
  MAX_DEAD_LETTER_BATCH_BYTES,
  MAX_DEAD_LETTER_BYTES,
  type NewDeadLetter,
  recordDeadLetters,
} from '../store/dead-letters.ts';
import { bodyOf, deferWebhook, type IntakeMessage, intakeMessage } from './intake-queue.ts';
import { BATCH_LIMITS, METADATA_BYTES } from './messages.ts';
import { recordMessages, retryLater } from './record-messages.ts';
import type { ForwardingDeps, RouteQueues } from './routes.ts';

/** Queues are told by their names, see wrangler.toml. No queue stands behind the last one: what cannot be kept is lost. */
const DEAD_LETTER_QUEUE = /-dead$/;
const LAST_QUEUE = /-intake-dead$/;

/**
 * The longest delay before a message of the last queue is retried. With the 100 tries of wrangler.toml they span the four
 * days for which a queue keeps messages by default.
 */
const LAST_QUEUE_LONGEST_RETRY_SECONDS = 3_600;

/** One request redrives or discards at most this many dead letters; with usual sizes that takes some 50 subrequests. */
const MAX_BULK_LETTERS = 1_000;
/** No group begins later, so that the answer comes before proxies and clients lose patience. */
const MAX_BULK_MS = 10_000;

/** A compressed webhook counts as this much: its body has at most a megabyte, which base64 or JSON makes longer. */
const MAX_UNPACKED_BYTES = 1_400_000;
const RECORDING_LIMITS = { maxItems: MAX_DEAD_LETTER_BATCH, maxBytes: MAX_DEAD_LETTER_BATCH_BYTES };

/** A webhook as it is kept: with its body as text where possible, so that it can be read and searched. */
const keptWebhook = intakeMessage.extend({
  /** The body in base64, where it is not UTF-8 or would be too long as JSON. */
  base64: z.string().optional(),
});

/** The attributes by which an event of ours is known. Its data may be what the consumer failed on. */
const eventAttributes = z.object({
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().regex(/^\/webhooks\/[^/]+$/),
  type: z.enum(CLOUDEVENT_TYPES),
  contact: z.string().nullable().catch(null),
});

/** Checks the attributes, and gives the event as it is. */
const sentEvent = z.custom<CloudEvent>((value) => eventAttributes.safeParse(value).success);

/**
 * The route whose consumers give up on messages into a dead-letter queue: its name ends in that of the route and `-dead`,
 * with hyphens for underscores. Any other one is taken for that of the first route.
 */
function routeOfDeadLetterQueue(queue: string, routes: RouteQueues): string {
  const named = [...routes.keys()].filter((route) =>
    `-${queue}`.endsWith(`-${route.replaceAll('_', '-')}-dead`),
  );
  return named.toSorted((a, b) => b.length - a.length)[0] ?? FIRST_ROUTE;
}

export function isDeadLetterQueue(name: string): boolean {
  return DEAD_LETTER_QUEUE.test(name);
}

/** Keeps a batch of dead letters. Each is acknowledged once it is in D1, and otherwise retried with growing delays. */
export async function keepDeadLetters(
  { db, now, queues }: Pick<ForwardingDeps, 'db' | 'now' | 'queues'>,
  { queue, messages }: Pick<MessageBatch<unknown>, 'queue' | 'messages'>,
): Promise<void> {
  const route = routeOfDeadLetterQueue(queue, queues);
  const longestSeconds = LAST_QUEUE.test(queue) ? LAST_QUEUE_LONGEST_RETRY_SECONDS : undefined;
  const read = messages.map((message) => {
    const webhook = intakeMessage.safeParse(message.body).data;
    const json = jsonOf(message.body);
    return { message, webhook, json, bytes: webhook?.gzip === undefined ? json.length : MAX_UNPACKED_BYTES };
  });
  for (const group of splitIntoBatches(read, ({ bytes }) => bytes, RECORDING_LIMITS)) {
    const letters = await Promise.all(
      group.map(async ({ message, webhook, json }) => ({
        message,
        content: await deadLetterOf(message, webhook, json, route),
      })),
    );
    await recordMessages(db, letters, async (batch) => recordDeadLetters(db, batch, now()), {
      retry: (message) => retryLater(message, longestSeconds),
    });
  }
}

async function deadLetterOf(
  { id: messageId, attempts, timestamp, body }: Message<unknown>,
  webhook: IntakeMessage | undefined,
  json: string,
  route: string,
): Promise<NewDeadLetter> {
  const sent = { messageId, attempts, sentAtMs: timestamp.getTime() };
  if (webhook === undefined) {
    const event = eventIn(body);
    return { ...sent, kind: 'given-up', route, event, integration: event?.integration ?? null, body: json };
  }
  const { integration } = webhook;
  return {
    ...sent,
    kind: 'intake',
    route: null,
    event: null,
    integration,
    body: await keptWebhookJson(webhook),
  };
}

/** A webhook as it is kept. One that cannot be decompressed is kept as it is. */
async function keptWebhookJson(message: IntakeMessage): Promise<string> {
  const { gzip, ...webhook } = message;
  if (webhook.payload !== undefined || gzip === undefined) return JSON.stringify(webhook);
  try {
    const body = await bodyOf(message);
    const payload = decodePayload(body);
    const plain = payload === null ? null : JSON.stringify({ ...webhook, payload });
    return plain !== null && encodePayload(plain).byteLength <= MAX_DEAD_LETTER_BYTES
      ? plain
      : JSON.stringify({ ...webhook, base64: new Uint8Array(body).toBase64() });
  } catch {
    return JSON.stringify(message);
  }
}

function eventIn(body: unknown): LostEvent | null {
  const { data } = eventAttributes.safeParse(body);
  if (data === undefined) return null;
  return {
    id: data.id,
    integration: data.source.replace('/webhooks/', ''),
    type: data.type === CLOUDEVENT_TYPES.response ? 'response' : 'status',
    contact: data.contact === null ? null : canonicalContact(data.contact),
  };
}

/** The body of a message as JSON. What is not JSON is not ours, and is kept for people to look at. */
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

/** The queue of a dead letter's route has no binding, so that it cannot be sent again. */
export class RouteWithoutQueue extends Error {
  override name = 'RouteWithoutQueue';
  readonly route: string;

  constructor(route: string) {
    super(`the route ${route} has no binding`);
    this.route = route;
  }
}

/**
 * Sends dead letters of ours to the queues that they come from again, as they were. Rejects when a queue does not take them,
 * and with {@link RouteWithoutQueue} where there is none any more: what was sent by then is sent again with the next try.
 */
export async function sendAgain(
  { queues, intake }: Pick<RedriveDeps, 'queues' | 'intake'>,
  letters: readonly KeptDeadLetter[],
): Promise<void> {
  const ofEvents = letters.filter(({ kind }) => kind !== 'intake');
  for (const [route, ofRoute] of Map.groupBy(ofEvents, (letter) => letter.route ?? FIRST_ROUTE)) {
    const queue = queues.get(route);
    if (queue === undefined) throw new RouteWithoutQueue(route);
    await queue.sendBatch(
      ofRoute.map(({ body }) => ({ body: sentEvent.parse(JSON.parse(body)), contentType: 'json' })),
    );
  }
  const webhooks = letters.filter(({ kind }) => kind === 'intake');
  await Promise.all(
    webhooks.map(async (letter) => {
      const { payload, base64, gzip, sender, ...head } = keptWebhook.parse(JSON.parse(letter.body));
      const body =
        base64 === undefined
          ? await bodyOf({ payload, gzip })
          : (Uint8Array.fromBase64(base64).buffer as ArrayBuffer);
      await deferWebhook(intake, { ...head, body }, sender ?? null);
    }),
  );
}

/** What a bulk action did. */
export interface BulkResult {
  /** How many were sent again or deleted. */
  done: number;
  /** How many stay because they are not ours, or of a route that has no queue. */
  skipped: number;
  /** The place behind which the next request continues; `null` where nothing is left. */
  nextAfterSeq: number | null;
  /** What ended it early. What was done before is done, and is in the audit trail. */
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
): Promise<BulkResult> {
  return actInBulk(deps, filter, afterSeq, {
    isChosen: ({ isOurs, kind, route }) =>
      isOurs && (kind === 'intake' || deps.queues.has(route ?? FIRST_ROUTE)),
    limits: BATCH_LIMITS,
    async act(seqs) {
      const letters = await findDeadLetters(deps.db, seqs);
      if (letters.length === 0) return 0;
      await sendAgain(deps, letters);
      const sentSeqs = letters.map(({ seq }) => seq);
      await deleteDeadLetters(deps.db, sentSeqs, audit());
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
): Promise<BulkResult> {
  return actInBulk(deps, filter, afterSeq, {
    isChosen: () => true,
    limits: DELETION_LIMITS,
    act: async (seqs) => deleteDeadLetters(deps.db, seqs, audit()),
  });
}

async function actInBulk(
  { db, now }: Pick<ForwardingDeps, 'db' | 'now'>,
  filter: DeadLetterFilter,
  afterSeq: number,
  action: {
    isChosen(place: DeadLetterPlace): boolean;
    limits: BatchLimits;
    /** Gives how many letters there still were. */
    act(seqs: number[]): Promise<number>;
  },
): Promise<BulkResult> {
  const run: BulkResult = { done: 0, skipped: 0, nextAfterSeq: afterSeq, interruption: null };
  const deadlineMs = now() + MAX_BULK_MS;
  try {
    const walk = await findOldestDeadLetters(db, filter, { limit: MAX_BULK_LETTERS, afterSeq });
    const chosen = walk.places.filter(action.isChosen);
    run.skipped = walk.places.length - chosen.length;
    const bytesOf = ({ bodyBytes }: DeadLetterPlace) => bodyBytes + METADATA_BYTES;
    for (const group of splitIntoBatches(chosen, bytesOf, action.limits)) {
      if (now() >= deadlineMs) return run;
      run.done += await action.act(group.map(({ seq }) => seq));
      run.nextAfterSeq = group.at(-1)?.seq ?? afterSeq;
    }
    run.nextAfterSeq = walk.searchedToSeq;
  } catch (error) {
    run.interruption = { error };
  }
  return run;
}
