// A directory that is removed at the end of the benchmark.
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryDirectory {
  path: string;
  remove(): Promise<void>;
}

/** Makes an empty directory, which is removed at the latest when the process exits. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'bench-'));
  // On Ctrl-C Miniflare ends the process before anything asynchronous can be done.
  const removeAtExit = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  const remove = async () => {
    await rm(path, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  };
  return { path, remove };
}
