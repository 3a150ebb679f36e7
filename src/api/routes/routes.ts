// /api/routes: the ways out of the log. Each is a queue with a filter, see contract/routes.ts.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { coded } from '../../contract/problems.ts';
import { readBacklog, readBacklogs } from '../../forward/backlog.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import { MAX_ROUTES } from '../../store/active-routes.ts';
import type { AuditAction, AuditEntry } from '../../store/audit.ts';
import { readRouteStatus } from '../../store/route-status.ts';
import * as store from '../../store/routes.ts';
import type { ActorEnv } from '../access/actor.ts';
import { auditEntry } from '../audit/entry.ts';
import type { ApiDeps } from '../deps.ts';
import { answer, serve } from '../serve.ts';
import {
  newRouteFilter,
  routeAnswer,
  routeName,
  type ShownRoute,
  shownRoute,
  unroutedBindings,
} from './route.ts';

const QUEUE_TIMEOUT_MS = 2_000;

const moment = z.iso.datetime({ offset: true });

const beginning = z
  .string()
  .transform((text, context): store.RouteBeginning => {
    if (text === 'now' || text === 'oldest') return text;
    if (moment.safeParse(text).success) return Date.parse(text);
    context.addIssue({ code: 'custom', ...coded('not-a-beginning') });
    return z.NEVER;
  })
  .meta({
    description:
      '`now`: what is stored from now on; `oldest`: all that is stored; or a moment. One that is yet to come counts as now.',
    example: 'now',
  });

/** A new route. */
export const newRoute = z.strictObject({
  name: routeName.meta({
    description: 'Its queue has the binding `EVENTS_<NAME>`, in upper case; that of `events` has `EVENTS`.',
    example: 'crm',
  }),
  filter: newRouteFilter.default({}),
  from: beginning.default('now'),
});

export const routePatch = z.strictObject({ filter: newRouteFilter });

const routeList = z.object({
  data: z.array(routeAnswer),
  unrouted: z.array(z.string()).describe('Bindings of queues that no route sends to.'),
});

const operation = operationsOf({
  name: 'Routes',
  description: 'The ways out: queues, which events go there, and how far each has come.',
});

const routePath = z.object({
  name: z.string().meta({ description: 'Its `name`.', example: 'crm' }),
});

const shownAs = (description: string) => ({ description, schema: routeAnswer });

export const listRoutes = operation('listRoutes', 'GET /api/routes', {
  summary: 'List routes',
  answers: { 200: json('All of them, by name.', routeList) },
});

export const createRoute = operation('createRoute', 'POST /api/routes', {
  summary: 'Create a route',
  description:
    'A route can be made before the receiver has the binding of its queue. Its events wait until it is deployed.',
  body: {
    schema: newRoute,
    examples: {
      plain: { name: 'crm' },
      filtered: { name: 'crm', filter: { integrations: ['shop'], types: ['response'] }, from: 'oldest' },
    },
  },
  answers: { 201: { ...shownAs('It is created.'), headers: { location: 'Where it is.' } } },
  problems: ['conflict'],
});

export const getRoute = operation('getRoute', 'GET /api/routes/:name', {
  summary: 'Read a route',
  param: routePath,
  answers: { 200: shownAs('The route, and how far it has come.') },
  problems: ['not-found'],
});

export const updateRoute = operation('updateRoute', 'PATCH /api/routes/:name', {
  summary: 'Change the filter of a route',
  description:
    'The new filter holds for all that lies beyond the position of the route. What was forwarded there, where it has gaps, ' +
    'is forwarded once more.',
  param: routePath,
  body: {
    schema: routePatch,
    examples: { responses: { filter: { types: ['response'] } }, everything: { filter: {} } },
  },
  answers: { 200: shownAs('As it is now.') },
  problems: ['not-found'],
});

export const deleteRoute = operation('deleteRoute', 'DELETE /api/routes/:name', {
  summary: 'Delete a route',
  description:
    'What it has yet to forward is not forwarded any more, and its replays end. Its dead letters stay, and can be redriven ' +
    'while the receiver has the binding of its queue.',
  param: routePath,
  answers: { 204: { description: 'It is deleted.' } },
  problems: ['not-found'],
});

