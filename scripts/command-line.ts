// What all commands of the project share: reading options, usage errors, exit status, colours, progress, tables.
import { resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { closestMatch } from 'leven';

/** An unusable command line. The message is one line for the person who wrote it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** A command that cannot do what was asked. The message says why; no stack trace is shown. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Runs a command. An error ends it with one message on standard error, and with exit status 2 for a {@link UsageError},
 * `failureStatus` otherwise.
 */
export async function runCommand(
  name: string,
  run: () => Promise<void> | void,
  { failureStatus = EXIT_FAILED }: { failureStatus?: number } = {},
): Promise<void> {
  try {
    await run();
  } catch (error) {
    reportError(name, error);
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : failureStatus;
  }
}

/** Shows the message of an expected error, and the stack of any other. */
export function reportError(name: string, error: unknown): void {
  const isExpected = error instanceof UsageError || error instanceof CommandFailure;
  console.error(isExpected ? `${name}: ${error.message}` : error);
}

/** Why a request got no answer, which `fetch` hides in the cause of its error. */
export function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || (cause as NodeJS.ErrnoException).code || cause.name;
}

type Options = NonNullable<ParseArgsConfig['options']>;

/** Reads a command line, by `parseArgs`. Throws usage errors of one line; where an option is unknown it names the nearest. */
export function readCommandLine<const Config extends ParseArgsConfig & { options: Options }>(
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    const code = error instanceof TypeError ? String((error as NodeJS.ErrnoException).code) : '';
    if (!code.startsWith('ERR_PARSE')) throw error;
    const [message = ''] = (error as TypeError).message.split('\n');
    const [, unknown] = /^Unknown option '--(?:no-)?([^']+)'/.exec(message) ?? [];
    if (unknown === undefined) throw new UsageError(message);
    const maxDistance = Math.max(2, Math.floor(unknown.length / 3));
    const nearest = closestMatch(unknown, Object.keys(config.options), { maxDistance });
    throw new UsageError(
      `Unknown option '--${unknown}'; ${nearest === undefined ? 'see --help' : `did you mean --${nearest}?`}`,
    );
  }
}

/**
 * Throws where npm took an option for its own, as it does without the `--`. The command would not see the option, and would
 * do something else than was meant.
 */
export function requireNothingTaken(
  options: readonly string[],
  environment: NodeJS.ProcessEnv,
  command: string,
): void {
  const taken = options.find((name) => {
    const value = environment[`npm_config_${name.replaceAll('-', '_')}`];
    return value !== undefined && value !== '' && value !== 'false';
  });
  if (taken !== undefined) {
    throw new UsageError(`npm took --${taken} for its own option. Write: ${command} --${taken}`);
  }
}

/** The command that the first word of a command line names. Throws where it is none. */
export function commandNamed<Name extends string>(commands: readonly Name[], word: string | undefined): Name {
  const name = commands.find((known) => known === word);
  if (name !== undefined) return name;
  throw new UsageError(`${word === undefined ? 'Say what to do' : `"${word}" is no command`}; see --help`);
}

/** Throws where an option is given that goes with other commands. @param commandsOf those of options that go with some only. */
export function requireOptionsOf(
  command: string,
  given: object,
  commandsOf: Readonly<Record<string, readonly string[]>>,
): void {
  for (const option of Object.keys(given)) {
    const commands = commandsOf[option];
    if (commands === undefined || commands.includes(command)) continue;
    throw new UsageError(`--${option} goes with ${commands.join(' and ')}, not with ${command}`);
  }
}

/** Resolves a path in the directory where npm was called: npm itself runs commands in that of the project. */
export function fromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

export interface NumberRule {
  from: number;
  to: number;
  whole: boolean;
}

/** Reads a number in digits, within bounds. `name` is the option's, with its dashes. */
export function numberOf(name: string, text: string, { from, to, whole }: NumberRule): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to) || (whole && !Number.isSafeInteger(value))) {
    throw new UsageError(
      `${name} takes a ${whole ? 'whole ' : ''}number from ${from} to ${to}, not "${text}"`,
    );
  }
  return value;
}

export function portOf(name: string, text: string): number {
  return numberOf(name, text, { from: 1, to: 65_535, whole: true });
}

export function urlOf(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError(`${name} takes an http(s) URL`);
  return url;
}

/** Whether to colour, by the conventions of https://no-color.org and https://force-color.org. */
export function isColored(
  isWanted: boolean,
  isTerminal: boolean,
  { FORCE_COLOR, NO_COLOR, TERM }: Record<string, string | undefined>,
): boolean {
  if (!isWanted) return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTerminal && !NO_COLOR && TERM !== 'dumb';
}

/** Shows on standard error what a command is doing. */
export interface Progress {
  /** Writes a line that stays. */
  say(line: string): void;
  /** Shows a text in place of the figures. */
  phase(text: string): void;
  stop(): void;
}

const TERMINAL_EVERY_MS = 200;
const PLAIN_EVERY_MS = 5_000;

/**
 * Shows what `lineNow` gives: on a terminal in one line that is updated, elsewhere in a new line every few seconds.
 */
export function showProgress(
  lineNow: (isTerminal: boolean) => string,
  { isWanted, stream = process.stderr }: { isWanted: boolean; stream?: NodeJS.WriteStream },
): Progress {
  if (!isWanted) return { say: () => undefined, phase: () => undefined, stop: () => undefined };
  const isTerminal = stream.isTTY === true;
  let phase: string | null = null;

  const draw = () => {
    if (phase !== null && !isTerminal) return; // once is enough
    const line = phase ?? lineNow(isTerminal);
    stream.write(isTerminal ? `\r\x1b[2K${line.slice(0, (stream.columns || 80) - 1)}` : `${line}\n`);
  };
  const timer = setInterval(draw, isTerminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS);
  return {
    say(line) {
      stream.write(isTerminal ? `\r\x1b[2K${line}\n` : `${line}\n`);
    },
    phase(text) {
      if (phase === text) return;
      phase = text;
      if (isTerminal) draw();
      else stream.write(`${text}\n`);
    },
    stop() {
      clearInterval(timer);
      if (isTerminal) stream.write('\r\x1b[2K');
    },
  };
}

/** A table whose columns are aligned to the left, those in `right` to the right. */
export function alignColumns(rows: readonly string[][], right: readonly number[] = []): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join('  ').trimEnd();
  });
}
