// Examples that several places of the document show: one customer's reply and one step of the message before it.

import { CLOUDEVENT_TYPES, schemaUri } from './contract/cloudevent.ts';
import { problemAt } from './contract/problems.ts';

const MESSAGE = {
  messageId: '5e178088a88ad9001b6e1914',
  contextId: '5e1789d9e73be8001ba18830',
  interactionsId: '0398634d-5a10-4118-b44f-02d26f3a773a',
  mediaType: 'text',
  message: 'Olá, seu pedido chegou?',
  to: '+5544999999999',
  from: '+554188956674',
  appId: '5e138ee5d53f5b001b96fa54',
  status: 'stored',
  createdAt: '2026-03-01T17:06:36.639Z',
  updatedAt: '2026-03-01T17:06:44.942Z',
};

/** A webhook of type `response`. */
export const RESPONSE = {
  event: { messageId: 'i3i4321d', type: 'response' },
  clientData: { number: '+5544999999999', name: 'Maria', timeLastMessage: '2026-03-01T17:07:51.271Z' },
  message: { ...MESSAGE, message: 'Chegou, obrigada!', to: MESSAGE.from, from: MESSAGE.to },
};

/** A webhook of type `status`. */
export const STATUS = {
  event: { messageId: 'i3i4321e', type: 'status', status: 'delivered' },
  message: MESSAGE,
};

/** The event of {@link RESPONSE}, as operators see it. */
export const EVENT = {
  id: '5e178088a88ad9001b6e1914:i3i4321d:response',
  integration: 'shop',
  type: 'response',
  status: null,
  contact: '+5544999999999',
  appId: MESSAGE.appId,
  messageId: MESSAGE.messageId,
  occurredAt: '2026-03-01T17:07:51.271Z',
  receivedAt: '2026-03-01T17:07:52.004Z',
  deliveries: 1,
  forwarded: true,
  deferred: false,
  replays: 0,
  oddities: [],
  place: '1772384872004000',
  payload: RESPONSE,
};

/** What consumers get for {@link RESPONSE} and {@link STATUS}. */
export const RESPONSE_EVENT = {
  specversion: '1.0',
  id: EVENT.id,
  source: '/webhooks/shop',
  type: CLOUDEVENT_TYPES.response,
  subject: MESSAGE.messageId,
  time: EVENT.occurredAt,
  datacontenttype: 'application/json',
  dataschema: schemaUri('response', ''),
  contact: EVENT.contact,
  receivedtime: EVENT.receivedAt,
  data: RESPONSE,
};

export const STATUS_EVENT = {
  ...RESPONSE_EVENT,
  id: '5e178088a88ad9001b6e1914:i3i4321e:status:delivered',
  type: CLOUDEVENT_TYPES.status,
  time: MESSAGE.updatedAt,
  dataschema: schemaUri('status', ''),
  receivedtime: '2026-03-01T17:06:45.310Z',
  data: STATUS,
};

export const REJECTION = {
  id: '1772330400000000',
  integration: 'shop',
  reason: 'contract-broken',
  problems: [problemAt('message.messageId', 'required')],
  receivedAt: '2026-03-01T02:00:00.000Z',
  lastReceivedAt: '2026-03-01T02:10:00.000Z',
  deliveries: 2,
  bodyBytes: 812,
  requestId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  deferred: false,
  eventId: null,
};

export const INTEGRATION = {
  slug: 'shop',
  appId: MESSAGE.appId,
  description: 'The online shop',
  enabled: true,
  generation: 2,
  previous: [{ generation: 1, validUntil: '2026-03-02T02:00:00.000Z' }],
  allowedIps: ['203.0.113.0/24'],
  requireSignature: false,
  onRejection: 'refuse',
  createdAt: '2026-02-01T12:00:00.000Z',
  lastEventAt: '2026-03-01T17:07:52.004Z',
  url: `https://webhooks.example.com/webhooks/shop/2.${'A'.repeat(43)}`,
  signingSecret: `whsec_${'A'.repeat(43)}=`,
};
