// Forwards events right after they were stored, by whoever stored them. Each route has its own group commit and its own share
// of the memory: one whose queue hangs holds up no other. What they confirm at the same time is written together.

import type { CloudEvent } from '../contract/cloudevent.ts';
import { wants } from '../contract/routes.ts';
import { byteBudget } from '../runtime/byte-budget.ts';
import { groupCommit, type Lifetime } from '../runtime/group-commit.ts';
import { describeError, log } from '../runtime/log.ts';
import type { ActiveRoute } from '../store/active-routes.ts';
import { findWaiting } from '../store/gaps.ts';
import type { PendingEvent } from '../store/pending-events.ts';
import { type ConfirmedStretch, confirmStretches, type Stretch } from '../store/stretches.ts';
import { type EventMessage, MAX_FORWARDED_PAYLOAD_BYTES, messageOf } from './messages.ts';
import { coverStretches, eventsWithin, type ForwardingDeps, forwardTo } from './routes.ts';
import type { OutgoingEvent } from './send.ts';

/** `waitUntil` ends 30 s after the answer (https://developers.cloudflare.com/workers/runtime-apis/context/). */
const FORWARD_TIMEOUT_MS = 25_000;
/** Limits of what is forwarded together. The queue's own limits cut it further into batches. */
export const FORWARD_GROUP = {
  maxItems: 500,
  maxBytes: 8_000_000,
  /**
   * Meanwhile the answers go out, and more events come to share a batch and its confirmation. Consumers do not notice, since
   * a queue gathers their batches for a second.
   */
  lingerMs: 50,
  workTimeoutMs: FORWARD_TIMEOUT_MS,
};
const CONFIRM_GROUP = {
  maxItems: 100,
  maxBytes: Number.POSITIVE_INFINITY,
  bytesOf: () => 0,
  workTimeoutMs: FORWARD_TIMEOUT_MS,
};
/**
 * Payloads that wait to be forwarded on a route, or are being forwarded: while its queue hangs they would fill the memory.
 * Routes hold the same payloads, so those of several routes take little more than those of one.
 */
const MAX_HELD_BYTES = 16_000_000;
/** A character takes one byte in memory, or two in a text that is not all Latin-1. */
const BYTES_PER_CHARACTER = 2;

/** Events that were stored together. */
export interface FreshEvents {
  /** Holds no other event. */
  stretch: Stretch;
  /** In the order of the log. A payload that is too large for a message is not held for it. */
  events: readonly PendingEvent[];
  /** The active routes when they were stored. */
  routes: readonly ActiveRoute[];
}

/** What of fresh events goes to a route. */
interface Share extends Pick<FreshEvents, 'stretch'> {
  route: ActiveRoute;
  /** `null`: there is no room to hold them, and they are read again when their turn comes. */
  events: readonly OutgoingEvent[] | null;
  bytes: number;
}

/** Forwards fresh events. What fails or is late is a gap, which is left to the sweep. Never rejects. */
export type ForwardFresh = (fresh: FreshEvents, lifetime: Lifetime) => Promise<void>;

/** Makes the forwarding of fresh events. Once for each isolate: webhooks share groups by sharing it. */
export function createFreshForwarding(deps: ForwardingDeps): ForwardFresh {
  const confirm = groupCommit<ConfirmedStretch[], void>({
    ...CONFIRM_GROUP,
    work: async (groups) => {
      await confirmStretches(deps.db, groups.flat());
      return [];
    },
  });
  const ways = new Map(Array.from(deps.queues, ([name, queue]) => [name, createWay(deps, queue, confirm)]));

  return async ({ stretch, events, routes }, lifetime) => {
    const outgoing = events.map((event) => ({ ...event, message: messageOnce(event, deps.publicUrl) }));
    await Promise.all(
      routes.map(async (route) => {
        const wanted = outgoing.filter(({ head }) => wants(route.filter, head));
        await ways.get(route.name)?.(
          { route, stretch, events: wanted, bytes: heldBytesOf(wanted) },
          lifetime,
        );
      }),
    );
  };
}

function createWay(
  deps: ForwardingDeps,
  queue: Queue<CloudEvent>,
  confirm: (confirmed: ConfirmedStretch[], lifetime: Lifetime, timeoutMs: number) => Promise<void>,
) {
  const held = byteBudget({ maxBytes: MAX_HELD_BYTES });
  const forward = groupCommit<Share, void>({
    ...FORWARD_GROUP,
    bytesOf: ({ bytes }) => bytes,
    work: async (shares, lifetime) => {
      for (const ofVersion of Map.groupBy(shares, ({ route }) => route.version).values()) {
        await forwardShares(ofVersion, lifetime);
      }
      return [];
    },
  });

  async function forwardShares(shares: readonly Share[], lifetime: Lifetime): Promise<void> {
    const [first] = shares;
    if (first === undefined) return;
    const { route } = first;
    const read = await readAgain(route, shares);
    const within = shares.map(({ stretch, events }) => ({
      stretch,
      events: events ?? eventsWithin(read, stretch),
    }));
    await forwardTo(deps, {
      route,
      queue,
      ...coverStretches(within),
      confirm: async (confirmed) => confirm(confirmed, lifetime, FORWARD_TIMEOUT_MS),
    });
  }

  async function readAgain(route: ActiveRoute, shares: readonly Share[]): Promise<OutgoingEvent[]> {
    const stretches = shares.flatMap(({ events, stretch }) => (events === null ? [stretch] : []));
    if (stretches.length === 0) return [];
    return findWaiting(deps.db, route.name, stretches, MAX_FORWARDED_PAYLOAD_BYTES);
  }

  return async (share: Share, lifetime: Lifetime): Promise<void> => {
    const holding = held.hold('');
    try {
      const isHeld = holding.take(share.bytes);
      await forward(isHeld ? share : { ...share, events: null }, lifetime, FORWARD_TIMEOUT_MS);
    } catch (error) {
      const { route, events } = share;
      log('warn', 'forwarding left to the sweep', {
        route: route.name,
        events: events?.length ?? 0,
        error: describeError(error),
      });
    } finally {
      holding.release();
    }
  };
}

/** Makes the message of an event when it is first asked for, and gives the same one to every route. */
function messageOnce(event: PendingEvent, publicUrl: string): () => EventMessage {
  let made: EventMessage | undefined;
  return () => {
    made ??= messageOf(event, publicUrl, null);
    return made;
  };
}

function heldBytesOf(events: readonly PendingEvent[]): number {
  return events.reduce((sum, { payload }) => sum + (payload?.length ?? 0) * BYTES_PER_CHARACTER, 0);
}
