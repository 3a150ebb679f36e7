// `npm run integrations`: the API for integrations on the command line. It asks a running receiver, or works on the local
// database itself.
import { CommandFailure, runCommand } from './command-line.ts';
import { askApi, inDatabase } from './integrations/api.ts';
import { parseIntegrationsOptions, USAGE } from './integrations/options.ts';
import { describeOutcome, describeRefusalOf } from './integrations/report.ts';
import { withApi } from './receiver/connection.ts';

await runCommand('integrations', async () => {
  const options = parseIntegrationsOptions(process.argv.slice(2), process.env);
  if (options.kind === 'help') {
    console.log(USAGE);
    return;
  }
  const { command, target, json } = options;
  const answer = await withApi(target, inDatabase, async (send) => askApi(send, command));
  if (!answer.ok) throw new CommandFailure(describeRefusalOf(command, answer));
  console.log(json ? JSON.stringify(answer.shown, null, 2) : describeOutcome(command, answer.shown));
});
