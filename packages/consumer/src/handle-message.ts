// Handles one event and returns the outcome. ordered.ts waits for its turn, consume.ts acknowledges and retries.

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
  replay?: string | number;
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
  /** Others come first, until then at the latest. */
  | { kind: 'held'; untilMs: number }
  /** It is a status that is behind one which was handled. */
  | { kind: 'behind'; event: StatusEvent }
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
export interface Task {
  event: ResponseEvent | StatusEvent | OtherEvent;
  /** Of a status: which one. */
  step?: Status;
  run(signal: AbortSignal): Promise<{ brokenPaths: string[] } | undefined>;
}

/** An outcome. `isOver` is false where the handler may still be running. */
interface Handled {
  outcome: Outcome;
  isOver: boolean;
}

class HandlerTimeout extends Error {
  override name = 'HandlerTimeout';
}

/** Handles an event, unless the store of handled events says that it was. Rejects only where that fails. */
export async function handleOnce<Env>(task: Task, work: Work<Env>): Promise<Handled> {
  if (work.store === undefined) return runTask(task, work.timeoutMs);
  const { source, id, replay = 0 } = task.event;
  const key = { source, id, replay: String(work.handleReplays ? replay : 0) };
  const claim = await work.store.claim(key, Date.now());
  switch (claim.kind) {
    case 'done':
      return { outcome: { kind: 'repeated' }, isOver: true };
    case 'taken':
      return { outcome: claim, isOver: true };
    case 'granted': {
      const handled = await runTask(task, work.timeoutMs);
      const { outcome, isOver } = handled;
      try {
        if (outcome.kind === 'handled') await work.store.done(key);
        // A handler that is still running keeps its claim, so that the event is not handled twice at the same time.
        else if (isOver) await work.store.release(key, claim.token);
      } catch (error) {
        logError('store of handled events did not take the outcome', { source, id, error });
      }
      return handled;
    }
  }
}

/** The event of a message with its handler; `null` where there is none; the paths of problems where it breaks the schema. */
export function taskOf<Env>({ body, attempts }: ReceivedMessage, work: Work<Env>): Task | string[] | null {
  const context = (signal: AbortSignal) => ({ env: work.env, attempt: attempts, signal });
  const { onResponse, onStatus, onOther } = work.handlers;
  const parsed = parseEvent(body);
  if (!parsed.ok) {
    if (onOther === undefined || !isOtherEvent(body)) return parsed.problems.map(({ path }) => path);
    return { event: body, run: async (signal) => void (await onOther(body, context(signal))) };
  }
  const { event } = parsed;
  const step = event.type === CLOUDEVENT_TYPES.status ? stepOf(event) : undefined;
  if (step !== undefined && !isStatus(step)) {
    if (onOther === undefined) return null;
    return { event, run: async (signal) => void (await onOther(body as OtherEvent, context(signal))) };
  }
  const handler = event.type === CLOUDEVENT_TYPES.response ? onResponse : onStatus;
  if (handler === undefined) return null;
  return {
    event,
    ...(step !== undefined && { step }),
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

/** Runs a task with a timeout. */
async function runTask(task: Task, timeoutMs: number): Promise<Handled> {
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
