// The benchmark's arithmetic, its command line and its picture. What it measures is not tested: it differs by machine.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PROJECT } from '../../scripts/project.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import { changesOf } from '../../tools/bench/changes.ts';
import { COUNTS_PATH } from '../../tools/bench/counts.ts';
import { cpuMsOf } from '../../tools/bench/cpu.ts';
import { measureGrowth } from '../../tools/bench/growth.ts';
import { type Cost, measureCost, takeCounts } from '../../tools/bench/measurements.ts';
import { parseBenchOptions } from '../../tools/bench/options.ts';
import { type Load, planOf, SECTIONS } from '../../tools/bench/plan.ts';
import { priceOfMillionEvents } from '../../tools/bench/prices.ts';
import { EVENTS_PER_MESSAGE, Requests } from '../../tools/bench/requests.ts';
import { aimsOf, type Results, sharesOf } from '../../tools/bench/results.ts';
import { unpackRevision } from '../../tools/bench/revision.ts';
import {
  type Bundles,
  bundleReceiver,
  bundleSubjects,
  MAX_ROUTES,
  type RunningSubject,
  requireAcknowledgement,
  SUBJECTS,
  type Subject,
  startReceiverBesideCounted,
  startSubject,
} from '../../tools/bench/subjects.ts';
import { figure, renderTable } from '../../tools/bench/table.ts';
import { bundleWorker, type LocalRuntime } from '../../tools/local-worker.ts';
import { median, medianOrNull, percentile } from '../../tools/statistics.ts';

