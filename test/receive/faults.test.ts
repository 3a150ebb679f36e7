// Nothing acknowledged is lost, nothing stored stays unforwarded: whatever fails, and whenever.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  forwardedEvents,
  inject,
  register,
  reset,
  seen,
  uniqueResponse,
} from '../webhooks.ts';

/** Past the grace that the sweep leaves to requests. */
const A_MINUTE_MS = 60_000;
/** What the product promises for an answer while D1 hangs. */
const MAX_ANSWER_MS = 3_000;

beforeEach(async () => reset());
afterEach(async () => inject({}));

/** Learns the registration, so that what follows meets a warm isolate. */
async function warmUp(): Promise<void> {
  await delivered(uniqueResponse());
  await eventually('the first event is forwarded', async () => (await countRows('outbox')) === 0);
}

async function deliveriesOf(id: string): Promise<number | null> {
  return env.DB.prepare('SELECT deliveries FROM events WHERE id = ?1').bind(id).first<number>('deliveries');
}

/** Waits until each event is stored, forwarded and out of the outbox; the intake queue needs no help for that. */
async function expectStoredAndForwarded(ids: string[]): Promise<void> {
  for (const id of ids) await eventually('it is stored', async () => (await deliveriesOf(id)) !== null);
  await eventually('all left the outbox', async () => (await countRows('outbox')) === 0);
  const forwarded = (await forwardedEvents()).map((event) => event.id);
  expect(forwarded).toEqual(expect.arrayContaining(ids));
}

async function deliverMany(bodies: Body[]) {
  return Promise.all(bodies.map((body) => delivered(body)));
}

describe.each([
  ['a warm isolate', warmUp],
  ['a cold isolate', async () => undefined],
])('on %s', (_, prepare) => {
  it('defers webhooks while D1 rejects, and stores and forwards them once it is back', async () => {
    await prepare();
    await inject({ d1: { kind: 'reject' } });
    const answers = await deliverMany(Array.from({ length: 20 }, () => uniqueResponse()));

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(answers.map(({ answer }) => answer.outcome)).toEqual(Array(20).fill('deferred'));
    await eventually('the intake consumer has failed, too', async () => (await seen()).retried > 0);
    await inject({});
    await expectStoredAndForwarded(answers.map(({ answer }) => answer.id));
    expect(await deliveriesOf(answers[0]?.answer.id)).toBe(1);
  });

  it('answers within 3 s while D1 hangs', async () => {
    await prepare();
    await inject({ d1: { kind: 'hang' } });
    const startedAtMs = Date.now();
    const answers = await deliverMany(Array.from({ length: 20 }, () => uniqueResponse()));
    const tookMs = Date.now() - startedAtMs;

    expect(answers.map(({ answer }) => answer.outcome)).toEqual(Array(20).fill('deferred'));
    expect(tookMs).toBeLessThan(MAX_ANSWER_MS);
    await inject({});
    await env.PROBE.consumeIntake((await seen()).deferred);
    await expectStoredAndForwarded(answers.map(({ answer }) => answer.id));
  });

  it('claims nothing when neither D1 nor the intake queue takes it', async () => {
    await prepare();
    await inject({ d1: { kind: 'reject' }, intake: { kind: 'reject' } });
    const before = await countRows('events');
    const response = await deliver(uniqueResponse());

    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await response.json()).toMatchObject({ type: '/problems/unavailable', status: 503 });
    await inject({});
    expect(await countRows('events')).toBe(before);
    expect((await seen()).deferred).toEqual([]);
  });
});

describe('one group of several', () => {
  it('is deferred when D1 fails for it, while those before and after are stored', async () => {
    await warmUp();
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO events', after: 1, times: 1 } });
    const answers = await deliverMany(Array.from({ length: 60 }, () => uniqueResponse(60_000)));

    const outcomes = Object.groupBy(answers, ({ answer }) => answer.outcome as string);
    expect(new Set(Object.keys(outcomes))).toEqual(new Set(['stored', 'deferred']));
    await expectStoredAndForwarded(answers.map(({ answer }) => answer.id));
    for (const { answer } of answers) expect(await deliveriesOf(answer.id)).toBe(1);
  });
});

