// The sections throughput, pace and cost of the benchmark. Subjects take turns within each round, so that whatever else the
// machine does affects all of them, in reverse order in every second round, so that none always follows the same other one.
// Every round starts them anew with empty databases.

import { median, medianOrNull } from '../statistics.ts';
import { COUNTS_PATH, type Counts } from './counts.ts';
import { cpuMs, settle } from './cpu.ts';
import type { LoadGenerator, LoadJob, LoadResult } from './load.ts';
import type { Load, Plan } from './plan.ts';
import { type MillionEvents, type PerEvent, priceOfMillionEvents } from './prices.ts';
import type { RunningSubject, Subject, SubjectOptions } from './subjects.ts';

/** Webhooks that come at a pace and may be under way at once: those of a second or so where something is slow. */
const MAX_PACED_CONNECTIONS = 16;

export interface Bench {
  plan: Plan;
  load: LoadGenerator;
  /** Starts a subject, which is stopped at the latest when the benchmark ends. */
  start(subject: Subject, options?: SubjectOptions): Promise<RunningSubject>;
  /** Shows what is being done. */
  progress(what: string): void;
}

export interface Throughput {
  subject: Subject;
  connections: number;
  eventsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** CPU time of the Worker and of the databases and queues that the runtime simulates; `null` where it is unknown. */
  cpuMsPerEvent: number | null;
  /** The failures of all rounds. */
  failures: number;
  rounds: Measured[];
}

type Measured = LoadResult & { cpuMsPerEvent: number | null };

/** Closed loop: every connection sends its next event as soon as the last is answered. */
export async function measureThroughput(bench: Bench): Promise<Throughput[]> {
  const { plan } = bench;
  const measured = new Map<string, Measured[]>();
  for (let round = 1; round <= plan.rounds; round++) {
    const running = await startAll(bench, plan.subjects);
    for (const connections of plan.connections) {
      bench.progress(`throughput, round ${round} of ${plan.rounds}, ${connections} connections`);
      for (const subject of inTurn(running, round)) {
        const key = `${subject.subject} ${connections}`;
        measured.set(key, [...(measured.get(key) ?? []), await measureLoad(bench, subject, { connections })]);
      }
    }
    await stopAll(running);
  }
  return plan.connections.flatMap((connections) =>
    plan.subjects.map((subject) => {
      const rounds = measured.get(`${subject} ${connections}`) ?? [];
      return { subject, connections, ...mediansOf(rounds), rounds };
    }),
  );
}

export interface Pace {
  subject: Subject;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  failures: number;
  rounds: LoadResult[];
}

