// GET /find: from what a customer complains about to where it is.

import { Hono } from 'hono';
import { createElement } from 'hono/jsx';
import { contactFromTyped, isPhoneNumber, withPlusOfLink } from '../../contract/contact.ts';
import { messageIdOf } from '../../contract/event.ts';
import { isKnownContact } from '../conversations/routes.tsx';
import { findMessage } from '../events/message-timeline.tsx';
import { ApiRefusal, apiPath } from '../frame/api-client.ts';
import { html } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { NothingFound } from './pages.tsx';

/** Digits alone can be a message's id as well; one of the platform's has 24 characters. */
const COULD_BE_EITHER = /^\d+$/;

/**
 * To be mounted at `/find`. A phone number in any form leads to its conversation, known or not, an event's id to the
 * event, a message's to its newest event, an identity to its conversation. Any text could be an identity: only one that
 * is known counts.
 */
export function findPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const asked = withPlusOfLink(c.req.query('q') ?? '').trim();
    if (asked === '') return c.redirect('/contacts', 303);
    const contact = contactFromTyped(asked);
    const isNumber = contact !== null && isPhoneNumber(contact);
    if (isNumber && !COULD_BE_EITHER.test(asked)) return c.redirect(apiPath`/contacts/${contact}`, 303);
    const path =
      (await eventPath(view, asked)) ??
      (contact !== null && (isNumber || (await isKnownContact(view, contact)))
        ? apiPath`/contacts/${contact}`
        : null);
    return path === null
      ? c.html(html(createElement(NothingFound, { view, asked })), 404)
      : c.redirect(path, 303);
  });
}

/** Where the event of this id is, or the newest of the message of this id; `null`: there is neither. */
async function eventPath({ api }: View, asked: string): Promise<string | null> {
  for (const messageId of new Set([asked, messageIdOf(asked)])) {
    if (messageId === '') continue;
    const found = await findMessage(api, messageId);
    if (found === null) continue;
    if (!found.ok && found.problem.status !== 404) throw new ApiRefusal(found.problem);
    if (!found.ok) continue;
    const { events } = found.data;
    const event = messageId === asked ? events.at(-1) : events.find(({ id }) => id === asked);
    if (event !== undefined) return apiPath`/events/${event.integration}/${event.id}`;
  }
  return null;
}
