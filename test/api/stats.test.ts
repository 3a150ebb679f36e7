import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stats } from '../../src/api/stats/routes.ts';
import { bucketMs, percentileMs } from '../../src/store/counters.ts';
import { storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  allForwarded,
  api,
  ask,
  deliver,
  delivered,
  eventually,
  idle,
  inject,
  onlyOne,
  register,
  reset,
  seen,
  statusBody,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Asks for stats, which must be as they are said to be. */
async function askStats(query = '') {
  const { status, answer } = await ask(`/api/stats?${query}`);
  expect(status).toBe(200);
  return stats.parse(answer);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** One step of a message that happened `atMs` after the first. */
function step(message: string, status: string, atMs: number) {
  return statusBody((body) => {
    body.message.messageId = message;
    body.event.status = status;
    body.message.updatedAt = iso(Date.UTC(2026, 0, 1) + atMs);
  });
}

async function settled(): Promise<void> {
  await allForwarded();
  expect(await env.PROBE.runCron()).toBeNull();
}

describe('GET /api/stats', () => {
  beforeEach(async () => reset());

  it('tells what was counted in the last hour, by minute, and that nothing else happened', async () => {
    const body = uniqueResponse();
    await deliver(body);
    await deliver(body);
    await deliver('{');
    await deliver(step('m', 'sent', 0));
    await deliver(step('m', 'failed', 0));
    await settled();
    await idle(); // refusals are gathered first
    const answer = await askStats();

    const expected = {
      responses: 1,
      duplicates: 1,
      deferred: 0,
      odd: 0,
      rejected: 1,
      forwarded: 3,
      replayed: 0,
      refused: 1,
      received: 3,
    };
    expect(answer.totals).toEqual({
      ...expected,
      statuses: { sent: 1, delivered: 0, read: 0, failed: 1, other: 0 },
      routes: [{ name: 'events', forwarded: 3, replayed: 0 }],
    });
    expect(answer.oddities).toEqual([]);
    expect(answer.step).toBe('1m');
    expect([60, 61]).toContain(answer.series.length);
    expect(answer.series[0]?.start).toBe(answer.since);
    const sums = answer.series.reduce((sum, point) => sum + point.received + point.rejected, 0);
    expect(sums).toBe(4);
    expect(answer.series.slice(0, -2).every(({ received }) => received === 0)).toBe(true);
    expect(answer.routes).toMatchObject([
      { name: 'events', state: 'active', waiting: 0, oldestWaiting: null },
    ]);
    expect(answer.databaseBytes).toBeGreaterThan(10_000);
  });

  it('tells in what events differ from the documentation, the most frequent difference first', async () => {
    for (const createdAt of ['', 'yesterday', 'tomorrow']) {
      const body = uniqueResponse();
      body.message.createdAt = createdAt;
      await deliver(body);
    }
    await deliver(step('m', 'deleted', 0));
    await settled();
    const answer = await askStats();

    expect(answer.totals).toMatchObject({ received: 4, odd: 4, statuses: { other: 1 } });
    expect(answer.oddities[0]).toEqual({ path: 'message.createdAt', code: 'not-a-time', count: 2 });
    expect(answer.oddities).toHaveLength(3);
    expect(answer.series.reduce((sum, { odd, other }) => sum + odd + other, 0)).toBe(5);
  });

  it('is all zeros before anything happened', async () => {
    const answer = await askStats();

    expect(answer.totals.received).toBe(0);
    expect(answer.funnel).toEqual({
      sent: 0,
      delivered: 0,
      read: 0,
      replied: 0,
      rates: { delivered: null, read: null, replied: null },
      times: {
        sentToDelivered: { count: 0, p50Ms: null, p95Ms: null },
        deliveredToRead: { count: 0, p50Ms: null, p95Ms: null },
        readToReplied: { count: 0, p50Ms: null, p95Ms: null },
      },
    });
  });

  it('tells of one integration when asked to', async () => {
    await register('office');
    await deliver(uniqueResponse());
    await deliver(uniqueResponse(), { slug: 'office' });
    await deliver(uniqueResponse(), { slug: 'office' });
    await settled();

    expect((await askStats()).totals.received).toBe(3);
    expect((await askStats('integration=office')).totals).toMatchObject({ received: 2, forwarded: 2 });
    expect((await askStats('integration=nobody')).totals.received).toBe(0);
  });

  it('shows the funnel with the times between its steps', async () => {
    for (let message = 0; message < 20; message++) {
      await deliver(step(`m${message}`, 'sent', 0));
      if (message < 10) await deliver(step(`m${message}`, 'delivered', message < 9 ? 2_000 : 60_000));
      if (message < 4) await deliver(step(`m${message}`, 'read', 12_000));
    }
    await settled();
    const { funnel } = await askStats();

    expect(funnel).toMatchObject({ sent: 20, delivered: 10, read: 4, replied: 0 });
    expect(funnel.rates).toEqual({ delivered: 0.5, read: 0.4, replied: 0 });
    const { sentToDelivered, deliveredToRead, readToReplied } = funnel.times;
    expect(sentToDelivered.count).toBe(10);
    expectNear(sentToDelivered.p50Ms, 2_000);
    expectNear(sentToDelivered.p95Ms, 60_000);
    expectNear(deliveredToRead.p50Ms, 10_000);
    expect(readToReplied.count).toBe(0);
  });

  it('says up to when it has counted', async () => {
    await deliver(uniqueResponse());
    const uncounted = await askStats();
    const { seq } = (await env.DB.prepare('SELECT seq FROM events').first<{ seq: number }>()) ?? { seq: 0 };
    expect(uncounted.countedUntil).toBe(iso(Math.floor(seq / 1000)));
    expect(uncounted.totals.received).toBe(0);

    const beforeMs = Date.now();
    await settled();
    const counted = await askStats();
    expect(Date.parse(counted.countedUntil)).toBeGreaterThanOrEqual(beforeMs);
    expect(counted.totals.received).toBe(1);
  });

  it('tells how long the oldest event waits to be forwarded, and how many do', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await delivered(uniqueResponse());
    await env.PROBE.setClock(4 * MINUTE_MS);
    const { waiting, oldestWaiting } = onlyOne((await askStats()).routes);

    expect(waiting).toBe(2);
    expect(oldestWaiting?.ageMs).toBeGreaterThanOrEqual(4 * MINUTE_MS);
    expect(oldestWaiting?.ageMs).toBeLessThan(5 * MINUTE_MS);
    expect(Date.parse(oldestWaiting?.storedAt ?? '')).toBeGreaterThan(Date.now() - MINUTE_MS);
  });

  it('adds up what all routes forwarded, and tells them apart', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] } });
    await deliver(uniqueResponse());
    await deliver(step('m', 'sent', 0));
    await allForwarded();
    await eventually('it is forwarded', async () => (await waitingOn('crm')) === 0);
    await api('POST', '/api/replay', { type: 'response' });
    await idle();
    await settled();
    const { totals, series, routes } = await askStats();

    expect(totals).toMatchObject({ received: 2, forwarded: 3, replayed: 2 });
    expect(totals.routes).toEqual([
      { name: 'crm', forwarded: 1, replayed: 1 },
      { name: 'events', forwarded: 2, replayed: 1 },
    ]);
    expect(series.reduce((sum, point) => sum + point.forwarded, 0)).toBe(3);
    expect(routes.map(({ name, bound, waiting }) => [name, bound, waiting])).toEqual([
      ['crm', true, 0],
      ['events', true, 0],
    ]);
  });

  it('tells what waits in the queues by their own word', async () => {
    const { routes, intakeBacklog } = await askStats();

    expect(onlyOne(routes).backlog).toMatchObject({
      messages: expect.any(Number),
      bytes: expect.any(Number),
    });
    expect(intakeBacklog).toMatchObject({ messages: expect.any(Number), bytes: expect.any(Number) });
  });

  it.each([
    ['1m', '2026-01-01T10:00:30Z', '2026-01-01T10:02:01Z', '2026-01-01T10:00:00.000Z', 3],
    ['5m', '2026-01-01T10:04:00Z', '2026-01-01T10:06:00Z', '2026-01-01T10:00:00.000Z', 2],
    ['15m', '2026-01-01T10:00:00Z', '2026-01-01T11:00:00Z', '2026-01-01T10:00:00.000Z', 4],
    ['1h', '2026-01-01T10:00:00-03:00', '2026-01-01T14:00:00Z', '2026-01-01T13:00:00.000Z', 1],
    ['6h', '2026-01-01T11:00:00Z', '2026-01-01T12:00:01Z', '2026-01-01T06:00:00.000Z', 2],
    ['1d', '2025-12-31T23:59:59Z', '2026-01-02T00:00:00Z', '2025-12-31T00:00:00.000Z', 2],
  ])('widens a period to whole steps of %s', async (name, since, until, alignedSince, points) => {
    await env.PROBE.setClock(Date.parse('2026-01-03T00:00:00Z') - Date.now());
    const answer = await askStats(new URLSearchParams({ step: name, since, until }).toString());

    expect(answer).toMatchObject({ step: name, since: alignedSince });
    expect(answer.series).toHaveLength(points);
  });

  it.each([
    [HOUR_MS, '1m'],
    [DAY_MS, '1m'],
    [3 * DAY_MS, '5m'],
    [6.5 * DAY_MS, '15m'],
    [10 * DAY_MS, '1h'],
    [100 * DAY_MS, '6h'],
    [390 * DAY_MS, '1d'],
  ])('chooses the step of a period of %i ms by itself: %s', async (periodMs, expected) => {
    const { step: chosen, series } = await askStats(`since=${iso(Date.now() - periodMs)}`);

    expect(chosen).toBe(periodMs === 390 * DAY_MS ? '1d' : expected);
    expect(series.length).toBeLessThanOrEqual(1_500);
  });

  it.each([
    ['step=2m', 'step', 'not-one-of'],
    ['since=yesterday', 'since', 'not-a-moment'],
    ['since=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00Z', 'until', 'later-than'],
    ['since=2000-01-01T00:00:00Z', 'since', 'too-early'],
    [
      `since=${iso(Date.now() - 9 * DAY_MS)}&step=15m&until=${iso(Date.now() - 8.9 * DAY_MS)}`,
      'step',
      'step-too-fine',
    ],
    [`since=${iso(Date.now() - 3 * DAY_MS)}&step=1m`, 'step', 'too-many-steps'],
    [`until=9999-01-01T00:00:00Z&since=${iso(Date.now() - DAY_MS)}`, 'until', 'too-many-steps'],
    ['integration=', 'integration', 'empty'],
    ['intergration=shop', 'intergration', 'unknown'],
  ])('refuses %s', async (query, path, code) => {
    const { status, answer } = await ask(`/api/stats?${query}`);

    expect(status).toBe(400);
    expect(answer.errors?.[0]).toMatchObject({ path, code });
  });

  it('asks for a token', async () => {
    expect((await env.RECEIVER.fetch('https://receiver.example/api/stats')).status).toBe(401);
  });

  function expectNear(ms: number | null, expected: number): void {
    expect(Math.abs((ms ?? 0) / expected - 1)).toBeLessThan(0.045);
  }
});

