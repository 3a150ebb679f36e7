// The Workers that are compared, each in a workerd process and with a database of its own.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT } from '../../scripts/project.ts';
import { EXAMPLE_CONSUMER, RECEIVER } from '../declared-worker.ts';
import { bundleWorker, type LocalRuntime, type LocalWorker, startWorkers } from '../local-worker.ts';
import { webhookToken } from '../webhook-token.ts';
import { makeTemporaryDirectory } from './temporary-directory.ts';

export const SUBJECTS = ['limit', 'naive', 'receiver'] as const;
/** `past` is this receiver at the revision of `--against`. */
export type Subject = (typeof SUBJECTS)[number] | 'past';

/** The name in tables. */
export function nameOf(subject: Subject, against?: { revision: string }): string {
  switch (subject) {
    case 'limit':
      return 'a  reads and answers';
    case 'naive':
      return 'b  an afternoon’s receiver';
    case 'past':
      return `c′ this receiver at ${against?.revision}`;
    case 'receiver':
      return 'c  this receiver';
  }
}

const SECRETS = {
  WEBHOOK_SECRET: 'webhook-secret-of-the-benchmark-and-of-nothing-else',
  ADMIN_TOKEN: 'admin-token-of-the-benchmark',
};
const SLUG = 'bench';

const SAMPLE = fileURLToPath(new URL('../../test/samples/status.json', import.meta.url));
const NAIVE_MIGRATIONS = fileURLToPath(new URL('workers/naive-migrations', import.meta.url));

const WEBHOOK_TOKEN = webhookToken(SECRETS.WEBHOOK_SECRET, SLUG);

/** A running subject. */
export interface RunningSubject {
  subject: Subject;
  /** Where webhooks go. */
  webhookUrl: string;
  runtime: LocalRuntime;
  stop(): Promise<void>;
}

/** This receiver with one that counts on the same database. */
export interface RunningReceiver extends RunningSubject {
  countedOrigin: URL;
}

export interface Bundles {
  limit: string;
  consumer: string;
  naive: StoringBundles;
  receiver: StoringBundles;
  past?: StoringBundles;
}

/** The bundles of a subject that stores events. */
export interface StoringBundles {
  script: string;
  /** The Worker on bindings that keep count. */
  counted: string;
  /** The directory of its migrations. */
  migrations: string;
}

const WORKERS = 'tools/bench/workers';

export async function bundleSubjects(): Promise<Bundles> {
  const [limit, consumer, naive, countedNaive, receiver] = await Promise.all([
    bundleWorker(`${WORKERS}/limit.ts`),
    bundleWorker(`${WORKERS}/consumer.ts`),
    bundleWorker(`${WORKERS}/naive-receiver.ts`),
    bundleWorker(`${WORKERS}/counted-naive-receiver.ts`),
    bundleReceiver(PROJECT),
  ]);
  return {
    limit,
    consumer,
    naive: { script: naive, counted: countedNaive, migrations: NAIVE_MIGRATIONS },
    receiver,
  };
}

/** Bundles the receiver of a directory with the layout of this project. */
export async function bundleReceiver(project: string): Promise<StoringBundles> {
  const [script, counted] = await Promise.all([
    bundleWorker('src/index.ts', project),
    bundleWorker(`${WORKERS}/counted-receiver.ts`, project),
  ]);
  return { script, counted, migrations: join(project, 'src/store/migrations') };
}

/**
 * Starts a subject with an empty database.
 *
 * @param isCounted whether it runs on bindings that keep count.
 */
export async function startSubject(
  subject: Subject,
  bundles: Bundles,
  { isCounted = false }: { isCounted?: boolean } = {},
): Promise<RunningSubject> {
  return startWorkersOf(subject, bundles, workersOf(subject, bundles, isCounted));
}

/** Sends one webhook, and throws where it is not acknowledged: the figures would mean nothing. */
export async function requireAcknowledgement({ webhookUrl }: RunningSubject): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(webhookUrl, { method: 'POST', headers, body: await readFile(SAMPLE) });
  if (!answer.ok) throw new Error(`a webhook was answered ${answer.status}: ${await answer.text()}`);
}

/** Starts this receiver and, on the same database, one that counts. */
export async function startReceiverBesideCounted(bundles: Bundles): Promise<RunningReceiver> {
  const running = await startWorkersOf('receiver', bundles, [
    ...workersOf('receiver', bundles, false),
    { ...receiverWorker('counted', bundles.receiver.counted), consumes: [] },
  ]);
  return { ...running, countedOrigin: running.runtime.originOf('counted') };
}

export const ADMIN_HEADERS = { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` };

function workersOf(subject: Subject, bundles: Bundles, isCounted: boolean): LocalWorker[] {
  if (subject === 'limit') return [{ name: subject, script: bundles.limit }];
  const { script, counted } = storingBundles(subject, bundles);
  const run = isCounted ? counted : script;
  const consumer: LocalWorker = {
    name: 'consumer',
    script: bundles.consumer,
    consumes: EXAMPLE_CONSUMER.consumes,
  };
  switch (subject) {
    case 'naive':
      return [
        {
          name: subject,
          script: run,
          vars: { WEBHOOK_TOKEN },
          databases: { DB: subject },
          queues: RECEIVER.queues,
        },
        consumer,
      ];
    case 'past':
    case 'receiver':
      return [receiverWorker(subject, run), consumer];
  }
}

function storingBundles(subject: Exclude<Subject, 'limit'>, bundles: Bundles): StoringBundles {
  const found = bundles[subject];
  if (found === undefined) throw new Error(`${subject} has not been bundled`);
  return found;
}

function receiverWorker(name: string, script: string): LocalWorker {
  return { name, script, ...RECEIVER, vars: { ...RECEIVER.vars, ...SECRETS } };
}

async function prepareDatabase(subject: Subject, bundles: Bundles, runtime: LocalRuntime): Promise<void> {
  if (subject === 'limit') return;
  await runtime.migrate(subject, 'DB', storingBundles(subject, bundles).migrations);
  if (subject === 'naive') return;
  await runtime.execute(subject, 'DB', `INSERT INTO integrations (slug, created_at) VALUES ('${SLUG}', 0)`);
  // While it is measured, neither the cron nor a request in its stead does maintenance, as in most seconds of production.
  const sql = "INSERT INTO progress (task, seq, at) VALUES ('cron', 0, ?1)";
  await runtime.execute(subject, 'DB', sql, Date.now() + 24 * 3_600_000);
}

async function startWorkersOf(
  subject: Subject,
  bundles: Bundles,
  workers: readonly LocalWorker[],
): Promise<RunningSubject> {
  const state = await makeTemporaryDirectory();
  let stop = state.remove;
  try {
    const runtime = await startWorkers(workers, { persistTo: state.path });
    stop = async () => runtime.dispose().finally(state.remove); // it rejects when a statement was still under way
    await prepareDatabase(subject, bundles, runtime);
    const path = `/webhooks/${SLUG}/${WEBHOOK_TOKEN}`;
    return { subject, runtime, stop, webhookUrl: new URL(path, runtime.originOf(subject)).href };
  } catch (error) {
    await stop();
    throw error;
  }
}
