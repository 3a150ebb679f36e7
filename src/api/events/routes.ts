// /api/events: finding events, and reading them.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { contactFromTyped, lacksAreaCode } from '../../contract/contact.ts';
import { ODDITY_CODES } from '../../contract/documented-fields.ts';
import { payloadJson } from '../../contract/payload.ts';
import { coded } from '../../contract/problems.ts';
import { ROUTED_STATES } from '../../contract/routes.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES, responseWebhook, STATUSES, statusWebhook, statusWord } from '../../contract/webhook.ts';
import { EVENT, RESPONSE } from '../../http/examples.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import { findVersions } from '../../store/differing-repeats.ts';
import { listEvents as readEvents } from '../../store/event-listing.ts';
import { findEvent, type ListedEvent } from '../../store/events.ts';
import type { ActorEnv } from '../access/actor.ts';
import { moment, textOrNull } from '../fields.ts';
import { asCursor, asListing, listingParameters, pageOf, trueOrFalse } from '../query-parameters.ts';
import { serve } from '../serve.ts';

/** A contact in any form that people write it in, parsed to the canonical one. */
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

/** The filters of events, beside a period, wherever events are listed, followed or replayed. */
export const eventFilters = {
  type: z.enum(EVENT_TYPES).optional(),
  status: statusWord.transform((word) => word.toLowerCase()).optional(),
  contact: contact.optional(),
  integration: z.string().optional(),
  messageId: z.string().min(1).optional(),
};

/** What the filter by forwarding means. */
const isForwarded = 'Whether the queues of all routes that take it have confirmed it.';

const listingFilters = z.strictObject({
  ...eventFilters,
  forwarded: trueOrFalse.optional().describe(isForwarded),
  route: z.string().min(1).optional().meta({
    description: 'With `forwarded`: of the routes, only this one, and what it takes.',
    example: 'crm',
  }),
  deferred: trueOrFalse.optional().describe('Whether it came by way of the intake queue.'),
  odd: trueOrFalse.optional().describe('Whether its payload differs from the documentation.'),
  ...listingParameters,
});

export const eventListing = listingFilters.refine(
  ({ route, forwarded }) => route === undefined || forwarded !== undefined,
  { path: ['route'], ...coded('needs-parameter', { parameter: 'forwarded' }) },
);

/** The status that an event reports. */
export const eventStatus = textOrNull.describe(
  `In lower case: ${STATUSES.join(', ')}, or a word that is not known. null for a response.`,
);

/** The customer that an event is about. */
export const eventContact = textOrNull.describe(
  "The customer's number in canonical form, or what names the customer instead. null where the payload does not tell.",
);

/** One way in which a payload differs from the documentation. */
export const oddity = z.object({
  path: z.string().meta({ description: 'Where in the payload.', example: 'clientData.timeLastMessage' }),
  code: z.enum(ODDITY_CODES),
});

export const eventAnswer = z.object({
  id: z
    .string()
    .describe(
      '`<message.messageId>:<event.messageId>:response`, or `…:status:<status>`; with `~<digest>` behind it, where it ' +
        'came under the ids of another event with another content and was let in.',
    ),
  integration: z.string(),
  type: z.enum(EVENT_TYPES),
  status: eventStatus,
  contact: eventContact,
  appId: textOrNull.describe('null where the payload does not tell.'),
  messageId: z.string().describe('`message.messageId` of the payload.'),
  occurredAt: moment.describe("By the platform's clock."),
  receivedAt: moment,
  deliveries: z.int().min(1).describe('How often the platform delivered it.'),
  forwarded: z.boolean().describe(isForwarded),
  routes: z
    .array(z.object({ name: z.string(), state: z.enum(ROUTED_STATES) }))
    .describe('What became of it on each route, by name. `not-wanted`: the route does not take it.'),
  deferred: z
    .boolean()
    .describe('Whether it came by way of the intake queue, because the database did not answer.'),
  oddities: z.array(oddity).describe('In what its payload differs from the documentation.'),
  place: z.string().meta({
    description: 'Its place among all events: as `since` of `/api/tail` it goes on behind this event.',
    example: '1772330400000000',
  }),
  payload: z.union([responseWebhook, statusWebhook]).describe('The body as it came.'),
});
named('Event', eventAnswer);

