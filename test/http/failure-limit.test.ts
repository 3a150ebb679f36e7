import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { failureLimit } from '../../src/http/failure-limit.ts';
import { comeFrom, failToTheLimit, MAX_FAILURES } from '../failures.ts';
import { ADMIN_TOKEN, ORIGIN, reset, responseText, tokenOf } from '../webhooks.ts';

const API = '/api/events';
const WEBHOOK = '/webhooks/shop/1.forged';
const POST = { method: 'POST' };

beforeEach(async () => reset());

describe('too many failed authentications', () => {
  it.each([
    ['the API', API, {}],
    ['the webhooks', WEBHOOK, POST],
  ])('from one address are answered 429 in place of 401: %s', async (_, path, init) => {
    expect(await failToTheLimit('192.0.2.1', path, init)).toEqual(Array(MAX_FAILURES).fill(401));

    const response = await comeFrom('192.0.2.1', path, init);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('60');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: '/problems/too-many-failures',
      title: 'Too many failed attempts',
      status: 429,
      detail: 'Too many requests from your address had no valid token. Correct it, then wait a minute.',
    });
  });

  it.each([
    ['the API', API, {}],
    ['the webhooks', WEBHOOK, POST],
  ])('do not make another address wait: %s', async (_, path, init) => {
    await failToTheLimit('192.0.2.1', path, init);
    expect((await comeFrom('192.0.2.2', path, init)).status).toBe(401);
  });

  it('at the API do not count at the webhooks, and the other way round', async () => {
    await failToTheLimit('192.0.2.1', API);
    expect((await comeFrom('192.0.2.1', WEBHOOK, POST)).status).toBe(401);
    await failToTheLimit('192.0.2.2', WEBHOOK, POST);
    expect((await comeFrom('192.0.2.2', API)).status).toBe(401);
  });

  it('keep out nobody who has a valid token, from the same address', async () => {
    await failToTheLimit('192.0.2.1', API);
    await failToTheLimit('192.0.2.1', WEBHOOK, POST);

    const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };
    expect((await comeFrom('192.0.2.1', API, { headers: admin })).status).toBe(200);
    const delivered = await env.RECEIVER.fetch(`${ORIGIN}/webhooks/shop/${await tokenOf('shop')}`, {
      ...POST,
      headers: { 'cf-connecting-ip': '192.0.2.1' },
      body: responseText,
    });
    expect(delivered.status).toBe(200);
  });

  it('do not include requests that succeed, however many', async () => {
    const admin = { authorization: `Bearer ${ADMIN_TOKEN}` };
    for (let request = 0; request < 2 * MAX_FAILURES; request++) {
      expect((await comeFrom('192.0.2.1', API, { headers: admin })).status).toBe(200);
    }
    expect((await comeFrom('192.0.2.1', API)).status).toBe(401);
  });
});

describe('one address', () => {
  it.each([
    ['an IPv6 address and all of its /64', '2001:db8:0:1::1', '2001:db8:0:1:ffff:ffff:ffff:ffff'],
    ['an IPv6 address however it is written', '2001:DB8::1', '2001:0db8:0:0:0:0:0:1'],
    ['an IPv4 address mapped into IPv6', '192.0.2.1', '::ffff:192.0.2.1'],
    ['an IPv4 address mapped into IPv6, in hexadecimal', '192.0.2.1', '::ffff:c000:201'],
    ['whatever names no address', null, 'not an address'],
    ['whatever names half an address', '192.0.2', ''],
  ])('is %s', async (_, first, second) => {
    await failToTheLimit(first, API);
    expect((await comeFrom(second, API)).status).toBe(429);
  });

  it.each([
    ['the next /64', '2001:db8:0:1::1', '2001:db8:0:2::1'],
    ['the next IPv4 address, mapped into IPv6', '::ffff:192.0.2.1', '::ffff:192.0.2.2'],
    ['one that can be told, beside one that cannot', null, '192.0.2.1'],
  ])('is not %s', async (_, first, second) => {
    await failToTheLimit(first, API);
    expect((await comeFrom(second, API)).status).toBe(401);
  });
});

describe('a limiter', () => {
  const request = new Request(ORIGIN, { headers: { 'cf-connecting-ip': '2001:db8:0:1::1' } });
  const refusal = () => new Response('refused', { status: 401 });

  it('is given the address and nothing else', async () => {
    const limit = vi.fn(async () => ({ success: true }));
    await failureLimit({ limit })(request, refusal);
    expect(limit.mock.calls).toEqual([[{ key: '2001:db8:0:1::/64' }]]);
  });

  it('that fails leaves the refusal as it is, and is logged', async () => {
    const logged = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const limit = async () => {
      throw new Error('internal error; reference = 1');
    };
    const response = await failureLimit({ limit })(request, refusal);
    const lines = logged.mock.calls.map(([line]) => JSON.parse(line));
    vi.restoreAllMocks();

    expect(response.status).toBe(401);
    expect(lines).toEqual([
      {
        level: 'warn',
        what: 'failed authentication not counted',
        error: 'Error: internal error; reference = 1',
      },
    ]);
  });
});
