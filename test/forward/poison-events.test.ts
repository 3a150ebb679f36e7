// Events that cannot be sent hold up no other and become dead letters. An outage makes dead letters of none.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  api,
  ask,
  countRows,
  delivered,
  forwardedEvents,
  idle,
  inject,
  onlyOne,
  reset,
  responseBody,
  seen,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let minutes = 0;

beforeEach(async () => {
  minutes = 0;
  await reset();
});
afterEach(async () => inject({}));

/** Leaves old events unforwarded: some that the queue is to refuse, then others. An older event was forwarded before. */
async function leaveBehind({
  stuck,
  others,
  isOneForwarded = true,
}: {
  stuck: number;
  others: number;
  isOneForwarded?: boolean;
}): Promise<void> {
  const atMs = Date.now() - HOUR_MS;
  if (isOneForwarded)
    await storeEvents({ count: 1, integration: 'before', firstSeq: (atMs - MINUTE_MS) * 1000 });
  await storeEvents({ count: stuck, integration: 'stuck', firstSeq: atMs * 1000 });
  await env.DB.prepare(
    "UPDATE events SET id = 'poison:' || seq || ':response' WHERE integration = 'stuck'",
  ).run();
  await storeEvents({ count: others, firstSeq: (atMs + MINUTE_MS) * 1000 });
  await forwardAllBut("integration <> 'before'");
}

async function runCrons(count: number): Promise<void> {
  for (let run = 0; run < count; run++) {
    minutes += 2; // by then the right to replay of a run that failed has ended
    await env.PROBE.setClock(minutes * MINUTE_MS);
    await env.PROBE.runCron();
  }
}

async function deadLetters() {
  return (await ask('/api/dead-letters?limit=200')).answer.data;
}

describe('an event of which no message can be made', () => {
  beforeEach(async () => {
    await leaveBehind({ stuck: 1, others: 3, isOneForwarded: false });
    await env.DB.prepare("UPDATE events SET payload = '{\"cut off' WHERE integration = 'stuck'").run();
  });

  it('becomes a dead letter, and the others are forwarded', async () => {
    await runCrons(1);
    expect(await waitingOn()).toBe(0);
    expect(await forwardedEvents()).toHaveLength(3);
    const [letter, ...more] = await deadLetters();
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      kind: 'never-sent',
      reason: 'no-message',
      event: expect.stringMatching(/^poison:\d+:response$/),
      integration: 'stuck',
      attempts: 0,
    });
  });

  it('is told by health and metrics, and can be redriven, with where its payload is', async () => {
    await runCrons(1);
    const { answer } = await ask('/api/health');
    expect(answer.checks.deadLetters).toEqual({ status: 'degraded', messages: 1, unstored: 0, neverSent: 1 });
    expect(answer.reasons.join()).toContain('Events that a queue never takes: 1.');
    const letter = onlyOne(await deadLetters());
    expect((await api('POST', `/api/dead-letters/${letter.id}/redrive`)).status).toBe(200);
    const sent = (await forwardedEvents()).at(-1);
    expect(sent?.id).toBe(letter.event);
    expect(sent?.dataref).toBe(`/api/events/stuck/${encodeURIComponent(letter.event ?? '')}/payload`);
    expect(await countRows('dead_letters')).toBe(0);
  });

  it('does not keep a replay of it and of others from ending', async () => {
    await forwardAllBut('false');
    const { answer } = await api('POST', '/api/replay', { all: true });
    await runCrons(2);
    const { id } = onlyOne(answer.data);
    expect((await ask(`/api/replay/${id}`)).answer).toMatchObject({ state: 'done', sent: 3 });
    expect(await deadLetters()).toMatchObject([{ kind: 'never-sent', reason: 'no-message' }]);
  });

  it('is kept as long as D1 does not take the dead letter', async () => {
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO dead_letters' } });
    await runCrons(1);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([1, 0]);
  });
});

