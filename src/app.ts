// The Hono app: what is mounted where, and what becomes of an error.

import { Hono } from 'hono';
import { eventSchemas, SCHEMA_PATHS, type SchemaName } from './contract/cloudevent.ts';
import { describeError, log } from './log.ts';
import { requireAdmin } from './operate/admin.ts';
import { eventRoutes, payloadRoutes } from './operate/events.ts';
import { integrationRoutes } from './operate/integrations.ts';
import { PROBLEMS, type ProblemCode, problem } from './problem.ts';
import { type ReceiveDeps, webhookRoutes } from './receive/webhook.ts';

export interface AppDeps extends ReceiveDeps {
  adminToken: string;
}

/** Names the answer for the logs of both sides. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** A deployment can change them. */
const SCHEMA_MAX_AGE_SECONDS = 3600;

interface AppEnv {
  Variables: { requestId: string };
}

export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = newApp();

  app.route('/webhooks', webhookRoutes(deps));
  app.use('/api/*', requireAdmin(deps.adminToken));
  app.route('/api/events', eventRoutes(deps));
  app.route('/api/integrations', integrationRoutes(deps));
  for (const [name, path] of Object.entries(SCHEMA_PATHS)) {
    app.get(path, (c) => {
      c.header('cache-control', `public, max-age=${SCHEMA_MAX_AGE_SECONDS}`);
      const schema = eventSchemas(deps.publicUrl)[name as SchemaName];
      return c.json(schema, 200, { 'content-type': 'application/schema+json' });
    });
  }
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/problems/:code', (c) => {
    const code = c.req.param('code');
    const known = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ProblemCode] : undefined;
    return known
      ? c.json({ type: c.req.path, ...known })
      : problem('not-found', 'There is no such problem type.');
  });

  return app;
}

/** What consumers reach by a service binding: the payload that a `dataref` names. */
export function createPayloadApp(deps: Pick<AppDeps, 'db'>): Hono<AppEnv> {
  const app = newApp();
  app.route('/api/events', payloadRoutes(deps));
  return app;
}

/** An app whose answers have a request id, and whose errors are problems. */
function newApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  app.use(async (c, next) => {
    const requestId = crypto.randomUUID();
    c.set('requestId', requestId);
    await next();
    const { headers } = c.res; // `c.header` would copy the whole answer
    headers.set(REQUEST_ID_HEADER, requestId);
    headers.set('x-content-type-options', 'nosniff');
  });
  app.notFound(() => problem('not-found', 'There is nothing at this address.'));
  app.onError((error, c) => {
    log('error', 'request failed', { requestId: c.get('requestId'), error: describeError(error) });
    return problem('internal', 'The request failed. Its id is in the x-request-id header.');
  });
  return app;
}
