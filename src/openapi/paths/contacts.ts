import {
  contactErasure,
  conversationListing,
  conversationPage,
  erasureReceipt,
  exportLine,
  unfinishedErasure,
} from '../../api/contacts/routes.ts';
import { EVENT, RESPONSE } from '../../examples.ts';
import type { Paths } from '../../operation.ts';

export const contactPaths = (): Paths => ({
  '/api/contacts/{number}': {
    get: {
      operationId: 'getConversation',
      tag: 'Contacts',
      summary: 'Read the conversation with a contact',
      access: 'reader',
      query: conversationListing,
      answers: { 200: { description: 'A page of it, newest first.', schema: conversationPage } },
    },
    delete: {
      operationId: 'eraseContact',
      tag: 'Contacts',
      summary: 'Erase a contact',
      description:
        'Events, rejections and dead letters of that person. The audit trail records it, without the number; where ids in it hold the number, a mark stands for it then. An identity is looked for as a whole.',
      access: 'changer',
      query: contactErasure,
      answers: {
        200: { description: 'Nothing is left: the receipt.', schema: erasureReceipt },
        202: {
          description: 'There is more to search than one request can: repeat it with `cursor`.',
          schema: unfinishedErasure,
          example: {
            receipt: '0b54ac8e-6f0f-4a0e-9d0f-4f6d3b1c8a55',
            erased: { events: 42, rejections: 0, deadLetters: 0, blotted: 0 },
            complete: false,
            next: '1772330400000000-0-0-0-0',
            detail: 'One request does not search it all. Repeat it with ?cursor=1772330400000000-0-0-0-0.',
          },
        },
      },
      problems: ['invalid-parameters', 'conflict', 'unavailable'],
    },
  },
  '/api/contacts/{number}/export': {
    get: {
      operationId: 'exportContact',
      tag: 'Contacts',
      summary: 'Export all that is held on a contact',
      access: 'reader',
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
    },
  },
});
