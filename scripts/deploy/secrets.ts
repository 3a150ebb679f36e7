// The secrets that a deployment needs: their purposes, the file that holds them, and how to make one. No value is printed.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { flawOfSecret, MIN_API_TOKEN_LENGTH, MIN_WEBHOOK_SECRET_LENGTH } from '../../src/secrets.ts';
import { CommandFailure } from '../command-line.ts';
import { DEV_VARS, flawOfEncoding, readDevVars } from '../dev-vars.ts';
import { PROJECT } from '../project.ts';

interface Secret {
  purpose: string;
  minLength: number;
  /** The Worker runs without it: wrangler.toml does not require it. */
  isOptional?: true;
}

/** Every secret of the Worker. */
const SECRETS: Readonly<Record<string, Secret>> = {
  WEBHOOK_SECRET: {
    purpose: 'the token in every registered webhook URL is derived from it',
    minLength: MIN_WEBHOOK_SECRET_LENGTH,
  },
  ADMIN_TOKEN: {
    purpose: "opens the operators' API, as a Bearer token",
    minLength: MIN_API_TOKEN_LENGTH,
  },
  READ_TOKEN: {
    purpose: "reads the operators' API and changes nothing",
    minLength: MIN_API_TOKEN_LENGTH,
    isOptional: true,
  },
};

const REQUIRED = Object.keys(SECRETS).filter((name) => !SECRETS[name]?.isOptional);

const RANDOM_SECRET_BYTES = 32;

/** The ending that .gitignore covers, and the name that messages suggest. */
const SECRETS_FILE_ENDING = '.secrets.json';
const SECRETS_FILE = `production${SECRETS_FILE_ENDING}`;

/** Secrets of a file by their names, checked. */
export type FileSecrets = Readonly<NodeJS.Dict<string>>;

/** Refuses when wrangler.toml does not require exactly the secrets that are known here. */
export function requireKnownSecrets(declared: readonly string[]): void {
  const undeclared = REQUIRED.filter((name) => !declared.includes(name));
  const unknown = declared.filter((name) => !REQUIRED.includes(name));
  if (undeclared.length > 0) {
    throw new CommandFailure(`wrangler.toml must name ${list(undeclared)} under [secrets] required.`);
  }
  if (unknown.length > 0) {
    throw new CommandFailure(
      `wrangler.toml requires ${list(unknown)}: say what it is for in scripts/deploy/secrets.ts.`,
    );
  }
}

/**
 * The secrets of a JSON file, `{ "NAME": "value" }`. A dotenv file is not taken: wrangler replaces a value in it by the
 * environment variable of the same name, and would upload another value than the one that is checked here.
 *
 * @param local the secrets of this machine, which a deployment must not have.
 */
export function requireSecretsFile(path: string, local = readDevVars(DEV_VARS)): FileSecrets {
  const secrets = parseSecrets(path);
  const problems = Object.entries(secrets).flatMap(([name, value]) => {
    const secret = SECRETS[name];
    if (secret === undefined) return `${name} is not a secret of this Worker.`;
    if (typeof value !== 'string') return `${name} must be a text.`;
    const flaw = flawOfSecret(value);
    if (flaw !== null) return `${name} ${flaw}.`;
    if (value.length < secret.minLength) {
      return `${name} has ${value.length} characters; it must have at least ${secret.minLength}.`;
    }
    if (value === local[name]) {
      return `${name} is the local one of .dev.vars; a deployment must have its own.`;
    }
    if (name === 'READ_TOKEN' && value === secrets.ADMIN_TOKEN) return 'READ_TOKEN is the ADMIN_TOKEN.';
    return [];
  });
  if (problems.length > 0) {
    throw new CommandFailure(`${path} cannot be deployed:\n\n${indent(problems)}`);
  }
  return secrets as FileSecrets;
}

/** Refuses when a required secret is neither set on the Worker nor in the file. `null`: there is no Worker yet. */
export function requireSecretsSet(
  worker: string,
  required: readonly string[],
  set: readonly string[] | null,
  file: FileSecrets,
): void {
  const missing = required.filter((name) => !(set ?? []).includes(name) && !Object.hasOwn(file, name));
  if (missing.length === 0) return;

  const width = Math.max(...missing.map((name) => name.length));
  const purposes = missing.map((name) => `${name.padEnd(width)}  ${SECRETS[name]?.purpose ?? ''}`);
  if (set === null) {
    throw new CommandFailure(`${list(missing)} missing: the Worker "${worker}" does not exist yet, and needs

${indent(purposes)}

Make a file with random values, deploy with it, then move it to your password store:

  npm run deploy -- --new-secrets ${SECRETS_FILE}
  npm run deploy -- --secrets-file ${SECRETS_FILE}`);
  }
  throw new CommandFailure(`${list(missing)} missing: it is not set on the Worker "${worker}".

${indent(purposes)}

Set it, then deploy again:

${indent([...missing.map((name) => `npx wrangler secret put ${name}`), 'npm run deploy'])}`);
}

/**
 * Refuses to replace a WEBHOOK_SECRET that is in use, unless asked to: no registered URL would be valid any
 * more, and all authentic webhooks would be turned away until the administrators register new ones.
 */
export function requireIntendedRotation(
  set: readonly string[] | null,
  file: FileSecrets,
  rotate: boolean,
): void {
  const replaces = (set ?? []).includes('WEBHOOK_SECRET') && Object.hasOwn(file, 'WEBHOOK_SECRET');
  if (replaces && !rotate) {
    throw new CommandFailure(`WEBHOOK_SECRET is already set, and every registered webhook URL is derived from it.
Replacing it makes all of them invalid: webhooks are turned away until the new URLs are registered.

To keep it, leave the file out, or take WEBHOOK_SECRET out of the file:

  npm run deploy

To replace it all the same, and then register every URL again:

  npm run deploy -- --secrets-file FILE --rotate-webhook-secret`);
  }
}

/** Writes a file with new random secrets that only its owner can read. Refuses to overwrite one. */
export function writeNewSecrets(path: string): void {
  const inProject = relative(PROJECT, path);
  if (!inProject.startsWith('..') && !isAbsolute(inProject) && !path.endsWith(SECRETS_FILE_ENDING)) {
    throw new CommandFailure(
      `Name it *${SECRETS_FILE_ENDING}, e.g. ${SECRETS_FILE}: those names are ignored by git.`,
    );
  }
  const secrets = Object.fromEntries(
    REQUIRED.map((name) => [name, randomBytes(RANDOM_SECRET_BYTES).toString('base64url')]),
  );
  try {
    writeFileSync(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new CommandFailure(`${path} exists already, and is not overwritten: its secrets may be in use.`);
    }
    throw new CommandFailure(`${path} could not be written: ${(error as Error).message}`);
  }
}

function parseSecrets(path: string): Record<string, unknown> {
  let contents: Buffer;
  try {
    contents = readFileSync(path);
  } catch (error) {
    throw new CommandFailure(`The secrets file could not be read: ${(error as Error).message}`);
  }
  const flaw = flawOfEncoding(contents);
  if (flaw !== null) throw new CommandFailure(`${path} ${flaw}.`);
  try {
    const parsed: unknown = JSON.parse(contents.toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return parsed as Record<string, unknown>;
    }
  } catch {
    // The parser's message would quote the file.
  }
  throw new CommandFailure(`${path} must be a JSON object: { "NAME": "value" }.`);
}

function list(names: readonly string[]): string {
  return names.join(' and ');
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}`).join('\n');
}
