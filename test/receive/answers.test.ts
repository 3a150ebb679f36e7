// What a sender is answered: every accepted way to send, and every failure.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import type { Problem } from '../answers.ts';
import {
  ADMIN_TOKEN,
  type Body,
  countRows,
  deliver,
  delivered,
  deliveredText,
  eventually,
  type Fields,
  FORGED_TOKEN,
  inject,
  ORIGIN,
  register,
  reset,
  responseBody,
  responseText,
  seen,
  statusBody,
  tokenOf,
  type WebhookAnswered,
} from '../webhooks.ts';

const BOM = '\ufeff';
const MAX_BODY_BYTES = 1_048_576;
const RESPONSE_ID = '5e178088a88ad9001b6e1914:i3i4321d:response';
const STORED = { id: RESPONSE_ID, outcome: 'stored' };
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const encoder = new TextEncoder();

beforeEach(async () => reset());

/** A request to the receiver. A body given as bytes goes out without a content type of its own. */
async function post(path: string, init: RequestInit = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, {
    method: 'POST',
    body: encoder.encode(responseText),
    ...init,
  });
}

async function addressOf(slug = 'shop', generation = 1): Promise<string> {
  return `/webhooks/${slug}/${await tokenOf(slug, generation)}`;
}

async function storedPayload(id: string): Promise<string | null> {
  return env.DB.prepare('SELECT payload FROM events WHERE id = ?1').bind(id).first<string>('payload');
}

/** The whole problem details of an answer, after what is the same for all was checked. */
async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('x-request-id')).toMatch(UUID);
  const details: Problem = await response.json();
  expect(details.status).toBe(response.status);
  return details;
}

