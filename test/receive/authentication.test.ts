// Who is let in: each requirement that an integration can have for its sender, met and not met.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { withinOnePeriod } from '../failures.ts';
import { signatureHeaders } from '../signatures.ts';
import {
  countRows,
  deliver,
  delivered,
  type Fields,
  FORGED_TOKEN,
  heldBack,
  idle,
  inject,
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

const APP_ID = String(responseBody().message.appId);
const HOUR_MS = 3_600_000;

beforeEach(async () => reset());

describe('an application', () => {
  it('that the integration is bound to is taken', async () => {
    await register('shop', { appId: APP_ID });
    expect(await delivered(responseText)).toMatchObject({ status: 200, answer: { outcome: 'stored' } });
  });

  it('of another integration is answered 422 and kept as a rejection, once however often it comes', async () => {
    await register('shop', { appId: 'another-app' });
    for (let delivery = 1; delivery <= 3; delivery++) {
      expect(await delivered(responseText)).toEqual({
        status: 422,
        answer: {
          type: '/problems/wrong-application',
          title: "The webhook is another application's",
          status: 422,
          detail: 'The webhook has a problem; see errors.',
          errors: [problemAt('message.appId', 'other-application')],
        },
      });
    }
    expect(await countRows('events')).toBe(0);
    const { results } = await env.DB.prepare('SELECT reason, body, deliveries FROM rejections').run();
    expect(results).toEqual([{ reason: 'wrong-application', body: responseText, deliveries: 3 }]);
  });
});

describe('an address', () => {
  it.each([
    [['192.0.2.7'], '192.0.2.7', 200],
    [['192.0.2.7'], '192.0.2.8', 401],
    [['198.51.100.1', '192.0.2.0/24'], '192.0.2.255', 200],
    [['192.0.2.0/24'], '192.0.3.0', 401],
    [['192.0.2.0/24'], '::ffff:192.0.2.9', 200],
    [['2001:db8:1::/48'], '2001:db8:1:2::3', 200],
    [['2001:db8:1::/48'], '2001:db8:2::', 401],
    [['2001:db8:1::/48'], '192.0.2.7', 401],
    [['0.0.0.0/0'], '2001:db8::1', 401],
    [['192.0.2.7'], null, 401],
    [['192.0.2.7'], 'unknown', 401],
    [null, null, 200],
  ])('is let in or not by the allowed addresses (%j allow %s: %i)', async (allowedIps, address, status) => {
    await register('shop', { allowedIps });
    const headers = address === null ? {} : { 'cf-connecting-ip': address };
    expect((await deliver(responseText, { headers })).status).toBe(status);
    expect(await countRows('events')).toBe(status === 200 ? 1 : 0);
    expect(await countRows('rejections')).toBe(0);
  });

  it('said in another header counts for nothing', async () => {
    await register('shop', { allowedIps: ['192.0.2.7'] });
    const headers = {
      'cf-connecting-ip': '192.0.2.8',
      'x-forwarded-for': '192.0.2.7',
      'x-real-ip': '192.0.2.7',
    };
    expect((await deliver(responseText, { headers })).status).toBe(401);
  });
});

describe('a signature', () => {
  beforeEach(async () => register('shop', { requireSignature: true }));

  it('by Standard Webhooks is taken', async () => {
    const headers = await signatureHeaders(responseText);
    expect(await delivered(responseText, { headers })).toMatchObject({ status: 200 });
  });

  it('may be one of several versions and secrets', async () => {
    const headers = await signatureHeaders(responseText);
    const other = (await signatureHeaders(responseText, { slug: 'mail' }))['webhook-signature'];
    headers['webhook-signature'] = `v1a,abc ${other} ${headers['webhook-signature']} v2,x`;
    expect((await deliver(responseText, { headers })).status).toBe(200);
  });

  it.each<[string, (headers: Record<string, string>) => Promise<void> | void]>([
    ['none', (headers) => void delete headers['webhook-signature']],
    ['no id', (headers) => void delete headers['webhook-id']],
    ['no timestamp', (headers) => void delete headers['webhook-timestamp']],
    ['another id', (headers) => void Object.assign(headers, { 'webhook-id': 'msg_2' })],
    [
      'another timestamp',
      (headers) =>
        void Object.assign(headers, {
          'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1),
        }),
    ],
    ['a timestamp that is none', (headers) => void Object.assign(headers, { 'webhook-timestamp': 'now' })],
    [
      'its signature only under another version',
      (headers) =>
        void Object.assign(headers, {
          'webhook-signature': headers['webhook-signature']?.replace('v1,', 'v2,'),
        }),
    ],
    ['text that is no base64', (headers) => void Object.assign(headers, { 'webhook-signature': 'v1,!' })],
    [
      'the secret of another integration',
      async (headers) => void Object.assign(headers, await signatureHeaders(responseText, { slug: 'mail' })),
    ],
    [
      'the secret of another generation',
      async (headers) => void Object.assign(headers, await signatureHeaders(responseText, { generation: 2 })),
    ],
    [
      'six minutes of age',
      async (headers) =>
        void Object.assign(headers, await signatureHeaders(responseText, { atMs: Date.now() - 360_000 })),
    ],
    [
      'a time six minutes ahead',
      async (headers) =>
        void Object.assign(headers, await signatureHeaders(responseText, { atMs: Date.now() + 360_000 })),
    ],
  ])('is refused where it has %s, and nothing is kept', async (_, change) => {
    const headers = await signatureHeaders(responseText);
    await change(headers);
    const response = await deliver(responseText, { headers });

    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ type: '/problems/unauthorized' });
    expect((await countRows('events')) + (await countRows('rejections'))).toBe(0);
  });

  it.each([-290_000, 290_000])('made %i ms from now is taken', async (offsetMs) => {
    const headers = await signatureHeaders(responseText, { atMs: Date.now() + offsetMs });
    expect((await deliver(responseText, { headers })).status).toBe(200);
  });

  it('over another body is refused', async () => {
    const headers = await signatureHeaders(responseText);
    expect((await deliver(`${responseText} `, { headers })).status).toBe(401);
  });

  it('does not stand in for the token', async () => {
    const headers = await signatureHeaders(responseText);
    const response = await env.RECEIVER.fetch(`${ORIGIN}/webhooks/shop/wrong`, {
      method: 'POST',
      body: responseText,
      headers,
    });
    expect(response.status).toBe(401);
  });

  it('over bytes that are not UTF-8 is checked over the bytes', async () => {
    const bytes = new Uint8Array([0x7b, 0xff, 0x7d]);
    const headers = await signatureHeaders(bytes);
    expect((await deliver(bytes, { headers })).status).toBe(400);
    expect(await countRows('rejections')).toBe(1);
  });

  it.each([1, 2])('of generation %i is good with either token while both are valid', async (generation) => {
    await register('shop', {
      requireSignature: true,
      generation: 2,
      previous: [{ generation: 1, untilMs: Date.now() + HOUR_MS }],
    });
    const headers = await signatureHeaders(responseText, { generation });
    for (const ofToken of [1, 2]) {
      expect((await deliver(responseText, { headers, generation: ofToken })).status).toBe(200);
    }
  });

  it('of a generation that has ended is refused', async () => {
    await register('shop', {
      requireSignature: true,
      generation: 2,
      previous: [{ generation: 1, untilMs: Date.now() + HOUR_MS }],
    });
    await env.PROBE.setClock(HOUR_MS);
    const atMs = Date.now() + HOUR_MS;
    const old = await signatureHeaders(responseText, { generation: 1, atMs });
    const current = await signatureHeaders(responseText, { generation: 2, atMs });
    expect((await deliver(responseText, { headers: old, generation: 2 })).status).toBe(401);
    expect((await deliver(responseText, { headers: current, generation: 2 })).status).toBe(200);
  });
});

