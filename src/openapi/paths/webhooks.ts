// What the platform calls. The same bodies stand once more under `webhooks`, in ../webhooks.ts.

import * as z from 'zod';
import { responseWebhook, statusWebhook } from '../../contract/webhook.ts';
import type { ProblemCode } from '../../problem.ts';
import { webhookAnswer } from '../../receive/webhook.ts';
import { RESPONSE, STATUS } from '../examples.ts';
import type { Operation, Paths } from '../operation.ts';

const PROBLEMS: ProblemCode[] = [
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
    'Any or no `Content-Type` is taken. A 2xx says that the event is durable; after a 503 send it again. A body ' +
    'that breaks the contract is answered 422 and kept, see Rejections. A repeat with another content is answered 200 and ' +
    'kept there, too.',
  headers: signatureHeaders,
  answers: {
    200: {
      description:
        'The event is stored, now or earlier, or waits to be; or it is kept beside the one that it repeats.',
      schema: webhookAnswer,
    },
  },
  problems: PROBLEMS,
});

const body = () => ({
  schema: z.union([responseWebhook, statusWebhook]),
  isOfApi: false,
  examples: { response: RESPONSE, status: STATUS },
});

export const webhookPaths = (): Paths => ({
  '/webhooks/{integration}/{token}': {
    post: {
      ...delivery(),
      operationId: 'deliverWebhook',
      summary: 'Deliver a webhook to a registered URL',
      access: 'anyone',
      body: body(),
    },
  },
  '/webhooks/{integration}': {
    post: {
      ...delivery(),
      operationId: 'deliverWebhookWithHeader',
      summary: 'Deliver a webhook with the token in a header',
      access: 'sender',
      body: body(),
    },
  },
});
