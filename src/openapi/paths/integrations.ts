import {
  deletionAnswer,
  integrationAnswer,
  integrationDeletion,
  integrationList,
  integrationPatch,
  newIntegration,
  rotation,
  unfinishedDeletionAnswer,
} from '../../api/integrations/routes.ts';
import { INTEGRATION } from '../../examples.ts';
import type { Answer, Paths } from '../../operation.ts';

const shown = (description: string): Answer => ({
  description,
  schema: integrationAnswer,
  example: INTEGRATION,
});

export const integrationPaths = (): Paths => ({
  '/api/integrations': {
    get: {
      operationId: 'listIntegrations',
      tag: 'Integrations',
      summary: 'List integrations',
      access: 'reader',
      answers: {
        200: { description: 'All of them.', schema: integrationList, example: { data: [INTEGRATION] } },
      },
    },
    post: {
      operationId: 'createIntegration',
      tag: 'Integrations',
      summary: 'Create an integration',
      description: 'The answer has the URL to register with the platform.',
      access: 'changer',
      body: {
        schema: newIntegration,
        isOfApi: true,
        examples: { plain: { slug: 'shop' }, bound: { slug: 'shop', appId: INTEGRATION.appId } },
      },
      answers: { 201: { ...shown('It is created.'), headers: { location: 'Where it is.' } } },
      problems: ['conflict'],
    },
  },
  '/api/integrations/{slug}': {
    get: {
      operationId: 'getIntegration',
      tag: 'Integrations',
      summary: 'Read an integration',
      access: 'reader',
      answers: { 200: shown('The integration.') },
      problems: ['not-found'],
    },
    patch: {
      operationId: 'updateIntegration',
      tag: 'Integrations',
      summary: 'Change an integration',
      description: 'What is not named stays; null clears.',
      access: 'changer',
      body: {
        schema: integrationPatch,
        isOfApi: true,
        examples: { addresses: { allowedIps: ['203.0.113.0/24'] }, cleared: { description: null } },
      },
      answers: { 200: shown('As it is now.') },
      problems: ['not-found'],
    },
    delete: {
      operationId: 'deleteIntegration',
      tag: 'Integrations',
      summary: 'Delete an integration',
      description:
        'One that has events, rejections or dead letters is deleted with `force=true` only, and they with it.',
      access: 'changer',
      query: integrationDeletion,
      answers: {
        200: {
          description: 'It is deleted.',
          schema: deletionAnswer,
          example: {
            complete: true,
            deleted: { events: 120, unforwarded: 0, rejections: 3, deadLetters: 0 },
          },
        },
        202: {
          description: 'There is more to delete than one request can: repeat it with `cursor`.',
          schema: unfinishedDeletionAnswer,
          example: {
            complete: false,
            deleted: { events: 20000, unforwarded: 0, rejections: 0, deadLetters: 0 },
            next: '1772330400000000',
            detail: 'One request does not delete it all. Repeat it with ?force=true&cursor=1772330400000000.',
          },
        },
      },
      problems: ['not-found', 'conflict'],
    },
  },
  '/api/integrations/{slug}/rotate': {
    post: {
      operationId: 'rotateIntegration',
      tag: 'Integrations',
      summary: 'Replace the token',
      description: 'The one before stays valid for the overlap. Register the new URL with the platform.',
      access: 'changer',
      body: {
        schema: rotation,
        isOptional: true,
        isOfApi: true,
        examples: { leaked: { overlapHours: 0 }, week: { overlapHours: 168 } },
      },
      answers: { 200: shown('With the new URL.') },
      problems: ['not-found'],
    },
  },
  '/api/integrations/{slug}/enable': {
    post: {
      operationId: 'enableIntegration',
      tag: 'Integrations',
      summary: 'Let webhooks in again',
      access: 'changer',
      answers: { 200: shown('As it is now.') },
      problems: ['not-found'],
    },
  },
  '/api/integrations/{slug}/disable': {
    post: {
      operationId: 'disableIntegration',
      tag: 'Integrations',
      summary: 'Let no webhooks in',
      access: 'changer',
      answers: { 200: shown('As it is now.') },
      problems: ['not-found'],
    },
  },
});
