// Reads the command line of `npm run integrations`. The API checks the values, so they go to it as they were written.
import {
  commandNamed,
  readCommandLine,
  requireNothingTaken,
  requireOptionsOf,
  UsageError,
} from '../command-line.ts';
import { TARGET_OPTIONS, TARGET_USAGE, type Target, targetOf } from '../receiver/target.ts';

export const USAGE = `Usage: npm run integrations -- <command> [options]

The webhook addresses that are registered: with the receiver that \`npm start\` runs, or with another one. Changes take
effect within 30 s, and new URLs at once.

Commands:
  list                 all integrations
  add <slug>           registers one, and prints the URL to register with the platform
  rotate <slug>        gives it a new URL, and prints that
  disable <slug>       turns its webhooks away
  enable <slug>        takes them again

For add:
  --app-id ID          takes only this application's events
  --description TEXT   for people
  --allowed-ip RANGE   takes webhooks only from this address or CIDR range; may be given several times
  --require-signature  takes only webhooks that are signed (Standard Webhooks), and prints the secret to sign with
  --on-rejection WHAT  what the sender of a webhook that becomes no event is answered: refuse (400 or 422, the default)
                       or accept (202 with the same problems)

For rotate:
  --overlap-hours N    how long the URL before stays valid (default 24); 0 revokes it and all earlier ones

${TARGET_USAGE}

  --json               what the API answers, as JSON
  --help               this text

Exit status: 0 when it is done, 1 when it was refused or failed, 2 when the command line makes no sense.`;

/** What to ask of the API. */
export type Command =
  | { name: 'list' }
  | { name: 'add'; slug: string; settings: Record<string, unknown> }
  | { name: 'rotate'; slug: string; rotation: Record<string, unknown> }
  | { name: 'disable' | 'enable'; slug: string };

export interface IntegrationsOptions {
  kind: 'run';
  command: Command;
  target: Target;
  json: boolean;
}

const OPTIONS = {
  'app-id': { type: 'string' },
  description: { type: 'string' },
  'allowed-ip': { type: 'string', multiple: true },
  'require-signature': { type: 'boolean' },
  'on-rejection': { type: 'string' },
  'overlap-hours': { type: 'string' },
  ...TARGET_OPTIONS,
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type OptionName = keyof typeof OPTIONS;
type Values = ReturnType<typeof parseOptions>['values'];

const COMMANDS = ['list', 'add', 'rotate', 'disable', 'enable'] as const;

/** Options of a single command. */
const COMMANDS_OF = {
  'app-id': ['add'],
  description: ['add'],
  'allowed-ip': ['add'],
  'require-signature': ['add'],
  'on-rejection': ['add'],
  'overlap-hours': ['rotate'],
} satisfies Partial<Record<OptionName, Command['name'][]>>;

/** Options that do no harm when npm takes them for its own. */
const HARMLESS: readonly OptionName[] = ['json', 'help'];

/**
 * Reads what follows `npm run integrations --`. Throws `UsageError`.
 *
 * @param environment tells which options npm took for its own. Without them the command could change the local receiver
 *   instead of the deployed one.
 */
export function parseIntegrationsOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): IntegrationsOptions | { kind: 'help' } {
  const names = (Object.keys(OPTIONS) as OptionName[]).filter((name) => !HARMLESS.includes(name));
  requireNothingTaken(names, environment, 'npm run integrations -- <command>');
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

function commandOf([word, slug, ...rest]: readonly string[], values: Values): Command {
  const name = commandNamed(COMMANDS, word);
  requireOptionsOf(name, values, COMMANDS_OF);

  if (name === 'list') {
    if (slug !== undefined) throw new UsageError(`list takes no more words; "${slug}" is one`);
    return { name };
  }
  if (slug === undefined || slug === '') throw new UsageError(`${name} takes the slug of an integration`);
  if (rest[0] !== undefined) throw new UsageError(`${name} takes one slug; "${rest[0]}" is one more`);
  switch (name) {
    case 'add':
      return { name, slug, settings: settingsOf(values) };
    case 'rotate':
      return { name, slug, rotation: rotationOf(values['overlap-hours']) };
    case 'disable':
    case 'enable':
      return { name, slug };
  }
}

function settingsOf(values: Values): Record<string, unknown> {
  return {
    ...(values['app-id'] !== undefined && { appId: values['app-id'] }),
    ...(values.description !== undefined && { description: values.description }),
    ...(values['allowed-ip'] !== undefined && { allowedIps: values['allowed-ip'] }),
    ...(values['require-signature'] === true && { requireSignature: true }),
    ...(values['on-rejection'] !== undefined && { onRejection: values['on-rejection'] }),
  };
}

/** The API refuses what is no number. */
function rotationOf(hours: string | undefined): Record<string, unknown> {
  if (hours === undefined) return {};
  return { overlapHours: /^\d+(\.\d+)?$/.test(hours) ? Number(hours) : hours };
}
