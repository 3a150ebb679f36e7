// `npm run integrations`: the API's part for integrations, from the command line. It works on the database itself, of
// this machine or of the deployed receiver, so it needs no receiver that runs and no ADMIN_TOKEN.
import { join, resolve } from 'node:path';
import { CommandFailure, runCommand } from './command-line.ts';
import { commandLineActor } from './integrations/actor.ts';
import { askApi } from './integrations/api.ts';
import { readConfiguration } from './integrations/configuration.ts';
import { withLocalDatabase } from './integrations/local-database.ts';
import { type IntegrationsOptions, parseIntegrationsOptions, USAGE } from './integrations/options.ts';
import { remoteDatabase } from './integrations/remote-database.ts';
import { describeOutcome, describeRefusal } from './integrations/report.ts';
import { findWebhookSecret } from './integrations/webhook-secret.ts';
import { PROJECT } from './project.ts';
import { DEFAULT_PORT, DEFAULT_STATE } from './start/options.ts';

const LOCAL_URL = `http://localhost:${DEFAULT_PORT}`;

await runCommand('integrations', async () => {
  const options = parseIntegrationsOptions(process.argv.slice(2), process.env);
  if (options.kind === 'help') console.log(USAGE);
  else await run(options);
});

async function run({ command, target, url: givenUrl, json }: IntegrationsOptions): Promise<void> {
  const configuration = await readConfiguration();
  const webhookSecret = await findWebhookSecret(target);
  const url = givenUrl ?? (configuration.publicUrl || (target.kind === 'local' ? LOCAL_URL : null));
  const address = webhookSecret === null || url === null ? null : { webhookSecret, url };
  const ask = async (db: D1Database) => askApi({ db, address, actor: commandLineActor() }, command);

  const answer =
    target.kind === 'remote'
      ? await ask(remoteDatabase(configuration.database.binding))
      : await withLocalDatabase(stateDirectory(target.persistTo), configuration, ask);
  if (!answer.ok) throw new CommandFailure(describeRefusal(answer, command));
  console.log(json ? JSON.stringify(answer.shown, null, 2) : describeOutcome(command, answer.shown, url));
}

/** As for `npm start`. */
function stateDirectory(persistTo: string | undefined): string {
  return persistTo === undefined ? join(PROJECT, DEFAULT_STATE) : resolve(persistTo);
}
