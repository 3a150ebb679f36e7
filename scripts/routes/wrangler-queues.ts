// The queues of routes in wrangler.toml: written into its text, and taken out of it. All else stays as it is, comments too,
// so the text is edited, and what it says is compared before and after.

import { isDeepStrictEqual } from 'node:util';
import { queueComments } from '../../src/contract/route-queues.ts';
import { bindingOf, FIRST_ROUTE } from '../../src/contract/routes.ts';
import { CommandFailure } from '../command-line.ts';

/** A producer or a consumer of a queue, with its settings. */
type Entry = Record<string, unknown>;

/** A wrangler.toml as a parser of TOML gives it. */
export interface ParsedToml {
  queues?: { producers?: Entry[]; consumers?: Entry[] };
  [key: string]: unknown;
}

/** Reads TOML. Throws where a text is none. */
export type ParseToml = (text: string) => Promise<ParsedToml>;

/** The names that a route has in wrangler.toml. */
export interface RouteNames {
  binding: string;
  queue: string;
  deadLetterQueue: string;
}

/** A change of wrangler.toml. */
export interface Edit {
  names: RouteNames;
  /** The name of the receiver's Worker. */
  worker: string;
  /** The text after it. */
  text: string;
  /** The blocks that were written or taken out; empty where there was nothing to do. */
  blocks: string[];
}

type Kind = 'producers' | 'consumers';

const KEY = /^[A-Za-z0-9_-]+$/;

/**
 * The names of a route's queues. They begin as the name of the first route's queue does. The receiver tells by the end of a
 * dead-letter queue's name whose it is.
 */
export function namesOfRoute(route: string, { queues }: ParsedToml): RouteNames {
  const ofEvents = producerOf(queues, bindingOf(FIRST_ROUTE))?.queue;
  if (typeof ofEvents !== 'string') {
    throw new CommandFailure(`wrangler.toml has no queue with the binding ${bindingOf(FIRST_ROUTE)}, by whose name those of
other routes are named.`);
  }
  const prefix = ofEvents === FIRST_ROUTE ? '' : `${ofEvents.replace(new RegExp(`-${FIRST_ROUTE}$`), '')}-`;
  const binding = bindingOf(route);
  const named = route === FIRST_ROUTE ? ofEvents : `${prefix}${route.replaceAll('_', '-')}`;
  const queue = producerOf(queues, binding)?.queue;
  return {
    binding,
    queue: typeof queue === 'string' ? queue : named,
    deadLetterQueue: `${named}-dead`,
  };
}

/**
 * Writes the queue of a route into a wrangler.toml, and the receiver as the consumer of its dead letters, with the settings
 * that it has for those of the first route. What is there already stays. Throws `CommandFailure` where the file is in
 * another shape than expected, or uses the names for something else.
 */
export async function addRouteQueues(text: string, route: string, parse: ParseToml): Promise<Edit> {
  const before = await parse(text);
  const names = namesOfRoute(route, before);
  const { binding, queue, deadLetterQueue } = names;
  const { producers = [], consumers = [] } = before.queues ?? {};

  const comments = queueComments(route);
  const added: [Kind, Entry, comment: string][] = [];
  if (producerOf(before.queues, binding) === undefined) {
    added.push(['producers', { binding, queue }, comments.producers]);
  }
  if (consumerOf(before.queues, deadLetterQueue) === undefined) {
    const { queue: _, ...settings } = settingsOfDeadLetters(before);
    added.push(['consumers', { queue: deadLetterQueue, ...settings }, comments.consumers]);
  }
  const isQueueTaken =
    consumers.some((consumer) => consumer.queue === queue) ||
    producers.some((producer) => producer.queue === queue && producer.binding !== binding) ||
    consumers.some((consumer) => consumer.dead_letter_queue === queue);
  if (isQueueTaken) throw nameTaken(route, queue);
  if (producers.some((producer) => producer.queue === deadLetterQueue))
    throw nameTaken(route, deadLetterQueue);

  const worker = String(before.name);
  if (added.length === 0) return { names, worker, text, blocks: [] };
  const blocks = added.map(([kind, entries, comment]) => [comment, ...linesOf(kind, entries)].join('\n'));
  const lines = new TomlLines(text);
  for (const [index, [kind]] of added.entries()) lines.appendTo(kind, blocks[index] ?? '', { blocks });
  const edited = lines.join();
  const expected = structuredClone(before);
  for (const [kind, entries] of added) expected.queues = withMore(expected.queues, kind, entries);
  await requireToSay(edited, expected, parse, `Write this into it yourself:\n\n${blocks.join('\n\n')}`);
  return { names, worker, text: edited, blocks };
}

