// The crash run: sends load, kills and restarts the runtime, then compares what is stored with what was acknowledged.
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure } from '../../scripts/command-line.ts';
import { Random } from '../random.ts';
import { Ledger } from '../simulate/ledger.ts';
import { planOf } from '../simulate/plan.ts';
import { showLedger } from '../simulate/progress.ts';
import { ReceiverApi } from '../simulate/receiver-api.ts';
import { type Baseline, isOfRun, reconcile } from '../simulate/reconcile.ts';
import { type Tally, tallyOf } from '../simulate/report.ts';
import { startSending } from '../simulate/sender.ts';
import type { CrashOptions } from './options.ts';
import { INTEGRATION, type MortalRuntime } from './runtime.ts';

export interface CrashReport extends Tally {
  seed: number;
  seconds: number;
  kills: {
    count: number;
    /** Kills during requests, and how many requests they cut off. */
    underLoad: number;
    requestsCut: number;
    /** Stored events whose forwarding a kill cut off, on each route that wants them: they are in its gaps. */
    strandedInGaps: number;
    /** The longest time from a start to the first answer. */
    longestStartMs: number;
  };
  /** Events that a route had yet to forward before the last sweep. */
  leftForLastSweep: number;
  /** Counters that were compared with the full count. */
  counters: number;
}

/** How long a restart may take on a slow machine. The load must last as long. */
const RESTART_SECONDS = 15;
/** For a load without a rate: more than any machine takes on which this was tried. */
const FASTEST_RATE = 2_000;
const ATTEMPT_TIMEOUT_MS = 10_000;
const RETRY_FOR_MS = 600_000;
/** The sweep leaves younger events to their own requests: src/forward/sweep.ts. */
const SWEEP_GRACE_MS = 31_000;
const MAX_LAST_SWEEPS = 10;
const ASK_TIMEOUT_MS = 60_000;
const MAX_EXAMPLES = 5;
const NOTHING_EARLIER: Baseline = new Map();

export async function crash(runtime: MortalRuntime, options: CrashOptions): Promise<CrashReport> {
  const { seed, kills: killCount, rate, secondsBetween } = options;
  const moments = new Random(`crash:${seed}:moments`);
  const plan = planOf({
    events: Math.ceil((rate || FASTEST_RATE) * (killCount + 1) * (secondsBetween + RESTART_SECONDS)),
    seed,
    run: 'crash',
    contacts: 300,
    disorder: 0.3,
    duplicates: 0.1,
    odd: 0,
    invalid: 0.02,
    abandoned: 0.01,
  });
  const ledger = new Ledger(plan);
  const kills = { count: 0, underLoad: 0, requestsCut: 0, strandedInGaps: 0, longestStartMs: 0 };
  const startMs = performance.now();

  let origin = await runtime.start();
  let lastStrandedSeq = 0;
  const webhookPath = runtime.webhookPath();
  const progress = showLedger(ledger, null, options.progress);
  const sending = startSending(
    plan.deliveries,
    {
      url: () => new URL(webhookPath, origin),
      rate,
      connections: options.connections,
      timeoutMs: ATTEMPT_TIMEOUT_MS,
      retryForMs: RETRY_FOR_MS,
    },
    ledger,
  );

  try {
    while (kills.count < killCount) {
      await sleep(secondsBetween * 1000 * (0.1 + moments.fraction() * 1.8));
      if (ledger.begun === plan.deliveries.length) {
        throw new CommandFailure('the load ended before the last kill: lower --rate or --seconds-between');
      }
      const cut = sending.inFlight();
      await runtime.kill();
      kills.count++;
      kills.requestsCut += cut;
      if (cut > 0) kills.underLoad++;

      const restartMs = performance.now();
      const restarted = await runtime.start();
      // Before anybody sends to it again, what the kill left lies in the gaps of the routes.
      const { waiting, lastSeq } = await ask<{ waiting: number; lastSeq: number | null }>(
        restarted,
        `/crash/gaps?after=${lastStrandedSeq}`,
      );
      kills.strandedInGaps += waiting;
      lastStrandedSeq = lastSeq ?? lastStrandedSeq;
      origin = restarted;
      const startedInMs = Math.round(performance.now() - restartMs);
      kills.longestStartMs = Math.max(kills.longestStartMs, startedInMs);
      progress.say(
        `Kill ${kills.count} of ${killCount}: ${cut} requests cut, ${waiting} events left to forward; up again after ${startedInMs} ms`,
      );
      void ask(restarted, '/crash/cron').catch(() => undefined); // the next kill may cut it off
    }
    await sleep(secondsBetween * 1000);
    sending.stop();
    progress.phase('Waiting until everything that was sent is acknowledged …');
    await sending.done;

    progress.phase(`Waiting ${SWEEP_GRACE_MS / 1000} s, until the sweep takes the youngest events …`);
    await sleep(SWEEP_GRACE_MS);
    const api = new ReceiverApi(origin, runtime.adminToken);
    const compare = async () =>
      reconcile(plan, ledger, INTEGRATION, NOTHING_EARLIER, await api.listEvents(isOfRun(plan)));
    let findings = await compare();
    const leftForLastSweep = findings.unforwarded.length;
    for (
      let sweep = 0;
      sweep === 0 || (findings.unforwarded.length > 0 && sweep < MAX_LAST_SWEEPS);
      sweep++
    ) {
      await ask(origin, '/crash/cron');
      findings = await compare();
    }
    await ask(origin, '/crash/cron'); // counts what the last sweep forwarded
    const tally = tallyOf(plan, ledger, findings, { intakeSurvives: false });
    const { counters, wrong } = await compareCounters(origin);
    if (wrong.length > 0) {
      tally.failures.push({
        what: 'counters that are not the full count',
        count: wrong.length,
        examples: wrong.slice(0, MAX_EXAMPLES),
      });
    }
    const seconds = Math.round(performance.now() - startMs) / 1000;
    return { seed, seconds, kills, leftForLastSweep, counters, ...tally };
  } finally {
    progress.stop();
  }
}

/** Asks worker.mjs for its gaps, its counters or a run of its cron. */
async function ask<Answer>(origin: URL, path: string): Promise<Answer> {
  const answer = await fetch(new URL(path, origin), { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  if (!answer.ok) throw new CommandFailure(`GET ${path} answered ${answer.status}`);
  return (await answer.json()) as Answer;
}

/** Compares each counter with a full count of the tables. */
async function compareCounters(origin: URL): Promise<{ counters: number; wrong: string[] }> {
  type Counts = { name: string; count: number }[];
  const { counted, full } = await ask<{ counted: Counts; full: Counts }>(origin, '/crash/counters');
  const byName = new Map(counted.map(({ name, count }) => [name, count]));
  const expected = new Map(full.map(({ name, count }) => [name, count]));
  const names = new Set([...expected.keys(), ...byName.keys()]);
  const wrong = [...names].flatMap((name) => {
    const [is, should] = [byName.get(name) ?? 0, expected.get(name) ?? 0];
    return is === should ? [] : [`${name}: ${is}, should be ${should}`];
  });
  return { counters: names.size, wrong };
}
