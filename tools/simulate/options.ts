// Reads the command line of `npm run simulate`.
import { numberOf, portOf, readCommandLine, UsageError, urlOf } from '../../scripts/command-line.ts';
import { DEFAULT_PORT } from '../../scripts/start/options.ts';
import type { PlanOptions } from './plan.ts';

export const USAGE = `Usage: npm run simulate [-- options]

Behaves as the Instant Message platform at its worst towards a running receiver, then asks the receiver's API what
it has and compares. Without --url it is the receiver that \`npm start\` runs.

What is sent (the same values give the same bytes):
  --events N         different events (default 10000)
  --seed N           what everything is drawn from (default 42)
  --run NAME         other ids for the same seed: new events to a receiver that has had them
  --contacts N       customers (default 300)
  --disorder SHARE   status events that come late and out of order (default 0.3)
  --duplicates SHARE events that come again, half of them at the same instant (default 0.1)
  --odd SHARE        events whose bodies are odd: other spellings, types, words (default 0.05)
  --invalid SHARE    bodies that break the contract, for each event (default 0.02)
  --abandoned SHARE  deliveries whose sender hangs up before the answer, and sends again (default 0.01)

How:
  --rate N           deliveries a second, whatever the answers; 0: as fast as the connections allow. Without it what
                     the receiver takes is measured first, and it is sent at 0.6 of that, at most at 200
  --connections N    at most so many at once (default 64)
  --timeout S        how long an answer may take (default 10)
  --retry-for S      how long a delivery is sent again until it is given up (default 120)
  --settle S         how long the receiver may take to forward everything afterwards (default 150)

Where to:
  --url URL          a webhook URL, with its token
  --token TOKEN      the admin token (default: ADMIN_TOKEN of the environment, or, for this machine, of .dev.vars)
  --port N           where \`npm start\` listens, when it is not ${DEFAULT_PORT}

  --json             the report as one JSON object
  --no-progress      nothing while it runs
  --dry-run          sends nothing: prints the deliveries, a line of JSON each
  --help             this text

Exit status: 0 when everything agrees, 1 when anything was lost, invented or left unforwarded, or an answer was
wrong, 2 when the options or the receiver cannot be used.`;

export interface SimulateOptions extends PlanOptions {
  kind: 'run';
  /** `null`: it is measured first. */
  rate: number | null;
  connections: number;
  timeoutMs: number;
  retryForMs: number;
  settleMs: number;
  /** `null`: that of `npm start`. */
  url: URL | null;
  token: string | null;
  port: number;
  json: boolean;
  progress: boolean;
  dryRun: boolean;
}

const SHARE = { from: 0, to: 1, whole: false };
const SECONDS = { from: 0, to: 86_400, whole: false };

/** Reads what follows `npm run simulate --`. Throws `UsageError`. */
export function parseSimulateOptions(args: readonly string[]): SimulateOptions | { kind: 'help' } {
  const { values } = readCommandLine({
    args: [...args],
    allowNegative: true,
    options: {
      events: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '42' },
      run: { type: 'string', default: '' },
      contacts: { type: 'string', default: '300' },
      disorder: { type: 'string', default: '0.3' },
      duplicates: { type: 'string', default: '0.1' },
      odd: { type: 'string', default: '0.05' },
      invalid: { type: 'string', default: '0.02' },
      abandoned: { type: 'string', default: '0.01' },
      rate: { type: 'string' },
      connections: { type: 'string', default: '64' },
      timeout: { type: 'string', default: '10' },
      'retry-for': { type: 'string', default: '120' },
      settle: { type: 'string', default: '150' },
      url: { type: 'string' },
      token: { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean', default: false },
      progress: { type: 'boolean', default: true },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.url !== undefined && values.port !== undefined) {
    throw new UsageError('--port says where `npm start` listens; it does not go with --url');
  }
  return {
    kind: 'run',
    // All bodies are kept in memory, about 1 KB each.
    events: numberOf('--events', values.events, { from: 1, to: 500_000, whole: true }),
    seed: numberOf('--seed', values.seed, { from: 0, to: Number.MAX_SAFE_INTEGER, whole: true }),
    run: values.run,
    contacts: numberOf('--contacts', values.contacts, { from: 1, to: 100_000, whole: true }),
    disorder: numberOf('--disorder', values.disorder, SHARE),
    duplicates: numberOf('--duplicates', values.duplicates, SHARE),
    odd: numberOf('--odd', values.odd, SHARE),
    invalid: numberOf('--invalid', values.invalid, SHARE),
    abandoned: numberOf('--abandoned', values.abandoned, SHARE),
    rate:
      values.rate === undefined
        ? null
        : numberOf('--rate', values.rate, { from: 0, to: 100_000, whole: false }),
    connections: numberOf('--connections', values.connections, { from: 1, to: 1_024, whole: true }),
    timeoutMs: numberOf('--timeout', values.timeout, { ...SECONDS, from: 0.1 }) * 1000,
    retryForMs: numberOf('--retry-for', values['retry-for'], SECONDS) * 1000,
    settleMs: numberOf('--settle', values.settle, SECONDS) * 1000,
    url: values.url === undefined ? null : urlOf('--url', values.url),
    token: values.token ?? null,
    port: portOf('--port', values.port ?? String(DEFAULT_PORT)),
    json: values.json,
    progress: values.progress,
    dryRun: values['dry-run'],
  };
}
