// Nothing acknowledged is lost, nothing stored stays unforwarded: whatever fails, and whenever.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { counted } from '../store/full-count.ts';
import {
  allForwarded,
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  FORGED_TOKEN,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  loggedWith,
  register,
  reset,
  seen,
  statementsWith,
  underWay,
  uniqueResponse,
  waitingOn,
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
  await allForwarded();
}

async function deliveriesOf(id: string): Promise<number | null> {
  return env.DB.prepare('SELECT deliveries FROM events WHERE id = ?1').bind(id).first<number>('deliveries');
}

/** Waits until each event is stored, and its forwarding confirmed; the intake queue needs no help for that. */
async function expectStoredAndForwarded(ids: string[]): Promise<void> {
  for (const id of ids) await eventually('it is stored', async () => (await deliveriesOf(id)) !== null);
  await allForwarded();
  const forwarded = (await forwardedEvents()).map((event) => event.id);
  expect(forwarded).toEqual(expect.arrayContaining(ids));
}

async function deliverMany(bodies: Body[]) {
  return Promise.all(bodies.map((body) => delivered(body)));
}

describe.each([
  ['a warm isolate', warmUp],
  ['a cold isolate', async () => undefined],
])('%s', (_, prepare) => {
  it('defers webhooks while D1 rejects, and stores and forwards them once it is back', async () => {
    await prepare();
    await inject({ d1: { kind: 'reject' } });
    const answers = await deliverMany(Array.from({ length: 20 }, () => uniqueResponse()));

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(answers.map(({ answer }) => answer.outcome)).toEqual(Array(20).fill('deferred'));
    await eventually('the intake consumer has failed, too', async () => (await seen()).retried > 0);
    await inject({});
    await expectStoredAndForwarded(answers.map(({ answer }) => answer.id));
    expect(await deliveriesOf(answers[0]?.answer.id ?? '')).toBe(1);
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

  it('answers 503 when neither D1 nor the intake queue takes a webhook', async () => {
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

    const outcomes = Object.groupBy(answers, ({ answer }) => answer.outcome ?? 'none');
    expect(new Set(Object.keys(outcomes))).toEqual(new Set(['stored', 'deferred']));
    await expectStoredAndForwarded(answers.map(({ answer }) => answer.id));
    for (const { answer } of answers) expect(await deliveriesOf(answer.id)).toBe(1);
  });
});

describe('a large webhook whose writing hangs', () => {
  it('holds up no small one', async () => {
    await warmUp();
    await inject({ d1: { kind: 'hang', on: 'INSERT INTO events', times: 1 } });
    const large = delivered(uniqueResponse(900_000));
    await heldBack();
    const small = await deliverMany(Array.from({ length: 20 }, () => uniqueResponse()));

    expect(small.map(({ answer }) => answer.outcome)).toEqual(Array(20).fill('stored'));
    expect((await large).answer.outcome).toBe('deferred');
  });

  it('holds up no small one where it is a rejection', async () => {
    await warmUp();
    await inject({ d1: { kind: 'hang', on: 'INSERT INTO rejections', times: 1 } });
    const large = deliver(`{"large":"${'x'.repeat(900_000)}"}`);
    await heldBack();
    const small = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => deliver(`{"small":${index}}`)),
    );

    expect(small.map(({ status }) => status)).toEqual(Array(5).fill(422));
    expect(await countRows('rejections')).toBe(5);
    expect((await seen()).deferred).toEqual([]);
    expect((await large).status).toBe(422);
    await inject({});
    await eventually('the large one is kept, too', async () => (await countRows('rejections')) === 6);
  });
});

