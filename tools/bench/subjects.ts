// The Workers that are compared, each in a workerd process and with a database of its own.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT } from '../../scripts/project.ts';
import { EXAMPLE_CONSUMER, RECEIVER } from '../declared-worker.ts';
import { bundleWorker, type LocalRuntime, type LocalWorker, startWorkers } from '../local-worker.ts';
import { webhookToken } from '../webhook-token.ts';
import { makeTemporaryDirectory } from './temporary-directory.ts';

export const SUBJECTS = ['limit', 'naive', 'receiver', 'group-commit'] as const;
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
    case 'group-commit':
      return 'd  its group commit alone';
  }
}

const SECRETS = {
  WEBHOOK_SECRET: 'webhook-secret-of-the-benchmark-and-of-nothing-else',
  ADMIN_TOKEN: 'admin-token-of-the-benchmark',
};
const SLUG = 'bench';

const SAMPLE = fileURLToPath(new URL('../../test/samples/status.json', import.meta.url));
const NAIVE_MIGRATIONS = fileURLToPath(new URL('workers/naive-migrations', import.meta.url));
const GROUP_COMMIT_MIGRATIONS = fileURLToPath(new URL('workers/group-commit-migrations', import.meta.url));

const WEBHOOK_TOKEN = webhookToken(SECRETS.WEBHOOK_SECRET, SLUG);

/** The names of the receiver's routes. The first is there from the beginning. */
const ROUTES = ['events', 'crm', 'desk', 'data'] as const;
export const MAX_ROUTES = ROUTES.length;

/** How a subject is set up. */
export interface SubjectOptions {
  /** Whether it runs on bindings that keep count. */
  isCounted?: boolean;
  /** How many ways out it has, each a queue with a consumer: more than one is for this receiver only. */
  routes?: number;
}

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
  'group-commit': StoringBundles;
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
  const [limit, consumer, naive, receiver, groupCommit] = await Promise.all([
    bundleWorker(`${WORKERS}/limit.ts`),
    bundleWorker(`${WORKERS}/consumer.ts`),
    bundleStoring('naive-receiver', NAIVE_MIGRATIONS),
    bundleReceiver(PROJECT),
    bundleStoring('group-commit', GROUP_COMMIT_MIGRATIONS),
  ]);
  return { limit, consumer, naive, receiver, 'group-commit': groupCommit };
}

async function bundleStoring(worker: string, migrations: string): Promise<StoringBundles> {
  const [script, counted] = await Promise.all([
    bundleWorker(`${WORKERS}/${worker}.ts`),
    bundleWorker(`${WORKERS}/counted-${worker}.ts`),
  ]);
  return { script, counted, migrations };
}

/** Bundles the receiver of a directory with the layout of this project. */
export async function bundleReceiver(project: string): Promise<StoringBundles> {
  const [script, counted] = await Promise.all([
    bundleWorker('src/index.ts', project),
    bundleWorker(`${WORKERS}/counted-receiver.ts`, project),
  ]);
  return { script, counted, migrations: join(project, 'src/store/migrations') };
}

/** Starts a subject with an empty database. */
export async function startSubject(
  subject: Subject,
  bundles: Bundles,
  { isCounted = false, routes = 1 }: SubjectOptions = {},
): Promise<RunningSubject> {
  if (routes > 1 && subject !== 'receiver') throw new Error(`${subject} has one way out`);
  const queues = queuesOf(routes);
  const running = await startWorkersOf(subject, bundles, workersOf(subject, bundles, isCounted, queues));
  try {
    for (const { name } of queues.slice(1)) await makeRoute(running, name);
    return running;
  } catch (error) {
    await running.stop();
    throw error;
  }
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
    ...workersOf('receiver', bundles, false, queuesOf(1)),
    { ...receiverWorker('counted', bundles.receiver.counted), consumes: [] },
  ]);
  return { ...running, countedOrigin: running.runtime.originOf('counted') };
}

export const ADMIN_HEADERS = { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` };

/** The queue of a route. */
interface RouteQueue {
  name: string;
  binding: string;
  queue: string;
}

function queuesOf(routes: number): RouteQueue[] {
  return ROUTES.slice(0, routes).map((name, index) => {
    const binding = index === 0 ? 'EVENTS' : `EVENTS_${name.toUpperCase()}`;
    return { name, binding, queue: RECEIVER.queues[binding] ?? `instant-message-${name}` };
  });
}

async function makeRoute({ webhookUrl }: RunningSubject, name: string): Promise<void> {
  const answer = await fetch(new URL('/api/routes', webhookUrl), {
    method: 'POST',
    headers: { ...ADMIN_HEADERS, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  if (answer.status !== 201) {
    throw new Error(`the route ${name} was answered ${answer.status}: ${await answer.text()}`);
  }
}

function workersOf(
  subject: Subject,
  bundles: Bundles,
  isCounted: boolean,
  routes: readonly RouteQueue[],
): LocalWorker[] {
  if (subject === 'limit') return [{ name: subject, script: bundles.limit }];
  const { script, counted } = storingBundles(subject, bundles);
  const run = isCounted ? counted : script;
  const queues = Object.fromEntries(routes.map(({ binding, queue }) => [binding, queue]));
  const consumer: LocalWorker = {
    name: 'consumer',
    script: bundles.consumer,
    consumes: routes.flatMap(({ queue }) =>
      EXAMPLE_CONSUMER.consumes.map((declared) => ({ ...declared, queue })),
    ),
  };
  switch (subject) {
    case 'naive':
      return [
        { name: subject, script: run, vars: { WEBHOOK_TOKEN }, databases: { DB: subject }, queues },
        consumer,
      ];
    case 'group-commit':
      return [{ name: subject, script: run, databases: { DB: subject }, queues }, consumer];
    case 'past':
    case 'receiver': {
      const receiver = receiverWorker(subject, run);
      return [{ ...receiver, queues: { ...receiver.queues, ...queues } }, consumer];
    }
  }
}

function storingBundles(subject: Exclude<Subject, 'limit'>, bundles: Bundles): StoringBundles {
  const found = bundles[subject];
  if (found === undefined) throw new Error(`${subject} has not been bundled`);
  return found;
}

function receiverWorker(name: string, script: string) {
  return { name, script, ...RECEIVER, vars: { ...RECEIVER.vars, ...SECRETS } };
}

async function prepareDatabase(subject: Subject, bundles: Bundles, runtime: LocalRuntime): Promise<void> {
  if (subject === 'limit') return;
  await runtime.migrate(subject, 'DB', storingBundles(subject, bundles).migrations);
  if (subject === 'naive' || subject === 'group-commit') return;
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
