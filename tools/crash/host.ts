// A process that runs the receiver on a persisted state until its parent kills it together with workerd. Not to be run by
// hand.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { consumersOf, receiverWith } from '../declared-routes.ts';
import { MIGRATIONS } from '../declared-worker.ts';
import { type LocalRuntime, startWorkers } from '../local-worker.ts';

/** What to run; the parent gives it as JSON in the first argument. */
export interface HostOrder {
  /** Holds the database, and the bundle of the receiver as `receiver.mjs`. */
  directory: string;
  secrets: { WEBHOOK_SECRET: string; ADMIN_TOKEN: string };
  slug: string;
  /** The first process applies the migrations and registers the integration. */
  isFirst: boolean;
}

/** The message to the parent once it is up, or cannot be. */
export type HostMessage =
  | { kind: 'ready'; origin: string; workerdPid: number | undefined }
  | { kind: 'failed'; reason: string };

/** The first route is there from the beginning, and wants everything. */
const SECOND_ROUTE = { name: 'crm', filter: { types: ['status'] } };
const ROUTES = ['events', SECOND_ROUTE.name];

const CONSUMER = 'export default { queue() {} };';

try {
  const order = JSON.parse(process.argv[2] ?? '') as HostOrder;
  const runtime = await start(order);
  tell({ kind: 'ready', origin: runtime.originOf('receiver').href, workerdPid: runtime.pid });
  process.once('disconnect', () => process.exit()); // the parent has gone
} catch (error) {
  tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
}

async function start({ directory, secrets, slug, isFirst }: HostOrder): Promise<LocalRuntime> {
  const script = await readFile(join(directory, 'receiver.mjs'), 'utf8');
  const receiver = receiverWith(ROUTES);
  const runtime = await startWorkers(
    [
      { name: 'receiver', script, ...receiver, vars: { ...receiver.vars, ...secrets } },
      { name: 'consumer', script: CONSUMER, consumes: ROUTES.flatMap(consumersOf) },
    ],
    { persistTo: join(directory, 'state') },
  );
  if (isFirst) {
    await runtime.migrate('receiver', 'DB', MIGRATIONS);
    await runtime.execute(
      'receiver',
      'DB',
      'INSERT INTO integrations (slug, created_at) VALUES (?1, ?2)',
      slug,
      Date.now(),
    );
    await runtime.execute(
      'receiver',
      'DB',
      `INSERT INTO routes (name, filter, version, began, position, counted, created_at, state_at)
       VALUES (?1, ?2, 2, 0, 0, 0, ?3, ?3)`,
      SECOND_ROUTE.name,
      JSON.stringify(SECOND_ROUTE.filter),
      Date.now(),
    );
  }
  return runtime;
}

function tell(message: HostMessage): void {
  process.send?.(message);
}
