// How long answers took.

const RECENT = 1_000;

export interface Percentiles {
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
}

export class Latencies {
  readonly #all: number[] = [];

  add(ms: number): void {
    this.#all.push(ms);
  }

  /** Begins anew. */
  forget(): void {
    this.#all.length = 0;
  }

  /** Of everything; `null` where there is nothing. */
  overall(): Percentiles | null {
    return percentilesOf(this.#all);
  }

  /** Of the last thousand: what to show while it runs, without sorting all again and again. */
  recent(): Percentiles | null {
    return percentilesOf(this.#all.slice(-RECENT));
  }
}

function percentilesOf(values: readonly number[]): Percentiles | null {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return sorted.length === 0 ? null : { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}
