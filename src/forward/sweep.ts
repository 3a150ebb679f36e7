// The sweep: forwards what lies in the gaps of the routes, because the isolate that stored it died, a queue failed, a route was
// paused, or D1 answered too late.

import type { CloudEvent } from '../contract/cloudevent.ts';
import { log } from '../runtime/log.ts';
import {
  findRoutesBehind,
  findWaiting,
  type RouteBehind,
  readGap,
  type WaitingEvent,
} from '../store/gaps.ts';
import { claimTask, releaseTask } from '../store/progress.ts';
import { giveUp, noteRefusals } from '../store/refused-events.ts';
import { confirmStretches, type Stretch } from '../store/stretches.ts';
import type { WorkBudget } from '../store/work-budget.ts';
import { MAX_FORWARDED_PAYLOAD_BYTES } from './messages.ts';
import { drawSome, startPoisonSafeRun } from './poison-events.ts';
import { type CoveringEvent, coverStretch, type ForwardingDeps } from './routes.ts';

/** What is read at once, whose payloads are in memory in several forms. Each route that is behind reads so much. */
const PAGE = {
  scanned: 10_000,
  events: 2_000,
  bytes: 2_000_000,
  maxPayloadBytes: MAX_FORWARDED_PAYLOAD_BYTES,
};
/** What is read of the events behind a page, without their payloads, to draw from. */
const HEADS = { scanned: 10_000, events: 500, bytes: PAGE.bytes, maxPayloadBytes: 0 };
/** So many gaps are looked into for one that holds such events. */
const MAX_LOOKS_BEHIND = 3;
/** Subrequests of a page besides its batches: one reads it, one confirms it. */
const PAGE_SUBREQUESTS = 2;

/** How long an overloaded queue is spared at first, and at most. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** A run that died keeps others from sweeping a route for this long. The cron's next run comes later. */
const CLAIM_MS = 50_000;

/** How a sweep of a route ended. `behind`: its budget was spent. */
type SweepEnd = 'done' | 'behind' | 'down' | 'overloaded';

/**
 * Forwards what the active routes have yet to forward, oldest first, except for events so young that their own requests may
 * still forward them. Routes do not wait for each other. An event that cannot be sent holds back no other, and becomes a
 * dead letter in the end.
 *
 * @param budget in subrequests, for all routes.
 * @param chosen the routes to sweep. Default: all.
 * @returns the routes that are still behind, though their queues take what is sent: the budget was spent.
 */
export async function sweepRoutes(
  deps: ForwardingDeps,
  budget: WorkBudget,
  chosen: (route: string) => boolean = () => true,
): Promise<string[]> {
  budget.spend(1);
  const found = await findRoutesBehind(deps.db, deps.now());
  const routes = found.filter(({ name }) => chosen(name));
  const runs = await Promise.allSettled(routes.map(async (route) => sweepClaimed(deps, route, budget)));
  const failed = runs.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return routes.flatMap(({ name }, index) => {
    const run = runs[index];
    return run?.status === 'fulfilled' && run.value === 'behind' ? [name] : [];
  });
}

/** Sweeps a route unless another run is at it: two at once would send everything twice. */
async function sweepClaimed(deps: ForwardingDeps, route: RouteBehind, budget: WorkBudget): Promise<SweepEnd> {
  const queue = deps.queues.get(route.name);
  if (queue === undefined || budget.isSpent()) return 'done';
  const task = `sweep:${route.name}`;
  budget.spend(2);
  const claim = await claimTask(deps.db, task, deps.now(), CLAIM_MS);
  if (claim === null) return 'done';
  try {
    return await sweepRoute(deps, queue, route, budget);
  } finally {
    await releaseTask(deps.db, task, claim);
  }
}

