// Replaying: jobs put events back, a chunk at a time, and what was put back is forwarded. Owns the order in which that is
// done and how much of it one invocation does; what makes it safe to interrupt is in store/replay-steps.ts.

import { cutGroups } from '../runtime/batching.ts';
import { describeError, log } from '../runtime/log.ts';
import {
  claimReplaying,
  endReplay,
  MAX_PUT_BACK,
  MAX_WAITING,
  nextReplay,
  putBack,
  releaseReplaying,
  walkReplay,
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
import { carefulForwarding } from './careful-forwarding.ts';
import { type ForwardingDeps, forwardEvents, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';
import { sweepOutbox } from './sweep.ts';

/** Events that are read, sent and confirmed together: their payloads are in memory in several forms. */
const GROUP_LIMITS = { maxItems: 500, maxBytes: 4_000_000 };
/** Groups under way at the same time. */
const PARALLEL_GROUPS = 2;
/** Waiting events looked at in a round: all that was put back in it. */
const ROUND_EVENTS = MAX_PUT_BACK;

/** Pages of the outbox that go before the replays of a round. */
const SWEPT_PAGES = 5;

/** What one run may take. */
export interface ReplayBudget {
  ms: number;
  /** Statements and batches for a queue. */
  subrequests: number;
}

/**
 * For one run of the cron: some 15,000 events. It ends before the next begins, and stays within the 1,000 queries that
 * D1 answers an invocation (https://developers.cloudflare.com/d1/platform/limits/) together with the tasks before it, at
 * their worst 450 of the sweep and 150 of the roll-up.
 */
export const CRON_BUDGET: ReplayBudget = { ms: 40_000, subrequests: 400 };
/** For the request that makes a job: `waitUntil` ends 30 s after the answer. */
export const REQUEST_BUDGET: ReplayBudget = { ms: 10_000, subrequests: 200 };

/** How long a run that died keeps others from going on. */
const CLAIM_MS = 60_000;

/** What a run knows of what it has done. */
interface Run {
  forwarded: number;
  /** Places of events that could not be sent: not tried again in this run. */
  stuck: Set<string>;
  spend(subrequests: number): void;
  isSpent(): boolean;
}

/**
 * Puts back what jobs ask for and forwards what waits, in rounds, until nothing is left or the budget is spent. The
 * outbox goes first in every round. Does nothing while another run is at it.
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
      const moved = await moveJob(deps, run);
      const round = await forwardRound(deps, run);
      goesOn = !round.gaveUp && (moved || round.forwarded > 0);
    }
  } finally {
    await releaseReplaying(deps.db, claim);
    if (run.forwarded > 0) log('info', 'replayed', { events: run.forwarded });
  }
  return run.forwarded;
}

function startRun({ now }: ForwardingDeps, budget: ReplayBudget): Run {
  const endsAtMs = now() + budget.ms;
  let { subrequests: left } = budget;
  return {
    forwarded: 0,
    stuck: new Set(),
    spend: (subrequests) => {
      left -= subrequests;
    },
    isSpent: () => left <= 0 || now() >= endsAtMs,
  };
}

/** Moves the job on whose turn it is: puts a chunk back, or ends it. Whether that changed anything. */
async function moveJob({ db, now }: ForwardingDeps, run: Run): Promise<boolean> {
  run.spend(5);
  const next = await nextReplay(db);
  if (next === null) return false;
  const { replay, waitingOfAll } = next;
  if (replay.nextSeq >= replay.untilSeq) return (await endReplay(db, replay.id, now())) === 'done';
  if (waitingOfAll + MAX_PUT_BACK > MAX_WAITING) return false;
  await putBack(db, replay, await walkReplay(db, replay), now());
  return true;
}

/** Forwards the first of what waits. */
async function forwardRound(deps: ForwardingDeps, run: Run): Promise<{ forwarded: number; gaveUp: boolean }> {
  run.spend(2);
  const waiting = await listWaiting(deps.db, ROUND_EVENTS + run.stuck.size);
  const places = waiting.filter((place) => !run.stuck.has(nameOf(place)));
  const gone = places.filter(({ payloadBytes }) => payloadBytes === null);
  if (gone.length > 0) await dropReplays(deps.db, gone);

  const groups = cutGroups(
    places.filter(({ payloadBytes }) => payloadBytes !== null),
    readBytes,
    GROUP_LIMITS,
  );
  const round = { forwarded: 0, gaveUp: false };
  for (let from = 0; from < groups.length && !round.gaveUp && !run.isSpent(); from += PARALLEL_GROUPS) {
    const underWay = groups.slice(from, from + PARALLEL_GROUPS);
    const sent = await Promise.all(underWay.map(async (group) => forwardGroup(deps, run, group)));
    for (const { forwarded, gaveUp } of sent) {
      round.forwarded += forwarded;
      round.gaveUp ||= gaveUp;
    }
  }
  run.forwarded += round.forwarded;
  return round;
}

async function forwardGroup(deps: ForwardingDeps, run: Run, group: SizedReplayPlace[]) {
  const bytes = group.reduce((sum, place) => sum + readBytes(place), 0);
  run.spend(4 + Math.ceil(group.length / 100) + Math.ceil(bytes / MAX_FORWARDED_PAYLOAD_BYTES));
  const read = async (places: readonly ReplayPlace[]) =>
    findWaiting(deps.db, places, MAX_FORWARDED_PAYLOAD_BYTES);
  const forwarding = carefulForwarding<PendingReplay>(deps, {
    confirm: confirmReplayed,
    read,
    noteRefusals: async (events) => noteReplayRefusals(deps.db, events),
    giveUp: async (letters) => giveUpReplays(deps.db, letters, deps.now()),
  });
  await forwarding.forward(await read(group));
  const { forwarded, left } = await forwarding.end();
  run.spend(forwarding.attempts() * 4);
  for (const event of left) run.stuck.add(nameOf(event));
  return { forwarded, gaveUp: forwarding.isQueueDown() };
}

/** What of a payload is read: one that is too large for a message stays where it is. */
function readBytes({ payloadBytes }: SizedReplayPlace): number {
  return payloadBytes === null || payloadBytes > MAX_FORWARDED_PAYLOAD_BYTES ? 0 : payloadBytes;
}

function nameOf({ job, seq }: ReplayPlace | PendingReplay): string {
  return `${job} ${seq}`;
}

/** Forwards one event that was put back. What fails is left to the cron; never rejects. */
export async function forwardReplay(deps: ForwardingDeps, place: ReplayPlace): Promise<void> {
  try {
    const pending = await findWaiting(deps.db, [place], MAX_FORWARDED_PAYLOAD_BYTES);
    await forwardEvents(deps, pending, confirmReplayed);
  } catch (error) {
    log('error', 'forwarding of a replay failed', { seq: place.seq, error: describeError(error) });
  }
}

/** Takes the first steps of a job that was just made. What fails is left to the cron; never rejects. */
export async function beginReplay(deps: ForwardingDeps): Promise<void> {
  try {
    await runReplays(deps, REQUEST_BUDGET);
  } catch (error) {
    log('error', 'first step of a replay failed', { error: describeError(error) });
  }
}
