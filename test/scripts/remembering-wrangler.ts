// Stands in a copy of the project where wrangler's executable is. Each run of wrangler takes a processor four seconds, and the
// tests ask it the same over and over. So the real wrangler is asked, and its answer is kept: the same question about the same
// account and the same sources is answered as it was before. What changes something always goes to the real wrangler.
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WRANGLER } from '../../scripts/wrangler.ts';

const QUESTIONS = ['deploy --dry-run', 'secret list', 'd1 list', 'queues info'];
/** What the answers depend on, besides the account. */
const SOURCES = ['wrangler.toml', 'src/index.ts'];

/** The environment that this has besides wrangler's. */
export interface Memory extends NodeJS.Dict<string> {
  /** The directory of the answers. Where there is none, all goes to the real wrangler. */
  ANSWERS?: string;
  /** What the account holds. */
  ACCOUNT?: string;
}

interface Answer {
  status: number;
  stdout: string;
  stderr: string;
  /** What wrangler wrote to the file that WRANGLER_OUTPUT_FILE_PATH names. */
  report: string;
  /** The files in the directory of `--outdir`. */
  out: Record<string, string>;
}

if (import.meta.main) {
  const { ANSWERS, ACCOUNT, WRANGLER_OUTPUT_FILE_PATH: reportFile = '' } = process.env as Memory;
  const args = process.argv.slice(2);
  if (ANSWERS !== undefined && QUESTIONS.some((question) => args.join(' ').startsWith(question))) {
    give(remembered(ANSWERS, ACCOUNT, args, reportFile), outOf(args), reportFile);
  } else {
    process.exitCode = spawnSync(process.execPath, [WRANGLER, ...args], { stdio: 'inherit' }).status ?? 1;
  }
}

function remembered(answers: string, account = '', args: string[], reportFile: string): Answer {
  const asked = args.map((arg) => (arg === outOf(args) ? 'out' : arg));
  const about = [asked, account, SOURCES.map((path) => readFileSync(path, 'utf8'))];
  const kept = join(answers, createHash('sha256').update(JSON.stringify(about)).digest('hex'));
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8'));
  const answer = ask(args, reportFile);
  const unfinished = join(answers, randomUUID());
  writeFileSync(unfinished, JSON.stringify(answer));
  renameSync(unfinished, kept); // another process may read it at any time
  return answer;
}

function ask(args: string[], reportFile: string): Answer {
  const { status, stdout, stderr } = spawnSync(process.execPath, [WRANGLER, ...args], { encoding: 'utf8' });
  const out = outOf(args);
  const files = out !== undefined && existsSync(out) ? readdirSync(out) : [];
  return {
    status: status ?? 1,
    stdout,
    stderr,
    report: existsSync(reportFile) ? readFileSync(reportFile, 'utf8') : '',
    out: Object.fromEntries(files.map((file) => [file, readFileSync(join(out ?? '', file), 'utf8')])),
  };
}

function give({ status, stdout, stderr, report, out }: Answer, directory = '', reportFile: string): void {
  writeFileSync(reportFile, report);
  if (directory !== '') mkdirSync(directory, { recursive: true });
  for (const [file, content] of Object.entries(out)) writeFileSync(join(directory, file), content);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = status;
}

function outOf(args: string[]): string | undefined {
  return args.includes('--outdir') ? args[args.indexOf('--outdir') + 1] : undefined;
}
