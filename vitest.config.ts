import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers';
import { build } from 'esbuild';
import { defineConfig } from 'vitest/config';
import { unstable_readConfig } from 'wrangler';

const { compatibility_date: compatibilityDate, d1_databases } = unstable_readConfig({
  config: 'wrangler.toml',
});
const DATABASE = d1_databases[0]?.database_name ?? '';

const SECRETS = {
  WEBHOOK_SECRET: 'webhook-secret-of-the-tests-and-of-nothing-else',
  ADMIN_TOKEN: 'admin-token-of-the-tests',
};

/** The Worker under test in one file: test/receiver/worker.ts says why it has an isolate of its own. */
async function bundleReceiver(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['test/receiver/worker.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    sourcemap: 'inline',
  });
  return outputFiles[0]?.text ?? '';
}

export default defineConfig(async () => ({
  test: {
    projects: [
      {
        // Everything of src, in workerd, with real D1 and real queues.
        plugins: [
          cloudflareTest({
            miniflare: {
              compatibilityDate,
              bindings: { ...SECRETS, TEST_MIGRATIONS: await readD1Migrations('./src/store/migrations') },
              d1Databases: { DB: DATABASE },
              serviceBindings: { RECEIVER: 'receiver', PROBE: { name: 'receiver', entrypoint: 'Probe' } },
              workers: [
                {
                  name: 'receiver',
                  compatibilityDate,
                  modules: [{ type: 'ESModule', path: 'worker.mjs', contents: await bundleReceiver() }],
                  bindings: {
                    RETENTION_DAYS: '30',
                    MAX_DATABASE_GB: '8',
                    PUBLIC_URL: '',
                    ...SECRETS,
                  },
                  d1Databases: { DB: DATABASE },
                  queueProducers: { EVENTS: 'instant-message-events', INTAKE: 'instant-message-intake' },
                  queueConsumers: {
                    'instant-message-events': { maxBatchSize: 100, maxBatchTimeout: 0 },
                    'instant-message-intake': { maxBatchSize: 100, maxBatchTimeout: 0, maxRetries: 10 },
                  },
                },
              ],
            },
          }),
        ],
        test: {
          name: 'workerd',
          include: ['test/**/*.test.ts'],
          exclude: ['test/scripts/**'],
          setupFiles: ['./test/setup.ts'],
          testTimeout: 30_000,
        },
      },
      {
        // What runs on the developer's machine, in Node.
        test: {
          name: 'scripts',
          include: ['test/scripts/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
}));
