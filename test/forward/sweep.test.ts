import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
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
  waitingOn,
} from '../webhooks.ts';

beforeEach(async () => reset());

/** Stores events of long ago that are still to be forwarded. */
async function leaveBehind(count: number, payload?: string): Promise<void> {
  await storeEvents({
    count,
    firstSeq: (Date.now() - 600_000) * 1000,
    ...(payload !== undefined && { payload }),
  });
  await forwardAllBut('true');
}

async function positionOf(route: string) {
  return env.DB.prepare(
    `SELECT position = (SELECT max(seq) FROM events) AS isAtEnd,
       (SELECT count(*) FROM forwarded WHERE route = ?1) AS noted FROM routes WHERE name = ?1`,
  )
    .bind(route)
    .first<{ isAtEnd: number; noted: number }>();
}

const AT_END = { isAtEnd: 1, noted: 0 };

describe('the sweep', () => {
  it('forwards all that was left behind, oldest first, in full batches', async () => {
    await leaveBehind(950);
    await env.PROBE.runCron();

    expect(await waitingOn()).toBe(0);
    const forwarded = await forwardedEvents();
    expect(new Set(forwarded.map(({ id }) => id)).size).toBe(950);
    expect((await seen()).batches.map((batch) => batch.length)).toEqual([...Array(9).fill(100), 50]);
    expect(forwarded[0]?.id).toBe('m0:e0:response');
    expect(await positionOf('events')).toEqual(AT_END);
  });

  it('reads a page and confirms it, whatever is in it', async () => {
    await leaveBehind(2_000);
    await env.PROBE.runCron();
    const { statements } = await seen();
    const confirmed = statements.filter(({ sql }) => sql.includes('UPDATE routes SET position'));
    expect(confirmed.map(({ rowsWritten }) => rowsWritten)).toEqual([1]);
  });

  it('leaves young events to the requests that brought them', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await eventually('its request failed to', async () => (await loggedWith('forwarding failed')).length > 0);
    await inject({});
    await env.PROBE.setClock(29_000);
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(1);

    await env.PROBE.setClock(31_000);
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
  });

  it('fills the gaps between what was forwarded, and nothing else', async () => {
    await leaveBehind(300);
    await forwardAllBut("id LIKE 'm7:%' OR id LIKE 'm30:%'");
    expect((await positionOf('events'))?.noted).toBeGreaterThan(3);
    await env.PROBE.runCron();

    const ids = (await forwardedEvents()).map(({ id }) => id.split(':', 1)[0]);
    expect(ids).toEqual(['m7', 'm30', 'm7', 'm30', 'm7', 'm30', 'm7', 'm30']);
    expect(await positionOf('events')).toEqual(AT_END);
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

    expect(await waitingOn()).toBe(1);
    expect(new Set((await forwardedEvents()).map(({ id }) => id)).size).toBe(9);
    await inject({});
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
    expect(await positionOf('events')).toEqual(AT_END);
  });

  it('gives up soon while the queue is down, and goes on the next time', async () => {
    await leaveBehind(500);
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.runCron();
    const failures = await loggedWith('"forwarding failed"');
    expect(failures).toHaveLength(6); // the page, parts of it, and samples: none is known that the queue took before

    await inject({});
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
  });

  it('counts what it forwards by integration and minute, and a repeat not at all', async () => {
    await leaveBehind(10);
    await storeEvents({ count: 5, integration: 'other', firstSeq: (Date.now() - 500_000) * 1000 });
    await forwardAllBut('true');
    await inject({ events: { kind: 'late-answer' } });
    const runs = Promise.all([env.PROBE.runCron(), env.PROBE.runCron()]);
    await heldBack(2);
    await inject({});
    await runs; // both sent all, and confirmed it

    expect(await forwardedEvents()).toHaveLength(30);
    await env.PROBE.runCron();
    const { results } = await env.DB.prepare(
      `SELECT integration, sum(count) AS n, max(start % 60000) AS past FROM counters
       WHERE step = 60 AND kind = 'forwarded:events' GROUP BY 1`,
    ).run();
    expect(results).toEqual([
      { integration: 'other', n: 5, past: 0 },
      { integration: 'shop', n: 10, past: 0 },
    ]);
  });

  it('never moves a position past the newest event: what is stored later may get a place there', async () => {
    await leaveBehind(3);
    await forwardAllBut('false');
    await env.PROBE.setClock(3_600_000);
    await env.PROBE.runCron();
    expect(await positionOf('events')).toEqual(AT_END);
  });
});

