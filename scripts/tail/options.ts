// Reads the command line of `npm run tail`.
import { readCommandLine, requireNothingTaken, UsageError, urlOf } from '../command-line.ts';
import { LOCAL_URL } from '../start/options.ts';

export const USAGE = `Usage: npm run tail [-- options]

Prints events as the receiver stores them, until Ctrl-C. Connects again by itself, and then goes on where it was.
Without --url it watches the receiver that \`npm start\` runs.

Which events (those that meet every option):
  --type TYPE         response or status
  --status STATUS     sent, delivered, read or failed
  --contact CONTACT   a customer's number in any written form, or the identity in place of one
  --integration SLUG  those that one integration received
  --message-id ID     those of one message
  --since WHEN        from then on, not only from now: a time (2026-03-01T12:00:00-03:00) or how long ago (90s, 15m, 2h, 3d)

  --url URL           the receiver's address (default ${LOCAL_URL})
  --token TOKEN       the admin or the read token (default: READ_TOKEN or ADMIN_TOKEN of the environment, or, for this
                      machine, of .dev.vars)
  --json              the whole events as JSON, a line each
  --no-color          no colours (also: NO_COLOR=1; FORCE_COLOR=1 for colours where there is no terminal)
  --help              this text

Exit status: 0 when it is ended with Ctrl-C, 1 when the receiver cannot be reached or does not let in, 2 when the
options make no sense.`;

/** Without them more would be shown than was asked for. */
const FILTERS = ['type', 'status', 'contact', 'integration', 'message-id', 'since'];

export interface TailOptions {
  kind: 'run';
  /** The receiver's address. */
  url: URL;
  /** The filters, by the names of the API's parameters. */
  filter: Record<string, string>;
  token: string | null;
  json: boolean;
  color: boolean;
}

/**
 * Reads what follows `npm run tail --`. Throws `UsageError`. The receiver itself checks the filters' values.
 *
 * @param environment tells which options npm took for its own.
 */
export function parseTailOptions(
  args: readonly string[],
  nowMs: number,
  environment: NodeJS.ProcessEnv,
): TailOptions | { kind: 'help' } {
  requireNothingTaken(FILTERS, environment, 'npm run tail --');
  const { values } = readCommandLine({
    args: [...args],
    allowNegative: true,
    options: {
      type: { type: 'string' },
      status: { type: 'string' },
      contact: { type: 'string' },
      integration: { type: 'string' },
      'message-id': { type: 'string' },
      since: { type: 'string' },
      url: { type: 'string', default: LOCAL_URL },
      token: { type: 'string' },
      json: { type: 'boolean', default: false },
      color: { type: 'boolean', default: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return { kind: 'help' };
  const { type, status, contact, integration, 'message-id': messageId } = values;
  if (type === 'response' && status !== undefined) {
    throw new UsageError('--status is what status events have; it does not go with --type response');
  }
  const since = values.since === undefined ? undefined : sinceTime(values.since, nowMs);
  const given = Object.entries({ type, status, contact, integration, messageId, since });
  return {
    kind: 'run',
    url: urlOf('--url', values.url),
    filter: Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    token: values.token ?? null,
    json: values.json,
    color: values.color,
  };
}

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as the API takes it. Without an offset it is this machine's local time. */
function sinceTime(text: string, nowMs: number): string {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const ms =
    count === undefined
      ? /^\d{4}-\d\d-\d\d/.test(text)
        ? Date.parse(text.length === 10 ? `${text}T00:00` : text)
        : Number.NaN
      : nowMs - Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (!(ms >= 0))
    throw new UsageError('--since takes a time (2026-03-01T12:00:00-03:00) or how long ago (15m)');
  return new Date(ms).toISOString();
}
