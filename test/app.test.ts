import { createExecutionContext } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { newApp } from '../src/app.ts';
import { PROBLEMS } from '../src/http/problem-details.ts';
import worker from '../src/index.ts';
import { NotAnsweredInTime } from '../src/runtime/deadline.ts';
import { ADMIN_TOKEN, deliver, inject, ORIGIN, reset, responseText, seen } from './webhooks.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

beforeEach(async () => reset());

async function get(path: string, headers: HeadersInit = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, { headers });
}

const READ_TOKEN = 'read-token-of-all-the-tests';
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

/** An answer of each kind, with its status. */
const ANSWERS: [string, number, () => Promise<Response>][] = [
  ['a stored webhook', 200, async () => deliver(responseText)],
  ['a refused webhook', 422, async () => deliver('{}')],
  ['a forged webhook', 401, async () => env.RECEIVER.fetch(`${ORIGIN}/webhooks/shop/x`, { method: 'POST' })],
  ['a wrong token', 401, async () => get('/api/events')],
  ['a wrong method', 405, async () => env.RECEIVER.fetch(`${ORIGIN}/webhooks/shop`, { method: 'PUT' })],
  ['a page of events', 200, async () => get('/api/events', AS_ADMIN)],
  ['wrong parameters', 400, async () => get('/api/events?limit=0', AS_ADMIN)],
  ['a missing event', 404, async () => get('/api/events/shop/nothing', AS_ADMIN)],
  ['the integrations', 200, async () => get('/api/integrations', AS_ADMIN)],
  ['the audit trail', 200, async () => get('/api/audit', AS_ADMIN)],
  ['the health check', 200, async () => get('/healthz')],
  ['a schema', 200, async () => get('/schemas/event.json')],
  ['a problem type', 200, async () => get('/problems/not-json')],
  ['nothing', 404, async () => get('/nothing')],
];

describe('every answer', () => {
  it.each(ANSWERS)('has a request id of its own in its header: %s', async (_, status, request) => {
    const answers = [await request(), await request()];
    for (const answer of answers) {
      expect(answer.status).toBe(status);
      expect(answer.headers.get('x-request-id')).toMatch(UUID);
    }
    expect(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size).toBe(2);
  });

  it('does not take over an id that a client invents', async () => {
    const response = await get('/healthz', { 'x-request-id': 'invented' });
    expect(response.headers.get('x-request-id')).toMatch(UUID);
  });
});

describe('the headers of every answer', () => {
  const SECURITY = {
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };

  it.each(ANSWERS)('keep browsers from more than they should do with it: %s', async (_, status, request) => {
    const response = await request();
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject(SECURITY);
    expect([...response.headers.keys()].filter((name) => /^(x-powered-by|server)$/.test(name))).toEqual([]);
  });

  it.each(ANSWERS)('let nobody store it, but for the schemas: %s', async (_, status, request) => {
    const response = await request();
    expect(response.status).toBe(status);
    const isSchema = response.headers.get('content-type') === 'application/schema+json';
    expect(response.headers.get('cache-control')).toBe(isSchema ? 'public, max-age=3600' : 'no-store');
  });

  it('are those of an error, too', async () => {
    await inject({ d1: { kind: 'reject' } });
    const response = await get('/api/events', AS_ADMIN);
    expect(response.status).toBe(503);
    expect(Object.fromEntries(response.headers)).toMatchObject({ ...SECURITY, 'cache-control': 'no-store' });
  });

  it('are those of a payload for consumers, too', async () => {
    const { id } = (await (await deliver(responseText)).json()) as { id: string };
    const response = await env.PAYLOADS.fetch(`${ORIGIN}/api/events/shop/${encodeURIComponent(id)}/payload`);
    expect(await response.text()).toBe(responseText);
    expect(Object.fromEntries(response.headers)).toMatchObject({ ...SECURITY, 'cache-control': 'no-store' });
  });

  it('leave alone what a route sets itself', async () => {
    const app = newApp().get('/page', (c) => {
      c.header('content-security-policy', "default-src 'self'");
      c.header('cache-control', 'private');
      return c.text('page');
    });
    const { headers } = await app.request('/page');
    expect(headers.get('content-security-policy')).toBe("default-src 'self'");
    expect(headers.get('cache-control')).toBe('private');
    expect(headers.get('x-frame-options')).toBe('DENY');
  });
});

