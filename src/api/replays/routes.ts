// /api/replay and /api/events/:integration/:id/replay: forwarding events again.

import { Hono } from 'hono';
import * as z from 'zod';
import { BLOTTED_CONTACT } from '../../contract/contact.ts';
import { coded } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import type { ForwardingDeps } from '../../forward/events.ts';
import { beginReplay, forwardReplay } from '../../forward/replay.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import type { EventFilter } from '../../store/event-listing.ts';
import { seqRange } from '../../store/places.ts';
import { countReplay } from '../../store/replay-steps.ts';
import * as store from '../../store/replays.ts';
import type { ActorEnv } from '../access/actor.ts';
import { auditEntry } from '../audit/entry.ts';
import { eventFilters, eventPath } from '../events/routes.ts';
import { count, moment, textOrNull } from '../fields.ts';
import {
  asCursor,
  asFilter,
  asListing,
  asPage,
  listingParameters,
  pageOf,
  requireFilterOrAll,
  seqOf,
  shownPeriod,
  storedAt,
} from '../query-parameters.ts';
import { answer, serve } from '../serve.ts';

/** A dry run counts no longer than this, as proxies and clients lose patience. */
const MAX_COUNTING_MS = 3_000;
/** Fewer than the 50 subrequests that the free plan has for a request; enough to count a million events. */
const MAX_COUNTING_STATEMENTS = 40;

const { cursor, since, until } = listingParameters;
const filters = { ...eventFilters, since, until };

const replayRequest = z
  .strictObject({
    ...filters,
    all: z.literal(true).optional().describe('In place of filters: every event that is stored.'),
    dryRun: z
      .boolean()
      .default(false)
      .describe('Only counts. One request does not count everything: `next` goes on.'),
    cursor: cursor.describe('Of a dry run: the `next` of its last answer.'),
  })
  .superRefine(requireFilterOrAll(filters))
  .refine(({ cursor, dryRun }) => cursor === undefined || dryRun, {
    path: ['cursor'],
    ...coded('goes-with', { parameter: 'dryRun' }),
  })
  .meta({ example: { integration: 'shop', type: 'response', since: '2026-03-01T00:00:00-03:00' } });

const dryRunAnswer = z
  .object({
    count: count.describe('Events that would be put back, as far as they were counted.'),
    complete: z.boolean(),
    next: textOrNull.describe('The `cursor` to go on counting with, to be added up; null: complete.'),
  })
  .meta({ example: { count: 1204, complete: true, next: null } });

