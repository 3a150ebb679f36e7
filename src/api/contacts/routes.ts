// /api/contacts/:number: a contact's conversation, everything that is held on it, and its erasure (LGPD, art. 18). The
// number is a phone number, or the identity in place of one.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';
import { REJECTION_REASONS } from '../../contract/assess.ts';
import { writtenNumber } from '../../contract/contact-search.ts';
import { saidIn } from '../../contract/message-content.ts';
import { messageStatus } from '../../contract/message-status.ts';
import { patterned } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES, STATUSES, type Status } from '../../contract/webhook.ts';
import { conversationWindow } from '../../contract/window.ts';
import { problem } from '../../problem-details.ts';
import { describeError, log } from '../../runtime/log.ts';
import { isBusinessNumber } from '../../store/business-numbers.ts';
import { eraseContact, NOT_SEARCHED, type Searched } from '../../store/contact-erasure.ts';
import {
  type Holding,
  type HoldingKind,
  type Person,
  readHoldings,
  type WalkedStep,
  walkMentions,
  walkOwnEvents,
} from '../../store/contact-holdings.ts';
import { readConversation } from '../../store/contacts.ts';
import type { ReadableEvent } from '../../store/messages.ts';
import type { ActorEnv } from '../access/actor.ts';
import { auditAnswer } from '../audit/routes.ts';
import { eventContact, eventFilters, eventStatus } from '../events/routes.ts';
import { toItsEndOr } from '../finish-in-background.ts';
import { contentAnswer, contentOf } from '../messages/routes.ts';
import { listingParameters, pageOf, refuseParameters, trueOrFalse } from '../query-parameters.ts';

/** By when the cron has read more of what is stored. */
const RETRY_AFTER_SECONDS = 60;

const toItsEnd = toItsEndOr({
  logged: 'erasure interrupted',
  detail: 'The erasure was interrupted. What was erased until then is gone: send it again.',
});

/** Whom a path names. */
export const contactPath = z.object({ number: eventFilters.contact.unwrap() });

/** What `GET /api/contacts/:number` takes. */
export const conversationListing = z.strictObject(listingParameters);

/** What was written or what became of what was sent. */
export const conversationEntry = z.object({
  id: z.string().meta({ description: 'Of the event.' }),
  integration: z.string(),
  direction: z
    .enum(['in', 'out'])
    .meta({ description: '`in`: the customer wrote. `out`: it was sent to it.' }),
  type: z.enum(EVENT_TYPES),
  status: eventStatus,
  effectiveStatus: z
    .enum(STATUSES)
    .nullable()
    .meta({ description: 'Of the message that was sent, as far as the events on this page tell.' }),
  messageId: z.string(),
  occurredAt: z.iso.datetime(),
  receivedAt: z.iso.datetime(),
  deliveries: z.int().min(1),
  content: contentAnswer,
});

/** What `GET /api/contacts/:number` answers. */
export const conversationPage = pageOf(conversationEntry)
  .extend({
    contact: z.string().meta({ description: 'In canonical form; an identity as it stands.' }),
    name: z.string().nullable().meta({
      description: 'As last written, as far as the last message and this page tell.',
    }),
    window: z
      .object({
        open: z.boolean().meta({ description: 'Whether a free-form message may be sent.' }),
        closesAt: z.iso.datetime().meta({ description: 'The first moment at which it is closed.' }),
      })
      .nullable()
      .meta({ description: 'null where the customer never wrote.' }),
  })
  .meta({
    description:
      'Newest first: pages by when events were stored, and within a page by when they occurred, which can be long before.',
    example: {
      contact: '+5544999999999',
      name: 'Maria da Silva',
      window: { open: false, closesAt: '2020-06-19T17:07:51.271Z' },
      data: [
        {
          id: '5e178088a88ad9001b6e1914:i3i4321d:response',
          integration: 'shop',
          direction: 'in',
          type: 'response',
          status: null,
          effectiveStatus: null,
          messageId: '5e178088a88ad9001b6e1914',
          occurredAt: '2020-06-18T17:07:51.271Z',
          receivedAt: '2020-06-18T17:07:52.004Z',
          deliveries: 1,
          content: {
            kind: 'text',
            mediaType: 'text',
            text: 'Mensagem de teste',
            media: null,
            location: null,
            failure: null,
            omitted: false,
          },
        },
      ],
      next: null,
    },
  });

