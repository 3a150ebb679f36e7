// The command line of `npm start`. Reads it and nothing else: no file, no port is touched here.
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';

export const DEFAULT_PORT = 8787; // wrangler dev's own

/** Relative to the project; wrangler dev's own. */
export const DEFAULT_STATE = '.wrangler/state';

export const USAGE = `Usage: npm start [-- options]

Runs the receiver and the example consumer on this machine, with a local database and local queues.

Options:
  --port N           the port to listen on (default ${DEFAULT_PORT})
  --ip ADDRESS       the address to listen on, 0.0.0.0 for all: in containers (default: this machine alone)
  --persist-to DIR   where database and queues are kept (default ${DEFAULT_STATE})
  --no-consumer      the receiver alone: for a consumer in a \`wrangler dev\` of its own
  --help             this text`;

export type StartOptions =
  | {
      kind: 'run';
      port: number;
      /** Absent: wrangler's own, the loopback addresses. */
      ip?: string | undefined;
      /** As written; absent where it was not given. */
      persistTo?: string;
      hasConsumer: boolean;
    }
  | { kind: 'help' }
  | { kind: 'invalid' /** One line. */; reason: string };

/** Every address of the machine. */
const WILDCARDS = ['0.0.0.0', '::'];

/** Where this machine reaches a receiver that listens so. */
export function localOrigin({ ip, port }: Pick<RunOptions, 'ip' | 'port'>): string {
  if (ip === undefined || WILDCARDS.includes(ip)) return `http://localhost:${port}`;
  return `http://${isIP(ip) === 6 ? `[${ip}]` : ip}:${port}`;
}

/** What to run. */
export type RunOptions = Extract<StartOptions, { kind: 'run' }>;

/** Reads what follows `npm start --`. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const parsed = parseOptions(args);
  if (typeof parsed === 'string') return { kind: 'invalid', reason: parsed };
  if (parsed.help === true) return { kind: 'help' };

  const port = parsePort(parsed.port ?? String(DEFAULT_PORT));
  if (port === undefined) {
    return { kind: 'invalid', reason: `--port takes a number from 1 to 65535, not "${parsed.port}"` };
  }
  const { ip } = parsed;
  if (ip !== undefined && isIP(ip) === 0) {
    return { kind: 'invalid', reason: `--ip takes an IP address, such as 0.0.0.0, not "${ip}"` };
  }
  const persistTo = parsed['persist-to'];
  if (persistTo === '') return { kind: 'invalid', reason: '--persist-to takes a directory' };
  const hasConsumer = parsed['no-consumer'] !== true;
  return {
    kind: 'run',
    port,
    hasConsumer,
    ...(ip !== undefined && { ip }),
    ...(persistTo !== undefined && { persistTo }),
  };
}

function parseOptions(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        ip: { type: 'string' },
        'persist-to': { type: 'string' },
        'no-consumer': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    return values;
  } catch (error) {
    const [firstLine = ''] = (error as Error).message.split('\n');
    return firstLine;
  }
}

function parsePort(text: string): number | undefined {
  const port = Number(text);
  return /^\d+$/.test(text) && port >= 1 && port <= 65_535 ? port : undefined;
}
