// The Hono app: what is mounted where, and what becomes of an error.

import { Hono } from 'hono';
import { describeError, log } from './log.ts';
import { requireAdmin } from './operate/admin.ts';
import { eventRoutes } from './operate/events.ts';
import { integrationRoutes } from './operate/integrations.ts';
import { PROBLEMS, type ProblemCode, problem } from './problem.ts';
import { type ReceiveDeps, webhookRoutes } from './receive/webhook.ts';

export interface AppDeps extends ReceiveDeps {
  adminToken: string;
}

/** Names the answer for the logs of both sides. */
export const REQUEST_ID_HEADER = 'x-request-id';

interface AppEnv {
  Variables: { requestId: string };
}

export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });

  app.use(async (c, next) => {
    const requestId = crypto.randomUUID();
    c.set('requestId', requestId);
    await next();
    c.header(REQUEST_ID_HEADER, requestId);
    c.header('x-content-type-options', 'nosniff');
  });

  app.route('/webhooks', webhookRoutes(deps));
  app.use('/api/*', requireAdmin(deps.adminToken));
  app.route('/api/events', eventRoutes(deps));
  app.route('/api/integrations', integrationRoutes(deps));
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/problems/:code', (c) => {
    const code = c.req.param('code');
    const known = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ProblemCode] : undefined;
    return known
      ? c.json({ type: c.req.path, ...known })
      : problem('not-found', 'There is no such problem type.');
  });

  app.notFound(() => problem('not-found', 'There is nothing at this address.'));
  app.onError((error, c) => {
    log('error', 'request failed', { requestId: c.get('requestId'), error: describeError(error) });
    return problem('internal', 'The request failed. Its id is in the x-request-id header.');
  });
  return app;
}
