// What operators are told while D1 fails, whatever they ask for: by every GET of the API that the OpenAPI document has, and
// by the dashboard's pages.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { servedOperations } from '../../src/api/serve.ts';
import { type AppDeps, createApp } from '../../src/app.ts';
import { boundedDatabase } from '../../src/runtime/bounded-bindings.ts';
import { webhookTokens } from '../../src/sender/webhook-token.ts';
import { signedIn } from '../dashboard/signed-in.ts';
import { ADMIN_TOKEN, api, inject, ORIGIN, reset } from '../webhooks.ts';

const HANGS = new Promise<never>(() => undefined);
const DEADLINE_MS = 20;

beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue());
afterEach(() => void vi.restoreAllMocks());

/** The API over a database whose every call does this. */
function apiOver(call: () => Promise<never>) {
  const statement = { bind: () => statement, first: call, run: call };
  const db = { prepare: () => statement, batch: call } as unknown as D1Database;
  const queue = { metrics: async () => ({ backlogCount: 0, backlogBytes: 0 }) };
  return createApp({
    db: boundedDatabase(db, DEADLINE_MS),
    queues: new Map([['events', queue]]),
    intake: queue,
    tokens: webhookTokens('x'.repeat(32)),
    adminToken: ADMIN_TOKEN,
    readToken: null,
    access: null,
    allowedOrigins: [],
    apiFailures: { limit: async () => ({ success: true }) },
    publicUrl: '',
    maxDatabaseBytes: 8e9,
    lookAfterCron: () => undefined,
    now: Date.now,
  } as unknown as AppDeps);
}

/** Paths of the API that are to be read, with the examples of the document in them. */
const paths = servedOperations(apiOver(async () => HANGS))
  .filter(({ method, access }) => method === 'GET' && access === 'reader')
  .map(({ path, param }) =>
    path.replace(/:(\w+)/g, (_, name: string) =>
      encodeURIComponent(String(param?.shape[name]?.meta()?.example)),
    ),
  );

describe('every GET of the API', () => {
  it('is among those that are asked for here', () => {
    expect(paths.length).toBeGreaterThan(15);
  });

  describe.each([
    [
      'rejects',
      async () => Promise.reject(new Error('D1_ERROR: D1 DB is overloaded. Too many requests queued.')),
    ],
    ['loses its connection', async () => Promise.reject(new Error('Network connection lost.'))],
    ['hangs', async () => HANGS],
  ])('while D1 %s', (_, call) => {
    it.each(paths)('says that the database does not answer, and when to ask again: %s', async (path) => {
      const response = await apiOver(call).request(
        `${ORIGIN}${path}`,
        { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } },
        {},
        {
          waitUntil: () => undefined,
          passThroughOnException: () => undefined,
          props: {},
        } as unknown as ExecutionContext,
      );
      switch (path) {
        case '/api/tail': // goes on once D1 answers
          expect(response.status).toBe(200);
          await response.body?.cancel();
          return;
        case '/api/health': // is asked for just that
          expect(response.status).toBe(503);
          expect(await response.json()).toMatchObject({ checks: { d1: { status: 'degraded' } } });
          return;
        default:
          expect(response.status).toBe(503);
          expect(response.headers.get('retry-after')).toBe('10');
          expect(await response.json()).toMatchObject({
            type: '/problems/database-unavailable',
            status: 503,
          });
      }
    });
  });

  it('is answered 500 where a statement is wrong by itself: nobody need try again', async () => {
    const wrong = async () => Promise.reject(new Error('D1_ERROR: no such table: events: SQLITE_ERROR'));
    const response = await apiOver(wrong).request(`${ORIGIN}/api/events`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(response.status).toBe(500);
    expect(response.headers.has('retry-after')).toBe(false);
  });
});

describe('a change while D1 fails', () => {
  beforeEach(async () => reset());
  afterEach(async () => inject({}));

  it.each([
    ['POST', '/api/integrations', { slug: 'mail' }],
    ['PATCH', '/api/integrations/shop', { description: 'changed' }],
    ['POST', '/api/integrations/shop/rotate', {}],
    ['DELETE', '/api/integrations/shop', undefined],
    ['POST', '/api/replay', { all: true }],
    ['POST', '/api/routes', { name: 'crm' }],
    ['PATCH', '/api/routes/events', { filter: {} }],
    ['POST', '/api/routes/events/pause', undefined],
    ['DELETE', '/api/routes/events', undefined],
    ['DELETE', '/api/rejections/1', undefined],
  ])('is answered 503, too: %s %s', async (method, path, body) => {
    await inject({ d1: { kind: 'reject' } });
    const { status, answer } = await api(method, path, body);
    expect([status, answer.type]).toEqual([503, '/problems/database-unavailable']);
  });
});

describe('a page of the dashboard while D1 fails', () => {
  beforeEach(async () => reset());
  afterEach(async () => inject({}));

  const TOLD: Record<'en' | 'pt', string> = {
    en: 'The database does not answer.',
    pt: 'O banco de dados não responde.',
  };

  it.each(['en', 'pt'] as const)('says so in words (%s)', async (language) => {
    const browser = await signedIn(ADMIN_TOKEN, language);
    await inject({ d1: { kind: 'reject' } });
    for (const path of [
      '/events',
      '/integrations',
      '/rejections',
      '/dead-letters',
      '/replays',
      '/audit',
      '/contacts/%2B5544999999999',
    ]) {
      const response = await browser.get(path);
      const told = await response.text();
      expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '10']);
      expect(told).toContain(TOLD[language]);
    }
  });
});
