// Reads the command line of `npm run crash`.
import { numberOf, readCommandLine } from '../../scripts/command-line.ts';

export const USAGE = `Usage: npm run crash [-- options]

Runs the receiver under the simulator's load and kills the runtime (workerd, SIGKILL) at random moments, each time
starting it again on the same state. It has two routes, one of which wants only some events. At the end every acknowledged
event must be in D1 and forwarded on each route that wants it, and the counters must be what the tables hold.

Local queues live in memory: an event that was deferred to the intake queue can die with the runtime, and is counted
apart. What this proves is D1 and its log, against the death of the process, not of the machine.

Options:
  --kills N            how many times (default 20)
  --seed N             of the load and of the moments (default 7)
  --rate N             deliveries a second; 0: as fast as the connections allow (default 400)
  --connections N      at most so many at once (default 64)
  --seconds-between S  between a start and the next kill, on average (default 3)
  --json               the report as one JSON object
  --no-progress        nothing while it runs
  --help               this text

Exit status: 0 when everything agrees, 1 when anything was lost, invented, not forwarded or counted wrongly, 2 when the
options or the runtime cannot be used.`;

export interface CrashOptions {
  kind: 'run';
  kills: number;
  seed: number;
  rate: number;
  connections: number;
  secondsBetween: number;
  json: boolean;
  progress: boolean;
}

/** Reads what follows `npm run crash --`. Throws `UsageError`. */
export function parseCrashOptions(args: readonly string[]): CrashOptions | { kind: 'help' } {
  const { values } = readCommandLine({
    args: [...args],
    allowNegative: true,
    options: {
      kills: { type: 'string', default: '20' },
      seed: { type: 'string', default: '7' },
      rate: { type: 'string', default: '400' },
      connections: { type: 'string', default: '64' },
      'seconds-between': { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      progress: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return { kind: 'help' };
  return {
    kind: 'run',
    kills: numberOf('--kills', values.kills, { from: 0, to: 1_000, whole: true }),
    seed: numberOf('--seed', values.seed, { from: 0, to: Number.MAX_SAFE_INTEGER, whole: true }),
    rate: numberOf('--rate', values.rate, { from: 0, to: 10_000, whole: false }),
    connections: numberOf('--connections', values.connections, { from: 1, to: 1_024, whole: true }),
    secondsBetween: numberOf('--seconds-between', values['seconds-between'], {
      from: 0.1,
      to: 600,
      whole: false,
    }),
    json: values.json,
    progress: values.progress,
  };
}
