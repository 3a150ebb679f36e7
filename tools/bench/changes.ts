// Compares this receiver with its past round by round, since both meet the same machine within a round.

import { median } from '../statistics.ts';
import type { Pace, Throughput } from './measurements.ts';
import type { Load } from './plan.ts';

/** A figure of now divided by that of the past. */
export interface Change {
  figure: 'events/s' | 'p50 ms' | 'p99 ms' | 'CPU ms/event';
  load: Load;
  /** The median, the least and the most of the rounds' ratios. */
  ratio: number;
  least: number;
  most: number;
  /** In how many rounds now is better, and in how many worse. */
  roundsBetter: number;
  roundsWorse: number;
}

interface Measured {
  eventsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuMsPerEvent?: number | null;
}

/** The changes of all figures that were measured for both. */
export function changesOf({
  throughput = [],
  pace = [],
}: {
  throughput?: readonly Throughput[];
  pace?: readonly Pace[];
}): Change[] {
  const loaded = throughput
    .filter(({ subject }) => subject === 'receiver')
    .flatMap(({ connections, rounds }) => {
      const past = throughput.find((row) => row.subject === 'past' && row.connections === connections);
      const load = { connections };
      return [
        change('events/s', load, rounds, past?.rounds, ({ eventsPerSecond }) => eventsPerSecond),
        ...latencies(load, rounds, past?.rounds),
        change('CPU ms/event', load, rounds, past?.rounds, ({ cpuMsPerEvent }) => cpuMsPerEvent),
      ];
    });
  const paced = pace
    .filter(({ subject }) => subject === 'receiver')
    .flatMap(({ perSecond, rounds }) =>
      latencies({ perSecond }, rounds, pace.find(({ subject }) => subject === 'past')?.rounds),
    );
  return [...loaded, ...paced].filter((found) => found !== undefined);
}

function latencies(load: Load, now: readonly Measured[], then?: readonly Measured[]) {
  return [
    change('p50 ms', load, now, then, ({ p50Ms }) => p50Ms),
    change('p99 ms', load, now, then, ({ p99Ms }) => p99Ms),
  ];
}

/** `undefined` where a round has no such figure. */
function change(
  figure: Change['figure'],
  load: Load,
  now: readonly Measured[],
  then: readonly Measured[] = [],
  figureOf: (measured: Measured) => number | null | undefined,
): Change | undefined {
  if (now.length === 0 || then.length !== now.length) return undefined;
  const ratios = now.map((measured, round) => {
    const past = then[round];
    return (figureOf(measured) ?? Number.NaN) / ((past && figureOf(past)) ?? Number.NaN);
  });
  if (!ratios.every(Number.isFinite)) return undefined;
  const more = ratios.filter((ratio) => ratio > 1).length;
  const less = ratios.filter((ratio) => ratio < 1).length;
  const [roundsBetter, roundsWorse] = figure === 'events/s' ? [more, less] : [less, more];
  return {
    ...{ figure, load, ratio: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) },
    ...{ roundsBetter, roundsWorse },
  };
}
