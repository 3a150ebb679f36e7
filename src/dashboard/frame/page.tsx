// The frame of every page: the document, the head with the search, the sections, and how a page is answered.

import type { Context } from 'hono';
import type { Child, FC, PropsWithChildren } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type Language, LOCALES } from './language.ts';
import { commonTexts } from './texts.ts';
import type { DashboardEnv, View, Visitor } from './view.ts';

/** Allows nothing inline, nothing of other origins, and forms that go nowhere else. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:", // the images in the style sheet
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** By default htmx writes styles into the page and evaluates text, which the policy above forbids. */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorStyles: false,
  allowEval: false,
  selfRequestsOnly: true,
  historyCacheSize: 0, // pages hold personal data: none in the browser's storage
  refreshOnHistoryMiss: true,
});

const SECTIONS = [
  ['/', 'overview'],
  ['/events', 'events'],
  ['/contacts', 'conversations'],
  ['/integrations', 'integrations'],
  ['/routes', 'routes'],
  ['/rejections', 'rejections'],
  ['/dead-letters', 'deadLetters'],
  ['/replays', 'replays'],
  ['/audit', 'audit'],
] as const;

/** A whole document. `head` is added to its `<head>`. */
export const Document: FC<PropsWithChildren<{ visitor: Visitor; title: string; head?: Child }>> = ({
  visitor,
  title,
  head,
  children,
}) => (
  <html lang={LOCALES[visitor.language]} data-time-zone={visitor.timeZone}>
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="htmx-config" content={HTMX_CONFIG} />
      <title>{`${title} · ${commonTexts(visitor.language).product}`}</title>
      <link rel="icon" type="image/svg+xml" href={`${visitor.assetsPath}/favicon.svg`} />
      <link rel="stylesheet" href={`${visitor.assetsPath}/dashboard.css`} />
      <script src={`${visitor.assetsPath}/dashboard.js`} defer />
      {head}
    </head>
    <body>{children}</body>
  </html>
);

/**
 * An element as text that can be sent. Texts of senders can hold halves of surrogate pairs, which UTF-8 cannot encode and
 * which the runtime would send as invalid bytes. They become U+FFFD here, since everything that is shown passes here.
 */
export function markup(element: unknown): string {
  return String(element).toWellFormed();
}

/** A {@link Document} as the text of an answer. */
export function html(document: unknown): string {
  return `<!doctype html>${markup(document)}`;
}

/** Answers with a {@link Page} or another document. */
export function answerPage(c: Context<DashboardEnv>, page: unknown, status = 200): Response {
  return c.html(html(page), status as ContentfulStatusCode);
}

/** A page of somebody who is signed in. `heading` is shown in place of `title`, which the browser's tab shows. */
export const Page: FC<PropsWithChildren<{ view: View; title: string; heading?: Child }>> = ({
  view,
  title,
  heading = title,
  children,
}) => {
  const t = commonTexts(view.language);
  const section = sectionOf(view.address);
  return (
    <Document visitor={view} title={title}>
      <a class="skip" href="#content">
        {t.skip}
      </a>
      <header class="top">
        <a class="brand" href="/">
          <span class="mark" aria-hidden="true" />
          {t.product}
        </a>
        <search class="find">
          <form action="/find">
            <input type="search" name="q" aria-label={t.findLabel} placeholder={t.findHint} required />
            <button type="submit">{t.find}</button>
          </form>
        </search>
        <div class="account">
          <LanguageSwitch visitor={view} />
          {view.isByAccess ? (
            <span class="muted">{view.actor.name.replace(/^access(-service)?:/, '')}</span>
          ) : (
            <form method="post" action="/sign-out">
              <button
                type="submit"
                class="link"
                title={t.signedInAs(view.actor.mayChange ? t.adminToken : t.readToken)}
              >
                {t.signOut}
              </button>
            </form>
          )}
        </div>
      </header>
      <nav class="sections" aria-label={t.menu}>
        <ul>
          {SECTIONS.map(([path, name]) => (
            <li>
              <a href={path} {...(path === section && { 'aria-current': 'page' as const })}>
                {t[name]}
              </a>
            </li>
          ))}
          <li>
            <a href="/docs">{t.apiReference}</a>
          </li>
        </ul>
      </nav>
      <main id="content" tabindex={-1}>
        <h1>{heading}</h1>
        {children}
      </main>
    </Document>
  );
};

function sectionOf(address: string): string {
  const [path = '/'] = address.split('?');
  const found = SECTIONS.findLast(([prefix]) => path === prefix || path.startsWith(`${prefix}/`));
  return found?.[0] ?? '/';
}

/** Offers the other language, in that language. */
export const LanguageSwitch: FC<{ visitor: Visitor }> = ({ visitor }) => {
  const other: Language = visitor.language === 'pt' ? 'en' : 'pt';
  return (
    <form method="post" action="/language">
      <input type="hidden" name="next" value={visitor.address} />
      <button type="submit" name="language" value={other} class="link" lang={LOCALES[other]}>
        {commonTexts(visitor.language).switchLanguage}
      </button>
    </form>
  );
};
