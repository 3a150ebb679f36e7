// The benchmark's arithmetic, its command line and its picture. What it measures is not tested: it differs by machine.
import { describe, expect, it } from 'vitest';
import { cpuMsOf } from '../../scripts/bench/cpu.ts';
import { parseBenchOptions } from '../../scripts/bench/options.ts';
import { planOf, SECTIONS } from '../../scripts/bench/plan.ts';
import { plot, scale } from '../../scripts/bench/plot.ts';
import { priceOfMillionEvents } from '../../scripts/bench/prices.ts';
import { summaryOf } from '../../scripts/bench/profile.ts';
import { EVENTS_PER_MESSAGE, Requests } from '../../scripts/bench/requests.ts';
import { aimsOf, type Results } from '../../scripts/bench/results.ts';
import { median, medianOrNull, percentile } from '../../scripts/bench/statistics.ts';
import { SUBJECTS } from '../../scripts/bench/subjects.ts';
import { align, figure, renderTable } from '../../scripts/bench/table.ts';
import { splitSql } from '../../scripts/local-worker.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';

const throughput = [1, 64, 256].flatMap((connections) =>
  SUBJECTS.map((subject, index) => ({
    subject,
    connections,
    eventsPerSecond: [10_000, 500, 1_500][index] ?? 0,
    p50Ms: 1,
    p99Ms: [10, 400, 100][index] ?? 0,
    cpuMsPerEvent: [0.1, 1.6, 0.9][index] ?? null,
    failures: 0,
    rounds: [],
  })),
);

const results: Results = {
  at: '2026-11-22T12:00:00.000Z',
  command: 'npm run bench --',
  machine: {
    cpu: 'A & B <CPU>',
    cores: 2,
    memoryGb: 8,
    system: 'Linux',
    node: '24',
    workerd: '1',
    miniflare: '5',
  },
  rounds: 5,
  throughput,
  aims: aimsOf({ throughput }),
};

