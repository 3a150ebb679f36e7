// Isolates and their invocations, by the platform's rules. An invocation lives until its answer and its `waitUntil` promises are
// done, at most 30 s after the answer. It dies with its isolate, with a client that goes away before anything was given to
// `waitUntil`, or by itself at any await. A dead invocation makes no calls and gets no answers.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Random } from '../random.ts';
import type { Loop } from './loop.ts';
import type { Lifetime, RealmHost, RealmReceiver, SimulatedReceiver } from './realm.ts';

/** https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil */
const WAIT_UNTIL_MS = 30_000;
/** https://developers.cloudflare.com/workers/platform/limits/#wall-time: of the cron and of a queue's batch. */
const WALL_TIME_MS = 15 * 60_000;
/** https://developers.cloudflare.com/d1/platform/limits/: queries of one invocation. */
const MAX_SUBREQUESTS = 1_000;

export type End<T> = { end: 'returned'; value: T } | { end: 'threw'; error: unknown } | { end: 'died' };

/** The invocation to which the running code belongs. */
export const current = new AsyncLocalStorage<Invocation>();

export class Invocation {
  readonly name: string;
  readonly isolate: Isolate;
  /** Its own random numbers, so that it does not depend on what other invocations do. */
  readonly random: Random;
  isAlive: boolean = true;
  hasAnswered: boolean = false;
  waits = 0;
  /** Requests to bindings, where each statement of a batch of D1 is one. */
  spent = 0;
  /** The same, where a batch of D1 is one. */
  subrequests = 0;
  #onDeath: (() => void) | null;

  constructor(name: string, isolate: Isolate, random: Random, onDeath: () => void) {
    this.name = name;
    this.isolate = isolate;
    this.random = random;
    this.#onDeath = onDeath;
    isolate.invocations.add(this);
  }

  /** Ends it, whether it is done or not. */
  end(): void {
    this.isAlive = false;
    this.isolate.invocations.delete(this);
    const tell = this.#onDeath;
    this.#onDeath = null;
    tell?.();
  }

  /** Whether it may go on after an await. A doomed isolate or invocation dies here. */
  goesOn(loop: Loop): boolean {
    if (!this.isAlive) return false;
    const { doom } = this.isolate;
    if (doom === null) return true;
    this.isolate.doom = null;
    loop.note(`death of ${doom === 'isolate' ? `isolate ${this.isolate.index}` : this.name}`);
    this.isolate.onDeath();
    if (doom === 'isolate') this.isolate.die();
    else this.end();
    return false;
  }

  /** Counts requests to bindings; false where there are too many. */
  maySpend(count: number): boolean {
    this.subrequests++;
    this.spent += count;
    return this.spent <= MAX_SUBREQUESTS;
  }
}

export interface IsolateOptions {
  index: number;
  skewMs: number;
  seed: number;
  startMs: number;
  loop: Loop;
  env: object;
  createReceiver: RealmReceiver;
  log: (line: string) => void;
  /** Called when it, or an invocation of it, dies before its end. */
  onDeath: () => void;
}

export class Isolate {
  readonly index: number;
  readonly onDeath: () => void;
  readonly host: RealmHost;
  readonly invocations = new Set<Invocation>();
  /** What dies at the next await. */
  doom: 'isolate' | 'invocation' | null = null;
  readonly #options: IsolateOptions;
  #receiver: SimulatedReceiver | null = null;

  constructor(options: IsolateOptions) {
    const { index, loop, startMs, skewMs, seed } = options;
    this.index = index;
    this.onDeath = options.onDeath;
    this.#options = options;
    const random = new Random(`${seed} isolate ${index}`);
    this.host = {
      nowMs: () => startMs + loop.nowMs + skewMs,
      random: () => random.fraction(),
      log: options.log,
      setTimer: (run, delayMs) => {
        const owner = current.getStore();
        return loop.after(delayMs, () => {
          if (owner === undefined) run();
          else if (owner.goesOn(loop)) current.run(owner, run);
        });
      },
    };
  }

  die(): void {
    this.#receiver = null;
    for (const invocation of [...this.invocations]) invocation.end();
  }

  /**
   * Runs something in a new invocation, which goes on for its `waitUntil` promises. `ended` tells how it ended.
   *
   * @param name unique among all invocations.
   */
  invoke<T>(
    name: string,
    kind: 'request' | 'event',
    work: (receiver: SimulatedReceiver, lifetime: Lifetime) => Promise<T>,
  ): { invocation: Invocation; ended: Promise<End<T>> } {
    const { loop, env, createReceiver, seed } = this.#options;
    const outcome = Promise.withResolvers<End<T>>();
    const random = new Random(`${seed} ${name}`);
    const invocation = new Invocation(name, this, random, () => outcome.resolve({ end: 'died' }));
    const endIfDone = () => {
      if (invocation.hasAnswered && invocation.waits === 0) invocation.end();
    };
    const lifetime: Lifetime = {
      waitUntil: (promise) => {
        invocation.waits++;
        const done = () => {
          invocation.waits--;
          endIfDone();
        };
        promise.then(done, done);
      },
      passThroughOnException: () => undefined,
    };
    const settle = (end: End<T>) => {
      if (!invocation.isAlive) return;
      invocation.hasAnswered = true;
      outcome.resolve(end);
      if (kind === 'request') loop.after(WAIT_UNTIL_MS, () => invocation.end());
      endIfDone();
    };
    if (kind === 'event') loop.after(WALL_TIME_MS, () => invocation.end());
    this.#receiver ??= createReceiver(env, {
      now: () => Math.floor(this.host.nowMs()),
      pause: async (ms) => new Promise((resolve) => this.host.setTimer(() => resolve(), ms)),
    });
    const receiver = this.#receiver;
    current.run(invocation, () => {
      work(receiver, lifetime).then(
        (value) => settle({ end: 'returned', value }),
        (error: unknown) => settle({ end: 'threw', error }),
      );
    });
    return { invocation, ended: outcome.promise };
  }

  /** The client goes away. Its invocation goes on only for its `waitUntil` promises. */
  hangUp(invocation: Invocation): void {
    if (!invocation.isAlive || invocation.hasAnswered) return;
    invocation.hasAnswered = true;
    if (invocation.waits === 0) invocation.end();
    else this.#options.loop.after(WAIT_UNTIL_MS, () => invocation.end());
  }
}
