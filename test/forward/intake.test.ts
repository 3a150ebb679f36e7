import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { counted } from '../store/full-count.ts';
import {
  ask,
  countRows,
  deferredMessage,
  deliver,
  delivered,
  eventually,
  forwardedEvents,
  inject,
  reset,
  seen,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';

beforeEach(async () => reset());

describe('the intake consumer', () => {
  it('records and forwards a batch, with the times of arrival', async () => {
    const messages = Array.from({ length: 100 }, () => deferredMessage(uniqueResponse()));
    expect(await env.PROBE.consumeIntake(messages)).toEqual(Array(100).fill('ack'));

    expect(await countRows('events')).toBe(100);
    expect(await waitingOn()).toBe(0);
    const forwarded = await forwardedEvents();
    expect(forwarded).toHaveLength(100);
    expect(forwarded[0]?.receivedtime).toBe('2023-11-14T22:13:20.000Z');
    expect(await env.DB.prepare('SELECT sum(deferred) AS n FROM events').first('n')).toBe(100);
    const recording = (await seen()).statements.filter(({ sql }) => sql.includes('INSERT INTO events'));
    expect(recording).toHaveLength(1);
  });

  it('forwards an event once that comes several times in a batch, and counts it once', async () => {
    const body = uniqueResponse();
    expect(
      await env.PROBE.consumeIntake([deferredMessage(body), deferredMessage(body), deferredMessage(body)]),
    ).toEqual(Array(3).fill('ack'));
    expect(await forwardedEvents()).toHaveLength(1);
    await env.PROBE.runCron();
    expect((await counted())['shop forwarded:events']).toBe(1);
  });

  it('alone marks events as deferred, and the hot path does not', async () => {
    await delivered(uniqueResponse());
    expect(await env.DB.prepare('SELECT deferred FROM events').first('deferred')).toBe(0);
  });

  it('cuts a batch of large messages by bytes', async () => {
    const messages = Array.from({ length: 60 }, () => deferredMessage(uniqueResponse(100_000)));
    expect(await env.PROBE.consumeIntake(messages)).toEqual(Array(60).fill('ack'));

    const { statements } = await seen();
    expect(Math.max(...statements.flatMap(({ boundBytes }) => boundBytes))).toBeLessThanOrEqual(2_000_000);
    expect(await countRows('events')).toBe(60);
  });

  it('retries all while D1 is down, with delays that grow to a quarter of an hour', async () => {
    await inject({ d1: { kind: 'reject' } });
    const message = deferredMessage(uniqueResponse());

    expect(await env.PROBE.consumeIntake([message, message], 1)).toEqual(['retry 5', 'retry 5']);
    expect(await env.PROBE.consumeIntake([message], 4)).toEqual(['retry 40']);
    expect(await env.PROBE.consumeIntake([message], 60)).toEqual(['retry 900']);
  });

  it('records the others when D1 refuses a group because of one of them', async () => {
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO events', times: 2 } }); // the group, then its first
    const messages = Array.from({ length: 5 }, () => deferredMessage(uniqueResponse()));

    expect(await env.PROBE.consumeIntake(messages)).toEqual(['retry 5', 'ack', 'ack', 'ack', 'ack']);
    expect(await countRows('events')).toBe(4);
  });

  it.each([
    ['of an integration that is unknown', { integration: 'nobody' }, 'unauthorized'],
    ['of another generation', { generation: 2 }, 'unauthorized'],
    ['that breaks the contract', { payload: '{}' }, 'contract-broken'],
    ['that is no JSON', { payload: 'x' }, 'not-json'],
  ])('keeps a webhook %s as a rejection', async (_, changes, reason) => {
    const refused = deferredMessage(uniqueResponse(), changes);
    const messages = [refused, deferredMessage(uniqueResponse())];

    expect(await env.PROBE.consumeIntake(messages)).toEqual(['ack', 'ack']);
    expect(await countRows('events')).toBe(1);
    const { results } = await env.DB.prepare(
      'SELECT integration, generation, reason, body FROM rejections',
    ).run();
    const { integration, generation, payload: body } = refused;
    expect(results).toEqual([{ integration, generation, reason, body }]);
  });

  it('counts a rejection that comes twice out of the queue once, and its repeat by the sender as another', async () => {
    const message = deferredMessage({}, { requestId: 'first' });
    await env.PROBE.consumeIntake([message, message]);
    await env.PROBE.consumeIntake([message]);
    await env.PROBE.consumeIntake([{ ...message, requestId: 'second', receivedAtMs: 1_700_000_009_000 }]);

    const { results } = await env.DB.prepare(
      'SELECT deliveries, received_at, last_received_at FROM rejections',
    ).run();
    expect(results).toEqual([
      { deliveries: 2, received_at: 1_700_000_000_000, last_received_at: 1_700_000_009_000 },
    ]);
  });

  it('marks a rejection that was acknowledged, also where the same body had been refused, and for good', async () => {
    await deliver('{}');
    const marks = async () => (await ask('/api/rejections')).answer.data.map((one) => one.deferred);
    expect(await marks()).toEqual([false]);
    await env.PROBE.consumeIntake([deferredMessage({})]);
    expect(await marks()).toEqual([true]);
    await deliver('{}');
    expect(await marks()).toEqual([true]);
  });

  it('retries a rejection that D1 does not take', async () => {
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO rejections' } });
    expect(await env.PROBE.consumeIntake([deferredMessage({}), deferredMessage(uniqueResponse())])).toEqual([
      'retry 5',
      'ack',
    ]);
  });

  it('neither records nor drops a message that it cannot read', async () => {
    const messages = [
      deferredMessage({}, { payload: undefined, gzip: '!' }),
      'x',
      deferredMessage(uniqueResponse()),
    ];

    expect(await env.PROBE.consumeIntake(messages)).toEqual(['retry 5', 'retry 5', 'ack']);
    expect(await countRows('events')).toBe(1);
    expect(await countRows('rejections')).toBe(0);
  });

  it('leaves the events to the sweep when the queue rejects them', async () => {
    await inject({ events: { kind: 'reject' } });
    expect(await env.PROBE.consumeIntake([deferredMessage(uniqueResponse())])).toEqual(['ack']);
    expect(await waitingOn()).toBe(1);

    await inject({});
    await env.PROBE.setClock(60_000);
    await env.PROBE.runCron();
    expect(await waitingOn()).toBe(0);
    expect(await forwardedEvents()).toHaveLength(1);
  });
});

describe('a webhook too large for a queue message', () => {
  it('is deferred compressed, and comes back byte for byte', async () => {
    const body = uniqueResponse(900_000);
    await inject({ d1: { kind: 'reject' } });
    const { answer } = await delivered(body);
    expect(answer.outcome).toBe('deferred');

    await inject({});
    await eventually('it is stored', async () => (await countRows('events')) === 1);
    const payload = await env.DB.prepare('SELECT payload FROM events').first('payload');
    expect(payload).toBe(JSON.stringify(body));
  });

  it('even when compressed is answered 503', async () => {
    const noise = Array.from({ length: 16 }, () =>
      Buffer.from(crypto.getRandomValues(new Uint8Array(40_000))).toString('base64'),
    );
    const body = uniqueResponse();
    body.message.message = noise.join('');
    await inject({ d1: { kind: 'reject' } });

    expect((await delivered(body)).status).toBe(503);
  });
});
