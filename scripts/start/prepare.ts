// The local database of `npm start`: migrated, with the integration `demo`. What is there already stays as it is. A
// script of its own, since wrangler's modules and Miniflare's would stay in memory as long as the receiver runs, and
// handle signals in their own way. Takes the directory of the state.

import { newIntegration } from '../../src/api/integrations/routes.ts';
import { createIntegration } from '../../src/store/integrations.ts';
import { commandLineActor } from '../integrations/actor.ts';
import { readConfiguration } from '../integrations/configuration.ts';
import { withLocalDatabase } from '../integrations/local-database.ts';

const [state = ''] = process.argv.slice(2);
const demo = newIntegration.parse({ slug: 'demo' });
await withLocalDatabase(state, await readConfiguration(), async (db) =>
  createIntegration(db, demo, { actor: commandLineActor(), nowMs: Date.now() }),
);