const replayAnswer = z
  .object({
    id: z.string(),
    state: z
      .enum(['running', 'done', 'cancelled'])
      .describe('`running` until everything was put back and is forwarded.'),
    filter: z
      .object({
        type: filters.type,
        status: filters.status,
        contact: z.string().optional().describe(`Canonical; \`${BLOTTED_CONTACT}\` once the job is over.`),
        integration: z.string().optional(),
        messageId: z.string().optional(),
        since: moment.optional(),
        until: moment.optional(),
      })
      .describe('Empty: all.'),
    progress: z.number().min(0).max(1).describe('How much of its range was walked.'),
    putBack: count.describe('Events that matched so far, and were put back.'),
    forwarded: count.describe('Of those, the ones that the queue confirmed.'),
    waiting: count.describe('Of those, the ones that are still to be forwarded.'),
    actor: z.string(),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({
    example: {
      id: '1772330400000123',
      state: 'running',
      filter: { integration: 'shop', type: 'response', since: '2026-03-01T03:00:00.000Z' },
      progress: 0.42,
      putBack: 42000,
      forwarded: 40000,
      waiting: 2000,
      actor: 'admin-token',
      createdAt: '2026-03-02T12:00:00.000Z',
      updatedAt: '2026-03-02T12:01:20.000Z',
    },
  });
named('Replay', replayAnswer);

const replayPage = pageOf(replayAnswer);

const operation = operationsOf({ name: 'Replay', description: 'Forward events again.' });

const replayPath = z.object({
  job: z.string().meta({ description: 'Its `id`.', example: '1772330400000123' }),
});

export const replayEvent = operation('replayEvent', 'POST /api/events/:integration/:id/replay', {
  summary: 'Forward an event again',
  param: eventPath,
  answers: {
    202: json(
      'It is put back.',
      z.object({
        replay: z.int().min(1).describe('The `replay` of the message: how often it was put back.'),
      }),
      { replay: 1 },
    ),
  },
  problems: ['not-found'],
});

export const listReplays = operation('listReplays', 'GET /api/replay', {
  summary: 'List replays, newest first',
  query: z.strictObject(listingParameters),
  answers: { 200: json('A page of replays.', replayPage) },
});

export const createReplay = operation('createReplay', 'POST /api/replay', {
  summary: 'Forward many events again',
  description: 'A job that goes on after the answer: follow it at its `location`.',
  body: {
    schema: replayRequest,
    examples: {
      some: { integration: 'shop', type: 'response', since: '2026-03-01T00:00:00-03:00' },
      counted: { all: true, dryRun: true },
    },
  },
  answers: {
    200: json('Of a dry run: how many it would be.', dryRunAnswer),
    202: { description: 'The job.', schema: replayAnswer, headers: { location: 'Where to follow it.' } },
  },
});

export const getReplay = operation('getReplay', 'GET /api/replay/:job', {
  summary: 'Follow a replay',
  param: replayPath,
  answers: { 200: json('How far it is.', replayAnswer) },
  problems: ['not-found'],
});

export const cancelReplay = operation('cancelReplay', 'POST /api/replay/:job/cancel', {
  summary: 'Cancel a replay',
  param: replayPath,
  answers: { 200: json('How far it came.', replayAnswer) },
  problems: ['not-found', 'conflict'],
});

export function replayRoutes(deps: ForwardingDeps): Hono<ActorEnv> {
  const { db, now } = deps;
  const routes = new Hono<ActorEnv>();

  serve(routes, replayEvent, async (c, { param }) => {
    const audit = auditEntry(c, now(), 'event.replay', `${param.integration}/${param.id}`);
    const place = await store.replayEvent(db, param, audit);
    if (place === null) return problem('not-found', 'There is no such event, or it is past its retention.');
    c.executionCtx.waitUntil(forwardReplay(deps, place));
    return answer(replayEvent, 202, { replay: place.replay });
  });

  serve(routes, createReplay, async (c, { body: { all: _, dryRun, cursor, ...match } }) => {
    const filter = asFilter(match);
    if (dryRun) return dryRunOf(deps, filter, cursor ?? 0);
    const { contact, since: _since, until: _until, ...impersonal } = match;
    const replay = await store.createReplay(db, filter, {
      actor: c.get('actor').name,
      action: 'replay.create',
      detail: { ...impersonal, ...shownPeriod(filter), ...(contact !== undefined && { byContact: true }) },
      atMs: now(),
    });
    c.executionCtx.waitUntil(beginReplay(deps));
    return answer(createReplay, 202, shownReplay(replay), { location: `/api/replay/${replay.id}` });
  });

  serve(routes, listReplays, async (_, { query }) => {
    const { filter, page } = asListing(query);
    const { replays, nextBeforeId } = await store.listReplays(db, filter, {
      limit: page.limit,
      beforeId: page.beforeSeq,
    });
    return asPage(replays.map(shownReplay), nextBeforeId);
  });

  serve(routes, getReplay, async (_, { param }) => {
    const replay = await find(param.job);
    return replay === null ? noSuchReplay() : shownReplay(replay);
  });

  serve(routes, cancelReplay, async (c, { param }) => {
    const replay = await find(param.job);
    if (replay === null) return noSuchReplay();
    const audit = auditEntry(c, now(), 'replay.cancel', String(replay.id));
    const isCancelled = await store.cancelReplay(db, replay.id, audit);
    if (!isCancelled) return problem('conflict', 'The replay is over already.', { reason: 'replay-over' });
    const cancelled = await store.findReplay(db, replay.id);
    return cancelled === null ? noSuchReplay() : shownReplay(cancelled);
  });

  async function find(id: string): Promise<store.Replay | null> {
    const seq = seqOf(id);
    return seq === null ? null : store.findReplay(db, seq);
  }

  return routes;
}

function noSuchReplay(): Response {
  return problem('not-found', 'There is no such replay, or it is past its retention.');
}

/** Counts the events that would be put back, as far as one request can. */
async function dryRunOf(
  { db, now }: ForwardingDeps,
  filter: EventFilter,
  fromSeq: number,
): Promise<z.infer<typeof dryRunAnswer>> {
  const deadlineMs = now() + MAX_COUNTING_MS;
  const [, untilSeq] = seqRange(filter);
  let count = 0;
  let seq = fromSeq;
  for (let n = 0; seq < untilSeq && n < MAX_COUNTING_STATEMENTS && now() < deadlineMs; n++) {
    const { found, nextSeq } = await countReplay(db, filter, seq);
    count += found;
    seq = nextSeq;
  }
  const complete = seq >= untilSeq;
  return { count, complete, next: asCursor(complete ? null : seq) };
}

function shownReplay(replay: store.Replay): z.infer<typeof replayAnswer> {
  const { sinceMs: _, untilMs: __, ...match } = replay.filter;
  const range = replay.untilSeq - replay.fromSeq;
  return {
    id: String(replay.id),
    state: replay.state,
    filter: { ...match, ...shownPeriod(replay.filter) },
    progress: range === 0 ? 1 : Math.min(1, (replay.nextSeq - replay.fromSeq) / range),
    putBack: replay.putBack,
    forwarded: replay.forwarded,
    waiting: replay.waiting,
    actor: replay.actor,
    createdAt: storedAt(replay.id),
    updatedAt: rfc3339(replay.updatedAtMs),
  };
}
