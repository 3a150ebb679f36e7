// Replays of many events, interrupted in every way while webhooks come in.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_PUT_BACK, MAX_WAITING } from '../../src/store/replay-steps.ts';
import type { Fault } from '../receiver/worker.ts';
import { counted } from '../store/full-count.ts';
import { storeEvents } from '../store/stored-events.ts';
import { api, ask, countRows, delivered, inject, reset, seen, uniqueResponse } from '../webhooks.ts';

const MINUTE_MS = 60_000;
const MANY = 100_000;
const MAX_REQUEST_MS = 5_000;

beforeEach(async () => {
  minutes = 0;
  await reset();
  await env.PROBE.onlyCount();
});
afterEach(async () => inject({}));

async function storeRecent(count: number): Promise<void> {
  await storeEvents({ count, firstSeq: (Date.now() - 10 * MINUTE_MS) * 1000 });
}

async function countedEvents(idPrefix = '') {
  return env.PROBE.counted(idPrefix) as unknown as Promise<
    { replay: number; events: number; messages: number }[]
  >;
}

async function replayAll(): Promise<string> {
  const { status, answer } = await api('POST', '/api/replay', { all: true });
  expect(status).toBe(202);
  return answer.id;
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
  it('goes on to its end, interrupted or not, and holds up neither webhooks nor requests', async () => {
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
    const disturbances: (Partial<Record<'d1' | 'events', Fault>> | 'restart')[] = [
      { d1: { kind: 'reject', on: 'INSERT INTO replaying', after: 1 } },
      { d1: { kind: 'lost-answer', on: 'INSERT INTO replaying', after: 2, times: 1 } },
      'restart',
      { d1: { kind: 'lost-answer', on: 'DELETE FROM replaying', after: 3, times: 1 } },
      { d1: { kind: 'reject', on: 'DELETE FROM replaying', after: 3, times: 1 } },
      { events: { kind: 'reject', after: 20, times: 12 } },
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

    const failures = (await seen()).logged.filter((line) => line.includes('scheduled task failed'));
    expect(failures).toHaveLength(4);
    expect(job).toMatchObject({ state: 'done', progress: 1, putBack: MANY, forwarded: MANY, waiting: 0 });
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(slowestMs).toBeLessThan(MAX_REQUEST_MS);
    const times = await env.DB.prepare(
      "SELECT min(replays) AS least, max(replays) AS most FROM events WHERE id LIKE 'm%:e%' AND id NOT LIKE 'message%'",
    ).first();
    expect(times).toEqual({ least: 1, most: 1 });
    const replayed = (await countedEvents('m')).find(({ replay }) => replay === 1);
    expect(replayed?.events).toBe(MANY);
    expect(replayed?.messages).toBeGreaterThan(MANY); // where a confirmation failed
    expect(replayed?.messages).toBeLessThan(MANY * 1.05);
    const [meanwhile, ...others] = await countedEvents('message-meanwhile');
    expect([meanwhile?.replay, meanwhile?.events, others]).toEqual([0, arrived.length, []]);
    expect((await counted())['shop replayed']).toBe(MANY);
    expect(await countRows('replaying')).toBe(0);
  }, 240_000);
});

describe('while the queue is down', () => {
  it('no more is put back than may wait, and it goes on once the queue is back', async () => {
    await storeRecent(MAX_WAITING + 3 * MAX_PUT_BACK);
    await inject({ events: { kind: 'reject' } });
    const id = await replayAll();
    for (let run = 0; run < 8; run++) await runCron();
    expect(await countRows('replaying')).toBe(MAX_WAITING);
    expect(await stateOf(id)).toMatchObject({ state: 'running', forwarded: 0, waiting: MAX_WAITING });

    await inject({});
    await runCron();
    await runCron();
    expect(await stateOf(id)).toMatchObject({ state: 'done', forwarded: MAX_WAITING + 3 * MAX_PUT_BACK });
  });
});

describe('two runs at once', () => {
  it('forward nothing twice', async () => {
    await storeRecent(5_000);
    const id = await replayAll();
    await Promise.all([env.PROBE.runCron(), env.PROBE.runCron(), env.PROBE.runCron()]);
    await runCron();
    expect((await stateOf(id)).state).toBe('done');
    expect(await countedEvents()).toEqual([{ replay: 1, events: 5_000, messages: 5_000 }]);
  });
});

describe('what a replay costs', () => {
  it('is three rows written for each event, and a few for each chunk and group', async () => {
    await storeRecent(MAX_PUT_BACK);
    await env.DB.prepare("INSERT INTO progress (task, seq, at) VALUES ('replays', 0, 9e15)").run(); // nobody else
    const id = await replayAll();
    await env.DB.prepare("DELETE FROM progress WHERE task = 'replays'").run();
    const before = (await seen()).statements.length;
    await runCron();
    expect((await stateOf(id)).state).toBe('done');
    const ofReplay = (await seen()).statements.slice(before).filter(({ sql }) => /repla/.test(sql));
    const written = ofReplay.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    expect(written).toBeLessThan(3 * MAX_PUT_BACK + 60);
  });
});
