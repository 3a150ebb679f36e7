// Replays of many events, interrupted in every way while webhooks come in.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Binding, Fault } from '../receiver/worker.ts';
import { counted } from '../store/full-count.ts';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  api,
  ask,
  delivered,
  forwardedEvents,
  idle,
  inject,
  onlyOne,
  reset,
  seen,
  uniqueResponse,
} from '../webhooks.ts';

const MINUTE_MS = 60_000;
const MANY = 100_000;
const MAX_REQUEST_MS = 5_000;

beforeEach(async () => {
  minutes = 0;
  await reset();
});
afterEach(async () => inject({}));

async function storeRecent(count: number): Promise<void> {
  await storeEvents({ count, firstSeq: (Date.now() - 10 * MINUTE_MS) * 1000 });
}

async function countedEvents(idPrefix = '') {
  return env.PROBE.counted(idPrefix) as unknown as Promise<
    { replay: string; events: number; messages: number }[]
  >;
}

async function replayAll(): Promise<string> {
  const { status, answer } = await api('POST', '/api/replay', { all: true });
  expect(status).toBe(202);
  return onlyOne(answer.data).id;
}

let minutes = 0;
/** Goes to a time at which the claim of a run that died has ended. */
async function passMinutes(): Promise<void> {
  minutes += 2;
  await env.PROBE.setClock(minutes * MINUTE_MS);
}

async function runCron(): Promise<void> {
  await passMinutes();
  await env.PROBE.runCron();
}

async function stateOf(id: string) {
  return (await ask(`/api/replay/${id}`)).answer;
}

describe(`a replay of ${MANY} events`, () => {
  it('is sent by at most three runs of the cron', async () => {
    await env.PROBE.onlyCount();
    await storeRecent(MANY);
    const id = await replayAll();
    await idle();
    for (let run = 0; run < 3; run++) await runCron();
    expect(await stateOf(id)).toMatchObject({ state: 'done', progress: 1, sent: MANY });
    expect(await countedEvents()).toEqual([{ replay: id, events: MANY, messages: MANY }]);
  }, 120_000);

  it('goes on to its end, interrupted or not, and holds up neither webhooks nor requests', async () => {
    await env.PROBE.onlyCount();
    await storeRecent(MANY);
    let slowestMs = 0;
    const timed = async <T>(request: Promise<T>): Promise<T> => {
      const startedAtMs = Date.now();
      const answer = await request;
      slowestMs = Math.max(slowestMs, Date.now() - startedAtMs);
      return answer;
    };
    const id = await timed(replayAll());

    const arrived: string[] = [];
    const progress: number[] = [];
    const disturbances: (Partial<Record<Binding, Fault>> | 'restart')[] = [
      { d1: { kind: 'reject', on: 'UPDATE replays SET next_seq', after: 1 } },
      { d1: { kind: 'lost-answer', on: 'UPDATE replays SET next_seq', after: 2, times: 1 } },
      'restart',
      { d1: { kind: 'reject', on: 'is_match', after: 1, times: 1 } },
      { events: { kind: 'reject', after: 20, times: 12 } },
      { events: { kind: 'overloaded', after: 50, times: 2 } },
    ];
    let job = await timed(stateOf(id));
    for (let run = 0; job.state === 'running'; run++) {
      expect(run).toBeLessThan(40);
      const disturbance = disturbances[run];
      if (disturbance === 'restart') await env.PROBE.restart();
      else await inject(disturbance ?? {});
      await passMinutes();
      const running = env.PROBE.runCron();
      for (let n = 0; n < 3; n++) {
        const body = uniqueResponse(20, 'meanwhile-');
        const { status, answer } = await timed(delivered(body));
        expect([status, answer.outcome]).toEqual([200, 'stored']);
        arrived.push(answer.id);
        progress.push((await timed(stateOf(id))).progress);
      }
      await running;
      await inject({});
      job = await timed(stateOf(id));
    }
    await runCron(); // what met a fault on its way

    expect(job).toMatchObject({ state: 'done', progress: 1, sent: MANY });
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(slowestMs).toBeLessThan(MAX_REQUEST_MS);
    const replayed = (await countedEvents('m')).find(({ replay }) => replay === id);
    expect(replayed?.events).toBe(MANY);
    expect(replayed?.messages).toBeGreaterThan(MANY); // where a page was not noted as sent
    expect(replayed?.messages).toBeLessThan(MANY * 1.15);
    const [meanwhile, ...others] = await countedEvents('message-meanwhile');
    expect([meanwhile?.replay, meanwhile?.events, others]).toEqual(['0', arrived.length, []]);
    expect((await counted())['shop replayed:events']).toBe(MANY);
  }, 240_000);
});