describe('the queue that consumers read', () => {
  it('rejecting does not disturb the answer; the sweep forwards later', async () => {
    await warmUp();
    await inject({ events: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse());

    expect(answer.outcome).toBe('stored');
    await eventually('forwarding failed', async () =>
      (await seen()).logged.some((line) => line.includes('forwarding failed')),
    );
    expect(await countRows('outbox')).toBe(1);
    await inject({});
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    await expectStoredAndForwarded([answer.id]);
  });

  it('hanging does not disturb the answer of this or later webhooks', async () => {
    await warmUp();
    await inject({ events: { kind: 'hang' } });
    const first = await delivered(uniqueResponse());
    const second = await delivered(uniqueResponse());

    expect([first.answer.outcome, second.answer.outcome]).toEqual(['stored', 'stored']);
    expect(await countRows('outbox')).toBe(2);
    await inject({});
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    await expectStoredAndForwarded([first.answer.id, second.answer.id]);
  });
});

describe('the Worker', () => {
  it('dying between storing and forwarding leaves the event to the sweep', async () => {
    await warmUp();
    await inject({ events: { kind: 'hang' } });
    const { answer } = await delivered(uniqueResponse());
    await env.PROBE.restart();
    await inject({});

    await env.PROBE.runCron(); // too early: its request may still be at it
    expect(await countRows('outbox')).toBe(1);
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    await expectStoredAndForwarded([answer.id]);
  });

  it('dying between sending and confirming forwards the event a second time, under the same id', async () => {
    await warmUp();
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM outbox' } });
    const { answer } = await delivered(uniqueResponse());
    await eventually('it was sent', async () => (await forwardedEvents()).some(({ id }) => id === answer.id));
    await inject({});
    expect(await countRows('outbox')).toBe(1);

    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    expect(await countRows('outbox')).toBe(0);
    const repeats = (await forwardedEvents()).filter(({ id }) => id === answer.id);
    expect(repeats).toHaveLength(2);
    expect(repeats[1]).toEqual(repeats[0]);
  });
});

describe('the intake consumer', () => {
  it('given the same message twice stores, counts and forwards it once', async () => {
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse());
    const [message] = (await seen()).deferred;
    await inject({});
    await expectStoredAndForwarded([answer.id]);

    expect(await env.PROBE.consumeIntake([message])).toEqual(['ack']);
    expect(await env.PROBE.consumeIntake([message, message])).toEqual(['ack', 'ack']);
    expect(await deliveriesOf(answer.id)).toBe(1);
    expect((await forwardedEvents()).filter(({ id }) => id === answer.id)).toHaveLength(1);
  });

  it('given an event that was stored meanwhile counts the delivery and does not forward it again', async () => {
    const body = uniqueResponse();
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(body);
    const [message] = (await seen()).deferred as Body[];
    await inject({});
    await expectStoredAndForwarded([answer.id]);

    await env.PROBE.consumeIntake([{ ...message, requestId: 'another delivery' }]);
    expect(await deliveriesOf(answer.id)).toBe(2);
    expect((await forwardedEvents()).filter(({ id }) => id === answer.id)).toHaveLength(1);
  });
});

describe('an answer of D1 that comes late', () => {
  it.each(['late', 'late-answer'] as const)(
    'after the event went to the intake queue leaves one row and one delivery (%s)',
    async (kind) => {
      await warmUp();
      await inject({ d1: { kind, ms: 2_600, on: 'INSERT INTO events', times: 1 } });
      const { answer } = await delivered(uniqueResponse());

      expect(answer.outcome).toBe('deferred');
      await new Promise((resolve) => setTimeout(resolve, 1_500)); // the late one has come by now
      await expectStoredAndForwarded([answer.id]);
      expect(await deliveriesOf(answer.id)).toBe(1);
    },
  );

  it('or is lost is made good by the intake queue', async () => {
    await warmUp();
    await inject({ d1: { kind: 'lost-answer', on: 'INSERT INTO events', times: 1 } });
    const { answer } = await delivered(uniqueResponse());

    expect(answer.outcome).toBe('deferred');
    await expectStoredAndForwarded([answer.id]);
    expect(await deliveriesOf(answer.id)).toBe(1);
  });
});

describe('a client that goes away', () => {
  it('while it leads a group takes no other with it, and its own event is not lost either', async () => {
    await warmUp();
    await inject({ d1: { kind: 'late', ms: 400, on: 'INSERT INTO events' } });
    const first = delivered(uniqueResponse());
    await pause(100); // the first group is under way: what comes now waits for the next, in this order
    const leaving = new AbortController();
    const leadersBody = uniqueResponse();
    const leader = deliver(leadersBody, { signal: leaving.signal }).catch(() => 'gone');
    await pause(50);
    const others = deliverMany([uniqueResponse(), uniqueResponse(), uniqueResponse()]);
    await pause(450); // the second group is under way, led by the one that leaves
    leaving.abort();

    expect(await leader).toBe('gone');
    expect((await first).answer.outcome).toBe('stored');
    expect((await others).map(({ answer }) => answer.outcome)).toEqual(['stored', 'stored', 'stored']);
    await inject({});
    await eventually('all are forwarded', async () => (await countRows('outbox')) === 0);
    expect((await delivered(leadersBody)).answer.outcome).toBe('duplicate');
  });

  it('before its turn to lead came takes no other with it', async () => {
    await warmUp();
    await inject({ d1: { kind: 'late', ms: 500, on: 'INSERT INTO events' } });
    const first = delivered(uniqueResponse());
    await pause(100);
    const leaving = new AbortController();
    const leader = deliver(uniqueResponse(), { signal: leaving.signal }).catch(() => 'gone');
    await pause(50);
    const others = deliverMany([uniqueResponse(), uniqueResponse()]);
    await pause(100);
    leaving.abort(); // while the first group is still under way

    expect(await leader).toBe('gone');
    expect((await first).answer.outcome).toBe('stored');
    expect((await others).map(({ answer }) => answer.outcome)).toEqual(['stored', 'stored']);
    expect((await delivered(uniqueResponse())).answer.outcome).toBe('stored');
  });
});

describe('a registration that changed while D1 was down', () => {
  it('does not let the deferred webhook in: it is retried, and never recorded', async () => {
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse());
    const [message] = (await seen()).deferred;
    await register('shop', { enabled: 0 });
    await inject({});

    expect(await env.PROBE.consumeIntake([message])).toEqual(['retry 5']);
    expect(await deliveriesOf(answer.id)).toBeNull();
  });
});

async function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