const wholeEventAnswer = eventAnswer.extend({
  versions: z
    .object({
      events: z.array(z.string()).describe('Ids of those that are events: the first, and those let in.'),
      rejections: z.array(z.string()).describe('Ids of those that are kept as rejections.'),
    })
    .describe('What else came under its ids, with another content; 20 of each at most.'),
});
named('WholeEvent', wholeEventAnswer);

const eventPage = pageOf(eventAnswer);

const operation = operationsOf({ name: 'Events', description: 'Accepted webhooks: find them, read them.' });

/** The parameters of a path that names an event. */
export const eventPath = z.object({
  integration: z.string().meta({ description: 'Slug of the integration.', example: 'shop' }),
  id: z.string().meta({ description: 'Its `id`, percent-encoded.', example: EVENT.id }),
});

export const listEvents = operation('listEvents', 'GET /api/events', {
  summary: 'List events, newest first',
  query: eventListing,
  answers: {
    200: json('A page of events.', eventPage, { data: [EVENT], next: null }),
  },
});

export const getEvent = operation('getEvent', 'GET /api/events/:integration/:id', {
  summary: 'Read an event',
  param: eventPath,
  answers: {
    200: json('The event, and what else came under its ids.', wholeEventAnswer, {
      ...EVENT,
      versions: { events: [], rejections: ['1772384900000000'] },
    }),
  },
  problems: ['not-found'],
});

export const getPayload = operation('getPayload', 'GET /api/events/:integration/:id/payload', {
  summary: 'Read the payload of an event',
  description: 'What the `dataref` of an event names that was too large for the queue.',
  param: eventPath,
  answers: {
    200: json('The body exactly as it came.', z.union([responseWebhook, statusWebhook]), RESPONSE),
  },
  problems: ['not-found'],
});

export function eventRoutes({ db }: { db: D1Database }): Hono<ActorEnv> {
  const routes = payloadRoutes({ db });
  serve(routes, listEvents, async (c, { query: { forwarded, deferred, odd, ...query } }) => {
    const { filter, page } = asListing(query);
    const chosen = { ...filter, isForwarded: forwarded, isDeferred: deferred, isOdd: odd };
    const { items: events, nextBeforeSeq } = await readEvents(db, chosen, page);
    const data = events.map((event) => eventJson(event));
    return answerText(c, `{"data":[${data.join()}],"next":${JSON.stringify(asCursor(nextBeforeSeq))}}`);
  });
  serve(routes, getEvent, async (c, { param }) => {
    const event = await findEvent(db, param.integration, param.id);
    if (event === null) return noSuchEvent();
    const { events, rejections } = await findVersions(db, event.integration, event.id);
    return answerText(c, eventJson(event, { versions: { events, rejections: rejections.map(String) } }));
  });
  return routes;
}

/** Payloads alone: consumers read those that are too large for a queue by a service binding. */
export function payloadRoutes({ db }: { db: D1Database }): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getPayload, async (c, { param }) => {
    const event = await findEvent(db, param.integration, param.id);
    return event === null ? noSuchEvent() : answerText(c, event.payload);
  });
  return routes;
}

function noSuchEvent(): Response {
  return problem('not-found', 'There is no such event, or it is past its retention.');
}

/**
 * An event as JSON. The payload is put in as the text that came: parsing it and writing it again would round large numbers,
 * and cost more.
 */
export function eventJson(
  event: ListedEvent,
  more?: Pick<z.infer<typeof wholeEventAnswer>, 'versions'>,
): string {
  const { seq, payload, occurredAtMs, receivedAtMs, ...rest } = event;
  const { deliveries, routes, isDeferred, oddities, ...head } = rest;
  const shown = {
    ...head,
    occurredAt: rfc3339(occurredAtMs),
    receivedAt: rfc3339(receivedAtMs),
    deliveries,
    forwarded: routes.every(({ state }) => state !== 'waits'),
    routes,
    deferred: isDeferred,
    oddities,
    place: String(seq),
    ...more,
  } satisfies Omit<z.infer<typeof eventAnswer>, 'payload'>;
  return `${JSON.stringify(shown).slice(0, -1)},"payload":${payloadJson(payload)}}`;
}

function answerText(c: Context, text: string): Response {
  return c.body(text, 200, { 'content-type': 'application/json' });
}
