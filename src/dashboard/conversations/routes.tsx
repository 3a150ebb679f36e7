// The contacts: finding one by its number, its conversation, and what is done with a person's data on request.

import { type Context, Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { eventPage } from '../../api/events/routes.ts';
import {
  contactFromTyped,
  isPhoneNumber,
  lacksAreaCode,
  MAX_IDENTITY_LENGTH,
  withPlusOfLink,
} from '../../contract/contact.ts';
import { apiPath } from '../frame/api-client.ts';
import { html, Notice, Page } from '../frame/page.tsx';
import { beginningOf } from '../frame/text-cutting.ts';
import { commonTexts } from '../frame/texts.ts';
import type { DashboardEnv, View } from '../frame/view.ts';
import { personPages } from '../personal-data/routes.tsx';
import { type Conversation, ConversationPage } from './pages.tsx';
import { contactsTexts } from './texts.ts';

/** Longer is no number and no identity, and not written into the page again. */
const MAX_TYPED_CHARACTERS = MAX_IDENTITY_LENGTH;

/** To be mounted at `/contacts`. */
export function contactPages(): Hono<DashboardEnv> {
  const pages = new Hono<DashboardEnv>();

  pages.get('/', async (c) => {
    const view = c.get('view');
    const typed = withPlusOfLink(c.req.query('number') ?? '').trim();
    if (typed === '') return c.html(html(<SearchPage view={view} />));
    const contact = contactFromTyped(typed);
    if (contact === null || !(isPhoneNumber(contact) || (await isKnownContact(view, contact)))) {
      return noContact(c, typed);
    }
    return c.redirect(apiPath`/contacts/${contact}`, 303);
  });

  pages.route('/', personPages(noContact));

  pages.get('/:number', async (c) => {
    const view = c.get('view');
    const number = c.req.param('number');
    const contact = contactFromTyped(number);
    if (contact === null) return noContact(c, number);
    if (contact !== number) return c.redirect(apiPath`/contacts/${contact}`, 303);
    const cursor = c.req.query('cursor');
    const conversation = await view.api.get<Conversation>(apiPath`/contacts/${contact}`, { cursor });
    return c.html(html(<ConversationPage view={view} conversation={conversation} isNewest={!cursor} />));
  });

  return pages;
}

/** Whether anything is stored of a contact. Any text could be an identity: one that nobody has is a slip of who typed it. */
export async function isKnownContact({ api }: View, contact: string): Promise<boolean> {
  const { data } = await api.get<z.infer<typeof eventPage>>('/events', { contact, limit: 1 });
  return data.length > 0;
}

/** Answers that what was typed is no contact, with the form to type it again. */
function noContact(c: Context<DashboardEnv>, typed: string): Response | Promise<Response> {
  return c.html(html(<SearchPage view={c.get('view')} refused={typed} />), 400);
}

const SearchPage: FC<{ view: View; refused?: string }> = ({ view, refused }) => {
  const t = contactsTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).conversations}>
      {refused !== undefined && (
        <Notice tone="bad">{lacksAreaCode(refused) ? t.noAreaCode : t.notANumber}</Notice>
      )}
      <search aria-label={t.number}>
        <form action="/contacts" class="narrow">
          <label>
            {t.number}
            <input
              type="text"
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
