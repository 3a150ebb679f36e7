// /api/replay and /api/events/:integration/:id/replay: forwarding events again.

import { zValidator } from '@hono/zod-validator';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { coded } from '../../contract/problems.ts';
import type { ForwardingDeps } from '../../forward/events.ts';
import { beginReplay, forwardReplay } from '../../forward/replay.ts';
import { problem } from '../../problem-details.ts';
import type { EventFilter } from '../../store/event-listing.ts';
import { seqRange } from '../../store/places.ts';
import { countReplay } from '../../store/replay-steps.ts';
import {
  BLOTTED_CONTACT,
  cancelReplay,
  createReplay,
  findReplay,
  listReplays,
  type Replay,
  replayEvent,
} from '../../store/replays.ts';
import type { ActorEnv } from '../access/actor.ts';
import { eventFilters } from '../events/routes.ts';
import { listingParameters, pageOf, refuseParameters } from '../query-parameters.ts';
import { jsonBody } from '../request-body.ts';

/** As a job's `id` is written. */
const ID = /^[1-9]\d{0,15}$/;

/** A dry run counts so long and no longer: proxies and clients lose patience. */
const MAX_COUNTING_MS = 3_000;
/** Within the 50 subrequests that the free plan has for a request: a million events. */
const MAX_COUNTING_STATEMENTS = 40;

const { cursor, since, until } = listingParameters;
const filters = { ...eventFilters, since, until };

/** Names in {@link replayRequest} that choose events. */
const FILTERS = Object.keys(filters) as (keyof typeof filters)[];

/** What `POST /api/replay` takes. Everything is replayed only for who says so: nobody does by a slip. */
export const replayRequest = z
  .strictObject({
    ...filters,
    all: z.literal(true).optional().meta({
      description: 'In place of filters: every event that is stored.',
    }),
    dryRun: z.boolean().default(false).meta({
      description: 'Only counts. One request does not count everything: `next` goes on.',
    }),
    cursor: cursor.meta({ description: 'Of a dry run: the `next` of its last answer.' }),
  })
  .superRefine((request, context) => {
    const refuse = (path: string, why: ReturnType<typeof coded>) =>
      context.addIssue({ code: 'custom', path: [path], ...why });
    const isFiltered = FILTERS.some((name) => request[name] !== undefined);
    if (!isFiltered && request.all === undefined) refuse('all', coded('all-or-filter'));
    if (isFiltered && request.all !== undefined) refuse('all', coded('all-with-filter'));
    if (request.cursor !== undefined && !request.dryRun)
      refuse('cursor', coded('goes-with', { parameter: 'dryRun' }));
  })
  .meta({ example: { integration: 'shop', type: 'response', since: '2026-03-01T00:00:00-03:00' } });

/** What `GET /api/replay` takes. */
export const replayListing = z.strictObject(listingParameters);

/** What `POST /api/events/:integration/:id/replay` answers. */
export const eventReplayAnswer = z.object({
  replay: z.int().min(1).meta({ description: 'The `replay` of the message: how often it was put back.' }),
});

/** What `POST /api/replay` answers to a dry run. */
export const dryRunAnswer = z
  .object({
    count: z
      .int()
      .min(0)
      .meta({ description: 'Events that would be put back, as far as they were counted.' }),
    complete: z.boolean(),
    next: z.string().nullable().meta({
      description: 'The `cursor` to go on counting with, to be added up; null: complete.',
    }),
  })
  .meta({ example: { count: 1204, complete: true, next: null } });

