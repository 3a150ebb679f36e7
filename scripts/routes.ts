// `npm run routes`: the API for routes on the command line, together with what wrangler.toml must say of their queues. It asks
// a running receiver, or works on the local database itself.

import type { ShownRoute } from '../src/api/routes/route.ts';
import { FIRST_ROUTE } from '../src/contract/routes.ts';
import { CommandFailure, runCommand } from './command-line.ts';
import { withApi } from './receiver/connection.ts';
import type { Target } from './receiver/target.ts';
import { askApi, inDatabase, type Shown, type ShownRoutes } from './routes/api.ts';
import { type Command, parseRoutesOptions, USAGE } from './routes/options.ts';
import {
  describeAddition,
  describeAll,
  describeChange,
  describeRefusalOf,
  describeRemoval,
} from './routes/report.ts';
import { carryOut, planAddition, planRemoval } from './routes/wrangler-file.ts';
import type { Edit } from './routes/wrangler-queues.ts';

await runCommand('routes', async () => {
  const options = parseRoutesOptions(process.argv.slice(2), process.env);
  if (options.kind === 'help') {
    console.log(USAGE);
    return;
  }
  const { command, target, json } = options;
  const { shown, report } = await run(command, target);
  console.log(json ? JSON.stringify(shown, null, 2) : report);
});

/** Does a command, and gives what the API answered and what there is to tell. */
async function run(command: Command, target: Target): Promise<{ shown: Shown; report: string }> {
  switch (command.name) {
    case 'list': {
      const { shown } = await requireDone<ShownRoutes>(command, target);
      return { shown, report: describeAll(shown) };
    }
    case 'change':
    case 'pause':
    case 'resume': {
      const { shown } = await requireDone<ShownRoute>(command, target);
      return { shown, report: describeChange(command, shown) };
    }
    case 'add':
      return add(command, target);
    case 'remove':
      return remove(command, target);
  }
}

/** What can be refused is refused before anything changes; the file is changed last, since it can be tried again. */
async function add(command: Extract<Command, { name: 'add' }>, target: Target) {
  const edit = await planAddition(command.route);
  const { shown, isNew = false } = await requireDone<ShownRoute>(command, target);
  await carryOut(edit);
  return { shown, report: describeAddition(command, shown, { isNew, edit, target }) };
}

async function remove(command: Extract<Command, { name: 'remove' }>, target: Target) {
  const { route, changesConfig } = command;
  const edit = changesConfig ? await planRemoval(route) : await planRemovalIfPossible(route);
  const answer = await askReceiver(command, target);
  // What an earlier try has left in wrangler.toml can still be taken out.
  const isLeftover = !answer.ok && answer.status === 404 && changesConfig && (edit?.blocks.length ?? 0) > 0;
  if (!answer.ok && !isLeftover) throw new CommandFailure(describeRefusalOf(command, answer));
  if (changesConfig && edit !== null) await carryOut(edit);
  return { shown: null, report: describeRemoval(command, edit, { wasThere: answer.ok }) };
}

/** Where wrangler.toml is not changed, it is no failure that it could not be. */
async function planRemovalIfPossible(route: string): Promise<Edit | null> {
  if (route === FIRST_ROUTE) return null;
  return planRemoval(route).catch(() => null);
}

async function askReceiver(command: Command, target: Target) {
  return withApi(target, inDatabase, async (send) => askApi(send, command));
}

async function requireDone<Result extends Shown>(command: Command, target: Target) {
  const answer = await askReceiver(command, target);
  if (!answer.ok) throw new CommandFailure(describeRefusalOf(command, answer));
  return { ...answer, shown: answer.shown as Result };
}
