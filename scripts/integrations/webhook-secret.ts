// WEBHOOK_SECRET, from which URLs and signing secrets are derived: where it can be found. Never prints it.

import { CommandFailure, fromCaller } from '../command-line.ts';
import { type FileSecrets, requireSecretsFile } from '../deploy/secrets.ts';
import { DEV_VARS } from '../dev-vars.ts';
import { ensureLocalSecrets } from '../start/local-secrets.ts';
import type { Target } from './options.ts';

/** The secret of a receiver; `null` where it is not known here. */
export async function findWebhookSecret(target: Target): Promise<string | null> {
  if (target.kind === 'local') return (await ensureLocalSecrets(DEV_VARS)).WEBHOOK_SECRET;
  if (target.secretsFile === undefined) return process.env.WEBHOOK_SECRET || null;
  const path = fromCaller(target.secretsFile);
  const { WEBHOOK_SECRET: secret } = requireSecretsFile(path) as Partial<FileSecrets>;
  if (secret === undefined) throw new CommandFailure(`${path} has no WEBHOOK_SECRET.`);
  return secret;
}
