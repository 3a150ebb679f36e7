// The contacts: finding one by its number, its conversation, and what is done with a person's data on request.

import { type Context, Hono } from 'hono';
import type { FC } from 'hono/jsx';
import { contactFromTyped } from '../contract/contact.ts';
import { apiPath } from './api-client.ts';
import { type Conversation, ConversationPage } from './conversation.tsx';
import { html, Notice, Page } from './page.tsx';
import { personPages } from './person.tsx';
import { beginningOf } from './text-cutting.ts';
import { commonTexts } from './texts/common.ts';
import { contactsTexts } from './texts/contacts.ts';
import type { DashboardEnv, View } from './view.ts';

/** Longer is no number, and not written into the page again. */
const MAX_TYPED_CHARACTERS = 40;

/** To be mounted at `/contacts`. */
export function contactPages(): Hono<DashboardEnv> {
  const pages = new Hono<DashboardEnv>();

  pages.get('/', (c) => {
    const view = c.get('view');
    const typed = c.req.query('number')?.trim() ?? '';
    if (typed === '') return c.html(html(<SearchPage view={view} />));
    const contact = contactFromTyped(typed);
    return contact === null ? noNumber(c, typed) : c.redirect(apiPath`/contacts/${contact}`, 303);
  });

  pages.route('/', personPages(noNumber));

  pages.get('/:number', async (c) => {
    const view = c.get('view');
    const number = c.req.param('number');
    const contact = contactFromTyped(number);
    if (contact === null) return noNumber(c, number);
    if (contact !== number) return c.redirect(apiPath`/contacts/${contact}`, 303);
    const cursor = c.req.query('cursor');
    const conversation = await view.api.get<Conversation>(apiPath`/contacts/${contact}`, { cursor });
    return c.html(html(<ConversationPage view={view} conversation={conversation} isNewest={!cursor} />));
  });

  return pages;
}

/** Answers that what was typed is no number, with the form to type it again. */
function noNumber(c: Context<DashboardEnv>, typed: string): Response | Promise<Response> {
  return c.html(html(<SearchPage view={c.get('view')} refused={typed} />), 400);
}

const SearchPage: FC<{ view: View; refused?: string }> = ({ view, refused }) => {
  const t = contactsTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).conversations}>
      {refused !== undefined && <Notice tone="bad">{t.notANumber}</Notice>}
      <search aria-label={t.number}>
        <form action="/contacts" class="narrow">
          <label>
            {t.number}
            <input
              type="text"
              inputmode="tel"
              name="number"
              value={beginningOf(refused ?? '', MAX_TYPED_CHARACTERS)}
              placeholder={t.numberHint}
              required
            />
          </label>
          <p class="muted">{t.searchHint}</p>
          <button type="submit">{t.open}</button>
        </form>
      </search>
    </Page>
  );
};
