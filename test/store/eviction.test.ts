// Making room: what goes early is the oldest of whoever holds too much, and nothing of anybody else.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { countRows, inject, reset, seen } from '../webhooks.ts';
import { fullUsage, notedUsage } from './full-count.ts';
import { planOf } from './query-plan.ts';
import { type Bulk, forwardAllBut, storeEvents } from './stored-events.ts';
import { storeRejections } from './stored-rejections.ts';

const DAY_MS = 86_400_000;
const MB = 1_000_000;

beforeEach(async () => reset());

function daysAgo(days: number): number {
  return (Date.now() - days * DAY_MS) * 1000;
}

async function databaseBytes(): Promise<number> {
  return (await env.DB.prepare('SELECT 1').run()).meta.size_after;
}

/** From now on the database may be so large. */
async function setCeiling(bytes: number): Promise<void> {
  await env.PROBE.reset({ MAX_DATABASE_GB: String(bytes / 1e9) });
}

/** Stores events whose ids are those of no other call. */
async function store(bulk: Bulk & { integration: string }): Promise<void> {
  await storeEvents({ messages: bulk.count, ...bulk });
  await env.DB.prepare("UPDATE events SET id = integration || seq || ':' || id WHERE id LIKE 'm%'").run();
}

/** Roughly `bytes` of text as SQL, or as a payload. */
const bodyOf = (bytes: number) => `hex(zeroblob(${bytes / 2})) || i`;
const payloadOf = (bytes: number) => JSON.stringify({ text: 'x'.repeat(bytes) });

async function countOf(table: 'events' | 'rejections' | 'dead_letters', integration: string) {
  return env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE integration = ?1`)
    .bind(integration)
    .first<number>('n');
}

async function placesOf(table: 'events' | 'rejections' | 'dead_letters', integration: string) {
  const { results } = await env.DB.prepare(`SELECT seq FROM ${table} WHERE integration = ?1 ORDER BY seq`)
    .bind(integration)
    .run<{ seq: number }>();
  return results.map(({ seq }) => seq);
}

/** Runs the cron; gives the statements that it made. */
async function runCron() {
  const before = (await seen()).statements.length;
  expect(await env.PROBE.runCron()).toBeNull();
  return (await seen()).statements.slice(before);
}

async function logged(): Promise<string> {
  return (await seen()).logged.join('\n');
}

/** Runs the cron until it deletes nothing any more. */
async function settle(): Promise<void> {
  for (let runs = 0, before = -1; runs < 30; runs++) {
    await runCron();
    expect(await notedUsage()).toEqual(await fullUsage());
    const bytes = await databaseBytes();
    if (bytes === before) return;
    before = bytes;
  }
  throw new Error('it goes on and on');
}

async function storeDeadLetters(integration: string, count: number, bytes: number, firstSeq: number) {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
     INSERT INTO dead_letters (seq, message_id, event_id, integration, type, contact, attempts, received_at, body)
     SELECT ?2 + i * 1000, ?3 || ?2 || i, 'm' || i, ?3, 'response', NULL, 1, 0, ${bodyOf(bytes)} FROM n`,
  )
    .bind(count, firstSeq, integration)
    .run();
}

