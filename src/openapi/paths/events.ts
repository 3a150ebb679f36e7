import * as z from 'zod';
import { eventListing, eventPage, wholeEventAnswer } from '../../api/events/routes.ts';
import { responseWebhook, statusWebhook } from '../../contract/webhook.ts';
import { EVENT, RESPONSE } from '../../examples.ts';
import type { PathParameter, Paths } from '../../operation.ts';

export const EVENT_ID: PathParameter = { description: 'Its `id`, percent-encoded.', example: EVENT.id };

export const eventPaths = (): Paths => ({
  '/api/events': {
    get: {
      operationId: 'listEvents',
      tag: 'Events',
      summary: 'List events, newest first',
      access: 'reader',
      query: eventListing,
      answers: {
        200: { description: 'A page of events.', schema: eventPage, example: { data: [EVENT], next: null } },
      },
    },
  },
  '/api/events/{integration}/{id}': {
    parameters: { id: EVENT_ID },
    get: {
      operationId: 'getEvent',
      tag: 'Events',
      summary: 'Read an event',
      access: 'reader',
      answers: {
        200: {
          description: 'The event, and what else came under its ids.',
          schema: wholeEventAnswer,
          example: { ...EVENT, versions: { events: [], rejections: ['1772384900000000'] } },
        },
      },
      problems: ['not-found'],
    },
  },
  '/api/events/{integration}/{id}/payload': {
    parameters: { id: EVENT_ID },
    get: {
      operationId: 'getPayload',
      tag: 'Events',
      summary: 'Read the payload of an event',
      description: 'What the `dataref` of an event names that was too large for the queue.',
      access: 'reader',
      answers: {
        200: {
          description: 'The body exactly as it came.',
          schema: z.union([responseWebhook, statusWebhook]),
          example: RESPONSE,
        },
      },
      problems: ['not-found'],
    },
  },
});
