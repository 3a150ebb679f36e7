// The Workers as their wrangler.toml declares them, for everything that runs them without wrangler: the tests, the crash run,
// the bench, the browser and the fault simulation.
import { join } from 'node:path';
import { PROJECT } from '../scripts/project.ts';
import { readWranglerToml, type WranglerToml } from '../scripts/wrangler-toml.ts';

/** How a queue is consumed. */
export interface QueueConsumer {
  queue: string;
  maxBatchSize: number;
  maxBatchTimeoutSeconds: number;
  maxRetries: number;
  deadLetterQueue?: string;
}

/** A Worker's configuration, apart from its code and its secrets. Bindings are keys. */
export interface DeclaredWorker {
  compatibilityDate: string;
  vars: Record<string, string>;
  /** The databases' names. */
  databases: Record<string, string>;
  /** The queues that it sends to. */
  queues: Record<string, string>;
  consumes: QueueConsumer[];
  rateLimits: Record<string, { limit: number; period: 10 | 60 }>;
}

/** The defaults of Queues: https://developers.cloudflare.com/queues/configuration/configure-queues/#consumer-worker-configuration */
const DEFAULTS = { maxBatchSize: 10, maxBatchTimeoutSeconds: 5, maxRetries: 3 };

const WRITTEN_RECEIVER = await readWranglerToml();

/** The receiver. */
export const RECEIVER = declaredIn(WRITTEN_RECEIVER);

/** The consumer among the examples. */
export const EXAMPLE_CONSUMER = declaredIn(await readWranglerToml('examples/push-consumer/wrangler.toml'));

/** The directory of the receiver's migrations. */
export const MIGRATIONS = join(PROJECT, WRITTEN_RECEIVER.d1_databases[0]?.migrations_dir ?? '');

/** The same consumers, with batches that wait for no more messages. */
export function withoutBatchTimeout(consumers: readonly QueueConsumer[]): QueueConsumer[] {
  return consumers.map((consumer) => ({ ...consumer, maxBatchTimeoutSeconds: 0 }));
}

function declaredIn({
  compatibility_date: compatibilityDate = '',
  vars,
  ...bindings
}: WranglerToml): DeclaredWorker {
  const { producers = [], consumers = [] } = bindings.queues;
  return {
    compatibilityDate,
    vars: byName(Object.entries(vars).map(([name, value]) => [name, String(value)])),
    databases: byName(bindings.d1_databases.map((database) => [database.binding, database.database_name])),
    queues: byName(producers.map(({ binding, queue }) => [binding, queue])),
    consumes: consumers.map((consumer) => ({
      queue: consumer.queue,
      maxBatchSize: consumer.max_batch_size ?? DEFAULTS.maxBatchSize,
      maxBatchTimeoutSeconds: consumer.max_batch_timeout ?? DEFAULTS.maxBatchTimeoutSeconds,
      maxRetries: consumer.max_retries ?? DEFAULTS.maxRetries,
      ...(consumer.dead_letter_queue !== undefined && { deadLetterQueue: consumer.dead_letter_queue }),
    })),
    rateLimits: byName(bindings.ratelimits.map(({ name, simple }) => [name, simple])),
  };
}

function byName<T>(entries: [name: string, value: T | undefined][]): Record<string, T> {
  return Object.fromEntries(entries.filter((entry): entry is [string, T] => entry[1] !== undefined));
}