describe('a token that was rotated away', () => {
  it('works until its overlap ends and not after, beside the new one', async () => {
    const untilMs = Date.now() + 24 * HOUR_MS;
    await register('shop', { generation: 2, previous: [{ generation: 1, untilMs }] });
    const statuses = async () =>
      Promise.all([1, 2].map(async (generation) => (await deliver(uniqueResponse(), { generation })).status));

    expect(await statuses()).toEqual([200, 200]);
    await env.PROBE.stopClock(untilMs - 1);
    expect(await statuses()).toEqual([200, 200]);
    await env.PROBE.stopClock(untilMs);
    expect(await statuses()).toEqual([401, 200]);
  });

  it('is dead at once when it was revoked', async () => {
    await register('shop', { generation: 2, previous: [{ generation: 1, untilMs: 0 }] });
    expect((await deliver(responseText, { generation: 1 })).status).toBe(401);
  });

  it('lives as long as it was promised when another rotation follows', async () => {
    const now = Date.now();
    await register('shop', {
      generation: 3,
      previous: [
        { generation: 2, untilMs: now + 2 * HOUR_MS },
        { generation: 1, untilMs: now + HOUR_MS },
      ],
    });
    await env.PROBE.setClock(HOUR_MS);
    const statuses = [1, 2, 3].map(
      async (generation) => (await deliver(responseText, { generation })).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 200, 200]);
  });
});

