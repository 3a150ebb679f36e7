// The counters are exact: whatever is repeated, cut off or done by two at once, they equal the full count in the end.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { rollUp } from '../../src/store/roll-up.ts';
import { intercept } from '../../tools/bench/workers/watched-d1.ts';
import { SEED } from '../seeded.ts';
import {
  api,
  ask,
  type Body,
  deliver,
  delivered,
  eventually,
  inject,
  register,
  reset,
  responseBody,
  seen,
  statusBody,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';
import { counted, countedLags, fullCount, fullLags } from './full-count.ts';
import { planOf } from './query-plan.ts';
import { storeEvents } from './stored-events.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

beforeEach(async () => reset());

/** One step of a message that happened `atMs` after the first. */
function step(message: string, status: string, atMs = 0, event = 'e'): Body {
  return statusBody((body) => {
    body.event.messageId = event;
    body.event.status = status;
    body.message.messageId = message;
    body.message.updatedAt = new Date(Date.UTC(2026, 0, 1) + atMs).toISOString();
  });
}

function reply(message: string, atMs = 0, event = 'r'): Body {
  return responseBody((body) => {
    body.event.messageId = event;
    body.message.messageId = message;
    body.clientData.timeLastMessage = new Date(Date.UTC(2026, 0, 1) + atMs).toISOString();
  });
}

async function cron(): Promise<void> {
  expect(await env.PROBE.runCron()).toBeNull();
}

/** Until what was deferred is recorded and what is recorded is forwarded and counted. */
async function settle(): Promise<void> {
  await inject({});
  await env.PROBE.setClock(40_000); // the sweep leaves younger events alone
  await eventually('what was deferred is stored', async () => {
    const { deferred, acked } = await seen();
    return acked >= deferred.length;
  });
  await eventually('everything is forwarded', async () => {
    await cron();
    return (await waitingOn()) === 0;
  });
  await env.PROBE.setClock(0);
  await cron();
}

describe('the counters', () => {
  it('count each new event once, by minute, integration and kind', async () => {
    await register('office');
    await deliver(step('m', 'sent'));
    await deliver(step('m', 'delivered'));
    await deliver(step('m', 'delivered', 0, 'another'));
    await deliver(reply('m'));
    await deliver(reply('m'), { slug: 'office' });
    await settle();
    await cron();

    expect(await counted()).toMatchObject({
      'shop status:sent': 1,
      'shop status:delivered': 2,
      'shop response': 1,
      'office response': 1,
      'office forwarded:events': 1,
    });
    const { results } = await env.DB.prepare(
      "SELECT DISTINCT start FROM counters WHERE kind = 'response'",
    ).run<{
      start: number;
    }>();
    for (const { start } of results) {
      expect(start % MINUTE_MS).toBe(0);
      expect(Date.now() - start).toBeLessThan(2 * MINUTE_MS);
    }
  });

  it('count repeats as they come, also those that are stored together with the first', async () => {
    const body = JSON.stringify(uniqueResponse());
    const others = Array.from({ length: 30 }, () => deliver(uniqueResponse()));
    await Promise.all([...others, ...Array.from({ length: 20 }, async () => deliver(body))]);
    await deliver(body);

    const counts = await counted();
    expect(counts['shop duplicate']).toBe((await fullCount())['shop duplicate']);
    expect(counts['shop duplicate']).toBe(20);
  });

  it('count rejections and their repeats as they come', async () => {
    const broken = JSON.stringify(statusBody((body) => delete body.message.messageId));
    await deliver(broken);
    await deliver(broken);
    await deliver('{');

    expect((await counted())['shop rejected']).toBe(3);
  });

  it('count events that differ from the documentation, and each difference', async () => {
    const odd = (change: (body: Body) => void) => {
      const body = uniqueResponse();
      change(body);
      return body;
    };
    await deliver(uniqueResponse());
    await deliver(odd((body) => (body.clientData.timeLastMessage = '')));
    await deliver(odd((body) => Object.assign(body.message, { createdAt: '', appId: 7 })));
    await deliver(odd((body) => Object.assign(body.message, { createdAt: '' })));
    await deliver(step('m', 'deleted'));
    await deliver(step('m', 'PLAYED'));
    await deliver(step('m', 'Read'));
    await settle();

    expect(await counted()).toEqual({
      'shop response': 4,
      'shop status:other': 2,
      'shop status:read': 1,
      'shop odd': 5,
      'shop odd:clientData.timeLastMessage:empty': 1,
      'shop odd:message.createdAt:empty': 2,
      'shop odd:message.appId:wrong-type': 1,
      'shop odd:event.status:unknown-status': 2,
      'shop forwarded:events': 7,
    });
  });

  it('do not count a status as the other kind that its word names', async () => {
    await deliver(step('m', 'read'));
    await deliver(step('m', 'response'));
    await settle();
    expect(await env.DB.prepare('SELECT count(*) AS n FROM lags').first('n')).toBe(0);
  });

  it('count what came by way of the intake queue as deferred too', async () => {
    await inject({ d1: { kind: 'reject', on: 'INTO events', times: 1 } });
    expect((await delivered(uniqueResponse())).answer.outcome).toBe('deferred');
    await settle();

    expect(await counted()).toMatchObject({
      'shop response': 1,
      'shop deferred': 1,
      'shop forwarded:events': 1,
    });
  });

  it('keep what they counted when it is deleted', async () => {
    await deliver(uniqueResponse());
    await deliver(step('m', 'read'));
    await settle();
    await env.DB.prepare('DELETE FROM events').run();
    await cron();

    expect(await counted()).toMatchObject({ 'shop response': 1, 'shop status:read': 1 });
  });

  it('count what was stored before there were counters', async () => {
    await storeEvents({ count: 4_500, firstSeq: (Date.now() - 2 * DAY_MS) * 1000 });
    await env.DB.prepare('DELETE FROM counters').run();
    await cron();

    expect(await counted()).toMatchObject({ 'shop response': 450, 'shop status:delivered': 4_050 });
  });

  it.each([
    ['before it was done', 'reject'],
    ['after it was done', 'lost-answer'],
  ] as const)('are exact when the roll-up is cut off %s', async (_, kind) => {
    await storeEvents({ count: 5_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    for (let after = 0; after < 3; after++) {
      await inject({ d1: { kind, on: 'INTO lags', after, times: 1 } });
      await env.PROBE.runCron();
      await env.PROBE.restart();
    }
    await inject({});
    await cron();

    const { 'shop response': responses, 'shop status:delivered': statuses } = await counted();
    expect([responses, statuses]).toEqual([500, 4_500]);
  });

  it('are exact when many crons run at the same time', async () => {
    await storeEvents({ count: 5_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    await Promise.all(Array.from({ length: 5 }, cron));

    const { 'shop response': responses, 'shop status:delivered': statuses } = await counted();
    expect([responses, statuses]).toEqual([500, 4_500]);
  });

  it('cost the cron the same however many events it has counted before', async () => {
    const rowsRead = async () => {
      await deliver(uniqueResponse());
      const before = (await seen()).statements.length;
      await cron();
      const statements = (await seen()).statements.slice(before);
      const own = statements.filter(({ sql }) => /counters|lags/.test(sql) && !/routes|replays/.test(sql));
      return own.reduce((sum, statement) => sum + statement.rowsRead, 0);
    };
    await rowsRead();
    const few = await rowsRead();
    await storeEvents({ count: 30_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    await env.DB.prepare(
      "UPDATE progress SET seq = (SELECT max(seq) FROM events) WHERE task = 'counters'",
    ).run();

    expect(few).toBeLessThan(100);
    expect(await rowsRead()).toBeLessThanOrEqual(few + 10);
  });

  it('are made by statements that read events by primary key, and find a message by its index', async () => {
    await storeEvents({ count: 10, firstSeq: (Date.now() - DAY_MS) * 1000 });
    await cron();
    const statements = (await seen()).statements.filter(({ sql }) => /counters|lags/.test(sql));
    const plans = await Promise.all(statements.map(async ({ sql }) => (await planOf(sql)).split('; ')));

    const steps = plans.flat();
    expect(plans.length).toBeGreaterThanOrEqual(10);
    expect(steps).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)');
    expect(steps).toContain('SEARCH integrations USING PRIMARY KEY (slug=?)');
    expect(steps).toContain('SEARCH events USING INDEX sqlite_autoindex_events_1 (id>? AND id<?)');
    expect(
      steps.filter((step) =>
        /SCAN (events|integrations|counters|lags|earlier|later|minute|hour)\b/.test(step),
      ),
    ).toEqual([]);
  });

  it('read and write little for each event that they count', async () => {
    await storeEvents({ count: 10_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    await cron();

    const statements = (await seen()).statements.filter(({ sql }) => /INTO counters|INTO lags/.test(sql));
    const sum = (field: 'rowsRead' | 'rowsWritten') => statements.reduce((all, one) => all + one[field], 0);
    expect(sum('rowsRead')).toBeLessThan(18 * 10_000);
    expect(sum('rowsWritten')).toBeLessThan(200);
  });
});

describe('the time of the newest event of an integration', () => {
  /** As the API tells it, by slug. */
  async function told(): Promise<Record<string, string | null>> {
    const { answer } = await ask('/api/integrations');
    return Object.fromEntries(answer.data.map(({ slug, lastEventAt }) => [slug, lastEventAt]));
  }

  /** As the events have it, of those integrations that have any. */
  async function full(): Promise<Record<string, string>> {
    const { results } = await env.DB.prepare(
      'SELECT integration, max(seq) / 1000 AS at FROM events GROUP BY 1',
    ).run<{ integration: string; at: number }>();
    return Object.fromEntries(
      results.map(({ integration, at }) => [integration, new Date(at).toISOString()]),
    );
  }

  it('is null before the first event, then tells when the newest was stored, and stays when that one is deleted', async () => {
    await register('office');
    await cron();
    expect(await told()).toEqual({ shop: null, office: null });

    await deliver(step('m', 'sent'));
    await deliver(reply('m'));
    expect(await told()).toEqual({ shop: null, office: null });
    await cron();
    const first = await full();
    expect(await told()).toEqual({ ...first, office: null });

    await env.PROBE.setClock(90_000);
    await deliver(uniqueResponse(), { slug: 'office' });
    await deliver(uniqueResponse());
    await deliver(reply('m')); // a repeat is none
    await cron();
    const second = await full();
    expect(Date.parse(String(second.shop)) - Date.parse(String(first.shop))).toBeGreaterThanOrEqual(90_000);
    expect(await told()).toEqual(second);

    await env.DB.prepare('DELETE FROM events').run();
    await cron();
    expect(await told()).toEqual(second);
  });

  it('is null again when an integration is registered anew', async () => {
    await deliver(uniqueResponse());
    await cron();
    await deliver(uniqueResponse()); // not counted yet
    expect((await api('DELETE', '/api/integrations/shop?force=true')).status).toBe(200);
    expect((await api('POST', '/api/integrations', { slug: 'shop' })).answer.lastEventAt).toBeNull();
    await cron();
    expect(await told()).toEqual({ shop: null });

    await env.PROBE.restart(); // the new URL is known at once
    expect((await deliver(uniqueResponse(), { generation: 2 })).status).toBe(200);
    await cron();
    expect(await told()).toEqual(await full());
  });

  it.each([
    ['before it was done', 'reject', null],
    ['after it was done', 'lost-answer', 1_999],
  ] as const)('tells as far as events are counted when the roll-up is cut off %s', async (_, kind, place) => {
    const firstSeq = (Date.now() - DAY_MS) * 1000;
    await storeEvents({ count: 3_000, firstSeq });
    await inject({ d1: { kind, on: 'INTO lags', times: 1 } });
    expect(await env.PROBE.runCron()).not.toBeNull();
    const at = place === null ? null : new Date(firstSeq / 1000 + place).toISOString();
    expect(await told()).toEqual({ shop: at });

    await inject({});
    await cron();
    expect(await told()).toEqual(await full());
  });

  it('tells the newest event when many crons run at the same time', async () => {
    await register('office');
    await storeEvents({ count: 5_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    await storeEvents({ count: 3, integration: 'office', firstSeq: (Date.now() - DAY_MS / 2) * 1000 });
    await Promise.all(Array.from({ length: 5 }, cron));

    expect(await told()).toEqual(await full());
  });

  it('does not go back when a late cron writes what another one has already passed', async () => {
    await storeEvents({ count: 5_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    let isLate = false;
    const late = intercept(env.DB, {
      batch: async (statements: D1PreparedStatement[]) => {
        if (!isLate) await cron();
        isLate = true;
        return env.DB.batch(statements);
      },
    });
    await rollUp(late, Date.now());

    expect(isLate).toBe(true);
    expect(await told()).toEqual(await full());
  });

  it('costs one row written a minute for each integration that something came to, and none where nothing did', async () => {
    for (const slug of ['office', 'stand', 'quiet', 'silent']) await register(slug);
    const written = async () => {
      const before = (await seen()).statements.length;
      await cron();
      const own = (await seen()).statements.slice(before).filter(({ sql }) => sql.includes('last_event_at'));
      return own.map(({ rowsWritten }) => rowsWritten);
    };
    const firstSeq = (Date.now() - DAY_MS) * 1000;
    for (const [index, integration] of ['shop', 'office', 'stand'].entries()) {
      await storeEvents({ count: 600, integration, firstSeq: firstSeq + index * 1_000_000_000 });
    }

    expect(await written()).toEqual([3]);
    expect(await written()).toEqual([]);
    await deliver(uniqueResponse(), { slug: 'office' });
    expect(await written()).toEqual([1]);
  });

  it('is not noted for an integration that does not exist', async () => {
    await storeEvents({ count: 3, integration: 'gone', firstSeq: (Date.now() - DAY_MS) * 1000 });
    await cron();
    expect(await told()).toEqual({ shop: null });
  });
});

describe('the times between steps', () => {
  it('are counted by the first event of each step, once, in whatever order they arrive', async () => {
    await deliver(step('a', 'read', 9_000));
    await deliver(step('a', 'sent', 0));
    await cron();
    await deliver(reply('a', 100_000));
    await deliver(step('a', 'delivered', 1_000));
    await cron();
    await deliver(step('a', 'delivered', 5_000, 'later'));
    await deliver(reply('a', 200_000, 'later'));
    await deliver(step('a', 'sent', 500, 'later'));
    await cron();

    expect(await countedLags()).toEqual({
      [`shop sent-delivered ${bucketOf(1_000)}`]: 1,
      [`shop delivered-read ${bucketOf(8_000)}`]: 1,
      [`shop read-response ${bucketOf(91_000)}`]: 1,
    });
    expect(await countedLags()).toEqual(await fullLags());
  });

  it('are counted once where the steps lie in different chunks', async () => {
    const firstSeq = (Date.now() - DAY_MS) * 1000;
    await storeEvents({ count: 4_500, messages: 1_500, firstSeq });
    await env.DB.prepare("UPDATE events SET type = 'status', status = iif(seq < ?1, 'sent', 'delivered')")
      .bind(firstSeq + 1_500_000)
      .run();
    await cron();

    expect(await countedLags()).toEqual({ [`shop sent-delivered ${bucketOf(1_500)}`]: 1_500 });
  });

  it('count as none where the clock of the platform goes backwards, and are kept apart by integration', async () => {
    await register('office');
    await deliver(step('a', 'sent', 5_000));
    await deliver(step('a', 'delivered', 0));
    await deliver(step('a', 'read', 0), { slug: 'office' });
    await cron();

    expect(await countedLags()).toEqual({ 'shop sent-delivered 0': 1 });
  });

  it('are not counted of messages with very many events', async () => {
    await storeEvents({ count: 500, messages: 1, firstSeq: (Date.now() - DAY_MS) * 1000 });
    await env.DB.prepare("UPDATE events SET status = 'sent' WHERE seq = (SELECT min(seq) FROM events)").run();
    await cron();

    expect(await countedLags()).toEqual({});
  });

  function bucketOf(ms: number): number {
    return Math.floor(8 * Math.log2(ms));
  }
});

describe('the hours', () => {
  const START = Math.floor((Date.now() - 3 * DAY_MS) / HOUR_MS) * HOUR_MS;

  async function rows(table: 'counters' | 'lags', step: number) {
    const { results } = await env.DB.prepare(
      `SELECT start, sum(count) AS n FROM ${table} WHERE step = ?1 GROUP BY 1 ORDER BY 1`,
    )
      .bind(step)
      .run<{ start: number; n: number }>();
    return results.map(({ start, n }) => [start, n]);
  }

  it('are summed up once they are over, once, and the totals stay', async () => {
    await storeEvents({ count: 3_000, firstSeq: START * 1000, messages: 3_000 });
    await storeEvents({ count: 200, integration: 'office', firstSeq: (START + 5 * HOUR_MS) * 1000 });
    await deliver(uniqueResponse());
    await Promise.all([cron(), cron(), cron()]);
    await cron();

    expect(await rows('counters', 3600)).toEqual([
      [START, 3_000],
      [START + 5 * HOUR_MS, 200],
    ]);
    expect(await counted()).toMatchObject({
      'shop response': 301,
      'shop status:delivered': 2_700,
      'office response': 20,
    });
  });

  it('are exact when the summing up is cut off', async () => {
    await storeEvents({ count: 300, firstSeq: START * 1000 });
    await inject({ d1: { kind: 'lost-answer', on: 'AS level', times: 1 } });
    await env.PROBE.runCron();
    await inject({ d1: { kind: 'reject', on: 'AS level', times: 1 } });
    await env.PROBE.runCron();
    await inject({});
    await cron();

    expect(await rows('counters', 3600)).toEqual([[START, 300]]);
    expect(await rows('counters', 0)).toEqual([[0, 300]]);
  });

  it('wait until all of their events are counted', async () => {
    await storeEvents({ count: 101_000, firstSeq: START * 1000 });
    await cron();
    expect(await rows('counters', 3600)).toEqual([]); // a run counts 100,000 at most

    await cron();
    expect(await rows('counters', 3600)).toEqual([[START, 101_000]]);
  });

  it('are deleted after 400 days, minutes after 8, and the totals stay', async () => {
    await deliver(step('m', 'sent'));
    await deliver(step('m', 'delivered'));
    await settle();
    const before = await counted();
    const lags = await countedLags();
    await env.PROBE.setClock(7 * DAY_MS);
    await cron();
    expect(await rows('counters', 60)).not.toEqual([]);
    expect(await rows('lags', 3600)).not.toEqual([]);
    await env.PROBE.setClock(9 * DAY_MS);
    await cron();
    expect(await rows('counters', 60)).toEqual([]);
    expect(await rows('lags', 3600)).toEqual([]);
    expect(await rows('counters', 3600)).not.toEqual([]);
    expect(await rows('lags', 86400)).not.toEqual([]);
    await env.PROBE.setClock(402 * DAY_MS);
    await cron();
    expect(await rows('counters', 3600)).toEqual([]);
    expect(await rows('lags', 86400)).toEqual([]);

    expect(await counted()).toEqual(before);
    expect(await countedLags()).toEqual(lags);
    expect(before).toMatchObject({ 'shop status:sent': 1, 'shop forwarded:events': 2 });
  });
});

describe('after a simulation with a seed, crashes in the middle included', () => {
  const SLUGS = ['shop', 'office', 'stand'];
  const STEPS = ['sent', 'delivered', 'read', 'failed'] as const;
  const DELIVERIES = 400;

  it.each([0, 1, 2, 3])(
    'every counter equals the full count (seed +%i)',
    async (offset) => {
      const random = randomOf(SEED + offset);
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      for (const slug of SLUGS) await register(slug);
      const pending: Promise<unknown>[] = [];

      for (let delivery = 0; delivery < DELIVERIES; delivery++) {
        const message = `m${Math.floor(random() * 60)}`;
        const at = Math.floor(random() * 10 ** (1 + random() * 6));
        const event = pick(['e', 'e', 'e', 'f']);
        const kind = random();
        let body: unknown = kind < 0.75 ? step(message, pick(STEPS), at, event) : reply(message, at, event);
        if (kind > 0.97) body = { broken: Math.floor(random() * 5) };
        pending.push(deliver(body, { slug: pick(SLUGS) }));
        if (random() < 0.04) await inject(faultOf(random));
        if (random() < 0.05) pending.push(env.PROBE.runCron());
        if (random() < 0.03) pending.push(env.PROBE.runCron(), env.PROBE.runCron());
        if (random() < 0.02) await env.PROBE.restart();
        if (random() < 0.2) await Promise.all(pending.splice(0));
      }
      await Promise.all(pending);
      await settle();

      const full = await fullCount();
      expect(Object.keys(full).length).toBeGreaterThan(15);
      expect(await counted()).toEqual(full);
      const lags = await fullLags();
      expect(Object.keys(lags).length).toBeGreaterThan(20);
      expect(await countedLags()).toEqual(lags);
      const { results } = await env.DB.prepare(
        `SELECT last_event_at, (SELECT max(seq) / 1000 FROM events WHERE integration = slug) AS newest
         FROM integrations`,
      ).run();
      for (const { last_event_at: noted, newest } of results) expect(noted).toBe(newest);
    },
    60_000,
  );

  function faultOf(random: () => number) {
    const kind = random() < 0.5 ? ('reject' as const) : ('lost-answer' as const);
    const on = ['INTO counters', 'INTO lags', 'INTO progress', 'INTO events', 'INTO events', 'UPDATE routes'];
    const fault = on[Math.floor(random() * on.length)] as string;
    return { d1: { kind, on: fault, after: Math.floor(random() * 3), times: 1 + Math.floor(random() * 3) } };
  }
});

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
