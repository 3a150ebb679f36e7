// GET /find: from what a customer complains about to where it is.

import { Hono } from 'hono';
import type * as z from 'zod';
import { contactFromTyped } from '../contract/contact.ts';
import type { messageTimeline } from '../operate/messages.ts';
import { ApiRefusal, apiPath } from './api-client.ts';
import type { DashboardEnv } from './view.ts';

/** To be mounted at `/find`. A phone number in any form leads to the conversation, else it is taken for a message's id. */
export function findPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const asked = (c.req.query('q') ?? '').trim();
    if (asked === '') return c.redirect('/contacts', 303);
    const contact = contactFromTyped(asked);
    if (contact !== null) return c.redirect(`/contacts/${encodeURIComponent(contact)}`, 303);
    const found = await c.get('view').api.find<z.infer<typeof messageTimeline>>(apiPath`/messages/${asked}`);
    if (!found.ok) throw new ApiRefusal(found.problem);
    const event = found.data.events.at(-1);
    return event === undefined
      ? c.redirect('/events', 303)
      : c.redirect(apiPath`/events/${event.integration}/${event.id}`, 303);
  });
}
