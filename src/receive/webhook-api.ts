// The webhook addresses in the API's document: what the platform calls, and the messages that consumers get for it.

import * as z from 'zod';
import { eventSchema } from '../contract/cloudevent.ts';
import { responseWebhook, statusWebhook } from '../contract/webhook.ts';
import { RESPONSE, RESPONSE_EVENT, STATUS, STATUS_EVENT } from '../http/examples.ts';
import { named } from '../http/named-schemas.ts';
import { json, type Message, operationsOf } from '../http/operation.ts';
import { acceptedRejection, webhookAnswer } from './answers.ts';

const tag = {
  name: 'Webhooks',
  description: 'What the Instant Message platform sends, and what consumers get of it.',
};
const operation = operationsOf(tag);

named('ResponseWebhook', responseWebhook);
named('StatusWebhook', statusWebhook);
named('WebhookAnswer', webhookAnswer);
named('AcceptedRejection', acceptedRejection);
const responseEvent = named('ResponseEvent', eventSchema.options[0]);
const statusEvent = named('StatusEvent', eventSchema.options[1]);

const integration = z.string().meta({ description: 'Slug of the integration.', example: 'shop' });
const token = z.string().meta({
  description: 'As it stands in the registered URL.',
  example: `1.${'A'.repeat(43)}`,
});

const byUrl = { access: 'anyone', param: z.object({ integration, token }) } as const;
const byHeader = { access: 'sender', param: z.object({ integration }) } as const;

const DELIVERY = {
  description:
    'Any or no `Content-Type` is taken, and `Content-Encoding: gzip` or `deflate`, of at most 1 MiB once it is undone. A ' +
    '200 says that the event is durable; after a 503 send it again. A body that breaks the contract is answered 422 and ' +
    'kept, see Rejections; or 202, where its integration has `onRejection: accept`. A repeat with another content is ' +
    'answered 200 and kept there, too.',
  // Of a signature by Standard Webhooks, which an integration can require.
  header: z.object({
    'webhook-id': z.string().optional(),
    'webhook-timestamp': z
      .string()
      .regex(/^\d{1,12}$/)
      .describe('Seconds since 1970.')
      .optional(),
    'webhook-signature': z
      .string()
      .describe('`v1,<base64>`, for integrations that require signatures (Standard Webhooks).')
      .optional(),
  }),
  answers: {
    200: json(
      'The event is stored, now or earlier, or waits to be; or it is kept beside the one that it repeats.',
      webhookAnswer,
    ),
    202: json('It became no event and is kept as a rejection.', acceptedRejection),
  },
  problems: [
    'badly-encoded',
    'not-utf8',
    'not-json',
    'unauthorized',
    'request-timeout',
    'body-too-large',
    'encoded-body',
    'contract-broken',
    'wrong-application',
    'too-many-failures',
    'unavailable',
  ],
} as const;

const PROBE = {
  summary: 'Ask whether a webhook address is valid',
  description: 'For platforms that probe an address before they register it. HEAD is answered, too.',
  answers: {
    200: { description: 'It is: a line that says so.', mediaType: 'text/plain', schema: z.string() },
  },
  problems: ['unauthorized', 'too-many-failures', 'unavailable'],
} as const;

const BODY = {
  schema: z.union([responseWebhook, statusWebhook]),
  examples: { response: RESPONSE, status: STATUS },
};

/** The operations that src/receive/webhook.ts serves. */
export const webhookOperations = [
  operation('probeWebhook', 'GET /webhooks/:integration/:token', { ...PROBE, ...byUrl }),
  operation('deliverWebhook', 'POST /webhooks/:integration/:token', {
    ...DELIVERY,
    ...byUrl,
    summary: 'Deliver a webhook to a registered URL',
    body: BODY,
  }),
  operation('probeWebhookWithHeader', 'GET /webhooks/:integration', { ...PROBE, ...byHeader }),
  operation('deliverWebhookWithHeader', 'POST /webhooks/:integration', {
    ...DELIVERY,
    ...byHeader,
    summary: 'Deliver a webhook with the token in a header',
    body: BODY,
  }),
];

/** A message to a consumer has no answer: the consumer acknowledges it to the queue. */
const TO_CONSUMER = {
  tag,
  access: 'anyone',
  description:
    'A message of the queue `instant-message-events`, content type `json`: a CloudEvents 1.0 object. Not an HTTP ' +
    'request: consumers are pushed it by the queue, or pull it. It can come more than once; `source` and `id` together ' +
    'tell a repeat.',
  answers: {},
} as const;

/** What the platform calls, and what consumers get: the `webhooks` of the document. */
export const webhookMessages: Record<string, Message> = {
  response: {
    ...DELIVERY,
    tag,
    operationId: 'onResponse',
    summary: 'A customer wrote: from the platform to a registered URL',
    access: 'anyone',
    body: { schema: responseWebhook, examples: { response: RESPONSE } },
  },
  status: {
    ...DELIVERY,
    tag,
    operationId: 'onStatus',
    summary: 'A message that was sent took a step: from the platform to a registered URL',
    access: 'anyone',
    body: { schema: statusWebhook, examples: { status: STATUS } },
  },
  'response-event': {
    ...TO_CONSUMER,
    operationId: 'onResponseEvent',
    summary: 'A customer wrote: from the queue to a consumer',
    body: { schema: responseEvent, examples: { response: RESPONSE_EVENT } },
  },
  'status-event': {
    ...TO_CONSUMER,
    operationId: 'onStatusEvent',
    summary: 'A message that was sent took a step: from the queue to a consumer',
    body: { schema: statusEvent, examples: { status: STATUS_EVENT } },
  },
};
