// /api/rejections: authentic webhooks that became no event, to be looked at, tried again or deleted.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';
import { REJECTION_REASONS } from '../../contract/assess.ts';
import type { ForwardingDeps } from '../../forward/events.ts';
import { type ProblemCode, problem, problemError } from '../../problem-details.ts';
import type { AuditEntry } from '../../store/audit.ts';
import {
  type BodyEncoding,
  bodyBytes,
  deleteRejection,
  findRejections,
  type KeptRejection,
  listRejections,
  type Rejection,
} from '../../store/rejections.ts';
import type { ActorEnv } from '../access/actor.ts';
import { toItsEndOr } from '../finish-in-background.ts';
import { listingParameters, pageOf, refuseParameters } from '../query-parameters.ts';
import { jsonBody } from '../request-body.ts';
import { type RetryCounts, retryRejection, retryRejections } from './retry.ts';

/** As its `id` is written. */
const ID = /^[1-9]\d{0,15}$/;
const toItsEnd = toItsEndOr({
  logged: 'retry interrupted',
  detail: 'The retry was interrupted. What was done until then is done: send it again.',
});

const { limit, ...filterParameters } = {
  integration: z.string().max(64).optional(),
  reason: z.enum(REJECTION_REASONS).optional(),
  ...listingParameters,
};

/** What `GET /api/rejections` takes. */
export const rejectionListing = z.strictObject({ ...filterParameters, limit });

/** What `POST /api/rejections/retry` takes: `{}` tries all. `cursor` is the `next` of the run before. */
export const retryFilter = z.strictObject(filterParameters);

/** A rejection as its operators see it. */
export const rejectionAnswer = z.object({
  id: z.string(),
  integration: z.string(),
  reason: z.enum(REJECTION_REASONS),
  problems: z.array(problemError),
  receivedAt: z.iso.datetime(),
  lastReceivedAt: z.iso.datetime(),
  deliveries: z.int().min(1).meta({ description: 'How often the same body was delivered.' }),
  bodyBytes: z.int().min(0),
  requestId: z.string().meta({ description: 'Of the last delivery.' }),
  deferred: z.boolean().meta({
    description:
      'Whether it had been acknowledged: it came by way of the intake queue, differs from the event that it repeats, or its ' +
      'integration has `onRejection: accept`. Such a one is never deleted to make room.',
  }),
  eventId: z.string().nullable().meta({
    description: 'The event that it repeats with another content; null for other reasons than `differs`.',
  }),
});

/** What `GET /api/rejections` answers. */
export const rejectionPage = pageOf(rejectionAnswer);

/** What `GET /api/rejections/:id` answers. */
export const keptRejectionAnswer = rejectionAnswer.extend({
  bodyEncoding: z.enum(['utf-8', 'base64'] satisfies BodyEncoding[]),
  body: z.string(),
});

/** What `POST /api/rejections/:id/retry` answers for one that was let in. */
export const retryAnswer = z.object({
  outcome: z.enum(['stored', 'duplicate']),
  event: z.string().meta({ description: 'Its id.' }),
  integration: z.string(),
});

/** What `POST /api/rejections/retry` answers. */
export const retryRunAnswer = z.object({
  retried: z.int().min(0).meta({ description: 'All that were tried.' }),
  stored: z.int().min(0),
  duplicates: z.int().min(0),
  rejected: z.int().min(0).meta({ description: 'Those that stay.' }),
  next: z.string().nullable().meta({ description: 'The `cursor` to go on with; null at the end.' }),
});

