// GET /api/contacts/:number/export: everything that is held on a contact, as a stream.

import { Hono } from 'hono';
import * as z from 'zod';
import { REJECTION_REASONS } from '../../contract/assess.ts';
import { contactMatcher } from '../../contract/contact-search.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES } from '../../contract/webhook.ts';
import { EVENT, RESPONSE } from '../../http/examples.ts';
import { named } from '../../http/named-schemas.ts';
import { describeError, log } from '../../runtime/log.ts';
import {
  type ContactHolding,
  type ContactHoldingKind,
  findMentions,
  findOwnEvents,
  type Person,
  readContactHoldings,
  type SearchStep,
} from '../../store/contact-holdings.ts';
import type { ActorEnv } from '../access/actor.ts';
import { auditAnswer } from '../audit/routes.ts';
import { eventContact, eventStatus } from '../events/routes.ts';
import { count, moment, textOrNull } from '../fields.ts';
import { serve } from '../serve.ts';
import { type ContactDeps, contactOperation, contactPath, SEARCHED } from './contact.ts';

const heldEvent = z.object({
  kind: z.literal('event'),
  about: z
    .enum(['contact', 'mention'])
    .describe('`mention`: an event of another contact, whose payload holds the number.'),
  id: z.string(),
  integration: z.string(),
  type: z.enum(EVENT_TYPES),
  status: eventStatus,
  contact: eventContact,
  occurredAt: moment,
  receivedAt: moment,
  deliveries: z.int().min(1),
  payload: z.string().describe('The body as text, exactly as it came.'),
});

const heldRejection = z.object({
  kind: z.literal('rejection'),
  id: z.string(),
  integration: z.string(),
  reason: z.enum(REJECTION_REASONS),
  receivedAt: moment,
  lastReceivedAt: moment,
  deliveries: z.int().min(1),
  bodyEncoding: z.enum(['utf-8', 'base64']),
  body: z.string().describe('Exactly as it came.'),
});

const heldDeadLetter = z.object({
  kind: z.literal('deadLetter'),
  id: z.string(),
  event: textOrNull,
  integration: textOrNull,
  attempts: count,
  receivedAt: moment,
  body: z.string().describe('The message as JSON text.'),
});

const heldAuditEntry = auditAnswer.extend({ kind: z.literal('auditEntry') });

const heldReplay = z.object({
  kind: z.literal('replay'),
  id: z.string(),
  actor: z.string(),
  filter: z.record(z.string(), z.unknown()).describe('What was asked for.'),
});

export const exportLine = z.discriminatedUnion('kind', [
  heldEvent,
  heldRejection,
  heldDeadLetter,
  heldAuditEntry,
  heldReplay,
]);
named('Held', exportLine);

export const exportContact = contactOperation('exportContact', 'GET /api/contacts/:number/export', {
  summary: 'Export all that is held on a contact',
  param: contactPath,
  answers: {
    200: {
      description: 'A stream of JSON texts, one on each line. The schema is that of a line.',
      mediaType: 'application/x-ndjson',
      schema: exportLine,
      example: {
        kind: 'event',
        about: 'contact',
        id: EVENT.id,
        integration: EVENT.integration,
        type: EVENT.type,
        status: EVENT.status,
        contact: EVENT.contact,
        occurredAt: EVENT.occurredAt,
        receivedAt: EVENT.receivedAt,
        deliveries: EVENT.deliveries,
        payload: JSON.stringify(RESPONSE),
      },
    },
  },
  problems: ['invalid-parameters'],
});

export function exportRoutes({ db }: Pick<ContactDeps, 'db'>): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, exportContact, async (c, { param: { number: contact } }) => {
    const lines = exportLines(db, { contact, number: contactMatcher(contact) });
    const first = await lines.next(); // if this fails, a problem can still be answered
    return c.body(streamOf(beginningWith(first, lines), c.get('requestId')), 200, {
      'content-type': 'application/x-ndjson',
      'content-disposition': 'attachment; filename="contact.ndjson"',
    });
  });
  return routes;
}

/** Everything that an erasure would delete, a group of lines at a time. */
async function* exportLines(db: D1Database, person: Person): AsyncGenerator<string> {
  const own = async (afterSeq: number) => findOwnEvents(db, person.contact, afterSeq);
  yield* linesOf(db, 'event', own, person);
  for (const kind of SEARCHED) {
    yield* linesOf(db, kind, async (afterSeq) => findMentions(db, kind, person, afterSeq), person);
  }
}

async function* linesOf(
  db: D1Database,
  kind: ContactHoldingKind,
  walk: (afterSeq: number) => Promise<SearchStep>,
  person: Person,
): AsyncGenerator<string> {
  for (let step: SearchStep | undefined; !step?.isLast; ) {
    step = await walk(step?.lastSeq ?? 0);
    for await (const holdings of readContactHoldings(db, kind, step.places, person.number)) {
      yield holdings.map((holding) => `${JSON.stringify(lineOf(holding, person.contact))}\n`).join('');
    }
  }
}

function lineOf(holding: ContactHolding, contact: string): z.infer<typeof exportLine> {
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

/** Reads lines only as the client takes them, so that a slow one does not fill the memory, and ends when it goes away. */
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
        controller.error(error); // the answer breaks off, which tells the client that it is not whole
      }
    },
    async cancel() {
      await lines.return(undefined);
    },
  });
}
