// Consumes the intake queue: judges deferred webhooks by today's contract and registrations, and records each as an event
// or as a rejection. The token of each was genuine when it arrived; whether its registration still accepts it is checked here.

import { assessBody, type RejectedBody, rejectBody } from '../contract/assess.ts';
import { problemAt } from '../contract/problems.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { boundedDatabase } from '../runtime/bounded-bindings.ts';
import { type ByteBudget, type ByteLimits, HELD_PER_BODY_BYTE } from '../runtime/byte-budget.ts';
import { withTimeoutOrNull } from '../runtime/deadline.ts';
import { describeError, log } from '../runtime/log.ts';
import { isBodySigned, requiringTokenOnly, verifySender } from '../sender/verify-sender.ts';
import type { WebhookTokens } from '../sender/webhook-token.ts';
import { differingRejection, recordOrCompare } from '../store/differing-repeats.ts';
import { MAX_RECORD_BYTES, MAX_RECORD_EVENTS, type RecordableEvent, toRecordable } from '../store/events.ts';
import { findIntegrations, type Integration } from '../store/integrations.ts';
import {
  MAX_REJECTION_BATCH,
  MAX_REJECTION_BATCH_BYTES,
  type NewRejection,
  recordRejections,
} from '../store/rejections.ts';
import { joinStretches, type Stretch } from '../store/stretches.ts';
import { bodyBytesOf, bodyOf, type IntakeMessage, intakeMessage } from './intake-queue.ts';
import { forwardedBytes } from './messages.ts';
import { type ReadMessage, recordMessages, retryLater } from './record-messages.ts';
import { type ForwardingDeps, forwardStored } from './routes.ts';

/**
 * Bodies that are decompressed, judged and recorded together. A batch of a hundred messages has at most 256 KB, but can
 * decompress to 100 MB.
 */
const MAX_UNPACKED_BYTES = 4_000_000;
/** All batches that an isolate consumes at once may hold two such groups in memory. */
export const UNPACKED_LIMITS: ByteLimits = { maxBytes: 2 * MAX_UNPACKED_BYTES * HELD_PER_BODY_BYTE };
const EVENT_GROUP = { maxItems: MAX_RECORD_EVENTS, maxBytes: MAX_RECORD_BYTES };
const REJECTION_GROUP = { maxItems: MAX_REJECTION_BATCH, maxBytes: MAX_REJECTION_BATCH_BYTES };
/** Events that are forwarded together, whose payloads are in memory. */
const FORWARD_GROUP = { maxItems: 100, maxBytes: 2_000_000 };

/**
 * Acknowledgements count once the handler of a batch has ended, and a batch that is cut off is delivered again as a whole.
 * What is not forwarded by then is left to the sweep.
 */
const HANDLE_WITHIN_MS = 25_000;
/** No recording begins later. What is not recorded by then is retried. */
const RECORD_WITHIN_MS = 12_000;
/** D1 may take this long for a statement, so that the last recording leaves time to forward. */
const D1_TIMEOUT_MS = 4_000;

interface IntakeDeps extends ForwardingDeps {
  tokens: WebhookTokens;
  /** For the webhooks that are being decompressed. */
  unpacked: ByteBudget;
}

interface RecordingDeps extends IntakeDeps {
  registered: Map<string, Integration>;
  /** Nothing more is begun after this time, Unix ms. */
  untilMs: number;
}

/** A message whose body is not decompressed yet. */
interface PackedMessage extends ReadMessage<IntakeMessage> {
  bodyBytes: number;
}

/** An event to be recorded, and the generation of the token that it came with. */
interface JudgedEvent {
  recordable: RecordableEvent;
  generation: number;
}

/**
 * The events that were stored, by place: the stretch of each, and how many bytes it has to forward. One that came twice is in
 * it once.
 */
type StoredEvents = Map<number, Stretch & { bytes: number }>;

/**
 * Records a batch of deferred webhooks, and forwards the events. A message is acknowledged once it is in D1, and otherwise
 * retried with growing delays, until the dead-letter queue keeps it. Forwarding that fails or is not done in time is left
 * to the sweep. Takes at most 25 s.
 */
export async function consumeIntake(deps: IntakeDeps, messages: readonly Message<unknown>[]): Promise<void> {
  const startMs = Date.now();
  const db = boundedDatabase(deps.db, D1_TIMEOUT_MS);
  const packed = messages.map(readMessage).filter((one) => one !== null);
  const registered = await findRegistered(db, packed);
  if (registered === null) return;
  const stored: StoredEvents = new Map();
  const limits = { maxItems: messages.length, maxBytes: MAX_UNPACKED_BYTES };
  for (const group of splitIntoBatches(packed, ({ bodyBytes }) => bodyBytes, limits)) {
    await recordGroup({ ...deps, db, registered, untilMs: startMs + RECORD_WITHIN_MS }, group, stored);
  }
  await forwardInTime(deps, stored, startMs + HANDLE_WITHIN_MS);
}

/** @param stored is filled with what was stored. */
async function recordGroup(
  deps: RecordingDeps,
  group: readonly PackedMessage[],
  stored: StoredEvents,
): Promise<void> {
  const { db, untilMs } = deps;
  const holding = deps.unpacked.hold('');
  try {
    const bodyBytes = group.reduce((sum, message) => sum + message.bodyBytes, 0);
    if (Date.now() >= untilMs || !holding.take(bodyBytes * HELD_PER_BODY_BYTE)) {
      for (const { message } of group) retryLater(message);
      return;
    }
    const { events, rejections } = await judgeGroup(deps, group);
    for (const batch of splitIntoBatches(
      rejections,
      ({ content }) => content.body.byteLength,
      REJECTION_GROUP,
    )) {
      await recordMessages(db, batch, async (contents) => recordRejections(db, contents, deps.now()), {
        untilMs,
      });
    }
    for (const batch of splitIntoBatches(events, ({ content }) => content.recordable.bytes, EVENT_GROUP)) {
      await recordMessages(db, batch, async (contents) => recordJudged(deps, contents, stored), { untilMs });
    }
  } finally {
    holding.release();
  }
}

