// GET /api/events: finding events.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';
import { contactFromTyped, lacksAreaCode } from '../../contract/contact.ts';
import { ODDITY_CODES } from '../../contract/documented-fields.ts';
import { payloadJson } from '../../contract/payload.ts';
import { coded } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES, responseWebhook, STATUSES, statusWebhook, statusWord } from '../../contract/webhook.ts';
import { problem } from '../../problem-details.ts';
import { findVersions } from '../../store/differing-repeats.ts';
import { listEvents } from '../../store/event-listing.ts';
import { findEvent, type ListedEvent } from '../../store/events.ts';
import { listingParameters, pageOf, refuseParameters, trueOrFalse } from '../query-parameters.ts';

/** Any written form. */
const contact = z
  .string()
  .transform((typed, context) => {
    const canonical = contactFromTyped(typed);
    if (canonical !== null) return canonical;
    const why = coded(lacksAreaCode(typed) ? 'no-area-code' : 'not-a-contact');
    context.addIssue({ code: 'custom', ...why });
    return z.NEVER;
  })
  .meta({
    description:
      'A phone number in any written form, with or without country code and ninth digit, but with its area code; ' +
      'or the identity of a customer whose number WhatsApp hides, as it stands (`178095544332211@lid`).',
    example: '(41) 8895-6674',
  });

/** What chooses events, beside a period, wherever they are listed, followed or replayed. */
export const eventFilters = {
  type: z.enum(EVENT_TYPES).optional(),
  status: statusWord.transform((word) => word.toLowerCase()).optional(),
  contact: contact.optional(),
  integration: z.string().optional(),
  messageId: z.string().min(1).optional(),
};

/** What `GET /api/events` takes. */
export const eventListing = z.strictObject({
  ...eventFilters,
  forwarded: trueOrFalse.optional().meta({
    description: 'Whether the queue has confirmed it.',
  }),
  deferred: trueOrFalse.optional().meta({
    description: 'Whether it came by way of the intake queue.',
  }),
  odd: trueOrFalse.optional().meta({
    description: 'Whether its payload differs from the documentation.',
  }),
  ...listingParameters,
});

/** The step that an event reports. */
export const eventStatus = z
  .string()
  .nullable()
  .meta({
    description: `In lower case: ${STATUSES.join(', ')}, or a word that is not known. null for a response.`,
  });

/** Whom an event is about. */
export const eventContact = z.string().nullable().meta({
  description:
    "The customer's number in canonical form, or what names the customer instead. null where the payload does not tell.",
});

/** In what a payload differs from the documentation. */
export const oddity = z.object({
  path: z.string().meta({ description: 'Where in the payload.', example: 'clientData.timeLastMessage' }),
  code: z.enum(ODDITY_CODES),
});

/** An event as its operators see it. */
export const eventAnswer = z.object({
  id: z.string().meta({
    description:
      '`<message.messageId>:<event.messageId>:response`, or `…:status:<status>`; with `~<digest>` behind it, where it ' +
      'came under the ids of another event with another content and was let in.',
  }),
  integration: z.string(),
  type: z.enum(EVENT_TYPES),
  status: eventStatus,
  contact: eventContact,
  appId: z.string().nullable().meta({ description: 'null where the payload does not tell.' }),
  messageId: z.string().meta({ description: '`message.messageId` of the payload.' }),
  occurredAt: z.iso.datetime().meta({ description: "By the platform's clock." }),
  receivedAt: z.iso.datetime(),
  deliveries: z.int().min(1).meta({ description: 'How often the platform delivered it.' }),
  forwarded: z.boolean().meta({ description: 'Whether the queue has confirmed it.' }),
  deferred: z.boolean().meta({
    description: 'Whether it came by way of the intake queue, because the database did not answer.',
  }),
  replays: z.int().min(0).meta({ description: 'How often it was put back to be forwarded again.' }),
  oddities: z.array(oddity).meta({ description: 'In what its payload differs from the documentation.' }),
  place: z.string().meta({
    description: 'Its place among all events: as `since` of `/api/tail` it goes on behind this event.',
    example: '1772330400000000',
  }),
  payload: z.union([responseWebhook, statusWebhook]).meta({ description: 'The body as it came.' }),
});

/** What `GET /api/events/:integration/:id` answers. */
export const wholeEventAnswer = eventAnswer.extend({
  versions: z
    .object({
      events: z
        .array(z.string())
        .meta({ description: 'Ids of those that are events: the first, and those let in.' }),
      rejections: z.array(z.string()).meta({ description: 'Ids of those that are kept as rejections.' }),
    })
    .meta({ description: 'What else came under its ids, with another content; 20 of each at most.' }),
});

/** What `GET /api/events` answers. */
export const eventPage = pageOf(eventAnswer);

/** The listing and the single event, to be mounted at `/api/events`. */
export function eventRoutes({ db }: { db: D1Database }): Hono {
  const routes = new Hono();

  routes.get('/', zValidator('query', eventListing, refuseParameters), async (c) => {
    const { limit, cursor, since, until, forwarded, deferred, odd, ...filter } = c.req.valid('query');
    const { items: events, nextBeforeSeq } = await listEvents(
      db,
      { ...filter, isForwarded: forwarded, isDeferred: deferred, isOdd: odd, sinceMs: since, untilMs: until },
      { limit, beforeSeq: cursor },
    );
    const next = nextBeforeSeq === null ? null : String(nextBeforeSeq);
    return json(
      `{"data":[${events.map((event) => eventJson(event)).join()}],"next":${JSON.stringify(next)}}`,
    );
  });

  routes.get('/:integration/:id', async (c) => {
    const event = await findEvent(db, c.req.param('integration'), c.req.param('id'));
    if (event === null) return noSuchEvent();
    const { events, rejections } = await findVersions(db, event.integration, event.id);
    return json(eventJson(event, { versions: { events, rejections: rejections.map(String) } }));
  });

  return routes.route('/', payloadRoutes({ db }));
}

/** The payloads alone, as consumers read those that are too large for a queue, to be mounted at `/api/events`. */
export function payloadRoutes({ db }: { db: D1Database }): Hono {
  return new Hono().get('/:integration/:id/payload', async (c) => {
    const event = await findEvent(db, c.req.param('integration'), c.req.param('id'));
    return event === null ? noSuchEvent() : json(event.payload);
  });
}

function noSuchEvent(): Response {
  return problem('not-found', 'There is no such event, or it is past its retention.');
}

/**
 * An event as JSON. The payload goes in as the text it came in: parsing and writing it again would round large
 * numbers, and costs more.
 */
export function eventJson(
  event: ListedEvent,
  more?: Pick<z.infer<typeof wholeEventAnswer>, 'versions'>,
): string {
  const { seq, payload, occurredAtMs, receivedAtMs, ...rest } = event;
  const { deliveries, isForwarded, isDeferred, replays, oddities, ...head } = rest;
  const shown = {
    ...head,
    occurredAt: rfc3339(occurredAtMs),
    receivedAt: rfc3339(receivedAtMs),
    deliveries,
    forwarded: isForwarded,
    deferred: isDeferred,
    replays,
    oddities,
    place: String(seq),
    ...more,
  } satisfies Omit<z.infer<typeof eventAnswer>, 'payload'>;
  return `${JSON.stringify(shown).slice(0, -1)},"payload":${payloadJson(payload)}}`;
}

function json(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'application/json' } });
}