describe('days of events', () => {
  const DAY_START = Math.floor((Date.now() - 3 * DAY_MS) / DAY_MS) * DAY_MS;
  /** Just after the last event was stored. */
  let until = '';

  beforeAll(async () => {
    await reset();
    for (let hour = 0; hour < 4; hour++) {
      await storeEvents({
        count: 50,
        integration: `i${hour}`,
        firstSeq: (DAY_START + hour * 5 * HOUR_MS) * 1000,
      });
    }
    await deliver(uniqueResponse());
    await settled();
    const lastSeq = await env.DB.prepare('SELECT max(seq) AS seq FROM events').first<number>('seq');
    until = iso(Math.floor((lastSeq ?? 0) / 1000) + 1);
  });

  it.each(['1h', '6h', '1d', '15m'])('add up to the same by steps of %s', async (name) => {
    const answer = await askStats(`since=${iso(DAY_START)}&until=${until}&step=${name}`);
    expect(answer.totals.received).toBe(201);
    expect(answer.series.reduce((sum, { received }) => sum + received, 0)).toBe(201);
    expect(answer.series.at(-1)?.received).toBe(1);
  });

  it('are told by the hour that they came in', async () => {
    const { series } = await askStats(`since=${iso(DAY_START)}&until=${iso(DAY_START + DAY_MS)}&step=1h`);
    const hours = series.flatMap(({ received }, hour) => (received > 0 ? [[hour, received]] : []));
    expect(hours).toEqual([
      [0, 50],
      [5, 50],
      [10, 50],
      [15, 50],
    ]);
  });

  it('end where the period ends', async () => {
    const period = `since=${iso(DAY_START)}&until=${iso(DAY_START + 10 * HOUR_MS)}`;
    expect((await askStats(`${period}&step=5m`)).totals.received).toBe(100);
    expect((await askStats(`${period}&step=1h`)).totals.received).toBe(100);
  });
});