describe('a change of the registration', () => {
  it('takes effect within 30 s in an isolate that knew the one before', async () => {
    expect((await deliver(uniqueResponse())).status).toBe(200);
    await register('shop', { enabled: 0 });
    expect((await deliver(uniqueResponse())).status).toBe(200); // what this isolate knows
    await env.PROBE.setClock(30_000);
    expect((await deliver(uniqueResponse())).status).toBe(401);
  });

  it('is read in the background, before any webhook has to wait for it', async () => {
    await deliver(uniqueResponse());
    await register('shop', { enabled: 0 });
    await env.PROBE.setClock(15_000);
    expect((await deliver(uniqueResponse())).status).toBe(200); // asks in the background
    await idle();
    expect((await deliver(uniqueResponse())).status).toBe(401);
  });

  it.each([
    ['registered', async () => register('new'), 'new', 1],
    ['rotated', async () => register('shop', { generation: 2 }), 'shop', 2],
  ])(
    'that makes a new token (%s) is known as soon as somebody presents it',
    async (_, change, slug, generation) => {
      const readings = async () => (await statementsWith('FROM integrations')).length;
      await deliver(uniqueResponse());
      await change();
      expect((await deliver(uniqueResponse(), { slug, generation })).status).toBe(200);
      expect(await readings()).toBe(2);
      expect((await deliver(uniqueResponse(), { slug, generation })).status).toBe(200);
      expect(await readings()).toBe(2);
    },
  );

  it('that makes a new token is known by one statement on a cold isolate', async () => {
    await register('shop', { generation: 2 });
    expect((await deliver(uniqueResponse(), { generation: 3 })).status).toBe(401); // genuine, but of no rotation that there was
    expect((await seen()).statements).toHaveLength(1);
  });

  it('that takes a genuine token away has its holders ask D1, by one statement at a time', async () => {
    await deliver(uniqueResponse());
    await register('other');
    await deliver(uniqueResponse(), { slug: 'other' });
    await env.DB.prepare("DELETE FROM integrations WHERE slug = 'other'").run();
    await env.PROBE.setClock(30_000);
    await deliver(uniqueResponse());
    const before = (await seen()).statements.length;
    await inject({ d1: { kind: 'late', on: 'FROM integrations' } });
    const flood = Promise.all(
      Array.from({ length: 40 }, async () => (await deliver(uniqueResponse(), { slug: 'other' })).status),
    );
    await heldBack();
    expect(await env.PROBE.heldBack()).toBe(1);
    await inject({});
    expect(new Set(await flood)).toEqual(new Set([401, 429]));

    const sql = (await seen()).statements.slice(before).map((statement) => statement.sql);
    expect(sql.filter((text) => text.includes('FROM integrations')).length).toBeLessThanOrEqual(3);
  });

  it('has no effect while D1 is down, when the last known registrations serve', async () => {
    await register('off', { enabled: 0 });
    await deliver(uniqueResponse());
    await inject({ d1: { kind: 'reject' } });
    await env.PROBE.setClock(HOUR_MS);

    expect((await delivered(uniqueResponse())).answer.outcome).toBe('deferred');
    expect((await deliver(uniqueResponse(), { slug: 'off' })).status).toBe(401);
    expect((await deliver(uniqueResponse(), { generation: 2 })).status).toBe(200); // newer than what is known
    expect((await seen()).deferred).toHaveLength(2);
  });
});

