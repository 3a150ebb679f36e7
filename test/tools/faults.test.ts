// The fault simulation itself: that it can be repeated, and that it finds what is broken.

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Rule, Violation } from '../../tools/faults/book.ts';
import { scheduleOf } from '../../tools/faults/draw-schedule.ts';
import { parseFaultOptions } from '../../tools/faults/options.ts';
import { type Break, bundleReceiver, Realms } from '../../tools/faults/realm.ts';
import { run } from '../../tools/faults/run.ts';
import { onlyParts, partNames, type Schedule } from '../../tools/faults/schedule.ts';
import { shrink } from '../../tools/faults/shrink.ts';

/** A break names a seed that shows it soon. As the receiver changes, a later one may: so many are tried. */
const ENOUGH_SEEDS = 150;

async function firstViolation(
  realms: Realms,
  { rules, firstSeed = 1 }: Pick<(typeof BREAKS)[number], 'rules' | 'firstSeed'>,
): Promise<{ schedule: Schedule; violation: Violation } | null> {
  for (let seed = firstSeed; seed < firstSeed + ENOUGH_SEEDS; seed++) {
    const schedule = scheduleOf(seed);
    const { violations } = await run(schedule, realms);
    const violation = violations.find(({ rule }) => rules.includes(rule));
    if (violation !== undefined) return { schedule, violation };
  }
  return null;
}

describe('a schedule', () => {
  it('violates nothing, makes the same run each time, and another one with another seed', async () => {
    const bundle = await bundleReceiver();
    const digests = async () => {
      const realms = new Realms(bundle);
      const runs: string[] = [];
      for (let seed = 1; seed <= 6; seed++) {
        const { digest, steps, violations } = await run(scheduleOf(seed), realms);
        expect(violations, `seed ${seed}`).toEqual([]);
        runs.push(`${digest} ${steps}`);
      }
      return runs;
    };
    const first = await digests();
    expect(await digests()).toEqual(first);
    expect(new Set(first).size).toBe(6);
  });

  it('without faults counts what a sender hung up on and sent again as two deliveries', async () => {
    const schedule = scheduleOf(885813103);
    expect(schedule.faults).toEqual([]);
    expect((await run(schedule, new Realms(await bundleReceiver()))).violations).toEqual([]);
  });

  it('keeps its other parts where some are left out', () => {
    const whole = scheduleOf(7);
    const names = partNames(whole);
    expect(new Set(names).size).toBe(names.length);
    const half = new Set(names.filter((_, index) => index % 2 === 0));
    const part = onlyParts(whole, half);
    expect(partNames(part)).toEqual(names.filter((name) => half.has(name)));
    for (const sending of part.sendings) expect(whole.sendings).toContainEqual(sending);
  });
});

