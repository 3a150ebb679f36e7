// The receiver's database on this machine, where wrangler dev keeps it. Miniflare opens it as a real D1, as wrangler's own
// `d1 execute --local` does, whether a receiver runs or not. (wrangler's `getPlatformProxy` announces itself to other wrangler
// sessions under the receiver's name, and `d1 execute` takes two seconds a statement, no parameters, and no text with "BEGIN
// TRANSACTION" in it.)
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Miniflare } from 'miniflare';
import { CommandFailure } from '../command-line.ts';
import { requireMigrations } from '../migrations.ts';
import type { Configuration } from './configuration.ts';

/** How long to retry while another process, such as a running receiver, writes. */
const LOCK_TIMEOUT_MS = 15_000;
const LOCK_POLL_MS = 100;

/** D1's errors for a locked database. The last two are general ones, whose cause workerd only logs. */
const LOCKED = /SQLITE_BUSY|Failed to get session commit token|internal error; reference = /;

/**
 * Applies all migrations to the local database, then does some work with it. The work is retried while another process locks
 * the database, so it must change nothing when it fails.
 *
 * @param state the directory that wrangler dev knows as `--persist-to`.
 */
export async function withLocalDatabase<T>(
  state: string,
  { database, compatibilityDate }: Configuration,
  work: (db: D1Database) => Promise<T>,
): Promise<T> {
  const miniflare = new Miniflare({
    resourcePersistencePath: join(state, 'v3'), // wrangler's name for it
    telemetry: { enabled: false },
    enableDevRegistry: false,
    handleStructuredLogs: () => {}, // what workerd says of the lock
    workers: [
      {
        config: {
          name: 'command-line',
          compatibilityDate,
          manifest: {
            mainModule: 'worker.mjs',
            modulesRoot: state,
            modules: { 'worker.mjs': { type: 'esm', contents: 'export default {};' } },
          },
          env: { [database.binding]: { type: 'd1', id: database.localId } },
        },
      },
    ],
  });
  try {
    const db = await miniflare.getD1Database(database.binding);
    await onceUnlocked(async () => migrate(db, database));
    return await onceUnlocked(async () => work(db));
  } finally {
    await miniflare.dispose();
  }
}

async function onceUnlocked<T>(work: () => Promise<T>): Promise<T> {
  const deadlineMs = performance.now() + LOCK_TIMEOUT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && LOCKED.test(error.message))) throw error;
      if (performance.now() > deadlineMs)
        throw new CommandFailure(`The database is locked by another process:\n\n${error.message}`);
      await sleep(LOCK_POLL_MS);
    }
  }
}

/**
 * Applies migrations as wrangler does, and leaves the table that tells it which. Each is one transaction. (`wrangler d1
 * migrations apply --local` starts a Workers runtime for each migration, which takes it ten seconds.)
 */
async function migrate(db: D1Database, { migrationsDir }: Configuration['database']): Promise<void> {
  const applied = await appliedMigrations(db);
  const missing = requireMigrations(migrationsDir).filter((name) => !applied.has(name));
  if (missing.length === 0) return;
  const { unstable_splitSqlQuery: splitSqlQuery } = await import('wrangler');
  for (const name of missing) {
    const statements = splitSqlQuery(await readFile(join(migrationsDir, name), 'utf8'));
    const migration = [CREATE_APPLIED, ...statements].map((sql) => db.prepare(sql));
    migration.push(db.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(name));
    await db.batch(migration).catch((error: Error) => {
      if (LOCKED.test(error.message)) throw error;
      throw new CommandFailure(`The migrations of the local database failed:\n\n${name}: ${error.message}`);
    });
  }
}

/** The table of wrangler, word for word. */
const CREATE_APPLIED = `CREATE TABLE IF NOT EXISTS "d1_migrations"(
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT UNIQUE,
    applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

async function appliedMigrations(db: D1Database): Promise<Set<string>> {
  const tables = await db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'd1_migrations'").all();
  if (tables.results.length === 0) return new Set();
  const { results } = await db.prepare('SELECT name FROM d1_migrations').all<{ name: string }>();
  return new Set(results.map(({ name }) => name));
}
