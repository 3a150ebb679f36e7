// Starts the load process and gives it jobs.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Every connection sends its next event as soon as the last one is answered. */
export interface ClosedLoopJob {
  kind: 'closed';
  /** Where the webhooks go. */
  url: string;
  connections: number;
  durationMs: number;
}

/** Events are sent at a steady pace. */
export interface OpenLoopJob {
  kind: 'open';
  url: string;
  perSecond: number;
  durationMs: number;
  /** Events that may be under way at once. */
  maxConnections: number;
}

export type LoadJob = ClosedLoopJob | OpenLoopJob;

export interface LoadResult {
  /** Events answered 2xx, those before and after the measured time included. */
  acknowledged: number;
  /** Acknowledged within the measured time. */
  eventsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Requests answered otherwise, or not at all. */
  failures: number;
  firstFailure?: string;
}

export type LoadReply = { ok: true; result: LoadResult } | { ok: false; reason: string };

export interface LoadGenerator {
  run(job: LoadJob): Promise<LoadResult>;
  stop(): void;
}

/** Starts the load process. Jobs are run one at a time. */
export function startLoadGenerator(): LoadGenerator {
  const child: ChildProcess = fork(fileURLToPath(new URL('load-process.ts', import.meta.url)));
  return {
    run: async (job) =>
      new Promise((resolve, reject) => {
        const onMessage = (reply: unknown) => {
          child.off('exit', onExit);
          const answer = reply as LoadReply;
          if (answer.ok) resolve(answer.result);
          else reject(new Error(answer.reason));
        };
        const onExit = () => reject(new Error('the load process has ended'));
        child.once('message', onMessage);
        child.once('exit', onExit);
        child.send(job);
      }),
    stop: () => void child.kill(),
  };
}
