// The timeline of a message: which steps it took and when, which of them are inferred, which reports came out of
// order, and how long it took from one step to the next. Pure; knows a message by its events alone.

import { messageStatus, statusRank } from './message-status.ts';
import { isStatus, type Status } from './webhook.ts';

/** What a timeline needs to know of an event. */
export interface ReportedStep {
  /** Place among all stored events: grows in the order in which they were stored. */
  seq: number;
  /** `null` for what is no step: a reply. A word that is not known is no step either. */
  status: string | null;
  /** Unix ms. */
  occurredAtMs: number;
}

/** How a report came out of order: behind one of a stronger step, by when it was stored or by when it occurred. */
export type Disorder = 'stored' | 'occurred';

/** A step that the message has taken. */
export interface Step {
  status: Status;
  /** When it was first taken, Unix ms; `null`: it was not reported, another step implies it. */
  atMs: number | null;
}

/** The time from one step to the next. */
export interface Lag {
  from: Status;
  to: Status;
  /** `null` where one of the two is inferred. Negative where they occurred the other way round. */
  ms: number | null;
}

export interface Timeline<Report extends ReportedStep> {
  /** The effective status; `null` where no step was reported. */
  status: Status | null;
  /** Weakest first; the last one is the status. */
  steps: Step[];
  /** Of the steps, those that nobody reported. */
  implied: Status[];
  lags: Lag[];
  /** In the order in which they occurred, and where that is the same, in which they were stored. */
  reports: (Report & { disorder: Disorder[] })[];
}

/** The steps that follow one another. A failure follows the attempt to send. */
const LAGS = [
  ['sent', 'delivered'],
  ['delivered', 'read'],
  ['sent', 'failed'],
] as const satisfies [Status, Status][];

/**
 * The timeline of a message from its events, in any order, repeats included. The effective status never moves back:
 * it depends on which steps were reported, not on when.
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

/** The steps that stand behind a stronger one, in an order. Those at the same place are behind none of them. */
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
