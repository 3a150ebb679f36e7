import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { isGenerationValid, validPrevious } from '../../src/store/integrations.ts';
import { api, reset, seen } from '../webhooks.ts';

describe('a generation', () => {
  const integration = {
    generation: 5,
    previous: [
      { generation: 4, untilMs: 2_000 },
      { generation: 3, untilMs: 1_000 },
      { generation: 2, untilMs: 0 },
    ],
  };

  it.each([
    [5, 0],
    [5, 9_000],
    [4, 0],
    [4, 1_999],
    [3, 999],
  ])('%i is valid at %i', (generation, atMs) => {
    expect(isGenerationValid(integration, generation, atMs)).toBe(true);
  });

  it.each([
    [6, 0],
    [4, 2_000],
    [3, 1_000],
    [2, 0],
    [1, 0],
    [0, 0],
    [Number.NaN, 0],
  ])('%i is not valid at %i', (generation, atMs) => {
    expect(isGenerationValid(integration, generation, atMs)).toBe(false);
  });

  it('that was rotated away is listed while it is valid', () => {
    expect(validPrevious(integration.previous, 500)).toEqual(integration.previous.slice(0, 2));
    expect(validPrevious(integration.previous, 1_500)).toEqual(integration.previous.slice(0, 1));
    expect(validPrevious(integration.previous, 2_000)).toEqual([]);
  });
});

describe('a change of an integration', () => {
  beforeEach(async () => reset());

  it.each([
    ['POST', '', { slug: 'mail' }, 2],
    ['PATCH', '/shop', { appId: 'app-1', allowedIps: ['192.0.2.1'] }, 2],
    ['POST', '/shop/rotate', undefined, 2],
    ['POST', '/shop/disable', undefined, 2],
    ['POST', '/shop/enable', undefined, 0],
  ])(
    'by %s %s %j writes %i rows: its own and one of the audit trail, or none',
    async (method, path, body, rowsWritten) => {
      await api(method, `/api/integrations${path}`, body);
      const { statements } = await seen();
      expect(statements.reduce((sum, statement) => sum + statement.rowsWritten, 0)).toBe(rowsWritten);
      expect(statements.reduce((sum, statement) => sum + statement.rowsRead, 0)).toBeLessThan(12);
    },
  );

  it('stores each setting with the type of its column', async () => {
    await api('POST', '/api/integrations', {
      slug: 'mail',
      allowedIps: ['192.0.2.1'],
      requireSignature: true,
    });
    await api('PATCH', '/api/integrations/mail', { appId: '5', description: null });
    await api('POST', '/api/integrations/mail/rotate', { overlapHours: 0.33333 });
    const row = await env.DB.prepare("SELECT * FROM integrations WHERE slug = 'mail'").first();
    expect(row).toEqual({
      slug: 'mail',
      app_id: '5',
      generation: 2,
      enabled: 1,
      created_at: expect.any(Number),
      last_event_at: null,
      description: null,
      allowed_ips: '["192.0.2.1"]',
      require_signature: 1,
      on_rejection: 'refuse',
      previous: expect.stringMatching(/^\[\{"generation":1,"untilMs":\d{13}\}\]$/),
    });
    await api('PATCH', '/api/integrations/mail', { appId: null, allowedIps: null });
    const cleared = await env.DB.prepare(
      "SELECT count(*) AS n FROM integrations WHERE slug = 'mail' AND app_id IS NULL AND allowed_ips IS NULL",
    ).first('n');
    expect(cleared).toBe(1);
  });
});
