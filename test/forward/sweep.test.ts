import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import { countRows, delivered, forwardedEvents, inject, reset, seen, uniqueResponse } from '../webhooks.ts';

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

  it('leaves what is younger than its grace to the request that brought it', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
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

  it('tries a failed batch again one by one, so that one event holds back no other', async () => {
    await leaveBehind(10);
    await inject({ events: { kind: 'reject', times: 2 } }); // the batch, then the first event by itself
    await env.PROBE.runCron();

    expect(await countRows('outbox')).toBe(1);
    expect(await forwardedEvents()).toHaveLength(9);
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
  });

  it('gives up soon while the queue is down, and goes on the next time', async () => {
    await leaveBehind(500);
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();
    const failures = (await seen()).logged.filter((line) => line.includes('"forwarding failed"'));
    expect(failures).toHaveLength(4); // the batch and three events by themselves

    await inject({});
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
  });

  it('keeps an event in the outbox that was put back to be replayed while it was being sent', async () => {
    await leaveBehind(1);
    await inject({ events: { kind: 'late-answer', ms: 300 } });
    const sweeping = env.PROBE.runCron();
    await new Promise((resolve) => setTimeout(resolve, 150));
    await env.DB.prepare('UPDATE outbox SET replay = replay + 1').run();
    await sweeping;
    expect(await countRows('outbox')).toBe(1);

    await inject({});
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
    const own = (await forwardedEvents()).filter(({ id }) => id === 'm0:e0:response');
    expect(own.map(({ replay }) => replay)).toEqual([undefined, 1]);
  });
});
