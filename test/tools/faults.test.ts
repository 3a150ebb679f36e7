// The fault simulation itself: that it can be repeated, and that it finds what is broken.

import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { runBacklog } from '../../tools/faults/backlog.ts';
import { scheduleOf } from '../../tools/faults/draw-schedule.ts';
import { parseFaultOptions } from '../../tools/faults/options.ts';
import { MAX_MESSAGES_A_SECOND } from '../../tools/faults/queues.ts';
import { type Bundles, bundleReceiver, Realms } from '../../tools/faults/realm.ts';
import type { Violation } from '../../tools/faults/rules.ts';
import { run } from '../../tools/faults/run.ts';
import { onlyParts, partNames, type Schedule } from '../../tools/faults/schedule.ts';
import { shrink } from '../../tools/faults/shrink.ts';
import { BREAKS, type BrokenReceiver } from './breaks.ts';

/** A break names a seed that shows it. As the receiver and the schedules change, a later one may: so many are tried. */
const ENOUGH_SEEDS = 150;

/** The receiver as it is, for tests that need no realm of their own. */
let whole: Bundles;
let realms: Realms;
beforeAll(async () => {
  whole = await bundleReceiver();
  realms = new Realms(whole);
});

async function firstViolation(
  realms: Realms,
  { rules, firstSeed }: BrokenReceiver,
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
    const digests = async () => {
      const realms = new Realms(whole);
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
    expect((await run(schedule, realms)).violations).toEqual([]);
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
    const nothing = { deaths: [], cronFaults: [], consumerFaults: [], poisons: [], operations: [] };
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

describe('a route that is far behind', () => {
  it('catches up at the rate that its queue takes, and no invocation asks for too much', async () => {
    const events = 100_000;
    const { tookMs, missing, repeated, violations } = await runBacklog(events, realms);
    expect({ missing, repeated, violations }).toEqual({ missing: 0, repeated: 0, violations: [] });
    expect(tookMs).toBeLessThan((events / MAX_MESSAGES_A_SECOND) * 1000 * 2);
  });
});

describe('a violation', () => {
  it('is shown by the shortest schedule that was found to show it', async () => {
    const broken = BREAKS.find(({ name }) => name === 'forgets to keep what it refuses') as BrokenReceiver;
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
        { from: 1, count: 150 },
        { from: 123_456, count: 150 },
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
    [['--backlog', '0'], '--backlog takes a whole number from 1'],
    [['--backlog', '5', '--seed', '1'], '--backlog cannot be given together'],
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
    const { status, stdout } = faults('--schedules', '2');
    expect(stdout).toContain('Everything held in 2 schedules.');
    expect(stdout).toMatch(/^d1( +\d+){8}$/m);
    expect(status).toBe(0);
  });

  it('prints how a route that is behind catches up', () => {
    const { status, stdout } = faults('--backlog', '300');
    expect(stdout).toContain('  300 forwarded by 1 invocations of at most');
    expect(stdout).toMatch(/^The last was forwarded after 0\.0 minutes; 0 were forwarded more than once\.$/m);
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
