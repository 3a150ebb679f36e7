// /api/replay and /api/events/:integration/:id/replay: forwarding events again.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { BLOTTED_CONTACT } from '../../contract/contact.ts';
import { messageIdOf } from '../../contract/event.ts';
import { coded } from '../../contract/problems.ts';
import type { RouteFilter } from '../../contract/routes.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { beginReplays } from '../../forward/replay.ts';
import type { ForwardingDeps } from '../../forward/routes.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import type { AuditAction, AuditEntry } from '../../store/audit.ts';
import type { EventFilter } from '../../store/event-listing.ts';
import { seqRange } from '../../store/places.ts';
import { countReplay } from '../../store/replay-pages.ts';
import * as store from '../../store/replays.ts';
import { findRoute } from '../../store/routes.ts';
import { WorkBudget, type WorkLimits } from '../../store/work-budget.ts';
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
import { noSuchRoute } from '../routes/routes.ts';
import { answer, serve } from '../serve.ts';

/** A dry run counts no longer than this, as proxies and clients lose patience. */
const MAX_COUNTING_MS = 3_000;
/** Fewer than the 50 subrequests that the free plan has for a request; enough to count a million events. */
const MAX_COUNTING_STATEMENTS = 40;
/** What is sent behind the answer, to all routes together. The cron goes on with the rest. */
const FIRST_STEP: WorkLimits = { statements: 200, ms: 10_000 };

const { cursor, since, until } = listingParameters;
const filters = { ...eventFilters, since, until };

const route = z.string().min(1).optional().meta({ description: 'Only to this route.', example: 'crm' });

/** The routes that a single event is sent to again. */
const eventReplayRequest = z.strictObject({ route });

const replayRequest = z
  .strictObject({
    ...filters,
    route,
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
    count: count.describe('Events that would be sent again, as far as they were counted.'),
    complete: z.boolean(),
    next: textOrNull.describe('The `cursor` to go on counting with, to be added up; null: complete.'),
  })
  .meta({ example: { count: 1204, complete: true, next: null } });

const replayAnswer = z
  .object({
    id: z.string().describe('Its messages carry it as `replay`.'),
    route: z.string(),
    state: z
      .enum(['running', 'paused', 'done', 'cancelled'])
      .describe('`running` until everything was sent. `cancelled` also where its route was deleted.'),
    filter: z
      .object({
        type: filters.type,
        status: filters.status,
        contact: z.string().optional().describe(`Canonical; \`${BLOTTED_CONTACT}\` once the replay is over.`),
        integration: z.string().optional(),
        messageId: z.string().optional(),
        since: moment.optional(),
        until: moment.optional(),
      })
      .describe('Empty: all. The filter of the route holds besides.'),
    progress: z.number().min(0).max(1).describe('How much of its range was walked.'),
    sent: count.describe('Events that the queue has confirmed.'),
    actor: z.string(),
    createdAt: moment,
    updatedAt: moment,
  })
  .meta({
    example: {
      id: '1772330400000123',
      route: 'crm',
      state: 'running',
      filter: { integration: 'shop', type: 'response', since: '2026-03-01T03:00:00.000Z' },
      progress: 0.42,
      sent: 42000,
      actor: 'admin-token',
      createdAt: '2026-03-02T12:00:00.000Z',
      updatedAt: '2026-03-02T12:01:20.000Z',
    },
  });
named('Replay', replayAnswer);

const newReplays = z.object({ data: z.array(replayAnswer).describe('One for each route.') });

const replayPage = pageOf(replayAnswer);

const operation = operationsOf({ name: 'Replay', description: 'Forward events again.' });

const replayPath = z.object({
  job: z.string().meta({ description: 'Its `id`.', example: '1772330400000123' }),
});

export const replayEvent = operation('replayEvent', 'POST /api/events/:integration/:id/replay', {
  summary: 'Forward an event again',
  description: 'At once, to every route that takes it, or to one of them.',
  param: eventPath,
  body: { schema: eventReplayRequest, isOptional: true, examples: { one: { route: 'crm' } } },
  answers: { 202: json('The replays that send it.', newReplays) },
  problems: ['not-found', 'conflict'],
});

export const listReplays = operation('listReplays', 'GET /api/replay', {
  summary: 'List replays, newest first',
  query: z.strictObject(listingParameters),
  answers: { 200: json('A page of replays.', replayPage) },
});

