import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import {
  countRows,
  delivered,
  eventually,
  forwardedEvents,
  heldBack,
  inject,
  loggedWith,
  reset,
  seen,
  uniqueResponse,
} from '../webhooks.ts';

beforeEach(async () => reset());

/** Stores events of long ago that are still in the outbox. */
async function leaveBehind(count: number, payload?: string): Promise<void> {
  await storeEvents({
    count,
    firstSeq: (Date.now() - 600_000) * 1000,
    ...(payload !== undefined && { payload }),
  });
  await env.DB.prepare('INSERT INTO outbox (seq) SELECT seq FROM events').run();
}

describe('the sweep', () => {
  it('forwards all that was left behind, oldest first, in full batches', async () => {
    await leaveBehind(950);
    await env.PROBE.runCron();

    expect(await countRows('outbox')).toBe(0);
    const forwarded = await forwardedEvents();
    expect(new Set(forwarded.map(({ id }) => id)).size).toBe(950);
    expect((await seen()).batches.map((batch) => batch.length)).toEqual([...Array(9).fill(100), 50]);
    expect(forwarded[0]?.id).toBe('m0:e0:response');
  });

  it('leaves young events to the requests that brought them', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await eventually('its request failed to', async () => (await loggedWith('forwarding failed')).length > 0);
    await inject({});
    await env.PROBE.setClock(29_000);
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(1);

    await env.PROBE.setClock(31_000);
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
  });

  it('forwards a payload that is too large for a message by reference, without reading it', async () => {
    await leaveBehind(2, JSON.stringify({ text: 'x'.repeat(200_000) }));
    await env.PROBE.runCron();

    const forwarded = await forwardedEvents();
    expect(forwarded).toHaveLength(2);
    expect(forwarded[0]).not.toHaveProperty('data');
    expect(forwarded[0]?.dataref).toBe('/api/events/shop/m0%3Ae0%3Aresponse/payload');
  });

  it('tries a failed batch again in parts, so that one event holds back no other', async () => {
    await leaveBehind(10);
    await inject({ events: { kind: 'reject', on: ':e3:' } });
    await env.PROBE.runCron();

    expect(await countRows('outbox')).toBe(1);
    expect(new Set((await forwardedEvents()).map(({ id }) => id)).size).toBe(9);
    await inject({});
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
  });

  it('gives up soon while the queue is down, and goes on the next time', async () => {
    await leaveBehind(500);
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();
    const failures = await loggedWith('"forwarding failed"');
    expect(failures).toHaveLength(3); // the batch and parts of it; no event is known that the queue took before

    await inject({});
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
  });

  it('forwards replays after the outbox', async () => {
    await leaveBehind(150);
    await env.DB.prepare('INSERT INTO replaying (job, seq, replay) SELECT 0, seq, 1 FROM events').run();
    await env.PROBE.runCron();

    expect([await countRows('outbox'), await countRows('replaying')]).toEqual([0, 0]);
    const replays = (await forwardedEvents()).map(({ replay = 0 }) => replay);
    expect(replays).toEqual([...Array(150).fill(0), ...Array(150).fill(1)]);
  });

  it('counts what it forwards by integration and minute, and a repeat not at all', async () => {
    await leaveBehind(10);
    await storeEvents({ count: 5, integration: 'other', firstSeq: (Date.now() - 500_000) * 1000 });
    await env.DB.prepare(
      'INSERT INTO outbox (seq) SELECT seq FROM events WHERE true ON CONFLICT DO NOTHING',
    ).run();
    await inject({ events: { kind: 'late-answer' } });
    const runs = Promise.all([env.PROBE.runCron(), env.PROBE.runCron()]);
    await heldBack(2);
    await inject({});
    await runs; // both sent all, and confirmed it

    expect(await forwardedEvents()).toHaveLength(30);
    const { results } = await env.DB.prepare(
      "SELECT integration, sum(count) AS n, max(start % 60000) AS past FROM counters WHERE step = 60 AND kind = 'forwarded' GROUP BY 1",
    ).run();
    expect(results).toEqual([
      { integration: 'other', n: 5, past: 0 },
      { integration: 'shop', n: 10, past: 0 },
    ]);
  });
});