/** Open loop: webhooks at a steady pace. */
export async function measurePace(bench: Bench): Promise<Pace[]> {
  const { perSecond, rounds, durationMs } = bench.plan.pace;
  const subjects = storingSubjects(bench.plan);
  const measured = new Map<Subject, LoadResult[]>(subjects.map((subject) => [subject, []]));
  for (let round = 1; round <= rounds; round++) {
    bench.progress(`pace, round ${round} of ${rounds}`);
    const running = await startAll(bench, subjects);
    for (const { webhookUrl, runtime } of running) {
      await bench.load.run(jobOf({ connections: 1 }, webhookUrl, bench.plan.warmUpMs));
      await settle(runtime.pid);
    }
    for (const { subject, webhookUrl } of inTurn(running, round)) {
      measured.get(subject)?.push(await bench.load.run(jobOf({ perSecond }, webhookUrl, durationMs)));
    }
    await stopAll(running);
  }
  return Array.from(measured, ([subject, results]) => ({
    subject,
    perSecond,
    p50Ms: median(results.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(results.map(({ p99Ms }) => p99Ms)),
    failures: sum(results.map(({ failures }) => failures)),
    rounds: results,
  }));
}

export interface Cost {
  subject: Subject;
  /** How many ways out every event has taken. */
  routes: number;
  load: Load;
  /** How many events were stored by one statement. */
  eventsPerGroup: number;
  perEvent: PerEvent;
  /** Calls to queues, each of which may write many messages. */
  sendsPerEvent: number;
  millionEvents: MillionEvents;
}

/** Counts requests to D1 and Queues at the bindings. One round is enough. */
export async function measureCost(bench: Bench): Promise<Cost[]> {
  const costs: Cost[] = [];
  const { loads, routes } = bench.plan.cost;
  const subjects = storingSubjects(bench.plan).flatMap((subject) =>
    (subject === 'receiver' ? routes : [1]).map((count) => ({ subject, routes: count })),
  );
  for (const load of loads) {
    for (const { subject, routes } of subjects) {
      bench.progress('connections' in load ? `cost, ${load.connections} connections` : 'cost, one at a time');
      const running = await bench.start(subject, { isCounted: true, routes });
      let counts = noCounts;
      const { acknowledged, cpuMsPerEvent } = await measureLoad(bench, running, load, async () => {
        counts = await takeCounts(running.runtime.originOf(subject));
      });
      await running.stop();
      const { statements, recordings, rowsRead, rowsWritten, messages, sends } = counts;
      const perEvent: PerEvent = {
        statements: statements / acknowledged,
        rowsRead: rowsRead / acknowledged,
        rowsWritten: rowsWritten / acknowledged,
        messages: messages / acknowledged,
        cpuMs: cpuMsPerEvent,
      };
      costs.push({
        ...{ subject, routes, load, perEvent },
        eventsPerGroup: acknowledged / recordings,
        sendsPerEvent: sends / acknowledged,
        millionEvents: priceOfMillionEvents(perEvent),
      });
    }
  }
  return costs;
}

const noCounts: Counts = {
  statements: 0,
  recordings: 0,
  rowsRead: 0,
  rowsWritten: 0,
  messages: 0,
  sends: 0,
};

/** Takes the counts of a counted Worker since the last time. */
export async function takeCounts(origin: URL): Promise<Counts> {
  const answer = await fetch(new URL(COUNTS_PATH, origin));
  return (await answer.json()) as Counts;
}

/**
 * Warms a subject up and measures it, including what it does after its answers.
 *
 * @param onMark called when the measurement begins and when it ends.
 */
export async function measureLoad(
  bench: Pick<Bench, 'load' | 'plan'>,
  { webhookUrl, runtime }: RunningSubject,
  load: Load,
  onMark = async () => {},
): Promise<Measured> {
  const { warmUpMs, loadMs } = bench.plan;
  await bench.load.run(jobOf(load, webhookUrl, warmUpMs));
  await settle(runtime.pid);
  await onMark();
  const beforeMs = await cpuMs(runtime.pid);
  const result = await bench.load.run(jobOf(load, webhookUrl, loadMs));
  await settle(runtime.pid);
  const afterMs = await cpuMs(runtime.pid);
  await onMark();
  const spentMs = beforeMs === null || afterMs === null ? null : afterMs - beforeMs;
  return { ...result, cpuMsPerEvent: spentMs === null ? null : spentMs / result.acknowledged };
}

function jobOf(load: Load, url: string, durationMs: number): LoadJob {
  if ('connections' in load) return { kind: 'closed', url, durationMs, connections: load.connections };
  return { kind: 'open', url, durationMs, perSecond: load.perSecond, maxConnections: MAX_PACED_CONNECTIONS };
}

function mediansOf(rounds: readonly Measured[]) {
  return {
    eventsPerSecond: median(rounds.map((round) => round.eventsPerSecond)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
    cpuMsPerEvent: medianOrNull(rounds.map((round) => round.cpuMsPerEvent)),
    failures: sum(rounds.map((round) => round.failures)),
  };
}

/** The subjects that store events. For the limit, pace and cost mean nothing. */
function storingSubjects({ subjects }: Plan): Subject[] {
  return subjects.filter((subject) => subject !== 'limit');
}

function inTurn(running: readonly RunningSubject[], round: number): readonly RunningSubject[] {
  return round % 2 === 1 ? running : running.toReversed();
}

async function startAll(bench: Bench, subjects: readonly Subject[]): Promise<RunningSubject[]> {
  const running: RunningSubject[] = [];
  for (const subject of subjects) running.push(await bench.start(subject)); // one by one, so that each finds its own pid
  return running;
}

async function stopAll(running: readonly RunningSubject[]): Promise<void> {
  await Promise.all(running.map(async (subject) => subject.stop()));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
