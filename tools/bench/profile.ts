// Where this receiver's own JavaScript spends its time under load: a CPU profile over workerd's inspector.
import { writeFileSync } from 'node:fs';
import type { Bench } from './measurements.ts';

const CONNECTIONS = 64;
const SAMPLING_INTERVAL_US = 200;
/** Functions that the summary names. */
const SHOWN_FUNCTIONS = 30;

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
}

/** Writes a profile to `file` and gives a summary of it: the functions that took the most time themselves. */
export async function profileReceiver(bench: Bench, file: string): Promise<string> {
  const receiver = await bench.start('receiver', { inspectorPort: 0 });
  const inspector = await Inspector.open(await receiver.runtime.inspectorOf('receiver'));
  const load = { kind: 'closed', url: receiver.webhookUrl, connections: CONNECTIONS } as const;
  bench.progress('profile, warming up');
  await bench.load.run({ ...load, durationMs: bench.plan.warmUpMs });
  bench.progress(`profile, ${CONNECTIONS} connections`);
  await inspector.call('Profiler.enable');
  await inspector.call('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US });
  await inspector.call('Profiler.start');
  const { acknowledged } = await bench.load.run({ ...load, durationMs: bench.plan.loadMs });
  const { profile } = (await inspector.call('Profiler.stop')) as { profile: Profile };
  inspector.close();
  await receiver.stop();
  writeFileSync(file, JSON.stringify(profile));
  return summaryOf(profile, acknowledged);
}

/** Self time by function, most first, in µs for each event. */
export function summaryOf(profile: Profile, events: number): string {
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : `  ${url.split('/').at(-1)}:${lineNumber + 1}`;
      return [id, `${functionName || '(anonymous)'}${place}`];
    }),
  );
  const selfUs = new Map<string, number>();
  for (const [index, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '';
    selfUs.set(name, (selfUs.get(name) ?? 0) + (profile.timeDeltas[index] ?? 0));
  }
  const most = [...selfUs].sort(([, a], [, b]) => b - a).slice(0, SHOWN_FUNCTIONS);
  const lines = most.map(([name, us]) => `${(us / events).toFixed(1).padStart(8)}  ${name}`);
  return ['  µs/event  function', ...lines].join('\n');
}

/** A session of the inspector protocol. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const { id, result, error } = JSON.parse(String(data)) as {
        id?: number;
        result?: unknown;
        error?: { message: string };
      };
      const pending = id === undefined ? undefined : this.#pending.get(id);
      if (error === undefined) pending?.resolve(result);
      else pending?.reject(new Error(`the inspector says: ${error.message}`));
    });
  }

  static async open(url: URL): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true });
      socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)), { once: true });
    });
    return new Inspector(socket);
  }

  async call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return pending.promise;
  }

  close(): void {
    this.#socket.close();
  }
}
