// The process that sends the load, so that its CPU time is not counted as the runtime's and nothing else delays it. Takes one
// job after the other from its parent by IPC.
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { HttpConnection } from './http-connection.ts';
import type { ClosedLoopJob, LoadJob, LoadReply, LoadResult, OpenLoopJob } from './load.ts';
import { Requests } from './requests.ts';

interface Client {
  connection: HttpConnection;
  requests: Requests;
}

const LAST_ANSWER_TIMEOUT_MS = 10_000;

/** The number of events sent, from which each gets ids of its own. */
let sent = 0;

process.on('message', (job: LoadJob) => {
  void run(job).then(
    (result) => reply({ ok: true, result }),
    (error: unknown) => reply({ ok: false, reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit());

function reply(message: LoadReply): void {
  process.send?.(message);
}

async function run(job: LoadJob): Promise<LoadResult> {
  const url = new URL(job.url);
  const count = job.kind === 'closed' ? job.connections : job.maxConnections;
  const connections: HttpConnection[] = [];
  try {
    for (let i = 0; i < count; i++)
      connections.push(await HttpConnection.open(url.hostname, Number(url.port)));
    return job.kind === 'closed'
      ? await closedLoop(job, url, connections)
      : await openLoop(job, url, connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Every connection sends its next event as soon as the last is answered. */
async function closedLoop(job: ClosedLoopJob, url: URL, connections: HttpConnection[]): Promise<LoadResult> {
  const clients = connections.map((connection) => ({
    connection,
    requests: new Requests(url.host, url.pathname),
  }));
  const tally = new Tally();
  // Not measured, since the first answers wait until the server has accepted all connections.
  const first = async ({ connection, requests }: Client) =>
    new Promise<void>((resolve) => {
      connection.send(requests.of(sent++), (status) => {
        tally.add(status, null, false);
        resolve();
      });
    });
  await inTime(Promise.all(clients.map(first)), LAST_ANSWER_TIMEOUT_MS);

  const startMs = performance.now();
  const endMs = startMs + job.durationMs;
  const drive = async ({ connection, requests }: Client) =>
    new Promise<void>((resolve) => {
      const next = (sentMs: number): void => {
        connection.send(requests.of(sent++), (status) => {
          const nowMs = performance.now();
          tally.add(status, nowMs - sentMs, nowMs <= endMs);
          if (status instanceof Error || nowMs >= endMs) resolve();
          else next(nowMs);
        });
      };
      next(performance.now());
    });
  await inTime(Promise.all(clients.map(drive)), job.durationMs + LAST_ANSWER_TIMEOUT_MS);
  return tally.result(job.durationMs);
}

/** Events are sent at their time, whether or not earlier ones have been answered. */
async function openLoop(job: OpenLoopJob, url: URL, connections: HttpConnection[]): Promise<LoadResult> {
  const tally = new Tally();
  const idle: Client[] = connections.map((connection) => ({
    connection,
    requests: new Requests(url.host, url.pathname),
  }));
  const startMs = performance.now();
  const total = Math.floor((job.durationMs / 1000) * job.perSecond);
  for (let i = 0; i < total; i++) {
    await sleep(Math.max(0, startMs + (i * 1000) / job.perSecond - performance.now()));
    const free = idle.shift();
    if (free === undefined) {
      tally.add(new Error('no connection was free'), null, true);
      continue;
    }
    const sentMs = performance.now();
    free.connection.send(free.requests.of(sent++), (status) => {
      tally.add(status, performance.now() - sentMs, true);
      if (!(status instanceof Error)) idle.push(free);
    });
  }
  const lastAnswers = async () => {
    while (connections.some(({ isBusy }) => isBusy)) await sleep(1);
  };
  await inTime(lastAnswers(), LAST_ANSWER_TIMEOUT_MS);
  return tally.result(performance.now() - startMs);
}

class Tally {
  #acknowledged = 0;
  #acknowledgedInTime = 0;
  readonly #latenciesMs: number[] = [];
  #failures = 0;
  #firstFailure: string | undefined;

  /**
   * @param latencyMs `null` for a request that began outside of the measured time. One that began within it counts however
   *   late it is answered, so that the longest latencies are not missing.
   * @param isInTime whether the answer came within the measured time.
   */
  add(status: number | Error, latencyMs: number | null, isInTime: boolean): void {
    if (status instanceof Error || status < 200 || status > 299) {
      this.#failures++;
      this.#firstFailure ??= status instanceof Error ? status.message : `status ${status}`;
      return;
    }
    this.#acknowledged++;
    if (latencyMs !== null) this.#latenciesMs.push(latencyMs);
    if (isInTime) this.#acknowledgedInTime++;
  }

  result(durationMs: number): LoadResult {
    const ascending = Float64Array.from(this.#latenciesMs).sort();
    return {
      acknowledged: this.#acknowledged,
      eventsPerSecond: (this.#acknowledgedInTime * 1000) / durationMs,
      p50Ms: percentile(ascending, 0.5),
      p99Ms: percentile(ascending, 0.99),
      failures: this.#failures,
      ...(this.#firstFailure !== undefined && { firstFailure: this.#firstFailure }),
    };
  }
}

async function inTime(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  const timeout = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`requests were not answered within ${LAST_ANSWER_TIMEOUT_MS} ms`);
  });
  timeout.catch(() => undefined); // aborted
  try {
    await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}
