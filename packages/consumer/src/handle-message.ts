// Handles one message and returns the outcome. consume.ts acknowledges and retries.

import {
  CLOUDEVENT_TYPES,
  parseEvent,
  type ResponseEvent,
  type StatusEvent,
} from '../../../src/contract/cloudevent.ts';
import { isStatus, type Status } from '../../../src/contract/webhook.ts';
import type { FetchData } from './fetch-data.ts';
import { logError } from './log.ts';
import type { OnceStore } from './once.ts';

/** The second argument of a handler. */
export interface EventContext<Env> {
  env: Env;
  /** Which delivery of the message this is, from 1. */
  attempt: number;
  /** Aborted when the handler has taken too long. */
  signal: AbortSignal;
}

/** An event of a type, or a status with a word, that this version of the kit does not know; as it came. */
export interface OtherEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  replay?: number;
  [attribute: string]: unknown;
}

/** An event with its `data`. */
export type WithData<Event extends { data?: unknown }> = Event & { data: NonNullable<Event['data']> };

/** The outcome of a message. */
export type Outcome =
  | { kind: 'handled' }
  /** It was handled before. */
  | { kind: 'repeated' }
  /** Another invocation is handling it, until then at the latest. */
  | { kind: 'taken'; untilMs: number }
  | { kind: 'unreadable'; paths: string[] }
  | { kind: 'failed'; what: string; error: unknown; source?: string; id?: string };

type Handle<Event, Env> = (event: Event, context: EventContext<Env>) => Promise<void> | void;

export interface Work<Env> {
  handlers: {
    onResponse?: Handle<WithData<ResponseEvent>, Env>;
    onStatus?: Handle<WithData<StatusEvent<Status>>, Env>;
    onOther?: Handle<OtherEvent, Env>;
  };
  env: Env;
  store: OnceStore | undefined;
  fetchData: FetchData | undefined;
  handleReplays: boolean;
  timeoutMs: number;
}

interface ReceivedMessage {
  readonly body: unknown;
  readonly attempts: number;
}

/** An event with its handler, which returns the paths of problems where fetched data breaks the schema. */
interface Task {
  event: { source: string; id: string; replay?: number };
  run(signal: AbortSignal): Promise<{ brokenPaths: string[] } | undefined>;
}

class HandlerTimeout extends Error {
  override name = 'HandlerTimeout';
}

/** Handles a message. Rejects only where the store of handled events fails. */
export async function handleMessage<Env>(message: ReceivedMessage, work: Work<Env>): Promise<Outcome> {
  const task = taskOf(message, work);
  if (task === null) return { kind: 'handled' };
  if (Array.isArray(task)) return { kind: 'unreadable', paths: task };
  if (work.store === undefined) return (await runTask(task, work.timeoutMs)).outcome;

  const { source, id, replay = 0 } = task.event;
  const key = { source, id, replay: work.handleReplays ? replay : 0 };
  const claim = await work.store.claim(key, Date.now());
  switch (claim.kind) {
    case 'done':
      return { kind: 'repeated' };
    case 'taken':
      return claim;
    case 'granted': {
      const { outcome, isOver } = await runTask(task, work.timeoutMs);
      try {
        if (outcome.kind === 'handled') await work.store.done(key);
        // A handler that is still running keeps its claim, so that the event is not handled twice at the same time.
        else if (isOver) await work.store.release(key, claim.token);
      } catch (error) {
        logError('store of handled events did not take the outcome', { source, id, error });
      }
      return outcome;
    }
  }
}

/** The event of a message with its handler; `null` where there is none; the paths of problems where it breaks the schema. */
function taskOf<Env>({ body, attempts }: ReceivedMessage, work: Work<Env>): Task | string[] | null {
  const context = (signal: AbortSignal) => ({ env: work.env, attempt: attempts, signal });
  const { onResponse, onStatus, onOther } = work.handlers;
  const parsed = parseEvent(body);
  if (!parsed.ok) {
    if (onOther === undefined || !isOtherEvent(body)) return parsed.problems.map(({ path }) => path);
    return { event: body, run: async (signal) => void (await onOther(body, context(signal))) };
  }
  const { event } = parsed;
  if (event.type === CLOUDEVENT_TYPES.status && !isStatus(stepOf(event))) {
    if (onOther === undefined) return null;
    return { event, run: async (signal) => void (await onOther(body as OtherEvent, context(signal))) };
  }
  const handler = event.type === CLOUDEVENT_TYPES.response ? onResponse : onStatus;
  if (handler === undefined) return null;
  return {
    event,
    async run(signal) {
      const complete = await completed(event, work.fetchData, signal);
      if (!complete.ok) return { brokenPaths: complete.problems.map(({ path }) => path) };
      await (handler as Handle<typeof complete.event, Env>)(complete.event, context(signal));
    },
  };
}

/** The event with its data, which is fetched where it is missing. */
async function completed(
  event: ResponseEvent | StatusEvent,
  fetchData: FetchData | undefined,
  signal: AbortSignal,
): Promise<ReturnType<typeof parseEvent>> {
  if (event.data !== undefined || event.dataref === undefined || fetchData === undefined) {
    return { ok: true, event };
  }
  return parseEvent({ ...event, data: await fetchData(event.dataref, signal) });
}

/** The word of a status: from its data, or from the end of its id where the data is missing. */
function stepOf({ id, data }: StatusEvent): string {
  return data?.event.status ?? id.slice(id.lastIndexOf(':') + 1);
}

function isOtherEvent(body: unknown): body is OtherEvent {
  if (typeof body !== 'object' || body === null) return false;
  const { specversion, id, source, type } = body as Record<string, unknown>;
  const isNamed = [id, source, type].every((name) => typeof name === 'string' && name !== '');
  return specversion === '1.0' && isNamed && !Object.values<unknown>(CLOUDEVENT_TYPES).includes(type);
}

/** Runs a task with a timeout. `isOver` is false where the task may still be running. */
async function runTask(task: Task, timeoutMs: number): Promise<{ outcome: Outcome; isOver: boolean }> {
  const { source, id } = task.event;
  const abort = new AbortController();
  const timer = setTimeout(() => {
    abort.abort(new HandlerTimeout(`the handler took longer than ${timeoutMs} ms`));
  }, timeoutMs);
  const timedOut = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason)); // before the task's own listeners
  });
  try {
    const broken = await Promise.race([task.run(abort.signal), timedOut]);
    const outcome: Outcome = broken ? { kind: 'unreadable', paths: broken.brokenPaths } : { kind: 'handled' };
    return { outcome, isOver: true };
  } catch (error) {
    const isOver = !abort.signal.aborted;
    return { outcome: { kind: 'failed', what: 'handler failed', error, source, id }, isOver };
  } finally {
    clearTimeout(timer);
  }
}
