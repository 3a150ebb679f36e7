// The secrets of the local receiver in .dev.vars, where wrangler dev reads them. Missing ones are added; existing ones are
// never changed.
import { randomBytes } from 'node:crypto';
import { appendFile, chmod } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { flawOfSecret } from '../../src/secrets.ts';
import { CommandFailure } from '../command-line.ts';
import { textOfDevVars } from '../dev-vars.ts';

/** The `[secrets] required` of wrangler.toml. */
const SECRETS = ['WEBHOOK_SECRET', 'ADMIN_TOKEN'] as const;
const SECRET_BYTES = 32;

/** Secrets that may be added by hand. wrangler dev reads only those from .dev.vars that wrangler.toml requires. */
const OPTIONAL_SECRETS = ['READ_TOKEN'] as const;

export type LocalSecrets = Record<(typeof SECRETS)[number], string> &
  Partial<Record<(typeof OPTIONAL_SECRETS)[number], string>>;

/** The arguments that give wrangler dev the optional secrets. */
export function optionalSecretArguments(secrets: LocalSecrets): string[] {
  return OPTIONAL_SECRETS.flatMap((name) => {
    const value = secrets[name];
    return value === undefined || value === '' ? [] : ['--var', `${name}:${value}`];
  });
}

/**
 * Adds missing secrets to the file at `path`, makes it readable by its owner alone, and returns all secrets. Throws
 * {@link CommandFailure}, and changes nothing, where the file is not plain UTF-8 or one of its secrets cannot work.
 */
export async function ensureLocalSecrets(path: string): Promise<LocalSecrets> {
  const contents = textOfDevVars(path);
  requireFitSecrets(parseEnv(contents));
  const missing = missingSecretLines(contents, randomSecret);
  if (missing !== '') {
    await appendFile(path, missing, { mode: 0o600 });
    await chmod(path, 0o600); // the mode above counts for a new file only
  }
  return parseEnv(contents + missing) as LocalSecrets;
}

function requireFitSecrets(present: NodeJS.Dict<string>): void {
  const problems = [...SECRETS, ...OPTIONAL_SECRETS].flatMap((name) => {
    const flaw = flawOfSecret(present[name] ?? '');
    return flaw === null ? [] : [`${name} in .dev.vars ${flaw}`];
  });
  if (problems.length > 0) throw new CommandFailure(`${problems.join('; ')}.`);
}

/**
 * The lines that a .dev.vars file lacks; '' when it has every secret. An empty value counts as missing, and of two lines with
 * one name the later one counts.
 */
export function missingSecretLines(contents: string, newSecret: () => string): string {
  const present = parseEnv(contents);
  const lines = SECRETS.filter((name) => !present[name]).map((name) => `${name}=${newSecret()}\n`);
  const endsInsideLine = contents !== '' && !contents.endsWith('\n');
  return lines.length > 0 && endsInsideLine ? `\n${lines.join('')}` : lines.join('');
}

function randomSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}