describe('made-up addresses', () => {
  it('are answered without D1, and push nothing out of the cache', async () => {
    await deliver(uniqueResponse());
    const before = (await seen()).statements.length;
    const token = await tokenOf('shop');
    for (let index = 0; index < 1_500; index += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, offset) =>
          env.RECEIVER.fetch(`${ORIGIN}/webhooks/made-up-${index + offset}/${token}`, { method: 'POST' }),
        ),
      );
    }
    expect((await seen()).statements.length).toBe(before);
    expect((await deliver(uniqueResponse())).status).toBe(200);
    const sql = (await seen()).statements.slice(before).map((statement) => statement.sql);
    expect(sql.filter((text) => text.includes('FROM integrations'))).toEqual([]);
  });

  it.each([
    ['cold', async () => undefined],
    ['warm', async () => void (await deliver(uniqueResponse()))],
  ])(
    'cost the same as a disabled one and as a wrong token, and are answered the same (%s)',
    async (_, prepare) => {
      const cases: [slug: string, token: string][] = [
        ['nobody', FORGED_TOKEN],
        ['nobody', 'x'],
        ['off', await tokenOf('off')],
        ['off', FORGED_TOKEN],
        ['shop', FORGED_TOKEN],
        ['shop', 'x'],
        ['shop', await tokenOf('off')],
        ['strict', await tokenOf('strict')],
      ];
      const costs: Fields[] = [];
      for (const [slug, token] of cases) {
        await reset();
        await register('off', { enabled: 0 });
        await register('strict', { allowedIps: ['192.0.2.7'] });
        await prepare();
        const before = await seen();
        const response = await env.RECEIVER.fetch(`${ORIGIN}/webhooks/${slug}/${token}`, {
          method: 'POST',
          body: responseText,
        });
        const { statements, digests } = await seen();
        const headers = [...response.headers].filter(([name]) => name !== 'x-request-id');
        costs.push({
          status: response.status,
          headers: JSON.stringify(headers),
          text: await response.text(),
          statements: statements.slice(before.statements.length).map(({ sql }) => sql),
          digests: digests - before.digests,
        });
      }
      expect(costs[0]?.status).toBe(401);
      expect(costs[0]?.digests).toBe(1);
      expect(new Set(costs.map((cost) => JSON.stringify(cost)))).toEqual(new Set([JSON.stringify(costs[0])]));
    },
  );
});

describe('failed authentications of webhooks', () => {
  const attempt = async (address: string, token = 'wrong') =>
    env.RECEIVER.fetch(`${ORIGIN}/webhooks/shop/${token}`, {
      method: 'POST',
      body: JSON.stringify(uniqueResponse()),
      headers: { 'cf-connecting-ip': address },
    });

  it('are answered 429 from the 21st in a minute on, by address; authentic ones never are', async () => {
    await withinOnePeriod();
    const statuses: number[] = [];
    for (let index = 0; index < 22; index++) statuses.push((await attempt('192.0.2.1')).status);
    expect(statuses).toEqual([...Array(20).fill(401), 429, 429]);

    const limited = await attempt('192.0.2.1');
    expect(limited.headers.get('retry-after')).toBe('60');
    expect(await limited.json()).toMatchObject({ type: '/problems/too-many-failures', status: 429 });
    expect((await attempt('192.0.2.2')).status).toBe(401);
    const token = await tokenOf('shop');
    for (let index = 0; index < 30; index++) expect((await attempt('192.0.2.1', token)).status).toBe(200);
  });

  it('are counted apart from those of the API', async () => {
    await withinOnePeriod();
    for (let index = 0; index < 21; index++) await attempt('192.0.2.1');
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/events`, {
      headers: { 'cf-connecting-ip': '192.0.2.1', authorization: 'Bearer wrong' },
    });
    expect(response.status).toBe(401);
  });
});
