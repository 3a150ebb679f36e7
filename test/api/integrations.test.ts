import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ContractProblem, problemAt } from '../../src/contract/problems.ts';
import type { ProblemReason } from '../../src/http/problem-details.ts';
import { webhookTokens, writtenSigningSecret } from '../../src/sender/webhook-token.ts';
import type { AnswerAt } from '../answers.ts';
import {
  ADMIN_TOKEN,
  api,
  ask,
  countRows,
  deliver,
  type Fields,
  inject,
  ORIGIN,
  register,
  reset,
  responseText,
  tokenOf,
  uniqueResponse,
} from '../webhooks.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const READ_TOKEN = 'read-token-of-the-tests-only';

beforeEach(async () => reset());

async function urlOf(slug: string, generation = 1, base = ORIGIN): Promise<string> {
  return `${base}/webhooks/${slug}/${await tokenOf(slug, generation)}`;
}

async function signingSecretOf(slug: string, generation = 1): Promise<string> {
  return writtenSigningSecret(await webhookTokens(env.WEBHOOK_SECRET).deriveSigningSecret(slug, generation));
}

/** The audit trail, oldest first. */
async function audited() {
  const { results } = await env.DB.prepare(
    'SELECT actor, action, object, detail FROM audit ORDER BY seq',
  ).run<{
    detail: string;
  }>();
  return results.map((row) => ({ ...row, detail: JSON.parse(row.detail) }));
}

/** Delivers to an address as it stands; a cold isolate, so that what was changed is known. */
async function deliverTo(url: string | null): Promise<number> {
  await env.PROBE.restart();
  const response = await env.RECEIVER.fetch(url ?? '', {
    method: 'POST',
    body: JSON.stringify(uniqueResponse()),
  });
  return response.status;
}

function conflict(detail: string, reason: ProblemReason) {
  return {
    status: 409,
    answer: {
      type: '/problems/conflict',
      title: 'In conflict with what is there',
      status: 409,
      detail,
      reason,
    },
  };
}

const NOT_FOUND = {
  status: 404,
  answer: {
    type: '/problems/not-found',
    title: 'Not found',
    status: 404,
    detail: 'There is no integration with this slug.',
  },
};

function invalid(...errors: ContractProblem[]) {
  return {
    status: 422,
    answer: {
      type: '/problems/invalid-body',
      title: 'The body is not valid',
      status: 422,
      detail: 'The body is not valid; see errors.',
      errors,
    },
  };
}