describe('rejections over their budget', () => {
  it('cost no event of 3,000 beside 40 large rejections', async () => {
    await store({ count: 3_000, integration: 'mail', firstSeq: daysAgo(2) });
    const withoutRejections = await databaseBytes();
    await storeRejections({ count: 40, firstSeq: daysAgo(1), body: bodyOf(MB) });
    await setCeiling(withoutRejections + 4 * MB);
    await settle();

    expect(await countRows('events')).toBe(3_000);
    expect(await databaseBytes()).toBeLessThanOrEqual(withoutRejections + 4 * MB);
    expect(await logged()).toContain('purged rejections early: they are over their budget');
  });

  it('cost no events even while they cannot be deleted', async () => {
    await store({ count: 3_000, integration: 'mail', firstSeq: daysAgo(2) });
    await storeRejections({ count: 40, firstSeq: daysAgo(1), body: bodyOf(MB) });
    await setCeiling(2 * MB);
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM rejections' } });
    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: purge of rejections');
    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: purge of rejections');
    expect(await countRows('events')).toBe(3_000);
  });

  it('are deleted oldest first, from the integration that holds most', async () => {
    await storeRejections({ count: 20, integration: 'mail', firstSeq: daysAgo(3), body: bodyOf(10_000) });
    await storeRejections({ count: 300, firstSeq: daysAgo(2), body: bodyOf(20_000) });
    const newest = (await placesOf('rejections', 'shop')).slice(-100);
    await setCeiling(30 * MB); // hence 3 MB for rejections
    await settle();

    expect(await countOf('rejections', 'mail')).toBe(20);
    const left = await placesOf('rejections', 'shop');
    expect(left).toEqual(expect.arrayContaining(newest));
    expect(left.length).toBeLessThan(150);
    expect(left).toEqual(left.toSorted((a, b) => a - b));
  });

  it.each([
    ['bytes', { count: 100, body: bodyOf(100_000) }],
    ['count', { count: 10_050 }],
  ])('by %s leave those that were acknowledged, and no others are deleted for these', async (_, bulk) => {
    await storeRejections({ ...bulk, firstSeq: (Date.now() - 120_000) * 1000, isDeferred: true });
    await storeRejections({ count: 30, firstSeq: daysAgo(2), body: bodyOf(10_000) });
    await storeRejections({ count: 30, integration: 'mail', firstSeq: daysAgo(1), body: bodyOf(10_000) });
    await setCeiling(20 * MB); // hence 2 MB
    await settle();

    expect(await countOf('rejections', 'shop')).toBe(bulk.count + 30);
    expect(await countOf('rejections', 'mail')).toBe(30);
  });

  it('are deleted after their retention also where they were acknowledged', async () => {
    await storeRejections({ count: 10, firstSeq: daysAgo(8), isDeferred: true });
    await storeRejections({ count: 10, firstSeq: daysAgo(6), isDeferred: true });
    await runCron();
    expect(await countRows('rejections')).toBe(10);
  });
});

describe('dead letters over their budget', () => {
  it('are deleted oldest first, from the integration that holds most, and cost no events', async () => {
    await store({ count: 1_000, integration: 'mail', firstSeq: daysAgo(2) });
    await storeDeadLetters('mail', 10, 10_000, daysAgo(3));
    await storeDeadLetters('shop', 100, 100_000, daysAgo(2));
    const newest = (await placesOf('dead_letters', 'shop')).slice(-5);
    await setCeiling(10 * MB); // hence 1 MB for dead letters
    await settle();

    expect(await countOf('dead_letters', 'mail')).toBe(10);
    const left = await placesOf('dead_letters', 'shop');
    expect(left.slice(-5)).toEqual(newest);
    expect(left.length).toBeLessThan(10);
    expect(await countRows('events')).toBe(1_000);
    expect(await logged()).toContain('purged dead letters early: they are over their budget');
  });

  it('are deleted as well where they are none of our events', async () => {
    await storeDeadLetters('shop', 50, 100_000, daysAgo(2));
    await env.DB.prepare("DELETE FROM usage WHERE kind = 'dead-letter'").run();
    await env.DB.prepare('UPDATE dead_letters SET integration = NULL, event_id = NULL').run();
    await env.DB.prepare(
      `INSERT INTO usage (kind, integration, items, bytes)
       SELECT 'dead-letter', '', count(*), sum(octet_length(body)) FROM dead_letters`,
    ).run();
    await setCeiling(10 * MB);
    await settle();
    expect(await countRows('dead_letters')).toBe(9);
  });
});

