// Compressed bodies: decompressed within the limit of a body, and signed before or after compression.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { signatureHeaders } from '../signatures.ts';
import {
  api,
  compressed,
  countRows,
  deliver,
  delivered,
  eventually,
  forwardedEvents,
  idle,
  inject,
  onlyOne,
  register,
  reset,
  responseBody,
  responseOfBytes,
  responseText,
  seen,
  uniqueResponse,
} from '../webhooks.ts';

beforeEach(async () => reset());

const GZIP = { headers: { 'content-encoding': 'gzip' } };

async function storedPayloads(): Promise<string[]> {
  const { results } = await env.DB.prepare('SELECT payload FROM events ORDER BY seq').run<{
    payload: string;
  }>();
  return results.map(({ payload }) => payload);
}

describe('an encoded body', () => {
  it.each([
    ['gzip', 'gzip'],
    ['GZip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['Deflate', 'deflate-raw'],
  ] as const)(
    'said to be %s and packed by %s is stored and forwarded as it was before',
    async (encoding, format) => {
      const headers = { 'content-encoding': encoding };
      const answer = await delivered(await compressed(responseText, format), { headers });
      expect(answer).toMatchObject({ status: 200, answer: { outcome: 'stored' } });
      expect(await storedPayloads()).toEqual([responseText]);
      await idle();
      expect((await forwardedEvents()).map(({ data }) => data)).toEqual([JSON.parse(responseText)]);
      expect((await delivered(responseText)).answer.outcome).toBe('duplicate');
    },
  );

  it('of exactly 1 MiB unpacked is taken, and of a byte more answered 413', async () => {
    const full = responseOfBytes(1_048_576);
    expect((await deliver(await compressed(full), GZIP)).status).toBe(200);
    expect((await deliver(await compressed(`${full} `), GZIP)).status).toBe(413);
    expect((await storedPayloads())[0]?.length).toBe(full.length);
    expect(await countRows('rejections')).toBe(0);
  });

  it('that would unpack to 100 MB is answered 413, many at once too, and what comes then is taken', async () => {
    const bomb = await compressed(new Uint8Array(100_000_000));
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await deliver(bomb, GZIP)).status),
    );
    expect(statuses.filter((status) => status !== 413 && status !== 503)).toEqual([]);
    expect(statuses).toContain(413);
    expect((await deliver(await compressed(responseText), GZIP)).status).toBe(200);
  });

  it('is stored, also where many come at once', async () => {
    const bodies = await Promise.all(
      Array.from({ length: 50 }, async () => compressed(JSON.stringify(uniqueResponse()))),
    );
    const statuses = await Promise.all(bodies.map(async (body) => (await deliver(body, GZIP)).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(await countRows('events')).toBe(50);
  });

  it.each([
    ['no gzip', async () => new TextEncoder().encode(responseText), 'gzip'],
    ['cut off', async () => (await compressed(responseText)).slice(0, -4), 'gzip'],
    ['followed by something', async () => new Uint8Array([...(await compressed(responseText)), 0]), 'gzip'],
    ['gzip under another name', async () => compressed(responseText), 'deflate'],
  ])('that is %s is answered 400, and its bytes are kept', async (_, bytesOf, encoding) => {
    const bytes = await bytesOf();
    const answer = await delivered(new Uint8Array(bytes), { headers: { 'content-encoding': encoding } });
    expect(answer).toEqual({
      status: 400,
      answer: {
        type: '/problems/badly-encoded',
        title: 'The body is not encoded as it says',
        status: 400,
        detail: 'The body is not encoded as its Content-Encoding says (RFC 9110, section 8.4).',
      },
    });
    const { answer: listed } = await api('GET', '/api/rejections');
    expect(listed.data).toMatchObject([{ reason: 'badly-encoded', bodyBytes: bytes.byteLength }]);
    const kept = await env.RECEIVER.fetch(
      `https://receiver.example/api/rejections/${onlyOne(listed.data).id}/body`,
      {
        headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` },
      },
    );
    expect(new Uint8Array(await kept.arrayBuffer())).toEqual(new Uint8Array(bytes));
  });

  it('that breaks the contract is kept as it was before it was packed', async () => {
    const text = JSON.stringify({ ...responseBody(), event: {} });
    expect((await deliver(await compressed(text), GZIP)).status).toBe(422);
    const { results } = await env.DB.prepare('SELECT body FROM rejections').run();
    expect(results).toEqual([{ body: text }]);
  });

  it.each(['br', 'zstd', 'gzip, gzip', 'gzip, deflate'])(
    'with the encoding %j is answered 415 with the encodings that are taken',
    async (encoding) => {
      const answer = await deliver(responseText, { headers: { 'content-encoding': encoding } });
      expect(answer.status).toBe(415);
      expect(answer.headers.get('accept-encoding')).toBe('gzip, deflate');
      expect(await answer.json()).toMatchObject({ type: '/problems/encoded-body' });
    },
  );

  it('is deferred unpacked while D1 fails, and stored later', async () => {
    await inject({ d1: { kind: 'reject', on: 'INTO events' } });
    const answer = await delivered(await compressed(responseText), GZIP);
    expect(answer).toMatchObject({ status: 200, answer: { outcome: 'deferred' } });
    await inject({});
    await eventually('it is stored', async () => (await countRows('events')) === 1);
    expect(await storedPayloads()).toEqual([responseText]);
  });
});

describe('the signature of an encoded body', () => {
  beforeEach(async () => register('shop', { requireSignature: true }));

  async function headersFor(signed: string | Uint8Array): Promise<Record<string, string>> {
    return { ...(await signatureHeaders(signed)), 'content-encoding': 'gzip' };
  }

  it('may be over the bytes as they came, or over what they hold', async () => {
    const bytes = await compressed(responseText);
    expect((await deliver(bytes, { headers: await headersFor(bytes) })).status).toBe(200);
    expect((await deliver(bytes, { headers: await headersFor(responseText) })).status).toBe(200);
    expect(await countRows('events')).toBe(1);
  });

  it('over anything else is refused, and nothing is kept', async () => {
    const bytes = await compressed(responseText);
    expect((await deliver(bytes, { headers: await headersFor(`${responseText} `) })).status).toBe(401);
    const broken = bytes.slice(0, -4);
    expect((await deliver(broken, { headers: await headersFor(responseText) })).status).toBe(401);
    expect((await countRows('events')) + (await countRows('rejections'))).toBe(0);
  });

  it('over broken bytes, as they came, lets them be kept', async () => {
    const broken = (await compressed(responseText)).slice(0, -4);
    expect((await deliver(broken, { headers: await headersFor(broken) })).status).toBe(400);
    expect(await countRows('rejections')).toBe(1);
  });

  it.each(['as they came', 'as they were'])(
    'over the bytes %s holds where it is checked later',
    async (which) => {
      await inject({ d1: { kind: 'reject' } });
      const bytes = await compressed(responseText);
      const headers = await headersFor(which === 'as they came' ? bytes : responseText);
      expect((await delivered(bytes, { headers })).answer).toMatchObject({ outcome: 'deferred' });
      await inject({});
      await eventually(
        'it is judged',
        async () => (await countRows('events')) + (await countRows('rejections')) > 0,
      );
      expect(await storedPayloads()).toEqual([responseText]);
      expect((await seen()).logged.join()).not.toContain('deferred webhook rejected');
    },
  );
});
