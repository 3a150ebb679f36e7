// How much is measured: in full, or just enough to see that it works.
import { SUBJECTS, type Subject } from './subjects.ts';

export const SECTIONS = ['throughput', 'pace', 'cost', 'growth'] as const;
export type Section = (typeof SECTIONS)[number];

/** Connections that each send as soon as they are answered, or webhooks at a steady pace. */
export type Load = { connections: number } | { perSecond: number };

export interface Plan {
  sections: readonly Section[];
  /** In the order in which they are printed. */
  subjects: readonly Subject[];
  /** How often every figure is measured; the median counts. */
  rounds: number;
  /** The numbers of connections of throughput. */
  connections: readonly number[];
  /** The duration of one measurement under full load. */
  loadMs: number;
  /** The duration of the load before it, while code is compiled and caches are filled. */
  warmUpMs: number;
  pace: { perSecond: number; rounds: number; durationMs: number };
  /** One event at a time, and in groups. `routes`: the numbers of ways out that this receiver has in turn. */
  cost: { loads: readonly Load[]; routes: readonly number[] };
  growth: { sizes: readonly number[]; repeats: number };
}

export interface PlanOptions {
  quick: boolean;
  rounds?: number;
  sections: readonly Section[];
  /** Without the past, which `against` adds. */
  subjects?: readonly Subject[];
  connections?: readonly number[];
  routes?: readonly number[];
  /** The revision that this receiver is compared with. */
  against?: string;
}

export function planOf(options: PlanOptions): Plan {
  const { quick, sections, subjects = SUBJECTS, against } = options;
  const { connections = [1, 16, 64, 256], routes = [1, 4] } = options;
  const rounds = options.rounds ?? (quick ? 1 : 5);
  return {
    sections,
    subjects: subjects.flatMap((subject) =>
      subject === 'receiver' && against !== undefined ? ['past', subject] : [subject],
    ),
    rounds,
    connections,
    loadMs: quick ? 1_000 : 4_000,
    warmUpMs: quick ? 500 : 1_000,
    pace: { perSecond: 20, rounds, durationMs: quick ? 3_000 : 5_000 },
    cost: {
      loads: [{ perSecond: 10 }, { connections: 64 }, { connections: 160 }],
      routes,
    },
    growth: {
      sizes: quick ? [1_000, 50_000] : [1_000, 100_000, 1_000_000],
      repeats: quick ? 5 : 25,
    },
  };
}
