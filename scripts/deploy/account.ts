// Reads and changes what a Cloudflare account has of this Worker, by wrangler.

import { CommandFailure } from '../command-line.ts';
import { askWrangler, runWrangler } from '../wrangler.ts';

/** The names of the secrets that are set on the deployed Worker; `null` when there is no such Worker yet. */
export async function readSecretNames(worker: string): Promise<string[] | null> {
  const result = await askWrangler(['secret', 'list', '--name', worker, '--format', 'json']);
  if (result.ok) return (JSON.parse(result.stdout) as { name: string }[]).map(({ name }) => name);
  if (result.reason.startsWith(`Worker "${worker}" not found`)) return null;
  throw unreachable(result.reason);
}

/** Whether the account has a D1 database of this name. */
export async function databaseExists(name: string): Promise<boolean> {
  const result = await askWrangler(['d1', 'list', '--json']);
  if (!result.ok) throw unreachable(result.reason);
  return (JSON.parse(result.stdout) as { name: string }[]).some((database) => database.name === name);
}

/** Whether the account has a queue of this name. */
export async function queueExists(name: string): Promise<boolean> {
  const result = await askWrangler(['queues', 'info', name]);
  if (result.ok) return true;
  if (result.reason.startsWith(`Queue "${name}" does not exist`)) return false;
  throw unreachable(result.reason);
}

/** Creates a D1 database. wrangler.toml gets no id: wrangler finds the database by its name. */
export async function createDatabase(name: string): Promise<void> {
  const result = await askWrangler(['d1', 'create', name, '--update-config=false']);
  if (!result.ok)
    throw new CommandFailure(`The database "${name}" could not be created:\n\n${result.reason}`);
}

export async function createQueue(name: string): Promise<void> {
  const result = await askWrangler(['queues', 'create', name]);
  if (!result.ok) throw new CommandFailure(`The queue "${name}" could not be created:\n\n${result.reason}`);
}

/** Applies the migrations that the remote database of a binding does not have yet. Throws where one failed. */
export async function applyMigrations(binding: string): Promise<void> {
  const applied = await runWrangler(['d1', 'migrations', 'apply', binding, '--remote']);
  // `apply` can succeed although the database did not take a migration; `list` says what is missing.
  if (applied.ok) {
    const left = await askWrangler(['d1', 'migrations', 'list', binding, '--remote']);
    if (left.ok && left.stdout.includes('No migrations to apply')) return;
    console.error(left.ok ? left.stdout : left.reason);
  }
  throw new CommandFailure(`The migrations failed, so the code was NOT deployed: what was running goes on running.
The migrations before the failed one stay applied. Correct what is reported above, then deploy again.`);
}

/** Uploads the code with its bindings, crons and queue consumers; gives the addresses it is deployed to. */
export async function uploadWorker(secretsFile: string | undefined): Promise<string[]> {
  const secrets = secretsFile === undefined ? [] : ['--secrets-file', secretsFile];
  const result = await runWrangler(['deploy', ...secrets]);
  if (!result.ok) {
    throw new CommandFailure(`The deployment did not finish. The migrations are applied; the code before this one works
with them. Each step can be repeated: correct what wrangler reports, then run npm run deploy again.`);
  }
  return result.targets;
}

function unreachable(reason: string): CommandFailure {
  // Wrangler's own message does not say that one can simply log in.
  if (reason.includes("it's necessary to set a CLOUDFLARE_API_TOKEN")) {
    return new CommandFailure(`You are not logged in to Cloudflare. Log in, then deploy again:

  npx wrangler login

In CI set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID instead.`);
  }
  return new CommandFailure(`Cloudflare could not say what is deployed:\n\n${reason}`);
}
