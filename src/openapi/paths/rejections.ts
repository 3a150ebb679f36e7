import * as z from 'zod';
import {
  keptRejectionAnswer,
  rejectionListing,
  rejectionPage,
  retryAnswer,
  retryFilter,
  retryRunAnswer,
} from '../../api/rejections/routes.ts';
import { EVENT, REJECTION, RESPONSE } from '../../examples.ts';
import type { Paths } from '../../operation.ts';

export const rejectionPaths = (): Paths => ({
  '/api/rejections': {
    get: {
      operationId: 'listRejections',
      tag: 'Rejections',
      summary: 'List rejections, newest first',
      access: 'reader',
      query: rejectionListing,
      answers: {
        200: {
          description: 'A page of rejections, without their bodies.',
          schema: rejectionPage,
          example: { data: [REJECTION], next: null },
        },
      },
    },
  },
  '/api/rejections/{id}': {
    get: {
      operationId: 'getRejection',
      tag: 'Rejections',
      summary: 'Read a rejection',
      access: 'reader',
      answers: {
        200: {
          description: 'The rejection, with its body.',
          schema: keptRejectionAnswer,
          example: { ...REJECTION, bodyEncoding: 'utf-8', body: JSON.stringify({ event: RESPONSE.event }) },
        },
      },
      problems: ['not-found'],
    },
    delete: {
      operationId: 'deleteRejection',
      tag: 'Rejections',
      summary: 'Delete a rejection',
      access: 'changer',
      answers: { 204: { description: 'It is deleted.' } },
      problems: ['not-found'],
    },
  },
  '/api/rejections/{id}/body': {
    get: {
      operationId: 'getRejectedBody',
      tag: 'Rejections',
      summary: 'Download the body of a rejection',
      access: 'reader',
      answers: {
        200: {
          description: 'The bytes as they came.',
          mediaType: 'application/octet-stream',
          schema: z.string(),
        },
      },
      problems: ['not-found'],
    },
  },
  '/api/rejections/{id}/retry': {
    post: {
      operationId: 'retryRejection',
      tag: 'Rejections',
      summary: 'Try a rejection again',
      description:
        'Judges it by the contract and the registration of today. One that is let in is gone from here. One that differs ' +
        'from the event that it repeats becomes an event of its own.',
      access: 'changer',
      answers: {
        200: {
          description: 'It was let in.',
          schema: retryAnswer,
          example: { outcome: 'stored', event: EVENT.id, integration: 'shop' },
        },
      },
      problems: ['not-found', 'contract-broken', 'wrong-application', 'conflict', 'unavailable'],
    },
  },
  '/api/rejections/retry': {
    post: {
      operationId: 'retryRejections',
      tag: 'Rejections',
      summary: 'Try many rejections again, oldest first',
      description:
        'As many as one request can. Repeat it with `cursor` until `next` is null. Those that differ from the event that ' +
        'they repeat stay unless they are asked for by `reason`.',
      access: 'changer',
      body: {
        schema: retryFilter,
        isOfApi: true,
        examples: { all: {}, some: { integration: 'shop', reason: 'contract-broken' } },
      },
      answers: {
        200: {
          description: 'What became of those that were tried.',
          schema: retryRunAnswer,
          example: { retried: 12, stored: 10, duplicates: 1, rejected: 1, next: null },
        },
      },
      problems: ['unavailable'],
    },
  },
});
