// Runs Workers on this machine without wrangler: bundled from their sources, in a workerd process of their own, each with a
// socket of its own on 127.0.0.1. (Miniflare's own address leads through a proxy Worker, whose work would be measured as the
// Worker's.)
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare, type MiniflareOptions } from 'miniflare';
import { unstable_splitSqlQuery } from 'wrangler';
import { PROJECT } from '../scripts/project.ts';
import { type DeclaredWorker, RECEIVER } from './declared-worker.ts';

type WorkerOptions = MiniflareOptions['workers'][number];
type Bindings = NonNullable<WorkerOptions['config']['env']>;

/** A Worker to run. Messages to a queue that no Worker consumes are dropped. */
export interface LocalWorker extends Partial<DeclaredWorker> {
  name: string;
  /** Its bundle, as {@link bundleWorker} makes it. */
  script: string;
  /** A directory of static assets. */
  assets?: { binding: string; directory: string };
  /** The binding for its version, which changes with each start. */
  version?: string;
}

/** A row of a database, by column. */
export type Row = Record<string, unknown>;

/** Running Workers. */
export interface LocalRuntime {
  /** The Worker's own socket. */
  originOf(worker: string): URL;
  /** Applies migrations to one of its databases, in the order of their names. */
  migrate(worker: string, binding: string, directory: string): Promise<void>;
  /** Runs one statement in one of its databases, from outside of any Worker, and gives its rows. */
  execute(worker: string, binding: string, sql: string, ...values: unknown[]): Promise<Row[]>;
  /** Runs its cron once. */
  runCron(worker: string): Promise<void>;
  /** Process id of workerd; `undefined` where there is no /proc. */
  pid: number | undefined;
  /** Ends the process and keeps the databases. */
  dispose(): Promise<void>;
}

/**
 * Bundles a Worker into one ES module, as wrangler would. The path is one in the project, or in another directory with the same
 * layout.
 */
export async function bundleWorker(entryPoint: string, project = PROJECT): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: project,
    entryPoints: [entryPoint],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

/**
 * Starts Workers in one new workerd process.
 *
 * @param persistTo directory for databases.
 * @param onLog gets what the Workers log, which is written to this process's own output otherwise.
 */
export async function startWorkers(
  workers: readonly LocalWorker[],
  { persistTo, onLog }: { persistTo: string; onLog?: (line: string) => void },
): Promise<LocalRuntime> {
  const before = await findChildren('workerd');
  const miniflare = new Miniflare({
    resourcePersistencePath: persistTo,
    telemetry: { enabled: false },
    enableDevRegistry: false,
    logRequests: false,
    ...(onLog !== undefined && { handleStructuredLogs: ({ message }) => onLog(message) }),
    workers: workers.map(optionsOf),
  });
  try {
    await miniflare.ready;
    const origins = new Map<string, URL>();
    for (const { name } of workers) origins.set(name, await miniflare.unsafeGetDirectURL(name));
    const started = (await findChildren('workerd')).filter((pid) => !before.includes(pid));

    const execute: LocalRuntime['execute'] = async (worker, binding, sql, ...values) => {
      const database = await miniflare.getD1Database(binding, worker);
      const { results } = await database
        .prepare(sql)
        .bind(...values)
        .run<Row>();
      return results;
    };
    return {
      originOf(worker) {
        const origin = origins.get(worker);
        if (origin === undefined) throw new Error(`no Worker is named ${worker}`);
        return origin;
      },
      execute,
      async runCron(worker) {
        const fetcher = await miniflare.getWorker(worker);
        const { outcome } = await fetcher.scheduled();
        if (outcome !== 'ok') throw new Error(`the cron of ${worker} ended with ${outcome}`);
      },
      async migrate(worker, binding, directory) {
        const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
        for (const file of files) {
          for (const statement of unstable_splitSqlQuery(await readFile(join(directory, file), 'utf8'))) {
            await execute(worker, binding, statement);
          }
        }
      },
      pid: started.length === 1 ? started[0] : undefined,
      dispose: async () => miniflare.dispose(),
    };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

function optionsOf(worker: LocalWorker): WorkerOptions {
  const env: Bindings = {};
  for (const [binding, value] of Object.entries(worker.vars ?? {})) env[binding] = { type: 'text', value };
  for (const [binding, id] of Object.entries(worker.databases ?? {})) env[binding] = { type: 'd1', id };
  for (const [binding, name] of Object.entries(worker.queues ?? {})) env[binding] = { type: 'queue', name };
  for (const [binding, simple] of Object.entries(worker.rateLimits ?? {})) {
    env[binding] = { type: 'rate-limit', namespace: binding, simple };
  }
  if (worker.assets !== undefined) env[worker.assets.binding] = { type: 'assets' };
  if (worker.version !== undefined) env[worker.version] = { type: 'version-metadata' };
  return {
    config: {
      name: worker.name,
      compatibilityDate: worker.compatibilityDate ?? RECEIVER.compatibilityDate,
      manifest: {
        mainModule: 'worker.mjs',
        modulesRoot: PROJECT,
        modules: { 'worker.mjs': { type: 'esm', contents: worker.script } },
      },
      env,
      ...(worker.assets !== undefined && {
        assets: { directory: worker.assets.directory, hasUserWorker: true, runWorkerFirst: true },
      }),
      triggers: (worker.consumes ?? []).map(({ queue, maxBatchTimeoutSeconds, ...consumer }) => ({
        type: 'queue',
        name: queue,
        maxBatchTimeout: maxBatchTimeoutSeconds,
        ...consumer,
      })),
    },
    dev: { unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }] },
  };
}

/** Child processes of this one by name. Empty where there is no /proc. */
async function findChildren(name: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => []);
  const found: number[] = [];
  for (const entry of entries.filter((candidate) => /^\d+$/.test(candidate))) {
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const [, comm, ppid] = /^\d+ \((.*)\) \S (\d+)/.exec(stat) ?? [];
    if (comm === name && Number(ppid) === process.pid) found.push(Number(entry));
  }
  return found;
}
