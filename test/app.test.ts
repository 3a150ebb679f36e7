import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import worker from '../src/index.ts';
import { PROBLEMS } from '../src/problem.ts';
import { ADMIN_TOKEN, deliver, inject, ORIGIN, reset, responseText, seen } from './webhooks.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

beforeEach(async () => reset());

async function get(path: string, headers: HeadersInit = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, { headers });
}

const AS_ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` };

describe('the health check', () => {
  it('answers without a token, whatever D1 does', async () => {
    await inject({ d1: { kind: 'reject' } });
    for (const path of ['/healthz', '/healthz/']) {
      const response = await get(path);
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ status: 'ok' });
    }
  });
});

describe('an address without anything', () => {
  it.each([
    ['/', {}],
    ['/webhooks', {}],
    ['/webhooks/shop/token/more', {}],
    ['/health', {}],
    ['/problems', {}],
    ['/api/nothing', AS_ADMIN],
    ['/api', AS_ADMIN],
    ['/api/events/shop', AS_ADMIN],
    ['/%E0%A4%A', {}],
  ])('is answered 404 with problem details: %s', async (path, headers) => {
    const response = await get(path, headers);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: '/problems/not-found',
      title: 'Not found',
      status: 404,
      detail: 'There is nothing at this address.',
    });
  });
});

describe('a problem type', () => {
  it.each(Object.entries(PROBLEMS))('is explained at its address: %s', async (code, { status, title }) => {
    const response = await get(`/problems/${code}`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ type: `/problems/${code}`, status, title });
  });

  it.each(['nothing', 'toString', '__proto__'])('that does not exist is not found: %s', async (code) => {
    const response = await get(`/problems/${code}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ type: '/problems/not-found' });
  });
});

describe('every answer', () => {
  it.each<[string, number, () => Promise<Response>]>([
    ['a stored webhook', 200, async () => deliver(responseText)],
    ['a refused webhook', 422, async () => deliver('{}')],
    ['a wrong token', 401, async () => get('/api/events')],
    ['a wrong method', 405, async () => get('/webhooks/shop')],
    ['a page of events', 200, async () => get('/api/events', AS_ADMIN)],
    ['wrong parameters', 400, async () => get('/api/events?limit=0', AS_ADMIN)],
    ['a missing event', 404, async () => get('/api/events/shop/nothing', AS_ADMIN)],
    ['the integrations', 200, async () => get('/api/integrations', AS_ADMIN)],
    ['the health check', 200, async () => get('/healthz')],
    ['a problem type', 200, async () => get('/problems/not-json')],
    ['nothing', 404, async () => get('/')],
  ])('has a request id of its own in its header: %s', async (_, status, request) => {
    const answers = [await request(), await request()];
    for (const answer of answers) {
      expect(answer.status).toBe(status);
      expect(answer.headers.get('x-request-id')).toMatch(UUID);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    }
    expect(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size).toBe(2);
  });

  it('does not take over an id that a client invents', async () => {
    const response = await get('/healthz', { 'x-request-id': 'invented' });
    expect(response.headers.get('x-request-id')).toMatch(UUID);
  });
});

describe("the operators' API", () => {
  const PATHS = [
    '/api/events',
    '/api/events/shop/x',
    '/api/integrations',
    '/api/integrations/shop',
    '/api/x',
  ];

  it.each<[string, HeadersInit]>([
    ['no token', {}],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['a token cut short', { authorization: AS_ADMIN.authorization.slice(0, -1) }],
    ['a token and more', { authorization: `${AS_ADMIN.authorization}x` }],
    ['a token twice', { authorization: `${AS_ADMIN.authorization} ${ADMIN_TOKEN}` }],
    ['the token without its scheme', { authorization: ADMIN_TOKEN }],
    ['another scheme', { authorization: `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}` }],
  ])('is closed to %s', async (_, headers) => {
    for (const path of [...PATHS, `/api/events?token=${ADMIN_TOKEN}`]) {
      const response = await get(path, headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect(await response.json()).toEqual({
        type: '/problems/unauthorized',
        title: 'Not authorized',
        status: 401,
        detail: 'Send the admin token as `Authorization: Bearer <token>`.',
      });
    }
  });

  it('is open to the admin token, its scheme in any case, and never cached', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const response = await get('/api/events', { authorization: `${scheme} ${ADMIN_TOKEN}` });
      expect(response.status).toBe(200);
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });
});

describe('an internal error', () => {
  it.each(['/api/events', '/api/events/shop/x', '/api/integrations'])(
    'is answered without a detail of it, and logged with the id of the answer: %s',
    async (path) => {
      await inject({ d1: { kind: 'reject' } });
      const response = await get(path, AS_ADMIN);

      expect(response.status).toBe(500);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toEqual({
        type: '/problems/internal',
        title: 'Internal error',
        status: 500,
        detail: 'The request failed. Its id is in the x-request-id header.',
      });
      const requestId = response.headers.get('x-request-id');
      expect(requestId).toMatch(UUID);
      expect((await seen()).logged.map((line) => JSON.parse(line))).toEqual([
        { level: 'error', what: 'request failed', requestId, error: 'Error: D1_ERROR: injected' },
      ]);
    },
  );
});

describe('a receiver without its secrets', () => {
  it('answers every request that it is misconfigured, and says in its log how', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const unset = { ...env, WEBHOOK_SECRET: undefined, ADMIN_TOKEN: 'short' } as unknown as Env;
    const request = new Request<unknown, IncomingRequestCfProperties>(`${ORIGIN}/healthz`);
    const response = await worker.fetch(request, unset, createExecutionContext());

    expect(response.status).toBe(503);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('retry-after')).toBe('60');
    expect(response.headers.get('x-request-id')).toMatch(UUID);
    expect(await response.json()).toEqual({
      type: '/problems/unavailable',
      title: 'Temporarily unavailable',
      status: 503,
      detail: 'The receiver is misconfigured; its log says how.',
    });
    const lines = logged.mock.calls.map(([line]) => JSON.parse(line));
    vi.restoreAllMocks();
    expect(lines).toEqual([
      {
        level: 'error',
        what: 'misconfigured',
        requestId: response.headers.get('x-request-id'),
        problem:
          'WEBHOOK_SECRET is not set: `npx wrangler secret put` sets it, `npm start` writes a local one; ' +
          'ADMIN_TOKEN must have at least 24 characters',
      },
    ]);
  });
});
