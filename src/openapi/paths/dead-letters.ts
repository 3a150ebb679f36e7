import {
  deadLetterListing,
  deadLetterPage,
  deadLetterRun,
  discardRunAnswer,
  keptDeadLetterAnswer,
  redriveAnswer,
  redriveRunAnswer,
} from '../../api/dead-letters/routes.ts';
import { EVENT, RESPONSE_EVENT } from '../../examples.ts';
import type { Body, Paths } from '../../operation.ts';

const run = (): Body => ({
  schema: deadLetterRun,
  isOfApi: true,
  examples: { some: { integration: 'shop', type: 'response' }, all: { all: true } },
});

export const deadLetterPaths = (): Paths => ({
  '/api/dead-letters': {
    get: {
      operationId: 'listDeadLetters',
      tag: 'Dead letters',
      summary: 'List dead letters, newest first',
      access: 'reader',
      query: deadLetterListing,
      answers: { 200: { description: 'A page of them, without their messages.', schema: deadLetterPage } },
    },
  },
  '/api/dead-letters/{id}': {
    get: {
      operationId: 'getDeadLetter',
      tag: 'Dead letters',
      summary: 'Read a dead letter',
      access: 'reader',
      answers: {
        200: {
          description: 'The dead letter, with its message.',
          schema: keptDeadLetterAnswer,
          example: {
            id: '1772330400000000',
            kind: 'given-up',
            event: EVENT.id,
            integration: EVENT.integration,
            type: EVENT.type,
            contact: EVENT.contact,
            reason: null,
            attempts: 1,
            messageId: '3f1c1a3d8f2b4c0e9a7d6b5c4e3f2a1b',
            messageBytes: 1204,
            sentAt: '2026-03-01T17:07:52.100Z',
            keptAt: '2026-03-01T17:12:00.000Z',
            message: RESPONSE_EVENT,
          },
        },
      },
      problems: ['not-found'],
    },
    delete: {
      operationId: 'discardDeadLetter',
      tag: 'Dead letters',
      summary: 'Discard a dead letter',
      access: 'changer',
      answers: { 204: { description: 'It is discarded.' } },
      problems: ['not-found'],
    },
  },
  '/api/dead-letters/{id}/redrive': {
    post: {
      operationId: 'redriveDeadLetter',
      tag: 'Dead letters',
      summary: 'Send a dead letter again',
      access: 'changer',
      answers: {
        200: {
          description: 'It is in the queue again, and gone from here.',
          schema: redriveAnswer,
          example: { event: EVENT.id, integration: EVENT.integration },
        },
      },
      problems: ['not-found', 'conflict', 'unavailable'],
    },
  },
  '/api/dead-letters/redrive': {
    post: {
      operationId: 'redriveDeadLetters',
      tag: 'Dead letters',
      summary: 'Send many dead letters again',
      description: 'As many as one request can. Repeat it with `cursor` until `next` is null.',
      access: 'changer',
      body: run(),
      answers: {
        200: {
          description: 'What became of them.',
          schema: redriveRunAnswer,
          example: { redriven: 12, skipped: 0, next: null },
        },
      },
      problems: ['unavailable'],
    },
  },
  '/api/dead-letters/discard': {
    post: {
      operationId: 'discardDeadLetters',
      tag: 'Dead letters',
      summary: 'Discard many dead letters',
      description: 'As many as one request can. Repeat it with `cursor` until `next` is null.',
      access: 'changer',
      body: run(),
      answers: {
        200: {
          description: 'How many are gone.',
          schema: discardRunAnswer,
          example: { discarded: 12, next: null },
        },
      },
      problems: ['unavailable'],
    },
  },
});
