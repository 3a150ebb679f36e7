// The figures of a run as written to JSON, and whether they reach the aims.
import type { Change } from './changes.ts';
import type { Growth } from './growth.ts';
import type { Machine } from './machine.ts';
import type { Cost, Pace, Throughput } from './measurements.ts';
import type { Revision } from './revision.ts';
import type { Subject } from './subjects.ts';

export interface Results {
  /** When the run began, RFC 3339. */
  at: string;
  command: string;
  machine: Machine;
  rounds: number;
  subjects: readonly Subject[];
  /** The revision of `past`. */
  against?: Revision;
  throughput?: Throughput[];
  pace?: Pace[];
  cost?: Cost[];
  growth?: Growth;
  /** With `against`. */
  changes?: Change[];
  aims: Aim[];
}

/** An aim of this receiver. */
export interface Aim {
  what: string;
  /** The least or the most that `actual` may be. */
  atLeast?: number;
  atMost?: number;
  actual: number;
  isReached: boolean;
}

/** Connections at which the receivers are compared. */
const COMPARED_CONNECTIONS = [64, 256];
/** Connections at which it is compared with the limit. */
const LIMIT_CONNECTIONS = 256;

export function aimsOf({ throughput = [], pace = [] }: Pick<Results, 'throughput' | 'pace'>): Aim[] {
  const at = (subject: Subject, connections: number) =>
    throughput.find((row) => row.subject === subject && row.connections === connections);
  const aims: Aim[] = [];
  const aim = (
    what: string,
    actual: number | null | undefined,
    bound: { atLeast: number } | { atMost: number },
  ) => {
    if (actual == null || Number.isNaN(actual)) return;
    const isReached = 'atLeast' in bound ? actual >= bound.atLeast : actual <= bound.atMost;
    aims.push({ what, ...bound, actual, isReached });
  };
  for (const connections of COMPARED_CONNECTIONS) {
    const naive = at('naive', connections);
    const receiver = at('receiver', connections);
    if (naive === undefined || receiver === undefined) continue;
    const where = `at ${connections} connections`;
    aim(`events/s of c / b ${where}`, receiver.eventsPerSecond / naive.eventsPerSecond, { atLeast: 2.5 });
    aim(`CPU per event of c / b ${where}`, ratio(receiver.cpuMsPerEvent, naive.cpuMsPerEvent), {
      atMost: 0.5,
    });
    aim(`p99 of c / b ${where}`, receiver.p99Ms / naive.p99Ms, { atMost: 0.5 });
  }
  const limit = at('limit', LIMIT_CONNECTIONS);
  const receiver = at('receiver', LIMIT_CONNECTIONS);
  if (limit !== undefined && receiver !== undefined) {
    aim(
      `events/s of c / a at ${LIMIT_CONNECTIONS} connections`,
      receiver.eventsPerSecond / limit.eventsPerSecond,
      { atLeast: 0.5 },
    );
  }
  const [naivePace, receiverPace] = (['naive', 'receiver'] as const).map((subject) =>
    pace.find((row) => row.subject === subject),
  );
  if (naivePace !== undefined && receiverPace !== undefined) {
    aim(`p50 of c / b at ${naivePace.perSecond} a second`, receiverPace.p50Ms / naivePace.p50Ms, {
      atMost: 1,
    });
  }
  return aims;
}

function ratio(of: number | null, to: number | null): number | null {
  return of === null || to === null ? null : of / to;
}
