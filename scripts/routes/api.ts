// What the command asks of the API for routes.

import type { ShownRoute } from '../../src/api/routes/route.ts';
import { routeRoutes } from '../../src/api/routes/routes.ts';
import { routeOfBinding } from '../../src/contract/routes.ts';
import { findRoute } from '../../src/store/routes.ts';
import { type Answer, type ApiRequest, ask, inProcess, type Send, withBody } from '../receiver/api.ts';
import type { LocalReceiver } from '../receiver/connection.ts';
import { SECOND_ROUTE } from '../start/second-route.ts';
import type { AskedFilter, Command } from './options.ts';

/** All routes, and the bindings of queues that have none. */
export interface ShownRoutes {
  data: ShownRoute[];
  unrouted: string[];
}

/** The API's answer: all routes for `list`, nothing for `remove`, one otherwise. */
export type Shown = ShownRoute | ShownRoutes | null;

const BASE = '/api/routes';

/** A queue that tells nothing of itself: local ones live in the process of the receiver. */
const SILENT_QUEUE = {
  metrics: async () => Promise.reject(new Error('a local queue is not asked')),
} as unknown as Queue<never>;

/**
 * Sends to the API in this process, on the local database. The receiver has the queues of wrangler.toml and, where its database
 * has been that of `npm start`, the one that this adds.
 */
export function inDatabase({
  db,
  actor,
  configuration,
}: Pick<LocalReceiver, 'db' | 'actor' | 'configuration'>): Send {
  return async (path, request) => {
    const bound = configuration.queueBindings.map(routeOfBinding).filter((route) => route !== null);
    if ((await findRoute(db, SECOND_ROUTE.name)) !== null) bound.push(SECOND_ROUTE.name);
    const queues = new Map(bound.map((route) => [route, SILENT_QUEUE]));
    const send = inProcess(routeRoutes({ db, queues, intake: SILENT_QUEUE, now: Date.now }), {
      actor,
      missing: 'There is no route of this name.',
    });
    return send(path, request);
  };
}

/**
 * Does a command. One that adds a route that is there already, with the filter that is asked for or where none is, gives
 * that route with `isNew` false.
 */
export async function askApi(send: Send, command: Command): Promise<Answer<Shown> & { isNew?: boolean }> {
  const answer = await ask<Shown>(send, requestOf(command));
  if (command.name !== 'add') return answer;
  if (answer.ok) return { ...answer, isNew: true };
  if (answer.reason !== 'route-exists') return answer;
  const present = await ask<ShownRoute>(send, [pathOf(command.route), { method: 'GET' }]);
  if (!present.ok) return present;
  const isAsIs =
    Object.keys(command.filter).length === 0 || isSameFilter(command.filter, present.shown.filter);
  return isAsIs ? { ...present, isNew: false } : answer;
}

function requestOf(command: Command): ApiRequest {
  switch (command.name) {
    case 'list':
      return [BASE, { method: 'GET' }];
    case 'add': {
      const { route: name, filter, from } = command;
      return [BASE, withBody('POST', { name, filter, ...(from !== undefined && { from }) })];
    }
    case 'change':
      return [pathOf(command.route), withBody('PATCH', { filter: command.filter })];
    case 'pause':
    case 'resume':
      return [`${pathOf(command.route)}/${command.name}`, { method: 'POST' }];
    case 'remove':
      return [pathOf(command.route), { method: 'DELETE' }];
  }
}

function pathOf(route: string): string {
  return `${BASE}/${encodeURIComponent(route)}`;
}

/** Whether a filter that is asked for is the one that a route has, whose statuses are in lower case and each once. */
function isSameFilter(asked: AskedFilter, present: AskedFilter): boolean {
  return (['types', 'integrations', 'statuses'] as const).every((part) => {
    const [one, other] = [asked[part], present[part]].map(
      (values) => values && new Set(values.map((value) => value.toLowerCase())),
    );
    return one === undefined || other === undefined
      ? one === other
      : one.symmetricDifference(other).size === 0;
  });
}
