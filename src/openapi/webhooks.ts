// The `webhooks` of the document: what the platform calls, and the messages that consumers get.

import { eventSchema } from '../contract/cloudevent.ts';
import { responseWebhook, statusWebhook } from '../contract/webhook.ts';
import { RESPONSE, RESPONSE_EVENT, STATUS, STATUS_EVENT } from '../examples.ts';
import type { Operation } from '../operation.ts';
import { delivery } from './paths/webhooks.ts';

export const [responseEvent, statusEvent] = eventSchema.options;

const OF_QUEUE =
  'A message of the queue `instant-message-events`, content type `json`: a CloudEvents 1.0 object. Not an HTTP ' +
  'request: consumers are pushed it by the queue, or pull it. It can come more than once; `source` and `id` together ' +
  'tell a repeat.';

/** A message to a consumer: it has no answer, the consumer acknowledges it to the queue. */
export type Message = Omit<Operation, 'access' | 'answers'>;

/** By name: what the platform calls as an operation, what consumers get as a message. */
export const webhooks = (): Record<string, Operation | Message> => ({
  response: {
    ...delivery(),
    operationId: 'onResponse',
    summary: 'A customer wrote: from the platform to a registered URL',
    access: 'anyone',
    body: { schema: responseWebhook, isOfApi: false, examples: { response: RESPONSE } },
  },
  status: {
    ...delivery(),
    operationId: 'onStatus',
    summary: 'A message that was sent took a step: from the platform to a registered URL',
    access: 'anyone',
    body: { schema: statusWebhook, isOfApi: false, examples: { status: STATUS } },
  },
  'response-event': {
    operationId: 'onResponseEvent',
    tag: 'Webhooks',
    summary: 'A customer wrote: from the queue to a consumer',
    description: OF_QUEUE,
    body: { schema: responseEvent, isOfApi: false, examples: { response: RESPONSE_EVENT } },
  },
  'status-event': {
    operationId: 'onStatusEvent',
    tag: 'Webhooks',
    summary: 'A message that was sent took a step: from the queue to a consumer',
    description: OF_QUEUE,
    body: { schema: statusEvent, isOfApi: false, examples: { status: STATUS_EVENT } },
  },
});