export const createReplay = operation('createReplay', 'POST /api/replay', {
  summary: 'Forward many events again',
  description:
    'Makes a replay for each route, which goes on after the answer: follow it at `/api/replay/<id>`. A route takes those ' +
    'events that its filter lets through.',
  body: {
    schema: replayRequest,
    examples: {
      some: { integration: 'shop', type: 'response', since: '2026-03-01T00:00:00-03:00' },
      one: { route: 'crm', all: true },
      counted: { all: true, dryRun: true },
    },
  },
  answers: {
    200: json('Of a dry run: how many it would be.', dryRunAnswer),
    202: json('The replays.', newReplays),
  },
  problems: ['not-found', 'conflict'],
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

export const pauseReplay = operation('pauseReplay', 'POST /api/replay/:job/pause', {
  summary: 'Pause a replay',
  param: replayPath,
  answers: { 200: json('How far it came.', replayAnswer) },
  problems: ['not-found', 'conflict'],
});

export const resumeReplay = operation('resumeReplay', 'POST /api/replay/:job/resume', {
  summary: 'Resume a replay',
  description: 'It goes on at once, where it was paused.',
  param: replayPath,
  answers: { 200: json('How far it came.', replayAnswer) },
  problems: ['not-found', 'conflict'],
});

export function replayRoutes(deps: ForwardingDeps): Hono<ActorEnv> {
  const { db, now } = deps;
  const routes = new Hono<ActorEnv>();

  serve(routes, replayEvent, async (c, { param, body: { route = null } }) => {
    const { integration, id } = param;
    const places = await store.findPlaces(db, param);
    if (places === null) return problem('not-found', 'There is no such event, or it is past its retention.');
    const filter = { integration, messageId: messageIdOf(id) };
    const detail = route === null ? {} : { route };
    const audit = auditEntry(c, now(), 'event.replay', `${integration}/${id}`, detail);
    const replays = await store.createReplays(db, { filter, places, route }, audit);
    return begun(c, replays, route, (shown) => answer(replayEvent, 202, shown));
  });

  serve(routes, createReplay, async (c, { body: { all: _, dryRun, cursor, route = null, ...match } }) => {
    const filter = asFilter(match);
    if (dryRun) return dryRunOf(deps, filter, route, cursor ?? 0);
    const { contact, since: _since, until: _until, ...impersonal } = match;
    const replays = await store.createReplays(
      db,
      { filter, places: seqRange(filter), route },
      {
        actor: c.get('actor').name,
        action: 'replay.create',
        detail: {
          ...(route !== null && { route }),
          ...impersonal,
          ...shownPeriod(filter),
          ...(contact !== undefined && { byContact: true }),
        },
        atMs: now(),
      },
    );
    return begun(c, replays, route, (shown) => answer(createReplay, 202, shown));
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

  serve(routes, cancelReplay, async (c, { param }) =>
    changed(c, param.job, 'replay.cancel', async (id, audit) => store.cancelReplay(db, id, audit)),
  );

  serve(routes, pauseReplay, async (c, { param }) =>
    changed(c, param.job, 'replay.pause', async (id, audit) => store.setReplayPaused(db, id, true, audit)),
  );

  serve(routes, resumeReplay, async (c, { param }) => {
    const resumed = await changed(c, param.job, 'replay.resume', async (id, audit) =>
      store.setReplayPaused(db, id, false, audit),
    );
    if (!(resumed instanceof Response)) beginBehindAnswer(c, [resumed.route]);
    return resumed;
  });

  /** Has new replays begin behind the answer. */
  function begun(
    c: Context<ActorEnv>,
    replays: readonly store.Replay[],
    route: string | null,
    answered: (shown: z.infer<typeof newReplays>) => Response,
  ): Response {
    if (replays.length === 0) {
      return route === null
        ? problem('conflict', 'There is no route to send to.', { reason: 'no-routes' })
        : noSuchRoute();
    }
    beginBehindAnswer(
      c,
      replays.map(({ route }) => route),
    );
    return answered({ data: replays.map(shownReplay) });
  }

  function beginBehindAnswer(c: Context<ActorEnv>, ofRoutes: string[]): void {
    const budget = WorkBudget.within(FIRST_STEP, now);
    c.executionCtx.waitUntil(beginReplays(deps, ofRoutes, () => budget));
  }

  async function changed(
    c: Context<ActorEnv>,
    job: string,
    action: AuditAction,
    change: (id: number, audit: AuditEntry) => Promise<boolean>,
  ) {
    const replay = await find(job);
    if (replay === null) return noSuchReplay();
    const isChanged = await change(replay.id, auditEntry(c, now(), action, String(replay.id)));
    const after = await store.findReplay(db, replay.id);
    if (after === null) return noSuchReplay();
    if (isChanged) return shownReplay(after);
    return after.state === 'running' || after.state === 'paused'
      ? problem('conflict', `The replay is ${after.state} already.`, { reason: 'state-already' })
      : problem('conflict', 'The replay is over already.', { reason: 'replay-over' });
  }

  async function find(id: string): Promise<store.Replay | null> {
    const seq = seqOf(id);
    return seq === null ? null : store.findReplay(db, seq);
  }

  return routes;
}

function noSuchReplay(): Response {
  return problem('not-found', 'There is no such replay, or it is past its retention.');
}

/** Counts the events that would be sent again, as far as one request can. */
async function dryRunOf(
  { db, now }: ForwardingDeps,
  filter: EventFilter,
  routeName: string | null,
  fromSeq: number,
): Promise<z.infer<typeof dryRunAnswer> | Response> {
  const deadlineMs = now() + MAX_COUNTING_MS;
  let routeFilter: RouteFilter = {};
  if (routeName !== null) {
    const route = await findRoute(db, routeName);
    if (route === null) return noSuchRoute();
    routeFilter = route.filter;
  }
  const [, untilSeq] = seqRange(filter);
  let count = 0;
  let seq = fromSeq;
  for (let n = 0; seq < untilSeq && n < MAX_COUNTING_STATEMENTS && now() < deadlineMs; n++) {
    const { found, nextSeq } = await countReplay(db, { filter, routeFilter }, seq);
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
    route: replay.route,
    state: replay.state,
    filter: { ...match, ...shownPeriod(replay.filter) },
    progress: range === 0 ? 1 : Math.min(1, (replay.nextSeq - replay.fromSeq) / range),
    sent: replay.sent,
    actor: replay.actor,
    createdAt: storedAt(replay.id),
    updatedAt: rfc3339(replay.updatedAtMs),
  };
}
