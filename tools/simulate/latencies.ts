// How long answers took.
import { percentile } from '../statistics.ts';

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

  /** Forgets all latencies so far. */
  forget(): void {
    this.#all.length = 0;
  }

  /** The percentiles of all; `null` where there are none. */
  overall(): Percentiles | null {
    return percentilesOf(this.#all);
  }

  /** The percentiles of the last thousand, which are fast to sort while the run is shown. */
  recent(): Percentiles | null {
    return percentilesOf(this.#all.slice(-RECENT));
  }
}

function percentilesOf(values: readonly number[]): Percentiles | null {
  if (values.length === 0) return null;
  const ascending = Float64Array.from(values).sort();
  const [p50Ms, p99Ms, maxMs] = [0.5, 0.99, 1].map((share) => percentile(ascending, share)) as [
    number,
    number,
    number,
  ];
  return { p50Ms, p99Ms, maxMs };
}
