// A whole receiver for a browser: with its assets, its cron, a consumer that can be told to fail, consumers of further routes,
// and webhooks of the simulator. It listens on 127.0.0.1, and its data is in a directory that is deleted with it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ASSETS_DIRECTORY } from '../../scripts/assets.ts';
import { deadLetterQueueOfRoute, queueOfRoute } from '../../src/contract/route-queues.ts';
import { bindingOf, FIRST_ROUTE } from '../../src/contract/routes.ts';
import { EXAMPLE_CONSUMER, MIGRATIONS, RECEIVER, withoutBatchTimeout } from '../declared-worker.ts';
import {
  bundleWorker,
  type LocalRuntime,
  type LocalWorker,
  type Row,
  startWorkers,
} from '../local-worker.ts';
import { Ledger } from '../simulate/ledger.ts';
import type { Plan } from '../simulate/plan.ts';
import { startSending } from '../simulate/sender.ts';

export const ADMIN_TOKEN = 'admin-token-of-the-browser-and-of-nothing-else';
export const READ_TOKEN = 'read-token-of-the-browser-and-of-nothing-else';
const WEBHOOK_SECRET = 'webhook-secret-of-the-browser-and-of-nothing-else';

/** After so many failures a message becomes a dead letter. */
const CONSUMER_RETRIES = 1;
const SENDING = { rate: 0, connections: 16, timeoutMs: 10_000, retryForMs: 30_000 };

/** An event that the consumer handled. */
export interface Handled {
  id: string;
  integration: string;
  /** The id of the replay; `null`: none. */
  replay: string | null;
}

