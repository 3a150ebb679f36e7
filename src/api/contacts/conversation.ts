// GET /api/contacts/:number: what was written to and by a contact.

import { Hono } from 'hono';
import * as z from 'zod';
import { payloadContent } from '../../contract/message-content.ts';
import { messageStatus } from '../../contract/message-status.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES, STATUSES, type Status } from '../../contract/webhook.ts';
import { conversationWindow } from '../../contract/window.ts';
import { named } from '../../http/named-schemas.ts';
import { json } from '../../http/operation.ts';
import { readConversation } from '../../store/contacts.ts';
import type { ReadableEvent } from '../../store/messages.ts';
import type { ActorEnv } from '../access/actor.ts';
import { eventStatus } from '../events/routes.ts';
import { moment, textOrNull } from '../fields.ts';
import { CONTENT, contentAnswer, contentOf } from '../messages/routes.ts';
import { asFilter, asPage, listingParameters, pageOf } from '../query-parameters.ts';
import { serve } from '../serve.ts';
import { type ContactDeps, contactOperation, contactPath } from './contact.ts';

/** A message that the customer wrote, or a step of one that was sent to the customer. */
export const conversationEntry = z.object({
  id: z.string().describe('Of the event.'),
  integration: z.string(),
  direction: z.enum(['in', 'out']).describe('`in`: the customer wrote. `out`: it was sent to it.'),
  type: z.enum(EVENT_TYPES),
  status: eventStatus,
  effectiveStatus: z
    .enum(STATUSES)
    .nullable()
    .describe('Of the message that was sent, as far as the events on this page tell.'),
  messageId: z.string(),
  occurredAt: moment,
  receivedAt: moment,
  deliveries: z.int().min(1),
  content: contentAnswer,
});
named('ConversationEntry', conversationEntry);

export const conversationPage = pageOf(conversationEntry)
  .extend({
    contact: z.string().describe('In canonical form; an identity as it stands.'),
    name: textOrNull.describe('As last written, as far as the last message and this page tell.'),
    window: z
      .object({
        open: z.boolean().describe('Whether a free-form message may be sent.'),
        closesAt: moment.describe('The first moment at which it is closed.'),
      })
      .nullable()
      .describe('null where the customer never wrote.'),
  })
  .meta({
    description:
      'Newest first: pages by when events were stored, and within a page by when they occurred, which can be long before.',
    example: {
      contact: '+5544999999999',
      name: 'Maria da Silva',
      window: { open: false, closesAt: '2020-06-19T17:07:51.271Z' },
      data: [
        {
          id: '5e178088a88ad9001b6e1914:i3i4321d:response',
          integration: 'shop',
          direction: 'in',
          type: 'response',
          status: null,
          effectiveStatus: null,
          messageId: '5e178088a88ad9001b6e1914',
          occurredAt: '2020-06-18T17:07:51.271Z',
          receivedAt: '2020-06-18T17:07:52.004Z',
          deliveries: 1,
          content: CONTENT,
        },
      ],
      next: null,
    },
  });

export const getConversation = contactOperation('getConversation', 'GET /api/contacts/:number', {
  summary: 'Read the conversation with a contact',
  param: contactPath,
  query: z.strictObject(listingParameters),
  answers: { 200: json('A page of it, newest first.', conversationPage) },
});

export function conversationRoutes({ db, now }: ContactDeps): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getConversation, async (_, { param: { number: contact }, query }) => {
    const { cursor, ...range } = asFilter(query);
    const conversation = await readConversation(db, contact, { ...range, beforeSeq: cursor });
    const { events, lastResponse, nextBeforeSeq } = conversation;
    return {
      contact,
      name: lastName(lastResponse === null ? events : [lastResponse, ...events]),
      window: lastResponse && windowOf(lastResponse, now()),
      ...asPage(entriesOf(events), nextBeforeSeq),
    };
  });
  return routes;
}

/** Events as entries, newest first by when they occurred. */
export function entriesOf(events: readonly ReadableEvent[]): z.infer<typeof conversationEntry>[] {
  const reported = Map.groupBy(events, ({ messageId }) => messageId);
  const statusOf = (messageId: string): Status | null => {
    const steps = (reported.get(messageId) ?? []).flatMap(({ status }) => (status === null ? [] : [status]));
    return messageStatus(steps)?.status ?? null;
  };
  return events
    .toSorted((a, b) => b.occurredAtMs - a.occurredAtMs || b.seq - a.seq)
    .map((event) => {
      const { id, integration, type, status, messageId, occurredAtMs, receivedAtMs, deliveries } = event;
      return {
        id,
        integration,
        direction: type === 'response' ? ('in' as const) : ('out' as const),
        type,
        status,
        effectiveStatus: type === 'response' ? null : statusOf(messageId),
        messageId,
        occurredAt: rfc3339(occurredAtMs),
        receivedAt: rfc3339(receivedAtMs),
        deliveries,
        content: contentOf(event),
      };
    });
}

/** The name in the newest response that has one. */
export function lastName(events: readonly ReadableEvent[]): string | null {
  const newestFirst = events
    .filter(({ type }) => type === 'response')
    .toSorted((a, b) => b.occurredAtMs - a.occurredAtMs || b.seq - a.seq);
  for (const { payload } of newestFirst) {
    const name = payload === null ? null : payloadContent(payload).name;
    if (name !== null) return name;
  }
  return null;
}

function windowOf({ occurredAtMs, receivedAtMs }: ReadableEvent, nowMs: number) {
  const { open, closesAt } = conversationWindow({ time: occurredAtMs, receivedtime: receivedAtMs }, nowMs);
  return { open, closesAt: closesAt.toISOString() };
}
