// Forwarding to a route: events are sent to its queue, and what the queue took is confirmed as stretches of the log.

import type { CloudEvent } from '../contract/cloudevent.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { describeError, log } from '../runtime/log.ts';
import { type ActiveRoute, readActiveRoutes } from '../store/active-routes.ts';
import { findWaiting } from '../store/gaps.ts';
import { type ConfirmedStretch, confirmStretches, type Stretch } from '../store/stretches.ts';
import { MAX_FORWARDED_PAYLOAD_BYTES } from './messages.ts';
import { type OutgoingEvent, sendEvents } from './send.ts';

/** A consumer that stored events must not wait for a queue that hangs, or its own messages would be delivered again. */
const FORWARD_STORED_TIMEOUT_MS = 15_000;

/** The queues of the routes that have a binding, by the routes' names. */
export type RouteQueues = ReadonlyMap<string, Queue<CloudEvent>>;

export interface ForwardingDeps {
  db: D1Database;
  queues: RouteQueues;
  /** Address of the receiver, without a slash at its end; empty where it is not configured, so that a `dataref` is relative. */
  publicUrl: string;
  now: () => number;
}

/** An event and the stretch that is confirmed with it: from the event before that the route wants, up to this one. */
export type CoveringEvent<Event extends OutgoingEvent = OutgoingEvent> = Event & { stretch: Stretch };

/**
 * The events of a stretch that a route wants, with what is confirmed with each.
 *
 * @param events in the order of the log.
 * @param stretch holds no other event that the route wants.
 */
export function coverStretch<Event extends OutgoingEvent>(
  events: readonly Event[],
  { after, last }: Stretch,
): CoveringEvent<Event>[] {
  return events.map((event, index) => ({
    ...event,
    stretch: {
      after: events[index - 1]?.seq ?? after,
      last: index === events.length - 1 ? last : event.seq,
    },
  }));
}

/**
 * The same for several stretches. Those that hold nothing that the route wants are confirmed with the others.
 */
export function coverStretches<Event extends OutgoingEvent>(
  within: readonly { stretch: Stretch; events: readonly Event[] }[],
): { events: CoveringEvent<Event>[]; unwanted: Stretch[] } {
  return {
    events: within.flatMap(({ events, stretch }) => coverStretch(events, stretch)),
    unwanted: within.flatMap(({ events, stretch }) => (events.length === 0 ? [stretch] : [])),
  };
}

/** Those of the events that lie within a stretch. */
export function eventsWithin<Event extends { seq: number }>(
  events: readonly Event[],
  { after, last }: Stretch,
): Event[] {
  return events.filter(({ seq }) => seq > after && seq <= last);
}

/** What goes to a route together. */
interface Forwarding {
  route: ActiveRoute;
  queue: Queue<CloudEvent>;
  events: readonly CoveringEvent[];
  /** Stretches in which the route wants nothing. They are confirmed with the others. */
  unwanted: readonly Stretch[];
  confirm?: (confirmed: ConfirmedStretch[]) => Promise<void>;
}

/** Sends events to a route, and confirms those that its queue took. */
export async function forwardTo(
  { db, publicUrl }: Pick<ForwardingDeps, 'db' | 'publicUrl'>,
  {
    route: { name: route, version },
    queue,
    events,
    unwanted,
    confirm = async (confirmed) => confirmStretches(db, confirmed),
  }: Forwarding,
): Promise<void> {
  const sent = await sendEvents({ route, queue, publicUrl, replay: null }, events);
  const stretches = [...sent.taken.map(({ stretch }) => stretch), ...unwanted];
  if (stretches.length > 0) await confirm(stretches.map((stretch) => ({ route, version, ...stretch })));
}

/**
 * Forwards what lies within stretches of the log to all routes that have yet to forward it, for those who stored it and do not
 * hold it. What fails or takes too long is left to the sweep; never rejects.
 *
 * @param stretches of few bytes, as the payloads of all are in memory.
 * @param what names the events in the log.
 */
export async function forwardStored(
  deps: ForwardingDeps,
  stretches: readonly Stretch[],
  what: string,
): Promise<void> {
  if (stretches.length === 0) return;
  try {
    const forwarding = readActiveRoutes(deps.db).then(async (routes) =>
      Promise.all(routes.map(async (route) => forwardStoredTo(deps, route, stretches, what))),
    );
    await withTimeout(FORWARD_STORED_TIMEOUT_MS, forwarding);
  } catch (error) {
    logLeft(what, error);
  }
}

async function forwardStoredTo(
  deps: ForwardingDeps,
  route: ActiveRoute,
  stretches: readonly Stretch[],
  what: string,
): Promise<void> {
  const queue = deps.queues.get(route.name);
  if (queue === undefined) return;
  try {
    const waiting = await findWaiting(deps.db, route.name, stretches, MAX_FORWARDED_PAYLOAD_BYTES);
    const within = stretches.map((stretch) => ({ stretch, events: eventsWithin(waiting, stretch) }));
    await forwardTo(deps, { route, queue, ...coverStretches(within) });
  } catch (error) {
    logLeft(what, error);
  }
}

function logLeft(what: string, error: unknown): void {
  log('error', `forwarding of ${what} left to the sweep`, { error: describeError(error) });
}
