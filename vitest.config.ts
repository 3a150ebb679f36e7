import { availableParallelism } from 'node:os';
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-pool-workers';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { ASSETS_DIRECTORY, buildAssets } from './scripts/assets.ts';
import { bindingOf } from './src/contract/routes.ts';
import { EXAMPLE_CONSUMER, MIGRATIONS, type QueueConsumer, RECEIVER } from './tools/declared-worker.ts';
import { bundleWorker } from './tools/local-worker.ts';

const { compatibilityDate } = RECEIVER;
/** The receiver under test consumes its own events. They become dead letters after one retry. */
const CONSUMER = EXAMPLE_CONSUMER.consumes.map((consumer) => ({ ...consumer, maxRetries: 1 }));

/** Further ways out, which the tests that need them make routes. */
const FURTHER_ROUTES = ['crm', 'desk'];
const FURTHER_QUEUES = Object.fromEntries(
  FURTHER_ROUTES.map((route) => [bindingOf(route), `instant-message-${route}`]),
);
const FURTHER_CONSUMERS = FURTHER_ROUTES.flatMap((route) => [
  { ...CONSUMER[0], queue: `instant-message-${route}`, deadLetterQueue: `instant-message-${route}-dead` },
  { ...CONSUMER[0], queue: `instant-message-${route}-dead`, deadLetterQueue: undefined },
]) as QueueConsumer[];

const SECRETS = {
  WEBHOOK_SECRET: 'webhook-secret-of-the-tests-and-of-nothing-else',
  ADMIN_TOKEN: 'admin-token-of-the-tests',
};

/** The modules of a Worker of its own: test/receiver/worker.ts says why the receiver needs one. */
async function bundle(entryPoint: string) {
  return [{ type: 'ESModule' as const, path: 'worker.mjs', contents: await bundleWorker(entryPoint) }];
}

/** The consumers as Miniflare takes them, without waiting for a batch to become full. */
function queueConsumers(consumers: readonly QueueConsumer[]) {
  return Object.fromEntries(
    consumers.map(({ queue, maxBatchTimeoutSeconds, ...consumer }) => [
      queue,
      { ...consumer, maxBatchTimeout: 0 },
    ]),
  );
}

/** The files that take longest. Vitest knows none of their times on a clean clone, and would begin with the largest files. */
const LONG = [
  'scripts/start.test.ts',
  'scripts/deploy.test.ts',
  'tools/faults.test.ts',
  'browser/every-page.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.some((name) => moduleId.endsWith(`/${name}`));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

await buildAssets();

export default defineConfig(async () => ({
  test: {
    maxWorkers: Math.max(3, availableParallelism() - 1), // they spend much of their time waiting
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        // The tests of src, in workerd, with real D1 and real queues.
        assetsInclude: ['**/*.bin'], // compressed samples
        plugins: [
          cloudflareTest({
            miniflare: {
              compatibilityDate,
              bindings: {
                ...SECRETS,
                TEST_MIGRATIONS: await readD1Migrations(MIGRATIONS),
                PROPERTY_SEED: process.env.PROPERTY_SEED ?? '',
              },
              d1Databases: { ...RECEIVER.databases, KIT_STATE: 'kit-state', PUSH_STATE: 'push-state' },
              queueProducers: { KIT_EVENTS: 'kit-events', PUSH_EVENTS: 'push-events' },
              serviceBindings: {
                RECEIVER: 'receiver',
                PAYLOADS: { name: 'receiver', entrypoint: 'Payloads' },
                PROBE: { name: 'receiver', entrypoint: 'Probe' },
                KIT: { name: 'kit', entrypoint: 'Probe' },
                PLATFORM: { name: 'platform', entrypoint: 'Probe' },
                ACCESS: { name: 'access', entrypoint: 'Probe' },
              },
              workers: [
                {
                  name: 'receiver',
                  compatibilityDate,
                  modules: await bundle('test/receiver/worker.ts'),
                  bindings: { ...RECEIVER.vars, ...SECRETS },
                  ratelimits: Object.fromEntries(
                    Object.entries(RECEIVER.rateLimits).map(([name, simple]) => [
                      name,
                      { namespace_id: name, simple },
                    ]),
                  ),
                  d1Databases: { ...RECEIVER.databases, CONSUMER_STATE: 'consumer-state' },
                  outboundService: 'access',
                  serviceBindings: { ASSETS: 'viewer' },
                  queueProducers: { ...RECEIVER.queues, ...FURTHER_QUEUES },
                  queueConsumers: queueConsumers([...RECEIVER.consumes, ...CONSUMER, ...FURTHER_CONSUMERS]),
                },
                {
                  // Serves the files of [assets]. The receiver's Worker has none of its own, so every request reaches its code.
                  name: 'viewer',
                  compatibilityDate,
                  modules: [
                    {
                      type: 'ESModule' as const,
                      path: 'worker.mjs',
                      contents: 'export default { fetch: (request, env) => env.ASSETS.fetch(request) };',
                    },
                  ],
                  assets: { directory: ASSETS_DIRECTORY, binding: 'ASSETS' },
                },
                {
                  name: 'kit',
                  compatibilityDate,
                  modules: await bundle('test/consumer/worker.ts'),
                  d1Databases: { STATE: 'kit-state' },
                  queueConsumers: {
                    'kit-events': {
                      maxBatchSize: 30,
                      maxBatchTimeout: 0,
                      maxRetries: 2,
                      deadLetterQueue: 'kit-dead',
                    },
                    'kit-dead': { maxBatchSize: 30, maxBatchTimeout: 0 },
                  },
                },
                {
                  name: 'push-consumer',
                  compatibilityDate,
                  modules: await bundle('examples/push-consumer/src/index.ts'),
                  bindings: {
                    INSTANT_MESSAGE_URL: 'https://platform.example',
                    INSTANT_MESSAGE_TOKEN: 'token-of-the-tests',
                  },
                  d1Databases: { STATE: 'push-state' },
                  serviceBindings: { RECEIVER: { name: 'receiver', entrypoint: 'Payloads' } },
                  outboundService: 'platform',
                  queueConsumers: { 'push-events': { maxBatchSize: 30, maxBatchTimeout: 0 } },
                },
                {
                  name: 'platform',
                  compatibilityDate,
                  modules: await bundle('test/examples/platform.ts'),
                },
                {
                  name: 'access',
                  compatibilityDate,
                  modules: await bundle('test/api/access.ts'),
                },
              ],
            },
          }),
        ],
        test: {
          name: 'workerd',
          include: ['test/**/*.test.ts'],
          exclude: ['test/scripts/**', 'test/tools/**', 'test/browser/**'],
          setupFiles: ['./test/setup.ts'],
          isolate: false, // starting the Workers anew for each file would take longer than the tests
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        // The tests of scripts and tools, in Node, together with those in the browser. Both wait for processes much of their time.
        test: {
          name: 'node',
          isolate: false, // loading wrangler, Miniflare and the rest takes each file seconds
          include: ['test/{scripts,tools}/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        // The dashboard in Chromium.
        test: {
          name: 'browser',
          isolate: false,
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['./test/browser/tell-without-chromium.ts'],
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
}));
