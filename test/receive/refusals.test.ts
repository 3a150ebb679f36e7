// Every refusal reaches operators by its reason, and what anybody can send costs no write of its own.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { RefusalReason } from '../../src/contract/refusals.ts';
import { signedIn } from '../dashboard/signed-in.ts';
import {
  ADMIN_TOKEN,
  api,
  deliver,
  FORGED_TOKEN,
  idle,
  inject,
  loggedWith,
  ORIGIN,
  register,
  reset,
  responseBody,
  responseText,
  seen,
  statementsWith,
  tokenOf,
  uniqueResponse,
} from '../webhooks.ts';

beforeEach(async () => reset());

async function post(path: string, { method = 'POST', headers = {} } = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}/webhooks${path}`, {
    method,
    headers,
    ...(method === 'POST' && { body: responseText }),
  });
}

/** What operators are told, as `reason integration: count`. */
async function refusalsTold(): Promise<string[]> {
  await idle();
  const { answer } = await api('GET', '/api/refusals');
  return answer.data.map(
    ({ reason, integration, count }: { reason: string; integration: string | null; count: number }) =>
      `${reason} ${integration ?? '-'}: ${count}`,
  );
}

/** How each reason is brought about: for which integration it counts, and what its sender is answered. */
const CASES: [RefusalReason, string, number, () => Promise<Response>][] = [
  ['no-token', 'shop', 401, async () => post('/shop')],
  ['wrong-token', 'shop', 401, async () => post(`/shop/${FORGED_TOKEN}`)],
  ['unknown-integration', '-', 401, async () => post(`/nobody/${FORGED_TOKEN}`)],
  ['unknown-integration', '-', 401, async () => post('/nobody')],
  ['unknown-integration', 'gone', 401, async () => deliver(responseText, { slug: 'gone' })],
  [
    'old-token',
    'shop',
    401,
    async () => {
      await register('shop', { generation: 2, previous: [{ generation: 1, untilMs: 1 }] });
      return deliver(responseText, { generation: 1 });
    },
  ],
  [
    'disabled',
    'shop',
    401,
    async () => {
      await register('shop', { enabled: 0 });
      return deliver(responseText);
    },
  ],
  [
    'address',
    'shop',
    401,
    async () => {
      await register('shop', { allowedIps: ['192.0.2.7'] });
      return deliver(responseText, { headers: { 'cf-connecting-ip': '192.0.2.8' } });
    },
  ],
  [
    'signature',
    'shop',
    401,
    async () => {
      await register('shop', { requireSignature: true });
      return deliver(responseText);
    },
  ],
  [
    'signature',
    'shop',
    401,
    async () => {
      await register('shop', { requireSignature: true });
      const timestamp = String(Math.floor(Date.now() / 1000));
      const headers = {
        'webhook-id': 'a',
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${'A'.repeat(43)}=`,
      };
      return deliver(responseText, { headers });
    },
  ],
  ['wrong-method', 'shop', 405, async () => post('/shop', { method: 'PUT' })],
  ['wrong-method', '-', 405, async () => post('/nobody/x', { method: 'DELETE' })],
  ['wrong-address', '-', 404, async () => post('')],
  ['wrong-address', '-', 404, async () => post('/shop/token/more')],
  ['encoded', 'shop', 415, async () => deliver(responseText, { headers: { 'content-encoding': 'br' } })],
  ['too-large', 'shop', 413, async () => deliver('x'.repeat(1_048_577))],
  ['not-utf8', 'shop', 400, async () => deliver(new Uint8Array([0xff]))],
  ['not-json', 'shop', 400, async () => deliver('{')],
  ['contract-broken', 'shop', 422, async () => deliver('{}')],
  [
    'badly-encoded',
    'shop',
    400,
    async () => deliver(responseText, { headers: { 'content-encoding': 'gzip' } }),
  ],
  [
    'wrong-application',
    'shop',
    422,
    async () => {
      await register('shop', { appId: 'another-app' });
      return deliver(responseText);
    },
  ],
  [
    'unavailable',
    'shop',
    503,
    async () => {
      await deliver(responseText); // the isolate knows the integration from here on
      await inject({ d1: { kind: 'reject', on: 'INTO events' }, intake: { kind: 'reject' } });
      const answer = await deliver(uniqueResponse());
      await inject({});
      return answer;
    },
  ],
];

