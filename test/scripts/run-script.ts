// Runs a script in a process of its own, as an operator would, also in a copy of the project.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { PROJECT } from '../../scripts/project.ts';

export interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `node` with arguments. It does not block, so that a server in this process can answer. */
export async function runScript(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Run> {
  const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status, stdout, stderr };
}

/**
 * Copies parts of the project into a directory, which gets the dependencies and a home of its own.
 *
 * @param wrangler a script that is there in place of wrangler's executable.
 */
export function copyProject(directory: string, paths: readonly string[], wrangler?: string): void {
  for (const path of paths) cpSync(join(PROJECT, path), join(directory, path), { recursive: true });
  mkdirSync(join(directory, 'home'));
  if (wrangler === undefined) {
    symlinkSync(join(PROJECT, 'node_modules'), join(directory, 'node_modules'));
    return;
  }
  linkEntries('node_modules', directory, 'wrangler');
  linkEntries('node_modules/wrangler', directory, 'bin');
  mkdirSync(join(directory, 'node_modules/wrangler/bin'));
  symlinkSync(wrangler, join(directory, 'node_modules/wrangler/bin/wrangler.js'));
}

/** Links all that a directory of the project has, but for one, into a copy. */
function linkEntries(path: string, directory: string, except: string): void {
  mkdirSync(join(directory, path));
  for (const entry of readdirSync(join(PROJECT, path))) {
    if (entry !== except) symlinkSync(join(PROJECT, path, entry), join(directory, path, entry));
  }
}

/** The environment of a script that finds no settings but those of its copy of the project. */
export function cleanEnvironment(directory: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, HOME: join(directory, 'home'), ...more };
}

/** Opens the receiver's database where wrangler dev keeps it, in the directory that it knows as `--persist-to`. */
export function openLocalDatabase(state: string): DatabaseSync {
  for (const file of globSync(join(state, 'v3/d1/miniflare-D1DatabaseObject/*.sqlite'))) {
    const database = new DatabaseSync(file, { timeout: 10_000 });
    const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'integrations'").get();
    if (table !== undefined) return database;
    database.close();
  }
  throw new Error(`there is no database of a receiver in ${state}`);
}