describe('while the queue is down', () => {
  it('a replay waits, and goes on once the queue is back', async () => {
    await storeRecent(5_000);
    await inject({ events: { kind: 'reject' } });
    const id = await replayAll();
    for (let run = 0; run < 3; run++) await runCron();
    expect(await stateOf(id)).toMatchObject({ state: 'running', sent: 0, progress: 0 });

    await inject({});
    await runCron();
    expect(await stateOf(id)).toMatchObject({ state: 'done', sent: 5_000 });
  });
});

describe('two runs at once', () => {
  it('send nothing twice', async () => {
    await env.PROBE.onlyCount();
    await storeRecent(5_000);
    const id = await replayAll();
    await Promise.all([env.PROBE.runCron(), env.PROBE.runCron(), env.PROBE.runCron()]);
    await runCron();
    expect((await stateOf(id)).state).toBe('done');
    expect(await countedEvents()).toEqual([{ replay: id, events: 5_000, messages: 5_000 }]);
  });
});

describe('replays to several routes', () => {
  it('go on each by itself, and send what their route wants', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] }, desk: {} });
    await storeRecent(1_000);
    await forwardAllBut('false', 'crm');
    await forwardAllBut('false', 'desk');
    await inject({ desk: { kind: 'reject' } });
    const { answer } = await api('POST', '/api/replay', { all: true });
    expect(answer.data.map(({ route }) => route).toSorted()).toEqual(['crm', 'desk', 'events']);
    await idle();
    await runCron();
    const states = await Promise.all(answer.data.map(async ({ id }) => stateOf(id)));
    expect(new Map(states.map(({ route, state, sent }) => [route, `${state} ${sent}`]))).toEqual(
      new Map([
        ['crm', 'done 100'],
        ['desk', 'running 0'],
        ['events', 'done 1000'],
      ]),
    );
    const sent = await forwardedEvents('crm');
    expect(sent).toHaveLength(100);
    const ofCrm = answer.data.find(({ route }) => route === 'crm')?.id;
    expect(new Set(sent.map(({ replay, type }) => `${replay} ${type.split('.').at(-1)}`))).toEqual(
      new Set([`${ofCrm} response`]),
    );
  });

  it('wait while their route is paused', async () => {
    await addFurtherRoutes({ crm: {} });
    await storeRecent(100);
    await forwardAllBut('false', 'crm');
    await env.DB.prepare("UPDATE routes SET state = 'paused' WHERE name = 'crm'").run();
    const { answer } = await api('POST', '/api/replay', { all: true, route: 'crm' });
    const { id } = onlyOne(answer.data);
    await idle();
    await runCron();
    expect(await forwardedEvents('crm')).toEqual([]);
    await env.DB.prepare("UPDATE routes SET state = 'active' WHERE name = 'crm'").run();
    await runCron();
    expect(await stateOf(id)).toMatchObject({ state: 'done', sent: 100 });
  });
});

describe('what a replay costs', () => {
  it('is one row written for each page, and none for an event', async () => {
    await storeRecent(4_000);
    await env.DB.prepare("INSERT INTO progress (task, seq, at) VALUES ('replays:events', 0, 9e15)").run(); // nobody else
    const id = await replayAll();
    await env.DB.prepare('DELETE FROM progress').run();
    const before = (await seen()).statements.length;
    await runCron();
    expect((await stateOf(id)).state).toBe('done');
    const statements = (await seen()).statements.slice(before);
    const pages = statements.filter(({ sql }) => sql.includes('UPDATE replays SET next_seq'));
    expect(pages.map(({ rowsWritten }) => rowsWritten)).toEqual([1, 1]);
    const written = statements
      .filter(({ sql }) => /repla/.test(sql))
      .reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    expect(written).toBeLessThanOrEqual(2 + 8); // the claim, the counts, the end
  });
});
