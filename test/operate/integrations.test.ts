import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, ask, ORIGIN, register, reset, responseText, tokenOf } from '../webhooks.ts';

beforeEach(async () => reset());

async function shopUrl(base: string): Promise<string> {
  return `${base}/webhooks/shop/${await tokenOf('shop')}`;
}

describe('integrations', () => {
  it('are listed by slug, each with the fields that are promised', async () => {
    await env.DB.prepare(
      `INSERT INTO integrations (slug, app_id, generation, enabled, created_at)
       VALUES ('mail', 'app-1', 3, 0, 1577836800000)`,
    ).run();
    const shop = {
      slug: 'shop',
      appId: null,
      enabled: true,
      generation: 1,
      createdAt: '1970-01-01T00:00:00.000Z',
      url: await shopUrl(ORIGIN),
    };
    const mail = {
      slug: 'mail',
      appId: 'app-1',
      enabled: false,
      generation: 3,
      createdAt: '2020-01-01T00:00:00.000Z',
      url: `${ORIGIN}/webhooks/mail/${await tokenOf('mail', 3)}`,
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
    expect(await ask(`/api/integrations/${slug}`)).toEqual({
      status: 404,
      answer: {
        type: '/problems/not-found',
        title: 'Not found',
        status: 404,
        detail: 'There is no integration with this slug.',
      },
    });
  });
});

describe('the URL of an integration', () => {
  it.each([1, 2])('takes webhooks as it stands, in generation %i', async (generation) => {
    await register('shop', { generation });
    const { answer } = await ask('/api/integrations/shop');
    const response = await env.RECEIVER.fetch(answer.url, { method: 'POST', body: responseText });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ outcome: 'stored' });
  });

  it('is at the address that the request came to', async () => {
    const response = await env.RECEIVER.fetch('http://127.0.0.1:8787/api/integrations/shop?a=b', {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(await response.json()).toMatchObject({ url: await shopUrl('http://127.0.0.1:8787') });
  });

  it.each([
    ['https://hooks.example.com', 'https://hooks.example.com'],
    ['https://hooks.example.com/base/', 'https://hooks.example.com/base'],
  ])('is at the public address where one is set: %s', async (publicUrl, base) => {
    await reset({ PUBLIC_URL: publicUrl });
    const { answer } = await ask('/api/integrations');
    expect(answer.data).toMatchObject([{ url: await shopUrl(base) }]);
    expect((await ask('/api/integrations/shop')).answer.url).toBe(await shopUrl(base));
  });
});