describe('the documented senders', () => {
  it.each([
    ['cURL with --data-raw', responseText, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['Python requests with data=', responseText, {}],
    ['Node', JSON.stringify(JSON.parse(responseText)), { 'content-type': 'application/json' }],
    ['cURL, of a status', deliveredText, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['Python requests, of a status', deliveredText, {}],
    ['Node, of a status', deliveredText, { 'content-type': 'application/json' }],
  ])('are understood byte for byte: %s', async (_, text, headers) => {
    const response = await deliver(encoder.encode(text), { headers });
    const answer: WebhookAnswered = await response.json();

    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-request-id')).toMatch(UUID);
    const kind = text === deliveredText ? 'status:delivered' : 'response';
    expect(answer).toEqual({ id: `5e178088a88ad9001b6e1914:i3i4321d:${kind}`, outcome: 'stored' });
    expect(await storedPayload(answer.id)).toBe(text);
  });

  it.each([
    'text/plain;charset=UTF-8',
    'application/json; charset=utf-8',
    'multipart/form-data; boundary=x',
    'x',
  ])('may say any content type: %s', async (contentType) => {
    expect(await delivered(responseText, { headers: { 'content-type': contentType } })).toEqual({
      status: 200,
      answer: STORED,
    });
  });

  it('may begin with a byte order mark, which is kept', async () => {
    expect(await delivered(`${BOM}${responseText}`)).toEqual({ status: 200, answer: STORED });
    expect(await storedPayload(RESPONSE_ID)).toBe(`${BOM}${responseText}`);
  });

  it('may stream a body whose length nobody knows', async () => {
    const { readable } = countedStream([encoder.encode(responseText)]);
    const response = await post(await addressOf(), { body: readable });
    expect(response.status).toBe(200);
    expect(await storedPayload(RESPONSE_ID)).toBe(responseText);
  });

  it('may send as much as 1 MiB', async () => {
    const text = responseText.padEnd(
      MAX_BODY_BYTES - encoder.encode(responseText).length + responseText.length,
    );
    const bytes = encoder.encode(text);
    expect(bytes.byteLength).toBe(MAX_BODY_BYTES);
    const { readable } = countedStream([bytes.subarray(0, 500_000), bytes.subarray(500_000)]);

    expect((await post(await addressOf(), { body: readable })).status).toBe(200);
    expect((await storedPayload(RESPONSE_ID)) === text).toBe(true);
    expect((await delivered(bytes)).answer).toEqual({ id: RESPONSE_ID, outcome: 'duplicate' });
  });

  it('may say that the body is not encoded', async () => {
    for (const encoding of ['identity', 'Identity']) {
      expect((await deliver(responseText, { headers: { 'content-encoding': encoding } })).status).toBe(200);
    }
  });
});

describe('an oddity of the platform', () => {
  const NULL_TEXTS = { link: 'null', id: 'null', caption: 'null', filename: 'null' };
  const LOCATION = { address: 'Rua XV', latitude: -25.43, longitude: -49.27, name: 'Loja' };

  it.each<[string, (message: Fields, body: Body) => void]>([
    ['the text "null" all over mediaData', (message) => (message.mediaData = NULL_TEXTS)],
    ['mediaData without anything', (message) => (message.mediaData = {})],
    ['no mediaData', (message) => delete message.mediaData],
    ['a link that is no URL', (message) => ((message.mediaData as Fields).link = 'doc.pdf')],
    ['a location', (message) => Object.assign(message, { mediaType: 'location', location: LOCATION })],
    ['no mediaType', (message) => delete message.mediaType],
    ['an unknown mediaType', (message) => (message.mediaType = 'sticker')],
    ['a contextId of free text', (message) => (message.contextId = 'atendente-123')],
    [
      'numbers without +',
      (message, { clientData }) => {
        Object.assign(message, { to: '5544999027914', from: '554188956674' });
        if (clientData) clientData.number = '5544999999999';
      },
    ],
    [
      'a failCode',
      (message) => Object.assign(message, { failCode: 470, failMessage: 'Re-engagement message' }),
    ],
    ['fields that nobody documented', (message, body) => (message.extra = body.extra = { a: [1] })],
    ['null for what may be missing', (message) => Object.assign(message, { contextId: null, message: null })],
  ])('is taken: %s', async (_, change) => {
    for (const body of [responseBody(), statusBody()]) {
      change(body.message, body);
      expect(await delivered(body)).toMatchObject({ status: 200, answer: { outcome: 'stored' } });
    }
  });

  it('can be a message that failed, which is taken', async () => {
    const body = statusBody((changed) => {
      changed.event.status = 'failed';
      Object.assign(changed.message, { failCode: 470, failMessage: 'Re-engagement message' });
    });
    expect(await delivered(body)).toEqual({
      status: 200,
      answer: { id: '5e178088a88ad9001b6e1914:i3i4321d:status:failed', outcome: 'stored' },
    });
  });
});

describe('the token', () => {
  it.each<[string, (token: string) => { path: string; authorization?: string }]>([
    ['in the URL', (token) => ({ path: `/webhooks/shop/${token}` })],
    ['in the URL, with a slash at its end', (token) => ({ path: `/webhooks/shop/${token}/` })],
    ['in the URL, with a query', (token) => ({ path: `/webhooks/shop/${token}?a=b` })],
    ['as Bearer', (token) => ({ path: '/webhooks/shop', authorization: `Bearer ${token}` })],
    ['as Bearer, with a slash', (token) => ({ path: '/webhooks/shop/', authorization: `bearer ${token}` })],
    [
      'as Basic password',
      (token) => ({ path: '/webhooks/shop', authorization: `Basic ${btoa(`platform:${token}`)}` }),
    ],
    [
      'in the URL, beside an Authorization header of something else',
      (token) => ({ path: `/webhooks/shop/${token}`, authorization: 'Bearer of-a-proxy' }),
    ],
  ])('is taken %s', async (_, present) => {
    const { path, authorization } = present(await tokenOf('shop'));
    const response = await post(path, { ...(authorization && { headers: { authorization } }) });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(STORED);
  });
});

describe('the answer 400', () => {
  it.each<[string, BodyInit | null, string]>([
    ['no body', null, 'The body is empty.'],
    ['an empty body', '', 'The body is empty.'],
    ['a byte order mark alone', BOM, 'The body cannot be parsed as JSON (RFC 8259).'],
    ['white space', ' \r\n', 'The body cannot be parsed as JSON (RFC 8259).'],
    ['a form', 'event=response&name=Maria', 'The body cannot be parsed as JSON (RFC 8259).'],
    ['JSON cut short', responseText.slice(0, -1), 'The body cannot be parsed as JSON (RFC 8259).'],
    ['JSON and more', `${responseText}{}`, 'The body cannot be parsed as JSON (RFC 8259).'],
  ])('is given for %s', async (_, body, detail) => {
    const response = await post(await addressOf(), { body });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toEqual({
      type: '/problems/not-json',
      title: 'The body is not JSON',
      status: 400,
      detail,
    });
  });

  it.each([
    ['Latin-1', Uint8Array.from(responseText, (letter) => letter.charCodeAt(0))],
    ['a sequence cut short', encoder.encode(`${responseText}é`).slice(0, -1)],
    ['UTF-16', new Uint8Array(Uint16Array.from(`${BOM}{}`, (letter) => letter.charCodeAt(0)).buffer)],
  ])('is given for a body that is not UTF-8: %s', async (_, body) => {
    const response = await post(await addressOf(), { body });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toEqual({
      type: '/problems/not-utf8',
      title: 'The body is not UTF-8',
      status: 400,
      detail: 'The body is not UTF-8 (RFC 8259, section 8.1).',
    });
  });
});

describe('the answer 401', () => {
  const UNAUTHORIZED = {
    type: '/problems/unauthorized',
    title: 'Not authorized',
    status: 401,
    detail: 'The address or its token is not valid. Check the registered URL.',
  };

  it.each<[string, () => Promise<{ path: string; authorization?: string }>]>([
    ['an unknown slug with its genuine token', async () => ({ path: await addressOf('nobody') })],
    ['an unknown slug without a token', async () => ({ path: '/webhooks/nobody' })],
    ['no token', async () => ({ path: '/webhooks/shop' })],
    ['no token and a slash', async () => ({ path: '/webhooks/shop/' })],
    ['a token in the query', async () => ({ path: `/webhooks/shop?token=${await tokenOf('shop')}` })],
    ['a token that is none', async () => ({ path: '/webhooks/shop/wrong' })],
    ['a forged token', async () => ({ path: `/webhooks/shop/${FORGED_TOKEN}` })],
    ['a token cut short', async () => ({ path: (await addressOf()).slice(0, -1) })],
    ['a token with a broken escape', async () => ({ path: '/webhooks/shop/%E0%A4%A' })],
    ['a token of another slug', async () => ({ path: `/webhooks/shop/${await tokenOf('mail')}` })],
    ['a disabled integration', async () => ({ path: await addressOf('off') })],
    ['the token before a rotation', async () => ({ path: await addressOf('rotated', 1) })],
    ['a token of a generation to come', async () => ({ path: await addressOf('shop', 2) })],
    ['the slug in other letters', async () => ({ path: `/webhooks/SHOP/${await tokenOf('shop')}` })],
    ['the admin token', async () => ({ path: '/webhooks/shop', authorization: `Bearer ${ADMIN_TOKEN}` })],
    ['a wrong Bearer token', async () => ({ path: '/webhooks/shop', authorization: 'Bearer wrong' })],
    [
      'a wrong Basic password',
      async () => ({ path: '/webhooks/shop', authorization: `Basic ${btoa('shop:wrong')}` }),
    ],
    [
      'the token as Basic user',
      async () => ({ path: '/webhooks/shop', authorization: `Basic ${btoa(`${await tokenOf('shop')}:x`)}` }),
    ],
    [
      'another scheme',
      async () => ({ path: '/webhooks/shop', authorization: `Token ${await tokenOf('shop')}` }),
    ],
    [
      'a wrong token in the URL beside the right one in the header',
      async () => ({ path: '/webhooks/shop/wrong', authorization: `Bearer ${await tokenOf('shop')}` }),
    ],
  ])('has one wording, also for %s', async (_, presented) => {
    await register('mail');
    await register('off', { enabled: 0 });
    await register('rotated', { generation: 2 });
    const { path, authorization } = await presented();
    const response = await post(path, { ...(authorization && { headers: { authorization } }) });

    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.clone().text()).toBe(JSON.stringify(UNAUTHORIZED));
    await problemOf(response);
    expect(await countRows('events')).toBe(0);
  });

  it('is given before anything of the body is read', async () => {
    const { readable, readBytes } = countedStream(endless());
    for (const init of [
      { body: 'no JSON' },
      { body: 'x', headers: { 'content-encoding': 'gzip' } },
      { body: readable },
    ]) {
      expect((await post('/webhooks/shop/wrong', init)).status).toBe(401);
    }
    expect(readBytes()).toBeLessThan(MAX_BODY_BYTES);
  });
});

describe('the answer 405', () => {
  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])('names the allowed methods to %s', async (method) => {
    for (const path of [
      '/webhooks/shop',
      '/webhooks/nobody/wrong',
      await addressOf(),
      `${await addressOf()}/`,
    ]) {
      const response = await env.RECEIVER.fetch(`${ORIGIN}${path}`, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
      expect(await problemOf(response)).toEqual({
        type: '/problems/method-not-allowed',
        title: 'Method not allowed',
        status: 405,
        detail: 'Webhooks are delivered with POST.',
      });
    }
  });
});

