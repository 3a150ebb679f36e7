// The runtime under test, in a process that can be killed without warning and started again on the same state.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CommandFailure } from '../../scripts/command-line.ts';
import { OWN_TREE, signalTree } from '../../scripts/process-tree.ts';
import { bundleWorker } from '../local-worker.ts';
import { webhookToken } from '../webhook-token.ts';
import type { HostMessage, HostOrder } from './host.ts';

export const INTEGRATION = 'crash';
const HOST = fileURLToPath(new URL('host.ts', import.meta.url));
const START_TIMEOUT_MS = 60_000;
const DEATH_TIMEOUT_MS = 5_000;
const DEATH_POLL_MS = 5;

export class MortalRuntime {
  readonly adminToken: string = randomBytes(32).toString('base64url');
  readonly directory: string;
  readonly #secret: string = randomBytes(32).toString('base64url');
  #host: { process: ChildProcess; workerdPid: number | undefined } | undefined;
  #isFirst: boolean = true;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes the directory of the state, with the bundle in it. */
  static async prepare(): Promise<MortalRuntime> {
    const directory = await mkdtemp(join(tmpdir(), 'crash-'));
    await writeFile(join(directory, 'receiver.mjs'), await bundleWorker('tools/crash/worker.mjs'));
    return new MortalRuntime(directory);
  }

  webhookPath(): string {
    return `/webhooks/${INTEGRATION}/${webhookToken(this.#secret, INTEGRATION)}`;
  }

  /** Starts it on the state that the last process left, and gives its address. */
  async start(): Promise<URL> {
    const order: HostOrder = {
      directory: this.directory,
      secrets: { WEBHOOK_SECRET: this.#secret, ADMIN_TOKEN: this.adminToken },
      slug: INTEGRATION,
      isFirst: this.#isFirst,
    };
    this.#isFirst = false;
    const child = spawn(process.execPath, [HOST, JSON.stringify(order)], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      ...OWN_TREE, // with workerd in it
    });
    this.#host = { process: child, workerdPid: undefined };
    const answer = await new Promise<HostMessage>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new CommandFailure(`not up after ${START_TIMEOUT_MS} ms`)),
        START_TIMEOUT_MS,
      );
      child.once('message', (message) => resolve(message as HostMessage));
      child.once('error', reject);
      child.once('exit', (code) => reject(new CommandFailure(`ended while it started, with status ${code}`)));
      child.once('message', () => clearTimeout(timer));
      child.once('exit', () => clearTimeout(timer));
    });
    if (answer.kind === 'failed') throw new CommandFailure(`did not start: ${answer.reason}`);
    this.#host.workerdPid = answer.workerdPid;
    return new URL(answer.origin);
  }

  /** Sends SIGKILL to workerd and the process that started it. Resolves when they are gone. */
  async kill(): Promise<void> {
    const { process: child, workerdPid } = this.#host ?? {};
    if (child?.pid === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    signalTree(child.pid, 'SIGKILL');
    await exited;
    const deadlineMs = performance.now() + DEATH_TIMEOUT_MS;
    while (workerdPid !== undefined && isRunning(workerdPid)) {
      if (performance.now() > deadlineMs)
        throw new CommandFailure(`workerd (${workerdPid}) survived SIGKILL`);
      await sleep(DEATH_POLL_MS);
    }
    this.#host = undefined;
  }

  /** The same, synchronous, as the last thing that this process does. */
  killNow(): void {
    signalTree(this.#host?.process.pid, 'SIGKILL');
  }

  async removeState(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** False also for a zombie process. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform === 'win32') return true;
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout !== null && !stdout.trim().startsWith('Z') && stdout.trim() !== '';
}
