// The small parts that pages have in common.

import type { Child, FC, PropsWithChildren } from 'hono/jsx';
import { isPhoneNumber } from '../../contract/contact.ts';
import { phone } from './formats.ts';
import { pagePath, withQuery } from './local-path.ts';
import { excerptOf } from './text-cutting.ts';
import { commonTexts } from './texts.ts';
import type { Visitor } from './view.ts';
import { withinItself } from './writing-direction.ts';

/** A time, short where it is near, with the whole date and time as its tooltip. `whole` shows that at once. */
export const Time: FC<{ view: Visitor; at: string | number; whole?: boolean }> = ({ view, at, whole }) => {
  const ms = typeof at === 'number' ? at : Date.parse(at);
  const full = view.formats.dateTime(ms);
  return (
    <time datetime={new Date(ms).toISOString()} title={full}>
      {whole ? full : view.formats.shortTime(ms, view.nowMs)}
    </time>
  );
};

/** A contact: its phone number in readable form, or its identity. */
export const ContactName: FC<{ contact: string }> = ({ contact }) => (
  <span class="contact">{isPhoneNumber(contact) ? phone(contact) : <Said text={contact} />}</span>
);

/** A contact, linked to its conversation. */
export const ContactLink: FC<{ contact: string }> = ({ contact }) => (
  <a class="contact" href={pagePath`/contacts/${contact}`}>
    {isPhoneNumber(contact) ? phone(contact) : <Said text={contact} />}
  </a>
);

const MAX_ID_CHARACTERS = 120;

/** An event's id, linked to its page. */
export const EventLink: FC<{ integration: string; id: string }> = ({ integration, id }) => (
  <a href={pagePath`/events/${integration}/${id}`}>
    <Said text={id} max={MAX_ID_CHARACTERS} />
  </a>
);

const MAX_SAID_CHARACTERS = 2_000;

/**
 * What somebody outside wrote: as text, and set apart, so that marks of writing direction in it have no effect beyond it.
 *
 * @param max longer texts are cut after so many UTF-16 code units.
 */
export const Said: FC<{ text: string; max?: number }> = ({ text, max = MAX_SAID_CHARACTERS }) => (
  <bdi class="said">{withinItself(excerptOf(text, max))}</bdi>
);

export const SaidCode: FC<{ text: string; max?: number }> = (said) => (
  <code>
    <Said {...said} />
  </code>
);

/** A short text from outside that is shown whole, as code. */
export const Code: FC<{ text: string }> = ({ text }) => (
  <code>
    <bdi>{withinItself(text)}</bdi>
  </code>
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

/** A part of a page with a heading. `beside` stands at the other end of the heading's line. */
export const Panel: FC<PropsWithChildren<{ id: string; title: string; class?: string; beside?: Child }>> = ({
  id,
  title,
  class: className,
  beside,
  children,
}) => (
  <section class={className === undefined ? 'panel' : `panel ${className}`} aria-labelledby={id}>
    {beside === undefined ? (
      <h2 id={id}>{title}</h2>
    ) : (
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {beside}
      </div>
    )}
    {children}
  </section>
);

export type Fact = readonly [name: Child, value: Child];

/** Names and values, beside each other where there is room. */
export const Facts: FC<{ facts: readonly (Fact | false)[] }> = ({ facts }) => (
  <dl class="facts">
    {facts.map(
      (fact) =>
        fact && (
          <div>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ),
    )}
  </dl>
);

/**
 * The last item of the list `#rows` where there is a next page. The items of the next page take its place once it comes
 * into view; without JavaScript it is a link.
 */
export const More: FC<{ view: Visitor; cursor: string | null; isEmpty: boolean }> = ({
  view,
  cursor,
  isEmpty,
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

/** A form of one button that changes something. By its id a button keeps the focus when its part of the page is refreshed. */
export const ActionButton: FC<
  PropsWithChildren<{ action: string; tone?: 'primary' | 'secondary' | 'danger'; id?: string }>
> = ({ action, tone = 'primary', id, children }) => (
  <form method="post" action={action} class="action">
    <button type="submit" class={tone} {...(id !== undefined && { id })}>
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