/** A job. */
export const replayAnswer = z
  .object({
    id: z.string(),
    state: z.enum(['running', 'done', 'cancelled']).meta({
      description: '`running` until everything was put back and is forwarded.',
    }),
    filter: z
      .object({
        type: filters.type,
        status: filters.status,
        contact: z
          .string()
          .optional()
          .meta({
            description: `Canonical; \`${BLOTTED_CONTACT}\` once the job is over.`,
          }),
        integration: z.string().optional(),
        messageId: z.string().optional(),
        since: z.iso.datetime().optional(),
        until: z.iso.datetime().optional(),
      })
      .meta({ description: 'Empty: all.' }),
    progress: z.number().min(0).max(1).meta({ description: 'How much of its range was walked.' }),
    putBack: z.int().min(0).meta({ description: 'Events that matched so far, and were put back.' }),
    forwarded: z.int().min(0).meta({ description: 'Of those, the ones that the queue confirmed.' }),
    waiting: z.int().min(0).meta({ description: 'Of those, the ones that are still to be forwarded.' }),
    actor: z.string(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
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

/** What `GET /api/replay` answers. */
export const replayPage = pageOf(replayAnswer);

/** The replay of a single event, to be mounted at `/api/events`. */
export function eventReplayRoutes(deps: ForwardingDeps): Hono<ActorEnv> {
  return new Hono<ActorEnv>().post('/:integration/:id/replay', async (c) => {
    const { integration, id } = c.req.param();
    const place = await replayEvent(
      deps.db,
      { integration, id },
      {
        actor: c.get('actor').name,
        action: 'event.replay',
        object: `${integration}/${id}`,
        detail: {},
        atMs: deps.now(),
      },
    );
    if (place === null) return problem('not-found', 'There is no such event, or it is past its retention.');
    c.executionCtx.waitUntil(forwardReplay(deps, place));
    const answer: z.infer<typeof eventReplayAnswer> = { replay: place.replay };
    return c.json(answer, 202);
  });
}

/** The replays of many events, to be mounted at `/api/replay`. */
export function replayRoutes(deps: ForwardingDeps): Hono<ActorEnv> {
  const { db, now } = deps;
  const routes = new Hono<ActorEnv>();

  routes.post('/', jsonBody(replayRequest), async (c) => {
    const { all: _, dryRun, cursor, since, until, ...match } = c.req.valid('json');
    const filter: EventFilter = { ...match, sinceMs: since, untilMs: until };
    if (dryRun) return c.json(await dryRunOf(deps, filter, cursor ?? 0));
    const { contact, ...impersonal } = match;
    const replay = await createReplay(db, filter, {
      actor: c.get('actor').name,
      action: 'replay.create',
      detail: { ...impersonal, ...shownTimes(filter), ...(contact !== undefined && { byContact: true }) },
      atMs: now(),
    });
    c.executionCtx.waitUntil(beginReplay(deps));
    return c.json(shown(replay), 202, { location: `/api/replay/${replay.id}` });
  });

  routes.get('/', zValidator('query', replayListing, refuseParameters), async (c) => {
    const { limit, cursor, since, until } = c.req.valid('query');
    const { replays, nextBeforeId } = await listReplays(
      db,
      { sinceMs: since, untilMs: until },
      { limit, beforeId: cursor },
    );
    const page: z.infer<typeof replayPage> = {
      data: replays.map(shown),
      next: nextBeforeId === null ? null : String(nextBeforeId),
    };
    return c.json(page);
  });

  routes.get('/:job', async (c) => answer(c, await find(c.req.param('job'))));

  routes.post('/:job/cancel', async (c) => {
    const replay = await find(c.req.param('job'));
    if (replay === null) return answer(c, null);
    const isCancelled = await cancelReplay(db, replay.id, {
      actor: c.get('actor').name,
      action: 'replay.cancel',
      object: String(replay.id),
      detail: {},
      atMs: now(),
    });
    if (!isCancelled) return problem('conflict', 'The replay is over already.', { reason: 'replay-over' });
    return answer(c, await findReplay(db, replay.id));
  });

  async function find(id: string): Promise<Replay | null> {
    return ID.test(id) ? findReplay(db, Number(id)) : null;
  }

  return routes;
}

function answer(c: Context<ActorEnv>, replay: Replay | null): Response {
  if (replay === null) return problem('not-found', 'There is no such replay, or it is past its retention.');
  return c.json(shown(replay));
}

/** Counts what would be put back, as far as one request goes. */
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
  return { count, complete, next: complete ? null : String(seq) };
}

function shown(replay: Replay): z.infer<typeof replayAnswer> {
  const { sinceMs: _, untilMs: __, ...match } = replay.filter;
  const range = replay.untilSeq - replay.fromSeq;
  return {
    id: String(replay.id),
    state: replay.state,
    filter: { ...match, ...shownTimes(replay.filter) },
    progress: range === 0 ? 1 : Math.min(1, (replay.nextSeq - replay.fromSeq) / range),
    putBack: replay.putBack,
    forwarded: replay.forwarded,
    waiting: replay.waiting,
    actor: replay.actor,
    createdAt: new Date(Math.floor(replay.id / 1000)).toISOString(),
    updatedAt: new Date(replay.updatedAtMs).toISOString(),
  };
}

function shownTimes({ sinceMs, untilMs }: EventFilter): { since?: string; until?: string } {
  return {
    ...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
    ...(untilMs !== undefined && { until: new Date(untilMs).toISOString() }),
  };
}