const throughput = [1, 64, 256].flatMap((connections) =>
  SUBJECTS.map((subject, index) => ({
    subject,
    connections,
    eventsPerSecond: [10_000, 500, 1_500, 2_000][index] ?? 0,
    p50Ms: 1,
    p99Ms: [10, 400, 100, 80][index] ?? 0,
    cpuMsPerEvent: [0.1, 1.6, 0.9, 0.7][index] ?? null,
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
  subjects: SUBJECTS,
  throughput,
  shares: sharesOf(throughput),
  aims: aimsOf({ throughput }),
};

/** Figures of a subject in each round, as throughput has them and as pace does. */
const rowsOf = (subject: 'past' | 'receiver', eventsPerSecond: number[], p99Ms: number[]) => {
  const rounds = eventsPerSecond.map((events, round) => ({
    acknowledged: 1,
    eventsPerSecond: events,
    p50Ms: 1,
    p99Ms: p99Ms[round] ?? 0,
    failures: 0,
    cpuMsPerEvent: null,
  }));
  const medians = { eventsPerSecond: median(eventsPerSecond), p50Ms: 1, p99Ms: median(p99Ms) };
  const row = { subject, ...medians, cpuMsPerEvent: null, failures: 0, rounds };
  return { throughput: { ...row, connections: 64 }, pace: { ...row, perSecond: 20 } };
};
const past = rowsOf('past', [1_000, 2_000, 1_000], [10, 10, 20]);
const now = rowsOf('receiver', [1_100, 2_600, 1_200], [12, 9, 20]);
const compared: Results = {
  ...results,
  rounds: 3,
  subjects: ['limit', 'naive', 'past', 'receiver', 'group-commit'],
  against: {
    revision: 'v1',
    commit: '0123abc',
    subject: 'Answer sooner',
    warnings: ['hono is 4.13.19, then 4.12.0'],
  },
  throughput: [past.throughput, now.throughput],
  pace: [past.pace, now.pace],
  changes: changesOf({ throughput: [past.throughput, now.throughput], pace: [past.pace, now.pace] }),
  aims: [],
};

/** A row of the costs of this receiver. */
function costOf(row: {
  load: Load;
  eventsPerGroup?: number;
  routes?: number;
  rowsWritten: number;
  total: number;
}): Cost {
  const { load, eventsPerGroup = 1, routes = 1, rowsWritten, total } = row;
  const perEvent = { statements: 1, rowsRead: 0, rowsWritten, messages: routes, cpuMs: null };
  return {
    ...{ subject: 'receiver', load, eventsPerGroup, routes, perEvent, sendsPerEvent: 1 },
    millionEvents: { ...priceOfMillionEvents(perEvent), total },
  };
}

describe('a figure', () => {
  it('is a percentile by nearest rank', () => {
    const ascending = Array.from({ length: 200 }, (_, index) => index + 1);
    expect([0.5, 0.99, 1].map((share) => percentile(ascending, share))).toEqual([100, 198, 200]);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('is a median: the middle value, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  it('is unknown where it is the median of unknown values', () => {
    expect(medianOrNull([1, 3])).toBe(2);
    expect(medianOrNull([1, null])).toBeNull();
    expect(medianOrNull([])).toBeNull();
  });

  it('is the CPU time also of a process whose name has spaces and parentheses', () => {
    expect(cpuMsOf('12 (a b) c) S 1 1 1 0 -1 4194304 5 0 0 0 150 50 0 0 20 0 9 0 100')).toBe(2_000);
  });
});

describe('the command line', () => {
  it('asks for everything by default', () => {
    expect(parseBenchOptions([])).toEqual({ kind: 'run', quick: false, sections: SECTIONS });
  });

  it('takes options in any form', () => {
    expect(
      parseBenchOptions(['--only', 'cost', 'pace', '--quick', '--rounds=3', '--json', 'a.json']),
    ).toEqual({
      kind: 'run',
      quick: true,
      rounds: 3,
      sections: ['pace', 'cost'],
      json: 'a.json',
    });
    expect(parseBenchOptions(['--json', '--only=growth,cost'])).toMatchObject({
      json: true,
      sections: ['cost', 'growth'],
    });
  });

  it('takes a revision, subjects and numbers of connections and of routes, in the order of the table', () => {
    expect(
      parseBenchOptions([
        ...['--against', 'HEAD~20', '--subjects', 'receiver,', 'limit', '--connections', '64,1', '16', '1'],
      ]),
    ).toMatchObject({ against: 'HEAD~20', subjects: ['limit', 'receiver'], connections: [1, 16, 64] });
    expect(parseBenchOptions(['--against=v1.0', '--connections=8', '--routes', '4,1'])).toMatchObject({
      against: 'v1.0',
      connections: [8],
      routes: [1, 4],
    });
    expect(parseBenchOptions(['--subjects', 'group-commit', 'receiver'])).toMatchObject({
      subjects: ['receiver', 'group-commit'],
    });
  });

  it('gives a plan with the past right before the present, and the subjects and connections asked for', () => {
    const base = { quick: false, sections: SECTIONS };
    expect(planOf(base)).toMatchObject({ subjects: SUBJECTS, connections: [1, 16, 64, 256] });
    expect(planOf(base).cost.routes).toEqual([1, 4]);
    const { subjects } = planOf({ ...base, against: 'v1' });
    expect(subjects).toEqual(['limit', 'naive', 'past', 'receiver', 'group-commit']);
    expect(planOf({ ...base, routes: [2] }).cost.routes).toEqual([2]);
    expect(planOf({ ...base, against: 'v1', subjects: ['receiver'], connections: [8] })).toMatchObject({
      subjects: ['past', 'receiver'],
      connections: [8],
    });
  });

  it.each([
    [['--rounds', '0']],
    [['--rounds', 'many']],
    [['--rounds']],
    [['--only', 'speed']],
    [['--only']],
    [['--plot', 'b.svg']],
    [['--fast']],
    [['quick']],
    [['--against']],
    [['--against', '-x']],
    [['--against', 'v1', '--only', 'growth']],
    [['--subjects']],
    [['--subjects', 'past', 'receiver']],
    [['--subjects', 'limit,naive']],
    [['--connections']],
    [['--connections', '0']],
    [['--connections', '1,many']],
    [['--connections', '1001']],
    [['--routes']],
    [['--routes', '0']],
    [['--routes', '5']],
  ])('refuses %j', (args) => {
    expect(() => parseBenchOptions(args)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  it('gives a shorter plan with --quick, and as many rounds as asked for', () => {
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
      const parsed = parseWebhook(JSON.parse(body), Date.now());
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      const { event, message } = parsed.webhook;
      ids.add(`${message.messageId} ${event.messageId}`);
      kinds.add(event.type === 'status' ? event.status : event.type);
    }
    expect(ids.size).toBe(10 * EVENTS_PER_MESSAGE);
    expect([...kinds]).toEqual(['sent', 'delivered', 'read', 'response']);
  });
});

describe('the price of a million events', () => {
  it('has three operations for a message, and adds everything up', () => {
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
  const measured = (aims: Results['aims']) =>
    Object.fromEntries(aims.map(({ what, actual, isReached }) => [what, [actual, isReached]]));

  it('compare this receiver with the limit of its design and with the afternoon’s', () => {
    const aims = measured(results.aims);
    expect(aims['events/s of c / b at 1 connection']).toEqual([3, true]);
    expect(aims['events/s of c / d at 64 connections']).toEqual([0.75, true]);
    expect(aims['events/s of c / b at 64 connections']).toEqual([3, true]);
    expect(aims['CPU per event of c / b at 64 connections']).toEqual([0.9 / 1.6, false]);
    expect(aims['p99 of c / b at 256 connections']).toEqual([0.25, true]);
  });

  it('bound what an event costs by itself and in a group, and what each route adds', () => {
    const aims = measured(
      aimsOf({
        cost: [
          costOf({ load: { perSecond: 10 }, rowsWritten: 4, total: 5.6 }),
          costOf({ load: { connections: 64 }, eventsPerGroup: 32, rowsWritten: 3.2, total: 4.7 }),
          costOf({ load: { connections: 128 }, eventsPerGroup: 60, rowsWritten: 3.2, total: 5.1 }),
          costOf({ load: { connections: 64 }, eventsPerGroup: 32, routes: 4, rowsWritten: 3.125, total: 8 }),
          costOf({ load: { perSecond: 10 }, routes: 4, rowsWritten: 7.5, total: 12 }),
          { ...costOf({ load: { connections: 64 }, rowsWritten: 2, total: 3.5 }), subject: 'naive' },
        ],
      }),
    );
    expect(aims).toEqual({
      'rows written an event of c at 10 a second': [4, true],
      'rows written an event of c at 64 connections': [3.2, true],
      'US$/million of c at 64 connections': [4.7, true],
      'rows written an event of c at 128 connections': [3.2, false],
      'US$/million of c at 128 connections': [5.1, false],
      'rows written a group and route of c at 64 connections with 4 routes': [1, true],
      'rows written a group and route of c at 10 a second with 4 routes': [1.125, false],
    });
  });

  it('leave out what was not measured', () => {
    expect(aimsOf({})).toEqual([]);
    const withoutNaive = throughput.filter(({ subject }) => subject !== 'naive');
    expect(aimsOf({ throughput: withoutNaive }).map(({ what }) => what)).toEqual([
      'events/s of c / d at 64 connections',
    ]);
  });
});

describe('the cost of an event', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is measured with each number of routes for this receiver, and with one for the others', async () => {
    const counts = { statements: 6, recordings: 4, rowsRead: 40, rowsWritten: 124, messages: 80, sends: 8 };
    vi.stubGlobal('fetch', async () => Response.json(counts));
    const plan = planOf({
      quick: true,
      sections: ['cost'],
      routes: [1, 4],
      subjects: ['limit', 'naive', 'receiver'],
    });
    const start = vi.fn(async (subject: Subject) => ({
      subject,
      webhookUrl: 'http://127.0.0.1:1/webhooks/bench/token',
      runtime: { pid: undefined, originOf: () => new URL('http://127.0.0.1:1') } as unknown as LocalRuntime,
      stop: async () => {},
    }));
    const result = { acknowledged: 40, eventsPerSecond: 40, p50Ms: 1, p99Ms: 1, failures: 0 };
    const costs = await measureCost({
      plan: { ...plan, cost: { ...plan.cost, loads: [{ connections: 64 }] } },
      load: { run: async () => result, stop: () => {} },
      start,
      progress: () => {},
    });
    expect(start.mock.calls).toEqual([
      ['naive', { isCounted: true, routes: 1 }],
      ['receiver', { isCounted: true, routes: 1 }],
      ['receiver', { isCounted: true, routes: 4 }],
    ]);
    expect(costs.map(({ subject, routes }) => [subject, routes])).toEqual([
      ['naive', 1],
      ['receiver', 1],
      ['receiver', 4],
    ]);
    expect(costs[2]).toMatchObject({
      eventsPerGroup: 10,
      perEvent: { statements: 0.15, rowsWritten: 3.1, rowsRead: 1, messages: 2, cpuMs: null },
      sendsPerEvent: 0.2,
    });
  });
});

/** How long what follows an answer may take. */
const WAIT = { timeout: 10_000, interval: 50 };

describe('the group commit alone', () => {
  it('stores each body at three rows, forwards it, and writes one row for all that it confirms together', async () => {
    const running = await startSubject('group-commit', await bundleSubjects(), { isCounted: true });
    try {
      const origin = running.runtime.originOf('group-commit');
      const total = { recordings: 0, rowsWritten: 0, messages: 0, statements: 0, sends: 0 };
      const addCounts = async () => {
        const taken = await takeCounts(origin);
        for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += taken[name];
      };
      await requireAcknowledgement(running);
      await vi.waitFor(async () => {
        await addCounts();
        expect(total).toEqual({ recordings: 1, rowsWritten: 4, messages: 1, statements: 2, sends: 1 });
      }, WAIT);

      const bodies = Array.from({ length: 150 }, (_, n) => `not even JSON: "${n}" ü`);
      const answers = await Promise.all(
        bodies.map(async (body) => fetch(running.webhookUrl, { method: 'POST', body })),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      await vi.waitFor(async () => {
        const sql = 'SELECT position = (SELECT max(seq) FROM events) AS is_confirmed FROM routes';
        expect(await running.runtime.execute('group-commit', 'DB', sql)).toEqual([{ is_confirmed: 1 }]);
      }, WAIT);
      await addCounts();
      const { recordings, rowsWritten, messages, statements, sends } = total;
      expect(messages).toBe(151);
      expect(recordings).toBeLessThan(50);
      expect(sends).toBeLessThan(50);
      const confirmations = statements - recordings;
      expect(confirmations).toBeLessThan(recordings);
      expect(rowsWritten).toBe(3 * 151 + confirmations);
      const stored = await running.runtime.execute(
        'group-commit',
        'DB',
        'SELECT body FROM events ORDER BY seq',
      );
      expect(new Set(stored.slice(1).map(({ body }) => body))).toEqual(new Set(bodies));
    } finally {
      await running.stop();
    }
  });
});

describe('a number of routes', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bench-test-'));
  });
  afterEach(async () => rm(directory, { recursive: true }));

  /** The subjects with a receiver of which only the routes are real: it sends each webhook to every one. */
  async function bundlesWith(routesAnswer: string): Promise<Bundles> {
    await writeFile(
      join(directory, 'worker.ts'),
      `import { countedWorker } from ${JSON.stringify(join(PROJECT, 'tools/bench/workers/counted.ts'))};
      const routes = ['EVENTS'];
      export default countedWorker({
        async fetch(request, env) {
          if (new URL(request.url).pathname === '/api/routes') {
            const isAdmin = request.headers.get('authorization') === 'Bearer ' + env.ADMIN_TOKEN;
            if (!isAdmin) return new Response('forbidden', { status: 403 });
            const { name } = await request.json();
            routes.push('EVENTS_' + name.toUpperCase());
            return ${routesAnswer};
          }
          for (const binding of routes) await env[binding].send(binding);
          return new Response();
        },
      });`,
    );
    const script = await bundleWorker('worker.ts', directory);
    const bundles = await bundleSubjects();
    return { ...bundles, receiver: { ...bundles.receiver, script, counted: script } };
  }

  it('is that of the queues of this receiver, all of which are counted', async () => {
    const bundles = await bundlesWith('new Response(null, { status: 201 })');
    for (const routes of [1, MAX_ROUTES]) {
      const running = await startSubject('receiver', bundles, { isCounted: true, routes });
      try {
        await requireAcknowledgement(running);
        expect(await takeCounts(running.runtime.originOf('receiver'))).toMatchObject({ messages: routes });
      } finally {
        await running.stop();
      }
    }
  });

  it('is refused where the receiver makes no such route, and for other subjects', async () => {
    const bundles = await bundlesWith(`new Response('no such binding', { status: 422 })`);
    await expect(startSubject('receiver', bundles, { routes: 2 })).rejects.toThrow(
      'the route crm was answered 422: no such binding',
    );
    await expect(startSubject('naive', bundles, { routes: 2 })).rejects.toThrow('naive has one way out');
  });
});

describe('the growth', () => {
  it('is measured with all events forwarded but the newest, which the first run of the cron forwards', async () => {
    const bundles = await bundleSubjects();
    const running: RunningSubject[] = [];
    const tracked = async <S extends RunningSubject>(starting: Promise<S>): Promise<S> => {
      const subject = await starting;
      running.push(subject);
      return subject;
    };
    try {
      const { listings } = await measureGrowth({
        plan: {
          ...planOf({ quick: true, sections: ['growth'] }),
          rounds: 0, // of ingest
          growth: { sizes: [200, 1_000], repeats: 1 },
        },
        load: { run: async () => Promise.reject(new Error('there is no load')), stop: () => {} },
        start: async (subject) => tracked(startSubject(subject, bundles)),
        startGrowing: async () => tracked(startReceiverBesideCounted(bundles)),
        progress: () => {},
      });
      const costsOf = (listing: string) =>
        listings.find((row) => row.listing === listing)?.bySize.map(({ cost }) => cost) ?? [];
      expect(costsOf('not forwarded').map(({ listed }) => listed)).toEqual([50, 50]);
      expect(costsOf('not forwarded on a route').map(({ listed }) => listed)).toEqual([50, 50]);
      expect(costsOf('routes').map(({ listed }) => listed)).toEqual([1, 1]);
      const idle = costsOf('cron with nothing to do').map(({ rowsRead }) => rowsRead);
      expect(idle).toHaveLength(2);
      expect(Math.max(...idle)).toBeLessThan(100);
    } finally {
      await Promise.all(running.map(async (subject) => subject.stop()));
    }
  });
});

describe('this receiver and its past', () => {
  it('are compared round by round, and told to have changed where all rounds agree', () => {
    expect(compared.changes).toEqual([
      expect.objectContaining({ figure: 'events/s', load: { connections: 64 }, roundsBetter: 3 }),
      expect.objectContaining({ figure: 'p50 ms', ratio: 1, roundsBetter: 0, roundsWorse: 0 }),
      expect.objectContaining({ figure: 'p99 ms', ratio: 1, least: 0.9, most: 1.2 }),
      expect.objectContaining({ figure: 'p50 ms', load: { perSecond: 20 } }),
      expect.objectContaining({ figure: 'p99 ms', roundsBetter: 1, roundsWorse: 1 }),
    ]);
    const [events] = compared.changes ?? [];
    expect([events?.ratio, events?.least, events?.most]).toEqual([1.2, 1.1, 1.3]);
  });

  it('are not compared where one of them was not measured', () => {
    expect(changesOf({ throughput })).toEqual([]);
    expect(changesOf({ pace: [now.pace] })).toEqual([]);
  });

  it('stand in the table with the ratio of each figure and its spread', () => {
    const table = renderTable(compared);
    expect(table).toContain('c′ is v1: 0123abc Answer sooner');
    expect(table).toContain('warning: c′ is built with what is installed: hono is 4.13.19, then 4.12.0');
    expect(table).toMatch(/64 +c′ this receiver at v1 +1,000 /);
    const [, changes = ''] = table.split('Now and then: ');
    expect(changes).toMatch(/ 64 +events\/s +1\.20 +1\.10 +1\.30 +better in every round\n/);
    expect(changes).toMatch(/ p99 ms +1\.00 +0\.90 +1\.20\n/);
    expect(changes).toMatch(/ 20 a second +p50 ms +1\.00 /);
    expect(changes).toContain('1 of 4 figures');
  });

  it('say nothing of noise where there was a single round', () => {
    const [throughput, earlier] = [now, past].map((row) => ({
      ...row.throughput,
      rounds: row.throughput.rounds.slice(0, 1),
    }));
    if (throughput === undefined || earlier === undefined) throw new Error('both are there');
    const changes = changesOf({ throughput: [earlier, throughput] });
    const table = renderTable({ ...compared, rounds: 1, changes });
    expect(table).toMatch(/events\/s +1\.10 +1\.10 +1\.10\n/);
    expect(table).not.toContain('chance');
  });
});

describe.skipIf(!existsSync(join(PROJECT, '.git')))('a revision', () => {
  let temporary: string;
  let empty: string;
  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'bench-test-'));
    empty = await mkdtemp(join(tmpdir(), 'bench-test-'));
    vi.stubEnv('TMPDIR', temporary);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(temporary, { recursive: true });
    await rm(empty, { recursive: true });
  });

  it('is built from its own sources, and acknowledges a webhook on its own schema', async () => {
    const past = await unpackRevision('HEAD');
    if (!past.ok) throw new Error(past.reason);
    expect(past.revision).toMatchObject({ revision: 'HEAD', commit: expect.stringMatching(/^[0-9a-f]+$/) });
    await appendFile(join(past.directory.path, 'src/receiver.ts'), 'globalThis.isUnpacked = true;\n');
    const built = await bundleReceiver(past.directory.path);
    const isUnpacked = (script: string) => script.includes('globalThis.isUnpacked');
    expect([built.script, built.counted].map(isUnpacked)).toEqual([true, true]);
    expect(built.migrations.startsWith(past.directory.path)).toBe(true);
    const bundles = { ...(await bundleSubjects()), past: built };
    for (const isCounted of [false, true]) {
      const running = await startSubject('past', bundles, { isCounted });
      try {
        await requireAcknowledgement(running);
        const stored = await running.runtime.execute('past', 'DB', 'SELECT count(*) AS count FROM events');
        expect(stored).toEqual([{ count: 1 }]);
        const { ok } = await fetch(new URL(COUNTS_PATH, running.webhookUrl));
        expect(ok).toBe(isCounted);
      } finally {
        await running.stop();
      }
    }
    await past.directory.remove();
    expect(await readdir(temporary)).toEqual([]);
    expect(existsSync(join(PROJECT, 'node_modules/hono/package.json'))).toBe(true); // a link to it was removed
  });

  it.each([
    ['that git does not know', 'no-such-revision', () => PROJECT, 'git knows no revision no-such-revision'],
    ['outside of a checkout', 'HEAD', () => empty, 'git finds no checkout in'],
    ['without sources', 'HEAD', () => commitFiles(), 'the sources of HEAD cannot be unpacked'],
  ])('%s is refused with its reason, and nothing is left', async (_, revision, project, reason) => {
    expect(await unpackRevision(revision, project())).toEqual({
      ok: false,
      reason: expect.stringContaining(reason),
    });
    expect(await readdir(temporary)).toEqual([]);
  });

  it('tells which of its dependencies are installed in another version, and which are not', async () => {
    const files: Record<string, unknown> = {
      'package.json': { dependencies: { same: '^1.0.0', other: '^1.0.0', gone: '^1.0.0' } },
      'package-lock.json': {
        packages: Object.fromEntries(
          ['same', 'other', 'gone'].map((name) => [`node_modules/${name}`, { version: '1.2.0' }]),
        ),
      },
      'tsconfig.json': {},
      'src/index.ts': {},
      'tools/bench/workers/limit.ts': {},
      'tools/bench/counts.ts': {},
      'node_modules/same/package.json': { version: '1.2.0' },
      'node_modules/other/package.json': { version: '1.3.0' },
    };
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(empty, dirname(path)), { recursive: true });
      await writeFile(join(empty, path), JSON.stringify(content));
    }
    const past = await unpackRevision('HEAD', commitFiles('src', ...Object.keys(files).slice(0, 3)));
    if (!past.ok) throw new Error(past.reason);
    expect(past.revision).toMatchObject({
      subject: 'What there is',
      warnings: ['other is 1.3.0, then 1.2.0', 'gone 1.2.0 is not installed any more'],
    });
    await past.directory.remove();
  });

  /** Makes a repository with one commit of the paths given. */
  function commitFiles(...paths: string[]): string {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: empty });
    git('init', '--quiet');
    if (paths.length > 0) git('add', ...paths);
    const author = [
      '-c',
      'user.name=Test',
      '-c',
      'user.email=test@example.com',
      '-c',
      'commit.gpgsign=false',
    ];
    git(...author, 'commit', '--quiet', '--allow-empty', '--message', 'What there is');
    return empty;
  }
});

