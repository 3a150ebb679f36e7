// The project's wrangler.toml, as `npm run routes` reads and changes it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { CommandFailure } from '../command-line.ts';
import { PROJECT } from '../project.ts';
import { askWrangler } from '../wrangler.ts';
import { parseToml } from '../wrangler-toml.ts';
import { addRouteQueues, type Edit, removeRouteQueues } from './wrangler-queues.ts';

const WRANGLER_TOML = join(PROJECT, 'wrangler.toml');

/** Says how wrangler.toml would have the queues of a route, and changes nothing. Throws `CommandFailure` where it cannot. */
export async function planAddition(route: string): Promise<Edit> {
  return addRouteQueues(await readFile(WRANGLER_TOML, 'utf8'), route, parse);
}

/** The same, for how it would not have them any more. */
export async function planRemoval(route: string): Promise<Edit> {
  return removeRouteQueues(await readFile(WRANGLER_TOML, 'utf8'), route, parse);
}

/** Writes wrangler.toml, and the types of its bindings. */
export async function carryOut({ text, blocks }: Edit): Promise<void> {
  if (blocks.length === 0) return;
  await writeFile(WRANGLER_TOML, text);
  const [, ...args] = packageJson.scripts.types.split(' ');
  const types = await askWrangler(args);
  if (!types.ok) {
    throw new CommandFailure(
      `wrangler.toml is changed, but the types of its bindings are not: npm run types says why.`,
    );
  }
}

async function parse(text: string) {
  try {
    return await parseToml(text);
  } catch {
    throw new CommandFailure(
      'wrangler.toml is no TOML. What is wrong with it says: npx wrangler deploy --dry-run',
    );
  }
}
