// A whole receiver for a browser: with its assets, its cron, a consumer that can be told to fail, and webhooks of the
// simulator. It listens on 127.0.0.1, and its data is in a directory that is deleted with it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ASSETS_DIRECTORY } from '../../scripts/assets.ts';
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
  /** The number of the replay; 0: none. */
  replay: number;
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
  handledBy(eventId: string): Promise<Handled[]>;
  /** Executes a statement in the receiver's database, which the receiver does not notice. */
  sql(statement: string, ...values: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** Starts it with an empty database, on the assets as they were last built. */
export async function startReceiver(): Promise<BrowsedReceiver> {
  const [script, consumer] = await Promise.all([
    bundleWorker('src/index.ts'),
    bundleWorker('tools/browser/workers/consumer.ts'),
  ]);
  const state = await mkdtemp(join(tmpdir(), 'browsed-'));
  const removeState = async () => rm(state, { recursive: true, force: true });
  const logged: string[] = [];
  let runtime: LocalRuntime;
  try {
    runtime = await startWorkers([receiverWorker(script), consumerWorker(consumer)], {
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
    await runtime.execute(
      'consumer',
      'STATE',
      'CREATE TABLE handled (id TEXT, integration TEXT, replay INTEGER)',
    );
    await runtime.execute('consumer', 'STATE', 'CREATE TABLE failing (told INTEGER PRIMARY KEY)');
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
  const consumerSql = async (statement: string, ...values: unknown[]) =>
    runtime.execute('consumer', 'STATE', statement, ...values);

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
      await until(async () => (await sql('SELECT 1 FROM outbox LIMIT 1')).length === 0);
    },
    runCron: async () => runtime.runCron('receiver'),
    async setConsumerFailing(isFailing) {
      await consumerSql(
        isFailing ? 'INSERT OR IGNORE INTO failing (told) VALUES (1)' : 'DELETE FROM failing',
      );
    },
    handledBy: async (eventId) =>
      (await consumerSql(
        'SELECT id, integration, replay FROM handled WHERE id = ?1 ORDER BY rowid',
        eventId,
      )) as unknown as Handled[],
  };
}

function receiverWorker(script: string): LocalWorker {
  return {
    name: 'receiver',
    script,
    ...RECEIVER,
    vars: { ...RECEIVER.vars, WEBHOOK_SECRET, ADMIN_TOKEN, READ_TOKEN },
    consumes: withoutBatchTimeout(RECEIVER.consumes),
    assets: { binding: 'ASSETS', directory: ASSETS_DIRECTORY },
    version: 'VERSION',
  };
}

function consumerWorker(script: string): LocalWorker {
  return {
    name: 'consumer',
    script,
    databases: { STATE: 'consumer' },
    consumes: withoutBatchTimeout(EXAMPLE_CONSUMER.consumes).map((consumer) => ({
      ...consumer,
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
