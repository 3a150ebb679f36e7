// Unpacks the sources of this receiver at another revision, to be bundled with the dependencies that are installed now.
import { execFile } from 'node:child_process';
import { cp, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from '../../scripts/project.ts';
import { makeTemporaryDirectory, type TemporaryDirectory } from './temporary-directory.ts';

/** The files that a bundle needs. tsconfig.json configures JSX. */
const SOURCES = ['src', 'package.json', 'package-lock.json', 'tsconfig.json'];
/** The files that are taken from the present, so that both are counted alike. */
const COUNTING = ['tools/bench/workers', 'tools/bench/counts.ts'];

/** A revision whose sources have been unpacked. */
export interface Revision {
  /** As it was asked for. */
  revision: string;
  /** Its hash, abbreviated. */
  commit: string;
  /** The first line of its message. */
  subject: string;
  /** Sentences about direct dependencies whose installed version is another one. */
  warnings: string[];
}

export type UnpackedRevision =
  | { ok: true; revision: Revision /** Laid out as this project is. */; directory: TemporaryDirectory }
  | { ok: false /** One line. */; reason: string };

/**
 * Unpacks a revision of the project into a temporary directory.
 *
 * @param project the checkout, with its dependencies installed.
 */
export async function unpackRevision(revision: string, project = PROJECT): Promise<UnpackedRevision> {
  const git = async (...args: string[]) => run('git', args, project);
  const checkout = await git('rev-parse', '--is-shallow-repository');
  if (!checkout.ok) return { ok: false, reason: `git finds no checkout in ${project}: ${checkout.reason}` };
  const found = await git('rev-parse', '--verify', '--quiet', `${revision}^{commit}`);
  if (!found.ok) {
    const hint = checkout.output === 'true' ? ' (this clone is shallow: git fetch --unshallow)' : '';
    return { ok: false, reason: `git knows no revision ${revision}${hint}` };
  }
  const commit = found.output;
  const directory = await makeTemporaryDirectory();
  const { path } = directory;
  const archive = join(path, 'sources.tar');
  const packed = await git('archive', '--format=tar', `--output=${archive}`, commit, ...SOURCES);
  const unpacked = packed.ok ? await run('tar', ['-xf', 'sources.tar'], path) : packed;
  const described = unpacked.ok ? await git('log', '-1', '--format=%h %s', commit) : unpacked;
  if (!described.ok) {
    await directory.remove();
    return { ok: false, reason: `the sources of ${revision} cannot be unpacked: ${described.reason}` };
  }
  for (const name of COUNTING) await cp(join(project, name), join(path, name), { recursive: true });
  await symlink(join(project, 'node_modules'), join(path, 'node_modules'), 'junction');
  const [, hash = commit, subject = ''] = /^(\S+) (.*)$/.exec(described.output) ?? [];
  const warnings = await describeOtherVersions(path);
  return { ok: true, revision: { revision, commit: hash, subject, warnings }, directory };
}

interface Manifest {
  version?: string;
  dependencies?: Record<string, string>;
}

interface LockFile {
  packages?: Record<string, Manifest>;
}

async function describeOtherVersions(directory: string): Promise<string[]> {
  const read = async <T>(path: string) => JSON.parse(await readFile(join(directory, path), 'utf8')) as T;
  const { dependencies = {} } = await read<Manifest>('package.json');
  const { packages = {} } = await read<LockFile>('package-lock.json');
  const warnings: string[] = [];
  for (const name of Object.keys(dependencies)) {
    const path = `node_modules/${name}`;
    const then = packages[path]?.version;
    const installed = await read<Manifest>(`${path}/package.json`).catch(() => undefined);
    if (installed === undefined) warnings.push(`${name} ${then} is not installed any more`);
    else if (installed.version !== then) warnings.push(`${name} is ${installed.version}, then ${then}`);
  }
  return warnings;
}

type Ran = { ok: true; output: string } | { ok: false /** One line. */; reason: string };

async function run(program: string, args: string[], directory: string): Promise<Ran> {
  try {
    const { stdout } = await promisify(execFile)(program, args, { cwd: directory });
    return { ok: true, output: stdout.trim() };
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string | number };
    if (code === 'ENOENT') return { ok: false, reason: `${program} is not installed` };
    return { ok: false, reason: stderr?.trim().split('\n')[0] || `${program} ended with ${code}` };
  }
}
