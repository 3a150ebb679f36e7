// The `queue` handler of a consumer. It decides when each message of a batch is handled, and acknowledges or retries it as soon
// as its own handler has ended.

import type { ResponseEvent, StatusEvent } from '../../../src/contract/cloudevent.ts';
import type { Status } from '../../../src/contract/webhook.ts';
import type { FetchData } from './fetch-data.ts';
import {
  type EventContext,
  handleOnce,
  type OtherEvent,
  type Outcome,
  type Task,
  taskOf,
  type WithData,
} from './handle-message.ts';
import { logError } from './log.ts';
import type { OnceStore } from './once.ts';
import {
  DEFAULT_MAX_WAIT_SECONDS,
  d1Order,
  handleInOrder,
  type OrderedOptions,
  orderName,
  type Place,
  placeOf,
  sequenceIn,
} from './ordered.ts';
import { MAX_DELAY_SECONDS, type RetryDelay, retryDelaySeconds } from './retry-delay.ts';

type Handler<Event, Env> = (event: Event, context: EventContext<Env>) => Promise<void> | void;

interface CommonOptions<Env> {
  /**
   * An event of an unknown type, or a status with an unknown word (`deleted`). Without it an event of an unknown type counts
   * as one that breaks the schema; one with an unknown word is acknowledged.
   */
  onOther?: Handler<OtherEvent, Env>;
  /**
   * Gives the store of handled events, so that none is handled twice; {@link OnceStore} says what it guarantees. Called for
   * each batch. Where it returns nothing, repeats are handled.
   */
  once?: (env: Env) => OnceStore | undefined;
  /** Whether `once` lets an event through once for each replay. Default: a replay of a handled event is a repeat. */
  handleReplays?: boolean;
  /** Keeps events of different batches in order, too; {@link OrderedOptions} says what it promises, and what it cannot. */
  ordered?: OrderedOptions<Env>;
  /** How long a failed message waits. Default 5 s at first, 15 min at most. */
  retry?: Partial<RetryDelay>;
  /** How many contacts are served at the same time. Default 6, the open connections that a Worker can have. */
  concurrency?: number;
  /** A handler that takes longer has failed. Default 60. */
  handlerTimeoutSeconds?: number;
  /** Called with what a handler threw. The log line has only its name, since a message can quote personal data. */
  onError?: (error: unknown, message: { id: string; attempt: number }) => void;
}

/**
 * Options of {@link consume} with `fetchData`: every event has its data when a handler gets it. An event without a
 * handler is acknowledged.
 */
export interface CompleteConsumeOptions<Env> extends CommonOptions<Env> {
  /** Reads the data of events that were too large for a queue. */
  fetchData: (env: Env) => FetchData;
  onResponse?: Handler<WithData<ResponseEvent>, Env>;
  onStatus?: Handler<WithData<StatusEvent<Status>>, Env>;
}

/** Options of {@link consume} without `fetchData`: events too large for a queue have `dataref` in place of `data`. */
export interface ConsumeOptions<Env> extends CommonOptions<Env> {
  fetchData?: undefined;
  onResponse?: Handler<ResponseEvent, Env>;
  onStatus?: Handler<StatusEvent<Status>, Env>;
}

/** The part of a batch of the Workers runtime that is used. */
interface Batch {
  readonly queue: string;
  readonly messages: readonly Message[];
}
interface Message {
  readonly id: string;
  readonly body: unknown;
  readonly attempts: number;
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}

/** A message with its event, as {@link taskOf} gives it. */
interface Delivery {
  message: Message;
  task: Task | string[] | null;
  /** Where it has to wait for its turn. */
  place: Place | undefined;
}

type QueueHandler<Env> = (batch: Batch, env: Env) => Promise<void>;

const DEFAULT_RETRY: RetryDelay = { firstSeconds: 5, longestSeconds: 900 };
/** https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections */
const DEFAULT_CONCURRENCY = 6;
const DEFAULT_HANDLER_TIMEOUT_SECONDS = 60;
/** https://developers.cloudflare.com/queues/platform/limits/: "Consumer duration (wall clock time): 15 minutes" */
const MAX_HANDLER_TIMEOUT_SECONDS = 900;

