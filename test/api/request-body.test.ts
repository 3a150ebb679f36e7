// The JSON bodies of the API, by what takes one that must be there and what takes one that may be.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_API_BODY_BYTES } from '../../src/api/request-body.ts';
import { ADMIN_TOKEN, type Body, countRows, ORIGIN, reset } from '../webhooks.ts';

beforeEach(async () => reset());

async function send(path: string, contentType: string | null, body?: BodyInit): Promise<[number, Body]> {
  const request = new Request(`${ORIGIN}/api/integrations${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    ...(body !== undefined && { body }),
  });
  if (contentType === null) request.headers.delete('content-type');
  else request.headers.set('content-type', contentType);
  const response = await env.RECEIVER.fetch(request);
  return [response.status, await response.json()];
}

function problem(code: string, status: number, detail: string): [number, Body] {
  return [status, expect.objectContaining({ type: `/problems/${code}`, status, detail })];
}

const BODY = '{"slug":"mail"}';
const NO_JSON_TYPE = problem('not-json-type', 415, 'Send the body as `Content-Type: application/json`.');
const NO_JSON = problem('not-json', 400, 'The body cannot be parsed as JSON (RFC 8259).');
const TOO_LARGE = problem('body-too-large', 413, `A body has at most ${MAX_API_BODY_BYTES} bytes.`);

describe('a body', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
    'application/merge-patch+json',
    'application/vnd.example.v1+json; a=b',
  ])('is taken as %s', async (contentType) => {
    expect((await send('', contentType, BODY))[0]).toBe(201);
  });

  it.each([
    null,
    '',
    'text/plain',
    'text/plain;charset=UTF-8',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/jsonp',
    'application/jsonx; json',
    'application/xml+json2',
    'text/json',
  ])('is refused as %j', async (contentType) => {
    expect(await send('', contentType, BODY)).toEqual(NO_JSON_TYPE);
    expect(await send('/shop/rotate', contentType, '{}')).toEqual(NO_JSON_TYPE);
    expect(await countRows('audit')).toBe(0);
  });

  it('may begin with a byte order mark', async () => {
    expect((await send('', 'application/json', `\ufeff${BODY}`))[0]).toBe(201);
  });

  it.each(['{', '{"slug":"mail"', "{'slug':'mail'}", 'slug=mail', '{"slug":"mail"} x', ' ', '\u0000'])(
    'that is no JSON is refused: %j',
    async (body) => {
      expect(await send('', 'application/json', body)).toEqual(NO_JSON);
    },
  );

  it('that is no UTF-8 is refused', async () => {
    const body = new Uint8Array([...new TextEncoder().encode('{"slug":"mail'), 0xff, 0x22, 0x7d]);
    expect(await send('', 'application/json', body)).toEqual(
      problem('not-utf8', 400, 'JSON is exchanged in UTF-8 (RFC 8259, section 8.1).'),
    );
  });

  it.each([
    ['null', 'null'],
    ['[]', 'array'],
    ['"mail"', 'string'],
    ['7', 'number'],
    ['true', 'boolean'],
  ])('that is no object is refused: %s', async (body, received) => {
    const [status, answer] = await send('', 'application/json', body);
    expect(status).toBe(422);
    expect(answer.errors).toEqual([
      expect.objectContaining({ path: '', code: 'wrong-type', params: { expected: 'object', received } }),
    ]);
  });

  it('is refused beyond its limit, whether its length is told or not', async () => {
    const padded = (bytes: number) => BODY.padEnd(bytes, ' ');
    const streamed = (text: string) => new Blob([text]).stream();
    expect(await send('', 'application/json', padded(MAX_API_BODY_BYTES + 1))).toEqual(TOO_LARGE);
    expect(await send('', 'application/json', streamed(padded(MAX_API_BODY_BYTES + 1)))).toEqual(TOO_LARGE);
    expect(await countRows('audit')).toBe(0);
    expect((await send('', 'application/json', padded(MAX_API_BODY_BYTES)))[0]).toBe(201);
    const other = padded(MAX_API_BODY_BYTES).replace('mail', 'post');
    expect((await send('', 'application/json', streamed(other)))[0]).toBe(201);
  });
});

describe('no body', () => {
  it.each([undefined, ''])('is refused where one must be: %j', async (body) => {
    const empty = problem('not-json', 400, 'The body is empty.');
    expect(await send('', null, body)).toEqual(empty);
    expect(await send('', 'application/json', body)).toEqual(empty);
  });

  it.each([undefined, ''])('will do where one may be: %j', async (body) => {
    expect((await send('/shop/rotate', null, body))[0]).toBe(200);
    expect((await send('/shop/rotate', 'application/json', body))[0]).toBe(200);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain'])(
    'is refused from a form: %s',
    async (contentType) => {
      expect(await send('/shop/rotate', contentType, '')).toEqual(NO_JSON_TYPE);
      expect(await countRows('audit')).toBe(0);
    },
  );
});