/**
 * Takes out of a wrangler.toml what {@link addRouteQueues} writes. Throws `CommandFailure` for the first route, by whose queue
 * others are named, and where the file is in another shape than expected.
 */
export async function removeRouteQueues(text: string, route: string, parse: ParseToml): Promise<Edit> {
  const before = await parse(text);
  const names = namesOfRoute(route, before);
  if (route === FIRST_ROUTE) {
    throw new CommandFailure(
      `wrangler.toml keeps ${names.binding}: the queues of other routes are named by its queue.`,
    );
  }
  const isOfRoute: Record<Kind, (entry: Entry) => boolean> = {
    producers: (producer) => producer.binding === names.binding,
    consumers: (consumer) => consumer.queue === names.deadLetterQueue,
  };
  const comments = queueComments(route);
  const lines = new TomlLines(text);
  const blocks: string[] = [];
  const expected = structuredClone(before);
  for (const kind of ['producers', 'consumers'] as const) {
    const entries = before.queues?.[kind] ?? [];
    const index = entries.findIndex(isOfRoute[kind]);
    if (index < 0) continue;
    blocks.push(lines.takeOut(kind, index, comments[kind]));
    const left = entries.filter((_, other) => other !== index);
    expected.queues = { ...expected.queues, [kind]: left };
  }
  const worker = String(before.name);
  if (blocks.length === 0) return { names, worker, text, blocks };
  const edited = lines.join();
  await requireToSay(edited, expected, parse, `Take this out of it yourself:\n\n${blocks.join('\n\n')}`);
  return { names, worker, text: edited, blocks };
}

/** The lines of a TOML file, with the blocks of its arrays of tables. */
class TomlLines {
  readonly #lines: string[];
  /** What the lines have before their line feeds. */
  readonly #lineEnd: '' | '\r';

  constructor(text: string) {
    this.#lineEnd = text.includes('\r\n') ? '\r' : '';
    this.#lines = (text.endsWith('\n') ? text : `${text}${this.#lineEnd}\n`).split('\n');
  }

  join(): string {
    return this.#lines.join('\n');
  }

  /** Writes a block behind the last one of its kind, with an empty line between them. */
  appendTo(kind: Kind, block: string, { blocks }: { blocks: readonly string[] }): void {
    const last = this.#blocksOf(kind).at(-1);
    if (last === undefined) {
      throw new CommandFailure(
        `wrangler.toml has no ${headerOf(kind)} to write another one behind. Write this into it yourself:\n\n${blocks.join('\n\n')}`,
      );
    }
    const written = ['', ...block.split('\n')].map((line) => `${line}${this.#lineEnd}`);
    this.#lines.splice(last.commentsEnd, 0, ...written);
  }

  /** Takes a block out by its place among those of its kind, with its comment where that is the one given. */
  takeOut(kind: Kind, index: number, comment: string): string {
    const block = this.#blocksOf(kind)[index];
    if (block === undefined) {
      throw new CommandFailure(
        `wrangler.toml has no ${headerOf(kind)} for each of its queues. Change it yourself.`,
      );
    }
    const start = this.#lines[block.start - 1]?.trim() === comment ? block.start - 1 : block.start;
    const isParted = this.#isEmpty(start - 1) && this.#isEmpty(block.end);
    const taken = this.#lines.slice(start, block.end);
    // Of the empty lines before and behind it, one stays.
    this.#lines.splice(isParted ? start - 1 : start, taken.length + (isParted ? 1 : 0));
    return taken.map((line) => line.trimEnd()).join('\n');
  }

