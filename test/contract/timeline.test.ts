import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReportedStep, timelineOf } from '../../src/contract/timeline.ts';
import { STATUSES, type Status } from '../../src/contract/webhook.ts';
import { expectHolds } from '../seeded.ts';

/** Reports in the order in which they were stored: each a step and when it occurred; `null`: a reply. */
function stored(...reports: [Status | null, number][]): ReportedStep[] {
  return reports.map(([status, occurredAtMs], index) => ({ seq: index + 1, status, occurredAtMs }));
}

function disorders(events: ReportedStep[]) {
  return timelineOf(events).reports.map(({ status, disorder }) => [status, disorder]);
}

describe('a timeline', () => {
  it('has the steps, when each was first taken, and the times between', () => {
    const timeline = timelineOf(
      stored(['sent', 1_000], ['delivered', 1_700], ['read', 9_000], ['read', 8_000]),
    );

    expect(timeline).toMatchObject({
      status: 'read',
      steps: [
        { status: 'sent', atMs: 1_000 },
        { status: 'delivered', atMs: 1_700 },
        { status: 'read', atMs: 8_000 },
      ],
      implied: [],
      lags: [
        { from: 'sent', to: 'delivered', ms: 700 },
        { from: 'delivered', to: 'read', ms: 6_300 },
      ],
    });
  });

  it('infers the steps that a stronger one implies, without a time', () => {
    expect(timelineOf(stored(['read', 5]))).toMatchObject({
      status: 'read',
      steps: [
        { status: 'sent', atMs: null },
        { status: 'delivered', atMs: null },
        { status: 'read', atMs: 5 },
      ],
      implied: ['sent', 'delivered'],
      lags: [
        { from: 'sent', to: 'delivered', ms: null },
        { from: 'delivered', to: 'read', ms: null },
      ],
    });
  });

  it('infers nothing from a failure, and tells how long after the attempt it came', () => {
    expect(timelineOf(stored(['failed', 5]))).toMatchObject({ status: 'failed', implied: [], lags: [] });
    expect(timelineOf(stored(['sent', 2], ['failed', 5])).lags).toEqual([
      { from: 'sent', to: 'failed', ms: 3 },
    ]);
  });

  it('has no status where there are only replies', () => {
    expect(timelineOf(stored([null, 1]))).toMatchObject({ status: null, steps: [], implied: [], lags: [] });
    expect(timelineOf([])).toEqual({ status: null, steps: [], implied: [], lags: [], reports: [] });
  });

  it.each<[string, ReportedStep[], [Status | null, string[]][]]>([
    [
      'nothing where all came in order',
      stored(['sent', 1], ['delivered', 2], ['read', 3], [null, 4]),
      [
        ['sent', []],
        ['delivered', []],
        ['read', []],
        [null, []],
      ],
    ],
    [
      'what was stored late',
      stored(['read', 3], ['delivered', 2], ['sent', 1]),
      [
        ['sent', ['stored']],
        ['delivered', ['stored']],
        ['read', []],
      ],
    ],
    [
      'what occurred late',
      stored(['sent', 3], ['delivered', 2]),
      [
        ['delivered', []],
        ['sent', ['occurred']],
      ],
    ],
    [
      'what is late in both',
      stored(['read', 1], ['sent', 2]),
      [
        ['read', []],
        ['sent', ['stored', 'occurred']],
      ],
    ],
    [
      'nothing of what occurred at once',
      stored(['sent', 1], ['read', 1]),
      [
        ['sent', []],
        ['read', []],
      ],
    ],
    [
      'no repeat of the same step',
      stored(['read', 1], ['read', 2]),
      [
        ['read', []],
        ['read', []],
      ],
    ],
    [
      'no reply',
      stored(['read', 1], [null, 2]),
      [
        ['read', []],
        [null, []],
      ],
    ],
    [
      'a failure behind a delivery',
      stored(['delivered', 1], ['failed', 2]),
      [
        ['delivered', []],
        ['failed', ['stored', 'occurred']],
      ],
    ],
  ])('calls out of order %s', (_, events, expected) => {
    expect(disorders(events)).toEqual(expected);
  });

  it('does not depend on the order in which its events are given', async () => {
    const report = fc.record({
      status: fc.option(fc.constantFrom(...STATUSES)),
      occurredAtMs: fc.nat(20),
    });
    await expectHolds(
      fc.property(fc.array(report, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (reports, keys) => {
        const events = reports.map((event, seq) => ({ seq, ...event }));
        const shuffled = events
          .map((event) => ({ event, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ event }) => event);
        expect(timelineOf(shuffled)).toEqual(timelineOf(events));
      }),
    );
  });
});