describe('the answer 413', () => {
  const TOO_LARGE = {
    type: '/problems/body-too-large',
    title: 'The body is too large',
    status: 413,
    detail: 'A webhook has at most 1048576 bytes.',
  };

  it('is given by the content length alone, without reading', async () => {
    const { readable, readBytes } = countedStream(endless());
    const response = await post(await addressOf(), {
      body: readable,
      headers: { 'content-length': String(MAX_BODY_BYTES + 1) },
    });
    expect(await problemOf(response)).toEqual(TOO_LARGE);
    expect(readBytes()).toBeLessThan(MAX_BODY_BYTES / 4); // what the pipe takes by itself
  });

  it('is given once a body of unknown length is too large, without reading the rest', async () => {
    const { readable, readBytes } = countedStream(endless());
    const response = await post(await addressOf(), { body: readable });
    expect(await problemOf(response)).toEqual(TOO_LARGE);
    expect(readBytes()).toBeGreaterThan(MAX_BODY_BYTES);
    expect(readBytes()).toBeLessThan(1.5 * MAX_BODY_BYTES);
    expect((await seen()).logged).toEqual([expect.stringContaining('"reason":"too-large"')]);
  });

  it.each(['of known length', 'of unknown length'])('is given for one byte too many, %s', async (length) => {
    const bytes = new Uint8Array(MAX_BODY_BYTES + 1).fill(0x20);
    bytes.set(encoder.encode(responseText));
    const body = length === 'of known length' ? bytes : countedStream([bytes]).readable;
    expect(await problemOf(await post(await addressOf(), { body }))).toEqual(TOO_LARGE);
    expect(await countRows('events')).toBe(0);
  });
});

