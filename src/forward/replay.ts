// Replays: readers of the log with an end, which send events to a route again. Owns the order of the work and how much of it
// one invocation does; store/replay-pages.ts makes it safe to interrupt.

import type { CloudEvent } from '../contract/cloudevent.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { describeError, log } from '../runtime/log.ts';
import { recordNeverSent } from '../store/dead-letters.ts';
import type { WaitingEvent } from '../store/gaps.ts';
import { findPending } from '../store/pending-events.ts';
import {
  advanceReplay,
  claimReplays,
  endReplay,
  findReplayPage,
  nextReplay,
  type ReplayedPlace,
  type ReplayInTurn,
  releaseReplays,
} from '../store/replay-pages.ts';
import type { WorkBudget } from '../store/work-budget.ts';
import { MAX_FORWARDED_PAYLOAD_BYTES } from './messages.ts';
import { startPoisonSafeRun } from './poison-events.ts';
import type { ForwardingDeps } from './routes.ts';

/** A page is noted in one row once all of it was sent. */
const PAGE_LIMITS = { maxEvents: 2_000, maxPayloadBytes: MAX_FORWARDED_PAYLOAD_BYTES };
/** Events of a page that are read and sent together, whose payloads are in memory in several forms. */
const GROUP_LIMITS = { maxItems: 1_000, maxBytes: 2_000_000 };
/** Subrequests of a page: finding whose turn it is, finding its events, and noting that they were sent. */
const PAGE_SUBREQUESTS = 3;

/** A run that died keeps others from starting for this long. */
const CLAIM_MS = 60_000;

/**
 * Sends what the replays of a route ask for, a page of one replay after the other, until nothing is left or the budget is
 * spent. Does nothing while another run is under way.
 *
 * @param budget in subrequests.
 */
export async function runReplays(deps: ForwardingDeps, route: string, budget: WorkBudget): Promise<void> {
  const queue = deps.queues.get(route);
  if (queue === undefined || budget.isSpent()) return;
  budget.spend(1);
  const claim = await claimReplays(deps.db, route, deps.now(), CLAIM_MS);
  if (claim === null) return;
  let sent = 0;
  try {
    for (let goesOn = true; goesOn && !budget.isSpent(); ) {
      const page = await sendPage(deps, route, queue, budget);
      sent += page.sent;
      goesOn = page.goesOn;
    }
  } finally {
    await releaseReplays(deps.db, route, claim);
    if (sent > 0) log('info', 'replayed', { route, events: sent });
  }
}

/** Sends a page of the replay whose turn it is, or ends that replay. */
async function sendPage(
  deps: ForwardingDeps,
  route: string,
  queue: Queue<CloudEvent>,
  budget: WorkBudget,
): Promise<{ sent: number; goesOn: boolean }> {
  const { db, now } = deps;
  budget.spend(PAGE_SUBREQUESTS);
  const turn = await nextReplay(db, route);
  if (turn === null) return { sent: 0, goesOn: false };
  const { id, nextSeq, untilSeq } = turn.replay;
  if (nextSeq >= untilSeq) {
    await endReplay(db, id, now());
    return { sent: 0, goesOn: true };
  }
  const page = await findReplayPage(db, turn, PAGE_LIMITS);
  const counts: Record<string, number> = {};
  for (const group of splitIntoBatches(page.found, ({ bytes }) => bytes, GROUP_LIMITS)) {
    const isSent = await sendGroup(deps, queue, turn, group, counts, budget);
    if (!isSent) return { sent: 0, goesOn: false }; // the page is sent once more, from its beginning
  }
  await advanceReplay(db, turn, { nextSeq: page.nextSeq, sent: counts }, now());
  return { sent: Object.values(counts).reduce((sum, count) => sum + count, 0), goesOn: true };
}

/** Sends events of a page. False where the queue is down or overloaded. @param counts is added to, by integration. */
async function sendGroup(
  { db, publicUrl, now }: ForwardingDeps,
  queue: Queue<CloudEvent>,
  { replay }: ReplayInTurn,
  group: readonly ReplayedPlace[],
  counts: Record<string, number>,
  budget: WorkBudget,
): Promise<boolean> {
  const read = async (places: readonly { seq: number; refusals?: number }[]): Promise<WaitingEvent[]> => {
    const refusals = new Map(places.map((place) => [place.seq, place.refusals ?? 0]));
    const seqs = places.map(({ seq }) => seq);
    const events = await findPending(db, seqs, MAX_FORWARDED_PAYLOAD_BYTES);
    return events.map((event) => ({ ...event, refusals: refusals.get(event.seq) ?? 0 }));
  };
  const way = { route: replay.route, queue, publicUrl, replay: String(replay.id) };
  const run = startPoisonSafeRun<WaitingEvent>(db, way, {
    async confirm(events) {
      for (const { head } of events) counts[head.integration] = (counts[head.integration] ?? 0) + 1;
    },
    read,
    giveUp: async (letters) => recordNeverSent(db, letters, now()),
  });
  await run.forward(await read(group));
  await run.end();
  budget.spend(1 + run.batches());
  return !run.isQueueDown();
}

/** Works off the replays of routes that were just asked for. What fails is left to the cron. Never rejects. */
export async function beginReplays(
  deps: ForwardingDeps,
  routes: readonly string[],
  budget: () => WorkBudget,
): Promise<void> {
  await Promise.all(
    routes.map(async (route) => {
      try {
        await runReplays(deps, route, budget());
      } catch (error) {
        log('error', 'first step of a replay failed', { route, error: describeError(error) });
      }
    }),
  );
}
