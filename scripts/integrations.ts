// `npm run integrations`: the API for integrations on the command line. It asks a running receiver, or works on the local
// database itself.
import { resolve } from 'node:path';
import { CommandFailure, fromCaller, runCommand, UsageError } from './command-line.ts';
import { requireSecretsFile } from './deploy/secrets.ts';
import { DEV_VARS, localAdminToken } from './dev-vars.ts';
import { commandLineActor } from './integrations/actor.ts';
import { type Answer, askApi, inDatabase, overHttp } from './integrations/api.ts';
import { readConfiguration } from './integrations/configuration.ts';
import { withLocalDatabase } from './integrations/local-database.ts';
import { type Command, parseIntegrationsOptions, type Target, USAGE } from './integrations/options.ts';
import { describeOutcome, describeRefusal } from './integrations/report.ts';
import { ensureLocalSecrets } from './start/local-secrets.ts';
import { LOCAL_URL } from './start/options.ts';

await runCommand('integrations', async () => {
  const options = parseIntegrationsOptions(process.argv.slice(2), process.env);
  if (options.kind === 'help') {
    console.log(USAGE);
    return;
  }
  const { command, target, json } = options;
  const answer = await (target.kind === 'database'
    ? askDatabase(target, command)
    : askReceiver(target, command));
  if (!answer.ok) throw new CommandFailure(describeRefusal(answer, command));
  console.log(json ? JSON.stringify(answer.shown, null, 2) : describeOutcome(command, answer.shown));
});

async function askReceiver(target: Extract<Target, { kind: 'receiver' }>, command: Command): Promise<Answer> {
  const url = target.url ?? (target.isRemote ? (await readConfiguration()).publicUrl : LOCAL_URL);
  if (url === '') throw new UsageError('--remote needs --url: wrangler.toml has no PUBLIC_URL');
  return askApi(overHttp(url, adminToken(target, url)), command);
}

function adminToken({ token, secretsFile }: Extract<Target, { kind: 'receiver' }>, url: string): string {
  if (token !== undefined) return token;
  if (secretsFile === undefined) return process.env.ADMIN_TOKEN || localAdminToken(new URL(url));
  const path = fromCaller(secretsFile);
  const { ADMIN_TOKEN: written } = requireSecretsFile(path);
  if (written === undefined) throw new CommandFailure(`${path} has no ADMIN_TOKEN.`);
  return written;
}

async function askDatabase(target: Extract<Target, { kind: 'database' }>, command: Command): Promise<Answer> {
  const configuration = await readConfiguration();
  const { WEBHOOK_SECRET: webhookSecret } = await ensureLocalSecrets(DEV_VARS);
  const url = target.url ?? (configuration.publicUrl || LOCAL_URL);
  const actor = commandLineActor();
  return withLocalDatabase(resolve(target.persistTo), configuration, async (db) =>
    askApi(inDatabase({ db, webhookSecret, url, actor }), command),
  );
}
