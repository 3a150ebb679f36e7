// Webhooks that were acknowledged and never came out of the intake queue: kept, shown, counted, and put back.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { locationOf, textOf } from '../dashboard/page-text.ts';
import { signedIn } from '../dashboard/signed-in.ts';
import {
  ADMIN_TOKEN,
  api,
  ask,
  countRows,
  delivered,
  eventually,
  type Fields,
  idle,
  inject,
  ORIGIN,
  onlyOne,
  reset,
  seen,
  tokenOf,
  uniqueResponse,
} from '../webhooks.ts';

beforeEach(async () => reset());
afterEach(async () => inject({}));

/** What the intake queue gets while D1 is down, of a body. */
async function deferred(body: Uint8Array | string): Promise<unknown> {
  await inject({ d1: { kind: 'reject' } });
  const response = await env.RECEIVER.fetch(`${ORIGIN}/webhooks/shop/${await tokenOf('shop')}`, {
    method: 'POST',
    body,
  });
  await response.text();
  const message = (await seen()).deferred.at(-1);
  await env.PROBE.restart(); // what it consumes meanwhile it forgets
  await env.DB.batch(['events', 'rejections'].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  return message;
}

/** A message of the intake queue that holds a body. */
function plain(body: Fields, requestId = 'request'): Fields {
  return {
    integration: 'shop',
    generation: 1,
    requestId,
    receivedAtMs: Date.now(),
    payload: JSON.stringify(body),
  };
}

async function zipped(bytes: Uint8Array, requestId = 'request') {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('gzip'));
  const gzip = new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
  return { integration: 'shop', generation: 1, requestId, receivedAtMs: Date.now(), gzip };
}

async function keep(...messages: unknown[]): Promise<void> {
  expect(await env.PROBE.consumeIntakeDeadLetters(messages)).toEqual(messages.map(() => 'ack'));
}

async function only() {
  const { data } = (await ask('/api/dead-letters')).answer;
  expect(data).toHaveLength(1);
  return (await ask(`/api/dead-letters/${data[0]?.id}`)).answer;
}

async function redriveAll() {
  const { status, answer } = await api('POST', '/api/dead-letters/redrive', { kind: 'intake' });
  expect(status).toBe(200);
  return answer;
}

