import {
  dryRunAnswer,
  eventReplayAnswer,
  replayAnswer,
  replayListing,
  replayPage,
  replayRequest,
} from '../../api/replays/routes.ts';
import type { Paths } from '../../operation.ts';
import { EVENT_ID } from './events.ts';

export const replayPaths = (): Paths => ({
  '/api/events/{integration}/{id}/replay': {
    parameters: { id: EVENT_ID },
    post: {
      operationId: 'replayEvent',
      tag: 'Replay',
      summary: 'Forward an event again',
      access: 'changer',
      answers: {
        202: { description: 'It is put back.', schema: eventReplayAnswer, example: { replay: 1 } },
      },
      problems: ['not-found'],
    },
  },
  '/api/replay': {
    get: {
      operationId: 'listReplays',
      tag: 'Replay',
      summary: 'List replays, newest first',
      access: 'reader',
      query: replayListing,
      answers: { 200: { description: 'A page of replays.', schema: replayPage } },
    },
    post: {
      operationId: 'createReplay',
      tag: 'Replay',
      summary: 'Forward many events again',
      description: 'A job that goes on after the answer: follow it at its `location`.',
      access: 'changer',
      body: {
        schema: replayRequest,
        isOfApi: true,
        examples: {
          some: { integration: 'shop', type: 'response', since: '2026-03-01T00:00:00-03:00' },
          counted: { all: true, dryRun: true },
        },
      },
      answers: {
        200: { description: 'Of a dry run: how many it would be.', schema: dryRunAnswer },
        202: {
          description: 'The job.',
          schema: replayAnswer,
          headers: { location: 'Where to follow it.' },
        },
      },
    },
  },
  '/api/replay/{job}': {
    get: {
      operationId: 'getReplay',
      tag: 'Replay',
      summary: 'Follow a replay',
      access: 'reader',
      answers: { 200: { description: 'How far it is.', schema: replayAnswer } },
      problems: ['not-found'],
    },
  },
  '/api/replay/{job}/cancel': {
    post: {
      operationId: 'cancelReplay',
      tag: 'Replay',
      summary: 'Cancel a replay',
      access: 'changer',
      answers: { 200: { description: 'How far it came.', schema: replayAnswer } },
      problems: ['not-found', 'conflict'],
    },
  },
});
