// GET /api/integrations: the registered webhook addresses, each with the URL to register with the platform.

import { Hono } from 'hono';
import { problem } from '../problem.ts';
import { findIntegrations, type Integration, listIntegrations } from '../store/integrations.ts';
import type { WebhookTokens } from '../webhook-token.ts';

export interface IntegrationDeps {
  db: D1Database;
  tokens: WebhookTokens;
  /** Empty: the address that the request came to. */
  publicUrl: string;
}

/** To be mounted at `/api/integrations`. */
export function integrationRoutes({ db, tokens, publicUrl }: IntegrationDeps): Hono {
  const shown = async (integration: Integration, requestUrl: string) => {
    const { slug, appId, generation, isEnabled, createdAtMs } = integration;
    const base = publicUrl || new URL(requestUrl).origin;
    return {
      slug,
      appId,
      enabled: isEnabled,
      generation,
      createdAt: new Date(createdAtMs).toISOString(),
      url: `${base}/webhooks/${slug}/${await tokens.derive(slug, generation)}`,
    };
  };

  return new Hono()
    .get('/', async (c) => {
      const integrations = await listIntegrations(db);
      return c.json({ data: await Promise.all(integrations.map((one) => shown(one, c.req.url))) });
    })
    .get('/:slug', async (c) => {
      const [integration] = await findIntegrations(db, [c.req.param('slug')]);
      if (integration === undefined) return problem('not-found', 'There is no integration with this slug.');
      return c.json(await shown(integration, c.req.url));
    });
}
