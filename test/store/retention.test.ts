import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_REJECTIONS_PER_INTEGRATION } from '../../src/store/eviction.ts';
import {
  ask,
  countRows,
  deliver,
  delivered,
  inject,
  reset,
  seen,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { forwardAllBut, storeEvents } from './stored-events.ts';
import { storeRejections } from './stored-rejections.ts';

const DAY_MS = 86_400_000;

beforeEach(async () => reset());

/** Stores events of so many days ago. */
async function storeOld(count: number, days: number, payload?: string): Promise<void> {
  const firstSeq = (Date.now() - days * DAY_MS) * 1000;
  await storeEvents({ count, firstSeq, messages: count, ...(payload !== undefined && { payload }) });
}

async function oldestSeq(): Promise<number | null> {
  return env.DB.prepare('SELECT min(seq) AS seq FROM events').first<number>('seq');
}

describe('retention', () => {
  it('deletes what is older than RETENTION_DAYS, in chunks, and nothing else', async () => {
    await reset({ RETENTION_DAYS: '7' });
    await storeOld(2_500, 8);
    await env.DB.prepare("UPDATE events SET id = 'old' || id").run();
    await storeOld(10, 6);
    await env.PROBE.runCron();

    expect(await countRows('events')).toBe(10);
    const deletions = (await seen()).statements.filter(({ sql }) => sql.includes('DELETE FROM events'));
    expect(deletions.length).toBeGreaterThan(2);
    expect(Math.max(...deletions.map(({ rowsWritten }) => rowsWritten))).toBeLessThanOrEqual(3_000);
  });

  it('keeps events for 30 days by default', async () => {
    await storeOld(5, 31);
    await env.DB.prepare("UPDATE events SET id = 'old' || id").run();
    await storeOld(5, 29);
    await env.PROBE.runCron();

    expect(await countRows('events')).toBe(5);
  });

  it('never deletes what an active route has yet to forward', async () => {
    await storeOld(5, 31);
    await forwardAllBut('seq IN (SELECT seq FROM events ORDER BY seq LIMIT 2)');
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();
    expect(await countRows('events')).toBe(5); // nor what lies behind it

    await inject({});
    await env.PROBE.runCron(); // forwards them first, then purges
    expect(await countRows('events')).toBe(0);
    expect(await waitingOn()).toBe(0);
    expect((await seen()).batches.flat()).toHaveLength(2);
  });

  it('deletes the oldest events once the database is over its ceiling, until it is below', async () => {
    const payload = JSON.stringify({ text: 'x'.repeat(2_000) });
    await storeOld(6_000, 2, payload);
    const { meta } = await env.DB.prepare('SELECT 1').run();
    const ceiling = meta.size_after - 3_000_000;
    await env.PROBE.reset({ MAX_DATABASE_GB: String(ceiling / 1e9) });
    const newest = await env.DB.prepare('SELECT max(seq) AS seq FROM events').first('seq');
    await env.PROBE.runCron();

    const left = await countRows('events');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(6_000);
    expect((await env.DB.prepare('SELECT 1').run()).meta.size_after).toBeLessThanOrEqual(ceiling);
    expect(await env.DB.prepare('SELECT max(seq) AS seq FROM events').first('seq')).toBe(newest);
    expect((await seen()).logged.join()).toContain('purged early');

    const oldest = await oldestSeq();
    await env.PROBE.runCron();
    expect(await oldestSeq()).toBe(oldest); // below the ceiling nothing more goes
  });

  it('leaves what is not forwarded above the ceiling, and ends', async () => {
    await storeOld(20, 2);
    await forwardAllBut('true');
    await env.PROBE.reset({ MAX_DATABASE_GB: '0.000001' });
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();

    expect(await countRows('events')).toBe(20);
  });

  it('runs even when the sweep fails, and the cron reports the failure', async () => {
    await storeOld(5, 31);
    await inject({ d1: { kind: 'reject', on: 'position < log.last' } });

    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: sweep');
    expect(await countRows('events')).toBe(0);
  });

  it('lets an event that comes again after it was purged in as a new one', async () => {
    const body = uniqueResponse();
    await delivered(body);
    await env.DB.prepare('DELETE FROM events').run();

    expect((await delivered(body)).answer.outcome).toBe('stored');
  });
});

describe('the retention of rejections', () => {
  /** Stores rejections of so many days ago. */
  async function storeOldRejections(count: number, days: number, integration = 'shop'): Promise<void> {
    const firstSeq = (Date.now() - days * DAY_MS) * 1000;
    await storeRejections({ count, integration, firstSeq });
  }

  async function countOf(integration: string): Promise<number | null> {
    return env.DB.prepare('SELECT count(*) AS n FROM rejections WHERE integration = ?1')
      .bind(integration)
      .first<number>('n');
  }

  /** The statements about rejections that the last run of the cron made. */
  async function runCron() {
    const before = (await seen()).statements.length;
    expect(await env.PROBE.runCron()).toBeNull();
    return (await seen()).statements.slice(before).filter(({ sql }) => sql.includes('rejections'));
  }

  it.each([
    ['7 days by default', {}, 7],
    ['REJECTION_DAYS', { REJECTION_DAYS: '2' }, 2],
  ])('is %s from the last delivery on', async (_, settings, days) => {
    await reset(settings);
    await deliver('{}');
    await env.PROBE.setClock((days - 0.1) * DAY_MS);
    await env.PROBE.runCron();
    expect(await countRows('rejections')).toBe(1);

    await deliver('{}'); // again
    await env.PROBE.setClock((2 * days - 0.2) * DAY_MS);
    await env.PROBE.runCron();
    expect((await ask('/api/rejections')).answer.data).toMatchObject([{ deliveries: 2 }]);

    await env.PROBE.setClock((2 * days - 0.05) * DAY_MS);
    await env.PROBE.runCron();
    expect(await countRows('rejections')).toBe(0);
    expect((await seen()).logged.join()).toContain('purged rejections past their retention');
  });

  it('deletes in chunks, across integrations, and leaves what is younger', async () => {
    await storeOldRejections(700, 8);
    await storeOldRejections(100, 9, 'mail');
    await storeOldRejections(10, 6);
    const statements = await runCron();

    expect(await countRows('rejections')).toBe(10);
    const deletions = statements.filter(({ sql }) => sql.startsWith('DELETE'));
    expect(deletions.length).toBeGreaterThan(3);
    expect(Math.max(...deletions.map(({ rowsWritten }) => rowsWritten))).toBeLessThanOrEqual(200 * 3);
  });

  it('reaches old rejections that lie behind ones that were delivered again', async () => {
    await storeOldRejections(500, 8);
    await env.DB.prepare('UPDATE rejections SET last_received_at = ?1').bind(Date.now()).run();
    await storeOldRejections(5, 7.5, 'mail');
    await runCron();
    expect([await countOf('shop'), await countOf('mail')]).toEqual([500, 0]);
  });

  it('leaves an integration its newest 10,000, and the others theirs', async () => {
    expect(MAX_REJECTIONS_PER_INTEGRATION).toBe(10_000);
    await storeOldRejections(10_005, 0.1);
    await storeOldRejections(20, 0.2, 'mail');
    const oldest = await env.DB.prepare(
      "SELECT seq FROM rejections WHERE integration = 'shop' ORDER BY seq LIMIT 1 OFFSET 6",
    ).first<number>('seq');
    await deliver('{}'); // one too many has just come
    await runCron();

    expect([await countOf('shop'), await countOf('mail')]).toEqual([10_000, 20]);
    const first = await env.DB.prepare(
      "SELECT min(seq) AS seq FROM rejections WHERE integration = 'shop'",
    ).first('seq');
    expect(first).toBe(oldest);
    expect((await ask('/api/rejections?limit=1')).answer.data[0]?.bodyBytes).toBe(2);
    expect((await seen()).logged.join()).toContain('purged rejections early');
    await runCron();
    expect(await countOf('shop')).toBe(10_000);
  });

  it('bounds a run, and the next ones do the rest', async () => {
    await storeRejections({ count: 20_500, firstSeq: (Date.now() - 60_000) * 1000 });
    await runCron();
    expect(await countOf('shop')).toBe(10_700);
    await runCron();
    expect(await countOf('shop')).toBe(10_000);
  }, 60_000);

  it('costs little while there is nothing to do, however many there are and whether some have just come', async () => {
    await storeOldRejections(9_000, 0.5);
    await storeOldRejections(3_000, 0.7, 'mail');
    await deliver('{}');
    const [expiry, ...others] = await runCron();
    expect(others).toEqual([]);
    expect(expiry?.rowsRead).toBeLessThanOrEqual(3);
    expect(expiry?.rowsWritten).toBe(0);
    const plan = await planOf(String(expiry?.sql));
    expect(plan).toContain('SEARCH rejections USING INTEGER PRIMARY KEY (rowid<?)');
    expect(plan).not.toMatch(/SCAN/);
  });

  it('is applied even when the purge of events fails, and the other way round', async () => {
    await storeOldRejections(3, 8);
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM events' } });
    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: purge');
    expect(await countRows('rejections')).toBe(0);

    await storeOld(5, 31);
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM rejections' } });
    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: purge of rejections');
    expect(await countRows('events')).toBe(0);
  });
});
