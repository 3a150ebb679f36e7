// The frame of every page, and the small parts that pages have in common.

import type { Child, FC, PropsWithChildren } from 'hono/jsx';
import { isPhoneNumber } from '../../contract/contact.ts';
import { apiPath } from './api-client.ts';
import { phone } from './formats.ts';
import { type Language, LOCALES } from './language.ts';
import { excerptOf } from './text-cutting.ts';
import { commonTexts } from './texts.ts';
import type { View, Visitor } from './view.ts';
import { withinItself } from './writing-direction.ts';

/** What no page may do: nothing inline, nothing of other origins, and forms go nowhere else. */
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

/** The defaults of htmx write styles into the page and evaluate text: a strict policy has neither. */
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
  ['/rejections', 'rejections'],
  ['/dead-letters', 'deadLetters'],
  ['/replays', 'replays'],
  ['/audit', 'audit'],
] as const;

/** A whole document. `head` is for what one page needs besides. */
export const Document: FC<PropsWithChildren<{ visitor: Visitor; title: string; head?: Child }>> = ({
  visitor,
  title,
  head,
  children,
}) => {
  const t = commonTexts(visitor.language);
  return (
    <html lang={LOCALES[visitor.language]} data-time-zone={visitor.timeZone}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content={HTMX_CONFIG} />
        <title>{`${title} · ${t.product}`}</title>
        <link rel="icon" type="image/svg+xml" href={`${visitor.assetsPath}/favicon.svg`} />
        <link rel="stylesheet" href={`${visitor.assetsPath}/dashboard.css`} />
        <script src={`${visitor.assetsPath}/dashboard.js`} defer />
        {head}
      </head>
      <body>{children}</body>
    </html>
  );
};

/**
 * An element as text that can be sent. Texts of senders can hold halves of surrogate pairs, which UTF-8 has no bytes for
 * and the runtime would send bytes that are no UTF-8: everything that is shown passes here, and gets U+FFFD for them.
 */
export function markup(element: unknown): string {
  return String(element).toWellFormed();
}

/** The document as the text of an answer. */
export function html(document: unknown): string {
  return `<!doctype html>${markup(document)}`;
}

/** A page of somebody who is signed in. `heading` is shown, `title` is for the browser's tab and without it the same. */
export const Page: FC<PropsWithChildren<{ view: View; title: string; heading?: Child; head?: Child }>> = ({
  view,
  title,
  heading = title,
  head,
  children,
}) => {
  const t = commonTexts(view.language);
  const section = sectionOf(view.address);
  return (
    <Document visitor={view} title={title} head={head}>
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
              <button type="submit" class="link" title={t.signedInAs(whoIs(view))}>
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

function whoIs({ actor, language }: View): string {
  const t = commonTexts(language);
  return actor.mayChange ? t.adminToken : t.readToken;
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

/** A moment, short where it is near, whole in its tooltip. */
export const Time: FC<{ view: Visitor; at: string | number; whole?: boolean }> = ({ view, at, whole }) => {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  const full = view.formats.dateTime(ms);
  return (
    <time datetime={new Date(ms).toISOString()} title={full}>
      {whole ? full : view.formats.shortTime(ms, view.nowMs)}
    </time>
  );
};

/** A contact: its number as it is read, or its identity as it stands. */
export const ContactName: FC<{ contact: string }> = ({ contact }) => (
  <span class="contact">{isPhoneNumber(contact) ? phone(contact) : <Said text={contact} />}</span>
);

/** A contact, linked to its conversation. */
export const Contact: FC<{ number: string }> = ({ number }) => (
  <a class="contact" href={apiPath`/contacts/${number}`}>
    {isPhoneNumber(number) ? phone(number) : <Said text={number} />}
  </a>
);

const MAX_ID_CHARACTERS = 120;

/** An event, by its id, linked to its page. */
export const EventLink: FC<{ integration: string; id: string }> = ({ integration, id }) => (
  <a href={apiPath`/events/${integration}/${id}`}>
    <Said text={id} max={MAX_ID_CHARACTERS} />
  </a>
);

/** Longer texts are cut in lists; the event's own page has them whole. */
const MAX_SHOWN_CHARACTERS = 2_000;

/**
 * What somebody outside wrote: as text, and set apart, so that marks of writing direction in it end where it ends.
 *
 * @param max characters beyond are left out.
 */
export const Said: FC<{ text: string; max?: number }> = ({ text, max = MAX_SHOWN_CHARACTERS }) => (
  <bdi class="said">{withinItself(excerptOf(text, max))}</bdi>
);

export type Tone = 'good' | 'bad' | 'warn' | 'plain';

/** A short word with a colour, which says nothing that the word does not. */
export const Badge: FC<PropsWithChildren<{ tone?: Tone }>> = ({ tone = 'plain', children }) => (
  <span class={`badge ${tone}`}>{children}</span>
);

/** Says what was just done, or why it was not. */
export const Notice: FC<PropsWithChildren<{ tone?: Tone }>> = ({ tone = 'good', children }) => (
  <p class={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
    {children}
  </p>
);

/** Names and values, beside each other where there is room. */
export const Facts: FC<{ facts: readonly (readonly [name: Child, value: Child])[] }> = ({ facts }) => (
  <dl class="facts">
    {facts.map(([name, value]) => (
      <div>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

/**
 * The end of a list that has more: fetched when it comes into view, or by its link where there is no JavaScript. To be
 * the last item of the list `#rows`, whose items of the next page take its place.
 */
export const More: FC<{ view: Visitor; cursor: string | null; isEmpty?: boolean }> = ({
  view,
  cursor,
  isEmpty = false,
}) => {
  if (cursor === null) return null;
  const t = commonTexts(view.language);
  const next = withQuery(view.address, { cursor });
  return (
    <li class="more" hx-get={next} hx-trigger="revealed" hx-select="#rows > li" hx-swap="outerHTML">
      <a href={next}>{isEmpty ? t.goOn : t.more}</a>
    </li>
  );
};

/** An address with some parameters of its query changed; `null` takes one away. */
export function withQuery(address: string, changes: Record<string, string | null>): string {
  const url = new URL(address, 'http://here');
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

/** A form of one button that changes something. `hidden` goes along. */
export const ActionButton: FC<
  PropsWithChildren<{
    action: string;
    hidden?: Record<string, string>;
    tone?: 'primary' | 'secondary' | 'danger';
  }>
> = ({ action, hidden = {}, tone = 'primary', children }) => (
  <form method="post" action={action} class="action">
    {Object.entries(hidden).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
    <button type="submit" class={tone}>
      {children}
    </button>
  </form>
);

/** A value in a box, with a button that copies it where there is JavaScript. */
export const Copyable: FC<{ view: Visitor; value: string; label: string }> = ({ view, value, label }) => {
  const t = commonTexts(view.language);
  return (
    <div class="copyable">
      <section tabindex={0} aria-label={label}>
        <pre>
          <code>
            <bdi>{value}</bdi>
          </code>
        </pre>
      </section>
      <button type="button" class="secondary" data-copied={t.copied} hidden>
        {t.copy}
      </button>
    </div>
  );
};
