// The timeline of a message, from its events alone: which steps it took and when, which of them are inferred, which reports
// came out of order, and how long it took from one step to the next. Pure.

import { messageStatus, statusRank } from './message-status.ts';
import { isStatus, type Status } from './webhook.ts';

/** An event of a message, as far as its timeline needs it. */
export interface ReportedStep {
  /** Place in the log, which grows in the order in which events were stored. */
  seq: number;
  /** `null` for a reply. An unknown word is no step either. */
  status: string | null;
  /** Unix ms. */
  occurredAtMs: number;
}

/** How a report is out of order: it was stored, or it occurred, after the report of a stronger step. */
export type Disorder = 'stored' | 'occurred';

/** A step that the message has taken. */
export interface Step {
  status: Status;
  /** When it was first taken, Unix ms; `null` where it was not reported and another step implies it. */
  atMs: number | null;
}

/** The time from one step to the next. */
export interface Lag {
  from: Status;
  to: Status;
  /** `null` where one of the two is inferred; negative where the second occurred first. */
  ms: number | null;
}

export interface Timeline<Report extends ReportedStep> {
  /** The effective status; `null` where no step was reported. */
  status: Status | null;
  /** Weakest first; the last one is the status. */
  steps: Step[];
  /** The steps that were not reported. */
  implied: Status[];
  lags: Lag[];
  /** In the order in which they occurred; of the same moment, in the order in which they were stored. */
  reports: (Report & { disorder: Disorder[] })[];
}

/** The pairs of steps of which the time between is told. */
const LAGS = [
  ['sent', 'delivered'],
  ['delivered', 'read'],
  ['sent', 'failed'],
] as const satisfies [Status, Status][];

/**
 * The timeline of a message from its events, in any order, repeats included. The effective status depends on which steps
 * were reported, not on when, and therefore never moves back.
 *
 * @param events of one message.
 */
export function timelineOf<Report extends ReportedStep>(events: readonly Report[]): Timeline<Report> {
  const known = messageStatus(events.flatMap(({ status }) => (status === null ? [] : [status])));
  const steps = (known?.steps ?? []).map((status) => ({ status, atMs: firstTime(events, status) }));
  const timeOf = new Map(steps.map(({ status, atMs }) => [status, atMs]));
  const storedLate = outrun(events, ({ seq }) => seq);
  const occurredLate = outrun(events, ({ occurredAtMs }) => occurredAtMs);
  return {
    status: known?.status ?? null,
    steps,
    implied: known?.implied ?? [],
    lags: LAGS.filter(([from, to]) => timeOf.has(from) && timeOf.has(to)).map(([from, to]) => ({
      from,
      to,
      ms: difference(timeOf.get(from), timeOf.get(to)),
    })),
    reports: events
      .toSorted((a, b) => a.occurredAtMs - b.occurredAtMs || a.seq - b.seq)
      .map((event) => ({
        ...event,
        disorder: [
          ...(storedLate.has(event) ? (['stored'] as const) : []),
          ...(occurredLate.has(event) ? (['occurred'] as const) : []),
        ],
      })),
  };
}

function firstTime(events: readonly ReportedStep[], status: Status): number | null {
  const times = events.filter((event) => event.status === status).map(({ occurredAtMs }) => occurredAtMs);
  return times.length === 0 ? null : Math.min(...times);
}

function difference(from: number | null | undefined, to: number | null | undefined): number | null {
  return from == null || to == null ? null : to - from;
}

/** The events that come after one of a stronger step when ordered by `place`. Events of the same place have no order. */
function outrun<Report extends ReportedStep>(
  events: readonly Report[],
  place: (event: Report) => number,
): Set<Report> {
  const behind = new Set<Report>();
  const ordered = events.toSorted((a, b) => place(a) - place(b));
  let strongest = -1;
  let strongestHere = -1;
  for (const [index, event] of ordered.entries()) {
    const before = ordered[index - 1];
    if (before !== undefined && place(before) < place(event)) strongest = strongestHere;
    if (!isStatus(event.status)) continue;
    const rank = statusRank(event.status);
    if (rank < strongest) behind.add(event);
    strongestHere = Math.max(strongestHere, rank);
  }
  return behind;
}
