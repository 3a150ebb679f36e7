// The receiver's database, queues and address as wrangler.toml has them.
import { resolve } from 'node:path';
import { CommandFailure } from '../command-line.ts';
import { PROJECT } from '../project.ts';
import { readWranglerToml } from '../wrangler-toml.ts';

export interface Configuration {
  database: {
    binding: string;
    /** The id by which wrangler's local mode names its files. */
    localId: string;
    /** An absolute path. */
    migrationsDir: string;
  };
  /** Of the queues that it sends to. */
  queueBindings: string[];
  compatibilityDate: string;
  /** Without a slash at the end; empty where it is not set. */
  publicUrl: string;
}

export async function readConfiguration(): Promise<Configuration> {
  const config = await readWranglerToml();
  const [database] = config.d1_databases;
  if (database?.migrations_dir === undefined || config.compatibility_date === undefined) {
    throw new CommandFailure(
      'wrangler.toml must have a compatibility_date and a D1 database with a migrations_dir.',
    );
  }
  return {
    database: {
      binding: database.binding,
      localId: database.preview_database_id ?? database.database_id ?? database.binding,
      migrationsDir: resolve(PROJECT, database.migrations_dir),
    },
    queueBindings: (config.queues.producers ?? []).map(({ binding }) => binding),
    compatibilityDate: config.compatibility_date,
    publicUrl: String(config.vars.PUBLIC_URL ?? '').replace(/\/+$/, ''),
  };
}