describe('integrations', () => {
  it('are listed by slug, each with the fields that are promised', async () => {
    await env.DB.prepare(
      `INSERT INTO integrations (
         slug, app_id, description, allowed_ips, require_signature, generation, previous, enabled, created_at,
         last_event_at
       )
       VALUES ('mail', 'app-1', 'Mail', '["192.0.2.0/24"]', 1, 3, ?1, 0, 1577836800000, 1577836800001)`,
    )
      .bind(
        JSON.stringify([
          { generation: 2, untilMs: 4102444800000 },
          { generation: 1, untilMs: 1577836800000 },
        ]),
      )
      .run();
    const shop = {
      slug: 'shop',
      appId: null,
      description: null,
      enabled: true,
      generation: 1,
      previous: [],
      allowedIps: null,
      requireSignature: false,
      onRejection: 'refuse',
      createdAt: '1970-01-01T00:00:00.000Z',
      lastEventAt: null,
      url: await urlOf('shop'),
      signingSecret: await signingSecretOf('shop'),
    };
    const mail = {
      slug: 'mail',
      appId: 'app-1',
      description: 'Mail',
      enabled: false,
      generation: 3,
      previous: [{ generation: 2, validUntil: '2100-01-01T00:00:00.000Z' }],
      allowedIps: ['192.0.2.0/24'],
      requireSignature: true,
      onRejection: 'refuse',
      createdAt: '2020-01-01T00:00:00.000Z',
      lastEventAt: '2020-01-01T00:00:00.001Z',
      url: await urlOf('mail', 3),
      signingSecret: await signingSecretOf('mail', 3),
    };
    expect(await ask('/api/integrations')).toEqual({ status: 200, answer: { data: [mail, shop] } });
    expect(await ask('/api/integrations/shop')).toEqual({ status: 200, answer: shop });
    expect(await ask('/api/integrations/mail')).toEqual({ status: 200, answer: mail });
  });

  it('are none before one is registered', async () => {
    await env.DB.prepare('DELETE FROM integrations').run();
    expect(await ask('/api/integrations')).toEqual({ status: 200, answer: { data: [] } });
  });

  it.each(['nobody', 'SHOP', 'sho', '%', 'shop%2Fx'])('are not found by the slug %s', async (slug) => {
    expect(await ask(`/api/integrations/${slug}`)).toEqual(NOT_FOUND);
    for (const [method, action, body] of [
      ['PATCH', '', { appId: null }],
      ['DELETE', '', undefined],
      ['DELETE', '?force=true', undefined],
      ['POST', '/rotate', undefined],
      ['POST', '/enable', undefined],
      ['POST', '/disable', undefined],
    ] as const) {
      expect(await api(method, `/api/integrations/${slug}${action}`, body), `${method} ${action}`).toEqual(
        NOT_FOUND,
      );
    }
    expect(await countRows('audit')).toBe(0);
  });

  it('are shown to readers without URL and signing secret, and not changed by them', async () => {
    await reset({ READ_TOKEN });
    const shown = (await api('GET', '/api/integrations/shop', undefined, READ_TOKEN)).answer;
    expect(shown).toMatchObject({ slug: 'shop', generation: 1, url: null, signingSecret: null });
    const listed = (await api('GET', '/api/integrations', undefined, READ_TOKEN)).answer;
    expect(listed).toEqual({ data: [shown] });
    expect(JSON.stringify(listed)).not.toContain(await tokenOf('shop'));

    for (const [method, path, body] of [
      ['POST', '', { slug: 'mail' }],
      ['PATCH', '/shop', { appId: 'app-1' }],
      ['DELETE', '/shop', undefined],
      ['POST', '/shop/rotate', undefined],
      ['POST', '/shop/disable', undefined],
    ] as const) {
      const { status, answer } = await api(method, `/api/integrations${path}`, body, READ_TOKEN);
      expect([status, 'url' in answer], `${method} ${path}`).toEqual([403, false]);
    }
    expect((await ask('/api/integrations')).answer.data).toEqual([
      { ...shown, url: await urlOf('shop'), signingSecret: await signingSecretOf('shop') },
    ]);
    expect(await countRows('audit')).toBe(0);
  });
});

describe('the URL of an integration', () => {
  it.each([1, 2])('takes webhooks as it stands, in generation %i', async (generation) => {
    await register('shop', { generation });
    const { answer } = await ask('/api/integrations/shop');
    const response = await env.RECEIVER.fetch(answer.url ?? '', { method: 'POST', body: responseText });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ outcome: 'stored' });
  });

  it('begins with the address that the request came to', async () => {
    const response = await env.RECEIVER.fetch('http://127.0.0.1:8787/api/integrations/shop?a=b', {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(await response.json()).toMatchObject({ url: await urlOf('shop', 1, 'http://127.0.0.1:8787') });
  });

  it.each([
    ['https://hooks.example.com', 'https://hooks.example.com'],
    ['https://hooks.example.com/base/', 'https://hooks.example.com/base'],
  ])('is at the public address where one is set: %s', async (publicUrl, base) => {
    await reset({ PUBLIC_URL: publicUrl });
    const { answer } = await ask('/api/integrations');
    expect(answer.data).toMatchObject([{ url: await urlOf('shop', 1, base) }]);
    expect((await ask('/api/integrations/shop')).answer.url).toBe(await urlOf('shop', 1, base));
    const { answer: created } = await api('POST', '/api/integrations', { slug: 'mail' });
    expect(created.url).toBe(await urlOf('mail', 1, base));
  });
});

