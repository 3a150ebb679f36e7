// The route of the second example consumer. wrangler.toml has one route, so `npm start` gives its receiver the queue of this
// one by a configuration of its own.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RouteFilter } from '../../src/contract/routes.ts';
import { CommandFailure } from '../command-line.ts';
import { PROJECT } from '../project.ts';
import { addRouteQueues } from '../routes/wrangler-queues.ts';
import { parseToml } from '../wrangler-toml.ts';
import { START_CONFIG } from './preparation.ts';

export const SECOND_ROUTE: { name: string; filter: RouteFilter } = {
  name: 'crm',
  filter: { types: ['response'] },
};

/**
 * Writes {@link START_CONFIG}: wrangler.toml with the queue of the second route. Where wrangler.toml is in another shape than
 * expected, it is written as that is, and the reason is returned.
 */
export async function writeStartConfig(): Promise<string | null> {
  const text = await readFile(join(PROJECT, 'wrangler.toml'), 'utf8');
  const { config, reason } = await addRouteQueues(text, SECOND_ROUTE.name, parseToml).then(
    (edit) => ({ config: edit.text, reason: null }),
    (error: unknown) => {
      if (error instanceof CommandFailure) return { config: text, reason: error.message };
      throw error;
    },
  );
  const path = join(PROJECT, START_CONFIG);
  // Another `npm start` of this checkout would start its Workers anew with each writing.
  if ((await readFile(path, 'utf8').catch(() => '')) !== config) await writeFile(path, config);
  return reason;
}