/** The parts of an erasure's cursor, in order. */
const SEARCHED = [
  'event',
  'rejection',
  'deadLetter',
  'auditEntry',
  'replay',
] as const satisfies HoldingKind[];

/** What `DELETE /api/contacts/:number` takes. */
export const contactErasure = z.strictObject({
  cursor: patterned(/^\d{1,16}(?:-\d{1,16}){4}$/, 'not-a-cursor')
    .transform((written): Searched => {
      const places = written.split('-').map(Number);
      const searched = SEARCHED.map((kind, index) => [kind, places[index] ?? 0]);
      return Object.fromEntries(searched) as Searched;
    })
    .optional()
    .meta({ description: 'Where an unfinished erasure goes on: the `next` of its answer.' }),
  force: trueOrFalse.default(false).meta({
    description: "Also a number or a name that is the business's own, with all events that hold it.",
  }),
});

const count = z.int().min(0);
const receipt = {
  receipt: z.uuid().meta({ description: 'Names it in the audit trail, which has no number.' }),
  erased: z.object({
    events: count,
    rejections: count,
    deadLetters: count,
    blotted: count.meta({
      description:
        'Entries of the audit trail, and filters of replays, in which the number gave way to a mark.',
    }),
  }),
};

/** What `DELETE /api/contacts/:number` answers when nothing is left. */
export const erasureReceipt = z.object({ ...receipt, complete: z.literal(true), at: z.iso.datetime() }).meta({
  description: 'The receipt of an erasure. A repeat counts what came since.',
  example: {
    receipt: '0b54ac8e-6f0f-4a0e-9d0f-4f6d3b1c8a55',
    erased: { events: 42, rejections: 1, deadLetters: 0, blotted: 0 },
    complete: true,
    at: '2026-03-02T12:00:00.000Z',
  },
});

/** What it answers when there is more to search than one request can. */
export const unfinishedErasure = z.object({
  ...receipt,
  complete: z.literal(false),
  next: z.string().meta({ description: 'The `cursor` to repeat it with.' }),
  detail: z.string(),
});

const heldEvent = z.object({
  kind: z.literal('event'),
  about: z.enum(['contact', 'mention']).meta({
    description: '`mention`: an event of another contact, whose payload holds the number.',
  }),
  id: z.string(),
  integration: z.string(),
  type: z.enum(EVENT_TYPES),
  status: eventStatus,
  contact: eventContact,
  occurredAt: z.iso.datetime(),
  receivedAt: z.iso.datetime(),
  deliveries: z.int().min(1),
  payload: z.string().meta({ description: 'The body as text, exactly as it came.' }),
});

const heldRejection = z.object({
  kind: z.literal('rejection'),
  id: z.string(),
  integration: z.string(),
  reason: z.enum(REJECTION_REASONS),
  receivedAt: z.iso.datetime(),
  lastReceivedAt: z.iso.datetime(),
  deliveries: z.int().min(1),
  bodyEncoding: z.enum(['utf-8', 'base64']),
  body: z.string().meta({ description: 'Exactly as it came.' }),
});

const heldDeadLetter = z.object({
  kind: z.literal('deadLetter'),
  id: z.string(),
  event: z.string().nullable(),
  integration: z.string().nullable(),
  attempts: count,
  receivedAt: z.iso.datetime(),
  body: z.string().meta({ description: 'The message as JSON text.' }),
});

const heldAuditEntry = auditAnswer.extend({ kind: z.literal('auditEntry') });

const heldReplay = z.object({
  kind: z.literal('replay'),
  id: z.string(),
  actor: z.string(),
  filter: z.record(z.string(), z.unknown()).meta({ description: 'What was asked for.' }),
});

/** A line of what `GET /api/contacts/:number/export` answers (`application/x-ndjson`). */
export const exportLine = z.discriminatedUnion('kind', [
  heldEvent,
  heldRejection,
  heldDeadLetter,
  heldAuditEntry,
  heldReplay,
]);