describe('events over the ceiling', () => {
  it('are deleted from the integration that floods, not the older ones of a small one', async () => {
    await store({ count: 500, integration: 'mail', firstSeq: daysAgo(5), payload: payloadOf(1_000) });
    await store({ count: 12_000, integration: 'shop', firstSeq: daysAgo(2), payload: payloadOf(1_000) });
    const newest = (await placesOf('events', 'shop')).slice(-3_000);
    const ceiling = (await databaseBytes()) - 5 * MB;
    await setCeiling(ceiling);
    await settle();

    expect(await countOf('events', 'mail')).toBe(500);
    const left = await placesOf('events', 'shop');
    expect(left).toEqual(expect.arrayContaining(newest));
    expect(left.length).toBeLessThan(9_000);
    expect(left.length).toBeGreaterThan(6_000);
    expect(await databaseBytes()).toBeLessThanOrEqual(ceiling);
    expect(await logged()).toContain('purged early');
  });

  it('are deleted from the one that floods even where the events of both alternate', async () => {
    const firstSeq = daysAgo(3);
    await store({ count: 12_000, integration: 'shop', firstSeq, payload: payloadOf(1_000) });
    await env.DB.prepare("UPDATE events SET integration = 'mail' WHERE (seq - ?1) / 1000 % 20 = 0")
      .bind(firstSeq)
      .run();
    const ceiling = (await databaseBytes()) - 5 * MB;
    await setCeiling(ceiling);
    await settle();

    expect(await countOf('events', 'mail')).toBe(600);
    expect(await databaseBytes()).toBeLessThanOrEqual(ceiling);
  });

  it('are deleted from all in turn where deleting those of the largest alone would free no page', async () => {
    const firstSeq = daysAgo(3);
    await store({ count: 30_000, integration: 'shop', firstSeq, payload: payloadOf(300) });
    const others =
      "UPDATE events SET integration = iif(seq / 1000 % 2, 'mail', 'office') WHERE seq / 1000 % 10 < 6";
    await env.DB.prepare(others).run();
    const [first] = await placesOf('events', 'mail');
    const ceiling = (await databaseBytes()) - MB;
    await setCeiling(ceiling);
    await settle();

    expect(await databaseBytes()).toBeLessThanOrEqual(ceiling);
    const left = [
      await countOf('events', 'shop'),
      await countOf('events', 'mail'),
      await countOf('events', 'office'),
    ];
    for (const events of left) expect(events).toBeGreaterThan(8_000);
    expect(await countRows('events')).toBeGreaterThan(26_000); // not more for having tried again and again
    expect((await placesOf('events', 'mail'))[0]).toBeGreaterThan(first ?? 0);
  });

  it('stay while they are not forwarded, and those of no other integration are deleted in their place', async () => {
    await store({ count: 500, integration: 'mail', firstSeq: daysAgo(5), payload: payloadOf(1_000) });
    await store({ count: 6_000, integration: 'shop', firstSeq: daysAgo(2), payload: payloadOf(1_000) });
    await forwardAllBut("integration = 'shop'");
    await setCeiling((await databaseBytes()) - 2 * MB);
    await inject({ events: { kind: 'reject' } });
    await settle();

    expect([await countOf('events', 'shop'), await countOf('events', 'mail')]).toEqual([6_000, 500]);
    expect(await logged()).toContain('over its ceiling, and no event may go');
  });

  it('are deleted once they are forwarded, although an earlier search passed them over', async () => {
    await store({ count: 6_000, integration: 'shop', firstSeq: daysAgo(2), payload: payloadOf(1_000) });
    await forwardAllBut('true');
    const ceiling = (await databaseBytes()) - 2 * MB;
    await setCeiling(ceiling);
    await inject({ events: { kind: 'reject' } });
    await runCron();
    await inject({});
    await forwardAllBut('false');
    await settle();
    expect(await databaseBytes()).toBeLessThanOrEqual(ceiling);
  });

  it('are deleted from the integration whose acknowledged rejections fill the database, and from no other', async () => {
    await store({ count: 3_000, integration: 'mail', firstSeq: daysAgo(5), payload: payloadOf(1_000) });
    await store({ count: 4_000, integration: 'shop', firstSeq: daysAgo(4), payload: payloadOf(1_000) });
    await storeRejections({ count: 20, firstSeq: daysAgo(2), body: bodyOf(MB), isDeferred: true });
    await setCeiling(12 * MB);
    await settle();

    expect([await countOf('events', 'mail'), await countOf('rejections', 'shop')]).toEqual([3_000, 20]);
    expect(await countOf('events', 'shop')).toBeLessThan(1_500); // all events together have half of the ceiling
  });

  it('stay where they hold less than half of the ceiling: something else fills the database then', async () => {
    await store({ count: 3_000, integration: 'mail', firstSeq: daysAgo(2), payload: payloadOf(1_000) });
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
       INSERT INTO audit (seq, actor, action, object, detail) SELECT i, '', '', '', ${bodyOf(MB)} FROM n`,
    ).run();
    await setCeiling(15 * MB);
    await settle();
    expect(await countRows('events')).toBe(3_000);
    expect(await logged()).toContain('over its ceiling, and no event may go');
  });

  it('are deleted in bounded runs, each of which goes on where the last one ended', async () => {
    await store({ count: 60_000, integration: 'mail', firstSeq: daysAgo(5), payload: payloadOf(100) });
    await store({ count: 12_000, integration: 'shop', firstSeq: daysAgo(2), payload: payloadOf(10_000) });
    await runCron(); // sums them
    const ceiling = (await databaseBytes()) - 60 * MB;
    await setCeiling(ceiling);
    const about = (statements: Awaited<ReturnType<typeof runCron>>) =>
      statements.filter(({ sql }) => sql.includes('is_match') || sql.includes('DELETE FROM events'));
    const first = about(await runCron());
    expect(first.length).toBeLessThanOrEqual(51);
    for (const { rowsRead } of first) expect(rowsRead).toBeLessThanOrEqual(3 * 5_000);

    expect(await countOf('events', 'mail')).toBe(60_000);
    await setCeiling((await databaseBytes()) - MB);
    const second = about(await runCron());
    expect(second.length).toBeLessThanOrEqual(4);
    expect(await countOf('events', 'mail')).toBe(60_000);
  }, 60_000);
});

describe('making room', () => {
  it('costs a row read for each integration and kind while there is nothing to do', async () => {
    await store({ count: 3_000, integration: 'mail', firstSeq: daysAgo(2) });
    await storeRejections({ count: 500, firstSeq: daysAgo(2) });
    await storeRejections({ count: 500, integration: 'mail', firstSeq: daysAgo(3) });
    await storeDeadLetters('shop', 300, 10, daysAgo(2));
    await runCron();
    const statements = (await runCron()).filter(({ sql }) => /usage|DELETE FROM (events|rej|dead)/.test(sql));

    expect(
      statements.map(({ sql }) => /DELETE FROM \w+|INTO usage|FROM usage|max\(seq\)/.exec(sql)?.[0]),
    ).toEqual([
      'max(seq)',
      'DELETE FROM rejections',
      'FROM usage',
      'DELETE FROM dead_letters',
      'FROM usage',
      'INTO usage',
      'DELETE FROM events',
    ]);
    for (const { sql, rowsRead, rowsWritten } of statements) {
      expect(rowsRead, sql).toBeLessThanOrEqual(6);
      expect(rowsWritten, sql).toBe(0);
    }
  });

  it('adds one row written to each chunk of events that is purged, not to each event', async () => {
    await store({ count: 3_000, integration: 'mail', firstSeq: daysAgo(29) });
    await runCron(); // sums them
    await env.PROBE.setClock(2 * DAY_MS);
    const sums = (await runCron()).filter(({ sql }) => sql.includes('-count(*)'));

    expect(await countRows('events')).toBe(0);
    expect(sums.map(({ rowsWritten }) => rowsWritten)).toEqual([1, 1, 1, 0]);
  });

  it('finds rejections and dead letters by an index, and events by primary key', async () => {
    await store({ count: 6_000, integration: 'mail', firstSeq: daysAgo(2), payload: payloadOf(1_000) });
    await storeRejections({ count: 30, firstSeq: daysAgo(2), body: bodyOf(100_000) });
    await storeDeadLetters('shop', 30, 100_000, daysAgo(2));
    await setCeiling(6 * MB);
    await runCron();
    const plans = await Promise.all(
      (await seen()).statements
        .filter(({ sql }) => /usage|is_match|older_bytes/.test(sql))
        .map(async ({ sql }) => planOf(sql)),
    );
    const all = plans.join('\n');
    expect(all).toMatch(/SEARCH rejections USING (COVERING )?INDEX rejections_evictable \(integration=\?\)/);
    expect(all).toMatch(
      /SEARCH dead_letters USING (COVERING )?INDEX dead_letters_by_integration \(integration=\?\)/,
    );
    expect(all).toContain('SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)');
    expect(all).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid=?)');
    expect(all).not.toMatch(/SCAN (e|events|rejections|dead_letters|usage)\b/);
  });
});
