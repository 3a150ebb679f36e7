import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REJECTION_REASONS } from '../../src/contract/assess.ts';
import { type ContractProblem, problemAt } from '../../src/contract/problems.ts';
import type { AnswerAt, Problem } from '../answers.ts';
import { keepRejection, storeRejections } from '../store/stored-rejections.ts';
import {
  ADMIN_TOKEN,
  allForwarded,
  api,
  ask,
  countRows,
  deliver,
  delivered,
  eventually,
  type Fields,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  ORIGIN,
  onlyOne,
  register,
  reset,
  responseBody,
  responseText,
  seen,
  statusBody,
  tokenOf,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';

const DAY_MS = 86_400_000;
const A_MINUTE_MS = 60_000;
const READ_TOKEN = 'read-token-of-the-tests-only';
const EVENT_ID = '5e178088a88ad9001b6e1914:i3i4321d:response';
const encoder = new TextEncoder();

interface Asked {
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Asks the API for a change, or for bytes. */
async function request(method: string, path: string, { body, token, headers, signal }: Asked = {}) {
  return env.RECEIVER.fetch(`${ORIGIN}/api/rejections${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token ?? ADMIN_TOKEN}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  });
}

/** The same; gives the status with the answer's JSON. */
async function requested(...args: Parameters<typeof request>) {
  const response = await request(...args);
  return { status: response.status, answer: await response.json<Partial<Problem>>() };
}

async function retry(id: string) {
  return api('POST', `/api/rejections/${id}/retry`);
}

async function retryMany(filter: Fields = {}) {
  const { status, answer } = await api('POST', '/api/rejections/retry', filter);
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

type ListedRejection = AnswerAt<'GET', '/api/rejections'>['data'][number];

async function list(parameters: Record<string, string> = {}) {
  const { status, answer } = await ask(`/api/rejections?${new URLSearchParams(parameters)}`);
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

/** The one rejection that there is. */
async function onlyRejection() {
  const { data } = await list();
  return onlyOne(data);
}

async function eventRow(id: string) {
  return env.DB.prepare('SELECT received_at, request_id, deliveries, payload FROM events WHERE id = ?1')
    .bind(id)
    .first();
}

async function forwardedIds(): Promise<string[]> {
  return (await forwardedEvents()).map(({ id }) => id);
}

async function auditEntries() {
  const { results } = await env.DB.prepare(
    'SELECT actor, action, object, detail FROM audit ORDER BY seq',
  ).run<{ actor: string; action: string; object: string; detail: string }>();
  return results.map((entry) => ({ ...entry, detail: JSON.parse(entry.detail) }));
}

describe('the listing of rejections', () => {
  const REASONS = ['contract-broken', 'wrong-application', 'unauthorized'] as const;
  let rejections: ListedRejection[] = [];

  /** Ten minutes of two integrations, a minute apart. */
  beforeAll(async () => {
    await reset();
    const startMs = Date.now() - 3_600_000;
    for (let index = 0; index < 10; index++) {
      await keepRejection(uniqueResponse(), {
        integration: index % 3 === 0 ? 'mail' : 'shop',
        reason: REASONS[index % 4 === 3 ? 2 : index % 2] ?? 'contract-broken',
        nowMs: startMs + index * A_MINUTE_MS,
      });
    }
    rejections = (await list()).data;
  });

  it('gives the newest first', () => {
    expect(rejections).toHaveLength(10);
    const times = rejections.map(({ receivedAt }) => receivedAt);
    const newestFirst = (a: string, b: string) => Date.parse(b) - Date.parse(a);
    expect(times).toEqual(times.toSorted(newestFirst));
  });

  it('lets through what meets every filter given, whichever are combined', async () => {
    const since = rejections[7]?.receivedAt ?? '';
    const until = rejections[1]?.receivedAt ?? '';
    const filters: [name: string, value: string, isMet: (rejection: ListedRejection) => boolean][] = [
      ['integration', 'shop', ({ integration }) => integration === 'shop'],
      ['reason', 'wrong-application', ({ reason }) => reason === 'wrong-application'],
      ['since', since, ({ receivedAt }) => receivedAt >= since],
      ['until', until, ({ receivedAt }) => receivedAt < until],
    ];
    for (let combination = 0; combination < 2 ** filters.length; combination++) {
      const given = filters.filter((_, index) => combination & (1 << index));
      const expected = rejections.filter((one) => given.every(([, , isMet]) => isMet(one)));
      const parameters = Object.fromEntries(given.map(([name, value]) => [name, value]));
      expect((await list(parameters)).data, JSON.stringify(parameters)).toEqual(expected);
    }
  });

  it.each<Record<string, string>>([{}, { integration: 'shop' }, { reason: 'contract-broken' }])(
    'is walked by its cursor without gap or repeat: %o',
    async (filter) => {
      const all = (await list(filter)).data.map(({ id }) => id);
      for (const limit of ['1', '2', '3', '7']) {
        const walked: string[] = [];
        let cursor: string | null = '';
        while (cursor !== null) {
          const page = await list({ ...filter, limit, ...(cursor && { cursor }) });
          expect(page.data.length).toBeLessThanOrEqual(Number(limit));
          walked.push(...page.data.map(({ id }) => id));
          cursor = page.next;
        }
        expect(walked).toEqual(all);
      }
    },
  );

  it('has no cursor where it ends', async () => {
    expect((await list({ limit: '11' })).next).toBeNull();
    expect(await list({ integration: 'nobody' })).toEqual({ data: [], next: null });
  });

  it.each([
    ['reason=broken', problemAt('reason', 'not-one-of', { values: [...REJECTION_REASONS] })],
    ['since=yesterday', problemAt('since', 'not-a-moment')],
    ['until=2020-01-01', problemAt('until', 'not-a-moment')],
    ['limit=0', problemAt('limit', 'too-small', { min: 1 })],
    ['limit=201', problemAt('limit', 'too-big', { max: 200 })],
    ['cursor=x', problemAt('cursor', 'not-a-cursor')],
    ['integration=a&integration=b', problemAt('integration', 'repeated')],
    [`integration=${'a'.repeat(65)}`, problemAt('integration', 'too-long', { max: 64 })],
    ['Reason=not-json', problemAt('Reason', 'unknown')],
    ['id=1', problemAt('id', 'unknown')],
  ])('refuses ?%s, naming what is wrong', async (query, error) => {
    expect(await ask(`/api/rejections?${query}`)).toEqual({
      status: 400,
      answer: expect.objectContaining({ type: '/problems/invalid-parameters', errors: [error] }),
    });
  });
});

describe('a rejection', () => {
  beforeEach(async () => reset());

  it('has the documented fields in the listing, and by itself also its body', async () => {
    const before = Date.now();
    const body = responseBody((changed) => delete changed.message.messageId);
    const response = await deliver(body);
    expect(response.status).toBe(422);
    const { errors } = await response.json<Fields>();

    const rejection = await onlyRejection();
    expect(rejection).toEqual({
      id: expect.stringMatching(/^\d{16}$/),
      integration: 'shop',
      reason: 'contract-broken',
      problems: errors,
      receivedAt: expect.any(String),
      lastReceivedAt: rejection.receivedAt,
      deliveries: 1,
      bodyBytes: encoder.encode(JSON.stringify(body)).byteLength,
      requestId: response.headers.get('x-request-id'),
      deferred: false,
      eventId: null,
    });
    expect(errors).toEqual([
      { path: 'message.messageId', code: 'required', params: {}, message: 'is required' },
    ]);
    expect(Date.parse(rejection.receivedAt)).toBeGreaterThanOrEqual(before);
    expect(await ask(`/api/rejections/${rejection.id}`)).toEqual({
      status: 200,
      answer: { ...rejection, bodyEncoding: 'utf-8', body: JSON.stringify(body) },
    });
  });

  it('delivered 50 times is one, with 50 deliveries and the times of the first and the last', async () => {
    const startMs = Date.now();
    for (let delivery = 0; delivery < 5; delivery++) {
      await env.PROBE.setClock(delivery * A_MINUTE_MS);
      const answers = await Promise.all(Array.from({ length: 10 }, async () => deliver('{"event":{}}')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([422]));
    }
    expect(await countRows('rejections')).toBe(1);
    const { deliveries, receivedAt, lastReceivedAt } = await onlyRejection();
    expect(deliveries).toBe(50);
    expect(Date.parse(receivedAt) - startMs).toBeLessThan(A_MINUTE_MS);
    expect(Date.parse(lastReceivedAt) - startMs).toBeGreaterThanOrEqual(4 * A_MINUTE_MS);
  });

  it.each<[string, Uint8Array, string, string]>([
    ['empty', new Uint8Array(), 'not-json', 'utf-8'],
    ['one byte of no character', Uint8Array.of(0xff), 'not-utf8', 'base64'],
    ['two such bytes', Uint8Array.of(0xc3, 0x28), 'not-utf8', 'base64'],
    ['every byte there is', Uint8Array.from({ length: 256 }, (_, byte) => byte), 'not-utf8', 'base64'],
    ['a NUL', encoder.encode('{"event":"\0"}'), 'not-json', 'base64'],
    ['NULs alone', new Uint8Array(3), 'not-json', 'base64'],
    ['after a byte order mark', encoder.encode('\ufeff{"event":1}'), 'contract-broken', 'utf-8'],
    ['white space', encoder.encode(' \r\n\t '), 'not-json', 'utf-8'],
    ['of many scripts', encoder.encode('{"é":"\u{1f600} \u2028 \' \\\\ %00"}'), 'contract-broken', 'utf-8'],
    ['1 MiB of no text', new Uint8Array(1_048_576).fill(0xfe), 'not-utf8', 'base64'],
    ['1 MiB of text', encoder.encode(`"${'x'.repeat(1_048_574)}"`), 'contract-broken', 'utf-8'],
  ])('comes back byte for byte: %s', async (_, bytes, reason, bodyEncoding) => {
    await deliver(bytes);
    const rejection = await onlyRejection();
    expect(rejection).toMatchObject({ reason, bodyBytes: bytes.byteLength });

    const body = await request('GET', `/${rejection.id}/body`);
    const came = new Uint8Array(await body.arrayBuffer());
    expect(came.byteLength).toBe(bytes.byteLength);
    expect(came.every((byte, index) => byte === bytes[index])).toBe(true);
    const { answer } = await ask(`/api/rejections/${rejection.id}`);
    expect(answer.bodyEncoding).toBe(bodyEncoding);
    const shown =
      bodyEncoding === 'base64' ? Uint8Array.fromBase64(answer.body) : encoder.encode(answer.body);
    expect(shown.byteLength).toBe(bytes.byteLength);
    expect(shown.every((byte, index) => byte === bytes[index])).toBe(true);
  });

  it('has a body that no browser shows or runs', async () => {
    await deliver('<script>alert(1)</script>');
    const { id } = await onlyRejection();
    const { headers } = await request('GET', `/${id}/body`);
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toBe(`attachment; filename="rejection-${id}"`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it.each(['', '/body'])('is not found where there is none: /:id%s', async (rest) => {
    const id = await keepRejection('{}');
    const wrong = ['1', '0', 'x', '-1', '1.5', `0${id}`, `${id}0`, '9'.repeat(400), '1e3', '%20', `${id}x`];
    for (const path of wrong) {
      const { status, answer } = await requested('GET', `/${path}${rest}`);
      expect([path, status, answer.type]).toEqual([path, 404, '/problems/not-found']);
    }
    expect((await request('GET', `/${id}${rest}`)).status).toBe(200);
  });

  it('is not shown without a token, and not changed with the read token', async () => {
    await reset({ READ_TOKEN });
    const id = await keepRejection(uniqueResponse());
    const asked: [string, string, unknown?][] = [
      ['GET', ''],
      ['GET', `/${id}`],
      ['GET', `/${id}/body`],
      ['POST', `/${id}/retry`],
      ['POST', '/retry', {}],
      ['DELETE', `/${id}`],
    ];
    for (const [method, path, body] of asked) {
      expect((await request(method, path, { body, token: 'wrong' })).status).toBe(401);
      const status = method === 'GET' ? 200 : 403;
      expect((await request(method, path, { body, token: READ_TOKEN })).status).toBe(status);
    }
    expect(await countRows('rejections')).toBe(1);
    expect(await countRows('events')).toBe(0);
    expect(await auditEntries()).toEqual([]);
  });
});

describe('retrying a rejection', () => {
  beforeEach(async () => reset());

  it('lets a webhook of another application in once the integration is bound to that one, with its time of arrival', async () => {
    await register('shop', { appId: 'app-of-before' });
    expect((await deliver(responseText)).status).toBe(422);
    const { id, reason, receivedAt, requestId } = await onlyRejection();
    expect(reason).toBe('wrong-application');

    await register('shop', { appId: String(responseBody().message.appId) });
    await env.PROBE.setClock(DAY_MS);
    expect(await retry(id)).toEqual({
      status: 200,
      answer: { outcome: 'stored', event: EVENT_ID, integration: 'shop' },
    });
    expect(await countRows('rejections')).toBe(0);
    expect(await eventRow(EVENT_ID)).toEqual({
      received_at: Date.parse(receivedAt),
      request_id: requestId,
      deliveries: 1,
      payload: responseText,
    });
    await allForwarded();
    const forwarded = await forwardedEvents();
    expect(forwarded).toMatchObject([
      { id: EVENT_ID, receivedtime: receivedAt, data: JSON.parse(responseText) },
    ]);
    expect(forwarded[0]).not.toHaveProperty('replay');
    expect(await auditEntries()).toEqual([
      {
        actor: 'admin-token',
        action: 'rejection.retry',
        object: id,
        detail: { integration: 'shop', outcome: 'stored', deliveries: 1 },
      },
    ]);
    expect((await retry(id)).status).toBe(404);
  });

  it('lets in what an earlier contract had refused', async () => {
    const id = await keepRejection(statusBody(), { receivedAtMs: 1_700_000_000_000 });
    const { status, answer } = await retry(id);
    expect([status, answer.outcome]).toEqual([200, 'stored']);
    expect(await eventRow(answer.event)).toMatchObject({ received_at: 1_700_000_000_000 });
  });

  it('leaves a webhook that still breaks the contract, with the reasons of today', async () => {
    const body = responseBody((changed) => {
      changed.event.messageId = '';
      delete changed.message.messageId;
    });
    const id = await keepRejection(body, { reason: 'wrong-application' });
    const before = await onlyRejection();
    const errors = [problemAt('event.messageId', 'empty'), problemAt('message.messageId', 'required')];

    const response = await request('POST', `/${id}/retry`);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: '/problems/contract-broken',
      title: 'The webhook breaks the contract',
      status: 422,
      detail: 'The webhook is still rejected, and stays; see errors.',
      errors,
    });
    expect(await onlyRejection()).toEqual({ ...before, reason: 'contract-broken', problems: errors });
    expect(await countRows('events')).toBe(0);
    expect(await auditEntries()).toMatchObject([
      { action: 'rejection.retry', object: id, detail: { integration: 'shop', outcome: 'rejected' } },
    ]);
  });

  it.each<[string, Uint8Array, string, 'body-empty' | 'not-json' | 'not-utf8']>([
    ['empty', new Uint8Array(), 'not-json', 'body-empty'],
    ['no JSON', encoder.encode('{'), 'not-json', 'not-json'],
    ['no UTF-8', Uint8Array.of(0xff), 'not-utf8', 'not-utf8'],
  ])('of a body that is %s leaves it, and says so', async (_, bytes, reason, code) => {
    await deliver(bytes);
    const before = await onlyRejection();
    expect(before).toMatchObject({ reason });
    expect(await retry(before.id)).toMatchObject({
      status: 422,
      answer: { type: '/problems/contract-broken', errors: [problemAt('', code)] },
    });
    expect(await onlyRejection()).toEqual(before);
  });

  it('leaves a webhook that is still another application’s', async () => {
    const id = await keepRejection(responseText);
    await register('shop', { appId: 'another' });
    expect(await retry(id)).toMatchObject({
      status: 422,
      answer: { type: '/problems/wrong-application', errors: [{ path: 'message.appId' }] },
    });
    expect(await onlyRejection()).toMatchObject({ reason: 'wrong-application' });
  });

  it('counts one delivery of the event, however often it was rejected; the audit trail tells how often', async () => {
    await register('shop', { appId: 'another' });
    for (let delivery = 0; delivery < 3; delivery++) await deliver(responseText);
    const { id, deliveries } = await onlyRejection();
    expect(deliveries).toBe(3);
    await register('shop');
    expect((await retry(id)).answer.outcome).toBe('stored');
    expect(await eventRow(EVENT_ID)).toMatchObject({ deliveries: 1 });
    expect(await auditEntries()).toMatchObject([{ detail: { deliveries: 3 } }]);
  });

  it('counts a delivery of the event when that came by another one, and forwards nothing', async () => {
    const id = await keepRejection(responseText);
    await delivered(responseText);
    await allForwarded();

    expect(await retry(id)).toEqual({
      status: 200,
      answer: { outcome: 'duplicate', event: EVENT_ID, integration: 'shop' },
    });
    expect(await countRows('rejections')).toBe(0);
    expect(await eventRow(EVENT_ID)).toMatchObject({ deliveries: 2 });
    expect(await forwardedIds()).toEqual([EVENT_ID]);
  });

  it.each<[string, () => Promise<unknown>, 'disabled' | 'unknown-integration']>([
    ['is disabled', async () => register('shop', { enabled: 0 }), 'disabled'],
    [
      'is not there any more',
      async () => env.DB.prepare('DELETE FROM integrations').run(),
      'unknown-integration',
    ],
  ])('leaves it while its integration %s', async (_, change, code) => {
    const problems = [problemAt('', code)];
    const id = await keepRejection(responseText);
    await change();
    expect(await retry(id)).toMatchObject({
      status: 409,
      answer: { type: '/problems/conflict', errors: problems },
    });
    expect(await onlyRejection()).toMatchObject({ reason: 'unauthorized', problems });

    await register('shop');
    expect((await retry(id)).answer.outcome).toBe('stored');
  });

  it.each<[string, 'old-token' | 'address' | 'signature', object]>([
    ['that was rotated away before it came', 'old-token', { generation: 1 }],
    ['that was revoked', 'old-token', { generation: 2 }],
    ['from an address that is not allowed', 'address', {}],
    ['without a signature that holds', 'signature', {}],
  ])('lets in what came with a token %s: an operator has looked at it', async (_, code, changes) => {
    const previous = [{ generation: 2, untilMs: 0 }];
    await register('shop', { generation: 3, previous, allowedIps: ['10.0.0.1'], requireSignature: true });
    const id = await keepRejection(responseText, {
      reason: 'unauthorized',
      problems: [problemAt('', code)],
      generation: 3,
      ...changes,
    });
    expect((await retry(id)).answer).toMatchObject({ outcome: 'stored', event: EVENT_ID });
  });

  it('does not forward an event again that is forwarded', async () => {
    const id = await keepRejection(responseText, { requestId: 'one-delivery' });
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM rejections', times: 1 } });
    expect((await retry(id)).status).toBe(503);
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron(); // the sweep
    expect(await forwardedIds()).toEqual([EVENT_ID]);

    expect((await retry(id)).answer.outcome).toBe('stored');
    await idle();
    expect(await forwardedIds()).toEqual([EVENT_ID]);
    expect(await waitingOn()).toBe(0);
  });
});

describe('a retry that is interrupted', () => {
  beforeEach(async () => reset());

  it.each([
    ['before the event is recorded', 'INSERT INTO events', 0],
    ['before it is recorded who did it', 'INSERT INTO audit', 1],
    ['before the rejection is deleted', 'DELETE FROM rejections', 1],
  ])('%s loses nothing, and is made good by the next one', async (_, on, events) => {
    const id = await keepRejection(responseText);
    const before = await onlyRejection();
    await inject({ d1: { kind: 'reject', on } });
    const response = await request('POST', `/${id}/retry`);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('10');
    expect(await response.json()).toMatchObject({ type: '/problems/database-unavailable' });
    await inject({});
    expect(await onlyRejection()).toEqual(before);
    expect(await countRows('events')).toBe(events);

    expect((await retry(id)).answer).toEqual({ outcome: 'stored', event: EVENT_ID, integration: 'shop' });
    expect(await countRows('rejections')).toBe(0);
    expect(await countRows('events')).toBe(1);
    expect(await eventRow(EVENT_ID)).toMatchObject({ deliveries: 1 });
    await allForwarded();
    expect(await forwardedIds()).toEqual([EVENT_ID]);
  });

  it('because D1 confirms too late or not at all is completed by the next one, too', async () => {
    for (const on of ['INSERT INTO events', 'DELETE FROM rejections']) {
      const id = await keepRejection(uniqueResponse());
      await inject({ d1: { kind: 'lost-answer', on, times: 1 } });
      await retry(id);
      await inject({});
      await retry(id);
    }
    expect(await countRows('rejections')).toBe(0);
    expect(await countRows('events')).toBe(2);
    const { results } = await env.DB.prepare('SELECT deliveries FROM events').run();
    expect(results).toEqual([{ deliveries: 1 }, { deliveries: 1 }]);
  });

  it('by the queue leaves the event to the sweep', async () => {
    const id = await keepRejection(responseText);
    await inject({ events: { kind: 'reject' } });
    expect((await retry(id)).answer.outcome).toBe('stored');
    await eventually('forwarding failed', async () =>
      (await seen()).logged.some((line) => line.includes('forwarding failed')),
    );
    expect(await countRows('rejections')).toBe(0);
    expect(await waitingOn()).toBe(1);
    await inject({});
    await env.PROBE.setClock(A_MINUTE_MS);
    await env.PROBE.runCron();
    expect(await forwardedIds()).toEqual([EVENT_ID]);
  });

  it('by its client comes to its end all the same, audit included', async () => {
    const id = await keepRejection(responseText);
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    const leaving = new AbortController();
    const gone = request('POST', `/${id}/retry`, { signal: leaving.signal }).catch(() => 'gone');
    await heldBack();
    leaving.abort();
    expect(await gone).toBe('gone');
    await inject({});
    await eventually('it is done', async () => (await countRows('rejections')) === 0);
    expect(await auditEntries()).toHaveLength(1);
    await eventually('it is forwarded', async () => (await forwardedIds()).includes(EVENT_ID));
  });

  it('by another delivery leaves that one to be looked at', async () => {
    await register('shop', { appId: 'another' });
    await deliver(responseText);
    const { id } = await onlyRejection();
    await env.DB.prepare('UPDATE integrations SET app_id = NULL').run(); // an isolate knows the old one for 30 s
    await inject({ d1: { kind: 'late', on: 'DELETE FROM rejections' } });
    const retrying = retry(id);
    await heldBack();
    expect(await countRows('events')).toBe(1);
    expect((await deliver(responseText)).status).toBe(422);
    await inject({});
    expect((await retrying).answer.outcome).toBe('stored');

    expect(await onlyRejection()).toMatchObject({ id, deliveries: 2 });
    expect((await retry(id)).answer.outcome).toBe('duplicate');
    expect(await countRows('rejections')).toBe(0);
    expect(await eventRow(EVENT_ID)).toMatchObject({ deliveries: 2 });
    await idle();
    expect(await forwardedIds()).toEqual([EVENT_ID]); // at once, and not by the sweep
  });

  it('by a second one at the same time forwards once', async () => {
    const id = await keepRejection(responseText);
    const answers = await Promise.all(Array.from({ length: 5 }, async () => retry(id)));
    for (const { status } of answers) expect([200, 404]).toContain(status);
    await allForwarded();
    expect(await eventRow(EVENT_ID)).toMatchObject({ deliveries: 1 });
    expect(await forwardedIds()).toEqual([EVENT_ID]);
  });
});

describe('retrying many rejections', () => {
  beforeEach(async () => reset());

  it('tries those that the filter names, oldest first, and no others', async () => {
    await register('mail');
    const now = Date.now();
    const bodies = Array.from({ length: 6 }, () => uniqueResponse());
    for (const [index, body] of bodies.entries()) {
      await keepRejection(body, {
        integration: index === 4 ? 'mail' : 'shop',
        reason: index === 5 ? 'not-json' : 'contract-broken',
        nowMs: now - (10 - index) * A_MINUTE_MS,
      });
    }
    const since = new Date(now - 9 * A_MINUTE_MS).toISOString();
    const until = new Date(now - 7 * A_MINUTE_MS).toISOString();
    const none = { duplicates: 0, rejected: 0, next: null };

    expect(await retryMany({ since, until })).toEqual({ retried: 2, stored: 2, ...none });
    expect(await retryMany({ integration: 'mail' })).toEqual({ retried: 1, stored: 1, ...none });
    expect(await retryMany({ reason: 'not-json' })).toEqual({ retried: 1, stored: 1, ...none });
    expect(await retryMany({ integration: 'nobody' })).toEqual({ retried: 0, stored: 0, ...none });
    expect(await retryMany({ integration: 'shop', reason: 'contract-broken' })).toEqual({
      retried: 2,
      stored: 2,
      ...none,
    });
    await eventually('all are forwarded', async () => (await forwardedIds()).length === 6);
    const messageIds = (await forwardedEvents()).map(({ subject }) => subject);
    const inOrder = [1, 2, 4, 5, 0, 3].map((index) => bodies[index]?.message.messageId);
    expect(messageIds).toEqual(inOrder);
    const asked = { integration: 'shop', reason: 'contract-broken' };
    expect((await auditEntries()).map(({ action, object, detail }) => [action, object, detail])).toEqual([
      ['rejection.retry-many', '*', { since, until, retried: 2, stored: 2, duplicates: 0, rejected: 0 }],
      ['rejection.retry-many', 'mail', expect.objectContaining({ integration: 'mail', retried: 1 })],
      ['rejection.retry-many', '*', expect.objectContaining({ reason: 'not-json', stored: 1 })],
      ['rejection.retry-many', 'shop', { ...asked, retried: 2, stored: 2, duplicates: 0, rejected: 0 }],
    ]);
  });

  it('tells what became of each', async () => {
    const twice = uniqueResponse();
    await delivered(twice);
    await keepRejection(twice);
    await keepRejection(responseText);
    await keepRejection(`${responseText} `); // the same event in another body
    const stays = await keepRejection('{}');

    expect(await retryMany()).toEqual({ retried: 4, stored: 1, duplicates: 2, rejected: 1, next: null });
    expect((await onlyRejection()).id).toBe(stays);
    expect(await eventRow(EVENT_ID)).toMatchObject({ deliveries: 2, payload: responseText });
    expect(await retryMany()).toEqual({ retried: 1, stored: 0, duplicates: 0, rejected: 1, next: null });
  });

  it.each([
    ['an empty body', '', 400],
    ['no object', '[]', 422],
    ['a reason that is none', '{"reason":"broken"}', 422],
    ['a time that is none', '{"since":"2020-01-01"}', 422],
    ['a field that nobody knows', '{"Integration":"shop"}', 422],
    ['a limit', '{"limit":"5"}', 422],
    ['a cursor that is none', '{"cursor":"next"}', 422],
    ['a number for a cursor', '{"cursor":5}', 422],
  ])('refuses %s, and tries nothing', async (_, body, status) => {
    await keepRejection(responseText);
    const response = await request('POST', '/retry', { body });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await countRows('rejections')).toBe(1);
    expect(await countRows('audit')).toBe(0);
  });

  it('refuses a body without a JSON content type, so that nobody tries all by mistake', async () => {
    await keepRejection(responseText);
    expect((await request('POST', '/retry')).status).toBe(400);
    const headers = { 'content-type': 'text/plain' };
    expect((await request('POST', '/retry', { body: '{}', headers })).status).toBe(415);
    expect(await countRows('rejections')).toBe(1);
  });

  it.each<[string, string, number, { generation: number; untilMs: number }[]]>([
    ['of today', 'stored', 1, []],
    ['that was rotated away only after it came', 'stored', 2, [{ generation: 1, untilMs: 2_000 }]],
    ['that was rotated away before it came', 'rejected', 2, [{ generation: 1, untilMs: 1_000 }]],
    ['that was revoked', 'rejected', 2, [{ generation: 1, untilMs: 0 }]],
    ['that nobody remembers', 'rejected', 2, []],
  ])('of what came with a token %s: it is %s', async (_, outcome, generation, previous) => {
    await register('shop', { generation, previous });
    const id = await keepRejection(responseText, { receivedAtMs: 1_000 });
    expect(await retryMany()).toMatchObject({ retried: 1, [outcome]: 1 });
    if (outcome === 'stored') return;
    const problems = [problemAt('', 'old-token')];
    expect(await onlyRejection()).toMatchObject({ id, reason: 'unauthorized', problems });
    expect((await retry(id)).answer.outcome).toBe('stored');
  });

  it.each<[string, ContractProblem | { path: string; message: string }, ContractProblem]>([
    ['for its address', problemAt('', 'address'), problemAt('', 'address')],
    ['for its signature', problemAt('', 'signature'), problemAt('', 'signature')],
    [
      'by a version without codes',
      { path: '', message: 'the signature is missing' },
      problemAt('', 'other', { message: 'the signature is missing' }),
    ],
  ])(
    'never lets in what was objected to %s, whatever it was tried as meanwhile',
    async (_, written, objection) => {
      const problems = [written as ContractProblem];
      const ids = await Promise.all(
        [responseText, '{}'].map(async (body) => keepRejection(body, { reason: 'unauthorized', problems })),
      );
      expect(await retryMany()).toMatchObject({ retried: 2, rejected: 2 });
      await register('shop', { enabled: 0 });
      expect(await retryMany()).toMatchObject({ rejected: 2 });
      for (const id of ids) expect((await retry(id)).status).toBe(409);
      await register('shop');
      expect((await retry(ids[1] ?? '')).answer.errors).toContainEqual(objection);
      expect(await retryMany()).toMatchObject({ retried: 2, rejected: 2 });
      expect(await countRows('events')).toBe(0);
      for (const { problems } of (await list()).data) expect(problems).toContainEqual(objection);

      expect((await retry(ids[0] ?? '')).answer.outcome).toBe('stored');
    },
  );

  it('of an integration that is disabled or gone leaves them, and lets in the others', async () => {
    await register('off', { enabled: 0 });
    for (const integration of ['off', 'gone', 'shop']) await keepRejection(uniqueResponse(), { integration });
    expect(await retryMany()).toMatchObject({ retried: 3, stored: 1, rejected: 2 });
    expect((await list()).data.map(({ integration, problems }) => [integration, problems])).toEqual([
      ['gone', [problemAt('', 'unknown-integration')]],
      ['off', [problemAt('', 'disabled')]],
    ]);
  });

  it('goes on behind one that cannot be tried', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.push(await keepRejection(uniqueResponse()));
    await env.DB.prepare("UPDATE rejections SET body_encoding = 'base64', body = '!' WHERE seq = ?1")
      .bind(Number(ids[1]))
      .run();
    expect(await retryMany()).toMatchObject({ retried: 3, stored: 2, rejected: 1 });
    expect(await onlyRejection()).toMatchObject({ id: ids[1], reason: 'contract-broken' });
  });

  it('goes on behind one that D1 refuses', async () => {
    for (let index = 0; index < 5; index++) await keepRejection(uniqueResponse());
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO events', times: 2 } }); // all together, then the first
    expect(await retryMany()).toMatchObject({ retried: 5, stored: 4, rejected: 1 });
    expect(await retryMany()).toMatchObject({ retried: 1, stored: 1, rejected: 0 });
  });

  it('deletes no rejection unless the audit trail records who did', async () => {
    for (let index = 0; index < 3; index++) await keepRejection(uniqueResponse());
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO audit' } });
    expect((await requested('POST', '/retry', { body: {} })).status).toBe(503);
    await inject({});
    expect(await countRows('rejections')).toBe(3);
    expect(await retryMany()).toMatchObject({ retried: 3, stored: 3 });
    expect(await auditEntries()).toMatchObject([{ detail: { retried: 3, stored: 3 } }]);
  });

  it('gives up when D1 records nothing at all', async () => {
    for (let index = 0; index < 10; index++) await keepRejection(uniqueResponse());
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO events' } });
    const { status } = await requested('POST', '/retry', { body: {} });
    expect(status).toBe(503);
    await inject({});
    expect(await countRows('rejections')).toBe(10);
    expect(await auditEntries()).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])(
    'keeps what was done when D1 fails after %i statements, and does the rest the next time',
    async (after) => {
      const count = 700; // three groups
      await storeRejections({ count, body: VALID_BODIES, firstSeq: Date.now() * 1000 });
      await inject({ d1: { kind: 'reject', after } });
      expect((await request('POST', '/retry', { body: {} })).status).toBe(503);
      await inject({});
      expect((await countRows('events')) + (await countRows('rejections'))).toBeGreaterThanOrEqual(count);

      const { stored, rejected, duplicates, next } = await retryMany();
      expect([rejected, duplicates, next]).toEqual([0, 0, null]);
      expect(stored).toBeGreaterThanOrEqual(0);
      expect(await countRows('rejections')).toBe(0);
      expect(await countRows('events')).toBe(count);
      expect(await env.DB.prepare('SELECT max(deliveries) AS n FROM events').first('n')).toBe(1);
      await env.PROBE.setClock(A_MINUTE_MS);
      await eventually('all are forwarded', async () => {
        await env.PROBE.runCron();
        return (await waitingOn()) === 0;
      });
      expect(new Set(await forwardedIds()).size).toBe(count);
    },
  );

  it('is done in several requests where there are many, each within what a request may do', async () => {
    const count = 3_700;
    await storeRejections({ count, body: VALID_BODIES });
    const runs: Awaited<ReturnType<typeof retryMany>>[] = [];
    let next: string | null = '0';
    while (next !== null) {
      const before = await seen();
      runs.push(await retryMany({ cursor: next }));
      next = runs.at(-1)?.next ?? null;
      const after = await seen();
      const subrequests =
        after.statements.length - before.statements.length + after.batches.length - before.batches.length;
      expect(subrequests).toBeLessThanOrEqual(50);
      await allForwarded();
    }
    expect(runs.map(({ retried, stored }) => [retried, stored])).toEqual([
      [1_200, 1_200],
      [1_200, 1_200],
      [1_200, 1_200],
      [100, 100],
    ]);
    expect(await countRows('rejections')).toBe(0);
    const forwarded = await forwardedIds();
    expect([forwarded.length, new Set(forwarded).size]).toEqual([count, count]);
  });

  it('begins no group after its time, and says where to go on', async () => {
    await storeRejections({ count: 700, body: VALID_BODIES });
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    const running = retryMany();
    await heldBack();
    await env.PROBE.setClock(20_000);
    await inject({});
    const { retried, stored, next } = await running;
    expect([retried, stored]).toEqual([300, 300]);
    expect(await retryMany({ cursor: next })).toMatchObject({ retried: 400, stored: 400, next: null });
  });

  it('does not go on for ever, nor fill the memory, while the queue hangs', async () => {
    await storeRejections({ count: 700, body: VALID_BODIES });
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    const running = retryMany();
    await heldBack();
    await env.PROBE.setClock(19_000);
    await inject({ events: { kind: 'hang' } });
    expect((await running).retried).toBe(300);
    await inject({});
    await env.PROBE.setClock(A_MINUTE_MS * 2);
    expect((await retryMany()).stored).toBe(400);
    await eventually('all are forwarded', async () => {
      await env.PROBE.runCron();
      return (await waitingOn()) === 0;
    });
  });

  it('goes on behind the rejections that stay, by its cursor', async () => {
    await storeRejections({ count: 3_100 });
    const retried: number[] = [];
    let next: string | null = '0';
    while (next !== null) {
      const run = await retryMany({ cursor: next });
      expect(run.rejected).toBe(run.retried);
      retried.push(run.retried);
      next = run.next;
    }
    expect(retried).toEqual([1_200, 1_200, 700]);
  });

  it('by reason finds those that are rare, across runs', async () => {
    await storeRejections({ count: 11_000, everyNthIsWrongApplication: 4_000 });
    const retried: number[] = [];
    let next: string | null = '0';
    while (next !== null) {
      const run = await retryMany({ reason: 'wrong-application', cursor: next });
      retried.push(run.retried);
      next = run.next;
    }
    expect(retried).toEqual([2, 1, 0]);
  });

  it('reads large bodies a few at a time', async () => {
    const text = JSON.stringify(responseBody((body) => Object.assign(body.message, { message: '' })));
    const large = `replace(replace('${text}', 'i3i4321d', 'e' || i), '"message":""', '"message":"'
      || replace(hex(zeroblob(450000)), '0', 'é') || '"')`;
    await storeRejections({ count: 30, body: large });
    const first = await retryMany();
    expect(first).toMatchObject({ retried: 8, stored: 8, next: expect.any(String) });
    const second = await retryMany({ cursor: first.next });
    const third = await retryMany({ cursor: second.next });
    const fourth = await retryMany({ cursor: third.next });
    expect([second.stored, third.stored, fourth.stored, fourth.next]).toEqual([8, 8, 6, null]);
    expect(await countRows('rejections')).toBe(0);
    await eventually('all are forwarded', async () => (await forwardedIds()).length === 30);
  });

  it('tells equal bodies of several integrations apart', async () => {
    await register('mail');
    for (const integration of ['shop', 'mail']) await keepRejection(responseText, { integration });
    expect(await retryMany()).toMatchObject({ retried: 2, stored: 2 });
    expect(await countRows('events')).toBe(2);
  });
});

describe('deleting a rejection', () => {
  beforeEach(async () => reset());

  it('deletes that one alone, and is recorded in the audit trail', async () => {
    const id = await keepRejection(responseText);
    const other = await keepRejection('{}');
    const response = await request('DELETE', `/${id}`);
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    expect((await onlyRejection()).id).toBe(other);
    expect(await auditEntries()).toEqual([
      {
        actor: 'admin-token',
        action: 'rejection.delete',
        object: id,
        detail: { integration: 'shop', reason: 'contract-broken' },
      },
    ]);
    expect(await countRows('events')).toBe(0);
  });

  it('is answered 404 for one that is not there, and not recorded', async () => {
    const id = await keepRejection(responseText);
    await request('DELETE', `/${id}`);
    for (const path of [id, '1', 'x', `${id}x`, '-1']) {
      expect((await requested('DELETE', `/${path}`)).status).toBe(404);
    }
    expect(await auditEntries()).toHaveLength(1);
  });

  it('by several at once succeeds and is recorded once', async () => {
    const id = await keepRejection(responseText);
    await inject({ d1: { kind: 'late', on: 'DELETE FROM rejections' } });
    const deleting = Promise.all([1, 2, 3].map(async () => request('DELETE', `/${id}`)));
    await heldBack(3);
    await inject({});
    const answers = await deleting;
    const statuses = answers.map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([204, 404, 404]);
    expect(await auditEntries()).toHaveLength(1);
  });

  it('lets the same body be kept again', async () => {
    const id = await keepRejection('{}');
    await request('DELETE', `/${id}`);
    expect((await deliver('{}')).status).toBe(422);
    expect(await onlyRejection()).toMatchObject({ deliveries: 1 });
  });

  it('is undone when it cannot be recorded', async () => {
    const id = await keepRejection('{}');
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO audit' } });
    expect((await request('DELETE', `/${id}`)).status).toBe(503);
    expect(await countRows('rejections')).toBe(1);
  });
});

describe('what a forged webhook sends', () => {
  it('is never kept', async () => {
    await reset();
    const addresses = [`/shop/1.${'A'.repeat(43)}`, '/shop', `/nobody/${await tokenOf('shop')}`];
    for (const address of addresses) {
      const response = await env.RECEIVER.fetch(`${ORIGIN}/webhooks${address}`, {
        method: 'POST',
        body: '{',
      });
      expect(response.status).toBe(401);
    }
    expect(await countRows('rejections')).toBe(0);
  });
});

/** SQL of the `i`-th body of {@link storeRejections}: within the contract, each another event. */
const VALID_BODIES = `'{"event":{"type":"status","status":"read","messageId":"e' || i || '"},"message":'
  || '{"messageId":"m' || i || '","appId":"app","from":"5541988956674","to":"5541988956675"}}'`;