/** Gives chunks as they are asked for, and counts their bytes. */
function countedStream(chunks: Iterable<Uint8Array>) {
  const iterator = chunks[Symbol.iterator]();
  let readBytes = 0;
  const readable = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { value, done } = iterator.next();
        if (done) return controller.close();
        readBytes += value.byteLength;
        controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
  return { readable, readBytes: () => readBytes };
}

/** 64 MiB, which is past every limit there is. */
function* endless(): Generator<Uint8Array> {
  for (let chunk = 0; chunk < 1024; chunk++) yield new Uint8Array(65_536).fill(0x20);
}

describe('the answer 415', () => {
  it.each(['br', 'zstd', 'BR', 'gzip, identity', 'x-unknown'])(
    'is given for the encoding %s',
    async (encoding) => {
      const response = await deliver(encoder.encode(responseText), {
        headers: { 'content-encoding': encoding },
      });
      expect(response.status).toBe(415);
      expect(await problemOf(response)).toEqual({
        type: '/problems/encoded-body',
        title: 'The encoding of the body is not taken',
        status: 415,
        detail: 'Send the body without Content-Encoding, or with gzip or deflate alone.',
      });
    },
  );
});

describe('the answer 422', () => {
  it('names the one problem', async () => {
    const response = await deliver(responseBody((body) => delete body.message.messageId));
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toEqual({
      type: '/problems/contract-broken',
      title: 'The webhook breaks the contract',
      status: 422,
      detail: 'The webhook has a problem; see errors.',
      errors: [{ path: 'message.messageId', code: 'required', params: {}, message: 'is required' }],
    });
  });

  it('names every problem, and quotes nothing of the body', async () => {
    const body = statusBody((changed) => {
      changed.event.messageId = '';
      changed.event.status = 'sent | delivered | read';
      changed.message.messageId = 'Maria 5544999999999'.repeat(100);
      changed.message.to = 'Maria 5544999999999';
      changed.message.updatedAt = 'Maria';
    });
    const response = await deliver(body);
    const text = await response.clone().text();
    const { errors, ...details } = await problemOf(response);

    expect(details).toEqual({
      type: '/problems/contract-broken',
      title: 'The webhook breaks the contract',
      status: 422,
      detail: 'The webhook has 3 problems; see errors.',
    });
    expect(errors).toHaveLength(3);
    expect(errors).toEqual(
      expect.arrayContaining([
        problemAt('event.messageId', 'empty'),
        problemAt('event.status', 'not-a-status', { known: ['sent', 'delivered', 'read', 'failed'] }),
        problemAt('message.messageId', 'too-long', { max: 256 }),
      ]),
    );
    expect(text).not.toMatch(/Maria|5544|\|/);
  });

  it.each([
    ['an unknown type', responseText.replace('"response"', '"reply"')],
    ['the documentation’s placeholder', deliveredText.replace('"delivered"', '"sent | delivered | read"')],
    ['a list of webhooks', `[${responseText}]`],
    ['null', 'null'],
    ['a text', '"Maria"'],
    ['no fields', '{}'],
  ])('is given for %s, of which nothing is stored', async (_, text) => {
    const response = await deliver(text);
    expect(response.status).toBe(422);
    expect((await problemOf(response)).errors).not.toEqual([]);
    expect(await countRows('events')).toBe(0);
  });
});

describe('the answer 503', () => {
  it.each([
    ['a warm isolate', async () => void (await deliver('{}'))],
    ['a cold isolate', async () => undefined],
  ])('has Retry-After when neither D1 nor the intake queue takes a webhook, on %s', async (_, prepare) => {
    await prepare();
    await inject({ d1: { kind: 'reject' }, intake: { kind: 'reject' } });
    const response = await deliver(responseText);

    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(await problemOf(response)).toEqual({
      type: '/problems/unavailable',
      title: 'Temporarily unavailable',
      status: 503,
      detail: 'The webhook could not be stored. Send it again.',
    });
    await inject({});
    expect(await countRows('events')).toBe(0);
    expect((await seen()).deferred).toEqual([]);

    await eventually('it is taken when sent again', async () => (await deliver(responseText)).status === 200);
  });
});
