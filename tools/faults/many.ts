// Runs many schedules on all processors.
import { Worker } from 'node:worker_threads';
import type { SeedRange } from './options.ts';
import type { Bundles } from './realm.ts';
import type { Violation } from './rules.ts';
import type { Character, Operation } from './schedule.ts';
import type { Outcome } from './world.ts';

/** The results of many schedules. */
export interface Summary {
  schedules: number;
  /** Those with small limits. */
  small: number;
  webhooks: number;
  requests: number;
  events: number;
  steps: number;
  injected: Map<string, number>;
  characters: Map<Character, number>;
  /** How many schedules had so many routes. */
  routes: Map<number, number>;
  operations: Map<Operation['what'], number>;
  /** The violations by seed. */
  violated: Map<number, Violation[]>;
  seconds: number;
}

/** How many schedules a thread has at a time, so that it never waits for the next. */
const AHEAD = 2;

/**
 * @param bundle that of the receiver.
 * @param onDone called after each schedule with how many are done.
 */
export async function runMany(
  ranges: readonly SeedRange[],
  {
    bundle,
    jobs,
    onDone,
  }: { bundle: Bundles; jobs: number; onDone?: (done: number, summary: Summary, seed: number) => void },
): Promise<Summary> {
  const startMs = performance.now();
  const seeds = ranges.flatMap(({ from, count }) =>
    Array.from({ length: count }, (_, index) => from + index),
  );
  const summary: Summary = {
    schedules: 0,
    small: 0,
    webhooks: 0,
    requests: 0,
    events: 0,
    steps: 0,
    injected: new Map(),
    characters: new Map(),
    routes: new Map(),
    operations: new Map(),
    violated: new Map(),
    seconds: 0,
  };
  let next = 0;
  const workers = Array.from(
    { length: Math.min(jobs, seeds.length) },
    () =>
      new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { bundle },
        execArgv: ['--disable-warning=ExperimentalWarning'],
      }),
  );
  try {
    await Promise.all(
      workers.map(
        async (worker) =>
          new Promise<void>((resolve, reject) => {
            let underWay = 0;
            const give = () => {
              while (underWay < AHEAD && next < seeds.length) {
                worker.postMessage(seeds[next++]);
                underWay++;
              }
              if (underWay === 0) resolve();
            };
            worker.on('error', reject);
            worker.on('message', ({ seed, outcome }: { seed: number; outcome: Outcome }) => {
              underWay--;
              add(summary, seed, outcome);
              onDone?.(summary.schedules, summary, seed);
              give();
            });
            give();
          }),
      ),
    );
  } finally {
    await Promise.all(workers.map(async (worker) => worker.terminate()));
  }
  summary.seconds = (performance.now() - startMs) / 1000;
  return summary;
}

function add(summary: Summary, seed: number, outcome: Outcome): void {
  summary.schedules++;
  if (outcome.limits === 'small') summary.small++;
  for (const figure of ['webhooks', 'requests', 'events', 'steps'] as const)
    summary[figure] += outcome[figure];
  addTo(summary.injected, outcome.injected);
  addTo(summary.operations, outcome.operations);
  addTo(summary.characters, [[outcome.character, 1]]);
  addTo(summary.routes, [[outcome.routes, 1]]);
  if (outcome.violations.length > 0) summary.violated.set(seed, outcome.violations);
}

function addTo<Key>(counts: Map<Key, number>, more: Iterable<readonly [Key, number]>): void {
  for (const [key, count] of more) counts.set(key, (counts.get(key) ?? 0) + count);
}
