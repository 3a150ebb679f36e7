// Signing in and out.

import { Hono } from 'hono';
import type { Identities } from '../../api/access/actor.ts';
import { failureLimit } from '../../http/failure-limit.ts';
import { localPath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import { beginSession, endSession, type SessionDeps } from '../frame/session.ts';
import type { DashboardEnv } from '../frame/view.ts';
import { SignInPage } from './pages.tsx';

export interface SignInDeps extends SessionDeps {
  /** Counts failed attempts by address, together with those at the API. */
  apiFailures: RateLimit;
}

/** To be mounted at `/`: `/sign-in` and `/sign-out`. */
export function signInRoutes(deps: SignInDeps, { ofToken }: Identities): Hono<DashboardEnv> {
  const answerFailure = failureLimit(deps.apiFailures);

  return new Hono<DashboardEnv>()
    .get('/sign-in', (c) =>
      answerPage(c, <SignInPage visitor={c.get('visitor')} next={localPath(c.req.query('next'))} />),
    )
    .post('/sign-in', async (c) => {
      const form = await c.req.parseBody();
      const next = localPath(form.next);
      const token = typeof form.token === 'string' ? form.token.trim() : '';
      const actor = await ofToken(token);
      if (actor === null) {
        const { status, headers } = await answerFailure(c.req.raw, () => new Response(null, { status: 401 }));
        const retryAfter = headers.get('retry-after');
        if (retryAfter !== null) c.header('retry-after', retryAfter);
        const failure = status === 401 ? 'wrong' : 'tooMany';
        return answerPage(c, <SignInPage visitor={c.get('visitor')} next={next} failure={failure} />, status);
      }
      await beginSession(c, actor, deps);
      return c.redirect(next, 303);
    })
    .post('/sign-out', (c) => {
      endSession(c);
      return c.redirect('/sign-in', 303);
    });
}
