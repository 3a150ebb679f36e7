// What all pages have in common: languages, time zones, headers, files, what is said when something fails.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { delivered, inject, ORIGIN, reset, responseText } from '../webhooks.ts';
import { browserWith, cookiesOf, READ_TOKEN, signedIn, signIn } from './signed-in.ts';

beforeEach(async () => reset({ READ_TOKEN }));

async function languageFor(acceptLanguage: string | null, cookie = ''): Promise<string> {
  const headers = { ...(acceptLanguage !== null && { 'accept-language': acceptLanguage }), cookie };
  const page = await (await env.RECEIVER.fetch(`${ORIGIN}/sign-in`, { headers })).text();
  return /<html lang="([^"]+)"/.exec(page)?.[1] ?? '';
}

describe('the language', () => {
  it.each([
    ['pt-BR,pt;q=0.9,en;q=0.8', 'pt-BR'],
    ['pt', 'pt-BR'],
    ['PT-pt', 'pt-BR'],
    ['en-US,en;q=0.5', 'en'],
    ['de-DE,en;q=0.7,pt;q=0.3', 'en'],
    ['en;q=0.2,pt;q=0.7', 'pt-BR'],
    ['de,fr', 'pt-BR'],
    ['*', 'pt-BR'],
    ['', 'pt-BR'],
    [null, 'pt-BR'],
  ])('is the one that the browser asks for, or Portuguese: %j', async (asked, language) => {
    expect(await languageFor(asked)).toBe(language);
  });

  it('is the chosen one from then on', async () => {
    const response = await browserWith('').post('/language', { language: 'en', next: '/events?type=status' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/events?type=status']);
    expect(response.headers.getSetCookie()[0]).toMatch(
      /^language=en; Max-Age=31536000; Path=\/; SameSite=Lax/,
    );
    expect(await languageFor('pt', cookiesOf(response))).toBe('en');
  });

  it.each(['', 'de', '__proto__'])('cannot be %j', async (language) => {
    const response = await browserWith('').post('/language', { language });
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await languageFor('en', `language=${language}`)).toBe('en');
  });
});

describe('times', () => {
  const written = async (cookie: string, language: 'en' | 'pt') => {
    const session = cookiesOf(await signIn(READ_TOKEN));
    const page = await browserWith(`${session}; ${cookie}`, language).page('/');
    return {
      zone: /data-time-zone="([^"]+)"/.exec(page)?.[1],
      times: /<time [^>]*title="([^"]+)"/.exec(page)?.[1],
    };
  };

  it('are in the time zone of the browser, as the language writes them', async () => {
    const { answer } = await delivered(responseText);
    await env.DB.prepare('UPDATE events SET received_at = ?1 WHERE id = ?2')
      .bind(Date.parse('2026-03-01T02:30:00Z'), answer.id)
      .run();
    expect(await written('time-zone=America/Sao_Paulo', 'pt')).toEqual({
      zone: 'America/Sao_Paulo',
      times: '28 de fev. de 2026, 23:30:00',
    });
    expect((await written('time-zone=Asia/Tokyo', 'en')).times).toBe('Mar 1, 2026, 11:30:00 AM');
  });

  it.each(['', 'time-zone=Nowhere/Town', 'time-zone=%3Cscript%3E'])(
    'are those of São Paulo where it tells none: %j',
    async (cookie) => {
      expect((await written(cookie, 'pt')).zone).toBe('America/Sao_Paulo');
    },
  );
});

describe('every page', () => {
  it('may load and run only its own files, and is cached by nobody', async () => {
    const browser = await signedIn();
    for (const path of ['/', '/sign-in', '/events', '/events/shop/nothing', '/audit']) {
      const { headers } = await browser.get(path);
      expect(headers.get('content-type')).toBe('text/html; charset=UTF-8');
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy.split('; ')).toEqual([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ]);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-request-id')).not.toBeNull();
    }
  });

  it('has nothing inline', async () => {
    await delivered(responseText);
    const browser = await signedIn();
    for (const path of ['/', '/sign-in', '/events']) {
      const page = await (await browser.get(path)).text();
      expect(page).not.toMatch(/<style|<script(?! src=)|\sstyle=|\son[a-z]+=|javascript:/i);
    }
  });
});

describe('the files for browsers', () => {
  const file = async (path: string, headers: HeadersInit = {}) =>
    env.RECEIVER.fetch(`${ORIGIN}${path}`, { headers });

  it.each([
    ['dashboard.css', 'text/css; charset=utf-8'],
    ['dashboard.js', 'text/javascript; charset=utf-8'],
    ['favicon.svg', 'image/svg+xml'],
  ])(
    'are there for everybody, and asked for again only whether they have changed: %s',
    async (name, type) => {
      const response = await file(`/assets/current/${name}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(type);
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const etag = response.headers.get('etag') ?? '';
      await response.arrayBuffer();
      expect((await file(`/assets/current/${name}`, { 'if-none-match': etag })).status).toBe(304);
    },
  );

  it('are cached for good under the deployed version, and under no other', async () => {
    await reset({ VERSION: { id: 'v1', tag: '', timestamp: '' } });
    const cacheOf = async (version: string) =>
      (await file(`/assets/${version}/dashboard.css`)).headers.get('cache-control');
    expect(await cacheOf('v1')).toBe('public, max-age=31536000, immutable');
    expect(await cacheOf('v0')).toBe('no-cache');
    expect(await (await file('/sign-in')).text()).toContain('/assets/v1/dashboard.css');
  });

  it.each([
    '/assets/current/swagger-ui.css',
    '/assets/current/nothing.js',
    '/assets/current/..%2Fpackage.json',
  ])('do not include %s', async (path) => {
    expect((await file(path)).status).toBe(404);
  });
});

describe('the page of an error', () => {
  it('is in the language of the reader, with the status of the API', async () => {
    const [english, portuguese] = [await signedIn(), await signedIn(READ_TOKEN, 'pt')];
    const missing = await english.get('/events/shop/nothing');
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain('There is nothing at this address');
    expect(await (await portuguese.get('/events/shop/nothing')).text()).toContain(
      'Não há nada neste endereço',
    );
    expect((await english.get('/audit/nothing/here')).status).toBe(404);
    expect((await english.post('/')).status).toBe(404);
  });

  it('of the database says so, when to try again, and its request id', async () => {
    const browser = await signedIn();
    await inject({ d1: { kind: 'reject' } });
    const response = await browser.get('/audit');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('10');
    const page = await response.text();
    expect(page).toContain('The database does not answer');
    expect(page).toContain(response.headers.get('x-request-id') ?? 'none');
  });
});
