import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { ORIGIN, reset } from '../webhooks.ts';

const get = async (path: string, init: RequestInit = {}) => env.RECEIVER.fetch(ORIGIN + path, init);

describe('/docs', () => {
  it('is a page of this origin alone, without a token', async () => {
    await reset();
    const response = await get('/docs');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy.split('; ').sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'self'",
    ]);
    const page = await response.text();
    expect(page).not.toMatch(/<script>|<style|style=|onload=|https?:\/\//);
  });

  it('has all that its page names', async () => {
    await reset();
    const page = await (await get('/docs')).text();
    const named = Array.from(page.matchAll(/(?:src|href)="(\/[^"]+)"/g), ([, path = '']) => path);
    expect(named).toHaveLength(6);
    for (const path of named) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 200]);
      expect(response.headers.get('x-request-id')).not.toBeNull();
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(100);
    }
  });

  it('has its viewer show the document of this receiver, and ask nobody else', async () => {
    const start = await get('/docs/start.js');
    expect(start.headers.get('content-type')).toContain('javascript');
    const script = await start.text();
    expect(script).toContain("url: '/openapi.json'");
    expect(script).toContain('validatorUrl: null');
    const viewer = await get('/docs/swagger-ui-bundle.js');
    expect(viewer.headers.get('content-type')).toContain('javascript');
    expect(await viewer.text()).toContain('SwaggerUIBundle');
  });

  it('does not send again what a browser has', async () => {
    const etag = (await get('/docs/swagger-ui.css')).headers.get('etag') ?? '';
    expect(etag).not.toBe('');
    const again = await get('/docs/swagger-ui.css', { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
  });

  it.each(['/docs/index.html', '/docs/package.json', '/docs/swagger-initializer.js', '/docs/nothing'])(
    'has nothing else of the package: %s',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
    },
  );
});

describe('the files of the viewer', () => {
  it.each(['/dashboard.js', '/swagger-ui.css', '/index.html', '/package.json', '/index'])(
    'take no address from the app: %s',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ type: '/problems/not-found' });
    },
  );
});
