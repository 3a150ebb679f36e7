// Runs this project's wrangler as a child process that asks nothing and reports nothing to Cloudflare.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PROJECT } from './project.ts';

export const WRANGLER = join(PROJECT, 'node_modules', 'wrangler', 'bin', 'wrangler.js');

/** This process's environment with what keeps wrangler from reporting its usage and from asking for newer versions. */
export function wranglerEnvironment(more: Record<string, string>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false', // no request for a sample `request.cf`
    WRANGLER_HIDE_BANNER: 'true', // with the banner goes the question to the npm registry for a newer version
    ...more,
  };
  // Another environment of wrangler.toml would have another Worker, other bindings and another .dev.vars.
  Reflect.deleteProperty(env, 'CLOUDFLARE_ENV');
  return env;
}

/** What wrangler reports about a finished `deploy`; `targets` are hostnames, routes, schedules and queues. */
interface DeployReport {
  type: 'deploy';
  targets?: string[];
}
interface FailureReport {
  type: 'command-failed';
  message: string;
}
type Report = DeployReport | FailureReport | { type: 'other' };

export type WranglerResult =
  | { ok: true; stdout: string; targets: string[] }
  | { ok: false /** Wrangler's own error message. */; reason: string };

/** Runs wrangler without showing its output, which is in the result. */
export function askWrangler(args: readonly string[]): Promise<WranglerResult> {
  return run(args, 'pipe');
}

/** Runs wrangler with its output passed through to the terminal. */
export function runWrangler(args: readonly string[]): Promise<WranglerResult> {
  return run(args, 'inherit');
}

async function run(args: readonly string[], output: 'pipe' | 'inherit'): Promise<WranglerResult> {
  const reports = await mkdtemp(join(tmpdir(), 'wrangler-report-'));
  try {
    const reportFile = join(reports, 'report.ndjson');
    const { status, stdout, stderr } = await spawnWrangler(args, output, reportFile);
    const entries = await readReports(reportFile);
    if (status === 0) {
      const report = entries.find((entry) => entry.type === 'deploy');
      return { ok: true, stdout, targets: report?.targets ?? [] };
    }
    const failure = entries.find((entry) => entry.type === 'command-failed');
    return {
      ok: false,
      reason: failure?.message ?? (`${stderr}${stdout}`.trim() || `exit status ${status}`),
    };
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

async function spawnWrangler(args: readonly string[], output: 'pipe' | 'inherit', reportFile: string) {
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    cwd: PROJECT,
    env: wranglerEnvironment({ WRANGLER_OUTPUT_FILE_PATH: reportFile }),
    // Without a terminal to read from wrangler asks nothing, and writes no ids into wrangler.toml.
    stdio: ['ignore', output, output],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { status: code ?? 1, stdout, stderr };
}

async function readReports(file: string): Promise<Report[]> {
  // Wrangler writes no report when it stops before the command begins, e.g. on an argument it does not know.
  const lines = await readFile(file, 'utf8').catch(() => '');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Report);
}