describe('events that the queue refuses', () => {
  it.each([1, 4, 120])('(%i of them) hold up no event behind them', async (stuck) => {
    await leaveBehind({ stuck, others: 150 });
    await inject({ events: { kind: 'reject', on: 'poison' } });
    await runCrons(1);
    expect(await waitingOn()).toBe(stuck);
    const ids = new Set(
      (await forwardedEvents()).filter(({ source }) => source === '/webhooks/shop').map(({ id }) => id),
    );
    expect(ids.size).toBe(150);
  });

  it.each([1, 4, 120])('(%i of them) hold up no event of a route that took nothing before', async (stuck) => {
    await leaveBehind({ stuck, others: 150, isOneForwarded: false });
    await inject({ events: { kind: 'reject', on: 'poison' } });
    await runCrons(3); // which events are tried first is drawn
    expect(await waitingOn()).toBe(stuck);
    const sent = (await forwardedEvents()).filter(({ source }) => source === '/webhooks/shop');
    expect(new Set(sent.map(({ id }) => id)).size).toBe(150);
  });

  it('hold up no event of such a route, also where they are more than are read at once', async () => {
    await leaveBehind({ stuck: 25, others: 5, isOneForwarded: false });
    const payload = JSON.stringify({ ...responseBody(), filler: 'x'.repeat(100_000) }); // 2 MB are read at once
    await env.DB.prepare("UPDATE events SET payload = ?1 WHERE integration = 'stuck'").bind(payload).run();
    await inject({ events: { kind: 'reject', on: 'poison' } });
    await runCrons(3);
    expect(await waitingOn()).toBe(25);
    const sent = (await forwardedEvents()).filter(({ source }) => source === '/webhooks/shop');
    expect(new Set(sent.map(({ id }) => id)).size).toBe(5);
  });

  it('become dead letters after ten runs that took others, and are sent once they are redriven', async () => {
    await leaveBehind({ stuck: 2, others: 1 });
    await inject({ events: { kind: 'reject', on: 'poison' } });
    await runCrons(9);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([2, 0]);
    await runCrons(1);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([0, 2]);
    expect(await deadLetters()).toMatchObject([
      { kind: 'never-sent', reason: 'refused' },
      { kind: 'never-sent', reason: 'refused' },
    ]);

    await inject({});
    const { answer } = await api('POST', '/api/dead-letters/redrive', { kind: 'never-sent' });
    expect(answer).toEqual({ redriven: 2, skipped: 0, next: null });
    const sent = (await forwardedEvents()).filter(({ id }) => id.startsWith('poison'));
    expect(sent).toMatchObject([{ data: { event: {} } }, { data: { event: {} } }]);
  });

  it('become dead letters, too, right behind one that did, which is forgotten once it is deleted', async () => {
    await leaveBehind({ stuck: 1, others: 0 });
    await inject({ events: { kind: 'reject', on: 'poison' } });
    await runCrons(10);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([0, 1]);

    await storeEvents({ count: 1, integration: 'stuck', firstSeq: (Date.now() - HOUR_MS / 2) * 1000 });
    await env.DB.prepare(
      "UPDATE events SET id = 'poison:last:response' WHERE seq = (SELECT max(seq) FROM events)",
    ).run();
    await forwardAllBut("id = 'poison:last:response'");
    await runCrons(10);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([0, 2]);
    expect(await countRows('refused')).toBe(2);

    await env.DB.prepare("DELETE FROM events WHERE integration <> 'shop'").run();
    await delivered(uniqueResponse());
    await idle();
    await runCrons(1);
    expect(await countRows('refused')).toBe(0);
  });

  it('are not given up where the queue takes them after all', async () => {
    await leaveBehind({ stuck: 1, others: 0 });
    await inject({ events: { kind: 'reject', on: 'poison' } });
    await runCrons(9);
    await inject({});
    await runCrons(3);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([0, 0]);
  });

  it('of replays hold up no event behind them, and become dead letters, too', async () => {
    await leaveBehind({ stuck: 4, others: 20 });
    await forwardAllBut('false');
    await inject({ events: { kind: 'reject', on: 'poison' } });
    const { answer } = await api('POST', '/api/replay', { all: true });
    await idle();
    await runCrons(1);
    const { id } = onlyOne(answer.data);
    expect((await ask(`/api/replay/${id}`)).answer).toMatchObject({ state: 'done', sent: 21 });
    expect(await countRows('dead_letters')).toBe(4);
  });
});

