// The Hono app: what is mounted where, and what becomes of an error.

import { type ErrorHandler, Hono } from 'hono';
import { cors } from 'hono/cors';
import { secureHeaders } from 'hono/secure-headers';
import { type ActorDeps, identities, requireActor } from './api/access/actor.ts';
import { apiRoutes } from './api/api.ts';
import type { ApiDeps } from './api/deps.ts';
import { payloadRoutes } from './api/events/routes.ts';
import { referenceRoutes } from './api/reference/routes.ts';
import { servedOperations } from './api/serve.ts';
import { dashboardRoutes } from './dashboard/dashboard.tsx';
import { apiClients } from './dashboard/frame/api-client.ts';
import type { ConfigurationError } from './env.ts';
import { problem } from './http/problem-details.ts';
import { type ReceiveDeps, webhookRoutes } from './receive/webhook.ts';
import { webhookMessages, webhookOperations } from './receive/webhook-api.ts';
import { DatabaseUnavailable } from './runtime/bounded-bindings.ts';
import { NotAnsweredInTime } from './runtime/deadline.ts';
import { describeError, log } from './runtime/log.ts';

export interface AppDeps extends ReceiveDeps, ActorDeps, ApiDeps {
  /** The files for browsers, see api/reference/docs.ts and dashboard/assets.ts. */
  assets: Fetcher;
  /** Changes with each deployment; `null`: not known. */
  version: string | null;
}

/** The header whose value names an answer in the logs of both sides. */
export const REQUEST_ID_HEADER = 'x-request-id';

/** For how long a browser may remember what it asked for in a preflight. */
const PREFLIGHT_MAX_AGE_SECONDS = 600;
/** When a request may be sent again that failed because of D1 or a queue. */
const FAILED_RETRY_AFTER_SECONDS = 10;
const MISCONFIGURED_RETRY_AFTER_SECONDS = 60;

interface AppEnv {
  Variables: { requestId: string };
}

export function createApp(deps: AppDeps): Hono<AppEnv> {
  const app = newApp();

  app.route('/webhooks', webhookRoutes(deps));
  if (deps.allowedOrigins.length > 0) {
    const allowOrigins = crossOrigin(deps.allowedOrigins);
    app.use('/api/*', allowOrigins); // before authentication: preflights carry no token
    app.use('/schemas/*', allowOrigins);
    app.use('/openapi.json', allowOrigins);
  }
  const known = identities(deps);
  const api = apiRoutes(deps);
  app.use('/api/*', requireActor(deps, known));
  app.route('/', api);
  const operations = () => [...webhookOperations, ...servedOperations(app)];
  app.route('/', referenceRoutes({ ...deps, operations, messages: webhookMessages }));
  app.route('/', dashboardRoutes(deps, known, apiClients(api, handleError)));

  return app;
}

/** The app that consumers reach by a service binding, for the payloads that `dataref` names. */
export function createPayloadApp(deps: Pick<AppDeps, 'db'>): Hono<AppEnv> {
  const app = newApp();
  app.route('/', payloadRoutes(deps));
  return app;
}

/** The app that answers every request while the settings are wrong. */
export function createMisconfiguredApp(error: ConfigurationError): Hono<AppEnv> {
  const app = newApp();
  app.all('*', (c) => {
    log('error', 'misconfigured', { requestId: c.get('requestId'), problem: error.message });
    return problem('unavailable', 'The receiver is misconfigured; its log says how.', {
      headers: { 'retry-after': String(MISCONFIGURED_RETRY_AFTER_SECONDS) },
    });
  });
  return app;
}

/**
 * An app whose answers have a request id and the security headers for browsers, and whose errors are problem details. A
 * route that needs other headers sets them itself. Unless it says otherwise, no cache may store its answer, as most answers
 * are personal data.
 */
export function newApp(): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  app.use(async (c, next) => {
    const requestId = crypto.randomUUID();
    c.set('requestId', requestId);
    await next();
    const { headers } = c.res; // `c.header` would copy the whole answer
    headers.set(REQUEST_ID_HEADER, requestId);
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  });
  app.use(
    secureHeaders({
      overwrite: false,
      contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
      strictTransportSecurity: 'max-age=31536000', // without includeSubDomains: other hosts are not this Worker's to decide on
      xFrameOptions: 'DENY',
      // headers that only old browsers or plugins read
      originAgentCluster: false,
      xDnsPrefetchControl: false,
      xDownloadOptions: false,
      xPermittedCrossDomainPolicies: false,
      xXssProtection: false,
    }),
  );
  app.notFound(() => problem('not-found', 'There is nothing at this address.'));
  app.onError(handleError);
  return app;
}

// biome-ignore lint/suspicious/noExplicitAny: of apps with whatever other variables
const handleError: ErrorHandler<any> = (error, c) => {
  log('error', 'request failed', { requestId: c.get('requestId'), error: describeError(error) });
  const headers = { 'retry-after': String(FAILED_RETRY_AFTER_SECONDS) };
  if (error instanceof DatabaseUnavailable) {
    const detail =
      'Try again in a moment. What was to be changed may have been changed all the same: look first.';
    return problem('database-unavailable', detail, { headers });
  }
  if (error instanceof NotAnsweredInTime) {
    return problem('unavailable', 'A queue does not answer. Try again in a moment.', { headers });
  }
  return problem('internal', 'The request failed. Its id is in the x-request-id header.');
};

/** Lets pages of these origins read the answers. Not with cookies: such a page needs a token of its own. */
function crossOrigin(allowedOrigins: readonly string[]) {
  return cors({
    origin: [...allowedOrigins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    allowHeaders: ['authorization', 'content-type', 'last-event-id'],
    exposeHeaders: [REQUEST_ID_HEADER],
    maxAge: PREFLIGHT_MAX_AGE_SECONDS,
  });
}
