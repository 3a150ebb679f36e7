import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';

const EVENTS_QUEUE = 'instant-message-events';
const INTAKE_QUEUE = 'instant-message-intake';

// Where wrangler looks for the secrets that wrangler.toml requires.
process.env.WEBHOOK_SECRET = 'webhook-secret-of-the-tests-and-of-nothing-else';
process.env.ADMIN_TOKEN = 'admin-token-of-the-tests';

export default defineConfig(async () => ({
  test: {
    projects: [
      {
        // Everything of src, in workerd, with real D1 and real queues.
        plugins: [
          cloudflareTest({
            main: './test/worker.ts',
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations('./src/store/migrations'),
              },
              queueConsumers: {
                [EVENTS_QUEUE]: { maxBatchSize: 100, maxBatchTimeout: 0 },
                [INTAKE_QUEUE]: { maxBatchSize: 100, maxBatchTimeout: 0, maxRetries: 3 },
              },
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
