// What the platform calls. The same bodies stand once more under `webhooks`, in ../webhooks.ts.

import * as z from 'zod';
import { responseWebhook, statusWebhook } from '../../contract/webhook.ts';
import type { ProblemCode } from '../../problem-details.ts';
import { acceptedRejection, webhookAnswer } from '../../receive/webhook.ts';
import { RESPONSE, STATUS } from '../../examples.ts';
import type { Operation, Paths } from '../../operation.ts';

const PROBLEMS: ProblemCode[] = [
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
];

/** Of a signature by Standard Webhooks, which an integration can require. */
const signatureHeaders = z.object({
  'webhook-id': z.string().optional(),
  'webhook-timestamp': z
    .string()
    .regex(/^\d{1,12}$/)
    .meta({ description: 'Seconds since 1970.' })
    .optional(),
  'webhook-signature': z
    .string()
    .meta({ description: '`v1,<base64>`, for integrations that require signatures (Standard Webhooks).' })
    .optional(),
});

/** A delivery, to whatever address. */
export const delivery = (): Omit<Operation, 'operationId' | 'summary' | 'access' | 'body'> => ({
  tag: 'Webhooks',
  description:
    'Any or no `Content-Type` is taken, and `Content-Encoding: gzip` or `deflate`, of at most 1 MiB once it is undone. A ' +
    '200 says that the event is durable; after a 503 send it again. A body that breaks the contract is answered 422 and ' +
    'kept, see Rejections; or 202, where its integration has `onRejection: accept`. A repeat with another content is ' +
    'answered 200 and kept there, too.',
  headers: signatureHeaders,
  answers: {
    200: {
      description:
        'The event is stored, now or earlier, or waits to be; or it is kept beside the one that it repeats.',
      schema: webhookAnswer,
    },
    202: { description: 'It became no event and is kept as a rejection.', schema: acceptedRejection },
  },
  problems: PROBLEMS,
});

/** A probe of an address. */
const probe = (): Omit<Operation, 'operationId' | 'access'> => ({
  tag: 'Webhooks',
  summary: 'Ask whether a webhook address is valid',
  description: 'For platforms that probe an address before they register it. HEAD is answered, too.',
  answers: {
    200: { description: 'It is: a line that says so.', mediaType: 'text/plain', schema: z.string() },
  },
  problems: ['unauthorized', 'too-many-failures', 'unavailable'],
});

const body = () => ({
  schema: z.union([responseWebhook, statusWebhook]),
  isOfApi: false,
  examples: { response: RESPONSE, status: STATUS },
});

export const webhookPaths = (): Paths => ({
  '/webhooks/{integration}/{token}': {
    get: { ...probe(), operationId: 'probeWebhook', access: 'anyone' },
    post: {
      ...delivery(),
      operationId: 'deliverWebhook',
      summary: 'Deliver a webhook to a registered URL',
      access: 'anyone',
      body: body(),
    },
  },
  '/webhooks/{integration}': {
    get: { ...probe(), operationId: 'probeWebhookWithHeader', access: 'sender' },
    post: {
      ...delivery(),
      operationId: 'deliverWebhookWithHeader',
      summary: 'Deliver a webhook with the token in a header',
      access: 'sender',
      body: body(),
    },
  },
});
