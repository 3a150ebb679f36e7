// Evaluates the receiver's bundle with globals of the simulation in place of time, chance and digests. What Node does on threads
// (digests, compression, blobs) is done synchronously here, since threads end in no fixed order.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { gunzipSync, gzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import './uint8array.ts';
import { PROJECT } from '../../scripts/project.ts';
import { type Break, SMALL_LIMITS } from './small-limits.ts';

/** What the simulation gives to a realm. */
export interface RealmHost {
  setTimer(run: () => void, delayMs: number): () => void;
  nowMs(): number;
  /** From 0 up to, not including, 1. */
  random(): number;
  log(line: string): void;
}

/** Bundles of the receiver, each as the text of a function body: as it is, and with small limits. */
export interface Bundles {
  usual: string;
  small: string;
}

/** Bundles the receiver. Throws where a break does not find its text. */
export async function bundleReceiver(breaks: readonly Break[] = []): Promise<Bundles> {
  const [usual, small] = await Promise.all([bundle(breaks), bundle([...breaks, ...SMALL_LIMITS])]);
  return { usual, small };
}

async function bundle(breaks: readonly Break[]): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: PROJECT,
    entryPoints: ['src/receiver.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'bundled',
    target: 'esnext',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
    plugins: breaks.length === 0 ? [] : [breaking(breaks)],
  });
  return `${outputFiles[0]?.text ?? ''}\nreturn bundled;`;
}

function breaking(breaks: readonly Break[]): Plugin {
  return {
    name: 'break the source',
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/.*\.tsx?$/ }, async ({ path }) => {
        const broken = breaks.filter(({ file }) => path.endsWith(`/${file}`));
        if (broken.length === 0) return undefined;
        const { readFile } = await import('node:fs/promises');
        let contents = await readFile(path, 'utf8');
        for (const { from, to, file } of broken) {
          if (!contents.includes(from)) throw new Error(`${file} has no ${JSON.stringify(from)} to break`);
          contents = contents.replace(from, () => to);
        }
        return { contents, loader: path.endsWith('x') ? 'tsx' : 'ts' };
      });
    },
  };
}

/** The receiver of src/receiver.ts. */
export interface SimulatedReceiver {
  fetch(request: Request, lifetime: Lifetime): Promise<Response>;
  queue(batch: { queue: string; messages: readonly unknown[] }, lifetime: Lifetime): Promise<void>;
  scheduled(lifetime: Lifetime): Promise<void>;
}

export interface Lifetime {
  waitUntil(promise: Promise<unknown>): void;
  passThroughOnException(): void;
}

/** The clock of src/receiver.ts. */
export interface Clock {
  now: () => number;
  pause: (ms: number) => Promise<void>;
}

/** Makes receivers within a realm. */
export type RealmReceiver = (env: object, clock: Clock) => SimulatedReceiver;

/** Evaluates a bundle. Its modules keep no state of requests, so one realm can serve many runs, one after the other. */
function createRealm(bundle: string, host: () => RealmHost): RealmReceiver {
  const globals = globalsOf(host);
  const evaluate = new Function(...Object.keys(globals), bundle) as (...values: unknown[]) => {
    createReceiver: RealmReceiver;
  };
  return evaluate(...Object.values(globals)).createReceiver;
}

/** The host while modules are evaluated. */
const NOBODY: RealmHost = {
  nowMs: () => 0,
  random: () => 0.5,
  setTimer: () => () => undefined,
  log: () => undefined,
};

/** Realms for up to four isolates, made once for the bundles. Only one run can use them at a time. */
export class Realms {
  readonly #bundles: Bundles;
  readonly #hosts: RealmHost[] = [];
  readonly #receivers = new Map<string, RealmReceiver>();

  constructor(bundles: Bundles) {
    this.#bundles = bundles;
  }

  lend(index: number, host: RealmHost): void {
    this.#hosts[index] = host;
  }

  receiver(index: number, limits: keyof Bundles = 'usual'): RealmReceiver {
    const key = `${limits} ${index}`;
    const made =
      this.#receivers.get(key) ?? createRealm(this.#bundles[limits], () => this.#hosts[index] ?? NOBODY);
    this.#receivers.set(key, made);
    return made;
  }
}

