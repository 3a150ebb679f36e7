// The work of the cron: no task waits for another, and requests do it where no cron comes.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { counted } from './store/full-count.ts';
import { forwardAllBut, storeEvents } from './store/stored-events.ts';
import {
  ask,
  countRows,
  deferredMessage,
  delivered,
  eventually,
  forgetCron,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  ORIGIN,
  reset,
  seen,
  statementsWith,
  uniqueResponse,
  waitingOn,
} from './webhooks.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

beforeEach(async () => reset());
afterEach(async () => inject({}));

/** Stores events that are past their retention, and events that wait to be forwarded. */
async function leaveBehind({ expired, waiting }: { expired: number; waiting: number }): Promise<void> {
  await storeEvents({ count: expired, integration: 'old', firstSeq: (Date.now() - 31 * DAY_MS) * 1000 });
  await storeEvents({ count: waiting, firstSeq: (Date.now() - 10 * MINUTE_MS) * 1000 });
  await forwardAllBut("integration = 'shop'");
}

/** Whether what was left behind is forwarded, counted and purged. */
async function isDone(): Promise<boolean> {
  const [waiting, expired] = await Promise.all([
    waitingOn(),
    env.DB.prepare("SELECT count(*) AS n FROM events WHERE integration = 'old'").first<number>('n'),
  ]);
  return waiting === 0 && expired === 0;
}

/** How many sweeps began. */
async function sweeps(): Promise<number> {
  return (await statementsWith('position < log.last')).length;
}

describe('a run of the cron', () => {
  it('rolls up and purges while the events queue hangs', async () => {
    await leaveBehind({ expired: 30, waiting: 5 });
    await inject({ events: { kind: 'hang' } });
    const run = env.PROBE.runCron();
    await heldBack();
    await eventually('it is counted and purged', async () => (await countRows('events')) === 5);
    expect(await env.PROBE.heldBack()).toBeGreaterThan(0);
    const counts = await counted();
    expect(Object.entries(counts).filter(([name]) => name.startsWith('old '))).not.toEqual([]);
    expect(await waitingOn()).toBe(5);

    await inject({});
    expect(await run).toBeNull();
  });

  it('sweeps while the roll-up hangs', async () => {
    await leaveBehind({ expired: 0, waiting: 5 });
    await inject({ d1: { kind: 'hang', on: 'AS lastSeq' } });
    const run = env.PROBE.runCron();
    await heldBack();
    await eventually('it is forwarded', async () => (await waitingOn()) === 0);
    expect(await env.PROBE.heldBack()).toBeGreaterThan(0);

    await inject({});
    expect(await run).toBe('scheduled tasks failed: roll-up');
  });

  it('names the tasks that fail, and gives all others their turn', async () => {
    await leaveBehind({ expired: 3, waiting: 3 });
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM rejections' } });
    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: purge of rejections');
    expect(await isDone()).toBe(true);
  });
});

describe('where no cron ever comes', () => {
  beforeEach(async () => {
    await forgetCron();
    await leaveBehind({ expired: 3, waiting: 5 });
  });

  const requests: [string, () => Promise<unknown>][] = [
    ['a webhook', async () => delivered(uniqueResponse())],
    ['a request of the API', async () => ask('/api/events')],
    [
      'a batch of the intake queue',
      async () => env.PROBE.consumeIntake([deferredMessage(uniqueResponse(), { receivedAtMs: Date.now() })]),
    ],
    ['a batch of dead letters', async () => env.PROBE.consumeDeadLetters(['none of ours'])],
  ];
  it.each(requests)('%s has all forwarded, counted and purged', async (_, request) => {
    await request();
    await eventually('it is forwarded and purged', isDone);
    await idle();

    const ofBefore = (await forwardedEvents()).filter(({ id }) => /^m\d+:e\d/.test(id));
    expect(new Set(ofBefore.map(({ id }) => id)).size).toBe(5);
    const counts = await counted();
    expect(counts['shop forwarded:events']).toBeGreaterThanOrEqual(5);
    expect(counts).toMatchObject({ 'old response': 1, 'old status:delivered': 2 });
  });

  it('one request of many does its work, and the next ones once a minute', async () => {
    await Promise.all(Array.from({ length: 20 }, async () => delivered(uniqueResponse())));
    await idle();
    expect(await sweeps()).toBe(1);
    await env.PROBE.restart(); // another isolate
    await Promise.all([delivered(uniqueResponse()), ask('/api/events'), ask('/api/health')]);
    await idle();
    expect(await sweeps()).toBe(1);

    await env.PROBE.setClock(61_000);
    await ask('/api/events');
    await delivered(uniqueResponse());
    await idle();
    expect(await sweeps()).toBe(2);
    const claims = await statementsWith("'stand-in'");
    expect(claims.filter(({ rowsWritten }) => rowsWritten > 0)).toHaveLength(2);
  });

  it('a warm webhook costs no statement more', async () => {
    await delivered(uniqueResponse());
    await idle();
    const before = (await seen()).statements.length;
    await delivered(uniqueResponse());
    await idle();
    expect((await seen()).statements.slice(before).map(({ sql }) => sql.trim().split(/\s/, 1)[0])).toEqual([
      'SELECT',
      'INSERT',
      'INSERT',
      'UPDATE',
      'DELETE',
    ]);
  });

  it('health tells that the cron does not come, although its work is done', async () => {
    await delivered(uniqueResponse());
    await idle();
    const { answer } = await ask('/api/health');
    expect(answer.checks.cron).toEqual({ status: 'degraded', lastRunAt: null });
    expect([answer.checks.sweep.status, answer.checks.rollUp.status]).toEqual(['ok', 'ok']);
    expect(answer.reasons).toEqual(['The cron has never run. Requests do its work.']);
  });

  it('a request that is not let in does none of its work', async () => {
    await env.RECEIVER.fetch(`${ORIGIN}/api/events`);
    await env.RECEIVER.fetch(`${ORIGIN}/healthz`);
    await env.RECEIVER.fetch(`${ORIGIN}/`, { redirect: 'manual' });
    await idle();
    expect([await sweeps(), (await seen()).cronLooks]).toEqual([0, 0]);
  });
});

describe('where the cron comes', () => {
  it('requests leave its work to it until two minutes have passed', async () => {
    await forgetCron();
    await env.PROBE.runCron();
    await leaveBehind({ expired: 3, waiting: 5 });
    const before = await sweeps();
    await env.PROBE.setClock(1.9 * MINUTE_MS);
    await delivered(uniqueResponse());
    await ask('/api/events');
    await idle();
    expect(await sweeps()).toBe(before);

    await env.PROBE.setClock(2.2 * MINUTE_MS);
    await env.PROBE.restart();
    await ask('/api/events');
    await eventually('it is done', isDone);
  });
});
