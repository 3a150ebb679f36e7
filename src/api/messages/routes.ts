// GET /api/messages/:messageId: what became of one message.

import { Hono } from 'hono';
import * as z from 'zod';
import {
  CONTENT_KINDS,
  EMPTY_CONTENT,
  type MessageContent,
  payloadContent,
} from '../../contract/message-content.ts';
import { patterned } from '../../contract/problems.ts';
import { timelineOf } from '../../contract/timeline.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES, STATUSES } from '../../contract/webhook.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import {
  findMessageEvents,
  MAX_MESSAGE_EVENTS,
  type ReadableEvent,
  readShownPayloads,
} from '../../store/messages.ts';
import type { ActorEnv } from '../access/actor.ts';
import { eventContact, eventStatus } from '../events/routes.ts';
import { moment, textOrNull } from '../fields.ts';
import { serve } from '../serve.ts';

/** The part of a webhook that people read. */
export const contentAnswer = z.object({
  kind: z
    .enum(CONTENT_KINDS)
    .describe(
      'What it is: `button`, `list` and `reply` are answers that a message offered, `reaction` is an emoji to a message. `unknown`: nothing that is known here.',
    ),
  mediaType: textOrNull.describe("The platform's word for what it is, known or not."),
  text: textOrNull.describe('As it was written, or what the button, the list or the contact card says.'),
  media: z
    .object({
      kind: textOrNull.describe("The platform's word for it: `image`, `document`, …"),
      link: textOrNull.describe('Not always a usable URL.'),
      id: textOrNull,
      caption: textOrNull,
      filename: textOrNull,
    })
    .nullable(),
  location: z
    .object({
      latitude: z.number().nullable(),
      longitude: z.number().nullable(),
      name: textOrNull,
      address: textOrNull,
    })
    .nullable(),
  failure: z
    .object({ code: textOrNull, message: textOrNull })
    .nullable()
    .describe('Why it failed, as the platform tells.'),
  omitted: z
    .boolean()
    .describe('The payload is too large to be shown in a list: it is at `/api/events/…/payload`.'),
});
named('Content', contentAnswer);

export const CONTENT: z.infer<typeof contentAnswer> = {
  kind: 'text',
  mediaType: 'text',
  text: 'Mensagem de teste',
  media: null,
  location: null,
  failure: null,
  omitted: false,
};

const step = z.enum(STATUSES);

const messageQuery = z.strictObject({
  integration: z.string().min(1).optional().meta({
    description: 'Only what came to this integration.',
    example: 'shop',
  }),
  cursor: patterned(/^-?\d{1,16}_\d{1,16}$/, 'not-a-cursor')
    .transform((written) => {
      const [occurredAtMs = 0, seq = 0] = written.split('_').map(Number);
      return { occurredAtMs, seq };
    })
    .optional()
    .describe('Where the replies go on: the `next` of an earlier answer.'),
});

const shownEvent = z.object({
  id: z.string(),
  integration: z.string(),
  occurredAt: moment,
  receivedAt: moment,
  deliveries: z.int().min(1).describe('How often the platform delivered it.'),
});

export const messageTimeline = z
  .object({
    messageId: z.string(),
    contact: eventContact,
    status: step
      .nullable()
      .describe(
        'The effective status, which late and repeated reports never move back. null: none is known.',
      ),
    steps: z
      .array(z.object({ status: step, at: moment.nullable() }))
      .describe('The steps it has taken, weakest first. `at` is null where the step is implied.'),
    implied: z.array(step).describe('Steps that nobody reported: `read` implies `delivered` implies `sent`.'),
    lags: z
      .array(z.object({ from: step, to: step, ms: z.int().nullable() }))
      .describe('Times between steps by when they occurred; null where one of the two is implied.'),
    events: z
      .array(
        shownEvent.extend({
          type: z.enum(EVENT_TYPES),
          status: eventStatus,
          disorder: z
            .array(z.enum(['stored', 'occurred']))
            .describe('Empty where it came in order; else in what it is behind a stronger step.'),
        }),
      )
      .describe('In the order in which they occurred.'),
    content: contentAnswer.nullable().describe('What was sent; null where only replies are known.'),
    replies: z
      .array(shownEvent.extend({ content: contentAnswer }))
      .describe(
        'What the customer wrote with this message id, in the order in which it occurred: as many as an answer has room for. All are among `events`.',
      ),
    next: textOrNull.describe('The `cursor` with which the replies go on; null where these are the last.'),
    complete: z
      .boolean()
      .describe(
        `False where it has more than ${MAX_MESSAGE_EVENTS} events: shown are the first reports of each step and the newest events.`,
      ),
  })
  .meta({
    description: 'What became of a message.',
    example: {
      messageId: '5e178088a88ad9001b6e1914',
      contact: '+5544999027914',
      status: 'delivered',
      steps: [
        { status: 'sent', at: null },
        { status: 'delivered', at: '2020-01-09T20:19:44.942Z' },
      ],
      implied: ['sent'],
      lags: [{ from: 'sent', to: 'delivered', ms: null }],
      events: [
        {
          id: '5e178088a88ad9001b6e1914:i3i4321d:status:delivered',
          integration: 'shop',
          type: 'status',
          status: 'delivered',
          occurredAt: '2020-01-09T20:19:44.942Z',
          receivedAt: '2020-01-09T20:19:45.120Z',
          deliveries: 1,
          disorder: [],
        },
      ],
      content: CONTENT,
      replies: [],
      next: null,
      complete: true,
    },
  });

