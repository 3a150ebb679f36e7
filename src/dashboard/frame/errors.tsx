// The pages of errors. The API's own messages are in English and for developers: here each kind of problem has a text in
// the reader's language.

import type { Context, MiddlewareHandler } from 'hono';
import { describeError, log } from '../../runtime/log.ts';
import type { Problem } from './api-client.ts';
import { Notice } from './components.tsx';
import { type Language, textOfCode } from './language.ts';
import { answerPage, Document, Page } from './page.tsx';
import { ProblemList } from './problem-words.tsx';
import { commonTexts, errorTexts } from './texts.ts';
import type { DashboardEnv } from './view.ts';

/** When to try again while something does not answer. */
const RETRY_AFTER_SECONDS = 10;

/** A problem of the API, or one that the dashboard found itself. */
type PageProblem = Pick<Problem, 'status'> & Partial<Pick<Problem, 'type' | 'errors'>>;

/** What a problem means, in words. */
export function problemText({ status, type = '' }: PageProblem, language: Language): string {
  const t = errorTexts(language);
  const code = type.replace('/problems/', '');
  return textOfCode(t, code) ?? textOfCode(t, String(status)) ?? t[500];
}

/** Answers with the page of a problem, with its status. */
export function problemPage(c: Context<DashboardEnv>, problem: PageProblem): Response {
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
  const page = view ? (
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
  return answerPage(c, page, problem.status);
}

/** Answers with the page of a bug, and logs it. */
export function errorPage(c: Context<DashboardEnv>, error: unknown): Response {
  log('error', 'page failed', { requestId: c.get('requestId'), error: describeError(error) });
  return problemPage(c, { status: 500 });
}

/** Keeps readers from pages that only lead to a change. From the change itself the API keeps them. */
export const forbidReaders: MiddlewareHandler<DashboardEnv> = async (c, next) =>
  c.get('view').actor.mayChange ? next() : problemPage(c, { status: 403 });
