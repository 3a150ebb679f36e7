import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { schemaRoutes } from '../../src/api/reference/schemas.ts';
import { eventSchemas, SCHEMA_PATHS } from '../../src/contract/cloudevent.ts';
import { ORIGIN, reset } from '../webhooks.ts';

beforeEach(async () => reset());

async function get(path: string, headers: HeadersInit = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, { headers });
}

describe('the published schemas', () => {
  it('are made once, whoever asks and however often', async () => {
    let made = 0;
    const routes = schemaRoutes('https://receiver.example', (publicUrl) => {
      made++;
      return eventSchemas(publicUrl);
    });
    expect(made).toBe(0); // no isolate that is never asked makes them
    const paths = Object.values(SCHEMA_PATHS);
    const answers = await Promise.all(
      [...paths, ...paths, ...paths].map(async (path) => routes.request(path)),
    );

    expect(answers.map(({ status }) => status)).toEqual(Array(9).fill(200));
    expect(made).toBe(1);
    expect(await answers[0]?.json()).toEqual(eventSchemas('https://receiver.example').event);
  });

  it.each(Object.entries(SCHEMA_PATHS))('are not sent again to who has them: %s', async (name, path) => {
    const first = await get(path);
    expect(await first.json()).toEqual(eventSchemas('')[name as keyof typeof SCHEMA_PATHS]);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{32}"$/);

    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await get(path, { 'if-none-match': known });
      expect([again.status, await again.text()]).toEqual([304, '']);
      expect(again.headers.get('etag')).toBe(etag);
      expect(again.headers.get('cache-control')).toBe('public, max-age=3600');
    }
    expect((await get(path, { 'if-none-match': '"x"' })).status).toBe(200);
  });

  it('have each a tag of their own, which changes with the address', async () => {
    const tagsOf = async () =>
      Promise.all(Object.values(SCHEMA_PATHS).map(async (path) => (await get(path)).headers.get('etag')));
    const tags = await tagsOf();
    await env.PROBE.reset({ PUBLIC_URL: 'https://elsewhere.example' });
    expect(new Set([...tags, ...(await tagsOf())]).size).toBe(6);
  });
});