/** Records events, and keeps those that differ from a stored event of their ids as rejections. */
async function recordJudged(
  { db, now, untilMs }: RecordingDeps,
  judged: readonly JudgedEvent[],
  stored: StoredEvents,
): Promise<void> {
  const differing: NewRejection[] = [];
  const isLate = () => Date.now() >= untilMs;
  const events = judged.map((one) => one.recordable);
  const recorded = await recordOrCompare(db, events, now, isLate);
  for (const [index, { recordable, generation }] of judged.entries()) {
    const { event } = recordable;
    const done = recorded[index];
    if (done?.outcome === 'differs') differing.push(differingRejection(event, done, generation));
    else if (done !== undefined) {
      const { seq, afterSeq } = done;
      stored.set(seq, { after: afterSeq, last: seq, bytes: forwardedBytes(event.payload.length) });
    }
  }
  for (const group of splitIntoBatches(differing, ({ body }) => body.byteLength, REJECTION_GROUP)) {
    if (isLate()) throw new Error('no time is left to keep what differs');
    await recordRejections(db, group, now());
    for (const { integration } of group) {
      log('warn', 'deferred webhook rejected', { integration, reason: 'differs' });
    }
  }
}

/** @param untilMs nothing is waited for any longer, Unix ms. */
async function forwardInTime(deps: IntakeDeps, stored: StoredEvents, untilMs: number): Promise<void> {
  const inOrder = [...stored.values()].toSorted((a, b) => a.after - b.after);
  const groups = splitIntoBatches(inOrder, ({ bytes }) => bytes, FORWARD_GROUP);
  for (const [index, group] of groups.entries()) {
    const forwarding = forwardStored(deps, joinStretches(group), 'deferred webhooks').then(() => true);
    if (await withTimeoutOrNull(untilMs - Date.now(), forwarding)) continue;
    log('warn', 'forwarding left to the sweep', { events: groups.slice(index).flat().length });
    return;
  }
}

/** The registrations that messages are for, by slug. Where D1 does not tell, all are retried, and this gives `null`. */
async function findRegistered(
  db: D1Database,
  packed: readonly PackedMessage[],
): Promise<Map<string, Integration> | null> {
  try {
    const slugs = [...new Set(packed.map(({ content }) => content.integration))];
    const integrations = await findIntegrations(db, slugs);
    return new Map(integrations.map((integration) => [integration.slug, integration]));
  } catch (error) {
    log('warn', 'deferred webhooks retried', { events: packed.length, error: describeError(error) });
    for (const { message } of packed) retryLater(message);
    return null;
  }
}

/** Judges what messages hold. Those that cannot be decompressed are retried. */
async function judgeGroup(deps: RecordingDeps, group: readonly PackedMessage[]) {
  const events: ReadMessage<JudgedEvent>[] = [];
  const rejections: ReadMessage<NewRejection>[] = [];
  for (const { message, content } of group) {
    let body: ArrayBuffer;
    try {
      body = await bodyOf(content);
    } catch (error) {
      retryUnreadable(message, error);
      continue;
    }
    const { integration, generation, requestId, receivedAtMs } = content;
    const registered = deps.registered.get(integration);
    const arrival = { integration, requestId, receivedAtMs };
    const judged =
      (await judgeSender(content, registered, body, deps.tokens)) ??
      assessBody(body, { ...arrival, appId: registered?.appId ?? null });
    if (judged.ok) {
      events.push({
        message,
        content: { recordable: toRecordable({ ...judged.event, deferred: true }), generation },
      });
    } else {
      const { reason, problems } = judged;
      log('warn', 'deferred webhook rejected', { integration, reason });
      rejections.push({
        message,
        content: { ...arrival, generation, body, reason, problems, deferred: true },
      });
    }
  }
  return { events, rejections };
}

/**
 * Judges the sender of a webhook, as of its arrival; `null` where it is accepted. A message without `sender` is of one whose
 * address and signature were checked on arrival.
 */
async function judgeSender(
  { generation, receivedAtMs, sender: unchecked }: IntakeMessage,
  integration: Integration | undefined,
  body: ArrayBuffer,
  tokens: WebhookTokens,
): Promise<RejectedBody | null> {
  const sender = { generation, receivedAtMs, address: null, signature: null, ...unchecked };
  const asked = integration && unchecked === undefined ? requiringTokenOnly(integration) : integration;
  let objection = verifySender(sender, asked);
  if (asked && !objection && !(await isBodySigned(sender, asked, [body, body], tokens)))
    objection = 'signature';
  return objection && rejectBody('unauthorized', problemAt('', objection));
}

/** A message that cannot be read is retried, and gives `null`. */
function readMessage(message: Message<unknown>): PackedMessage | null {
  try {
    const content = intakeMessage.parse(message.body);
    return { message, content, bodyBytes: bodyBytesOf(content) };
  } catch (error) {
    retryUnreadable(message, error);
    return null;
  }
}

function retryUnreadable(message: Message<unknown>, error: unknown): void {
  log('error', 'intake message cannot be read', { attempts: message.attempts, error: describeError(error) });
  retryLater(message);
}
