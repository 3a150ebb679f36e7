// What is compared: three Workers, each in a workerd process of its own with a database of its own.
import { createHmac } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorker, type LocalRuntime, type LocalWorker, startWorkers } from '../local-worker.ts';

export const SUBJECTS = ['limit', 'naive', 'receiver'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** As they are called in what is printed. */
export const SUBJECT_NAMES: Record<Subject, string> = {
  limit: 'a  reads and answers',
  naive: 'b  an afternoon’s receiver',
  receiver: 'c  this receiver',
};

const SECRETS = {
  WEBHOOK_SECRET: 'webhook-secret-of-the-benchmark-and-of-nothing-else',
  ADMIN_TOKEN: 'admin-token-of-the-benchmark',
};
const SLUG = 'bench';
const EVENTS_QUEUE = 'events';
const INTAKE_QUEUE = 'intake';

const MIGRATIONS = {
  naive: fileURLToPath(new URL('workers/naive-migrations', import.meta.url)),
  receiver: fileURLToPath(new URL('../../src/store/migrations', import.meta.url)),
};

/** Of wrangler.toml and of the example consumer. */
const CONSUMER_BATCH = { maxBatchSize: 100, maxBatchTimeoutSeconds: 1 };

/** Generation 1's, as src/webhook-token.ts derives it. */
function receiverToken(): string {
  const mac = createHmac('sha256', SECRETS.WEBHOOK_SECRET).update(`webhook-token:${SLUG}:1`);
  return `1.${mac.digest('base64url')}`;
}

/** A running subject. */
export interface RunningSubject {
  subject: Subject;
  /** Where webhooks go. */
  webhookUrl: string;
  runtime: LocalRuntime;
  stop(): Promise<void>;
}

/** A running pair: this receiver, and beside it on the same database one that counts. */
export interface RunningReceiver extends RunningSubject {
  countedOrigin: URL;
}

/** The bundles of all Workers, built once. */
export interface Bundles {
  limit: string;
  naive: string;
  receiver: string;
  consumer: string;
  countedNaive: string;
  countedReceiver: string;
}

export async function bundleSubjects(): Promise<Bundles> {
  const workers = 'scripts/bench/workers';
  const [limit, naive, receiver, consumer, countedNaive, countedReceiver] = await Promise.all([
    bundleWorker(`${workers}/limit.ts`),
    bundleWorker(`${workers}/naive-receiver.ts`),
    bundleWorker('src/index.ts'),
    bundleWorker(`${workers}/consumer.ts`),
    bundleWorker(`${workers}/counted-naive-receiver.ts`),
    bundleWorker(`${workers}/counted-receiver.ts`),
  ]);
  return { limit, naive, receiver, consumer, countedNaive, countedReceiver };
}

export interface SubjectOptions {
  /** In place of the receiver's own bundle: one that keeps count. */
  script?: string;
  inspectorPort?: number;
}

/** Starts a subject with an empty database. */
export async function startSubject(
  subject: Subject,
  bundles: Bundles,
  { script, inspectorPort }: SubjectOptions = {},
): Promise<RunningSubject> {
  const workers = workersOf(subject, bundles, script ?? bundles[subject]);
  const { runtime, stop } = await startWithEmptyState(workers, inspectorPort);
  try {
    await prepareDatabase(subject, runtime);
  } catch (error) {
    await stop();
    throw error;
  }
  const path = `/webhooks/${SLUG}/${receiverToken()}`;
  return { subject, runtime, stop, webhookUrl: new URL(path, runtime.originOf(subject)).href };
}

/** Starts this receiver and, on the same database, one that counts. */
export async function startReceiverBesideCounted(bundles: Bundles): Promise<RunningReceiver> {
  const counted = { ...receiverWorker(bundles.countedReceiver), name: 'counted' };
  const { runtime, stop } = await startWithEmptyState([
    ...workersOf('receiver', bundles, bundles.receiver),
    counted,
  ]);
  try {
    await prepareDatabase('receiver', runtime);
  } catch (error) {
    await stop();
    throw error;
  }
  const path = `/webhooks/${SLUG}/${receiverToken()}`;
  return {
    subject: 'receiver',
    runtime,
    stop,
    webhookUrl: new URL(path, runtime.originOf('receiver')).href,
    countedOrigin: runtime.originOf('counted'),
  };
}

export const ADMIN_HEADERS = { authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` };

function workersOf(subject: Subject, bundles: Bundles, script: string): LocalWorker[] {
  const consumer: LocalWorker = {
    name: 'consumer',
    script: bundles.consumer,
    consumes: [{ queue: EVENTS_QUEUE, ...CONSUMER_BATCH }],
  };
  switch (subject) {
    case 'limit':
      return [{ name: subject, script }];
    case 'naive':
      return [
        {
          name: subject,
          script,
          vars: { WEBHOOK_TOKEN: receiverToken() },
          databases: { DB: subject },
          queues: { EVENTS: EVENTS_QUEUE },
        },
        consumer,
      ];
    case 'receiver':
      return [
        { ...receiverWorker(script), consumes: [{ queue: INTAKE_QUEUE, ...CONSUMER_BATCH }] },
        consumer,
      ];
  }
}

function receiverWorker(script: string): LocalWorker {
  return {
    name: 'receiver',
    script,
    vars: { RETENTION_DAYS: '30', MAX_DATABASE_GB: '8', PUBLIC_URL: '', ...SECRETS },
    databases: { DB: 'receiver' },
    queues: { EVENTS: EVENTS_QUEUE, INTAKE: INTAKE_QUEUE },
  };
}

async function prepareDatabase(subject: Subject, runtime: LocalRuntime): Promise<void> {
  if (subject === 'limit') return;
  await runtime.migrate(subject, 'DB', MIGRATIONS[subject]);
  if (subject !== 'receiver') return;
  await runtime.execute(subject, 'DB', `INSERT INTO integrations (slug, created_at) VALUES ('${SLUG}', 0)`);
  // No cron comes while it is measured, as in most seconds of production: nor are requests to do its work.
  const sql = "INSERT INTO progress (task, seq, at) VALUES ('cron', 0, ?1)";
  await runtime.execute(subject, 'DB', sql, Date.now() + 24 * 3_600_000);
}

async function startWithEmptyState(workers: readonly LocalWorker[], inspectorPort?: number) {
  const state = await mkdtemp(join(tmpdir(), 'bench-'));
  // Miniflare ends the process by itself on Ctrl-C, before anything asynchronous is done.
  const removeAtExit = () => rmSync(state, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  const removeState = async () => {
    await rm(state, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  };
  try {
    const runtime = await startWorkers(workers, {
      persistTo: state,
      ...(inspectorPort !== undefined && { inspectorPort }),
    });
    const stop = async () => {
      await runtime.dispose().finally(removeState); // it rejects when a statement was still under way
    };
    return { runtime, stop };
  } catch (error) {
    await removeState();
    throw error;
  }
}