describe('registering an integration', () => {
  it('answers with the integration and its location, and its URL takes webhooks', async () => {
    const before = Date.now();
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/integrations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        slug: 'mail',
        appId: '5e138ee5d53f5b001b96fa54',
        description: 'Correio, São Paulo',
        allowedIps: ['192.0.2.77/24', '2001:DB8::0001'],
        requireSignature: true,
      }),
    });
    const created: AnswerAt<'POST', '/api/integrations'> = await response.json();

    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe(`${ORIGIN}/api/integrations/mail`);
    expect(created).toEqual({
      slug: 'mail',
      appId: '5e138ee5d53f5b001b96fa54',
      description: 'Correio, São Paulo',
      enabled: true,
      generation: 1,
      previous: [],
      allowedIps: ['192.0.2.0/24', '2001:db8::1'],
      requireSignature: true,
      onRejection: 'refuse',
      createdAt: expect.stringMatching(TIME),
      lastEventAt: null,
      url: await urlOf('mail'),
      signingSecret: await signingSecretOf('mail'),
    });
    expect(Date.parse(created.createdAt)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(created.createdAt)).toBeLessThanOrEqual(Date.now());
    expect((await ask('/api/integrations/mail')).answer).toEqual(created);

    const { answer: plain } = await api('POST', '/api/integrations', { slug: 'plain' });
    expect(await deliverTo(plain.url)).toBe(200);
  });

  it.each([[{}], [{ appId: null, description: null, allowedIps: null, requireSignature: false }]])(
    'asks for nothing but what is said: %j',
    async (settings) => {
      const { status, answer } = await api('POST', '/api/integrations', { slug: 'mail', ...settings });
      expect(status).toBe(201);
      expect(answer).toMatchObject({
        appId: null,
        description: null,
        allowedIps: null,
        requireSignature: false,
        enabled: true,
      });
    },
  );

  it('can set what rejections are answered, and changing that is recorded in the audit trail', async () => {
    const created = await api('POST', '/api/integrations', { slug: 'mail', onRejection: 'accept' });
    expect(created).toMatchObject({ status: 201, answer: { onRejection: 'accept' } });
    const changed = await api('PATCH', '/api/integrations/mail', { onRejection: 'refuse' });
    expect(changed).toMatchObject({ status: 200, answer: { onRejection: 'refuse' } });
    expect(await api('PATCH', '/api/integrations/mail', { description: 'Mail' })).toMatchObject({
      answer: { onRejection: 'refuse' },
    });
    expect(await api('PATCH', '/api/integrations/mail', { onRejection: 'lose' })).toEqual(
      invalid(problemAt('onRejection', 'not-one-of', { values: ['refuse', 'accept'] })),
    );
    expect((await audited()).map(({ detail }) => detail.onRejection)).toEqual([
      'accept',
      'refuse',
      undefined,
    ]);
  });

  it('is audited, without token or secret', async () => {
    await api('POST', '/api/integrations', { slug: 'mail', appId: 'app-1', allowedIps: ['192.0.2.1/24'] });
    const entries = await audited();
    expect(entries).toEqual([
      {
        actor: 'admin-token',
        action: 'integration.create',
        object: 'mail',
        detail: {
          appId: 'app-1',
          description: null,
          allowedIps: ['192.0.2.0/24'],
          requireSignature: false,
          onRejection: 'refuse',
        },
      },
    ]);
  });

  it('is undone when it cannot be recorded in the audit trail', async () => {
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO audit' } });
    expect((await api('POST', '/api/integrations', { slug: 'mail' })).status).toBe(503);
    await inject({});
    expect(await ask('/api/integrations/mail')).toEqual(NOT_FOUND);
  });

  it.each(['abc', 'a-b', '123', '---', '-ab', 'ab-', 'a--b', 'a'.repeat(64)])(
    'takes the slug %s, which stands in a URL as it is',
    async (slug) => {
      const { status, answer } = await api('POST', '/api/integrations', { slug });
      expect(status).toBe(201);
      expect(await deliverTo(answer.url)).toBe(200);
      expect((await ask(`/api/integrations/${slug}`)).answer.slug).toBe(slug);
    },
  );

  const typed = (path: string, expected: string, received: string) =>
    problemAt(path, 'wrong-type', { expected, received });
  it.each<[unknown, ContractProblem]>([
    [undefined, problemAt('slug', 'required')],
    [null, typed('slug', 'string', 'null')],
    [123, typed('slug', 'string', 'number')],
    ...[
      '',
      'ab',
      'a'.repeat(65),
      'Mail',
      'm ail',
      'mail ',
      'mail\n',
      'm_ail',
      'm.ail',
      'm/ail',
      'maíl',
      'mail:1',
    ].map((slug): [string, ContractProblem] => [slug, problemAt('slug', 'slug')]),
  ])('refuses the slug %j', async (slug, error) => {
    expect(await api('POST', '/api/integrations', { slug })).toEqual(invalid(error));
    expect(await countRows('audit')).toBe(0);
  });

  const refused: [settings: Fields, ...errors: ContractProblem[]][] = [
    [{ appId: '' }, problemAt('appId', 'empty')],
    [{ appId: 'x'.repeat(257) }, problemAt('appId', 'too-long', { max: 256 })],
    [{ appId: 'app\u0000' }, problemAt('appId', 'unfaithful')],
    [{ appId: 5 }, typed('appId', 'string', 'number')],
    [{ description: '' }, problemAt('description', 'empty')],
    [{ description: 'x'.repeat(501) }, problemAt('description', 'too-long', { max: 500 })],
    [{ description: 'a\nb' }, problemAt('description', 'one-line')],
    [{ description: 'a\ud800' }, problemAt('description', 'one-line')],
    [{ allowedIps: [] }, problemAt('allowedIps', 'empty-list')],
    [{ allowedIps: '192.0.2.1' }, typed('allowedIps', 'array', 'string')],
    [
      { allowedIps: ['192.0.2.1', 'x', '192.0.2.0/24', '192.0.2.0/33', 7] },
      problemAt('allowedIps.1', 'not-an-address-range'),
      problemAt('allowedIps.3', 'not-an-address-range'),
      typed('allowedIps.4', 'string', 'number'),
    ],
    [
      { allowedIps: Array.from({ length: 101 }, (_, index) => `192.0.2.${index}`) },
      problemAt('allowedIps', 'too-many', { max: 100 }),
    ],
    [{ requireSignature: 'true' }, typed('requireSignature', 'boolean', 'string')],
    [{ requireSignature: null }, typed('requireSignature', 'boolean', 'null')],
    [{ appID: 'x', enabled: true }, problemAt('appID', 'unknown'), problemAt('enabled', 'unknown')],
    [JSON.parse('{ "__proto__": { "slug": "x" } }'), problemAt('__proto__', 'unknown')],
    [
      { appId: 1, description: '', generation: 7 },
      typed('appId', 'string', 'number'),
      problemAt('description', 'empty'),
      problemAt('generation', 'unknown'),
    ],
  ];

  it.each(refused)('refuses %j, naming every problem', async (settings, ...errors) => {
    const body = Object.defineProperties({ slug: 'mail' }, Object.getOwnPropertyDescriptors(settings));
    expect(await api('POST', '/api/integrations', body)).toEqual(invalid(...errors));
    expect(await ask('/api/integrations/mail')).toEqual(NOT_FOUND);
  });

  it.each(refused)('refuses to be changed to %j', async (settings, ...errors) => {
    expect(await api('PATCH', '/api/integrations/shop', settings)).toEqual(invalid(...errors));
    expect(await countRows('audit')).toBe(0);
  });

  it('accepts every setting at its largest size', async () => {
    const most = {
      appId: 'x'.repeat(256),
      description: 'x'.repeat(500),
      allowedIps: Array.from(
        { length: 100 },
        (_, index) => `2001:db8:1:2:3:4:5:${(0x1000 + index).toString(16)}`,
      ),
    };
    const { status, answer } = await api('POST', '/api/integrations', { slug: 'm'.repeat(64), ...most });
    expect(status).toBe(201);
    expect(answer).toMatchObject(most);
  });

  it('writes addresses in one way, each once', async () => {
    const { answer } = await api('POST', '/api/integrations', {
      slug: 'mail',
      allowedIps: [
        '2001:DB8::/32',
        '192.0.2.9/24',
        '::ffff:192.0.2.0/120',
        '2001:db8:0:0::1/32',
        '192.0.2.1/32',
      ],
    });
    expect(answer.allowedIps).toEqual(['2001:db8::/32', '192.0.2.0/24', '192.0.2.1']);
  });

  it('is refused when the slug is taken, and changes nothing', async () => {
    await register('shop', { appId: 'app-1', generation: 4, enabled: 0 });
    const before = await ask('/api/integrations/shop');
    expect(await api('POST', '/api/integrations', { slug: 'shop', appId: 'app-2' })).toEqual(
      conflict('There is an integration with this slug already.', 'slug-taken'),
    );
    expect(await ask('/api/integrations/shop')).toEqual(before);
    expect(await countRows('audit')).toBe(0);
  });

  it('of one slug ten times at once happens once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        api('POST', '/api/integrations', { slug: 'mail', appId: `app-${index}` }),
      ),
    );
    const created = answers.filter(({ status }) => status === 201);
    expect(created).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
    expect((await ask('/api/integrations/mail')).answer).toEqual(created[0]?.answer);
    expect(await audited()).toMatchObject([{ detail: { appId: created[0]?.answer.appId } }]);
  });

  it('is refused past a thousand, also at once, until one is deleted', async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998)
       INSERT INTO integrations (slug, created_at) SELECT 'slug-' || i, 0 FROM n`,
    ).run();
    const full = conflict('There are 1000 integrations, the most there can be.', 'too-many-integrations');
    const answers = await Promise.all(
      ['one', 'two', 'three', 'four'].map(async (slug) => api('POST', '/api/integrations', { slug })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status !== 201)).toEqual([full, full, full]);
    expect((await ask('/api/integrations')).answer.data).toHaveLength(1_000);
    expect(await countRows('audit')).toBe(1);

    expect(await api('POST', '/api/integrations', { slug: 'shop' })).toEqual(
      conflict('There is an integration with this slug already.', 'slug-taken'),
    );
    await api('DELETE', '/api/integrations/slug-7');
    expect((await api('POST', '/api/integrations', { slug: 'five' })).status).toBe(201);
    expect(await api('POST', '/api/integrations', { slug: 'six' })).toEqual(full);
  });
});

describe('changing an integration', () => {
  const settings = {
    appId: 'app-1',
    description: 'Shop',
    allowedIps: ['192.0.2.0/24'],
    requireSignature: true,
  };

  it.each<Fields>([
    { appId: 'app-2' },
    { appId: null },
    { description: 'A "quoted" \u{1f600} text' },
    { description: null },
    { allowedIps: ['2001:db8::1', '198.51.100.0/24'] },
    { allowedIps: null },
    { requireSignature: false },
    { appId: null, description: null, allowedIps: null, requireSignature: false },
  ])('to %j leaves the rest as it is', async (patch) => {
    const { answer: created } = await api('POST', '/api/integrations', { slug: 'mail', ...settings });
    const changed = await api('PATCH', '/api/integrations/mail', patch);
    expect(changed).toEqual({ status: 200, answer: { ...created, ...patch } });
    expect(await ask('/api/integrations/mail')).toEqual(changed);
    expect((await audited()).at(-1)).toEqual({
      actor: 'admin-token',
      action: 'integration.update',
      object: 'mail',
      detail: patch,
    });
  });

  it('starts from an integration without settings', async () => {
    const { answer } = await api('PATCH', '/api/integrations/shop', settings);
    expect(answer).toMatchObject(settings);
  });

  it('leaves other integrations as they are', async () => {
    await api('POST', '/api/integrations', { slug: 'mail', ...settings });
    const before = await ask('/api/integrations/mail');
    await api('PATCH', '/api/integrations/shop', { appId: 'x', requireSignature: false, allowedIps: null });
    expect(await ask('/api/integrations/mail')).toEqual(before);
  });

  it('to what it is already is answered, and not recorded in the audit trail', async () => {
    await api('PATCH', '/api/integrations/shop', settings);
    const again = await api('PATCH', '/api/integrations/shop', settings);
    expect(again.status).toBe(200);
    expect(again.answer).toMatchObject(settings);
    expect(await countRows('audit')).toBe(1);
  });

  it('to nothing is refused', async () => {
    expect(await api('PATCH', '/api/integrations/shop', {})).toEqual(
      invalid(problemAt('', 'nothing-to-change')),
    );
  });

  it.each(['slug', 'generation', 'enabled', 'previous', 'createdAt', 'lastEventAt', 'url', 'signingSecret'])(
    'does not reach %s',
    async (field) => {
      expect(await api('PATCH', '/api/integrations/shop', { [field]: 'x' })).toEqual(
        invalid(problemAt(field, 'unknown')),
      );
    },
  );

  it('in two places at once does both', async () => {
    const patches = [
      { appId: 'app-9' },
      { description: 'Nine' },
      { allowedIps: ['192.0.2.9'] },
      { requireSignature: true },
    ];
    await Promise.all(patches.map(async (patch) => api('PATCH', '/api/integrations/shop', patch)));
    expect((await ask('/api/integrations/shop')).answer).toMatchObject(Object.assign({}, ...patches));
    expect(await countRows('audit')).toBe(4);
  });
});

describe('rotating', () => {
  /** How long each earlier generation is valid from now on, in hours. */
  async function overlaps(): Promise<[generation: number, hours: number][]> {
    const { answer } = await ask('/api/integrations/shop');
    return answer.previous.map(({ generation, validUntil }) => [
      generation,
      Math.round((Date.parse(validUntil) - Date.now()) / 36_000) / 100,
    ]);
  }

  it('gives a new URL and secret, and lets the old URL in for a day', async () => {
    const old = await urlOf('shop');
    const { status, answer } = await api('POST', '/api/integrations/shop/rotate');

    expect(status).toBe(200);
    expect(answer).toMatchObject({
      generation: 2,
      url: await urlOf('shop', 2),
      signingSecret: await signingSecretOf('shop', 2),
      previous: [{ generation: 1, validUntil: expect.stringMatching(TIME) }],
    });
    expect((await ask('/api/integrations/shop')).answer).toEqual(answer);
    expect(await overlaps()).toEqual([[1, 24]]);
    expect(await audited()).toEqual([
      { actor: 'admin-token', action: 'integration.rotate', object: 'shop', detail: { overlapHours: 24 } },
    ]);

    expect(await deliverTo(old)).toBe(200);
    expect(await deliverTo(answer.url)).toBe(200);
    await env.PROBE.setClock(DAY_MS - 60_000);
    expect(await deliverTo(old)).toBe(200);
    await env.PROBE.setClock(DAY_MS + 1);
    expect(await deliverTo(old)).toBe(401);
    expect(await deliverTo(answer.url)).toBe(200);
    expect(await overlaps()).toEqual([]);
  });

  it.each([
    [{}, 24],
    [{ overlapHours: 720 }, 720],
    [{ overlapHours: 1 }, 1],
    [{ overlapHours: 0.5 }, 0.5],
  ])('with %j has an overlap of %d hours', async (body, hours) => {
    const { status } = await api('POST', '/api/integrations/shop/rotate', body);
    expect(status).toBe(200);
    expect(await overlaps()).toEqual([[1, hours]]);
    expect(await audited()).toMatchObject([{ detail: { overlapHours: hours } }]);
  });

  it.each<[unknown, ContractProblem]>([
    ...[-1, -0.001].map((overlapHours): [Fields, ContractProblem] => [
      { overlapHours },
      problemAt('overlapHours', 'too-small', { min: 0 }),
    ]),
    ...[720.001, 1e308].map((overlapHours): [Fields, ContractProblem] => [
      { overlapHours },
      problemAt('overlapHours', 'too-big', { max: 720 }),
    ]),
    ...(
      [
        ['24', 'string'],
        [null, 'null'],
        [true, 'boolean'],
        [[24], 'array'],
      ] as const
    ).map(([overlapHours, received]): [Fields, ContractProblem] => [
      { overlapHours },
      problemAt('overlapHours', 'wrong-type', { expected: 'number', received }),
    ]),
    [{ overlap: 0 }, problemAt('overlap', 'unknown')],
    [null, problemAt('', 'wrong-type', { expected: 'object', received: 'null' })],
    [[], problemAt('', 'wrong-type', { expected: 'object', received: 'array' })],
  ])('refuses %j', async (body, error) => {
    expect(await api('POST', '/api/integrations/shop/rotate', body)).toEqual(invalid(error));
    expect((await ask('/api/integrations/shop')).answer.generation).toBe(1);
    expect(await countRows('audit')).toBe(0);
  });

  it('with no overlap revokes every earlier generation at once, also for what waits in the intake queue', async () => {
    const deferred = {
      integration: 'shop',
      requestId: 'deferred',
      receivedAtMs: Date.now(),
      payload: JSON.stringify(uniqueResponse()),
    };
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 100 });
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 0 });

    expect(await overlaps()).toEqual([]);
    for (const [generation, status] of [
      [1, 401],
      [2, 401],
      [3, 200],
    ] as const) {
      expect(await deliverTo(await urlOf('shop', generation))).toBe(status);
    }
    await env.DB.prepare('DELETE FROM events').run();
    for (const generation of [1, 2]) await env.PROBE.consumeIntake([{ ...deferred, generation }]);
    expect(await countRows('events')).toBe(0);
    await env.PROBE.consumeIntake([{ ...deferred, generation: 3 }]);
    expect(await countRows('events')).toBe(1);
  });

  it('with an overlap lets in what was deferred within it, later', async () => {
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 1 });
    const deferred = { integration: 'shop', generation: 1, requestId: 'r' };
    const arrivedAt = (receivedAtMs: number) => ({
      ...deferred,
      receivedAtMs,
      payload: JSON.stringify(uniqueResponse()),
    });
    await env.PROBE.setClock(5 * HOUR_MS);
    await env.PROBE.consumeIntake([arrivedAt(Date.now() + 2 * HOUR_MS)]);
    expect(await countRows('events')).toBe(0);
    await env.PROBE.consumeIntake([arrivedAt(Date.now() + HOUR_MS / 2)]);
    expect(await countRows('events')).toBe(1);
  });

  it('lets no earlier generation outlive a later one, and none live longer than was said', async () => {
    for (const overlapHours of [10, 100, 50, 2, 20]) {
      await api('POST', '/api/integrations/shop/rotate', { overlapHours });
    }
    expect(await overlaps()).toEqual([
      [5, 20],
      [4, 2],
      [3, 2],
      [2, 2],
      [1, 2],
    ]);
  });

  it('keeps the end that an earlier generation was given', async () => {
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 1 });
    const [first] = (await ask('/api/integrations/shop')).answer.previous;
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 3 });
    expect((await ask('/api/integrations/shop')).answer.previous.at(-1)).toEqual(first);
  });

  it('forgets generations that ended more than 30 days ago, and has not shown them before', async () => {
    const kept = async () =>
      JSON.parse(
        (await env.DB.prepare('SELECT previous FROM integrations').first<string>('previous')) ?? '',
      ).map(({ generation }: { generation: number }) => generation);
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 1 });
    await env.PROBE.setClock(30 * DAY_MS);
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 1 });
    expect(await kept()).toEqual([2, 1]);
    await env.PROBE.setClock(30 * DAY_MS + HOUR_MS + 60_000);
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 1 });
    expect(await kept()).toEqual([3, 2]);
  });

  it('remembers a hundred earlier generations', async () => {
    const previous = Array.from({ length: 150 }, (_, index) => ({
      generation: 150 - index,
      untilMs: Date.now() + HOUR_MS,
    }));
    await register('shop', { generation: 151, previous });
    const { answer } = await api('POST', '/api/integrations/shop/rotate');
    expect(answer.previous).toHaveLength(100);
    expect(answer.previous[0]?.generation).toBe(151);
    expect(answer.previous[99]?.generation).toBe(52);
  });

  it('twenty times at once gives twenty generations, and every answer is true', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async (_, index) =>
        api('POST', '/api/integrations/shop/rotate', { overlapHours: index + 1 }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const generations = answers.map(({ answer }) => answer.generation).sort((a, b) => a - b);
    expect(generations).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
    for (const { answer } of answers) expect(answer.url).toBe(await urlOf('shop', answer.generation));

    const { answer } = await ask('/api/integrations/shop');
    expect(answer.generation).toBe(21);
    expect(answer.previous.map(({ generation }) => generation)).toEqual(
      Array.from({ length: 20 }, (_, index) => 20 - index),
    );
    const ends = answer.previous.map(({ validUntil }) => validUntil);
    expect(ends).toEqual(ends.toSorted().toReversed());
    expect(await countRows('audit')).toBe(20);
  });

  it('leaves other integrations as they are', async () => {
    await register('mail');
    const before = await ask('/api/integrations/mail');
    await api('POST', '/api/integrations/shop/rotate');
    expect(await ask('/api/integrations/mail')).toEqual(before);
  });
});

describe('disabling and enabling', () => {
  it('closes and opens the address', async () => {
    const { status, answer } = await api('POST', '/api/integrations/shop/disable');
    expect([status, answer.enabled]).toEqual([200, false]);
    expect(await deliverTo(answer.url)).toBe(401);

    const { answer: enabled } = await api('POST', '/api/integrations/shop/enable');
    expect(enabled).toEqual({ ...answer, enabled: true });
    expect(await deliverTo(answer.url)).toBe(200);
    expect(await audited()).toEqual(
      ['disable', 'enable'].map((verb) => ({
        actor: 'admin-token',
        action: `integration.${verb}`,
        object: 'shop',
        detail: {},
      })),
    );
  });

  it('takes effect within 30 s in an isolate that has the earlier state cached', async () => {
    expect((await deliver(uniqueResponse())).status).toBe(200);
    await api('POST', '/api/integrations/shop/disable');
    await env.PROBE.setClock(31_000);
    expect((await deliver(uniqueResponse())).status).toBe(401);
  });

  it.each([
    ['enable', true],
    ['disable', false],
  ] as const)('to %s again is answered, and audited once', async (verb, enabled) => {
    await register('shop', { enabled: Number(!enabled) });
    for (let time = 0; time < 3; time++) {
      const answered = await api('POST', `/api/integrations/shop/${verb}`);
      expect(answered).toMatchObject({ status: 200, answer: { enabled } });
    }
    expect(await countRows('audit')).toBe(1);
  });

  it('leaves other integrations as they are', async () => {
    await register('mail');
    await api('POST', '/api/integrations/shop/disable');
    expect((await ask('/api/integrations/mail')).answer.enabled).toBe(true);
  });
});
