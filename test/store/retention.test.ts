import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { countRows, delivered, inject, reset, seen, uniqueResponse } from '../webhooks.ts';
import { storeEvents } from './stored-events.ts';

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

  it('never deletes what is still in the outbox', async () => {
    await storeOld(5, 31);
    await env.DB.prepare('INSERT INTO outbox (seq) SELECT seq FROM events ORDER BY seq LIMIT 2').run();
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();
    expect(await countRows('events')).toBe(2);

    await inject({});
    await env.PROBE.runCron(); // forwards them first, then purges
    expect(await countRows('events')).toBe(0);
    expect(await countRows('outbox')).toBe(0);
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

  it('above the ceiling spares what is in the outbox, and ends', async () => {
    await storeOld(20, 2);
    await env.DB.prepare('INSERT INTO outbox (seq) SELECT seq FROM events').run();
    await env.PROBE.reset({ MAX_DATABASE_GB: '0.000001' });
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();

    expect(await countRows('events')).toBe(20);
  });

  it('runs even when the sweep fails, and the cron reports the failure', async () => {
    await storeOld(5, 31);
    await inject({ d1: { kind: 'reject', on: 'FROM outbox AS o' } });

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
