// What is to be done again and again: forwarding what was left behind, counting, forgetting. The cron does it every
// minute. Crons have been seen to stop silently for hours, so where the last one is over two minutes old, requests and
// batches of queues do it in their `waitUntil`, one at a time over all isolates.
//
// What needs a queue and what needs none stand in lanes of their own, which run at the same time: no roll-up and no
// purge ever waits for a queue. Each task has its share of the time, and once that is over its bindings are closed to it:
// one that hangs or fails keeps no other from its turn. All of them go on where they ended, in the next run.

import type { ForwardingDeps } from './forward/events.ts';
import { CRON_BUDGET, REQUEST_BUDGET, type ReplayBudget, runReplays } from './forward/replay.ts';
import { MAX_PAGES, sweepOutbox } from './forward/sweep.ts';
import { boundedDatabase, boundedQueue } from './runtime/bounded-bindings.ts';
import { within } from './runtime/deadline.ts';
import type { Lifetime } from './runtime/group-commit.ts';
import { describeError, log } from './runtime/log.ts';
import { noteBusinessNumbers } from './store/business-numbers.ts';
import { purgeDeadLetters } from './store/dead-letters.ts';
import { evictDeadLetters } from './store/eviction.ts';
import { claimCronsWork, readCronRun, recordCron, recordSweep } from './store/progress.ts';
import { purgeReplays } from './store/replays.ts';
import { purgeEvents, purgeRejections } from './store/retention.ts';
import { rollUp } from './store/roll-up.ts';
import { sumEvents } from './store/usage.ts';

export interface MaintenanceDeps extends ForwardingDeps {
  retentionMs: number;
  rejectionMs: number;
  /** Past this size of the database events go early. */
  maxDatabaseBytes: number;
}

export interface Maintenance {
  /** The cron's run. Rejects when a task failed or did not come to its end, after all had their turn. */
  run(): Promise<void>;
  /** To be told when the cron last began, by whoever reads it anyway, Unix ms; `null`: never. */
  noteCronRun(atMs: number | null): void;
  /** Does the cron's work behind the answer, where the cron is known to be late and nobody else is at it. */
  standIn(lifetime: Lifetime): void;
  /** The same where nobody else would ask when the cron last ran: asks, unless it is known. */
  lookAfterCron(lifetime: Lifetime): void;
}

/** What one run may take. */
interface RunBudget {
  /** Ends before the next run begins. */
  ms: number;
  sweptPages: number;
  replays: ReplayBudget;
}

/** The next cron comes a minute later; one that takes longer is ended after 15 minutes. */
const CRON_RUN: RunBudget = { ms: 55_000, sweptPages: MAX_PAGES, replays: CRON_BUDGET };
/** `waitUntil` ends 30 s after the answer (https://developers.cloudflare.com/workers/runtime-apis/context/). */
const STAND_IN_RUN: RunBudget = { ms: 20_000, sweptPages: 50, replays: REQUEST_BUDGET };

/** A cron whose last run began longer ago does not come any more. It comes every minute. */
const CRON_LATE_MS = 2 * 60_000;
/** How long the right to stand in for the cron lasts, longer than a run by more than clocks are apart. */
const CLAIM_MS = 60_000;
/** How old what is known of the cron may be: requests read it with the registrations, which are no older. */
const MAX_KNOWN_AGE_MS = 30_000;
/** What a run of replays may take after it was to begin nothing new. */
const REPLAYS_ENDING_MS = 10_000;
/** What a sweep may take for its last page. */
const SWEEP_ENDING_MS = 5_000;

interface Task {
  name: string;
  /** By when it has to end: the share of the run's time that is over then. */
  endsAt: number;
  /** @param leftMs what is left of its time. */
  work(deps: ForwardingDeps, budget: RunBudget, leftMs: () => number): Promise<void>;
}

/** Makes the tasks. Once for each isolate, which remembers when the cron last ran. */
export function createMaintenance(deps: MaintenanceDeps): Maintenance {
  const { now } = deps;
  const lanes = lanesOf(deps);
  /** When the cron last began, and when that was learned. */
  let known: { cronAtMs: number | null; learnedAtMs: number } | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;

  function isCronLate(): boolean {
    if (known === undefined || now() - known.learnedAtMs > MAX_KNOWN_AGE_MS) return false;
    return known.cronAtMs === null || now() - known.cronAtMs > CRON_LATE_MS;
  }

  function noteCronRun(cronAtMs: number | null): void {
    known = { cronAtMs, learnedAtMs: now() };
  }

  /** Never rejects: what fails is left to the next one. */
  async function standInForCron(): Promise<void> {
    try {
      if (!(await claimCronsWork(deps.db, { nowMs: now(), cronLateMs: CRON_LATE_MS, forMs: CLAIM_MS })))
        return;
      log('warn', 'standing in for the cron');
      await runLanes(lanes, deps, STAND_IN_RUN);
    } catch (error) {
      log('warn', 'could not stand in for the cron', { error: describeError(error) });
    }
  }

  function standIn(lifetime: Lifetime): void {
    if (!isCronLate() || now() - triedAtMs < CLAIM_MS) return;
    triedAtMs = now();
    lifetime.waitUntil(standInForCron());
  }

  return {
    noteCronRun,
    standIn,

    lookAfterCron(lifetime) {
      const isKnown = known !== undefined && now() - known.learnedAtMs <= MAX_KNOWN_AGE_MS;
      if (isKnown || now() - askedAtMs < MAX_KNOWN_AGE_MS) return standIn(lifetime);
      askedAtMs = now();
      const asking = readCronRun(deps.db).then(
        (cronAtMs) => {
          noteCronRun(cronAtMs);
          standIn(lifetime);
        },
        () => undefined, // D1 fails: nothing is tried
      );
      lifetime.waitUntil(asking);
    },

    async run() {
      noteCronRun(now());
      const [failed] = await Promise.all([
        runLanes(lanes, deps, CRON_RUN),
        recordCron(deps.db, now()).catch((error: unknown) => {
          log('error', 'run of the cron not recorded', { error: describeError(error) });
        }),
      ]);
      if (failed.length > 0) throw new Error(`scheduled tasks failed: ${failed.join(', ')}`);
    },
  };
}