describe('the sweep of several routes', () => {
  it('sends to each what it wants, and confirms what it does not', async () => {
    await addFurtherRoutes({
      crm: { types: ['response'] },
      desk: { statuses: ['read'], integrations: ['shop'] },
    });
    await leaveBehind(100);
    await storeEvents({ count: 50, integration: 'other', firstSeq: (Date.now() - 500_000) * 1000 });
    await env.DB.prepare('UPDATE routes SET position = began').run();
    await env.DB.prepare('DELETE FROM forwarded').run();
    await env.PROBE.runCron();

    expect(await forwardedEvents()).toHaveLength(150);
    const toCrm = await forwardedEvents('crm');
    expect(toCrm).toHaveLength(15);
    expect(toCrm.every(({ type }) => type.endsWith('.response'))).toBe(true);
    const toDesk = await forwardedEvents('desk');
    expect(toDesk).toHaveLength(10);
    expect(toDesk.every(({ type, source }) => type.endsWith('.response') && source.endsWith('/shop'))).toBe(
      true,
    );
    for (const route of ['events', 'crm', 'desk']) expect(await positionOf(route)).toEqual(AT_END);
  });

  it('does not wait for one whose queue hangs or is down', async () => {
    await addFurtherRoutes({ crm: {}, desk: {} });
    await leaveBehind(250);
    await env.DB.prepare('UPDATE routes SET position = began').run();
    await inject({ events: { kind: 'hang' }, desk: { kind: 'reject' } });
    const run = env.PROBE.runCron();
    await eventually('the other is forwarded', async () => (await waitingOn('crm')) === 0);
    expect([await waitingOn('events'), await waitingOn('desk')]).toEqual([250, 250]);
    await inject({});
    await run;
    await env.PROBE.setClock(61_000);
    await env.PROBE.runCron();
    expect([await waitingOn('events'), await waitingOn('desk')]).toEqual([0, 0]);
  });

  it('leaves one that is paused, or has no queue, as it is', async () => {
    await addFurtherRoutes({ crm: {} });
    await leaveBehind(20);
    await env.DB.batch([
      env.DB.prepare("UPDATE routes SET state = 'paused' WHERE name = 'crm'"),
      env.DB.prepare(`INSERT INTO routes (name, filter, version, began, position, counted, created_at, state_at)
        VALUES ('nowhere', '{}', 99, 0, 0, 0, 0, 0)`),
    ]);
    await env.PROBE.runCron();
    expect([await waitingOn('events'), await waitingOn('nowhere')]).toEqual([0, 20]);
    expect(await forwardedEvents('crm')).toEqual([]);
  });

  it('confirms nothing by a filter that was changed meanwhile', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] } });
    await leaveBehind(100);
    await env.DB.prepare('UPDATE routes SET position = began').run();
    await inject({ crm: { kind: 'late' } });
    const run = env.PROBE.runCron();
    await heldBack();
    await env.DB.prepare("UPDATE routes SET filter = '{}', version = version + 10 WHERE name = 'crm'").run();
    await inject({});
    await run;
    expect(await waitingOn('crm')).toBe(100);
    await env.PROBE.setClock(61_000);
    await env.PROBE.runCron();
    expect(await waitingOn('crm')).toBe(0);
    expect(await forwardedEvents('crm')).toHaveLength(10 + 100);
  });

  it('spares a queue that is overloaded, and goes on with it', async () => {
    await leaveBehind(400);
    await inject({ events: { kind: 'overloaded', after: 1, times: 3 } });
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
    expect(await countRows('refused')).toBe(0);
    expect((await forwardedEvents()).length).toBeLessThanOrEqual(400);
  });
});

describe('where nothing is to be done', () => {
  it('the sweep takes one statement that reads two rows a route, and writes nothing', async () => {
    await addFurtherRoutes({ crm: {}, desk: {} });
    await leaveBehind(1_000);
    await env.DB.prepare('UPDATE routes SET position = (SELECT max(seq) FROM events)').run();
    await env.PROBE.runCron();
    const before = (await seen()).statements.length;
    await env.PROBE.runCron();
    const { statements } = await seen();
    const ofSweep = statements.slice(before).filter(({ sql }) => /routes|forwarded/.test(sql));
    const [behind, ...others] = ofSweep.filter(({ sql }) => !/counted|replays/.test(sql));
    expect(behind?.rowsRead).toBeLessThanOrEqual(10);
    expect(others.map(({ sql, rowsWritten }) => [sql, rowsWritten])).toEqual([]);
  });
});
