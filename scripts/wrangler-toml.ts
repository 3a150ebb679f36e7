// A wrangler.toml, as wrangler reads it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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
    producers?: { binding: string; queue?: string }[];
    consumers?: {
      queue: string;
      max_batch_size?: number;
      max_batch_timeout?: number;
      max_retries?: number;
      dead_letter_queue?: string;
    }[];
  };
  ratelimits: { name: string; simple: { limit: number; period: 10 | 60 } }[];
  secrets?: { required?: string[] } | undefined;
  vars: Record<string, unknown>;
}

/** @param file its path in the project. */
export async function readWranglerToml(file = 'wrangler.toml'): Promise<WranglerToml> {
  const { unstable_readConfig: readConfig } = await import('wrangler'); // takes a second to load
  return readConfig({ config: join(PROJECT, file) });
}

/** Parses the text of one with wrangler's own parser, which takes files alone. Throws where it is no TOML. */
export async function parseToml(text: string): Promise<Record<string, unknown>> {
  const { experimental_readRawConfig: readRawConfig } = await import('wrangler');
  const directory = await mkdtemp(join(tmpdir(), 'wrangler-toml-'));
  try {
    const config = join(directory, 'wrangler.toml');
    await writeFile(config, text);
    return { ...readRawConfig({ config }).rawConfig };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
