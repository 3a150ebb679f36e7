// Replays: a job puts its events back a chunk at a time, and what was put back is forwarded. Owns the order of the work and
// how much of it one invocation does; store/replay-steps.ts makes it safe to interrupt.

import { splitIntoBatches } from '../runtime/batching.ts';
import { describeError, log } from '../runtime/log.ts';
import {
  claimReplaying,
  endReplay,
  findEventsToReplay,
  MAX_PUT_BACK,
  MAX_WAITING,
  nextReplay,
  putEventsBack,
  releaseReplaying,
} from '../store/replay-steps.ts';
import {
  confirmReplayed,
  dropReplays,
  findWaiting,
  giveUpReplays,
  listWaiting,
  noteReplayRefusals,
  type PendingReplay,
  type ReplayPlace,
  type SizedReplayPlace,
} from '../store/waiting-replays.ts';
import { type ForwardingDeps, forwardEvents, forwardedBytes, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';
import { startPoisonSafeRun } from './poison-events.ts';
import { sweepOutbox } from './sweep.ts';

/** Events that are read, sent and confirmed together, whose payloads are in memory in several forms. */
const GROUP_LIMITS = { maxItems: 500, maxBytes: 4_000_000 };
/** Groups under way at the same time. */
const PARALLEL_GROUPS = 2;
/** Pages of the outbox that are swept before each round of replays. */
const SWEPT_PAGES = 5;

export interface ReplayBudget {
  ms: number;
  /** Statements of D1, and batches for a queue. */
  subrequests: number;
}

/**
 * For a run of the cron, which is some 15,000 events. It ends before the next run begins. D1 answers 1,000 queries in an
 * invocation (https://developers.cloudflare.com/d1/platform/limits/), of which the tasks before it take at most 450 for the
 * sweep and 150 for the roll-up.
 */
export const CRON_BUDGET: ReplayBudget = { ms: 40_000, subrequests: 400 };
/** For the request that makes a job, whose `waitUntil` ends 30 s after the answer. */
export const REQUEST_BUDGET: ReplayBudget = { ms: 10_000, subrequests: 200 };

/** A run that died keeps others from starting for this long. */
const CLAIM_MS = 60_000;

/**
 * Puts back what jobs ask for and forwards what waits, in rounds, until nothing is left or the budget is spent. Every round
 * begins with the outbox. Does nothing while another run is under way.
 *
 * @returns how many replays were forwarded.
 */
export async function runReplays(deps: ForwardingDeps, budget: ReplayBudget): Promise<number> {
  const claim = await claimReplaying(deps.db, deps.now(), CLAIM_MS);
  if (claim === null) return 0;
  const run = startRun(deps, budget);
  try {
    for (let goesOn = true; goesOn && !run.isSpent(); ) {
      const swept = await sweepOutbox(deps, { maxPages: SWEPT_PAGES });
      run.spend(1 + Math.ceil(swept / 100) * 4);
      const hasAdvanced = await advanceJob(deps, run);
      const round = await forwardRound(deps, run);
      goesOn = !round.isQueueDown && (hasAdvanced || round.forwarded > 0);
    }
  } finally {
    await releaseReplaying(deps.db, claim);
    if (run.forwarded > 0) log('info', 'replayed', { events: run.forwarded });
  }
  return run.forwarded;
}

function startRun({ now }: ForwardingDeps, { ms, subrequests }: ReplayBudget) {
  const endsAtMs = now() + ms;
  let left = subrequests;
  return {
    forwarded: 0,
    /** Events that could not be sent, by {@link keyOf}. They are not tried again in this run. */
    stuck: new Set<string>(),
    spend: (spent: number): void => {
      left -= spent;
    },
    isSpent: () => left <= 0 || now() >= endsAtMs,
  };
}
type ReplayRun = ReturnType<typeof startRun>;

/** Puts back a chunk of the job whose turn it is, or ends the job. Gives whether that changed anything. */
async function advanceJob({ db, now }: ForwardingDeps, run: ReplayRun): Promise<boolean> {
  run.spend(5);
  const next = await nextReplay(db);
  if (next === null) return false;
  const { replay, waitingOfAll } = next;
  if (replay.nextSeq >= replay.untilSeq) return (await endReplay(db, replay.id, now())) === 'done';
  if (waitingOfAll + MAX_PUT_BACK > MAX_WAITING) return false;
  await putEventsBack(db, replay, await findEventsToReplay(db, replay), now());
  return true;
}

/** Forwards as many waiting events as one round of putting back can add. */
async function forwardRound(
  deps: ForwardingDeps,
  run: ReplayRun,
): Promise<{ forwarded: number; isQueueDown: boolean }> {
  run.spend(2);
  const waiting = await listWaiting(deps.db, MAX_PUT_BACK + run.stuck.size);
  const places = waiting.filter((place) => !run.stuck.has(keyOf(place)));
  const gone = places.filter(({ payloadBytes }) => payloadBytes === null);
  if (gone.length > 0) await dropReplays(deps.db, gone);

  const groups = splitIntoBatches(
    places.filter(({ payloadBytes }) => payloadBytes !== null),
    readBytes,
    GROUP_LIMITS,
  );
  const round = { forwarded: 0, isQueueDown: false };
  for (let from = 0; from < groups.length && !round.isQueueDown && !run.isSpent(); from += PARALLEL_GROUPS) {
    const underWay = groups.slice(from, from + PARALLEL_GROUPS);
    const sent = await Promise.all(underWay.map(async (group) => forwardGroup(deps, run, group)));
    for (const { forwarded, isQueueDown } of sent) {
      round.forwarded += forwarded;
      round.isQueueDown ||= isQueueDown;
    }
  }
  run.forwarded += round.forwarded;
  return round;
}

async function forwardGroup(deps: ForwardingDeps, run: ReplayRun, group: SizedReplayPlace[]) {
  const bytes = group.reduce((sum, place) => sum + readBytes(place), 0);
  run.spend(4 + Math.ceil(group.length / 100) + Math.ceil(bytes / MAX_FORWARDED_PAYLOAD_BYTES));
  const read = async (places: readonly ReplayPlace[]) =>
    findWaiting(deps.db, places, MAX_FORWARDED_PAYLOAD_BYTES);
  const forwarding = startPoisonSafeRun<PendingReplay>(deps, {
    confirm: confirmReplayed,
    read,
    noteRefusals: async (events) => noteReplayRefusals(deps.db, events),
    giveUp: async (letters) => giveUpReplays(deps.db, letters, deps.now()),
  });
  await forwarding.forward(await read(group));
  const { forwarded, left } = await forwarding.end();
  run.spend(forwarding.attempts() * 4);
  for (const event of left) run.stuck.add(keyOf(event));
  return { forwarded, isQueueDown: forwarding.isQueueDown() };
}

function readBytes({ payloadBytes }: SizedReplayPlace): number {
  return forwardedBytes(payloadBytes ?? 0);
}

function keyOf({ job, seq }: ReplayPlace | PendingReplay): string {
  return `${job} ${seq}`;
}

/** Forwards one event that was put back. What fails is left to the cron. Never rejects. */
export async function forwardReplay(deps: ForwardingDeps, place: ReplayPlace): Promise<void> {
  try {
    const pending = await findWaiting(deps.db, [place], MAX_FORWARDED_PAYLOAD_BYTES);
    await forwardEvents(deps, pending, confirmReplayed);
  } catch (error) {
    log('error', 'forwarding of a replay failed', { seq: place.seq, error: describeError(error) });
  }
}

/** Begins a job that was just made. What fails is left to the cron. Never rejects. */
export async function beginReplay(deps: ForwardingDeps): Promise<void> {
  try {
    await runReplays(deps, REQUEST_BUDGET);
  } catch (error) {
    log('error', 'first step of a replay failed', { error: describeError(error) });
  }
}
