// The way from the command line to the API of the receiver that the options name.
import { resolve } from 'node:path';
import { CommandFailure, fromCaller, UsageError } from '../command-line.ts';
import { requireSecretsFile } from '../deploy/secrets.ts';
import { DEV_VARS, localAdminToken } from '../dev-vars.ts';
import { ensureLocalSecrets } from '../start/local-secrets.ts';
import { LOCAL_URL } from '../start/options.ts';
import { commandLineActor } from './actor.ts';
import { overHttp, type Send } from './api.ts';
import { type Configuration, readConfiguration } from './configuration.ts';
import { withLocalDatabase } from './local-database.ts';
import type { Target } from './target.ts';

/** What the API works with on the local database. */
export interface LocalReceiver {
  db: D1Database;
  webhookSecret: string;
  /** The receiver's address, for the URLs that are shown. */
  url: string;
  /** For the audit trail. */
  actor: string;
  configuration: Configuration;
}

/**
 * Does some work with the API of a receiver. On the local database the work is repeated while another process locks it.
 *
 * @param inDatabase the way to those routes of the API that the work asks, on the local database.
 */
export async function withApi<T>(
  target: Target,
  inDatabase: (local: LocalReceiver) => Send,
  work: (send: Send) => Promise<T>,
): Promise<T> {
  if (target.kind === 'receiver') {
    const url = target.url ?? (target.isRemote ? (await readConfiguration()).publicUrl : LOCAL_URL);
    if (url === '') throw new UsageError('--remote needs --url: wrangler.toml has no PUBLIC_URL');
    return work(overHttp(url, adminToken(target, url)));
  }
  const configuration = await readConfiguration();
  const { WEBHOOK_SECRET: webhookSecret } = await ensureLocalSecrets(DEV_VARS);
  const url = target.url ?? (configuration.publicUrl || LOCAL_URL);
  const actor = commandLineActor();
  return withLocalDatabase(resolve(target.persistTo), configuration, async (db) =>
    work(inDatabase({ db, webhookSecret, url, actor, configuration })),
  );
}

function adminToken({ token, secretsFile }: Extract<Target, { kind: 'receiver' }>, url: string): string {
  if (token !== undefined) return token;
  if (secretsFile === undefined) return process.env.ADMIN_TOKEN || localAdminToken(new URL(url));
  const path = fromCaller(secretsFile);
  const { ADMIN_TOKEN: written } = requireSecretsFile(path);
  if (written === undefined) throw new CommandFailure(`${path} has no ADMIN_TOKEN.`);
  return written;
}
