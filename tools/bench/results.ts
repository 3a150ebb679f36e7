// The figures of a run as written to JSON, and whether they reach the aims.
import type { Change } from './changes.ts';
import type { Growth } from './growth.ts';
import type { Machine } from './machine.ts';
import type { Cost, Pace, Throughput } from './measurements.ts';
import type { Load } from './plan.ts';
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
  /** With `throughput`. */
  shares?: Share[];
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

/** The events/s of this receiver as a part of another subject's. */
export interface Share {
  connections: number;
  of: Subject;
  share: number;
}

/** The shares at each number of connections, of every other subject that was measured. */
export function sharesOf(throughput: readonly Throughput[]): Share[] {
  return throughput.flatMap(({ subject, connections, eventsPerSecond }) => {
    const receiver = find(throughput, 'receiver', connections);
    if (subject === 'receiver' || receiver === undefined) return [];
    return [{ connections, of: subject, share: receiver.eventsPerSecond / eventsPerSecond }];
  });
}

/** The least events/s of c / b at each number of connections. */
const LEAST_SPEED_UPS = [
  { connections: 1, atLeast: 1 },
  { connections: 16, atLeast: 2 },
  { connections: 64, atLeast: 3 },
  { connections: 256, atLeast: 2.5 },
];
/** Connections at which CPU and p99 of the receivers are compared. */
const COMPARED_CONNECTIONS = [64, 256];
/** Connections at which this receiver is compared with the limit of its design. */
const GROUP_COMMIT_CONNECTIONS = 64;

/** Rows written for each event, whatever group it is in: the row itself and two entries in indexes. */
const ROWS_OF_EVENT = 3;
/** From so many events in a group on, its confirmation may cost each of them a tenth of a row. */
const LARGE_GROUP = 50;

export function aimsOf({
  throughput = [],
  pace = [],
  cost = [],
}: Pick<Results, 'throughput' | 'pace' | 'cost'>): Aim[] {
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
  const shares = sharesOf(throughput);
  const shareAim = (letter: string, of: Subject, connections: number, atLeast: number) => {
    const found = shares.find((share) => share.of === of && share.connections === connections);
    aim(`events/s of c / ${letter} at ${describeConnections(connections)}`, found?.share, { atLeast });
  };
  for (const { connections, atLeast } of LEAST_SPEED_UPS) shareAim('b', 'naive', connections, atLeast);
  for (const connections of COMPARED_CONNECTIONS) {
    const naive = find(throughput, 'naive', connections);
    const receiver = find(throughput, 'receiver', connections);
    if (naive === undefined || receiver === undefined) continue;
    const where = `at ${describeConnections(connections)}`;
    aim(`CPU per event of c / b ${where}`, ratio(receiver.cpuMsPerEvent, naive.cpuMsPerEvent), {
      atMost: 0.5,
    });
    aim(`p99 of c / b ${where}`, receiver.p99Ms / naive.p99Ms, { atMost: 0.5 });
  }
  shareAim('d', 'group-commit', GROUP_COMMIT_CONNECTIONS, 0.7);
  const [naivePace, receiverPace] = (['naive', 'receiver'] as const).map((subject) =>
    pace.find((row) => row.subject === subject),
  );
  if (naivePace !== undefined && receiverPace !== undefined) {
    aim(`p50 of c / b at ${naivePace.perSecond} a second`, receiverPace.p50Ms / naivePace.p50Ms, {
      atMost: 1,
    });
  }
  for (const { load, routes, eventsPerGroup, perEvent, millionEvents } of cost.filter(isOfReceiver)) {
    const where = `of c at ${describeLoad(load)}${routes > 1 ? ` with ${routes} routes` : ''}`;
    if (routes > 1) {
      const beyond = perEvent.rowsWritten - ROWS_OF_EVENT;
      aim(`rows written a group and route ${where}`, (beyond * eventsPerGroup) / routes, { atMost: 1 });
      continue;
    }
    const atMost = ROWS_OF_EVENT + (eventsPerGroup >= LARGE_GROUP ? 0.1 : 1);
    aim(`rows written an event ${where}`, perEvent.rowsWritten, { atMost });
    if ('connections' in load) aim(`US$/million ${where}`, millionEvents.total, { atMost: 5 });
  }
  return aims;
}

function find(throughput: readonly Throughput[], subject: Subject, connections: number) {
  return throughput.find((row) => row.subject === subject && row.connections === connections);
}

function isOfReceiver({ subject }: Cost): boolean {
  return subject === 'receiver';
}

function describeLoad(load: Load): string {
  return 'connections' in load ? describeConnections(load.connections) : `${load.perSecond} a second`;
}

function describeConnections(connections: number): string {
  return `${connections} ${connections === 1 ? 'connection' : 'connections'}`;
}

function ratio(of: number | null, to: number | null): number | null {
  return of === null || to === null ? null : of / to;
}
