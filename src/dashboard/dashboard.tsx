// The pages for operators: where each feature is mounted, who may see it, and how errors are answered. Everything that a
// page shows or does goes through the API, see frame/api-client.ts.

import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { setCookie } from 'hono/cookie';
import { type Authentication, type Identities, trustedOriginsOf } from '../api/access/actor.ts';
import { isCrossSite, isUnsafe } from '../api/access/cross-site.ts';
import { problem } from '../http/problem-details.ts';
import { auditPages } from './audit/routes.tsx';
import { contactPages } from './conversations/routes.tsx';
import { deadLetterPages } from './dead-letters/routes.tsx';
import { liveRoutes } from './events/live-routes.tsx';
import { eventPages } from './events/routes.tsx';
import { type ApiClient, ApiRefusal, type Caller } from './frame/api-client.ts';
import { type AssetDeps, assetRoutes } from './frame/assets.ts';
import { errorPage, problemPage } from './frame/errors.tsx';
import { LANGUAGE_COOKIE, LANGUAGES } from './frame/language.ts';
import { localPath } from './frame/local-path.ts';
import { answerPage, CONTENT_SECURITY_POLICY } from './frame/page.tsx';
import { sessionActor } from './frame/session.ts';
import { type DashboardEnv, visitorOf } from './frame/view.ts';
import { integrationPages } from './integrations/routes.tsx';
import { overviewPages } from './overview/routes.tsx';
import { refusalPages } from './refusals/routes.tsx';
import { rejectionPages } from './rejections/routes.tsx';
import { replayPages } from './replays/routes.tsx';
import { routePages } from './routes/routes.tsx';
import { searchPages } from './search/routes.tsx';
import { ContinuePage } from './sign-in/pages.tsx';
import { type SignInDeps, signInRoutes } from './sign-in/routes.tsx';

/** The largest form has a small part of it. */
const MAX_FORM_BYTES = 65_536;
const YEAR_SECONDS = 365 * 86_400;

export interface DashboardDeps extends SignInDeps, AssetDeps {
  /** Where people reach the receiver; empty: the address that a request came to. */
  publicUrl: string;
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
    return error instanceof ApiRefusal ? problemPage(c, error.problem) : errorPage(c, error);
  });

  const trustedOrigins = trustedOriginsOf(deps.publicUrl);
  const withVisitor: MiddlewareHandler<DashboardEnv> = async (c, next) => {
    c.set('visitor', visitorOf(c, { nowMs: deps.now(), assetsPath }));
    c.header('content-security-policy', CONTENT_SECURITY_POLICY);
    if (isUnsafe(c.req.raw) && isCrossSite(c.req.raw, trustedOrigins)) {
      return problemPage(c, { type: '/problems/cross-site', status: 403 });
    }
    await next();
  };
  const limitForm = bodyLimit({
    maxSize: MAX_FORM_BYTES,
    onError: (c) => problemPage(c as Context<DashboardEnv>, { status: 413 }),
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
    '/find': searchPages(),
    '/live': liveRoutes(),
    '/events': eventPages(),
    '/contacts': contactPages(),
    '/integrations': integrationPages(),
    '/routes': routePages(),
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
    dashboard.all(within, (c) => problemPage(c, { status: 404 }));
  }
  return dashboard;
}

/**
 * Lets through whoever Cloudflare Access or a session identifies, and makes their view. Access goes first, since it knows
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
    if (actor === null) return answerStranger(c, byAccess);
    const visitor = c.get('visitor');
    const { origin } = new URL(c.req.url);
    const requestId = c.get('requestId');
    const api = clientOf({ actor, requestId, origin, lifetime: c.executionCtx });
    c.set('view', { ...visitor, actor, api, isByAccess: identified !== null });
    return next();
  };
}

/** Answers somebody who is not signed in. */
function answerStranger(c: Context<DashboardEnv>, byAccess: Authentication | null): Response {
  const visitor = c.get('visitor');
  if (byAccess !== null && !byAccess.ok && byAccess.refusal === 'unverifiable') {
    return problemPage(c, { type: '/problems/access-unavailable', status: 503 });
  }
  if (c.req.method !== 'GET') return c.redirect('/sign-in', 303);
  if (c.req.header('sec-fetch-dest') === 'empty') {
    // The script of a page asked for a part of it: the whole page has to go to the form.
    const response = problem('unauthorized', 'Sign in again.');
    response.headers.set('hx-redirect', '/sign-in');
    return response;
  }
  if (c.req.header('sec-fetch-site') === 'cross-site')
    return answerPage(c, <ContinuePage visitor={visitor} />);
  return c.redirect(`/sign-in?${new URLSearchParams({ next: visitor.address })}`, 303);
}