/** A running receiver. */
export interface BrowsedReceiver {
  origin: string;
  /** The lines that it and its consumer logged. */
  logged: string[];
  /** Calls the operators' API as the administrator. Throws where it answers a problem. */
  api<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Delivers one body to an integration as the platform would; gives the status of the answer. */
  deliver(integration: string, body: unknown): Promise<number>;
  /** Delivers a plan of the simulator, and waits until all of it is forwarded. */
  send(integration: string, plan: Plan): Promise<void>;
  runCron(): Promise<void>;
  /** Makes the consumer fail every event, or work again. */
  setConsumerFailing(isFailing: boolean): Promise<void>;
  /** How the consumer of a route handled an event. */
  handledBy(eventId: string, route?: string): Promise<Handled[]>;
  /** The replays that the consumer of a route handled anything of, each with the number of its messages. */
  replaysHandled(route?: string): Promise<Record<string, number>>;
  /** Executes a statement in the receiver's database, which the receiver does not notice. */
  sql(statement: string, ...values: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/**
 * Starts it with an empty database, on the assets as they were last built.
 *
 * @param furtherQueues the names of routes whose queues it has besides that of `events`, each with a consumer.
 */
export async function startReceiver(furtherQueues: readonly string[] = []): Promise<BrowsedReceiver> {
  const [script, consumer] = await Promise.all([
    bundleWorker('src/index.ts'),
    bundleWorker('tools/browser/workers/consumer.ts'),
  ]);
  const state = await mkdtemp(join(tmpdir(), 'browsed-'));
  const removeState = async () => rm(state, { recursive: true, force: true });
  const logged: string[] = [];
  let runtime: LocalRuntime;
  try {
    const consumers = [FIRST_ROUTE, ...furtherQueues].map((route) => consumerWorker(consumer, route));
    runtime = await startWorkers([receiverWorker(script, furtherQueues), ...consumers], {
      persistTo: state,
      onLog: (line) => logged.push(line),
    });
  } catch (error) {
    await removeState();
    throw error;
  }
  const stop = async () => {
    await runtime.dispose().finally(removeState); // it rejects when a statement was still under way
  };
  try {
    await runtime.migrate('receiver', 'DB', MIGRATIONS);
    for (const route of [FIRST_ROUTE, ...furtherQueues]) {
      const consumer = consumerOf(route);
      await runtime.execute(
        consumer,
        'STATE',
        'CREATE TABLE handled (id TEXT, integration TEXT, replay TEXT)',
      );
      await runtime.execute(consumer, 'STATE', 'CREATE TABLE failing (told INTEGER PRIMARY KEY)');
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return browsed(runtime, logged, stop);
}

function browsed(runtime: LocalRuntime, logged: string[], stop: () => Promise<void>): BrowsedReceiver {
  const { origin } = runtime.originOf('receiver');
  const sql: BrowsedReceiver['sql'] = async (statement, ...values) =>
    runtime.execute('receiver', 'DB', statement, ...values);
  const consumerSql = async (route: string, statement: string, ...values: unknown[]) =>
    runtime.execute(consumerOf(route), 'STATE', statement, ...values);

  const api: BrowsedReceiver['api'] = async <Answer>(method: string, path: string, body?: unknown) => {
    const response = await fetch(`${origin}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /api${path} answered ${response.status}: ${text}`);
    return (text === '' ? null : JSON.parse(text)) as Answer;
  };
  const urlOf = async (integration: string) =>
    new URL((await api<{ url: string }>('GET', `/integrations/${integration}`)).url);

  return {
    origin,
    logged,
    api,
    sql,
    stop,
    async deliver(integration, body) {
      const response = await fetch(await urlOf(integration), {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      await response.body?.cancel();
      return response.status;
    },
    async send(integration, plan) {
      const url = await urlOf(integration);
      await startSending(plan.deliveries, { ...SENDING, url: () => url }, new Ledger(plan)).done;
      await until(async () => {
        const { data } = await api<{ data: { waiting: number }[] }>('GET', '/routes');
        return data.every(({ waiting }) => waiting === 0);
      });
    },
    runCron: async () => runtime.runCron('receiver'),
    async setConsumerFailing(isFailing) {
      await consumerSql(
        FIRST_ROUTE,
        isFailing ? 'INSERT OR IGNORE INTO failing (told) VALUES (1)' : 'DELETE FROM failing',
      );
    },
    handledBy: async (eventId, route = FIRST_ROUTE) =>
      (await consumerSql(
        route,
        'SELECT id, integration, replay FROM handled WHERE id = ?1 ORDER BY rowid',
        eventId,
      )) as unknown as Handled[],
    async replaysHandled(route = FIRST_ROUTE) {
      const rows = await consumerSql(
        route,
        'SELECT replay, count(*) AS messages FROM handled WHERE replay IS NOT NULL GROUP BY replay',
      );
      return Object.fromEntries(rows.map(({ replay, messages }) => [String(replay), Number(messages)]));
    },
  };
}

function receiverWorker(script: string, furtherQueues: readonly string[]): LocalWorker {
  const queues = furtherQueues.map((route) => [bindingOf(route), queueOfRoute(route)] as const);
  const [ofDeadLetters] = RECEIVER.consumes.filter(
    ({ queue }) => queue === deadLetterQueueOfRoute(FIRST_ROUTE),
  );
  if (ofDeadLetters === undefined) throw new Error('the receiver does not consume dead letters');
  const deadLetters = furtherQueues.map((route) => ({
    ...ofDeadLetters,
    queue: deadLetterQueueOfRoute(route),
  }));
  return {
    name: 'receiver',
    script,
    ...RECEIVER,
    vars: { ...RECEIVER.vars, WEBHOOK_SECRET, ADMIN_TOKEN, READ_TOKEN },
    queues: { ...RECEIVER.queues, ...Object.fromEntries(queues) },
    consumes: withoutBatchTimeout([...RECEIVER.consumes, ...deadLetters]),
    assets: { binding: 'ASSETS', directory: ASSETS_DIRECTORY },
    version: 'VERSION',
  };
}

/** The name of the Worker that consumes a route, and of its database. */
function consumerOf(route: string): string {
  return `consumer-${route.replaceAll('_', '-')}`;
}

function consumerWorker(script: string, route: string): LocalWorker {
  const name = consumerOf(route);
  return {
    name,
    script,
    databases: { STATE: name },
    consumes: withoutBatchTimeout(EXAMPLE_CONSUMER.consumes).map((consumer) => ({
      ...consumer,
      queue: queueOfRoute(route),
      deadLetterQueue: deadLetterQueueOfRoute(route),
      maxRetries: CONSUMER_RETRIES,
    })),
  };
}

const UNTIL_MS = 20_000;
const POLL_MS = 100;

/** Waits until a condition holds. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadlineMs = performance.now() + UNTIL_MS; !(await isSo()); ) {
    if (performance.now() > deadlineMs) throw new Error(`not so after ${UNTIL_MS} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
