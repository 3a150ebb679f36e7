// wrangler.toml, as wrangler reads it.
import { join } from 'node:path';
import { PROJECT } from './project.ts';

/** What is read of the file; the types that come with wrangler leave it open. */
export interface WranglerToml {
  name?: string | undefined;
  compatibility_date?: string | undefined;
  d1_databases: {
    binding: string;
    database_name?: string;
    database_id?: string;
    preview_database_id?: string;
    migrations_dir?: string;
  }[];
  queues: {
    producers?: { queue?: string }[];
    consumers?: { queue: string; dead_letter_queue?: string }[];
  };
  secrets?: { required?: string[] } | undefined;
  vars: Record<string, unknown>;
}

export async function readWranglerToml(): Promise<WranglerToml> {
  const { unstable_readConfig: readConfig } = await import('wrangler'); // takes a second to load
  return readConfig({ config: join(PROJECT, 'wrangler.toml') });
}
