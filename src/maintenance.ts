// The work that is done again and again: forwarding what was left behind, counting, purging. The cron does it every minute.
// Crons have been seen to stop silently for hours, so when the last run is more than two minutes old, requests and batches of
// queues do it in their `waitUntil`, one at a time over all isolates.
//
// Tasks that need a queue and tasks that need none are in separate lanes, which run at the same time, so that no purge waits
// for a queue. Each task has a share of the time, after which its bindings are closed to it: a task that hangs or fails keeps
// no other from its turn. Every task goes on in the next run where it ended.

import { askToCatchUp } from './forward/catch-up.ts';
import { runReplays } from './forward/replay.ts';
import type { ForwardingDeps } from './forward/routes.ts';
import { sweepRoutes } from './forward/sweep.ts';
import { boundedDatabase, boundedQueue } from './runtime/bounded-bindings.ts';
import { withTimeout } from './runtime/deadline.ts';
import type { Lifetime } from './runtime/group-commit.ts';
import { describeError, type LogFields, log } from './runtime/log.ts';
import { noteBusinessNumbers } from './store/business-numbers.ts';
import { purgeDeadLetters } from './store/dead-letters.ts';
import { evictDeadLetters } from './store/eviction.ts';
import { countAllForwarded } from './store/forwarded-counts.ts';
import { claimCronWork, readCronRun, recordCron, recordSweep } from './store/progress.ts';
import { findReplayingRoutes } from './store/replay-pages.ts';
import { purgeReplays } from './store/replays.ts';
import { purgeEvents, purgeRejections } from './store/retention.ts';
import { rollUp } from './store/roll-up.ts';
import { sumEvents } from './store/usage.ts';
import { WorkBudget } from './store/work-budget.ts';

interface MaintenanceDeps extends ForwardingDeps {
  intake: Queue<unknown>;
  retentionMs: number;
  rejectionMs: number;
  /** Events go early when the database is larger. */
  maxDatabaseBytes: number;
}

interface RunBudget {
  ms: number;
  /** Subrequests of the tasks that need a queue. */
  subrequests: number;
}

/**
 * Ends before the next run of the cron begins. D1 takes 1,000 queries in an invocation, and so many subrequests were all that
 * there were until 2026 (https://developers.cloudflare.com/d1/platform/limits/). The tasks that need no queue take the rest.
 */
const CRON_RUN: RunBudget = { ms: 55_000, subrequests: 800 };
/** `waitUntil` ends 30 s after the answer (https://developers.cloudflare.com/workers/runtime-apis/context/). */
const STAND_IN_RUN: RunBudget = { ms: 20_000, subrequests: 400 };

/** A cron that comes every minute and last began longer ago has stopped. */
const CRON_LATE_MS = 2 * 60_000;
/** One isolate stands in for the cron for this long: longer than its run, by more than clocks differ. */
const CLAIM_MS = 60_000;
/** Requests learn of the cron's run whenever they read the registrations, which are no older than this. */
const MAX_KNOWN_AGE_MS = 30_000;
/** Replays end this long before the end of the run, and sweeps that long, so that what they began last can end. */
const REPLAYS_ENDING_MS = 10_000;
const SWEEP_ENDING_MS = 5_000;

interface Task {
  name: string;
  /** The share of the run's time that has passed when the task has to end. */
  endsAt: number;
  /**
   * @param budget of its lane, in subrequests.
   * @param leftMs how much of its time is left.
   */
  work(deps: ForwardingDeps, budget: WorkBudget, leftMs: () => number): Promise<unknown>;
}

