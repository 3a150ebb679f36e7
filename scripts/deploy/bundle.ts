// Builds the Worker and measures its size. Needs no account and no network.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CommandFailure } from '../command-line.ts';
import { askWrangler } from '../wrangler.ts';

/**
 * A limit of our own, far below the platform's 3 MB (https://developers.cloudflare.com/workers/platform/limits/), by which a
 * large dependency is noticed: on each cold start a webhook waits until the script is read and compiled. The largest
 * dependency is libphonenumber-js with 34 KB, mostly the numbering plans of all countries.
 */
export const MAX_BUNDLE_GZIP_BYTES = 285_000;

/** Files that wrangler writes beside the modules, and that are not part of the Worker. */
const NOT_UPLOADED = new Set(['.map', '.md']);

/** The gzip size of the built Worker in bytes. Throws where it does not build or is too large. */
export async function requireBundle(): Promise<number> {
  const outdir = await mkdtemp(join(tmpdir(), 'bundle-'));
  try {
    const built = await askWrangler(['deploy', '--dry-run', '--outdir', outdir]);
    if (!built.ok) throw new CommandFailure(`The Worker could not be built:\n\n${built.reason}`);
    const gzipBytes = await weigh(outdir);
    if (gzipBytes > MAX_BUNDLE_GZIP_BYTES) {
      throw new CommandFailure(
        `The bundle is ${kilobytes(gzipBytes)} gzip, more than ${kilobytes(MAX_BUNDLE_GZIP_BYTES)}.`,
      );
    }
    return gzipBytes;
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** `61234` → `61.2 KB`. */
export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} KB`;
}

async function weigh(outdir: string): Promise<number> {
  const entries = await readdir(outdir, { recursive: true, withFileTypes: true });
  const modules = entries.filter((entry) => entry.isFile() && !NOT_UPLOADED.has(extname(entry.name)));
  if (modules.length === 0) throw new CommandFailure('The build gave no modules.');
  const contents = await Promise.all(modules.map((entry) => readFile(join(entry.parentPath, entry.name))));
  return gzipSync(Buffer.concat(contents)).byteLength;
}
