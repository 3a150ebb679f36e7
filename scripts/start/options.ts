// Reads the command line of `npm start`.
import { isIP } from 'node:net';
import { portOf, readCommandLine, UsageError } from '../command-line.ts';

export const DEFAULT_PORT = 8787; // wrangler dev's own

/** Where `npm start` listens when it is told nothing else. */
export const LOCAL_URL = `http://localhost:${DEFAULT_PORT}`;

/** Relative to the project; wrangler dev's own. */
export const DEFAULT_STATE = '.wrangler/state';

export const USAGE = `Usage: npm start [-- options]

Runs the receiver and the example consumers on this machine, with a local database and local queues: \`consumer\` gets every
event, \`crm\` by a route of its own the responses alone.

Options:
  --port N           the port to listen on (default ${DEFAULT_PORT})
  --ip ADDRESS       the address to listen on, 0.0.0.0 for all: in containers (default: this machine alone)
  --persist-to DIR   where database and queues are kept (default ${DEFAULT_STATE})
  --no-consumer      the receiver alone: for consumers in a \`wrangler dev\` of their own
  --help             this text`;

export type StartOptions =
  | {
      kind: 'run';
      port: number;
      /** Absent: the loopback addresses, wrangler's default. */
      ip?: string | undefined;
      /** As written; absent where it was not given. */
      persistTo?: string;
      hasConsumer: boolean;
    }
  | { kind: 'help' };

/** Every address of the machine. */
const WILDCARDS = ['0.0.0.0', '::'];

/** Where this machine reaches a receiver that listens on an address. */
export function localOrigin({ ip, port }: Pick<RunOptions, 'ip' | 'port'>): string {
  if (ip === undefined || WILDCARDS.includes(ip)) return `http://localhost:${port}`;
  return `http://${isIP(ip) === 6 ? `[${ip}]` : ip}:${port}`;
}

export type RunOptions = Extract<StartOptions, { kind: 'run' }>;

/** Reads what follows `npm start --`. Throws `UsageError`. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const { values } = readCommandLine({
    args: [...args],
    allowNegative: true,
    options: {
      port: { type: 'string', default: String(DEFAULT_PORT) },
      ip: { type: 'string' },
      'persist-to': { type: 'string' },
      consumer: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return { kind: 'help' };
  const { ip, 'persist-to': persistTo } = values;
  if (ip !== undefined && isIP(ip) === 0) {
    throw new UsageError(`--ip takes an IP address, such as 0.0.0.0, not "${ip}"`);
  }
  if (persistTo === '') throw new UsageError('--persist-to takes a directory');
  return {
    kind: 'run',
    port: portOf('--port', values.port),
    hasConsumer: values.consumer,
    ...(ip !== undefined && { ip }),
    ...(persistTo !== undefined && { persistTo }),
  };
}
