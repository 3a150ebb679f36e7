// Examples that several operations show in the document: one customer's reply, and one step of the message before it.

import { CLOUDEVENT_TYPES, schemaUri, sequenceOf } from '../contract/cloudevent.ts';

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
  routes: [
    { name: 'crm', state: 'not-wanted' },
    { name: 'events', state: 'forwarded' },
  ],
  deferred: false,
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
  sequence: sequenceOf(Number(EVENT.place)),
  data: RESPONSE,
};

export const STATUS_EVENT = {
  ...RESPONSE_EVENT,
  id: '5e178088a88ad9001b6e1914:i3i4321e:status:delivered',
  type: CLOUDEVENT_TYPES.status,
  time: MESSAGE.updatedAt,
  dataschema: schemaUri('status', ''),
  receivedtime: '2026-03-01T17:06:45.310Z',
  sequence: sequenceOf(Date.parse('2026-03-01T17:06:45.310Z') * 1000),
  data: STATUS,
};