describe('with 100,000 events stored', () => {
  const STORED = 100_000;

  beforeAll(async () => {
    await reset();
    await storeEvents({ count: STORED, firstSeq: (Date.now() - 2 * HOUR_MS) * 1000 });
    expect(await env.PROBE.runCron()).toBeNull();
  }, 120_000);

  it.each(['', `since=${iso(Date.now() - DAY_MS)}`, `since=${iso(Date.now() - 300 * DAY_MS)}&step=1d`])(
    'the stats read a few rows (%s)',
    async (query) => {
      const before = (await seen()).statements.length;
      const { totals } = await askStats(query);
      const statements = (await seen()).statements.slice(before);

      if (query !== '') expect(totals.received).toBe(STORED);
      expect(statements.length).toBeLessThanOrEqual(5); // two of them about the route
      expect(statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThan(150);
    },
  );

  it.each(['health', 'metrics'])('%s reads a few rows', async (name) => {
    const before = (await seen()).statements.length;
    const answer = await env.RECEIVER.fetch(`https://receiver.example/api/${name}`, {
      headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` },
    });
    await answer.text();
    const statements = (await seen()).statements.slice(before);

    expect(answer.status).toBe(200);
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThan(100);
  });
});

describe('a percentile', () => {
  it('is at most 4.5 % off', () => {
    for (let ms = 2; ms < 1e9; ms = Math.ceil(ms * 1.037)) {
      const told = bucketMs(Math.floor(8 * Math.log2(ms)));
      expect(Math.abs(told / ms - 1)).toBeLessThan(0.045);
    }
  });

  it('is the smallest time that covers the share', () => {
    const lags = [
      { bucket: 80, count: 1 },
      { bucket: 0, count: 18 },
      { bucket: 40, count: 1 },
    ];
    expect(percentileMs(lags, 0.5)).toBe(1);
    expect(percentileMs(lags, 0.9)).toBe(1);
    expect(percentileMs(lags, 0.95)).toBe(Math.round(bucketMs(40)));
    expect(percentileMs(lags, 1)).toBe(Math.round(bucketMs(80)));
    expect(percentileMs([], 0.5)).toBeNull();
  });
});
