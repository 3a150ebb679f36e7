// The manners of every command of the project: how options are read, what is said of those that make no sense, how a
// command that cannot do its work ends, when there are colours, how progress is shown.
import { resolve } from 'node:path';

/** A command line that makes no sense. The message is one line for the person who wrote it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What was asked cannot be done. The message says why to the person at the terminal, who needs no stack trace. */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/**
 * Runs a command. Errors end it with one message on standard error, and with exit status 2 where its command line made
 * no sense, `failureStatus` otherwise.
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

/** Shows an error: the message alone where that says all, the stack of any other. */
export function reportError(name: string, error: unknown): void {
  const isExpected = error instanceof UsageError || error instanceof CommandFailure;
  console.error(isExpected ? `${name}: ${error.message}` : error);
}

/** Why a request got no answer: `fetch` hides it in the cause of its error. */
export function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || (cause as NodeJS.ErrnoException).code || cause.name;
}

/** What `read` gives, with parseArgs' own complaints made into one line. */
export function readCommandLine<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isComplaint =
      error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE');
    if (!isComplaint) throw error;
    throw new UsageError(error.message.split('\n')[0]);
  }
}

/**
 * Throws where npm took an option for its own, as it does without the `--`: the command never sees that one, and would
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

/** A path as it was written: npm runs commands in the project's directory, wherever they were called. */
export function fromCaller(path: string): string {
  return resolve(process.env.INIT_CWD ?? process.cwd(), path);
}

export interface NumberRule {
  from: number;
  to: number;
  whole: boolean;
}

/** A number written in digits, within bounds. `name` is the option's, with its dashes. */
export function numberOf(name: string, text: string, { from, to, whole }: NumberRule): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to) || (whole && !Number.isSafeInteger(value))) {
    throw new UsageError(
      `${name} takes a ${whole ? 'whole ' : ''}number from ${from} to ${to}, not "${text}"`,
    );
  }
  return value;
}

/** A port's number. */
export function portOf(name: string, text: string): number {
  return numberOf(name, text, { from: 1, to: 65_535, whole: true });
}

/** An http(s) URL. */
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

/** What is shown on standard error while a command runs. */
export interface Progress {
  /** Puts a line of its own above. */
  say(line: string): void;
  /** Shows what is going on now instead of the figures. */
  phase(text: string): void;
  stop(): void;
}

const TERMINAL_EVERY_MS = 200;
const PLAIN_EVERY_MS = 5_000;

/**
 * Shows the line that `lineNow` gives: on a terminal always the same one, elsewhere a new one now and then. `lineNow` is
 * told which it is.
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
