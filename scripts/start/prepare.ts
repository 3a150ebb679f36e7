// Prepares the local database of `npm start` in the directory given: applies migrations and adds the integration `demo` and the
// route of the second example consumer. Writes the configuration that has the queue of that. It is a process of its own
// because wrangler's and Miniflare's modules would otherwise stay in memory as long as the receiver runs, and handle signals in
// their own way.

import { newIntegration } from '../../src/api/integrations/routes.ts';
import { createIntegration } from '../../src/store/integrations.ts';
import { createRoute } from '../../src/store/routes.ts';
import { commandLineActor } from '../receiver/actor.ts';
import { readConfiguration } from '../receiver/configuration.ts';
import { withLocalDatabase } from '../receiver/local-database.ts';
import { ONE_ROUTE_STATUS } from './preparation.ts';
import { SECOND_ROUTE, writeStartConfig } from './second-route.ts';

const [state = ''] = process.argv.slice(2);
const demo = newIntegration.parse({ slug: 'demo' });
const reason = await writeStartConfig();
const author = { actor: commandLineActor(), nowMs: Date.now() };
await withLocalDatabase(state, await readConfiguration(), async (db) => {
  await createIntegration(db, demo, author);
  if (reason !== null) return;
  await createRoute(
    db,
    { ...SECOND_ROUTE, from: 'now' },
    {
      actor: author.actor,
      atMs: author.nowMs,
      action: 'route.create',
      object: SECOND_ROUTE.name,
      detail: { filter: SECOND_ROUTE.filter, from: 'now' },
    },
  );
});
if (reason !== null) {
  console.log(reason);
  process.exitCode = ONE_ROUTE_STATUS;
}