describe('a webhook that never came out of the intake queue', () => {
  it('is kept and shown with its integration and body', async () => {
    const message = plain(uniqueResponse());
    await keep(message);
    expect(await only()).toMatchObject({
      kind: 'intake',
      event: null,
      integration: 'shop',
      type: null,
      contact: null,
      reason: null,
      message,
    });
    const found = async (query: string) => (await ask(`/api/dead-letters?${query}`)).answer.data.length;
    expect([
      await found('kind=intake'),
      await found('kind=given-up'),
      await found('integration=shop'),
    ]).toEqual([1, 0, 1]);
  });

  it('shows in health and metrics until it is redriven', async () => {
    await env.PROBE.runCron();
    await keep(plain(uniqueResponse()));
    const { answer } = await ask('/api/health');
    expect(answer).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringContaining('Webhooks that were acknowledged could not be stored: 1.')],
      checks: { deadLetters: { status: 'degraded', messages: 1, unstored: 1, neverSent: 0 } },
    });
    const metrics = await env.RECEIVER.fetch(`${ORIGIN}/api/metrics`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(await metrics.text()).toContain('\ninstant_message_unstored_webhooks 1\n');

    await redriveAll();
    expect((await ask('/api/health')).answer.status).toBe('ok');
  });

  it('becomes an event once it is redriven, with its body as it came', async () => {
    const body = uniqueResponse();
    const message = plain(body);
    await keep(message);
    const letter = onlyOne((await ask('/api/dead-letters')).answer.data);
    const redriven = await api('POST', `/api/dead-letters/${letter.id}/redrive`);
    expect(redriven).toEqual({ status: 200, answer: { event: null, integration: 'shop' } });
    await eventually('it is stored', async () => (await countRows('events')) === 1);
    await idle();

    const event = await env.DB.prepare(
      'SELECT payload, received_at, request_id, deferred FROM events',
    ).first();
    expect(event).toEqual({
      payload: message.payload,
      received_at: message.receivedAtMs,
      request_id: 'request',
      deferred: 1,
    });
    expect(await countRows('dead_letters')).toBe(0);
    const { data } = (await ask('/api/audit?action=dead-letter.redrive')).answer;
    expect(data).toMatchObject([{ object: letter.id, detail: { kind: 'intake', integration: 'shop' } }]);
  });

  it('of a megabyte is unpacked to be read, and packed again to be sent', async () => {
    const body = uniqueResponse(900_000);
    const message = await deferred(JSON.stringify(body));
    expect(message).toHaveProperty('gzip');
    await inject({});
    await keep(message);
    expect(await only()).toHaveProperty('message.payload', JSON.stringify(body));

    await redriveAll();
    await eventually('it is stored', async () => (await countRows('events')) === 1);
    expect(await env.DB.prepare('SELECT payload FROM events').first('payload')).toBe(JSON.stringify(body));
  });

  it.each([
    ['that is no text', new Uint8Array([0x7b, 0xff, 0x00])],
    ['that is too long as JSON', new TextEncoder().encode('"'.repeat(1_000_000))],
  ])('%s is kept in base64, and comes back byte for byte', async (_, bytes) => {
    await keep(await zipped(bytes));
    expect(await only()).toHaveProperty('message.base64', bytes.toBase64());
    await redriveAll();
    await eventually('it is a rejection', async () => (await countRows('rejections')) === 1);
    const { body, body_encoding: encoding } = (await env.DB.prepare(
      'SELECT body, body_encoding FROM rejections',
    ).first()) as {
      body: string;
      body_encoding: string;
    };
    const came = encoding === 'base64' ? Uint8Array.fromBase64(body) : new TextEncoder().encode(body);
    expect(came.length).toBe(bytes.length);
    expect(came.toBase64()).toBe(bytes.toBase64());
  });

  it('is redriven with what its sender is still to be checked by', async () => {
    const sender = { address: '192.0.2.1', signature: null };
    await keep({ ...plain(uniqueResponse()), sender });
    await redriveAll();
    expect((await seen()).deferred).toMatchObject([{ sender }]);
  });

  it('stays when the intake queue does not take it', async () => {
    await keep(plain(uniqueResponse()));
    await inject({ intake: { kind: 'reject' } });
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).status).toBe(503);
    expect(await countRows('dead_letters')).toBe(1);
  });

  it('is retried for days while D1 is down, with delays that grow to an hour', async () => {
    await inject({ d1: { kind: 'reject' } });
    const message = plain(uniqueResponse());
    expect(await env.PROBE.consumeIntakeDeadLetters([message], 1)).toEqual(['retry 5']);
    expect(await env.PROBE.consumeIntakeDeadLetters([message], 60)).toEqual(['retry 3600']);
  });

  it('is never deleted to make room, unlike what consumers gave up on', async () => {
    await reset({ MAX_DATABASE_GB: '0.0001' }); // dead letters have a tenth of it
    await keep(...Array.from({ length: 10 }, (_, n) => plain(uniqueResponse(2_000), `request-${n}`)));
    await env.PROBE.consumeDeadLetters(
      Array.from({ length: 10 }, (_, n) => ({
        specversion: '1.0',
        id: `m${n}:e${n}:response`,
        source: '/webhooks/shop',
        type: 'digital.grupoboticario.instantmessage.response',
        data: 'x'.repeat(2_000),
      })),
    );
    await env.PROBE.runCron();
    const { results } = await env.DB.prepare(
      'SELECT kind, count(*) AS n FROM dead_letters GROUP BY 1 ORDER BY 1',
    ).run<{ kind: string; n: number }>();
    expect(results).toEqual([
      { kind: 'given-up', n: 3 },
      { kind: 'intake', n: 10 },
    ]);
  });

  it('is part of the export of the person in it, and of the erasure', async () => {
    const about = (number: string) => ({ note: number });
    await keep(
      await zipped(new TextEncoder().encode(JSON.stringify(about('+55 41 98895-6674'))), 'text'),
      await zipped(new Uint8Array([...new TextEncoder().encode('{"number":"5541988956674"'), 0xff]), 'bytes'),
      plain(about('+5541912345678'), 'other'),
    );
    const lines = await env.RECEIVER.fetch(`${ORIGIN}/api/contacts/%2B5541988956674/export`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect((await lines.text()).trim().split('\n')).toHaveLength(2);
    const { answer } = await api('DELETE', '/api/contacts/%2B5541988956674');
    expect(answer.erased).toMatchObject({ deadLetters: 2 });
    expect(await only()).toHaveProperty('message.requestId', 'other');
  });
});