/** Makes the tasks. Once for each isolate, which remembers when the cron last ran. */
export function createMaintenance(deps: MaintenanceDeps) {
  const { now } = deps;
  const lanes = lanesOf(deps);
  let known: { cronAtMs: number | null; learnedAtMs: number } | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;

  function recentlyKnown() {
    return known !== undefined && now() - known.learnedAtMs <= MAX_KNOWN_AGE_MS ? known : undefined;
  }

  /** Takes in when the cron last began, Unix ms; `null` where it never did. For whoever reads that anyway. */
  function noteCronRun(cronAtMs: number | null): void {
    known = { cronAtMs, learnedAtMs: now() };
  }

  /** Never rejects: what fails is left to the next run. */
  async function standInForCron(): Promise<void> {
    try {
      const claim = { nowMs: now(), cronLateMs: CRON_LATE_MS, forMs: CLAIM_MS };
      if (!(await claimCronWork(deps.db, claim))) return;
      log('warn', 'standing in for the cron');
      await runLanes(lanes, deps, STAND_IN_RUN);
    } catch (error) {
      log('warn', 'could not stand in for the cron', { error: describeError(error) });
    }
  }

  /** Does the cron's work without an answer waiting for it, where the cron is known to be late and nobody else does. */
  function standIn(lifetime: Lifetime): void {
    const cron = recentlyKnown();
    const isLate = cron && (cron.cronAtMs === null || now() - cron.cronAtMs > CRON_LATE_MS);
    if (!isLate || now() - triedAtMs < CLAIM_MS) return;
    triedAtMs = now();
    lifetime.waitUntil(standInForCron());
  }

  return {
    noteCronRun,
    standIn,

    /** Does the same after having read when the cron last ran, unless that is known. */
    lookAfterCron(lifetime: Lifetime): void {
      if (recentlyKnown() || now() - askedAtMs < MAX_KNOWN_AGE_MS) {
        standIn(lifetime);
        return;
      }
      askedAtMs = now();
      const asking = readCronRun(deps.db).then(
        (cronAtMs) => {
          noteCronRun(cronAtMs);
          standIn(lifetime);
        },
        () => undefined, // while D1 fails there is nothing to be done
      );
      lifetime.waitUntil(asking);
    },

    /** The run of the cron. Rejects, once all tasks had their turn, when some failed or did not end. */
    async run(): Promise<void> {
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

/**
 * The tasks of each lane, in order. Purges come after the roll-up, which counts what they delete, and the purge of events
 * comes last among those with a budget: it must not make room for what the others keep beyond theirs.
 */
function lanesOf({ intake, retentionMs, rejectionMs, maxDatabaseBytes }: MaintenanceDeps): Task[][] {
  const ofQueues: Task[] = [
    {
      name: 'sweep',
      endsAt: 0.5,
      async work(deps, budget, leftMs) {
        const behind = await sweepRoutes(
          deps,
          budget.until(() => leftMs() <= SWEEP_ENDING_MS),
        );
        await recordSweep(deps.db, deps.now());
        await askToCatchUp({ intake }, behind);
      },
    },
    {
      name: 'replays',
      endsAt: 1,
      async work(deps, budget, leftMs) {
        const ofReplays = budget.until(() => leftMs() <= REPLAYS_ENDING_MS);
        const routes = await findReplayingRoutes(deps.db);
        await Promise.all(routes.map(async (route) => runReplays(deps, route, ofReplays)));
      },
    },
  ];
  const ofDatabase: Task[] = [
    { name: 'roll-up', endsAt: 0.5, work: async ({ db, now }) => rollUp(db, now()) },
    {
      name: 'counts of what was forwarded',
      endsAt: 0.52,
      work: async ({ db, now }) => countAllForwarded(db, now()),
    },
    { name: 'business numbers', endsAt: 0.55, work: async ({ db, now }) => noteBusinessNumbers(db, now()) },
    { name: 'sums of what is kept', endsAt: 0.6, work: async ({ db, now }) => sumEvents(db, now()) },
    {
      name: 'purge of rejections',
      endsAt: 0.7,
      async work({ db, now }) {
        const purged = await purgeRejections(db, {
          deliveredBeforeMs: now() - rejectionMs,
          maxDatabaseBytes,
        });
        logPurged('info', 'purged rejections past their retention', { rejections: purged.expired });
        logPurged('warn', 'purged rejections early: they are over their budget', {
          rejections: purged.overflowing,
        });
      },
    },
    {
      name: 'purge of dead letters',
      endsAt: 0.8,
      async work({ db, now }) {
        const expired = await purgeDeadLetters(db, now() - retentionMs);
        logPurged('warn', 'purged dead letters past their retention', { events: expired });
        const evicted = await evictDeadLetters(db, maxDatabaseBytes);
        logPurged('warn', 'purged dead letters early: they are over their budget', { events: evicted });
      },
    },
    {
      name: 'purge',
      endsAt: 0.95,
      async work({ db, now }) {
        const purged = await purgeEvents(db, { storedBeforeMs: now() - retentionMs, maxDatabaseBytes });
        logPurged('info', 'purged what is past its retention', { events: purged.expired });
        logPurged('warn', 'purged early: the database is at its ceiling', { events: purged.overflowing });
        if (purged.overflowing === 0 && purged.databaseBytes > maxDatabaseBytes) {
          log('error', 'the database is over its ceiling, and no event may go to make room');
        }
      },
    },
    {
      name: 'purge of replays',
      endsAt: 1,
      work: async ({ db, now }) => purgeReplays(db, now() - retentionMs),
    },
  ];
  return [ofQueues, ofDatabase];
}

/** Logs what was purged, if anything was. */
function logPurged(
  level: 'info' | 'warn',
  what: string,
  purged: Pick<LogFields, 'events' | 'rejections'>,
): void {
  if (Object.values(purged).some((count) => count > 0)) log(level, what, purged);
}

/** Runs the lanes at the same time, and each task within its time. Gives the names of those that failed; never rejects. */
async function runLanes(lanes: Task[][], deps: ForwardingDeps, budget: RunBudget): Promise<string[]> {
  const startedAtMs = Date.now(); // by the clock of the timers, not of the receiver
  const failed: string[] = [];
  const runLane = async (lane: Task[]) => {
    const ofLane = new WorkBudget(budget.subrequests);
    for (const { name, endsAt, work } of lane) {
      const leftMs = () => startedAtMs + endsAt * budget.ms - Date.now();
      const db = boundedDatabase(deps.db, leftMs);
      const queues = new Map(
        Array.from(deps.queues, ([name, queue]) => [name, boundedQueue(queue, leftMs)] as const),
      );
      try {
        await withTimeout(Math.max(leftMs(), 0), work({ ...deps, db, queues }, ofLane, leftMs));
      } catch (error) {
        failed.push(name);
        log('error', 'scheduled task failed', { task: name, error: describeError(error) });
      }
    }
  };
  await Promise.all(lanes.map(runLane));
  return failed;
}