/** Ways to break the receiver, and the rules of which one is then violated. */
const BREAKS: { name: string; changes: Break[]; rules: Rule[]; firstSeed?: number }[] = [
  {
    name: 'acknowledges before the write',
    changes: [
      {
        file: 'src/receive/pipeline.ts',
        from: 'const recorded = await recordEvents(deps.db, events, deps.now());',
        to: `const recorded = events.map(() => ({ seq: 0, isNew: false }));
         lifetime.waitUntil(recordEvents(deps.db, events, deps.now()).catch(() => undefined));`,
      },
    ],
    rules: ['durable', 'answers'],
  },
  {
    name: 'forgets the sweep',
    changes: [
      {
        file: 'src/forward/sweep.ts',
        from: 'const pending = await listPending(db, page);',
        to: 'const pending: WaitingEvent[] = [];',
      },
    ],
    rules: ['quiet', 'durable'],
  },
  {
    name: 'confirms before it sends',
    changes: [
      {
        file: 'src/forward/events.ts',
        from: 'const answers = await Promise.allSettled(',
        to: `await confirm(deps.db, pending, deps.now());
         const answers = await Promise.allSettled(`,
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'purges what is not forwarded',
    firstSeed: 80,
    changes: [
      {
        file: 'src/store/retention.ts',
        from: 'NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq)',
        to: 'true',
      },
    ],
    rules: ['purged', 'durable'],
  },
  {
    name: 'counts twice',
    firstSeed: 233,
    changes: [
      {
        file: 'src/store/progress.ts',
        from: 'seq = excluded.seq, at = max(at',
        to: 'DO UPDATE SET seq = seq, at',
      },
    ],
    rules: ['counters'],
  },
  {
    name: 'loses a member of a group',
    changes: [
      {
        file: 'src/store/events.ts',
        from: 'const isRecorded = events.map(({ event, json }) => {',
        to: `const isRecorded = events.map(({ event, json }, index) => {
          if (index > 0 && index === events.length - 1) return true;`,
      },
      {
        file: 'src/store/events.ts',
        from: 'return row === undefined ? null : {',
        to: 'return row === undefined ? { seq: 0, isNew: false } : {',
      },
    ],
    rules: ['durable', 'answers'],
  },
  {
    name: 'has no deadline',
    changes: [
      {
        file: 'src/runtime/deadline.ts',
        from: 'return await Promise.race([work, timedOut.promise]);',
        to: 'timedOut.promise.catch(() => undefined); return await work;',
      },
    ],
    rules: ['prompt'],
  },
  {
    name: 'gives a place again',
    firstSeed: 35,
    changes: [
      {
        file: 'src/store/places.ts',
        from: 'SELECT seq FROM last_places WHERE',
        to: 'SELECT 0 FROM last_places WHERE',
      },
    ],
    rules: ['places'],
  },
  {
    name: 'acknowledges deferred webhooks before they are recorded',
    firstSeed: 67,
    changes: [
      {
        file: 'src/forward/record-messages.ts',
        from: 'await record(messages.map(({ content }) => content));',
        to: `for (const { message } of messages) message.ack();
         await record(messages.map(({ content }) => content));`,
      },
    ],
    rules: ['durable', 'kept'],
  },
  {
    name: 'forgets to keep what it refuses',
    firstSeed: 131,
    changes: [
      {
        file: 'src/store/rejections.ts',
        from: 'await db.batch(rows);',
        to: 'if (rows.length > 1) await db.batch(rows);',
      },
    ],
    rules: ['kept'],
  },
  {
    name: 'redrives dead letters without sending them',
    changes: [{ file: 'src/forward/dead-letters.ts', from: 'await sendAgain(deps, letters);', to: '' }],
    rules: ['durable'],
  },
  {
    name: 'moves a replay on over a page that is lost',
    changes: [
      {
        file: 'src/store/replay-steps.ts',
        from: 'const seqs = JSON.stringify(found);',
        to: 'const seqs = JSON.stringify(found.slice(1));',
      },
    ],
    rules: ['replayed'],
  },
  {
    name: 'counts a delivery again that stored the event',
    firstSeed: 10,
    changes: [
      {
        file: 'src/store/events.ts',
        from: "WHERE instr(' ' || events.request_id",
        to: "WHERE true OR instr(' ' || events.request_id",
      },
    ],
    rules: ['deliveries'],
  },
  {
    name: 'takes what differs for a repeat',
    firstSeed: 45,
    changes: [
      {
        file: 'src/store/events.ts',
        from: 'WHERE payload = excluded.payload OR iif(',
        to: 'WHERE true OR iif(',
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'forgets what differs and came by way of the intake queue',
    changes: [
      {
        file: 'src/forward/intake-consumer.ts',
        from: 'differing.push(differingRejection(event, done, generation));',
        to: 'void differing;',
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'answers before what differs is kept',
    firstSeed: 160,
    changes: [
      {
        file: 'src/receive/pipeline.ts',
        from: 'await reject(differingRejection(event, compared, generation), lifetime, leftMs());',
        to: 'reject(differingRejection(event, compared, generation), lifetime, leftMs()).catch(() => undefined);',
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'forgets rejections when it erases',
    changes: [
      {
        file: 'src/store/contact-erasure.ts',
        from: 'for (const kind of MENTIONING) await eraseMentions(run, kind);',
        to: "for (const kind of MENTIONING) if (kind !== 'rejection') await eraseMentions(run, kind);",
      },
    ],
    rules: ['erased'],
  },
  {
    name: 'turns away whom it cannot look up',
    changes: [
      {
        file: 'src/receive/registrations.ts',
        from: "return { kind: 'unverifiable' };",
        to: "return { kind: 'unknown' };",
      },
    ],
    rules: ['answers'],
  },
  {
    name: 'takes what the queue refused for sent',
    changes: [
      {
        file: 'src/forward/events.ts',
        from: "answer.status === 'fulfilled'",
        to: 'events.length > 0',
      },
    ],
    rules: ['durable'],
  },
];

describe('a receiver that is broken is found, when it', () => {
  it.each(BREAKS)('$name', async (broken) => {
    const found = await firstViolation(new Realms(await bundleReceiver(broken.changes)), broken);
    expect(found?.violation).toMatchObject({ rule: expect.toBeOneOf(broken.rules) });
  });

  it('cannot be bundled because the text to change is missing', async () => {
    const change = { file: 'src/store/events.ts', from: 'there is no such text', to: '' };
    await expect(bundleReceiver([change])).rejects.toThrow('has no "there is no such text" to break');
  });
});

describe('while D1 hangs for 80 s', () => {
  it('half of the webhooks are answered within 250 ms, and 99 of 100 within a second', async () => {
    const realms = new Realms(await bundleReceiver());
    const usual = scheduleOf(1);
    const sendings = Array.from({ length: 1_000 }, (_, index): Schedule['sendings'][number] => ({
      name: `w${index + 1}`,
      atMs: 1_000 + index * 90,
      slug: 'shop',
      body: { kind: 'status', message: index, event: 1, status: 'sent', contact: 1, bytes: 0, edition: 0 },
      auth: 'url',
      repeatsAfterMs: [],
      tries: 1,
      uploadMs: 0,
      hangUpAfterMs: null,
      encoding: null,
      isSignedFirst: false,
      isProbed: false,
    }));
    const hanging = {
      name: 'f1',
      target: 'd1',
      kind: 'hang',
      fromMs: 5_000,
      untilMs: 85_000,
      rate: 1,
    } as const;
    const nothing = { deaths: [], cronFaults: [], consumerFaults: [], operations: [] };
    const { violations, answeredInMs } = await run(
      {
        ...usual,
        ...nothing,
        character: 'mixed',
        skewsMs: [0, 0],
        sendings,
        faults: [hanging],
        endMs: 95_000,
      },
      realms,
    );
    expect(violations).toEqual([]);
    expect(answeredInMs).toHaveLength(1_000);
    const sorted = answeredInMs.toSorted((a, b) => a - b);
    expect(sorted[500]).toBeLessThan(250);
    expect(sorted[990]).toBeLessThan(1_000);
  });
});

describe('a violation', () => {
  it('is shown by the shortest schedule that was found to show it', async () => {
    const broken = BREAKS.find(
      ({ name }) => name === 'forgets to keep what it refuses',
    ) as (typeof BREAKS)[number];
    const realms = new Realms(await bundleReceiver(broken.changes));
    const found = await firstViolation(realms, broken);
    const schedule = found?.schedule as Schedule;
    const shortest = await shrink(
      schedule,
      'kept',
      async (shorter) => (await run(shorter, realms)).violations,
    );
    expect(shortest.parts).toHaveLength(1);
    expect(partNames(schedule).length).toBeGreaterThan(10);
    const again = await run(onlyParts(schedule, new Set(shortest.parts)), realms);
    expect(again.violations.map(({ rule }) => rule)).toContain('kept');
  });
});

describe('npm run faults', () => {
  const newSeed = () => 123_456;

  it.each([
    [
      [],
      [
        { from: 1, count: 300 },
        { from: 123_456, count: 300 },
      ],
    ],
    [['--schedules', '10000'], [{ from: 1, count: 10_000 }]],
    [['--schedules', '5', '--seed', '7'], [{ from: 7, count: 5 }]],
  ])('takes the seeds that %j asks for', (args, ranges) => {
    expect(parseFaultOptions(args, newSeed)).toMatchObject({ kind: 'many', ranges });
  });

  it.each([
    [['--schedules', '0'], '--schedules takes a whole number from 1'],
    [['--seed', 'x'], '--seed takes a whole number'],
    [['--only', '3', '--seed', '1'], '--only cannot be given together'],
    [['--verbose'], '--parts and --verbose go with --only'],
    [['--fast'], "Unknown option '--fast'"],
  ])('says what is wrong with %j', (args, message) => {
    expect(() => parseFaultOptions(args, newSeed)).toThrow(message);
  });

  const faults = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', 'tools/faults.ts', '--no-progress', ...args],
      { encoding: 'utf8' },
    );

  it('exits 0 where nothing was violated, and prints what was injected', () => {
    const { status, stdout } = faults('--schedules', '4');
    expect(stdout).toContain('Everything held in 4 schedules.');
    expect(stdout).toMatch(/^d1( +\d+){7}$/m);
    expect(status).toBe(0);
  });

  it('prints a part of one schedule step by step', () => {
    const { status, stdout } = faults('--only', '7', '--parts', 'w1,w2', '--verbose');
    expect(stdout).toMatch(/ s {2}w1 is answered \d{3} after \d+ ms/);
    expect(stdout).toContain('Seed 7: 2 parts');
    expect(status).toBe(0);
    expect(faults('--only', '7', '--parts', 'w1000')).toMatchObject({
      status: 2,
      stderr: 'faults: schedule 7 has no part w1000\n',
    });
  });
});
