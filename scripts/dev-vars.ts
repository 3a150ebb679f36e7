// Reads .dev.vars, and refuses files of secrets in an encoding that programs read differently.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseEnv } from 'node:util';
import { CommandFailure, UsageError } from './command-line.ts';
import { PROJECT } from './project.ts';

/** Where `wrangler dev` reads the local receiver's secrets. */
export const DEV_VARS = join(PROJECT, '.dev.vars');

const THIS_MACHINE = ['127.0.0.1', 'localhost', '[::1]'];

const REMEDY = 'save it as UTF-8 without a byte order mark';

/**
 * Why a file is not plain UTF-8, in words that follow its name; `null` where it is. Some programs take a byte order mark for a
 * part of the first name, others ignore it. The `>` of Windows PowerShell 5 writes UTF-16.
 */
export function flawOfEncoding(contents: Buffer): string | null {
  const begin = contents.subarray(0, 3).toString('hex');
  if (begin === 'efbbbf') return `begins with a byte order mark: ${REMEDY}`;
  if (begin.startsWith('fffe') || begin.startsWith('feff')) return `is UTF-16: ${REMEDY}`;
  return contents.includes(0) ? `has NUL characters: ${REMEDY}` : null;
}

/** The variables of a .dev.vars file; none where there is no file. Throws {@link CommandFailure} for one that is not plain UTF-8. */
export function readDevVars(path: string): NodeJS.Dict<string> {
  return parseEnv(textOfDevVars(path));
}

/** The text of a .dev.vars file; '' where there is none. Throws {@link CommandFailure} as {@link readDevVars} does. */
export function textOfDevVars(path: string): string {
  let contents: Buffer;
  try {
    contents = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
  const flaw = flawOfEncoding(contents);
  if (flaw !== null) throw new CommandFailure(`${basename(path)} ${flaw}.`);
  return contents.toString('utf8');
}

/**
 * The ADMIN_TOKEN of `npm start`, for a receiver on this machine. Throws {@link UsageError} for another machine, to which the
 * token must not be sent, and {@link CommandFailure} where there is no token yet.
 */
export function localAdminToken({ hostname }: URL): string {
  if (!THIS_MACHINE.includes(hostname)) {
    throw new UsageError("--url of another machine needs --token, which is that receiver's");
  }
  const { ADMIN_TOKEN: token } = readDevVars(DEV_VARS);
  if (!token) {
    throw new CommandFailure(
      'there is no ADMIN_TOKEN in .dev.vars: run `npm start` first, or give --url and --token',
    );
  }
  return token;
}
