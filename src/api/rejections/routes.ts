// /api/rejections: authentic webhooks that became no event, to be looked at, tried again or deleted.

import { Hono } from 'hono';
import * as z from 'zod';
import { REJECTION_REASONS } from '../../contract/assess.ts';
import { problemAt } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import type { ForwardingDeps } from '../../forward/routes.ts';
import { EVENT, RESPONSE } from '../../http/examples.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { type ProblemCode, problem, problemError } from '../../http/problem-details.ts';
import * as store from '../../store/rejections.ts';
import type { ActorEnv } from '../access/actor.ts';
import { auditEntry } from '../audit/entry.ts';
import { count, moment, textOrNull } from '../fields.ts';
import { finishInBackground } from '../finish-in-background.ts';
import {
  asCursor,
  asFilter,
  asListing,
  asPage,
  listingParameters,
  pageOf,
  seqOf,
  shownPeriod,
} from '../query-parameters.ts';
import { answer, serve } from '../serve.ts';
import { retryMatching, retryOne } from './retry.ts';

const INTERRUPTION = {
  logged: 'retry interrupted',
  detail: 'The retry was interrupted. What was done until then is done: send it again.',
};

const { limit, ...filterParameters } = {
  integration: z.string().max(64).optional(),
  reason: z.enum(REJECTION_REASONS).optional(),
  ...listingParameters,
};

const rejectionAnswer = z.object({
  id: z.string(),
  integration: z.string(),
  reason: z.enum(REJECTION_REASONS),
  problems: z.array(problemError),
  receivedAt: moment,
  lastReceivedAt: moment,
  deliveries: z.int().min(1).describe('How often the same body was delivered.'),
  bodyBytes: count,
  requestId: z.string().describe('Of the last delivery.'),
  deferred: z
    .boolean()
    .describe(
      'Whether it had been acknowledged: it came by way of the intake queue, differs from the event that it repeats, or its ' +
        'integration has `onRejection: accept`. Such a one is never deleted to make room.',
    ),
  eventId: textOrNull.describe(
    'The event that it repeats with another content; null for other reasons than `differs`.',
  ),
});
named('Rejection', rejectionAnswer);

const rejectionPage = pageOf(rejectionAnswer);

const keptRejectionAnswer = rejectionAnswer.extend({
  bodyEncoding: z.enum(['utf-8', 'base64'] satisfies store.BodyEncoding[]),
  body: z.string(),
});
named('KeptRejection', keptRejectionAnswer);

const retryAnswer = z.object({
  outcome: z.enum(['stored', 'duplicate']),
  event: z.string().describe('Its id.'),
  integration: z.string(),
});

const bulkRetryAnswer = z.object({
  retried: count.describe('All that were tried.'),
  stored: count,
  duplicates: count,
  rejected: count.describe('Those that stay.'),
  next: textOrNull.describe('The `cursor` to go on with; null at the end.'),
});

const operation = operationsOf({
  name: 'Rejections',
  description: 'Authentic webhooks that broke the contract.',
});

const rejectionPath = z.object({
  id: z.string().meta({ description: 'Its `id`.', example: '1772330400000000' }),
});

const REJECTION: z.infer<typeof rejectionAnswer> = {
  id: '1772330400000000',
  integration: 'shop',
  reason: 'contract-broken',
  problems: [problemAt('message.messageId', 'required')],
  receivedAt: '2026-03-01T02:00:00.000Z',
  lastReceivedAt: '2026-03-01T02:10:00.000Z',
  deliveries: 2,
  bodyBytes: 812,
  requestId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  deferred: false,
  eventId: null,
};

export const listRejections = operation('listRejections', 'GET /api/rejections', {
  summary: 'List rejections, newest first',
  query: z.strictObject({ ...filterParameters, limit }),
  answers: {
    200: json('A page of rejections, without their bodies.', rejectionPage, {
      data: [REJECTION],
      next: null,
    }),
  },
});

export const getRejection = operation('getRejection', 'GET /api/rejections/:id', {
  summary: 'Read a rejection',
  param: rejectionPath,
  answers: {
    200: json('The rejection, with its body.', keptRejectionAnswer, {
      ...REJECTION,
      bodyEncoding: 'utf-8',
      body: JSON.stringify({ event: RESPONSE.event }),
    }),
  },
  problems: ['not-found'],
});

export const deleteRejection = operation('deleteRejection', 'DELETE /api/rejections/:id', {
  summary: 'Delete a rejection',
  param: rejectionPath,
  answers: { 204: { description: 'It is deleted.' } },
  problems: ['not-found'],
});

export const getRejectedBody = operation('getRejectedBody', 'GET /api/rejections/:id/body', {
  summary: 'Download the body of a rejection',
  param: rejectionPath,
  answers: {
    200: {
      description: 'The bytes as they came.',
      mediaType: 'application/octet-stream',
      schema: z.string(),
    },
  },
  problems: ['not-found'],
});

export const retryRejection = operation('retryRejection', 'POST /api/rejections/:id/retry', {
  summary: 'Try a rejection again',
  description:
    'Judges it by the contract and the registration of today. One that is let in is gone from here. One that differs ' +
    'from the event that it repeats becomes an event of its own.',
  param: rejectionPath,
  answers: {
    200: json('It was let in.', retryAnswer, { outcome: 'stored', event: EVENT.id, integration: 'shop' }),
  },
  problems: ['not-found', 'contract-broken', 'wrong-application', 'conflict', 'unavailable'],
});

