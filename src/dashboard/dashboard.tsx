// The pages for operators: what is mounted where, who may see it, and what becomes of an error. Everything that a page
// shows or does goes through the API, see api-client.ts.

import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { setCookie } from 'hono/cookie';
import type { Authentication, Identities } from '../api/access/actor.ts';
import { trustedOriginsOf } from '../api/access/actor.ts';
import { isCrossSite, isUnsafe } from '../api/access/cross-site.ts';
import { problem } from '../problem-details.ts';
import { auditPages } from './audit/pages.tsx';
import { contactPages } from './conversations/routes.tsx';
import { deadLetterPages } from './dead-letters/routes.tsx';
import { liveRoutes } from './events/live-routes.tsx';
import { eventPages } from './events/routes.tsx';
import { type ApiClient, ApiRefusal, type Caller } from './frame/api-client.ts';
import { assetRoutes } from './frame/assets.ts';
import { errorPage, refusalPage } from './frame/errors.tsx';
import { LANGUAGE_COOKIE, LANGUAGES } from './frame/language.ts';
import { localPath } from './frame/local-path.ts';
import { CONTENT_SECURITY_POLICY } from './frame/page.tsx';
import { sessionActor } from './frame/session.ts';
import { type DashboardEnv, visitorOf } from './frame/view.ts';
import { integrationPages } from './integrations/routes.tsx';
import { overviewPages } from './overview/pages.tsx';
import { refusalPages } from './refusals/pages.tsx';
import { rejectionPages } from './rejections/pages.tsx';
import { replayPages } from './replays/routes.tsx';
import { findPages } from './search/routes.tsx';
import { comeAgain, type SignInDeps, signInRoutes } from './sign-in/routes.tsx';

/** Many times what the largest form has. */
const MAX_FORM_BYTES = 65_536;
const YEAR_SECONDS = 365 * 86_400;

export interface DashboardDeps extends SignInDeps {
  /** Empty: the address that the request came to. */
  publicUrl: string;
  /** The files for browsers, see assets.ts. */
  assets: Fetcher;
  /** Changes with each deployment; `null`: not known. */
  version: string | null;
}

/** To be mounted at `/`, behind everything else. */
export function dashboardRoutes(
  deps: DashboardDeps,
  identities: Identities,
  clientOf: (caller: Caller) => ApiClient,
): Hono<DashboardEnv> {
  const requireOperator = operatorOf(deps, identities, clientOf);
  const dashboard = new Hono<DashboardEnv>();
  const { routes: assets, path: assetsPath } = assetRoutes(deps);

  dashboard.onError((error, c) => {
    if (c.get('visitor') === undefined) throw error;
    return error instanceof ApiRefusal ? refusalPage(c, error.problem) : errorPage(c, error);
  });

  const trustedOrigins = trustedOriginsOf(deps.publicUrl);
  const withVisitor: MiddlewareHandler<DashboardEnv> = async (c, next) => {
    c.set('visitor', visitorOf(c, { nowMs: deps.now(), publicUrl: deps.publicUrl, assetsPath }));
    c.header('content-security-policy', CONTENT_SECURITY_POLICY);
    if (isUnsafe(c.req.raw) && isCrossSite(c.req.raw, trustedOrigins)) {
      return refusalPage(c, { type: '/problems/cross-site', status: 403 });
    }
    await next();
  };
  const limitForm = bodyLimit({
    maxSize: MAX_FORM_BYTES,
    onError: (c) => refusalPage(c as Context<DashboardEnv>, { status: 413 }),
  });

  for (const path of ['/sign-in', '/sign-out', '/language']) dashboard.use(path, withVisitor, limitForm);
  dashboard.route('/', signInRoutes(deps, identities));
  dashboard.post('/language', async (c) => {
    const { language, next } = await c.req.parseBody();
    const chosen = LANGUAGES.find((known) => known === language);
    if (chosen !== undefined) {
      setCookie(c, LANGUAGE_COOKIE, chosen, { path: '/', sameSite: 'Lax', maxAge: YEAR_SECONDS });
    }
    return c.redirect(localPath(next), 303);
  });
  dashboard.route('/assets', assets);

  const sections = {
    '/': overviewPages(),
    '/find': findPages(),
    '/live': liveRoutes(),
    '/events': eventPages(),
    '/contacts': contactPages(),
    '/integrations': integrationPages(),
    '/rejections': rejectionPages(),
    '/refusals': refusalPages(),
    '/dead-letters': deadLetterPages(),
    '/replays': replayPages(),
    '/audit': auditPages(),
  };
  for (const [path, pages] of Object.entries(sections)) {
    const within = path === '/' ? path : `${path}/*`;
    dashboard.use(within, withVisitor, limitForm, requireOperator);
    dashboard.route(path, pages);
    dashboard.all(within, (c) => refusalPage(c, { status: 404 }));
  }
  return dashboard;
}

/**
 * Lets through whom Cloudflare Access or a session identifies, and makes the view of pages. Access goes first: it knows
 * people by their names.
 */
function operatorOf(
  deps: DashboardDeps,
  { ofAccess }: Identities,
  clientOf: (caller: Caller) => ApiClient,
): MiddlewareHandler<DashboardEnv> {
  return async function requireOperator(c, next) {
    const byAccess = await ofAccess(c.req.raw);
    const identified = byAccess?.ok ? byAccess.actor : null;
    const actor = identified ?? (await sessionActor(c, deps));
    if (actor === null) return letIn(c, byAccess);
    const visitor = c.get('visitor');
    const { origin } = new URL(c.req.url);
    const requestId = c.get('requestId');
    const api = clientOf({ actor, requestId, origin, lifetime: c.executionCtx });
    c.set('view', { ...visitor, actor, api, isByAccess: identified !== null });
    return next();
  };
}

/** What becomes of somebody who is not signed in. */
function letIn(c: Context<DashboardEnv>, byAccess: Authentication | null): Response | Promise<Response> {
  const visitor = c.get('visitor');
  if (byAccess !== null && !byAccess.ok && byAccess.refusal === 'unverifiable') {
    return refusalPage(c, { type: '/problems/access-unavailable', status: 503 });
  }
  if (c.req.method !== 'GET') return c.redirect('/sign-in', 303);
  if (c.req.header('sec-fetch-dest') === 'empty') {
    // Asked for by a script of a page: the whole page has to go to the form.
    const response = problem('unauthorized', 'Sign in again.');
    response.headers.set('hx-redirect', '/sign-in');
    return response;
  }
  if (c.req.header('sec-fetch-site') === 'cross-site') return c.html(comeAgain(visitor));
  return c.redirect(`/sign-in?${new URLSearchParams({ next: visitor.address })}`, 303);
}