export interface ContactDeps {
  db: D1Database;
  now: () => number;
}

/** To be mounted at `/api/contacts`. */
export function contactRoutes({ db, now }: ContactDeps): Hono<ActorEnv> {
  const path = zValidator('param', contactPath, refuseParameters);

  return new Hono<ActorEnv>()
    .get('/:number', path, zValidator('query', conversationListing, refuseParameters), async (c) => {
      const { number: contact } = c.req.valid('param');
      const { limit, cursor, since, until } = c.req.valid('query');
      const range = { limit, beforeSeq: cursor, sinceMs: since, untilMs: until };
      const { events, lastResponse, nextBeforeSeq } = await readConversation(db, contact, range);
      const answer: z.infer<typeof conversationPage> = {
        contact,
        name: lastName(lastResponse === null ? events : [lastResponse, ...events]),
        window: lastResponse && windowOf(lastResponse, now()),
        data: entriesOf(events),
        next: nextBeforeSeq === null ? null : String(nextBeforeSeq),
      };
      return c.json(answer);
    })
    .get('/:number/export', path, async (c) => {
      const { number: contact } = c.req.valid('param');
      const lines = exportLines(db, { contact, number: writtenNumber(contact) });
      const first = await lines.next(); // while a problem can still be answered
      return c.body(streamOf(beginningWith(first, lines), c.get('requestId')), 200, {
        'content-type': 'application/x-ndjson',
        'content-disposition': 'attachment; filename="contact.ndjson"',
      });
    })
    .delete('/:number', path, zValidator('query', contactErasure, refuseParameters), async (c) => {
      const { number: contact } = c.req.valid('param');
      const { cursor = NOT_SEARCHED, force } = c.req.valid('query');
      return toItsEnd(c, async () => {
        const refusal = force ? null : refusedErasure(await isBusinessNumber(db, contact, now()));
        if (refusal !== null) return refusal;
        const receipt = crypto.randomUUID();
        const eraser = { actor: c.get('actor').name, receipt, now };
        const person = { contact, number: writtenNumber(contact) };
        const { erased, searched } = await eraseContact(db, person, cursor, eraser);
        if (searched !== null) {
          const next = SEARCHED.map((kind) => searched[kind]).join('-');
          const detail = `One request does not search it all. Repeat it with ?cursor=${next}.`;
          const answer: z.infer<typeof unfinishedErasure> = {
            receipt,
            erased,
            complete: false,
            next,
            detail,
          };
          return c.json(answer, 202);
        }
        const at = rfc3339(now());
        return c.json({ receipt, erased, complete: true, at } satisfies z.infer<typeof erasureReceipt>);
      });
    });
}

/** Newest first, by when they occurred. */
function entriesOf(events: readonly ReadableEvent[]): z.infer<typeof conversationEntry>[] {
  const reported = Map.groupBy(events, ({ messageId }) => messageId);
  const statusOf = (messageId: string): Status | null => {
    const steps = (reported.get(messageId) ?? []).flatMap(({ status }) => (status === null ? [] : [status]));
    return messageStatus(steps)?.status ?? null;
  };
  return events
    .toSorted((a, b) => b.occurredAtMs - a.occurredAtMs || b.seq - a.seq)
    .map((event) => {
      const { id, integration, type, status, messageId, occurredAtMs, receivedAtMs, deliveries } = event;
      return {
        id,
        integration,
        direction: type === 'response' ? ('in' as const) : ('out' as const),
        type,
        status,
        effectiveStatus: type === 'response' ? null : statusOf(messageId),
        messageId,
        occurredAt: rfc3339(occurredAtMs),
        receivedAt: rfc3339(receivedAtMs),
        deliveries,
        content: contentOf(event),
      };
    });
}

/** Of the newest response that writes one. */
function lastName(events: readonly ReadableEvent[]): string | null {
  const newestFirst = events
    .filter(({ type }) => type === 'response')
    .toSorted((a, b) => b.occurredAtMs - a.occurredAtMs || b.seq - a.seq);
  for (const { payload } of newestFirst) {
    const name = payload === null ? null : saidIn(payload).name;
    if (name !== null) return name;
  }
  return null;
}