export const retryRejections = operation('retryRejections', 'POST /api/rejections/retry', {
  summary: 'Try many rejections again, oldest first',
  description:
    'As many as one request can. Repeat it with `cursor` until `next` is null. Those that differ from the event that ' +
    'they repeat stay unless they are asked for by `reason`.',
  body: {
    schema: z.strictObject(filterParameters),
    examples: { all: {}, some: { integration: 'shop', reason: 'contract-broken' } },
  },
  answers: {
    200: json('What became of those that were tried.', bulkRetryAnswer, {
      retried: 12,
      stored: 10,
      duplicates: 1,
      rejected: 1,
      next: null,
    }),
  },
  problems: ['unavailable'],
});

export function rejectionRoutes(deps: ForwardingDeps): Hono<ActorEnv> {
  const { db } = deps;
  const routes = new Hono<ActorEnv>();

  const find = async (id: string): Promise<store.KeptRejection | undefined> => {
    const seq = seqOf(id);
    const [rejection] = seq === null ? [] : await store.findRejections(db, [seq]);
    return rejection;
  };

  serve(routes, listRejections, async (_, { query }) => {
    const { filter, page } = asListing(query);
    const { items: rejections, nextBeforeSeq } = await store.listRejections(db, filter, page);
    return asPage(rejections.map(shownRejection), nextBeforeSeq);
  });

  serve(routes, getRejection, async (_, { param }) => {
    const rejection = await find(param.id);
    if (rejection === undefined) return noSuchRejection();
    const { body, bodyEncoding } = rejection;
    return { ...shownRejection(rejection), bodyEncoding, body };
  });

  // Senders write whatever they like, so a browser must neither show nor run it.
  serve(routes, getRejectedBody, async (c, { param }) => {
    const rejection = await find(param.id);
    if (rejection === undefined) return noSuchRejection();
    return c.body(store.bodyBytes(rejection.body, rejection.bodyEncoding), 200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="rejection-${rejection.seq}"`,
    });
  });

  serve(routes, deleteRejection, async (c, { param }) => {
    const rejection = await find(param.id);
    if (rejection === undefined) return noSuchRejection();
    const { seq, integration, reason } = rejection;
    const detail = { integration, reason };
    const audit = auditEntry(c, deps.now(), 'rejection.delete', String(seq), detail);
    const isDeleted = await store.deleteRejection(db, seq, audit);
    return isDeleted ? answer(deleteRejection, 204, null) : noSuchRejection();
  });

  serve(routes, retryRejections, async (c, { body: { cursor = 0, ...asked } }) =>
    finishInBackground(c, INTERRUPTION, async () => {
      const filter = asFilter(asked);
      const { since: _, until: __, ...chosen } = asked;
      const from = cursor > 0 && { cursor: String(cursor) };
      const { nextAfterSeq, ...counts } = await retryMatching(
        deps,
        filter,
        cursor,
        c.executionCtx,
        (tried) => {
          const detail = { ...chosen, ...shownPeriod(filter), ...from, ...tried };
          return auditEntry(c, deps.now(), 'rejection.retry-many', asked.integration ?? '*', detail);
        },
      );
      return { ...counts, next: asCursor(nextAfterSeq) };
    }),
  );

  serve(routes, retryRejection, async (c, { param }) =>
    finishInBackground(c, INTERRUPTION, async () => {
      const rejection = await find(param.id);
      if (rejection === undefined) return noSuchRejection();
      const { seq, integration, deliveries } = rejection;
      const retried = await retryOne(deps, rejection, c.executionCtx, ({ outcome }) => {
        const detail = { integration, outcome, deliveries };
        return auditEntry(c, deps.now(), 'rejection.retry', String(seq), detail);
      });
      if (retried.outcome === 'rejected') return stillRejected(retried);
      return { outcome: retried.outcome, event: retried.eventId, integration };
    }),
  );

  return routes;
}

function stillRejected({ reason, problems }: Pick<store.Rejection, 'reason' | 'problems'>): Response {
  return problem(codeOf(reason), 'The webhook is still rejected, and stays; see errors.', {
    errors: problems,
  });
}

/** A code that speaks of the webhook: one that says the operator's own request was not valid would mislead. */
function codeOf(reason: store.Rejection['reason']): ProblemCode {
  switch (reason) {
    case 'badly-encoded':
    case 'not-utf8':
    case 'not-json':
    case 'contract-broken':
      return 'contract-broken';
    case 'wrong-application':
      return 'wrong-application';
    case 'unauthorized':
    case 'differs':
      return 'conflict'; // with what is registered or stored
  }
}

function noSuchRejection(): Response {
  return problem(
    'not-found',
    'There is no such rejection: it was let in, was deleted, or is past its retention.',
  );
}

function shownRejection(rejection: store.Rejection): z.infer<typeof rejectionAnswer> {
  const { integration, reason, problems, deliveries, bodyBytes, requestId, isDeferred, eventId } = rejection;
  return {
    id: String(rejection.seq),
    integration,
    reason,
    problems,
    receivedAt: rfc3339(rejection.receivedAtMs),
    lastReceivedAt: rfc3339(rejection.lastReceivedAtMs),
    deliveries,
    bodyBytes,
    requestId,
    deferred: isDeferred,
    eventId,
  };
}
