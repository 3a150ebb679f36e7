// Pages that say why there is no other page. The API's own words are English and for developers: here each kind of
// problem has a text in the reader's language.

import type { Context, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { describeError, log } from '../../runtime/log.ts';
import { signInTexts } from '../sign-in/texts.ts';
import type { Problem } from './api-client.ts';
import type { Language } from './language.ts';
import { Document, html, Notice, Page } from './page.tsx';
import { ProblemList } from './problem-words.tsx';
import { commonTexts } from './texts.ts';
import type { DashboardEnv } from './view.ts';

/** When what does not answer may be asked again. */
const RETRY_AFTER_SECONDS = 10;

/** A problem of the API, or a refusal of the dashboard's own. */
export type Refusal = Pick<Problem, 'status'> & Partial<Pick<Problem, 'type' | 'errors'>>;

/** What a problem means, in words. */
export function problemText({ status, type }: Refusal, language: Language): string {
  const t = commonTexts(language);
  if (type === '/problems/cross-site') return t.crossSite;
  if (type === '/problems/access-unavailable') return signInTexts(language).accessUnavailable;
  if (type === '/problems/database-unavailable') return t.databaseUnavailable;
  switch (status) {
    case 400:
      return t.invalidParameters;
    case 403:
      return t.forbidden;
    case 404:
      return t.notFound;
    case 409:
      return t.conflict;
    case 413:
      return t.tooLarge;
    case 503:
      return t.unavailable;
    default:
      return t.internal;
  }
}

/** The page of a problem that leaves nothing else to be shown, with its status. */
export function refusalPage(c: Context<DashboardEnv>, problem: Refusal): Response {
  const visitor = c.get('visitor');
  const view = c.get('view');
  const t = commonTexts(visitor.language);
  const title = problem.status === 404 ? t.notFoundTitle : t.failedTitle;
  if (problem.status === 503) c.header('retry-after', String(RETRY_AFTER_SECONDS));
  const content = (
    <>
      <Notice tone="bad">{problemText(problem, visitor.language)}</Notice>
      {problem.errors && <ProblemList language={visitor.language} problems={problem.errors} />}
      {problem.status >= 500 && (
        <p>
          <code>{c.get('requestId')}</code>
        </p>
      )}
      <p>
        <a href="/">{t.overview}</a>
      </p>
    </>
  );
  const document = view ? (
    <Page view={view} title={title}>
      {content}
    </Page>
  ) : (
    <Document visitor={visitor} title={title}>
      <main class="sign-in">
        <h1>{title}</h1>
        {content}
      </main>
    </Document>
  );
  return c.html(html(document), problem.status as ContentfulStatusCode) as Response;
}

/** The page of a bug. */
export function errorPage(c: Context<DashboardEnv>, error: unknown): Response {
  log('error', 'page failed', { requestId: c.get('requestId'), error: describeError(error) });
  return refusalPage(c, { status: 500 });
}

/** Keeps readers from pages that ask for a change to be confirmed. The API keeps them from the change itself. */
export const forbidReaders: MiddlewareHandler<DashboardEnv> = async (c, next) =>
  c.get('view').actor.mayChange ? next() : refusalPage(c, { status: 403 });
