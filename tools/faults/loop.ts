// An event loop in virtual time. Between two steps all JavaScript runs that can, so that the same steps in the same order make
// the same run.
import { createHash } from 'node:crypto';

interface Step {
  atMs: number;
  /** Of two steps at the same time, the one that was added first comes first. */
  order: number;
  run: (() => void) | null;
}

/** A run with more steps is an endless loop. */
const MAX_STEPS = 2_000_000;

/** Virtual time begins at 0. */
export class Loop {
  nowMs = 0;
  steps = 0;
  /** Called with each note. */
  onNote: ((atMs: number, what: string) => void) | null = null;
  readonly #heap: Step[] = [];
  readonly #hash = createHash('sha256');
  #order = 0;

  /** Runs something later. The function that is returned cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const step: Step = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(step);
    return () => {
      step.run = null;
    };
  }

  async sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Notes what happens now. The digest is made of the notes. */
  note(what: string): void {
    this.#hash.update(`${this.nowMs.toFixed(3)} ${what}\n`);
    this.onNote?.(this.nowMs, what);
  }

  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 32);
  }

  /** Lets time pass until a moment, or until `isOver`. */
  async runUntil(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await drained();
    while (!isOver()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#pop();
      if (next.run === null) continue;
      if (++this.steps > MAX_STEPS) throw new Error(`a run of more than ${MAX_STEPS} steps`);
      this.nowMs = next.atMs;
      next.run();
      await drained();
    }
    if (!isOver()) this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #push(step: Step): void {
    const heap = this.#heap;
    let child = heap.push(step) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(heap[child] as Step, heap[parent] as Step)) break;
      [heap[child], heap[parent]] = [heap[parent] as Step, heap[child] as Step];
      child = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Step;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let first = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && isBefore(heap[child] as Step, heap[first] as Step)) first = child;
      }
      if (first === parent) return;
      [heap[first], heap[parent]] = [heap[parent] as Step, heap[first] as Step];
      parent = first;
    }
  }
}

function isBefore(a: Step, b: Step): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Resolves once everything has run that needs no time: promises, streams, `process.nextTick`. */
async function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