export const pauseRoute = operation('pauseRoute', 'POST /api/routes/:name/pause', {
  summary: 'Pause a route',
  description: 'Its events wait until it is resumed, for as long as they are kept.',
  param: routePath,
  answers: { 200: shownAs('As it is now.') },
  problems: ['not-found', 'conflict'],
});

export const resumeRoute = operation('resumeRoute', 'POST /api/routes/:name/resume', {
  summary: 'Resume a route',
  description: 'It forwards what has waited first, within a minute.',
  param: routePath,
  answers: { 200: shownAs('As it is now.') },
  problems: ['not-found', 'conflict'],
});

export function routeRoutes(deps: Pick<ApiDeps, 'db' | 'queues' | 'intake' | 'now'>): Hono<ActorEnv> {
  const { db, queues, now } = deps;
  const routes = new Hono<ActorEnv>();

  serve(routes, listRoutes, async () => {
    const nowMs = now();
    const [all, backlogs] = await Promise.all([
      readRouteStatus(db, nowMs),
      readBacklogs(deps, QUEUE_TIMEOUT_MS),
    ]);
    const surroundings = { queues, backlogs: backlogs.routes, nowMs };
    return {
      data: all.map((route) => shownRoute(route, surroundings)),
      unrouted: unroutedBindings(queues, all),
    };
  });

  serve(routes, createRoute, async (c, { body }) => {
    const { name, filter, from } = body;
    const detail = { filter, from: typeof from === 'number' ? new Date(from).toISOString() : from };
    const creation = await store.createRoute(db, body, audit(c, 'route.create', name, detail));
    switch (creation.outcome) {
      case 'created':
        return created(name);
      case 'taken':
        return problem('conflict', 'There is a route of this name already.', { reason: 'route-exists' });
      case 'full':
        return problem('conflict', `There are ${MAX_ROUTES} routes, the most there can be.`, {
          reason: 'too-many-routes',
        });
    }
  });

  serve(routes, getRoute, async (_, { param }) => (await read(param.name)) ?? noSuchRoute());

  serve(routes, updateRoute, async (c, { param: { name }, body: { filter } }) => {
    await store.changeRouteFilter(db, name, filter, audit(c, 'route.update', name, { filter }));
    return (await read(name)) ?? noSuchRoute();
  });

  serve(routes, deleteRoute, async (c, { param: { name } }) => {
    const isDeleted = await store.deleteRoute(db, name, audit(c, 'route.delete', name));
    return isDeleted ? answer(deleteRoute, 204, null) : noSuchRoute();
  });

  serve(routes, pauseRoute, async (c, { param }) => setState(c, param.name, 'paused'));

  serve(routes, resumeRoute, async (c, { param }) => setState(c, param.name, 'active'));

  async function setState(c: Context<ActorEnv>, name: string, state: store.RouteState) {
    const action = state === 'paused' ? 'route.pause' : 'route.resume';
    const isSet = await store.setRouteState(db, name, state, audit(c, action, name));
    const route = await read(name);
    if (route === null) return noSuchRoute();
    if (isSet) return route;
    return problem('conflict', `The route is ${state} already.`, { reason: 'state-already' });
  }

  async function created(name: string) {
    const route = await read(name);
    if (route === null) return noSuchRoute(); // deleted just now
    return answer(createRoute, 201, route, { location: `/api/routes/${name}` });
  }

  async function read(name: string): Promise<ShownRoute | null> {
    const nowMs = now();
    const queue = queues.get(name);
    const [[route], backlog] = await Promise.all([
      readRouteStatus(db, nowMs, name),
      queue === undefined ? null : readBacklog(queue, QUEUE_TIMEOUT_MS),
    ]);
    return route === undefined ? null : shownRoute(route, { queues, backlogs: { [name]: backlog }, nowMs });
  }

  function audit(c: Context<ActorEnv>, action: AuditAction, name: string, detail?: AuditEntry['detail']) {
    return auditEntry(c, now(), action, name, detail);
  }

  return routes;
}

export function noSuchRoute(): Response {
  return problem('not-found', 'There is no route of this name.');
}
