// Signing in and out.

import { type Context, Hono } from 'hono';
import type { Identities } from '../../api/access/actor.ts';
import { failureLimit } from '../../runtime/failure-limit.ts';
import { localPath } from '../frame/local-path.ts';
import { Document, html, LanguageSwitch, Notice } from '../frame/page.tsx';
import { beginSession, endSession, type SessionDeps } from '../frame/session.ts';
import { commonTexts } from '../frame/texts.ts';
import type { DashboardEnv, Visitor } from '../frame/view.ts';
import { signInTexts } from './texts.ts';

export interface SignInDeps extends SessionDeps {
  /** Counts failed attempts by address: the same as the API's. */
  apiFailures: RateLimit;
}

/** Why somebody has to try again. */
type Refusal = 'wrong' | 'tooMany';

/** To be mounted at `/`: `/sign-in` and `/sign-out`. */
export function signInRoutes(deps: SignInDeps, { ofToken }: Identities): Hono<DashboardEnv> {
  const answerFailure = failureLimit(deps.apiFailures);

  return new Hono<DashboardEnv>()
    .get('/sign-in', (c) => c.html(page(c.get('visitor'), localPath(c.req.query('next')), null)))
    .post('/sign-in', async (c) => {
      const form = await c.req.parseBody();
      const next = localPath(form.next);
      const token = typeof form.token === 'string' ? form.token.trim() : '';
      const actor = await ofToken(token);
      if (actor === null) {
        const refused = await answerFailure(c.req.raw, () => new Response(null, { status: 401 }));
        return refusal(c, next, refused.status === 401 ? 'wrong' : 'tooMany', refused.headers);
      }
      await beginSession(c, actor, deps);
      return c.redirect(next, 303);
    })
    .post('/sign-out', (c) => {
      endSession(c);
      return c.redirect('/sign-in', 303);
    });
}

function refusal(c: Context<DashboardEnv>, next: string, reason: Refusal, headers: Headers): Response {
  const retryAfter = headers.get('retry-after');
  if (retryAfter !== null) c.header('retry-after', retryAfter);
  return c.html(page(c.get('visitor'), next, reason), reason === 'wrong' ? 401 : 429) as Response;
}

function page(visitor: Visitor, next: string, refused: Refusal | null): string {
  const t = signInTexts(visitor.language);
  const { product } = commonTexts(visitor.language);
  return html(
    <Document visitor={visitor} title={t.title}>
      <main class="sign-in">
        <h1>{product}</h1>
        <form method="post" action="/sign-in" class="panel">
          {refused && <Notice tone="bad">{t[refused]}</Notice>}
          <input type="hidden" name="next" value={next} />
          <label>
            {t.token}
            <input
              type="password"
              name="token"
              autocomplete="current-password"
              required
              autofocus
              aria-describedby="hint"
            />
          </label>
          <small id="hint">{t.hint}</small>
          <button type="submit">{t.submit}</button>
        </form>
        <LanguageSwitch visitor={visitor} />
      </main>
    </Document>,
  );
}

/**
 * Comes again from here: a link on another site brings no `SameSite=Strict` cookie with it, a page of one's own does.
 */
export function comeAgain(visitor: Visitor): string {
  const t = signInTexts(visitor.language);
  const head = <meta http-equiv="refresh" content="0" />;
  return html(
    <Document visitor={visitor} title={t.continuing} head={head}>
      <main class="sign-in">
        <h1>{commonTexts(visitor.language).product}</h1>
        <p>
          <a href={visitor.address}>{t.continuing}</a>
        </p>
      </main>
    </Document>,
  );
}
