// The output of `npm run routes`.

import type { ShownRoute } from '../../src/api/routes/route.ts';
import { consumerToml } from '../../src/contract/route-queues.ts';
import { MAX_COUNTED } from '../../src/store/database.ts';
import { alignColumns } from '../command-line.ts';
import { describeRefusal, type Refused } from '../receiver/api.ts';
import type { Target } from '../receiver/target.ts';
import { shellQuote } from '../start/instructions.ts';
import type { ShownRoutes } from './api.ts';
import type { AskedFilter, Command } from './options.ts';
import type { Edit } from './wrangler-queues.ts';

/** The command line's words for fields of the API. */
const WORDS: Record<string, string> = { name: 'the name', from: '--from', filter: 'the filter' };
const FILTER_WORDS: Record<string, string> = {
  types: '--type',
  integrations: '--integration',
  statuses: '--status',
};

/** Why a command was refused, in one line and in the words of the command line. */
export function describeRefusalOf(command: Command, refused: Refused): string {
  if (refused.reason === 'route-exists' && 'route' in command) {
    return `There is a route "${command.route}" already, with another filter: change ${command.route} gives it this one.`;
  }
  const filter = 'filter' in command ? command.filter : {};
  return describeRefusal(refused, ([field = '', part, index]) => {
    const words = part === undefined ? WORDS[field] : FILTER_WORDS[part];
    const value = index === undefined ? undefined : filter[part as keyof AskedFilter]?.[Number(index)];
    return `${words ?? field}${value === undefined ? '' : ` "${value}"`}`;
  });
}

export function describeAll({ data, unrouted }: ShownRoutes): string {
  const table = alignColumns([HEAD, ...data.map(cellsOf)], [3, 4, 5, 6]).join('\n');
  const all =
    data.length === 0 ? 'There are no routes: nothing is forwarded. One is made by: add <name>' : table;
  if (unrouted.length === 0) return all;
  return `${all}\n\nNo route sends to the queue of ${unrouted.join(', ')}. One is made by: add <name>`;
}

export function describeChange(
  command: Extract<Command, { name: 'change' | 'pause' | 'resume' }>,
  route: ShownRoute,
): string {
  switch (command.name) {
    case 'change':
      return `Changed "${route.name}": it takes ${describeFilter(route.filter)}, of what is not forwarded yet.`;
    case 'pause':
      return `Paused "${route.name}": within 30 s its events wait, for as long as events are kept.`;
    case 'resume':
      return `Resumed "${route.name}": what has waited is forwarded first, from the next minute on.`;
  }
}

/** What was done for a new route, and what is left to do. */
export function describeAddition(
  command: Extract<Command, { name: 'add' }>,
  route: ShownRoute,
  { isNew, edit, target }: { isNew: boolean; edit: Edit; target: Target },
): string {
  const takes = describeFilter(route.filter);
  const made = isNew
    ? `Added the route "${route.name}". It takes ${takes}${describeBeginning(command.from)}.`
    : `There is a route "${route.name}" already, which takes ${takes}: it stays as it is.`;
  const written =
    edit.blocks.length === 0
      ? 'wrangler.toml has its queues already, and was not changed.'
      : `wrangler.toml has its queues now:\n\n${indent(edit.blocks.join('\n\n'))}`;
  return `${made}
${written}

The wrangler.toml of its consumer needs:

${indent(consumerToml(edit.names.queue, edit.names.deadLetterQueue).trimEnd())}

${describeNextSteps(command, target)}`;
}

/** What was removed, and what of it is left in wrangler.toml. */
export function describeRemoval(
  { route, changesConfig }: Extract<Command, { name: 'remove' }>,
  edit: Edit | null,
  { wasThere }: { wasThere: boolean },
): string {
  const removed = wasThere
    ? `Removed the route "${route}": within 30 s nothing more goes to its queue. Its dead letters stay.`
    : `There was no route "${route}".`;
  if (edit === null || edit.blocks.length === 0) return removed;
  const blocks = indent(edit.blocks.join('\n\n'));
  const config = changesConfig
    ? `These blocks of wrangler.toml are gone:\n\n${blocks}`
    : `These blocks of wrangler.toml can go. \`remove ${route} --config\` takes them out:\n\n${blocks}`;
  return `${removed}
${config}

The queues themselves stay, with what they hold, and a deployment takes no consumer away from one. Once the receiver is deployed
without them, and their other consumers are gone:

  npx wrangler queues consumer worker remove ${edit.names.deadLetterQueue} ${edit.worker}
  npx wrangler queues delete ${edit.names.queue}
  npx wrangler queues delete ${edit.names.deadLetterQueue}`;
}

const HEAD = ['NAME', 'STATE', 'TAKES', 'WAITING', 'OLDEST', 'FORWARDED', 'DEAD LETTERS'];

function cellsOf(route: ShownRoute): string[] {
  const { oldestWaiting } = route;
  return [
    route.name,
    `${route.state}${route.bound ? '' : ', no queue'}`,
    describeFilter(route.filter),
    countOf(route.waiting),
    oldestWaiting === null ? '-' : describeAge(oldestWaiting.ageMs),
    String(route.forwarded),
    countOf(route.deadLetters),
  ];
}

function countOf(count: number): string {
  return count >= MAX_COUNTED ? `${MAX_COUNTED}+` : String(count);
}

function describeFilter({ types, integrations, statuses }: AskedFilter): string {
  const parts = [
    types && `type ${types.join(', ')}`,
    integrations && `integration ${integrations.join(', ')}`,
    // Responses have no status, and are let through unless the types keep them out.
    statuses && `${types === undefined ? 'responses and ' : ''}status ${statuses.join(', ')}`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? 'everything' : parts.join('; ');
}

function describeBeginning(from = 'now'): string {
  if (from === 'now') return ', from now on';
  return from === 'oldest' ? ', and begins at the oldest event' : `, from ${from} on`;
}

const UNITS: [unit: string, ms: number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
];

function describeAge(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, length]) => ms >= 2 * length) ?? ['s', 1_000];
  return `${Math.floor(ms / unitMs)} ${unit}`;
}

function describeNextSteps(command: Extract<Command, { name: 'add' }>, target: Target): string {
  if (target.kind === 'receiver' && target.isRemote) {
    return `Its events wait until the receiver is deployed with the queue. Then deploy the consumer.

  npm run deploy`;
  }
  const args = [
    'add',
    command.route,
    ...optionsOf(command),
    '--remote',
    '--secrets-file',
    'FILE',
    '--url',
    'URL',
  ];
  return `\`npm start\` has the queue from now on. A deployed receiver has routes of its own:

  npm run routes -- ${args.join(' ')}
  npm run deploy

Then deploy the consumer.`;
}

function optionsOf({ filter, from }: Extract<Command, { name: 'add' }>): string[] {
  const given: [option: string, values: readonly string[] | undefined][] = [
    ['--type', filter.types],
    ['--integration', filter.integrations],
    ['--status', filter.statuses],
    ['--from', from === undefined ? undefined : [from]],
  ];
  return given.flatMap(([option, values = []]) => values.flatMap((value) => [option, wordOf(value)]));
}

function wordOf(value: string): string {
  return /^[\w.:+-]+$/.test(value) ? value : shellQuote(value);
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}
