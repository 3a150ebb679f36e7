// The outcome of a run: for machines as one object, for people as a table and a verdict.
import { alignColumns } from '../../scripts/command-line.ts';
import type { Percentiles } from './latencies.ts';
import { type Ledger, OUTCOMES, type Outcome } from './ledger.ts';
import type { Plan } from './plan.ts';
import { formatMs } from './progress.ts';
import type { Findings } from './reconcile.ts';

/** All counts of a run: `events` counts different events, `requests` counts requests. */
export interface Tally {
  plan: string;
  events: {
    sent: number;
    acknowledged: number;
    /** Acknowledged as deferred only. */
    deferredOnly: number;
    stored: number;
    storedEarlier: number;
    lost: number;
    deferredMissing: number;
    invented: number;
    unforwarded: number;
    wrongDeliveries: number;
    storedTwice: number;
  };
  requests: {
    deliveries: number;
    attempts: number;
    repeats: number;
    abandoned: number;
    acknowledged: Record<Outcome, number>;
    broken: number;
    refused: number;
    givenUp: number;
    wrongAnswers: number;
    /** Attempts by the status of their answer, or by why there was none. */
    ends: Record<string, number>;
  };
  latency: Percentiles | null;
  /** What is wrong, with some examples each. Empty: nothing. */
  failures: { what: string; count: number; examples: string[] }[];
}

const EXAMPLES = 5;

/** @param intakeSurvives whether the intake queue outlives the run, so that missing deferred events count as lost. */
export function tallyOf(
  plan: Pick<Plan, 'fingerprint'>,
  ledger: Ledger,
  findings: Findings,
  { intakeSurvives }: { intakeSurvives: boolean },
): Tally {
  const records = [...ledger.events.values()];
  const acknowledgedEvents = records.filter(({ acknowledged }) =>
    OUTCOMES.some((name) => acknowledged[name] > 0),
  );
  const lost = intakeSurvives ? [...findings.lost, ...findings.deferredMissing] : findings.lost;
  const failures = [
    { what: 'lost: acknowledged, and not in the API', found: lost },
    { what: 'invented: in the API, and not as it was sent', found: findings.invented },
    { what: 'unforwarded: stored, and not confirmed by the queue', found: findings.unforwarded },
    { what: 'wrong delivery count', found: findings.wrongDeliveries },
    { what: 'answered `stored` more than once', found: findings.storedTwice },
    { what: 'wrong answer', found: ledger.wrongAnswers },
    { what: 'given up: never acknowledged', found: ledger.givenUp },
  ];
  return {
    plan: plan.fingerprint,
    events: {
      sent: records.filter(({ attempts }) => attempts > 0).length,
      acknowledged: acknowledgedEvents.length,
      deferredOnly: acknowledgedEvents.filter(
        ({ acknowledged }) => acknowledged.stored + acknowledged.duplicate === 0,
      ).length,
      stored: findings.stored,
      storedEarlier: findings.storedEarlier,
      lost: lost.length,
      deferredMissing: findings.deferredMissing.length,
      invented: findings.invented.length,
      unforwarded: findings.unforwarded.length,
      wrongDeliveries: findings.wrongDeliveries.length,
      storedTwice: findings.storedTwice.length,
    },
    requests: {
      deliveries: ledger.begun,
      attempts: ledger.attempts,
      repeats: ledger.repeats,
      abandoned: ledger.abandoned,
      acknowledged: { ...ledger.acknowledged },
      broken: ledger.brokenSent,
      refused: ledger.brokenRefused,
      givenUp: ledger.givenUp.length,
      wrongAnswers: ledger.wrongAnswers.length,
      ends: Object.fromEntries([...ledger.ends].sort()),
    },
    latency: ledger.latencies.overall(),
    failures: failures
      .filter(({ found }) => found.length > 0)
      .map(({ what, found }) => ({ what, count: found.length, examples: found.slice(0, EXAMPLES) })),
  };
}

/** The rows that every report has, as label, count, remark. */
export function rowsOf({ events, requests, latency }: Tally): Row[] {
  const { stored, duplicate, deferred } = requests.acknowledged;
  return [
    ['events sent', events.sent],
    ['  acknowledged', events.acknowledged],
    [
      '  stored',
      events.stored,
      events.storedEarlier > 0 ? `${events.storedEarlier} of them stored earlier` : '',
    ],
    ['  lost', events.lost],
    ['  invented', events.invented],
    ['  unforwarded', events.unforwarded],
    ['  with a wrong delivery count', events.wrongDeliveries],
    ['deliveries', requests.deliveries, `in ${requests.attempts} attempts`],
    [
      '  acknowledged',
      stored + duplicate + deferred,
      `${stored} stored, ${duplicate} duplicate, ${deferred} deferred`,
    ],
    ['  repeated', requests.repeats],
    ['  refused', requests.refused, `of ${requests.broken} that break the contract`],
    ['  abandoned, and sent again', requests.abandoned],
    ['  given up', requests.givenUp],
    ['wrong answers', requests.wrongAnswers],
    ['attempts by their end', '', listOf(requests.ends)],
    [
      'latency',
      '',
      latency === null
        ? 'nothing was answered'
        : `p50 ${formatMs(latency.p50Ms)}, p99 ${formatMs(latency.p99Ms)}, max ${formatMs(latency.maxMs)}`,
    ],
  ];
}

export type Row = [label: string, count: number | '', remark?: string];

export function formatRows(rows: readonly Row[]): string {
  return alignColumns(
    rows.map(([label, count, remark = '']) => [label, String(count), remark]),
    [1],
  ).join('\n');
}

/** What is wrong, with examples, or that nothing is. */
export function formatVerdict({ failures, events }: Tally): string {
  if (failures.length === 0) {
    return `OK: ${events.acknowledged} events acknowledged, 0 lost, 0 invented, all forwarded.`;
  }
  return failures
    .map(({ what, count, examples }) => {
      const more = count > examples.length ? [`  … and ${count - examples.length} more`] : [];
      return [`FAILED, ${count} × ${what}`, ...examples.map((example) => `  ${example}`), ...more].join('\n');
    })
    .join('\n');
}

function listOf(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');
}
