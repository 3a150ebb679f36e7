// A directory that does not outlive the benchmark.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryDirectory {
  path: string;
  remove(): Promise<void>;
}

/** Makes an empty directory, which is removed when the process exits if not before. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'bench-'));
  // Miniflare ends the process by itself on Ctrl-C, before anything asynchronous is done.
  const removeAtExit = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  const remove = async () => {
    await rm(path, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  };
  return { path, remove };
}