/** Sweeps one route, and goes on after a pause where its queue is overloaded. */
async function sweepRoute(
  deps: ForwardingDeps,
  queue: Queue<CloudEvent>,
  first: RouteBehind,
  budget: WorkBudget,
): Promise<SweepEnd> {
  let route: RouteBehind | undefined = first;
  let forwarded = 0;
  let end: SweepEnd = 'behind';
  let pauseMs = FIRST_PAUSE_MS;
  while (!budget.isSpent()) {
    const swept = await sweepGaps(deps, queue, route, budget);
    forwarded += swept.forwarded;
    end = swept.end;
    if (end !== 'overloaded') break;
    end = 'behind';
    pauseMs = swept.forwarded > 0 ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (budget.isSpent()) break;
    budget.spend(1);
    route = (await findRoutesBehind(deps.db, deps.now())).find(({ name }) => name === first.name);
    if (route === undefined) {
      end = 'done';
      break;
    }
  }
  if (forwarded > 0) log('warn', 'sweep forwarded what was left', { route: first.name, events: forwarded });
  return end;
}

type GapEvent = CoveringEvent<WaitingEvent>;

async function sweepGaps(
  deps: ForwardingDeps,
  queue: Queue<CloudEvent>,
  route: RouteBehind,
  budget: WorkBudget,
): Promise<{ forwarded: number; end: SweepEnd }> {
  const { db, publicUrl, now } = deps;
  const { name, version } = route;
  const confirm = async (stretches: readonly Stretch[]) =>
    confirmStretches(
      db,
      stretches.map(({ after, last }) => ({ route: name, version, after, last })),
    );
  const way = { route: name, queue, publicUrl, replay: null };
  /** What lies behind the page that is being forwarded. */
  let behind: Stretch[] = [];
  const run = startPoisonSafeRun<GapEvent>(db, way, {
    async drawBehind(count) {
      for (const stretch of drawSome(behind, MAX_LOOKS_BEHIND)) {
        const { events } = await readGap(db, route, stretch, HEADS);
        const drawn = drawSome(events, count).map((event) => ({ ...event, stretch: placeOf(event) }));
        if (drawn.length > 0) return readAgain(db, name, drawn);
      }
      return [];
    },
    confirm: async (events) => confirm(events.map(({ stretch }) => stretch)),
    read: async (events) => readAgain(db, name, events),
    noteRefusals: async (events) => noteRefusals(db, name, events),
    giveUp: async (letters) =>
      giveUp(
        db,
        route,
        letters.map((letter) => ({ ...letter, stretch: letter.event.stretch })),
        now(),
      ),
  });

  let batches = 0;
  for (const [index, gap] of route.gaps.entries()) {
    let reached = gap.after;
    /** Behind this place nothing that was read is confirmed: where nothing is wanted, that waits for what follows. */
    let confirmedTo = gap.after;
    while (reached < gap.last && !budget.isSpent() && !run.isQueueDown()) {
      const page = await readGap(db, route, { after: reached, last: gap.last }, PAGE);
      reached = page.last;
      behind = [{ after: reached, last: gap.last }, ...route.gaps.slice(index + 1)];
      if (page.events.length > 0) {
        await run.forward(coverStretch(page.events, { after: confirmedTo, last: reached }));
        confirmedTo = reached;
      }
      budget.spend(PAGE_SUBREQUESTS + run.batches() - batches);
      batches = run.batches();
    }
    if (confirmedTo < reached) await confirm([{ after: confirmedTo, last: reached }]);
    if (budget.isSpent() || run.isQueueDown()) break;
  }
  const forwarded = await run.end();
  if (run.isQueueOverloaded()) return { forwarded, end: 'overloaded' };
  if (run.isQueueDown()) return { forwarded, end: 'down' };
  return { forwarded, end: budget.isSpent() ? 'behind' : 'done' };
}

/** Reads those of the events again that still wait, with the stretches that they cover. */
async function readAgain(db: D1Database, route: string, events: readonly GapEvent[]): Promise<GapEvent[]> {
  const stretches = new Map(events.map(({ seq, stretch }) => [seq, stretch]));
  const waiting = await findWaiting(db, route, events.map(placeOf), MAX_FORWARDED_PAYLOAD_BYTES);
  return waiting.flatMap((event) => {
    const stretch = stretches.get(event.seq);
    return stretch === undefined ? [] : [{ ...event, stretch }];
  });
}

/** The stretch of an event alone. */
function placeOf({ seq }: { seq: number }): Stretch {
  return { after: seq - 1, last: seq };
}