/** What waits for each other, in order: purges come after the roll-up, so that what they delete has been counted. */
function lanesOf({ retentionMs, rejectionMs, maxDatabaseBytes }: MaintenanceDeps): Task[][] {
  const ofQueues: Task[] = [
    {
      name: 'sweep',
      endsAt: 0.5,
      async work(deps, { sweptPages }, leftMs) {
        const isOver = () => leftMs() <= SWEEP_ENDING_MS;
        await sweepOutbox(deps, { maxPages: sweptPages, isOver });
        await recordSweep(deps.db, deps.now());
      },
    },
    {
      name: 'replays', // takes all the time that there is
      endsAt: 1,
      async work(deps, { replays }, leftMs) {
        const ms = Math.min(replays.ms, leftMs() - REPLAYS_ENDING_MS);
        if (ms > 0) await runReplays(deps, { ...replays, ms });
      },
    },
  ];
  const ofDatabase: Task[] = [
    {
      name: 'roll-up',
      endsAt: 0.5,
      work: async ({ db, now }) => void (await rollUp(db, now())),
    },
    {
      name: 'business numbers',
      endsAt: 0.55,
      work: async ({ db, now }) => void (await noteBusinessNumbers(db, now())),
    },
    {
      name: 'sums of what is kept',
      endsAt: 0.6,
      work: async ({ db, now }) => void (await sumEvents(db, now())),
    },
    // Events last: they make room only for themselves, not for what the others still have over their budgets.
    {
      name: 'purge of rejections',
      endsAt: 0.7,
      async work({ db, now }) {
        const purged = await purgeRejections(db, {
          deliveredBeforeMs: now() - rejectionMs,
          maxDatabaseBytes,
        });
        if (purged.expired > 0) {
          log('info', 'purged rejections past their retention', { rejections: purged.expired });
        }
        if (purged.overflowing > 0) {
          log('warn', 'purged rejections early: they are over their budget', {
            rejections: purged.overflowing,
          });
        }
      },
    },
    {
      name: 'purge of dead letters',
      endsAt: 0.8,
      async work({ db, now }) {
        const purged = await purgeDeadLetters(db, now() - retentionMs);
        if (purged > 0) log('warn', 'purged dead letters past their retention', { events: purged });
        const evicted = await evictDeadLetters(db, maxDatabaseBytes);
        if (evicted > 0) {
          log('warn', 'purged dead letters early: they are over their budget', { events: evicted });
        }
      },
    },
    {
      name: 'purge',
      endsAt: 0.95,
      async work({ db, now }) {
        const purged = await purgeEvents(db, { storedBeforeMs: now() - retentionMs, maxDatabaseBytes });
        if (purged.expired > 0) log('info', 'purged what is past its retention', { events: purged.expired });
        if (purged.overflowing > 0) {
          log('warn', 'purged early: the database is at its ceiling', { events: purged.overflowing });
        } else if (purged.databaseBytes > maxDatabaseBytes) {
          log('error', 'the database is over its ceiling, and no event may go to make room');
        }
      },
    },
    {
      name: 'purge of replays',
      endsAt: 1,
      work: async ({ db, now }) => void (await purgeReplays(db, now() - retentionMs)),
    },
  ];
  return [ofQueues, ofDatabase];
}

/** Runs the lanes at the same time, each task in its time. Gives the names of those that failed; never rejects. */
async function runLanes(lanes: Task[][], deps: ForwardingDeps, budget: RunBudget): Promise<string[]> {
  const startedAtMs = Date.now(); // that of the timers, whatever the receiver's clock says
  const failed: string[] = [];
  const runLane = async (lane: Task[]) => {
    for (const { name, endsAt, work } of lane) {
      const leftMs = () => startedAtMs + endsAt * budget.ms - Date.now();
      const db = boundedDatabase(deps.db, leftMs);
      const events = boundedQueue(deps.events, leftMs);
      try {
        await within(Math.max(leftMs(), 0), work({ ...deps, db, events }, budget, leftMs));
      } catch (error) {
        failed.push(name);
        log('error', 'scheduled task failed', { task: name, error: describeError(error) });
      }
    }
  };
  await Promise.all(lanes.map(runLane));
  return failed;
}