describe('the output', () => {
  it('has three significant figures', () => {
    expect([0.1234, 9.994, 9.996, 99.96, 12_345.6, Number.NaN].map(figure)).toEqual([
      '0.12',
      '9.99',
      '10.0',
      '100',
      '12,346',
      'n/a',
    ]);
  });

  it('names the machine, the command and the figures', () => {
    const table = renderTable(results);
    expect(table).toContain('npm run bench --');
    expect(table).toContain('2 cores');
    expect(table).toContain('10,000');
    expect(table).toContain('MISSED');
  });

  it('tells what part of the others’ events this receiver takes in a second', () => {
    expect(renderTable(results)).toMatch(/connections +of a +of b +of d\n +1 +15 % +300 % +75 %\n/);
    const shares = sharesOf([past.throughput, now.throughput]);
    expect(renderTable({ ...compared, shares })).toMatch(/connections +of c′\n +64 +120 %\n/);
  });

  it('has a row of costs for each number of routes', () => {
    const load = { perSecond: 10 };
    const cost = [1, 4].map((routes) => costOf({ load, routes, rowsWritten: 3 + routes, total: 5 }));
    const table = renderTable({ ...results, cost });
    expect(table).toMatch(/ 10 a second +c +this receiver +1\.00 +1\.00 +4\.00 /);
    expect(table).toMatch(/\n +c +this receiver, 4 routes +1\.00 +1\.00 +7\.00 /);
  });

  it('leaves out how much was listed where nothing is', () => {
    const bySize = [{ stored: 1_000, cost: { rowsRead: 48, p50Ms: 5, listed: null } }];
    const growth = { listings: [{ listing: 'cron with nothing to do', bySize }], ingest: [] };
    expect(renderTable({ ...results, growth })).toMatch(/cron with nothing to do +48 rows +5\.00 *\n/);
  });
});
