// Dead letters: what consumers gave up on is taken out of their dead-letter queue and kept, and goes back to the events
// queue when an operator says so.
//
// A message leaves the table only once the queue has confirmed it: what ends in between is sent a second time, under
// the same id.

import { CLOUDEVENT_TYPES, type CloudEvent } from '../contract/cloudevent.ts';
import { canonicalContact } from '../contract/contact.ts';
import { EVENT_TYPES } from '../contract/webhook.ts';
import { cutGroups } from '../cut-groups.ts';
import {
  type DeadLetterFilter,
  deleteDeadLetters,
  findDeadLetters,
  type KeptDeadLetter,
  type LostEvent,
  MAX_DEAD_LETTER_BATCH,
  MAX_DEAD_LETTER_BATCH_BYTES,
  type NewDeadLetter,
  recordDeadLetters,
  walkDeadLetters,
} from '../store/dead-letters.ts';
import { BATCH_LIMITS, type ForwardingDeps, METADATA_BYTES } from './events.ts';
import { type Held, recordMessages } from './record-messages.ts';

/** A queue of this name's end holds what consumers gave up on. */
const DEAD_LETTER_QUEUE = /-dead$/;

/** Dead letters that one request redrives or discards at most; with usual sizes some 50 subrequests. */
const MAX_RUN_LETTERS = 1_000;
/** No batch begins later in a run, so that its answer comes before proxies and clients lose patience. */
const MAX_RUN_MS = 10_000;

export function isDeadLetterQueue(name: string): boolean {
  return DEAD_LETTER_QUEUE.test(name);
}

/** Keeps a batch of dead letters. Each is acknowledged once it is in D1, and otherwise retried with growing delays. */
export async function keepDeadLetters(
  { db, now }: Pick<ForwardingDeps, 'db' | 'now'>,
  messages: readonly Message<unknown>[],
): Promise<void> {
  const letters = messages.map(
    (message): Held<NewDeadLetter> => ({
      message,
      held: {
        messageId: message.id,
        event: eventIn(message.body),
        attempts: message.attempts,
        sentAtMs: message.timestamp.getTime(),
        body: jsonOf(message.body),
      },
    }),
  );
  const groups = cutGroups(letters, ({ held }) => held.body.length, {
    maxItems: MAX_DEAD_LETTER_BATCH,
    maxBytes: MAX_DEAD_LETTER_BATCH_BYTES,
  });
  for (const group of groups) {
    await recordMessages(db, group, async (batch) => recordDeadLetters(db, batch, now()));
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
  const isCanonical = typeof contact === 'string' && canonicalContact(contact) === contact;
  return { id, integration, type, contact: isCanonical ? contact : null };
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

/** Sends dead letters that are events to the events queue again, as they were. Rejects when the queue does not take them. */
export async function sendAgain(
  { events }: Pick<ForwardingDeps, 'events'>,
  letters: readonly KeptDeadLetter[],
) {
  await events.sendBatch(
    letters.map(({ body }) => ({ body: JSON.parse(body) as CloudEvent, contentType: 'json' })),
  );
}

/** What a run over many dead letters did. */
export interface DeadLetterRun {
  /** Sent again, or deleted. */
  done: number;
  /** Those that stay because they are no events of ours. */
  skipped: number;
  /** To be gone on with behind this place; `null`: the run came to its end. */
  nextAfterSeq: number | null;
  /** What ended the run early. What was done until then is done. */
  interruption: { error: unknown } | null;
}

/** Sends dead letters again, oldest first, as many as one request can. */
export async function redriveDeadLetters(
  deps: ForwardingDeps,
  filter: DeadLetterFilter,
  afterSeq: number,
): Promise<DeadLetterRun> {
  const run: DeadLetterRun = { done: 0, skipped: 0, nextAfterSeq: afterSeq, interruption: null };
  const deadlineMs = deps.now() + MAX_RUN_MS;
  try {
    const walk = await walkDeadLetters(deps.db, filter, { limit: MAX_RUN_LETTERS, afterSeq });
    const events = walk.places.filter(({ isEvent }) => isEvent);
    run.skipped = walk.places.length - events.length;
    for (const group of cutGroups(events, ({ bodyBytes }) => bodyBytes + METADATA_BYTES, BATCH_LIMITS)) {
      if (deps.now() >= deadlineMs) return run;
      const letters = await findDeadLetters(
        deps.db,
        group.map(({ seq }) => seq),
      );
      if (letters.length > 0) {
        await sendAgain(deps, letters);
        run.done += letters.length;
        await deleteDeadLetters(
          deps.db,
          letters.map(({ seq }) => seq),
        );
      }
      run.nextAfterSeq = group.at(-1)?.seq ?? afterSeq;
    }
    run.nextAfterSeq = walk.walkedToSeq;
  } catch (error) {
    run.interruption = { error };
  }
  return run;
}

/** Deletes dead letters, oldest first, as many as one request can. */
export async function discardDeadLetters(
  { db }: Pick<ForwardingDeps, 'db'>,
  filter: DeadLetterFilter,
  afterSeq: number,
): Promise<DeadLetterRun> {
  const run: DeadLetterRun = { done: 0, skipped: 0, nextAfterSeq: afterSeq, interruption: null };
  try {
    const walk = await walkDeadLetters(db, filter, { limit: MAX_RUN_LETTERS, afterSeq });
    run.done = await deleteDeadLetters(
      db,
      walk.places.map(({ seq }) => seq),
    );
    run.nextAfterSeq = walk.walkedToSeq;
  } catch (error) {
    run.interruption = { error };
  }
  return run;
}
