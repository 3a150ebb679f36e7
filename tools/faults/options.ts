// Reads the command line of `npm run faults`.
import { availableParallelism } from 'node:os';
import { numberOf, readCommandLine, UsageError } from '../../scripts/command-line.ts';

/** How many schedules of fixed seeds, and of new ones, a run has by default. */
const USUAL_SCHEDULES = 150;

export const USAGE = `Usage: npm run faults [-- options]

Runs the receiver in a simulated world, where time, the order of everything and every fault come from a seed: D1 on SQLite
in memory, queues with the platform's rules, one to four isolates, senders, operators, a consumer. Once faults are over and
all is quiet, what was acknowledged, stored, forwarded and counted is compared with what was sent.

Options:
  --schedules N    how many (default: ${USUAL_SCHEDULES} with seeds from 1 on, and ${USUAL_SCHEDULES} with new ones, which are printed)
  --seed N         the first seed; the following ones come after it (default 1)
  --only SEED      one schedule, and what became of it
  --parts NAMES    with --only: these parts of the schedule alone, e.g. w3,f1,o2
  --verbose        with --only: everything that happens, step by step
  --backlog N      no schedules: so many events wait for a route, and the cron forwards them; what each of its runs did
  --jobs N         schedules at the same time (default: one for each processor)
  --no-shrink      does not look for the shortest schedule that still shows a violation
  --no-progress    nothing while it runs
  --help           this text

Exit status: 0 when everything holds, 1 when anything was violated, 2 when the options cannot be used.`;

/** Consecutive seeds. */
export interface SeedRange {
  from: number;
  count: number;
}

export type FaultOptions =
  | { kind: 'help' }
  | { kind: 'backlog'; events: number }
  | { kind: 'many'; ranges: SeedRange[]; jobs: number; shrinks: boolean; progress: boolean }
  | { kind: 'only'; seed: number; parts: string[] | null; verbose: boolean; shrinks: boolean };

/** Reads what follows `npm run faults --`. Throws `UsageError`. */
export function parseFaultOptions(args: readonly string[], newSeed: () => number): FaultOptions {
  const { values } = readCommandLine({
    args: [...args],
    allowNegative: true,
    options: {
      schedules: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string' },
      parts: { type: 'string' },
      backlog: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      jobs: { type: 'string', default: String(availableParallelism()) },
      shrink: { type: 'boolean', default: true },
      progress: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const seedOf = (name: string, written: string) =>
    numberOf(name, written, { from: 0, to: Number.MAX_SAFE_INTEGER - 1_000_000, whole: true });
  if (values.help) return { kind: 'help' };
  if (values.backlog !== undefined) {
    if (values.schedules !== undefined || values.seed !== undefined || values.only !== undefined) {
      throw new UsageError('--backlog cannot be given together with --schedules, --seed or --only');
    }
    return {
      kind: 'backlog',
      events: numberOf('--backlog', values.backlog, { from: 1, to: 10_000_000, whole: true }),
    };
  }
  if (values.only !== undefined) {
    if (values.schedules !== undefined || values.seed !== undefined) {
      throw new UsageError('--only cannot be given together with --schedules or --seed');
    }
    const parts = values.parts?.split(',').filter((name) => name !== '') ?? null;
    return {
      kind: 'only',
      seed: seedOf('--only', values.only),
      parts,
      verbose: values.verbose,
      shrinks: values.shrink,
    };
  }
  if (values.parts !== undefined || values.verbose)
    throw new UsageError('--parts and --verbose go with --only');
  const jobs = numberOf('--jobs', values.jobs, { from: 1, to: 64, whole: true });
  const common = { kind: 'many' as const, jobs, shrinks: values.shrink, progress: values.progress };
  const seed = values.seed === undefined ? null : seedOf('--seed', values.seed);
  if (values.schedules === undefined && seed === null) {
    const ranges = [
      { from: 1, count: USUAL_SCHEDULES },
      { from: newSeed(), count: USUAL_SCHEDULES },
    ];
    return { ...common, ranges };
  }
  const count = numberOf('--schedules', values.schedules ?? String(USUAL_SCHEDULES), {
    from: 1,
    to: 1_000_000,
    whole: true,
  });
  return { ...common, ranges: [{ from: seed ?? 1, count }] };
}
