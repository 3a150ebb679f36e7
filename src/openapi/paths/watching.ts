import * as z from 'zod';
import { health } from '../../api/health/routes.ts';
import { METRICS_TYPE } from '../../api/metrics/routes.ts';
import { refusalParameters, refusals } from '../../api/refusals/routes.ts';
import { stats, statsParameters } from '../../api/stats/routes.ts';
import { tailAnswer, tailHeaders, tailParameters } from '../../api/tail/routes.ts';
import type { Paths } from '../../operation.ts';

export const watchingPaths = (): Paths => ({
  '/api/stats': {
    get: {
      operationId: 'getStats',
      tag: 'Watching',
      summary: 'Read the counters of a period',
      access: 'reader',
      query: statsParameters,
      answers: { 200: { description: 'What was counted.', schema: stats } },
    },
  },
  '/api/refusals': {
    get: {
      operationId: 'getRefusals',
      tag: 'Watching',
      summary: 'Read which webhooks were refused, and why',
      access: 'reader',
      query: refusalParameters,
      answers: { 200: { description: 'How many, by integration and reason.', schema: refusals } },
    },
  },
  '/api/tail': {
    get: {
      operationId: 'tailEvents',
      tag: 'Watching',
      summary: 'Watch events as they are stored',
      access: 'reader',
      query: tailParameters,
      headers: tailHeaders,
      answers: {
        200: { description: 'Server-sent events.', mediaType: 'text/event-stream', schema: tailAnswer },
      },
    },
  },
  '/api/health': {
    get: {
      operationId: 'getHealth',
      tag: 'Watching',
      summary: 'Check what the receiver depends on',
      access: 'reader',
      answers: {
        200: { description: 'Each dependency, and what is amiss.', schema: health },
        503: { description: 'The database does not answer.', schema: health },
      },
    },
  },
  '/api/metrics': {
    get: {
      operationId: 'getMetrics',
      tag: 'Watching',
      summary: 'Read the counters for Prometheus',
      access: 'reader',
      answers: {
        200: {
          description: "Prometheus' text format.",
          mediaType: METRICS_TYPE.split(';')[0] ?? METRICS_TYPE,
          schema: z.string(),
        },
      },
    },
  },
  '/healthz': {
    get: {
      operationId: 'getLiveness',
      tag: 'Watching',
      summary: 'Check that the Worker runs',
      access: 'anyone',
      answers: {
        200: {
          description: 'It does.',
          schema: z.object({ status: z.literal('ok') }),
          example: { status: 'ok' },
        },
      },
    },
  },
});
