// Follows a receiver's tail over as many connections as needed. Each continues after the last event that arrived completely.
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure, causeOf, UsageError } from '../command-line.ts';
import { printable, shortened } from '../terminal-text.ts';
import { EventStream } from './event-stream.ts';

export interface Watched {
  /** `…/api/tail` with the filters. */
  url: URL;
  token: string;
  /** Prints an event's JSON. The next event waits for it. */
  print(json: string): Promise<void>;
  /** Tells the person at the terminal about the connection. */
  tell(notice: string): void;
}

const FIRST_RECONNECT_MS = 1_000;
const MAX_RECONNECT_MS = 30_000;
/** The receiver sends something every two seconds, so a connection that is silent for so long is dead. */
const MAX_SILENCE_MS = 30_000;
const MAX_DETAIL_CHARACTERS = 300;

/**
 * Follows until `ended`. Rejects with {@link CommandFailure} or {@link UsageError} where the first connection fails, and later
 * where the receiver refuses a connection for good.
 */
export async function follow(watched: Watched, ended: AbortSignal): Promise<void> {
  let lastEventId = '';
  let reconnectMs = FIRST_RECONNECT_MS;
  let hasBegun = false;
  let failures = 0;
  while (!ended.aborted) {
    const stream = new EventStream(lastEventId);
    const silence = new AbortController();
    let isPrinting = false; // while a slow terminal prints, the receiver is not silent
    const timer = setTimeout(() => (isPrinting ? timer.refresh() : silence.abort()), MAX_SILENCE_MS);
    let pauseMs = 0;
    try {
      const body = await connect(watched, lastEventId, AbortSignal.any([ended, silence.signal]));
      if (!hasBegun) watched.tell(`Watching ${watched.url.origin}. Ctrl-C ends.`);
      else if (failures > 0) watched.tell('Connected again.');
      hasBegun = true;
      for await (const bytes of body) {
        failures = 0;
        isPrinting = true;
        for (const event of stream.read(bytes)) {
          await watched.print(event.data);
          lastEventId = event.lastEventId;
        }
        lastEventId = stream.lastEventId;
        isPrinting = false;
        timer.refresh();
      }
      pauseMs = stream.reconnectMs ?? reconnectMs;
      reconnectMs = pauseMs;
    } catch (error) {
      if (ended.aborted) return;
      if (!isPassing(error)) throw error;
      const why = error instanceof Unavailable ? error.message : whyUnreachable(error, silence.signal);
      if (!hasBegun) throw new CommandFailure(`no receiver at ${watched.url.origin}: ${why}`);
      failures++;
      pauseMs = Math.min(reconnectMs * 2 ** (failures - 1), MAX_RECONNECT_MS) * (0.75 + Math.random() / 2);
      watched.tell(`Connection lost (${why}), trying again in ${Math.ceil(pauseMs / 1000)} s.`);
    } finally {
      clearTimeout(timer);
    }
    await sleep(pauseMs, undefined, { signal: ended }).catch(() => undefined);
  }
}

/** The receiver answered that it cannot serve now, and may later. */
class Unavailable extends Error {
  override name = 'Unavailable';
}

/** Whether another attempt may succeed: after a network error or {@link Unavailable}. */
function isPassing(error: unknown): boolean {
  if (error instanceof Unavailable) return true;
  const name = error instanceof Error ? error.name : '';
  return name === 'AbortError' || (name === 'TypeError' && (error as Error).cause !== undefined);
}

async function connect(
  { url, token }: Watched,
  lastEventId: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(url, {
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...(lastEventId !== '' && { 'last-event-id': lastEventId }),
    },
    signal,
  });
  const type = response.headers.get('content-type') ?? 'nothing';
  if (response.ok && response.body !== null && type.startsWith('text/event-stream')) return response.body;
  throw await refusalOf(response, type);
}

async function refusalOf(response: Response, type: string): Promise<Error> {
  const { status } = response;
  const problem = await problemOf(response);
  const detail = problem.detail === '' ? '' : `: ${problem.detail}`;
  if (status === 429 || status >= 500) return new Unavailable(`it answered ${status}${detail}`);
  if (status === 400)
    return new UsageError(problem.errors.join('; ') || `the receiver answered 400${detail}`);
  if (status === 401) return new CommandFailure(`the token is not one of this receiver's (401)${detail}`);
  if (status === 403) return new CommandFailure(`the token may not watch (403)${detail}`);
  if (response.ok) return new CommandFailure(`no receiver there: it answered with ${printable(type)}`);
  return new CommandFailure(`no receiver there: it answered ${status}${detail}`);
}

/** The detail and the errors of a problem answer (RFC 9457); empty for any other answer. */
async function problemOf(response: Response): Promise<{ detail: string; errors: string[] }> {
  const text = await response.text().catch(() => '');
  try {
    const { detail, errors = [] } = JSON.parse(text) as {
      detail?: string;
      errors?: { path: string; message: string }[];
    };
    return {
      detail: fit(detail ?? ''),
      errors: errors.map(({ path, message }) => fit(`--${optionOf(path)} ${message}`)),
    };
  } catch {
    return { detail: '', errors: [] };
  }
}

/** The option for a parameter: `messageId` is `--message-id`. */
function optionOf(parameter: string): string {
  return parameter.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function fit(text: string): string {
  return shortened(printable(String(text)), MAX_DETAIL_CHARACTERS);
}

function whyUnreachable(error: unknown, silence: AbortSignal): string {
  return silence.aborted ? 'it said nothing any more' : causeOf(error);
}