function globalsOf(host: () => RealmHost) {
  const nowMs = () => Math.floor(host().nowMs());
  const write = (...parts: unknown[]) => host().log(parts.map(String).join(' '));
  return {
    // A timer's id is the function that cancels it, so that nothing has to be kept for it.
    setTimeout: (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
      host().setTimer(() => run(...args), delayMs),
    clearTimeout: (cancel?: () => void) => cancel?.(),
    Date: class extends Date {
      constructor(...args: []) {
        super(...((args.length === 0 ? [nowMs()] : args) as []));
      }
      static override now() {
        return nowMs();
      }
    },
    Math: Object.create(Math, {
      ...Object.getOwnPropertyDescriptors(Math),
      random: { value: () => host().random() },
    }),
    crypto: cryptoOf(() => host().random()),
    console: { log: write, info: write, warn: write, error: write, debug: write },
    CompressionStream: class extends AtOnce {
      constructor(_format: 'gzip') {
        super(gzipSync);
      }
    },
    DecompressionStream: class extends AtOnce {
      constructor(format: keyof typeof DECOMPRESSORS) {
        super(DECOMPRESSORS[format]);
      }
    },
    Blob: class {
      readonly #parts: readonly (Bytes | string)[];
      constructor(parts: readonly (Bytes | string)[]) {
        this.#parts = parts;
      }
      stream(): ReadableStream<Uint8Array> {
        const buffers = this.#parts.map((part) =>
          typeof part === 'string' ? Buffer.from(part) : bufferOf(part),
        );
        return new ReadableStream({
          start(controller) {
            for (const buffer of buffers) controller.enqueue(new Uint8Array(buffer));
            controller.close();
          },
        });
      }
    },
    fetch: async () => {
      throw new Error('the receiver asked for something outside of the simulation');
    },
  };
}

const DECOMPRESSORS = { gzip: gunzipSync, deflate: inflateSync, 'deflate-raw': inflateRawSync };

/** A stream that transforms all its input when that ends. */
class AtOnce extends TransformStream<Uint8Array, Uint8Array> {
  constructor(transform: (bytes: Uint8Array) => Uint8Array) {
    const chunks: Uint8Array[] = [];
    super({
      transform(chunk) {
        chunks.push(chunk);
      },
      flush(controller) {
        controller.enqueue(new Uint8Array(transform(Buffer.concat(chunks))));
      },
    });
  }
}

type Bytes = ArrayBuffer | ArrayBufferView;

function bufferOf(bytes: Bytes): Buffer {
  return ArrayBuffer.isView(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : Buffer.from(bytes);
}

function arrayBufferOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}

function cryptoOf(random: () => number) {
  const getRandomValues = (bytes: Uint8Array) => {
    for (const index of bytes.keys()) bytes[index] = Math.floor(random() * 256);
    return bytes;
  };
  const hmac = (key: { raw: Buffer }, data: Bytes) =>
    createHmac('sha256', key.raw).update(bufferOf(data)).digest();
  return {
    getRandomValues,
    randomUUID: () => {
      const hex = Buffer.from(getRandomValues(new Uint8Array(16))).toString('hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
    },
    subtle: {
      digest: async (_: string, data: Bytes) =>
        arrayBufferOf(createHash('sha256').update(bufferOf(data)).digest()),
      importKey: async (_: string, raw: Bytes) => ({ raw: Buffer.from(bufferOf(raw)) }),
      sign: async (_: unknown, key: { raw: Buffer }, data: Bytes) => arrayBufferOf(hmac(key, data)),
      verify: async (_: unknown, key: { raw: Buffer }, mac: Bytes, data: Bytes) => {
        const given = bufferOf(mac);
        const made = hmac(key, data);
        return given.byteLength === made.byteLength && timingSafeEqual(given, made);
      },
      timingSafeEqual: (a: Bytes, b: Bytes) => bufferOf(a).equals(bufferOf(b)),
    },
  };
}
