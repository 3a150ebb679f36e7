// The wrangler processes of one `npm start`. Each has a process tree of its own, so that Ctrl-C reaches only this script,
// which then ends wrangler together with the runtimes and bundlers that it started.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTreeAlive, OWN_TREE, signalTree } from '../process-tree.ts';
import { wranglerEnvironment } from '../wrangler.ts';

const STOP_TIMEOUT_MS = 5_000;
const STOP_POLL_MS = 50;
const LAST_OUTPUT_MS = 500;

export interface WranglerProcess {
  /** All that it has written so far to both streams. */
  output(): string;
  /** Resolves with its exit status; 1 where a signal ended it. */
  ended: Promise<number>;
}

export class WranglerProcesses {
  readonly #project: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children = new Set<ChildProcess>();
  #stopping: boolean = false;

  /** `project` is the directory of wrangler.toml; `env` is added to this process's environment. */
  constructor(project: string, env: Record<string, string>) {
    this.#project = project;
    this.#env = wranglerEnvironment({
      CI: 'true', // asks nothing
      WRANGLER_WRITE_LOGS: 'false', // its log files would keep URLs with tokens, and what the consumer prints
      ...env,
    });
  }

  /** Starts wrangler without a terminal to read from. `onLine` gets each line of its output. */
  start(args: readonly string[], onLine: (line: string) => void = () => {}): WranglerProcess {
    return this.#spawn(['node_modules/wrangler/bin/wrangler.js', ...args], onLine);
  }

  /** Starts a script of the project that uses wrangler, by its path in the project, in the same way. */
  startScript(path: string, args: readonly string[]): WranglerProcess {
    return this.#spawn([path, ...args], () => {});
  }

  #spawn(
    [path, ...args]: [path: string, ...args: string[]],
    onLine: (line: string) => void,
  ): WranglerProcess {
    if (this.#stopping) throw new Error('Nothing is started while stopping');
    const child = spawn(process.execPath, [join(this.#project, path), ...args], {
      cwd: this.#project,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...OWN_TREE,
    });
    this.#children.add(child);

    const lines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        onLine(line);
      });
    }
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      // 'close' follows the last output, but never comes while a process that it left behind holds the pipe.
      child.once('close', (code) => resolve(code ?? 1));
      child.once('exit', (code) => setTimeout(() => resolve(code ?? 1), LAST_OUTPUT_MS));
    });
    return { output: () => lines.join('\n'), ended };
  }

  /** Ends all processes and their trees, by force those that take too long. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { pid } of this.#children) signalTree(pid, 'SIGTERM');
    const deadlineMs = performance.now() + STOP_TIMEOUT_MS;
    while ([...this.#children].some(isTreeAlive) && performance.now() < deadlineMs) await sleep(STOP_POLL_MS);
    this.kill();
  }

  /** Ends everything at once, by force. Synchronous, so that it can be the last thing that this process does. */
  kill(): void {
    this.#stopping = true;
    for (const { pid } of this.#children) signalTree(pid, 'SIGKILL');
  }
}