describe('a refusal', () => {
  it.each(CASES)(
    'for the reason %s, of %s, is answered %i, counted and logged',
    async (reason, of, status, send) => {
      const answer = await send();

      expect(answer.status).toBe(status);
      expect(await refusalsTold()).toEqual([`${reason} ${of}: 1`]);
      const { logged } = await seen();
      const lines = logged.map((line) => JSON.parse(line)).filter(({ what }) => what === 'webhook refused');
      const integration = of === '-' ? {} : { integration: of };
      expect(lines).toEqual([
        {
          level: 'warn',
          what: 'webhook refused',
          ...integration,
          requestId: answer.headers.get('x-request-id'),
          reason,
        },
      ]);
    },
  );

  it('has one wording for every sender that is not let in', async () => {
    const answers = new Set<string>();
    for (const [, , status, send] of CASES) {
      if (status !== 401) continue;
      await reset();
      answers.add(await (await send()).text());
    }
    expect(answers.size).toBe(1);
  });

  it('is in stats, in metrics, and on the overview with a page that says what to do, in both languages', async () => {
    await post(`/shop/${FORGED_TOKEN}`);
    await post('/nobody');
    await idle();

    const { answer } = await api('GET', '/api/stats');
    expect(answer.totals.refused).toBe(2);
    expect(answer.series.reduce((sum: number, point: { refused: number }) => sum + point.refused, 0)).toBe(2);
    const metrics = await env.RECEIVER.fetch(`${ORIGIN}/api/metrics`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const text = await metrics.text();
    expect(text).toContain('refused_total{integration="shop",reason="wrong-token"} 1\n');
    expect(text).toContain('refused_total{integration="",reason="unknown-integration"} 1\n');

    const { get } = await signedIn();
    expect(await (await get('/')).text()).toContain('href="/refusals?period=day"');
    const english = await (await get('/refusals')).text();
    expect(english).toContain('with a wrong token');
    expect(english).toContain('register the URL again');
    const portuguese = await (await get('/refusals', { 'accept-language': 'pt' })).text();
    expect(portuguese).toContain('com token errado');
    expect(portuguese).toContain('para integração inexistente');
  });

  it('of 10,000 forged requests writes at most ten rows, whatever they are for', async () => {
    const slugs = Array.from({ length: 20 }, (_, index) => `known-${index}`);
    for (const slug of slugs) await register(slug);
    const { statements: before } = await seen();
    const send = async (index: number) => {
      const slug = index % 3 === 0 ? `made-up-${index}` : (slugs[index % slugs.length] ?? '');
      const method = index % 7 === 0 ? 'PUT' : 'POST';
      const path =
        index % 11 === 0 ? `/${slug}/x/y` : index % 5 === 0 ? `/${slug}` : `/${slug}/${FORGED_TOKEN}`;
      await (await env.RECEIVER.fetch(`${ORIGIN}/webhooks${path}`, { method, body: 'x' })).body?.cancel();
    };
    for (let from = 0; from < 10_000; from += 200) {
      await Promise.all(Array.from({ length: 200 }, async (_, index) => send(from + index)));
    }
    await idle();

    const { statements, logged } = await seen();
    const rows = statements.slice(before.length).reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(10);
    const { answer } = await api('GET', '/api/refusals');
    const told = answer.data.reduce((sum: number, { count }: { count: number }) => sum + count, 0);
    expect(told).toBe(10_000);
    expect(logged.filter((line) => line.includes('webhook refused')).length).toBeLessThan(200);
  }, 60_000);

  it('that D1 does not take is written with the next ones', async () => {
    await inject({ d1: { kind: 'reject', on: 'INTO counters' } });
    await post('/nobody');
    await idle();
    await inject({});
    expect(await refusalsTold()).toEqual([]); // which asks for something, and that writes what is left
    expect(await refusalsTold()).toEqual(['unknown-integration -: 1']);
  });

  it('has one line in the log a second, which says how many have none', async () => {
    await env.PROBE.stopClock(1_800_000_000_000);
    for (let request = 0; request < 5; request++) await post('/nobody');
    await env.PROBE.stopClock(1_800_000_001_000);
    await post('/nobody');

    const lines = await loggedWith('webhook refused');
    expect(lines.map((line) => JSON.parse(line).unlogged ?? 0)).toEqual([0, 4]);
  });

  it('is written ten seconds after the first of those that are gathered, by one statement', async () => {
    for (let request = 0; request < 5; request++) {
      await post('/nobody');
      await post('/shop');
    }
    const written = async () => (await statementsWith('INTO counters')).length;
    expect(await written()).toBe(0);
    await idle();
    expect(await written()).toBe(1);
    expect(await refusalsTold()).toEqual(['unknown-integration -: 5', 'no-token shop: 5']);
  });
});

describe('a probe', () => {
  it.each(['GET', 'HEAD'])(
    'by %s of a valid address is answered 200 with a line that says what it is',
    async (method) => {
      const path = `/shop/${await tokenOf('shop')}`;
      const answer = await post(path, { method });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
      const line = 'This is the webhook address of the integration "shop". Deliver webhooks with POST.\n';
      expect(await answer.text()).toBe(method === 'HEAD' ? '' : line);
      expect(await refusalsTold()).toEqual([]);
    },
  );

  it('may have its token in a header, and needs no signature', async () => {
    await register('shop', { requireSignature: true });
    const headers = { authorization: `Bearer ${await tokenOf('shop')}` };
    expect((await post('/shop', { method: 'GET', headers })).status).toBe(200);
  });

  it.each([
    ['with a forged token', {}, `/shop/${FORGED_TOKEN}`, 'wrong-token shop: 1'],
    ['of no integration', {}, '/nobody/x', 'unknown-integration -: 1'],
    ['of a disabled integration', { enabled: 0 }, null, 'disabled shop: 1'],
    ['from an address that is not allowed', { allowedIps: ['192.0.2.7'] }, null, 'address shop: 1'],
  ])('%s is answered 401 as any other, counted and limited', async (_, settings, path, told) => {
    await register('shop', settings);
    const address = path ?? `/shop/${await tokenOf('shop')}`;
    const answer = await post(address, { method: 'GET' });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ type: '/problems/unauthorized' });
    expect(await refusalsTold()).toEqual([told]);

    const statuses = new Set<number>();
    for (let request = 0; request < 120; request++) {
      statuses.add((await post(address, { method: 'GET' })).status);
    }
    expect(statuses).toEqual(new Set([401, 429]));
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'by %s is answered 405 with what may be asked',
    async (method) => {
      const answer = await post(`/shop/${await tokenOf('shop')}`, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
      expect(await refusalsTold()).toEqual(['wrong-method shop: 1']);
    },
  );
});

describe('an integration that accepts rejections', () => {
  beforeEach(async () => {
    await api('PATCH', '/api/integrations/shop', { onRejection: 'accept' });
  });

  it.each([
    ['contract-broken', () => ({ ...responseBody(), event: {} }), 2],
    ['not-json', () => '{', 1],
    ['not-utf8', () => new Uint8Array([0xff]), 1],
  ])(
    'answers 202 with the problems of what is %s, and keeps and counts it',
    async (reason, bodyOf, problems) => {
      const answer = await deliver(bodyOf());
      expect(answer.status).toBe(202);
      const body = (await answer.json()) as { errors: unknown[] };
      expect(body).toMatchObject({ outcome: 'rejected', type: `/problems/${reason}` });
      expect(body.errors).toHaveLength(problems);
      const { answer: kept } = await api('GET', '/api/rejections');
      expect(kept.data).toEqual([expect.objectContaining({ reason, problems: body.errors })]);
      expect(await refusalsTold()).toEqual([`${reason} shop: 1`]);
    },
  );

  it('refuses what is not kept as others do', async () => {
    expect((await post(`/shop/${FORGED_TOKEN}`)).status).toBe(401);
    expect((await deliver('x'.repeat(1_048_577))).status).toBe(413);
    expect((await deliver('{}', { headers: { 'content-encoding': 'br' } })).status).toBe(415);
    await deliver(uniqueResponse());
    await inject({ d1: { kind: 'reject', on: 'rejections' }, intake: { kind: 'reject' } });
    expect((await deliver('{}')).status).toBe(503);
  });

  it('refuses again once it is told to', async () => {
    await api('PATCH', '/api/integrations/shop', { onRejection: 'refuse' });
    expect((await deliver('{}')).status).toBe(422);
  });
});
