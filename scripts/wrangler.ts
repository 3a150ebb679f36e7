// Runs this project's wrangler as a child process: never interactive, without a shell, without its usage
// reports. What a command's outcome means is not known here.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from './project.ts';

const WRANGLER = join(PROJECT, 'node_modules', 'wrangler', 'bin', 'wrangler.js');

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

function spawnWrangler(args: readonly string[], output: 'pipe' | 'inherit', reportFile: string) {
  const env = {
    ...process.env,
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_HIDE_BANNER: 'true', // and with it the question to the npm registry whether there is a newer one
    WRANGLER_OUTPUT_FILE_PATH: reportFile,
  };
  // Another environment of wrangler.toml would be another Worker than the one that was checked.
  Reflect.deleteProperty(env, 'CLOUDFLARE_ENV');

  return new Promise<{ status: number; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [WRANGLER, ...args], {
      cwd: PROJECT,
      env,
      // Without a terminal to read from wrangler asks nothing, and writes no ids into wrangler.toml.
      stdio: ['ignore', output, output],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ status: code ?? 1, stdout, stderr }));
  });
}

async function readReports(file: string): Promise<Report[]> {
  // Wrangler writes no report when it stops before the command begins, e.g. on an argument it does not know.
  const lines = await readFile(file, 'utf8').catch(() => '');
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Report);
}