describe('the queue that consumers read', () => {
  it('that rejects does not disturb the answer, and the sweep forwards later', async () => {
    await warmUp();
    await inject({ events: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse());

    expect(answer.outcome).toBe('stored');
    await eventually('forwarding failed', async () => (await loggedWith('forwarding failed')).length > 0);
    expect(await waitingOn()).toBe(1);
    await inject({});
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    await expectStoredAndForwarded([answer.id]);
  });

  it('that hangs while many large events come does not fill the memory: they are read again later', async () => {
    const readings = async () => (await statementsWith('CROSS JOIN json_each(?1) AS stretch')).length;
    await warmUp();
    await inject({ events: { kind: 'hang' } });
    for (let group = 0; group < 2; group++) {
      await deliverMany(Array.from({ length: 30 }, () => uniqueResponse(90_000)));
    }
    expect(await readings()).toBe(0);
    for (let group = 0; group < 3; group++) {
      const answers = await deliverMany(Array.from({ length: 30 }, () => uniqueResponse(90_000)));
      expect(new Set(answers.map(({ answer }) => answer.outcome))).toEqual(new Set(['stored']));
    }
    expect(await readings()).toBe(0);
    await inject({});
    await eventually('some are read again', async () => (await readings()) > 0);
    await env.PROBE.setClock(A_MINUTE_MS);
    await idle();
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
  });

  it('that hangs disturbs the answer of no webhook', async () => {
    await warmUp();
    await inject({ events: { kind: 'hang' } });
    const first = await delivered(uniqueResponse());
    const second = await delivered(uniqueResponse());

    expect([first.answer.outcome, second.answer.outcome]).toEqual(['stored', 'stored']);
    expect(await waitingOn()).toBe(2);
    await inject({});
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    await expectStoredAndForwarded([first.answer.id, second.answer.id]);
  });
});

describe('a Worker', () => {
  it('that dies between storing and forwarding leaves the event to the sweep', async () => {
    await warmUp();
    await inject({ events: { kind: 'hang' } });
    const { answer } = await delivered(uniqueResponse());
    await env.PROBE.restart();
    await inject({});

    await env.PROBE.runCron(); // too early: its request may still be at it
    expect(await waitingOn()).toBe(1);
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    await expectStoredAndForwarded([answer.id]);
  });

  it('that dies between sending and confirming forwards the event again under the same id', async () => {
    await warmUp();
    await inject({ d1: { kind: 'reject', on: 'UPDATE routes SET position' } });
    const { answer } = await delivered(uniqueResponse());
    await eventually('it was sent', async () => (await forwardedEvents()).some(({ id }) => id === answer.id));
    await inject({});
    expect(await waitingOn()).toBe(1);

    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
    const repeats = (await forwardedEvents()).filter(({ id }) => id === answer.id);
    expect(repeats).toHaveLength(2);
    expect(repeats[1]).toEqual(repeats[0]);
  });
});

describe('the intake consumer', () => {
  it('stores, counts and forwards a message once that it is given twice', async () => {
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

  it('counts the delivery of an event that was stored meanwhile, and does not forward it again', async () => {
    const body = uniqueResponse();
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(body);
    const [message] = (await seen()).deferred as Body[];
    await inject({});
    await expectStoredAndForwarded([answer.id]);

    await env.PROBE.consumeIntake([{ ...message, requestId: crypto.randomUUID() }]);
    expect(await deliveriesOf(answer.id)).toBe(2);
    expect((await forwardedEvents()).filter(({ id }) => id === answer.id)).toHaveLength(1);
  });
});

describe('a repeated delivery', () => {
  it('is counted once, however often it comes out of the intake queue, and so is the first', async () => {
    const body = uniqueResponse();
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(body);
    await inject({});
    await expectStoredAndForwarded([answer.id]);
    const [first] = (await seen()).deferred as Body[];
    const repeat = { ...first, requestId: crypto.randomUUID() };
    for (const message of [repeat, repeat, first, repeat, first]) await env.PROBE.consumeIntake([message]);

    expect(await deliveriesOf(answer.id)).toBe(2);
    expect((await counted())['shop duplicate']).toBe(1);
    expect((await forwardedEvents()).filter(({ id }) => id === answer.id)).toHaveLength(1);
  });

  it('is counted once also where others came together with it, and behind it', async () => {
    const body = uniqueResponse();
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(body);
    await inject({});
    await expectStoredAndForwarded([answer.id]);
    const [first] = (await seen()).deferred as Body[];
    const repeats = Array.from({ length: 18 }, () => ({ ...first, requestId: crypto.randomUUID() }));
    await env.PROBE.consumeIntake(repeats.slice(0, 9));
    await env.PROBE.consumeIntake(repeats.slice(5));
    for (const message of [first, ...repeats]) await env.PROBE.consumeIntake([message, first]);

    expect(await deliveriesOf(answer.id)).toBe(19);
  });

  it('is remembered by its id as far as there is room, and the first delivery always', async () => {
    const body = uniqueResponse();
    const { answer } = await delivered(body);
    for (let repeat = 0; repeat < 60; repeat++) await delivered(body);
    const { request_id: remembered } = (await env.DB.prepare('SELECT request_id FROM events').first()) as {
      request_id: string;
    };
    expect(await deliveriesOf(answer.id)).toBe(61);
    expect(remembered.length).toBeLessThanOrEqual(20 * 37);
    for (const id of remembered.split(' ')) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is counted once where D1 loses its answer, so that it takes the intake queue, too', async () => {
    await warmUp();
    const body = uniqueResponse();
    const { answer } = await delivered(body);
    await inject({ d1: { kind: 'lost-answer', on: 'INSERT INTO events', times: 1 } });
    expect((await delivered(body)).answer.outcome).toBe('deferred');
    await idle();

    expect(await deliveriesOf(answer.id)).toBe(2);
  });
});

describe('an answer of D1', () => {
  it.each(['late', 'late-answer'] as const)(
    'that comes after the event went to the intake queue leaves one row and one delivery (%s)',
    async (kind) => {
      await warmUp();
      await inject({ d1: { kind, on: 'INSERT INTO events', times: 1 } });
      const { answer } = await delivered(uniqueResponse());

      expect(answer.outcome).toBe('deferred');
      await expectStoredAndForwarded([answer.id]);
      await inject({}); // now the late one comes
      await idle();
      expect(await countRows('events')).toBe(2);
      expect(await deliveriesOf(answer.id)).toBe(1);
    },
  );

  it('that is lost is made good by the intake queue', async () => {
    await warmUp();
    await inject({ d1: { kind: 'lost-answer', on: 'INSERT INTO events', times: 1 } });
    const { answer } = await delivered(uniqueResponse());

    expect(answer.outcome).toBe('deferred');
    await expectStoredAndForwarded([answer.id]);
    expect(await deliveriesOf(answer.id)).toBe(1);
  });
});

describe('a client that goes away', () => {
  it('while it leads a group loses neither the events of the others nor its own', async () => {
    await warmUp();
    await idle();
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    const first = delivered(uniqueResponse());
    await heldBack(); // the first group is under way: what comes now waits for the next, in this order
    const leaving = new AbortController();
    const leadersBody = uniqueResponse();
    const leader = deliver(leadersBody, { signal: leaving.signal }).catch(() => 'gone');
    await underWay(2);
    const others = deliverMany([uniqueResponse(), uniqueResponse(), uniqueResponse()]);
    await underWay(5);
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    expect((await first).answer.outcome).toBe('stored');
    await heldBack(); // the second group is under way, led by the one that leaves
    leaving.abort();
    expect(await leader).toBe('gone');
    await inject({});

    expect((await others).map(({ answer }) => answer.outcome)).toEqual(['stored', 'stored', 'stored']);
    await allForwarded();
    expect((await delivered(leadersBody)).answer.outcome).toBe('duplicate');
  });

  it('before its turn to lead loses no event of the others', async () => {
    await warmUp();
    await idle();
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    const first = delivered(uniqueResponse());
    await heldBack();
    const leaving = new AbortController();
    const leader = deliver(uniqueResponse(), { signal: leaving.signal }).catch(() => 'gone');
    await underWay(2);
    const others = deliverMany([uniqueResponse(), uniqueResponse()]);
    await underWay(4);
    leaving.abort(); // while the first group is still under way
    expect(await leader).toBe('gone');
    await inject({});

    expect((await first).answer.outcome).toBe('stored');
    expect((await others).map(({ answer }) => answer.outcome)).toEqual(['stored', 'stored']);
    expect((await delivered(uniqueResponse())).answer.outcome).toBe('stored');
  });
});

describe('a registration that changed while D1 was down', () => {
  it.each<[string, () => Promise<unknown>, 'disabled' | 'old-token' | 'unknown-integration']>([
    ['disabled', async () => register('shop', { enabled: 0 }), 'disabled'],
    [
      'rotated with its old token revoked',
      async () => register('shop', { generation: 2, previous: [{ generation: 1, untilMs: 0 }] }),
      'old-token',
    ],
    [
      'deleted',
      async () => void (await env.DB.prepare('DELETE FROM integrations').run()),
      'unknown-integration',
    ],
  ])('(%s) does not let the deferred webhook in: it is kept as a rejection', async (_, change, code) => {
    await inject({ d1: { kind: 'reject' } });
    const body = uniqueResponse();
    const { answer } = await delivered(body);
    expect(answer.outcome).toBe('deferred');
    await change();
    await inject({});
    await eventually('it is kept', async () => (await countRows('rejections')) === 1);

    expect(await deliveriesOf(answer.id)).toBeNull();
    const kept = await env.DB.prepare('SELECT integration, reason, problems, body FROM rejections').first();
    expect(kept).toEqual({
      integration: 'shop',
      reason: 'unauthorized',
      problems: JSON.stringify([problemAt('', code)]),
      body: JSON.stringify(body),
    });
    expect((await forwardedEvents()).filter(({ id }) => id === answer.id)).toEqual([]);
  });

  it('(rotated, the old token still good when it came) lets it in', async () => {
    const nowMs = Date.now();
    await env.PROBE.stopClock(nowMs);
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse());
    await register('shop', { generation: 2, previous: [{ generation: 1, untilMs: nowMs + 1 }] });
    await env.PROBE.stopClock(nowMs + 1);
    await inject({});

    await expectStoredAndForwarded([answer.id]);
    expect(await countRows('rejections')).toBe(0);
  });
});

describe('what was checked on arrival', () => {
  it('is not asked for again when the webhook comes out of the intake queue', async () => {
    await register('shop', { allowedIps: ['192.0.2.7'] });
    const headers = { 'cf-connecting-ip': '192.0.2.7' };
    await delivered(uniqueResponse(), { headers });
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse(), { headers });
    expect(answer.outcome).toBe('deferred');
    expect((await seen()).deferred).toEqual([expect.not.objectContaining({ sender: expect.anything() })]);
    await inject({});

    await expectStoredAndForwarded([answer.id]);
  });
});

describe('a cold isolate while D1 fails from the first request on', () => {
  it('refuses what is forged, and keeps nothing of it', async () => {
    await inject({ d1: { kind: 'reject' } });
    for (const path of ['/webhooks/shop/wrong', `/webhooks/shop/${FORGED_TOKEN}`, '/webhooks/nobody/x']) {
      const response = await env.RECEIVER.fetch(`https://receiver.example${path}`, {
        method: 'POST',
        body: JSON.stringify(uniqueResponse()),
      });
      expect(response.status).toBe(401);
    }
    expect((await seen()).deferred).toEqual([]);
  });

  it('keeps bodies that break the contract, in the intake queue and then as rejections', async () => {
    await inject({ d1: { kind: 'reject' } });
    const notUtf8 = new Uint8Array([0x7b, 0xff, 0x00, 0x7d]);
    expect((await deliver(notUtf8)).status).toBe(400);
    expect((await deliver('{}')).status).toBe(422);
    expect((await seen()).deferred).toHaveLength(2);
    await inject({});
    await eventually('both are kept', async () => (await countRows('rejections')) === 2);

    const { results } = await env.DB.prepare(
      'SELECT reason, body, body_encoding FROM rejections ORDER BY reason',
    ).run();
    expect(results).toEqual([
      { reason: 'contract-broken', body: '{}', body_encoding: 'utf-8' },
      { reason: 'not-utf8', body: btoa('{\xff\0}'), body_encoding: 'base64' },
    ]);
  });

  it.each([
    ['of an address that is allowed', { allowedIps: ['192.0.2.0/24'] }, 'stored'],
    ['of an address that is not allowed', { allowedIps: ['198.51.100.1'] }, 'rejected'],
    ['without the signature that is asked for', { requireSignature: true }, 'rejected'],
    ['of another application than it is bound to', { appId: 'another-app' }, 'rejected'],
  ])('checks later what it cannot check now: a webhook %s', async (_, registered, outcome) => {
    await register('shop', registered);
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(uniqueResponse(), { headers: { 'cf-connecting-ip': '192.0.2.7' } });
    expect(answer.outcome).toBe('deferred');
    await inject({});
    await eventually('it has an outcome', async () => {
      return (await countRows('events')) + (await countRows('rejections')) === 1;
    });

    expect(await countRows(outcome === 'stored' ? 'events' : 'rejections')).toBe(1);
  });
});