const operation = operationsOf({
  name: 'Messages',
  description: 'What became of one message: its timeline.',
});

export const getMessage = operation('getMessage', 'GET /api/messages/:messageId', {
  summary: 'Read the timeline of a message',
  param: z.object({
    messageId: z.string().meta({
      description: '`message.messageId` of its webhooks.',
      example: '5e178088a88ad9001b6e1914',
    }),
  }),
  query: messageQuery,
  answers: { 200: json('What became of it.', messageTimeline) },
  problems: ['not-found'],
});

export function messageRoutes({ db }: { db: D1Database }): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getMessage, async (_, { param: { messageId }, query: { integration, cursor } }) => {
    const { events, isEveryEvent } = await findMessageEvents(db, messageId, integration);
    const { reports, steps, ...timeline } = timelineOf(events);
    const [first] = reports;
    if (first === undefined) {
      return problem('not-found', 'There is no event of such a message, or they are past their retention.');
    }
    const lastStep = reports.filter(({ type }) => type === 'status').slice(-1);
    const replies = reports.filter((event) => event.type === 'response' && isBehind(event, cursor));
    const shownEvents = await readShownPayloads(db, [...lastStep, ...replies]);
    const shownReplies = shownEvents.slice(lastStep.length);
    const [sent] = lastStep.length === 0 ? [] : shownEvents;
    const lastReply = shownReplies.length < replies.length ? shownReplies.at(-1) : undefined;
    return {
      messageId,
      contact: first.contact,
      ...timeline,
      steps: steps.map(({ status, atMs }) => ({ status, at: atMs === null ? null : rfc3339(atMs) })),
      events: reports.map(({ type, status, disorder, ...event }) => ({
        ...shown(event),
        type,
        status,
        disorder,
      })),
      content: sent === undefined ? null : contentOf(sent),
      replies: shownReplies.map((event) => ({ ...shown(event), content: contentOf(event) })),
      next: lastReply === undefined ? null : `${lastReply.occurredAtMs}_${lastReply.seq}`,
      complete: isEveryEvent,
    };
  });
  return routes;
}

/** Whether a reply comes after the last one of an earlier answer, in the order of the timeline. */
function isBehind(
  { occurredAtMs, seq }: Pick<ReadableEvent, 'occurredAtMs' | 'seq'>,
  last: Pick<ReadableEvent, 'occurredAtMs' | 'seq'> | undefined,
): boolean {
  if (last === undefined || occurredAtMs > last.occurredAtMs) return true;
  return occurredAtMs === last.occurredAtMs && seq > last.seq;
}

/** The content of an event, as answers show it. */
export function contentOf({ payload }: Pick<ReadableEvent, 'payload'>): z.infer<typeof contentAnswer> {
  const { name: _, ...content } = payload === null ? EMPTY_CONTENT : payloadContent(payload);
  return { ...(content satisfies MessageContent), omitted: payload === null };
}

function shown(event: Omit<ReadableEvent, 'type' | 'status'>): z.infer<typeof shownEvent> {
  const { id, integration, occurredAtMs, receivedAtMs, deliveries } = event;
  return {
    id,
    integration,
    occurredAt: rfc3339(occurredAtMs),
    receivedAt: rfc3339(receivedAtMs),
    deliveries,
  };
}
