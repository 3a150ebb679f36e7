// How routes are shown: in the answers about them, and in those about the receiver as a whole.

import * as z from 'zod';
import { patterned } from '../../contract/problems.ts';
import { bindingOf, MAX_ROUTE_NAME_LENGTH, ROUTE_NAME } from '../../contract/routes.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES, statusWord } from '../../contract/webhook.ts';
import type { Backlogs } from '../../forward/backlog.ts';
import type { RouteQueues } from '../../forward/routes.ts';
import { named } from '../../http/named-schemas.ts';
import { MAX_COUNTED } from '../../store/database.ts';
import type { RouteStatus } from '../../store/route-status.ts';
import { count, moment } from '../fields.ts';
import { slug } from '../integrations/routes.ts';
import { storedAt } from '../query-parameters.ts';

/** A filter is read with every group of events. */
const MAX_FILTER_ENTRIES = 100;

export const routeName = patterned(ROUTE_NAME, 'route-name').max(MAX_ROUTE_NAME_LENGTH);

/** Which events a route takes, as operators write it. */
export const newRouteFilter = z
  .strictObject({
    integrations: listOf(slug).describe('Slugs. One that does not exist yet may come.'),
    types: listOf(z.enum(EVENT_TYPES)),
    statuses: listOf(statusWord.transform((word) => word.toLowerCase())).describe(
      'Of status events. Responses have no status, and are let through.',
    ),
  })
  .partial()
  .describe('Which events go there. What is absent lets all through.');

function listOf<Entry extends z.ZodType<string>>(entry: Entry) {
  return z
    .array(entry)
    .min(1)
    .max(MAX_FILTER_ENTRIES)
    .transform((entries) => [...new Set(entries)]);
}

export const backlog = z.object({ messages: count, bytes: count });

export const routeState = z.enum(['active', 'paused']);

const oldestWaiting = z.object({
  storedAt: moment,
  receivedAt: moment,
  ageMs: count.describe('For how long it is stored.'),
});

/** What is told of a route wherever routes are told of. */
const status = {
  name: z.string(),
  bound: z.boolean().describe('Whether the receiver has its queue. false: its events wait.'),
  state: routeState,
  stateSince: moment,
  waiting: count.describe(
    `Events that it has yet to forward, of the first ${MAX_COUNTED} that are beyond its position and not confirmed.`,
  ),
  oldestWaiting: oldestWaiting.nullable().describe('The oldest of them; null: there is none.'),
  backlog: backlog
    .nullable()
    .describe("What waits in its queue for consumers, by the queue's own word; null where it does not tell."),
};

export const routeStatusAnswer = z.object(status);

export const routeAnswer = z
  .object({
    ...status,
    binding: z.string().describe('Of its queue, in wrangler.toml.'),
    filter: z
      .object({
        integrations: z.array(z.string()).optional(),
        types: z.array(z.enum(EVENT_TYPES)).optional(),
        statuses: z.array(z.string()).optional(),
      })
      .describe('Which events go there. What is absent lets all through.'),
    createdAt: moment,
    begins: moment.nullable().describe('It takes what was stored from then on. null: everything.'),
    position: z
      .string()
      .describe('A place: what it takes up to here was confirmed by its queue. As the `place` of events.'),
    positionAt: moment.nullable().describe('When what is at its position was stored. null: nothing was.'),
    gaps: count.describe(
      `Stretches beyond its position that were confirmed, with a gap before each; counted up to ${MAX_COUNTED}.`,
    ),
    forwarded: count.describe(
      'Events that its queue has confirmed since it was made. Counted once a minute.',
    ),
    deadLetters: count.describe(`Counted up to ${MAX_COUNTED}.`),
  })
  .meta({
    example: {
      name: 'crm',
      binding: 'EVENTS_CRM',
      bound: true,
      filter: { types: ['response'] },
      state: 'active',
      stateSince: '2026-03-01T12:00:00.000Z',
      createdAt: '2026-03-01T12:00:00.000Z',
      begins: '2026-03-01T11:59:58.412Z',
      position: '1772384872004000',
      positionAt: '2026-03-01T17:07:52.004Z',
      waiting: 3,
      oldestWaiting: {
        storedAt: '2026-03-01T17:07:52.310Z',
        receivedAt: '2026-03-01T17:07:52.302Z',
        ageMs: 1690,
      },
      gaps: 0,
      forwarded: 18204,
      deadLetters: 2,
      backlog: { messages: 12, bytes: 14448 },
    },
  });
named('Route', routeAnswer);
export type ShownRoute = z.infer<typeof routeAnswer>;

/** What the answer about a route depends on beside its status. */
export interface Surroundings {
  queues: RouteQueues;
  backlogs: Backlogs['routes'];
  nowMs: number;
}

export function shownRouteStatus(
  { name, state, stateAtMs, waiting, oldestWaiting: oldest }: RouteStatus,
  { queues, backlogs, nowMs }: Surroundings,
): z.infer<typeof routeStatusAnswer> {
  return {
    name,
    bound: queues.has(name),
    state,
    stateSince: rfc3339(stateAtMs),
    waiting,
    oldestWaiting: oldest && {
      storedAt: rfc3339(oldest.storedAtMs),
      receivedAt: rfc3339(oldest.receivedAtMs),
      ageMs: nowMs - oldest.storedAtMs,
    },
    backlog: backlogs[name] ?? null,
  };
}

export function shownRoute(route: RouteStatus, surroundings: Surroundings): ShownRoute {
  const { name, filter, positionSeq, gaps, forwarded, deadLetters } = route;
  return {
    ...shownRouteStatus(route, surroundings),
    binding: bindingOf(name),
    filter,
    createdAt: rfc3339(route.createdAtMs),
    begins: route.beganSeq === 0 ? null : storedAt(route.beganSeq + 1),
    position: String(positionSeq),
    positionAt: positionSeq === 0 ? null : storedAt(positionSeq),
    gaps,
    forwarded,
    deadLetters,
  };
}

/** The bindings of queues that no route sends to. */
export function unroutedBindings(queues: RouteQueues, routes: readonly { name: string }[]): string[] {
  const names = new Set(routes.map(({ name }) => name));
  return [...queues.keys()].filter((name) => !names.has(name)).map(bindingOf);
}
