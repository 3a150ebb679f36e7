// Contacts: listing them, finding one by its number, its conversation, and what is done with a person's data on request.

import { type Context, Hono } from 'hono';
import { getConversation } from '../../api/contacts/conversation.ts';
import { listContacts } from '../../api/contacts/listing.ts';
import { listEvents } from '../../api/events/routes.ts';
import { contactFromTyped, isPhoneNumber, withPlusOfLink } from '../../contract/contact.ts';
import { pagePath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { personalDataPages } from '../personal-data/routes.tsx';
import { ContactsPage, ConversationPage } from './pages.tsx';

/** To be mounted at `/contacts`. */
export function contactPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const typed = withPlusOfLink(c.req.query('number') ?? '').trim();
      if (typed === '') {
        const contacts = await view.api.call(listContacts, { query: { cursor: c.req.query('cursor') } });
        return answerPage(c, <ContactsPage view={view} contacts={contacts} />);
      }
      const contact = contactFromTyped(typed);
      if (contact === null || !(isPhoneNumber(contact) || (await isKnownContact(view, contact)))) {
        return answerNoContact(c, typed);
      }
      return c.redirect(pagePath`/contacts/${contact}`, 303);
    })
    .route('/', personalDataPages(answerNoContact))
    .get('/:number', async (c) => {
      const view = c.get('view');
      const number = c.req.param('number');
      const contact = contactFromTyped(number);
      if (contact === null) return answerNoContact(c, number);
      if (contact !== number) return c.redirect(pagePath`/contacts/${contact}`, 303);
      const cursor = c.req.query('cursor');
      const conversation = await view.api.call(getConversation, {
        param: { number: contact },
        query: { cursor },
      });
      return answerPage(c, <ConversationPage view={view} conversation={conversation} isNewest={!cursor} />);
    });
}

/** Whether any event of a contact is stored. Any text could be an identity: one that nobody has was mistyped. */
export async function isKnownContact({ api }: View, contact: string): Promise<boolean> {
  const { data } = await api.call(listEvents, { query: { contact, limit: 1 } });
  return data.length > 0;
}

/** Answers that what was typed is no contact, with the form to type it again. */
function answerNoContact(c: Context<DashboardEnv>, typed: string): Response {
  return answerPage(c, <ContactsPage view={c.get('view')} refused={typed} />, 400);
}