/**
 * The `queue` handler of a Worker that consumes events.
 *
 * Each message is acknowledged when its handler has succeeded, and otherwise retried with a growing delay, without an effect on
 * other messages. A message that breaks the schema is retried as well, and so ends in the dead-letter queue.
 *
 * Within a batch, the events of a contact are handled one after the other, by their `sequence`, and those of different contacts at
 * the same time. Beyond a batch there is no order without `ordered`, since queues have none, and a failed event comes back after
 * those that followed it. `messageStatus` makes a status of events in any order.
 *
 * @throws TypeError where the options are unusable.
 * @example
 * export default {
 *   queue: consume<Env>({
 *     onResponse: async (event, { env }) => answer(env, event.contact),
 *     onStatus: async (event, { env }) => note(env, event.subject, event.data?.event.status),
 *   }),
 * } satisfies ExportedHandler<Env>;
 */
export function consume<Env = unknown>(options: CompleteConsumeOptions<Env>): QueueHandler<Env>;
export function consume<Env = unknown>(options: ConsumeOptions<Env>): QueueHandler<Env>;
export function consume<Env>(options: CompleteConsumeOptions<Env> | ConsumeOptions<Env>): QueueHandler<Env> {
  const retry = { ...DEFAULT_RETRY, ...options.retry };
  const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
  const handlerTimeoutSeconds = options.handlerTimeoutSeconds ?? DEFAULT_HANDLER_TIMEOUT_SECONDS;
  const maxWaitSeconds = options.ordered?.maxWaitSeconds ?? DEFAULT_MAX_WAIT_SECONDS;
  requireSensible(options, { retry, concurrency, handlerTimeoutSeconds, maxWaitSeconds });

  const { ordered } = options;
  const orderedBy = ordered?.by ?? 'contact';

  return async (batch, env) => {
    const store = options.once?.(env);
    const order = ordered && d1Order(ordered.db(env), maxWaitSeconds, ordered);
    const work = {
      // By their types, handlers that rely on data come with fetchData.
      handlers: options as CompleteConsumeOptions<Env>,
      env,
      store,
      fetchData: options.fetchData?.(env),
      handleReplays: options.handleReplays ?? false,
      timeoutMs: handlerTimeoutSeconds * 1000,
    };
    const deliveries = await Promise.all(
      batch.messages.map(async (message): Promise<Delivery> => {
        const task = taskOf(message, work);
        const canWait = order !== undefined && task !== null && !Array.isArray(task);
        return { message, task, place: canWait ? await placeOf(task, orderedBy) : undefined };
      }),
    );
    const lanes = lanesOf(deliveries, orderedBy);
    const noted = order?.note(placesToNote(lanes, concurrency), Date.now());
    noted?.catch(() => undefined); // each event that relies on it fails by itself

    const handle = async ({ task, place }: Delivery): Promise<Outcome> => {
      if (task === null) return { kind: 'handled' };
      if (Array.isArray(task)) return { kind: 'unreadable', paths: task };
      if (order === undefined || place === undefined) return (await handleOnce(task, work)).outcome;
      await noted;
      return handleInOrder(task, place, order, work);
    };
    await inParallel(lanes, concurrency, async (lane) => {
      for (const delivery of lane) {
        const outcome = await handle(delivery).catch(
          (error: unknown): Outcome => ({ kind: 'failed', what: 'event could not be handled', error }),
        );
        settle(delivery.message, outcome, batch.queue);
      }
    });
    await prune(store, 'store of handled events could not be pruned', batch.queue);
    await prune(order, 'store of the order could not be pruned', batch.queue);
  };

  function settle(message: Message, outcome: Outcome, queue: string): void {
    const delaySeconds = retryDelaySeconds(message.attempts, retry);
    const about = { queue, message: message.id, attempt: message.attempts };
    switch (outcome.kind) {
      case 'handled':
      case 'repeated':
        message.ack();
        return;
      case 'taken':
        message.retry({ delaySeconds: Math.max(delaySeconds, secondsUntil(outcome.untilMs)) });
        return;
      case 'held':
        message.retry({ delaySeconds: Math.min(delaySeconds, secondsUntil(outcome.untilMs)) });
        return;
      case 'behind':
        message.ack();
        tell('onSkipped', about, () => ordered?.onSkipped?.(outcome.event));
        return;
      case 'unreadable':
        message.retry({ delaySeconds });
        logError('event breaks the schema', { ...about, paths: outcome.paths });
        return;
      case 'failed': {
        message.retry({ delaySeconds });
        const { what, error, source, id } = outcome;
        logError(what, { ...about, source, id, error });
        tell('onError', about, () => options.onError?.(error, { id: message.id, attempt: message.attempts }));
        return;
      }
      default:
        outcome satisfies never;
    }
  }
}