describe('a batch out of the dead-letter queue of the intake', () => {
  it('keeps each message as the kind that it is', async () => {
    const event = {
      specversion: '1.0',
      id: 'm1:e1:response',
      source: '/webhooks/shop',
      type: 'digital.grupoboticario.instantmessage.response',
      contact: '+5541988956674',
    };
    await keep(event, plain(uniqueResponse()), 'none of ours');
    const { data } = (await ask('/api/dead-letters')).answer;
    expect(data.map(({ kind, event: id, integration }) => [kind, id, integration])).toEqual([
      ['given-up', null, null],
      ['intake', null, 'shop'],
      ['given-up', 'm1:e1:response', 'shop'],
    ]);
    const { answer } = await api('POST', '/api/dead-letters/redrive', { all: true });
    expect(answer).toEqual({ redriven: 2, skipped: 1, next: null });
    await eventually('the webhook is stored', async () => (await countRows('events')) === 1);
    expect((await seen()).batches.flat().map(({ id }) => id)).toContain('m1:e1:response');
  });

  it('keeps large webhooks whole', async () => {
    const bodies = Array.from({ length: 10 }, () => JSON.stringify(uniqueResponse(900_000)));
    await keep(
      ...(await Promise.all(
        bodies.map(async (body, n) => zipped(new TextEncoder().encode(body), `request-${n}`)),
      )),
    );
    const { results } = await env.DB.prepare(
      "SELECT body ->> 'payload' AS payload FROM dead_letters ORDER BY seq",
    ).run();
    expect(results.map(({ payload }) => payload)).toEqual(bodies);
  });
});

describe('the pages', () => {
  it.each([
    ['en', 'a webhook that was not stored', 'The webhook went back into the intake queue', 'it is lost'],
    ['pt', 'um webhook que não foi gravado', 'O webhook voltou à fila de entrada', 'está perdido'],
  ] as const)('say what befell it, and put it back (%s)', async (language, kind, redriven, lost) => {
    const operator = await signedIn(undefined, language);
    await keep(plain(uniqueResponse()));
    expect(textOf(await operator.page('/dead-letters?kind=intake'))).toContain(kind);
    const { id } = await only();
    expect(textOf(await operator.page(`/dead-letters/${id}`))).toContain(kind);
    expect(textOf(await operator.page(`/dead-letters/${id}/discard`))).toContain(lost);
    const location = locationOf(await operator.post(`/dead-letters/${id}/redrive`));
    expect(textOf(await operator.page(location))).toContain(redriven);
    await eventually('it is stored', async () => (await countRows('events')) === 1);
  });
});

describe('a webhook that D1 does not take for a day', () => {
  it('goes all the way: acknowledged, kept, redriven, stored', async () => {
    await inject({ d1: { kind: 'reject' } });
    const body = uniqueResponse();
    expect((await delivered(body)).answer.outcome).toBe('deferred');
    const [message] = (await seen()).deferred;
    await inject({});
    await idle();
    await keep(message); // as its queue would give it up
    await redriveAll();
    await idle();
    const { data } = (await ask('/api/events')).answer;
    expect(data).toMatchObject([{ deliveries: 1 }]); // the same delivery is counted once
  });
});
