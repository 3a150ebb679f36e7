// Reads the command line of `npm run routes`. The API checks the values, so they go to it as they were written; the name of a
// new route, by which wrangler.toml is changed, is checked here.
import { MAX_ROUTE_NAME_LENGTH, ROUTE_NAME } from '../../src/contract/routes.ts';
import {
  commandNamed,
  readCommandLine,
  requireNothingTaken,
  requireOptionsOf,
  UsageError,
} from '../command-line.ts';
import { TARGET_OPTIONS, TARGET_USAGE, type Target, targetOf } from '../receiver/target.ts';

export const USAGE = `Usage: npm run routes -- <command> [options]

The ways out of the receiver: each route is a queue, which events go there, and how far it has come. Of the receiver that
\`npm start\` runs, or of another one. Changes take effect within 30 s.

Commands:
  list                 all routes, with what waits on each
  add <name>           makes one, and writes its queue (EVENTS_<NAME>) and the consumer of its dead letters into
                       wrangler.toml; a name has lower-case letters, digits and single underscores
  change <name>        gives it another filter; without options it takes everything
  pause <name>         lets its events wait
  resume <name>        forwards what has waited, and all that comes
  remove <name>        ends it: what waits is not forwarded any more

For add and change, each may be given several times; what is not given lets all through:
  --type TYPE          response or status
  --integration SLUG   of this integration
  --status STATUS      of status events: sent, delivered, read, failed or another word

For add:
  --from WHEN          where it begins: now (the default), oldest (all that is stored), or a time such as
                       2026-03-01T00:00:00Z

For remove:
  --config             takes its queues out of wrangler.toml, too

${TARGET_USAGE}

  --json               what the API answers, as JSON
  --help               this text

Exit status: 0 when it is done, 1 when it was refused or failed, 2 when the command line makes no sense.`;

/** Which events go to a route, as the API takes it. */
export interface AskedFilter {
  types?: string[] | undefined;
  integrations?: string[] | undefined;
  statuses?: string[] | undefined;
}

/** What to ask of the API. */
export type Command =
  | { name: 'list' }
  | { name: 'add'; route: string; filter: AskedFilter; from?: string | undefined }
  | { name: 'change'; route: string; filter: AskedFilter }
  | { name: 'pause' | 'resume'; route: string }
  | { name: 'remove'; route: string; changesConfig: boolean };

export interface RoutesOptions {
  kind: 'run';
  command: Command;
  target: Target;
  json: boolean;
}

const OPTIONS = {
  type: { type: 'string', multiple: true },
  integration: { type: 'string', multiple: true },
  status: { type: 'string', multiple: true },
  from: { type: 'string' },
  config: { type: 'boolean' },
  ...TARGET_OPTIONS,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type OptionName = keyof typeof OPTIONS;
type Values = ReturnType<typeof parseOptions>['values'];

const COMMANDS = ['list', 'add', 'change', 'pause', 'resume', 'remove'] as const;

/** Options of some commands. */
const COMMANDS_OF = {
  type: ['add', 'change'],
  integration: ['add', 'change'],
  status: ['add', 'change'],
  from: ['add'],
  config: ['remove'],
} satisfies Partial<Record<OptionName, Command['name'][]>>;

/** Options that do no harm when npm takes them for its own. */
const HARMLESS: readonly OptionName[] = ['json', 'help'];

/**
 * Reads what follows `npm run routes --`. Throws `UsageError`.
 *
 * @param environment tells which options npm took for its own. Without them the command could change the local receiver
 *   instead of the deployed one.
 */
export function parseRoutesOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): RoutesOptions | { kind: 'help' } {
  const names = (Object.keys(OPTIONS) as OptionName[]).filter((name) => !HARMLESS.includes(name));
  requireNothingTaken(names, environment, 'npm run routes -- <command>');
  const { values, positionals } = parseOptions(args);
  if (values.help === true) return { kind: 'help' };
  return {
    kind: 'run',
    command: commandOf(positionals, values),
    target: targetOf(values),
    json: values.json === true,
  };
}

function parseOptions(args: readonly string[]) {
  return readCommandLine({ args: [...args], allowPositionals: true, options: OPTIONS });
}

function commandOf([word, route, ...rest]: readonly string[], values: Values): Command {
  const name = commandNamed(COMMANDS, word);
  requireOptionsOf(name, values, COMMANDS_OF);

  if (name === 'list') {
    if (route !== undefined) throw new UsageError(`list takes no more words; "${route}" is one`);
    return { name };
  }
  if (route === undefined || route === '') throw new UsageError(`${name} takes the name of a route`);
  if (rest[0] !== undefined) throw new UsageError(`${name} takes one name; "${rest[0]}" is one more`);
  switch (name) {
    case 'add':
      requireRouteName(route);
      return { name, route, filter: filterOf(values), from: values.from };
    case 'change':
      return { name, route, filter: filterOf(values) };
    case 'pause':
    case 'resume':
      return { name, route };
    case 'remove':
      return { name, route, changesConfig: values.config === true };
  }
}

function requireRouteName(name: string): void {
  if (ROUTE_NAME.test(name) && name.length <= MAX_ROUTE_NAME_LENGTH) return;
  throw new UsageError(
    `"${name}" is no name for a route: it has at most ${MAX_ROUTE_NAME_LENGTH} lower-case letters and digits, begins with a ` +
      'letter, and single underscores may part its words',
  );
}

function filterOf({ type, integration, status }: Values): AskedFilter {
  return {
    ...(type !== undefined && { types: type }),
    ...(integration !== undefined && { integrations: integration }),
    ...(status !== undefined && { statuses: status }),
  };
}