describe('pages of other origins', () => {
  const OPS = 'https://ops.example';
  const SETTINGS = { ALLOWED_ORIGINS: `${OPS}, http://localhost:3000`, READ_TOKEN };

  async function preflight(path: string, origin: string, method = 'GET'): Promise<Response> {
    return env.RECEIVER.fetch(`${ORIGIN}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type',
      },
    });
  }

  /** What an answer allows a page, by the names of the headers without their common beginning. */
  function allowedBy(response: Response): Record<string, string> {
    const prefix = 'access-control-';
    return Object.fromEntries(
      [...response.headers].flatMap(([name, value]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [],
      ),
    );
  }

  it.each([
    '/api/events',
    '/api/events/shop/x/payload',
    '/api/integrations',
    '/api/audit',
    '/schemas/event.json',
  ])('that are allowed may ask for %s, as a preflight tells without a token', async (path) => {
    await reset(SETTINGS);
    for (const origin of [OPS, 'http://localhost:3000']) {
      const response = await preflight(path, origin, 'PATCH');
      expect(response.status).toBe(204);
      expect(response.headers.get('vary')).toContain('Origin');
      expect(allowedBy(response)).toEqual({
        'allow-origin': origin,
        'allow-methods': 'GET,HEAD,POST,PATCH,DELETE',
        'allow-headers': 'authorization,content-type,last-event-id',
        'expose-headers': 'x-request-id',
        'max-age': '600',
      });
    }
  });

  it.each<[string, string, number, HeadersInit]>([
    ['an answer', '/api/events', 200, AS_ADMIN],
    ['a refusal', '/api/events', 401, {}],
    ['an error in parameters', '/api/events?limit=0', 400, AS_ADMIN],
    ['nothing', '/api/nothing', 404, AS_ADMIN],
    ['a schema', '/schemas/event.json', 200, {}],
  ])('that are allowed may read %s', async (_, path, status, headers) => {
    await reset(SETTINGS);
    const response = await get(path, { ...headers, origin: OPS });
    expect(response.status).toBe(status);
    expect(response.headers.get('vary')).toBe('Origin');
    expect(allowedBy(response)).toEqual({ 'allow-origin': OPS, 'expose-headers': 'x-request-id' });
  });

  it('that are allowed may change something with the admin token, and not with the read token', async () => {
    await reset(SETTINGS);
    const change = async (token: string) =>
      env.RECEIVER.fetch(`${ORIGIN}/api/nothing`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, origin: OPS, 'sec-fetch-site': 'cross-site' },
      });
    expect((await change(ADMIN_TOKEN)).status).toBe(404);
    const refused = await change(READ_TOKEN);
    expect(refused.status).toBe(403);
    expect(allowedBy(refused)).toMatchObject({ 'allow-origin': OPS });
  });

  it.each([
    'https://evil.example',
    'http://ops.example',
    'https://ops.example:8443',
    'https://ops.example.evil.example',
    'https://sub.ops.example',
    'HTTPS://OPS.EXAMPLE',
    'null',
    '*',
    '',
  ])('that are not allowed may read nothing: %j', async (origin) => {
    await reset(SETTINGS);
    for (const path of ['/api/events', '/schemas/event.json']) {
      expect(allowedBy(await preflight(path, origin))).not.toHaveProperty('allow-origin');
      expect(allowedBy(await get(path, { ...AS_ADMIN, origin }))).not.toHaveProperty('allow-origin');
    }
  });

  it.each(['/api/events', '/schemas/event.json', '/healthz', '/webhooks/shop'])(
    'may read nothing where none are allowed: %s',
    async (path) => {
      const asked = await preflight(path, OPS);
      expect(asked.status).not.toBe(204);
      expect(allowedBy(asked)).toEqual({});
      const response = await get(path, { ...AS_ADMIN, origin: OPS });
      expect(allowedBy(response)).toEqual({});
    },
  );

  it.each(['/webhooks/shop', '/webhooks/shop/token', '/healthz', '/problems/not-json', '/'])(
    'may read nothing but the API and the schemas: %s',
    async (path) => {
      await reset(SETTINGS);
      expect(allowedBy(await preflight(path, OPS, 'POST'))).toEqual({});
      expect(allowedBy(await get(path, { origin: OPS }))).toEqual({});
      const posted = await env.RECEIVER.fetch(`${ORIGIN}${path}`, {
        method: 'POST',
        headers: { origin: OPS },
      });
      expect(allowedBy(posted)).toEqual({});
    },
  );
});

describe('an error', () => {
  it.each(['/api/events', '/api/events/shop/x', '/api/integrations'])(
    'of the database is answered without a detail of it, and logged with the id of the answer: %s',
    async (path) => {
      await inject({ d1: { kind: 'reject' } });
      const response = await get(path, AS_ADMIN);

      expect(response.status).toBe(503);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(response.headers.get('retry-after')).toBe('10');
      expect(await response.json()).toEqual({
        type: '/problems/database-unavailable',
        title: 'The database does not answer',
        status: 503,
        detail:
          'Try again in a moment. What was to be changed may have been changed all the same: look first.',
      });
      const requestId = response.headers.get('x-request-id');
      expect(requestId).toMatch(UUID);
      expect((await seen()).logged.map((line) => JSON.parse(line))).toEqual([
        {
          level: 'error',
          what: 'request failed',
          requestId,
          error: 'DatabaseUnavailable: D1_ERROR: injected',
        },
      ]);
    },
  );

  it.each([
    ['of a queue that does not answer', new NotAnsweredInTime(10), 503, '/problems/unavailable', '10'],
    ['of any other kind', new Error('a phone number'), 500, '/problems/internal', null],
  ])('%s is answered without a detail of it', async (_, error, status, type, retryAfter) => {
    const logged = vi.spyOn(console, 'error').mockReturnValue();
    const response = await newApp()
      .get('/', () => {
        throw error;
      })
      .request('/');
    logged.mockRestore();
    expect([response.status, response.headers.get('retry-after')]).toEqual([status, retryAfter]);
    const answer = await response.text();
    expect(JSON.parse(answer)).toMatchObject({ type, status });
    expect(answer).not.toContain(error.message);
  });
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
    expect(response.headers.get('x-frame-options')).toBe('DENY');
    expect(response.headers.get('cache-control')).toBe('no-store');
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