/** To be mounted at `/api/rejections`. */
export function rejectionRoutes(deps: ForwardingDeps): Hono<ActorEnv> {
  const { db } = deps;
  const routes = new Hono<ActorEnv>();

  const find = async (id: string): Promise<KeptRejection | undefined> => {
    const seq = ID.test(id) ? Number(id) : Number.NaN;
    const [rejection] = Number.isSafeInteger(seq) ? await findRejections(db, [seq]) : [];
    return rejection;
  };

  routes.get('/', zValidator('query', rejectionListing, refuseParameters), async (c) => {
    const { limit, cursor, since, until, ...filter } = c.req.valid('query');
    const { items: rejections, nextBeforeSeq } = await listRejections(
      db,
      { ...filter, sinceMs: since, untilMs: until },
      { limit, beforeSeq: cursor },
    );
    return c.json({
      data: rejections.map(shown),
      next: nextBeforeSeq === null ? null : String(nextBeforeSeq),
    });
  });

  routes.get('/:id', async (c) => {
    const rejection = await find(c.req.param('id'));
    if (rejection === undefined) return noSuchRejection();
    const { body, bodyEncoding } = rejection;
    const answer: z.infer<typeof keptRejectionAnswer> = { ...shown(rejection), bodyEncoding, body };
    return c.json(answer);
  });

  // Whatever a sender wrote: never to be taken by a browser for something to show or to run.
  routes.get('/:id/body', async (c) => {
    const rejection = await find(c.req.param('id'));
    if (rejection === undefined) return noSuchRejection();
    return c.body(bodyBytes(rejection.body, rejection.bodyEncoding), 200, {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="rejection-${rejection.seq}"`,
    });
  });

  routes.delete('/:id', async (c) => {
    const rejection = await find(c.req.param('id'));
    if (rejection === undefined) return noSuchRejection();
    const { seq, integration, reason } = rejection;
    const isDeleted = await deleteRejection(db, seq, {
      actor: c.get('actor').name,
      action: 'rejection.delete',
      object: String(seq),
      detail: { integration, reason },
      atMs: deps.now(),
    });
    return isDeleted ? c.body(null, 204) : noSuchRejection();
  });

  routes.post('/retry', jsonBody(retryFilter), async (c) => {
    const { cursor = 0, since, until, ...filter } = c.req.valid('json');
    return toItsEnd(c, async () => {
      const asked = { ...filter, sinceMs: since, untilMs: until };
      const auditOf = (counts: RetryCounts): AuditEntry => ({
        actor: c.get('actor').name,
        action: 'rejection.retry-many',
        object: filter.integration ?? '*',
        detail: {
          ...filter,
          ...(since !== undefined && { since: new Date(since).toISOString() }),
          ...(until !== undefined && { until: new Date(until).toISOString() }),
          ...(cursor > 0 && { cursor: String(cursor) }),
          ...counts,
        },
        atMs: deps.now(),
      });
      const run = await retryRejections(deps, asked, cursor, c.executionCtx, auditOf);
      const { nextAfterSeq, interruption, ...counts } = run;
      if (interruption !== null) throw interruption.error;
      const answer: z.infer<typeof retryRunAnswer> = {
        ...counts,
        next: nextAfterSeq === null ? null : String(nextAfterSeq),
      };
      return c.json(answer);
    });
  });

  routes.post('/:id/retry', async (c) => {
    return toItsEnd(c, async () => {
      const rejection = await find(c.req.param('id'));
      if (rejection === undefined) return noSuchRejection();
      const { seq, integration, deliveries } = rejection;
      const retried = await retryRejection(deps, rejection, c.executionCtx, ({ outcome }) => ({
        actor: c.get('actor').name,
        action: 'rejection.retry',
        object: String(seq),
        detail: { integration, outcome, deliveries },
        atMs: deps.now(),
      }));
      if (retried.outcome === 'rejected') return stillRejected(retried);
      const { outcome, eventId: event } = retried;
      return c.json({ outcome, event, integration } satisfies z.infer<typeof retryAnswer>);
    });
  });

  return routes;
}

function stillRejected({ reason, problems }: Pick<Rejection, 'reason' | 'problems'>): Response {
  return problem(codeOf(reason), 'The webhook is still rejected, and stays; see errors.', {
    errors: problems,
  });
}

/** It is the webhook that is judged: a code that says the operator's own request was not valid would mislead. */
function codeOf(reason: Rejection['reason']): ProblemCode {
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
      return 'conflict'; // with what is registered, or stored
  }
}

function noSuchRejection(): Response {
  return problem(
    'not-found',
    'There is no such rejection: it was let in, was deleted, or is past its retention.',
  );
}

function shown({
  seq,
  receivedAtMs,
  lastReceivedAtMs,
  ...rejection
}: Rejection): z.infer<typeof rejectionAnswer> {
  const { integration, reason, problems, deliveries, bodyBytes, requestId, isDeferred, eventId } = rejection;
  return {
    id: String(seq),
    integration,
    reason,
    problems,
    receivedAt: new Date(receivedAtMs).toISOString(),
    lastReceivedAt: new Date(lastReceivedAtMs).toISOString(),
    deliveries,
    bodyBytes,
    requestId,
    deferred: isDeferred,
    eventId,
  };
}