/** Calls a callback, which must not cost the other messages their outcome. */
function tell(name: string, about: object, callback: () => void): void {
  try {
    callback();
  } catch (error) {
    logError(`${name} failed`, { ...about, error });
  }
}

async function prune(
  store: { prune?: (nowMs: number) => Promise<void> } | undefined,
  what: string,
  queue: string,
): Promise<void> {
  try {
    await store?.prune?.(Date.now());
  } catch (error) {
    logError(what, { queue, error });
  }
}

/**
 * What is handled one after the other: the events of each contact or message by their `sequence`, those without one first, since
 * they are of an early version. One that names no contact has a lane of its own. Not by `Map.groupBy`, which Node has from
 * version 21 on.
 */
function lanesOf(deliveries: Delivery[], by: 'contact' | 'message'): Delivery[][] {
  const lanes = new Map<unknown, Delivery[]>();
  for (const delivery of deliveries) {
    const name = orderName(delivery.message.body, by) ?? delivery;
    const lane = lanes.get(name);
    if (lane === undefined) lanes.set(name, [delivery]);
    else lane.push(delivery);
  }
  const sequenceOf = ({ message }: Delivery) => sequenceIn(message.body) ?? 0;
  return [...lanes.values()].map((lane) => lane.sort((a, b) => sequenceOf(a) - sequenceOf(b)));
}

/** The places of the events that do not begin at once. */
function placesToNote(lanes: Delivery[][], concurrency: number): Place[] {
  const waiting = lanes.flatMap((lane, index) => (index < concurrency ? lane.slice(1) : lane));
  return waiting.flatMap(({ place }) => place ?? []);
}

function secondsUntil(ms: number): number {
  return Math.min(Math.max(1, Math.ceil((ms - Date.now()) / 1000)), MAX_DELAY_SECONDS);
}

/** Runs the work for all items, at most `limit` at a time. */
async function inParallel<Item>(
  items: Item[],
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items.values(); // one iterator, which all workers take from
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

function requireSensible(
  { onResponse, onStatus, onOther }: { onResponse?: unknown; onStatus?: unknown; onOther?: unknown },
  {
    retry,
    concurrency,
    handlerTimeoutSeconds,
    maxWaitSeconds,
  }: { retry: RetryDelay; concurrency: number; handlerTimeoutSeconds: number; maxWaitSeconds: number },
): void {
  const { firstSeconds, longestSeconds } = retry;
  const require = (isSensible: boolean, rule: string) => {
    if (!isSensible) throw new TypeError(`consume: ${rule}`);
  };
  require(Boolean(onResponse ?? onStatus ?? onOther), 'give at least one of onResponse, onStatus, onOther');
  require(firstSeconds >= 1, 'retry.firstSeconds must be at least 1');
  require(longestSeconds >= firstSeconds &&
    longestSeconds <=
      MAX_DELAY_SECONDS, `retry.longestSeconds must be from retry.firstSeconds to ${MAX_DELAY_SECONDS}`);
  require(Number.isInteger(concurrency) && concurrency >= 1, 'concurrency must be a whole number from 1');
  require(maxWaitSeconds > 0 &&
    maxWaitSeconds <=
      MAX_DELAY_SECONDS, `ordered.maxWaitSeconds must be greater than 0 and at most ${MAX_DELAY_SECONDS}`);
  require(handlerTimeoutSeconds > 0 &&
    handlerTimeoutSeconds <=
      MAX_HANDLER_TIMEOUT_SECONDS, `handlerTimeoutSeconds must be greater than 0 and at most ${MAX_HANDLER_TIMEOUT_SECONDS}`);
}
