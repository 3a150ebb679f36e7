// How much is measured: in full, or just enough to see that everything works.

export const SECTIONS = ['throughput', 'pace', 'cost', 'growth'] as const;
export type Section = (typeof SECTIONS)[number];

export interface Plan {
  sections: readonly Section[];
  /** Times that every figure is measured; the median counts. */
  rounds: number;
  connections: readonly number[];
  /** One measurement under full load. */
  loadMs: number;
  /** The load before it, which is not measured: code gets compiled, caches fill. */
  warmUpMs: number;
  pace: { perSecond: number; rounds: number; durationMs: number };
  growth: { sizes: readonly number[]; repeats: number };
}

export function planOf(options: { quick: boolean; rounds?: number; sections: readonly Section[] }): Plan {
  const { quick, sections } = options;
  const rounds = options.rounds ?? (quick ? 1 : 5);
  return {
    sections,
    rounds,
    connections: [1, 16, 64, 256],
    loadMs: quick ? 1_000 : 4_000,
    warmUpMs: quick ? 500 : 1_000,
    pace: { perSecond: 20, rounds, durationMs: quick ? 3_000 : 5_000 },
    growth: {
      sizes: quick ? [1_000, 50_000] : [1_000, 100_000, 1_000_000],
      repeats: quick ? 5 : 25,
    },
  };
}