describe('the statistics', () => {
  it('takes a percentile by nearest rank', () => {
    const ascending = Array.from({ length: 200 }, (_, index) => index + 1);
    expect([0.5, 0.99, 1].map((share) => percentile(ascending, share))).toEqual([100, 198, 200]);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  it('says that a median is unknown where a value is', () => {
    expect(medianOrNull([1, 3])).toBe(2);
    expect(medianOrNull([1, null])).toBeNull();
    expect(medianOrNull([])).toBeNull();
  });

  it('reads the CPU time of a process whose name holds spaces and parentheses', () => {
    expect(cpuMsOf('12 (a b) c) S 1 1 1 0 -1 4194304 5 0 0 0 150 50 0 0 20 0 9 0 100')).toBe(2_000);
  });
});

describe('the options', () => {
  it('measures everything where nothing is said', () => {
    expect(parseBenchOptions([])).toEqual({ kind: 'run', quick: false, sections: SECTIONS });
  });

  it('takes all of them, in any form', () => {
    expect(
      parseBenchOptions([
        '--only',
        'cost',
        'pace',
        '--quick',
        '--rounds=3',
        '--json',
        'a.json',
        '--plot',
        'b.svg',
      ]),
    ).toEqual({
      kind: 'run',
      quick: true,
      rounds: 3,
      sections: ['pace', 'cost'],
      json: 'a.json',
      plot: 'b.svg',
    });
    expect(parseBenchOptions(['--json', '--only=growth,cost'])).toMatchObject({
      json: true,
      sections: ['cost', 'growth'],
    });
  });

  it.each([
    [['--rounds', '0']],
    [['--rounds', 'many']],
    [['--rounds']],
    [['--only', 'speed']],
    [['--only']],
    [['--plot']],
    [['--plot', '--quick']],
    [['--fast']],
    [['quick']],
  ])('refuses %j', (args) => {
    expect(parseBenchOptions(args)).toMatchObject({ kind: 'invalid', reason: expect.any(String) });
  });

  it('measures less when it is to be quick, and as many rounds as asked for', () => {
    const sections = SECTIONS;
    expect(planOf({ quick: true, sections }).loadMs).toBeLessThan(planOf({ quick: false, sections }).loadMs);
    expect(planOf({ quick: true, rounds: 7, sections }).rounds).toBe(7);
  });
});

describe('the load', () => {
  it('consists of distinct events within the contract, of documented size', () => {
    const requests = new Requests('127.0.0.1:1', '/webhooks/bench/token');
    const ids = new Set<string>();
    const kinds = new Set<string>();
    for (let n = 0; n < 10 * EVENTS_PER_MESSAGE; n++) {
      const [head = '', body = ''] = requests.of(n).toString().split('\r\n\r\n');
      expect(head).toMatch(
        new RegExp(
          `^POST /webhooks/bench/token HTTP/1.1\r\n(.*\r\n)*Content-Length: ${Buffer.byteLength(body)}`,
        ),
      );
      expect(Buffer.byteLength(body)).toBeGreaterThan(650);
      const parsed = parseWebhook(JSON.parse(body));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const { event, message } = parsed.webhook;
      ids.add(`${message.messageId} ${event.messageId}`);
      kinds.add(event.type === 'status' ? event.status : event.type);
    }
    expect(ids.size).toBe(10 * EVENTS_PER_MESSAGE);
    expect([...kinds]).toEqual(['sent', 'delivered', 'read', 'response']);
  });
});

describe('the prices', () => {
  it('counts three operations for a message, and adds everything up', () => {
    const price = priceOfMillionEvents({
      statements: 9,
      rowsRead: 10,
      rowsWritten: 5,
      messages: 1,
      cpuMs: 2,
    });
    expect(price.rowsWritten).toBeCloseTo(5);
    expect(price.rowsRead).toBeCloseTo(0.01);
    expect(price.queueOperations).toBeCloseTo(1.2);
    expect(price.requests).toBeCloseTo(0.3);
    expect(price.cpu).toBeCloseTo(0.04);
    expect(price.total).toBeCloseTo(6.55);
  });

  it('leaves CPU out where it is unknown', () => {
    const perEvent = { statements: 0, rowsRead: 0, rowsWritten: 0, messages: 0, cpuMs: null };
    expect(priceOfMillionEvents(perEvent)).toMatchObject({ cpu: null, total: 0.3 });
  });
});

describe('the aims', () => {
  it('compares this receiver with the limit and with the afternoon’s', () => {
    const aims = Object.fromEntries(
      results.aims.map(({ what, actual, isReached }) => [what, [actual, isReached]]),
    );
    expect(aims['events/s of c / b at 64 connections']).toEqual([3, true]);
    expect(aims['CPU per event of c / b at 64 connections']).toEqual([0.9 / 1.6, false]);
    expect(aims['p99 of c / b at 256 connections']).toEqual([0.25, true]);
    expect(aims['events/s of c / a at 256 connections']).toEqual([0.15, false]);
  });

  it('says nothing of what was not measured', () => {
    expect(aimsOf({})).toEqual([]);
  });
});

describe('what is shown', () => {
  it('aligns a table', () => {
    expect(
      align(
        ['', 'n'],
        [
          ['a', '10'],
          ['bc', '9'],
        ],
        [0],
      ),
    ).toBe('       n\n  a   10\n  bc   9');
  });

  it('writes three figures', () => {
    expect([0.1234, 9.994, 9.996, 99.96, 12_345.6, Number.NaN].map(figure)).toEqual([
      '0.12',
      '9.99',
      '10.0',
      '100',
      '12,346',
      'n/a',
    ]);
  });

  it('tells the machine, the command and the figures', () => {
    const table = renderTable(results);
    expect(table).toContain('npm run bench --');
    expect(table).toContain('2 cores');
    expect(table).toContain('10,000');
    expect(table).toContain('MISSED');
  });

  it('draws a bar for each figure, with nothing outside of the picture', () => {
    const svg = plot(results);
    expect(svg).not.toContain('NaN');
    expect(svg).toContain('A &#38; B &#60;CPU&#62;');
    const [, height] = /viewBox="0 0 800 (\d+)"/.exec(svg) ?? [];
    const places = [...svg.matchAll(/translate\([\d.]+ ([\d.]+)\)/g)].map(([, y]) => Number(y));
    expect(places).toHaveLength(4);
    expect(Math.max(...places)).toBeLessThan(Number(height) - 200);
  });

  it('draws a picture of a run in which CPU is unknown', () => {
    const unknown = throughput.map((row) => ({ ...row, cpuMsPerEvent: null }));
    expect(plot({ ...results, throughput: unknown })).not.toContain('NaN');
  });

  it('gives the highest bar the whole height, and shows the lowest on a logarithmic axis', () => {
    expect(scale([1, 4], 100, false)(4)).toBe(100);
    expect(scale([1, 4], 100, false)(1)).toBe(25);
    expect(scale([10, 1_000], 90, true)(1_000)).toBeCloseTo(90);
    expect(scale([10, 1_000], 90, true)(10)).toBeCloseTo(30);
  });

  it('sums a profile up by function', () => {
    const frame = (functionName: string) => ({ functionName, url: 'file:///worker.mjs', lineNumber: 9 });
    const profile = {
      nodes: [
        { id: 1, callFrame: frame('hot') },
        { id: 2, callFrame: frame('') },
      ],
      samples: [1, 2, 1],
      timeDeltas: [300, 100, 300],
    };
    expect(summaryOf(profile, 10).split('\n').slice(1)).toEqual([
      '    60.0  hot  worker.mjs:10',
      '    10.0  (anonymous)  worker.mjs:10',
    ]);
  });
});

describe('migrations', () => {
  it('are cut into statements, triggers whole', () => {
    const sql = 'CREATE TABLE a (x); -- one; two\n\nCREATE TRIGGER t BEGIN\n  SELECT 1;\nEND;\nSELECT 2';
    expect(splitSql(sql)).toEqual([
      'CREATE TABLE a (x);',
      'CREATE TRIGGER t BEGIN\n  SELECT 1;\nEND;',
      'SELECT 2',
    ]);
  });
});
