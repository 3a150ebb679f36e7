// GET /api/contacts: whom the receiver has conversations with.

import { Hono } from 'hono';
import * as z from 'zod';
import { EVENT } from '../../http/examples.ts';
import { named } from '../../http/named-schemas.ts';
import { json } from '../../http/operation.ts';
import { listContacts as readContacts } from '../../store/contacts.ts';
import type { ReadableEvent } from '../../store/messages.ts';
import type { ActorEnv } from '../access/actor.ts';
import { moment, textOrNull } from '../fields.ts';
import { CONTENT } from '../messages/routes.ts';
import { asListing, asPage, listingParameters, pageOf, storedAt } from '../query-parameters.ts';
import { serve } from '../serve.ts';
import { type ContactDeps, contactOperation } from './contact.ts';
import { conversationEntry, entriesOf, lastName } from './conversation.ts';

export const listedContact = named(
  'ListedContact',
  z.object({
    contact: z.string().describe('In canonical form; an identity as it stands.'),
    name: textOrNull.describe('As its newest event tells. null where that is no response.'),
    storedAt: moment.describe('When its newest event was stored.'),
    newest: conversationEntry.describe('Its newest event.'),
  }),
);

const EXAMPLE: z.infer<typeof listedContact> = {
  contact: EVENT.contact,
  name: 'Maria',
  storedAt: '2026-03-01T17:07:52.004Z',
  newest: {
    id: EVENT.id,
    integration: EVENT.integration,
    direction: 'in',
    type: 'response',
    status: null,
    effectiveStatus: null,
    messageId: EVENT.messageId,
    occurredAt: EVENT.occurredAt,
    receivedAt: EVENT.receivedAt,
    deliveries: 1,
    content: CONTENT,
  },
};

export const listContacts = contactOperation('listContacts', 'GET /api/contacts', {
  summary: 'List contacts, newest conversation first',
  description: 'By when the newest event of a contact was stored. `since` and `until` bound that.',
  query: z.strictObject(listingParameters),
  answers: { 200: json('A page of contacts.', pageOf(listedContact), { data: [EXAMPLE], next: null }) },
});

export function listingRoutes({ db }: ContactDeps): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, listContacts, async (_, { query }) => {
    const { filter, page } = asListing(query);
    const { items, nextBeforeSeq } = await readContacts(db, filter, page);
    return asPage(items.flatMap(listedContactOf), nextBeforeSeq);
  });
  return routes;
}

/** @param event the newest of its contact. */
function listedContactOf(event: ReadableEvent): z.infer<typeof listedContact>[] {
  const { contact, seq } = event;
  if (contact === null) return [];
  const [name, at] = [lastName([event]), storedAt(seq)];
  return entriesOf([event]).map((newest) => ({ contact, name, storedAt: at, newest }));
}
