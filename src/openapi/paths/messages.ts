import { messageQuery, messageTimeline } from '../../api/messages/routes.ts';
import type { Paths } from '../../operation.ts';

export const messagePaths = (): Paths => ({
  '/api/messages/{messageId}': {
    get: {
      operationId: 'getMessage',
      tag: 'Messages',
      summary: 'Read the timeline of a message',
      access: 'reader',
      query: messageQuery,
      answers: { 200: { description: 'What became of it.', schema: messageTimeline } },
      problems: ['not-found'],
    },
  },
});
