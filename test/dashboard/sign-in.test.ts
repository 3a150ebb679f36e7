// Signing in: who may see pages, and who may change something through them.

import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_FAILURES, withinOnePeriod } from '../failures.ts';
import { ADMIN_TOKEN, countRows, ORIGIN, reset, seen } from '../webhooks.ts';
import { browserWith, cookiesOf, READ_TOKEN, signedIn, signIn } from './signed-in.ts';

const HOUR_MS = 3_600_000;

/** One of each section. */
const PAGES = [
  '/',
  '/find?q=x',
  '/live/events',
  '/events',
  '/events/shop/nothing',
  '/contacts',
  '/contacts/%2B5544999999999',
  '/integrations',
  '/rejections',
  '/dead-letters',
  '/replays',
  '/audit',
];

const nobody = browserWith('');

beforeEach(async () => reset({ READ_TOKEN }));

describe('somebody who is not signed in', () => {
  it.each(PAGES)('is led to the form and back: %s', async (path) => {
    const response = await nobody.get(path);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(`/sign-in?${new URLSearchParams({ next: path })}`);
    expect((await seen()).statements).toEqual([]);
  });

  it('changes nothing', async () => {
    const response = await nobody.post('/integrations', { slug: 'mine' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/sign-in']);
    expect(await countRows('integrations')).toBe(1);
  });

  it('has the whole page led to the form when a script of the page asks for a part', async () => {
    const response = await nobody.get('/', { 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' });
    expect([response.status, response.headers.get('hx-redirect')]).toEqual([401, '/sign-in']);
  });

  it('is sent the same page once more after a link on another site, which brings no strict cookie', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' };
    const response = await nobody.get('/events?type=response', headers);
    expect(response.status).toBe(200);
    const page = await response.text();
    expect(page).toContain('<meta http-equiv="refresh" content="0"/>');
    expect(page).toContain('href="/events?type=response"');
    expect((await nobody.get('/events', { 'sec-fetch-site': 'same-origin' })).status).toBe(303);
  });

  it('is answered 404 at addresses where nothing is', async () => {
    for (const path of ['/nothing', '/signin', '/assets', '/event']) {
      expect((await nobody.get(path)).status).toBe(404);
    }
  });
});

describe('the sign-in', () => {
  it.each([
    ['the admin token', ADMIN_TOKEN],
    ['the read token', READ_TOKEN],
    ['a token with blanks around it, as it is pasted', ` ${ADMIN_TOKEN}\n`],
  ])('takes %s', async (_, token) => {
    const response = await signIn(token, { next: '/events?type=status' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/events?type=status']);
    expect((await browserWith(cookiesOf(response)).get('/')).status).toBe(200);
  });

  it.each(['', 'wrong', ADMIN_TOKEN.slice(0, -1), `${ADMIN_TOKEN}x`, ADMIN_TOKEN.toUpperCase()])(
    'refuses %j, in words',
    async (token) => {
      const response = await signIn(token, { next: '/events' });
      expect(response.status).toBe(401);
      expect(response.headers.getSetCookie()).toEqual([]);
      const page = await response.text();
      expect(page).toContain('role="alert"');
      expect(page).toContain('name="next" value="/events"');
      expect(page).not.toContain(ADMIN_TOKEN);
    },
  );

  it('gives a cookie that no script reads, no other site sends and no other host sets', async () => {
    const [cookie = ''] = (await signIn(ADMIN_TOKEN)).headers.getSetCookie();
    const [value = '', ...attributes] = cookie.split('; ');
    expect(value).toMatch(/^__Host-session=/);
    expect(new Set(attributes)).toEqual(
      new Set(['Max-Age=43200', 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict']),
    );
    expect(decodeURIComponent(value)).not.toContain(ADMIN_TOKEN);
  });

  it('gives a cookie that browsers take over HTTP, too', async () => {
    const response = await env.RECEIVER.fetch('http://localhost:8787/sign-in', {
      method: 'POST',
      body: new URLSearchParams({ token: ADMIN_TOKEN }),
      redirect: 'manual',
    });
    expect(response.headers.getSetCookie()[0]).toMatch(
      /^session=[^;]+; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/,
    );
  });

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example',
    '/\t/evil.example',
    '/.//evil.example/x',
    '/..//evil.example/x',
    '/x/..//evil.example/x',
    '/%2e//evil.example/x',
    '/%2E%2e//evil.example/x',
    '/./\\evil.example/x',
    '/.\\/evil.example/x',
    '/./\t/evil.example/x',
    'javascript:alert(1)',
    '',
  ])('leads to no other site: %j', async (next) => {
    const signedInto = await signIn(ADMIN_TOKEN, { next });
    const switched = await nobody.post('/language', { language: 'en', next });
    for (const response of [signedInto, switched]) {
      expect(response.status).toBe(303);
      expect(new URL(response.headers.get('location') ?? '', ORIGIN).origin).toBe(ORIGIN);
    }
    const form = await nobody.page(`/sign-in?${new URLSearchParams({ next })}`);
    const [, kept = ''] = /name="next" value="([^"]*)"/.exec(form) ?? [];
    expect(new URL(kept, ORIGIN).origin).toBe(ORIGIN);
  });

  it('makes an address wait that has failed 20 times in a minute, and no other', async () => {
    const attempt = async (token: string, address: string) =>
      browserWith('').post('/sign-in', { token }, { 'cf-connecting-ip': address });
    await withinOnePeriod();
    for (let n = 0; n < MAX_FAILURES; n++) expect((await attempt('wrong', '192.0.2.7')).status).toBe(401);
    const late = await attempt('wrong', '192.0.2.7');
    expect([late.status, late.headers.get('retry-after')]).toEqual([429, '60']);
    expect(await late.text()).toContain('Wait a minute');
    expect((await attempt('wrong', '192.0.2.8')).status).toBe(401);
    expect((await attempt(ADMIN_TOKEN, '192.0.2.7')).status).toBe(303);
  });

  it('refuses a form of more than 64 KB', async () => {
    expect((await nobody.post('/sign-in', { token: 'x'.repeat(70_000) })).status).toBe(413);
  });
});

describe('a session', () => {
  it('lasts 12 hours', async () => {
    const browser = await signedIn();
    await env.PROBE.setClock(12 * HOUR_MS - 60_000);
    expect((await browser.get('/')).status).toBe(200);
    await env.PROBE.setClock(12 * HOUR_MS + 60_000);
    expect((await browser.get('/')).status).toBe(303);
  });

  it('ends with its token', async () => {
    const [admin, reader] = [await signedIn(), await signedIn(READ_TOKEN)];
    await env.PROBE.reset({ READ_TOKEN: `${READ_TOKEN}-changed` });
    expect((await reader.get('/')).status).toBe(303);
    expect((await admin.get('/')).status).toBe(200);
    await env.PROBE.reset({ READ_TOKEN, ADMIN_TOKEN: `${ADMIN_TOKEN}-changed` });
    expect((await reader.get('/')).status).toBe(200);
    expect((await admin.get('/')).status).toBe(303);
  });

  it('of a reader ends once there is no read token', async () => {
    const reader = await signedIn(READ_TOKEN);
    await env.PROBE.reset();
    expect((await reader.get('/')).status).toBe(303);
  });

  it('cannot be changed into another', async () => {
    const [name = '', value = ''] = cookiesOf(await signIn(READ_TOKEN)).split(/=(.*)/s);
    const signed = decodeURIComponent(value);
    const forgeries = [
      signed.replace('reader', 'admin'),
      signed.replace(/\.(\d)/, (_, digit) => `.${(Number(digit) % 9) + 1}`),
      signed.replace(/\.\d+\./, '.9999999999999.'),
      signed.slice(0, -8),
      'admin.9999999999999',
      '',
    ];
    for (const forged of forgeries) {
      expect(forged).not.toBe(signed);
      const browser = browserWith(`${name}=${encodeURIComponent(forged)}`);
      expect((await browser.get('/')).status).toBe(303);
    }
    expect((await browserWith(`${name}=${value}`).get('/')).status).toBe(200);
  });

  it('ends by signing out', async () => {
    const browser = await signedIn();
    const response = await browser.post('/sign-out');
    expect([response.status, response.headers.get('location')]).toEqual([303, '/sign-in']);
    expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-session=; Max-Age=0; Path=\/; Secure/);
  });

  it('gives no access to the API', async () => {
    const browser = await signedIn();
    expect((await browser.get('/api/events')).status).toBe(401);
  });

  it('is the actor in the audit trail', async () => {
    const browser = await signedIn();
    expect((await browser.post('/integrations/shop/disable')).status).toBe(303);
    const entry = await env.DB.prepare('SELECT actor, action, object FROM audit').first();
    expect(entry).toEqual({ actor: 'admin-token', action: 'integration.disable', object: 'shop' });
  });

  it('with the read token changes nothing', async () => {
    const reader = await signedIn(READ_TOKEN);
    const response = await reader.post('/integrations/shop/disable');
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('changes need the admin token');
    expect(await countRows('audit')).toBe(0);
  });
});

describe('a form', () => {
  const FOREIGN: [string, Record<string, string>][] = [
    ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    [
      'another host of the same site',
      { origin: 'https://x.receiver.example', 'sec-fetch-site': 'same-site' },
    ],
    ['another site, in an old browser', { origin: 'https://evil.example' }],
    ['an opaque origin', { origin: 'null' }],
  ];

  it.each(FOREIGN)('from %s is refused', async (_, headers) => {
    const browser = await signedIn();
    for (const path of ['/integrations/shop/disable', '/sign-out', '/language']) {
      const response = await browser.post(path, { language: 'pt' }, headers);
      expect(response.status).toBe(403);
      expect(response.headers.getSetCookie()).toEqual([]);
    }
    expect((await browserWith('').post('/sign-in', { token: ADMIN_TOKEN }, headers)).status).toBe(403);
    expect(await countRows('audit')).toBe(0);
  });

  it('from ALLOWED_ORIGINS is refused, since pages there have tokens, not sessions', async () => {
    await reset({ ALLOWED_ORIGINS: 'https://ops.example' });
    const browser = await signedIn();
    const headers = { origin: 'https://ops.example', 'sec-fetch-site': 'cross-site' };
    expect((await browser.post('/integrations/shop/disable', {}, headers)).status).toBe(403);
  });

  it('from the receiver is taken', async () => {
    const browser = await signedIn();
    const headers = { origin: ORIGIN, 'sec-fetch-site': 'same-origin' };
    expect((await browser.post('/integrations/shop/disable', {}, headers)).status).toBe(303);
    expect(await countRows('audit')).toBe(1);
  });
});

describe('Cloudflare Access', () => {
  const TEAM_DOMAIN = 'https://team.cloudflareaccess.example';
  const SETTINGS = { READ_TOKEN, ACCESS_TEAM_DOMAIN: TEAM_DOMAIN, ACCESS_AUD: 'audience' };

  async function assertion(): Promise<string> {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'current', alg: 'RS256', use: 'sig' };
    await env.ACCESS.answerWith({ status: 200, body: JSON.stringify({ keys: [jwk] }) });
    return new SignJWT({ email: 'ana@example.com' })
      .setProtectedHeader({ alg: 'RS256', kid: 'current' })
      .setIssuer(TEAM_DOMAIN)
      .setAudience('audience')
      .setExpirationTime('1 minute')
      .sign(privateKey);
  }

  beforeEach(async () => reset(SETTINGS));

  it('lets people in by name, without a form', async () => {
    const headers = { 'cf-access-jwt-assertion': await assertion() };
    const page = await (await nobody.get('/', headers)).text();
    expect(page).toContain('ana@example.com');
    expect(page).not.toContain('/sign-out');
    expect((await nobody.post('/integrations/shop/disable', {}, headers)).status).toBe(303);
    expect(await env.DB.prepare('SELECT actor FROM audit').first('actor')).toBe('access:ana@example.com');
  });

  it('leaves the form to those whom it does not know', async () => {
    const headers = { 'cf-access-jwt-assertion': 'garbage' };
    expect((await nobody.get('/', headers)).status).toBe(303);
    expect((await (await signedIn(READ_TOKEN)).get('/', headers)).status).toBe(200);
  });

  it('is named as the cause when its keys cannot be fetched', async () => {
    const headers = { 'cf-access-jwt-assertion': await assertion() };
    await env.ACCESS.answerWith({ status: 500, body: '' });
    const response = await nobody.get('/', headers);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
    expect(await response.text()).toContain('Cloudflare Access');
    expect((await (await signedIn()).get('/', headers)).status).toBe(200);
  });
});