describe('a replay to a route that took nothing before', () => {
  it('ends, with dead letters of what the queue refuses', async () => {
    await leaveBehind({ stuck: 2, others: 20, isOneForwarded: false });
    await env.DB.prepare(
      'UPDATE routes SET (position, began) = (SELECT max(seq), max(seq) FROM events)',
    ).run();
    await inject({ events: { kind: 'reject', on: 'poison' } });
    const { answer } = await api('POST', '/api/replay', { all: true });
    await idle();
    await runCrons(2);
    const { id } = onlyOne(answer.data);
    expect((await ask(`/api/replay/${id}`)).answer).toMatchObject({ state: 'done', sent: 20 });
    expect(await countRows('dead_letters')).toBe(2);
    expect((await forwardedEvents()).filter(({ replay }) => replay === undefined)).toEqual([]);
  });
});

describe('a queue that is down', () => {
  it.each(['reject', 'lost-answer'] as const)('makes no dead letters (%s)', async (kind) => {
    await leaveBehind({ stuck: 3, others: 300 });
    await inject({ events: { kind } });
    await runCrons(15);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([303, 0]);
    const noted = await env.DB.prepare('SELECT count(*) AS n FROM refused').first('n');
    expect(noted).toBe(0);

    await inject({});
    await runCrons(1);
    expect([await waitingOn(), await countRows('dead_letters')]).toEqual([0, 0]);
  });

  it('that refuses most of what it is sent, whatever it is, makes no dead letters', async () => {
    await leaveBehind({ stuck: 0, others: 40 });
    for (let run = 0; run < 12; run++) {
      await inject({ events: { kind: 'reject', times: 15 } }); // all of some runs, the beginning of others
      await runCrons(1);
      await forwardAllBut("integration = 'shop'");
    }
    expect(await countRows('dead_letters')).toBe(0);
  });

  it('is asked a few times in a run, also where it took nothing before', async () => {
    await leaveBehind({ stuck: 0, others: 500, isOneForwarded: false });
    await inject({ events: { kind: 'reject' } });
    await runCrons(1);
    const failures = (await seen()).logged.filter((line) => line.includes('"forwarding failed"'));
    expect(failures.length).toBeLessThanOrEqual(8);
  });

  it('is asked a few times in a run, however many wait', async () => {
    await leaveBehind({ stuck: 0, others: 500 });
    await inject({ events: { kind: 'reject' } });
    await runCrons(1);
    const failures = (await seen()).logged.filter((line) => line.includes('"forwarding failed"'));
    expect(failures.length).toBeLessThanOrEqual(8);
    const looks = (await seen()).statements.filter(({ sql }) => sql.includes('AS passed'));
    expect(looks.map(({ rowsRead }) => rowsRead <= 3_000)).toEqual([true]); // of the newest 1,000 events
  });
});

describe('events that were stored by a clock that was ahead', () => {
  async function storeAhead(): Promise<void> {
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.setClock(HOUR_MS);
    await delivered(uniqueResponse());
    await idle();
    await env.PROBE.setClock(0);
    await delivered(uniqueResponse()); // its place lies behind that one
    await idle();
    await inject({});
  }

  it('are forwarded by the second sweep, not in an hour', async () => {
    await storeAhead();
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(2); // their own requests may still be at it
    await env.PROBE.setClock(MINUTE_MS);
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
    expect(await forwardedEvents()).toHaveLength(2);
  });

  it('are told by health once they have waited too long', async () => {
    await storeAhead();
    await env.PROBE.runCron();
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.setClock(6 * MINUTE_MS);
    await env.PROBE.runCron();
    const { answer } = await ask('/api/health');
    expect(answer.checks.routes.status).toBe('degraded');
    expect(answer.checks.routes.data?.[0]?.oldestAgeMs).toBeGreaterThanOrEqual(6 * MINUTE_MS);
    const { countedUntil } = (await ask('/api/stats')).answer;
    expect(Date.parse(countedUntil)).toBeLessThanOrEqual(Date.now() + 7 * MINUTE_MS);
  });
});
