// The search: from what a customer complains about to where it is.

import { Hono } from 'hono';
import { contactFromTyped, isPhoneNumber, withPlusOfLink } from '../../contract/contact.ts';
import { messageIdOf } from '../../contract/event.ts';
import { isKnownContact } from '../conversations/routes.tsx';
import { findMessage } from '../events/message-timeline.tsx';
import { ApiRefusal } from '../frame/api-client.ts';
import { pagePath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { NothingFoundPage } from './pages.tsx';

/** Digits alone can be a phone number or the id of a message. */
const IS_AMBIGUOUS = /^\d+$/;

/**
 * To be mounted at `/find`. A phone number in any form leads to its conversation, known or not, the id of an event to the
 * event, and the id of a message to its newest event. An identity leads to its conversation only if it is known, since
 * any text could be one.
 */
export function searchPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const asked = withPlusOfLink(c.req.query('q') ?? '').trim();
    if (asked === '') return c.redirect('/contacts', 303);
    const contact = contactFromTyped(asked);
    const isNumber = contact !== null && isPhoneNumber(contact);
    if (isNumber && !IS_AMBIGUOUS.test(asked)) return c.redirect(pagePath`/contacts/${contact}`, 303);
    const path =
      (await eventPath(view, asked)) ??
      (contact !== null && (isNumber || (await isKnownContact(view, contact)))
        ? pagePath`/contacts/${contact}`
        : null);
    return path === null
      ? answerPage(c, <NothingFoundPage view={view} asked={asked} />, 404)
      : c.redirect(path, 303);
  });
}

/** The page of the event with this id, or of the newest event of the message with this id; `null`: there is neither. */
async function eventPath({ api }: View, asked: string): Promise<string | null> {
  for (const messageId of new Set([asked, messageIdOf(asked)])) {
    if (messageId === '') continue;
    const found = await findMessage(api, messageId);
    if (found === null) continue;
    if (!found.ok && found.problem.status !== 404) throw new ApiRefusal(found.problem);
    if (!found.ok) continue;
    const { events } = found.data;
    const event = messageId === asked ? events.at(-1) : events.find(({ id }) => id === asked);
    if (event !== undefined) return pagePath`/events/${event.integration}/${event.id}`;
  }
  return null;
}
