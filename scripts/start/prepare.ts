// Prepares the local database of `npm start` in the directory given: applies migrations and adds the integration `demo`.
// It is a process of its own because wrangler's and Miniflare's modules would otherwise stay in memory as long as the
// receiver runs, and handle signals in their own way.

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