function windowOf({ occurredAtMs, receivedAtMs }: ReadableEvent, nowMs: number) {
  const { open, closesAt } = conversationWindow({ time: occurredAtMs, receivedtime: receivedAtMs }, nowMs);
  return { open, closesAt: closesAt.toISOString() };
}

/** Why a number is not erased unless forced. @param isBusinessNumber `null`: not known yet. */
function refusedErasure(isBusinessNumber: boolean | null): Response | null {
  switch (isBusinessNumber) {
    case false:
      return null;
    case true:
      return problem(
        'conflict',
        "Messages are sent from this number, or customers write to it: it is most likely the business's own, and all events that hold it would be erased. With ?force=true they are, also where it is a customer's after all.",
        { reason: 'business-number' },
      );
    case null:
      return problem(
        'unavailable',
        "Whether this number is the business's own is not known before more of what is stored has been read. Repeat it, or erase it in any case with ?force=true.",
        { reason: 'business-number-unknown', headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } },
      );
  }
}

/** Everything that an erasure would take, a group of lines at a time. */
async function* exportLines(db: D1Database, person: Person): AsyncGenerator<string> {
  const own = async (afterSeq: number) => walkOwnEvents(db, person.contact, afterSeq);
  yield* linesOf(db, 'event', own, person);
  for (const kind of SEARCHED) {
    yield* linesOf(db, kind, async (afterSeq) => walkMentions(db, kind, person, afterSeq), person);
  }
}

async function* linesOf(
  db: D1Database,
  kind: HoldingKind,
  walk: (afterSeq: number) => Promise<WalkedStep>,
  person: Person,
): AsyncGenerator<string> {
  for (let step: WalkedStep | undefined; !step?.isLast; ) {
    step = await walk(step?.lastSeq ?? 0);
    for await (const holdings of readHoldings(db, kind, step.places, person.number)) {
      yield holdings.map((holding) => `${JSON.stringify(lineOf(holding, person.contact))}\n`).join('');
    }
  }
}

function lineOf(holding: Holding, contact: string): z.infer<typeof exportLine> {
  switch (holding.kind) {
    case 'event': {
      const { id, integration, type, status, deliveries, payload, ...event } = holding.event;
      return {
        kind: holding.kind,
        about: event.contact === contact ? 'contact' : 'mention',
        id,
        integration,
        type,
        status,
        contact: event.contact,
        occurredAt: rfc3339(event.occurredAtMs),
        receivedAt: rfc3339(event.receivedAtMs),
        deliveries,
        payload,
      };
    }
    case 'rejection': {
      const { seq, integration, reason, deliveries, bodyEncoding, body, ...rejection } = holding.rejection;
      return {
        kind: holding.kind,
        id: String(seq),
        integration,
        reason,
        receivedAt: rfc3339(rejection.receivedAtMs),
        lastReceivedAt: rfc3339(rejection.lastReceivedAtMs),
        deliveries,
        bodyEncoding,
        body,
      };
    }
    case 'deadLetter': {
      const { seq, event, attempts, sentAtMs, body } = holding.deadLetter;
      return {
        kind: holding.kind,
        id: String(seq),
        event: event?.id ?? null,
        integration: event?.integration ?? null,
        attempts,
        receivedAt: rfc3339(sentAtMs),
        body,
      };
    }
    case 'auditEntry': {
      const { seq, atMs, ...entry } = holding.entry;
      return { kind: holding.kind, id: String(seq), at: rfc3339(atMs), ...entry };
    }
    case 'replay': {
      const { id, actor, filter } = holding.replay;
      return { kind: holding.kind, id: String(id), actor, filter: { ...filter } };
    }
  }
}

async function* beginningWith(
  first: IteratorResult<string>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  if (first.done) return;
  yield first.value;
  yield* rest;
}

/** What is read is what is asked for: a slow client does not fill the memory. One that goes away ends the reading. */
function streamOf(lines: AsyncGenerator<string>, requestId: string): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await lines.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        log('error', 'export interrupted', { requestId, error: describeError(error) });
        controller.error(error); // the client sees an answer that breaks off
      }
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}