  #isEmpty(index: number): boolean {
    return (this.#lines[index] ?? '').trim() === '';
  }

  /**
   * The blocks of a kind: each from its header to behind its last line that is neither empty nor a comment, and to behind the
   * comments that follow directly, unless those stand directly before the next header.
   */
  #blocksOf(kind: Kind): { start: number; end: number; commentsEnd: number }[] {
    const header = new RegExp(`^\\s*\\[\\[\\s*queues\\s*\\.\\s*${kind}\\s*\\]\\]`);
    return this.#lines.flatMap((line, start) => {
      if (!header.test(line)) return [];
      const rest = this.#lines.slice(start + 1);
      const next = rest.findIndex((other) => /^\s*\[/.test(other));
      const own = next < 0 ? rest : rest.slice(0, next);
      const last = own.findLastIndex((other) => !/^\s*(?:#|$)/.test(other));
      const end = start + last + 2;
      const comments = own.slice(last + 1).findIndex((other) => !/^\s*#/.test(other));
      return [{ start, end, commentsEnd: end + Math.max(0, comments) }];
    });
  }
}

function headerOf(kind: Kind): string {
  return `[[queues.${kind}]]`;
}

/** Throws where a text does not say what it is meant to: the edit hit something else than a block. */
async function requireToSay(
  text: string,
  expected: ParsedToml,
  parse: ParseToml,
  remedy: string,
): Promise<void> {
  const isAsExpected = await Promise.resolve(text)
    .then(parse)
    .then(
      (parsed) => isDeepStrictEqual(plain(parsed), plain(expected)),
      () => false,
    );
  if (!isAsExpected) {
    throw new CommandFailure(
      `wrangler.toml is written in another way than expected, and was not changed. ${remedy}`,
    );
  }
}

/** The same as JSON has it: parsers give objects with prototypes of their own. */
function plain(parsed: ParsedToml): unknown {
  return JSON.parse(JSON.stringify(parsed));
}

function withMore(
  queues: ParsedToml['queues'],
  kind: Kind,
  entries: Entry,
): NonNullable<ParsedToml['queues']> {
  return { ...queues, [kind]: [...(queues?.[kind] ?? []), entries] };
}

/** How the receiver consumes the dead letters of the first route. */
function settingsOfDeadLetters(toml: ParsedToml): Entry {
  const { deadLetterQueue } = namesOfRoute(FIRST_ROUTE, toml);
  const consumer = consumerOf(toml.queues, deadLetterQueue);
  if (consumer === undefined) {
    throw new CommandFailure(
      `wrangler.toml has no consumer of "${deadLetterQueue}", whose settings those of other routes are given.`,
    );
  }
  return consumer;
}

function producerOf(queues: ParsedToml['queues'], binding: string): Entry | undefined {
  return queues?.producers?.find((producer) => producer.binding === binding);
}

function consumerOf(queues: ParsedToml['queues'], queue: string): Entry | undefined {
  return queues?.consumers?.find((consumer) => consumer.queue === queue);
}

function nameTaken(route: string, queue: string): CommandFailure {
  return new CommandFailure(
    `The route "${route}" would have the queue "${queue}", which wrangler.toml uses for something else.`,
  );
}

function linesOf(kind: Kind, entries: Entry): string[] {
  return [
    headerOf(kind),
    ...Object.entries(entries).map(([key, value]) => `${written(key)} = ${JSON.stringify(value)}`),
  ];
}

/** A key as TOML has it. Numbers, texts and truth values are the same in JSON, of which the values are. */
function written(key: string): string {
  return KEY.test(key) ? key : JSON.stringify(key);
}
