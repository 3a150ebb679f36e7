// An accepted webhook as the product knows it: its identity, its contact, its times.

import { canonicalContact } from './contact.ts';
import { type Oddity, UNFAITHFUL } from './documented-fields.ts';
import type { CheckedWebhook, EventType, ResponseWebhook, Webhook } from './webhook.ts';

/** What identifies and routes an event. Times are Unix milliseconds. */
export interface EventHead {
  /** Derived from the payload's own identifiers, the same for every delivery. Unique within its integration. */
  id: string;
  /** Slug of the integration that received it. */
  integration: string;
  type: EventType;
  /** The step of a status event, in lower case: one of `STATUSES`, or a word that is not known; `null` for a response. */
  status: string | null;
  /** Whom it is about: a number in canonical form, or what names the customer instead; `null`: the payload does not tell. */
  contact: string | null;
  /** `null`: the payload does not tell. */
  appId: string | null;
  /** `message.messageId` of the payload. */
  messageId: string;
  occurredAtMs: number;
  receivedAtMs: number;
}

/** An event with the body exactly as it came. */
export interface NewEvent extends EventHead {
  payload: string;
  /** Of the request that delivered it: tells one delivery from another. */
  requestId: string;
  /** Whether it came by way of the intake queue. */
  deferred?: boolean;
  /** In what the payload differs from the documentation. */
  oddities?: readonly Oddity[];
}

/**
 * `<message.messageId>:<event.messageId>:response`, or `…:status:<status>`. Both message ids are in it because
 * the platform's documentation leaves open which of the two names the reply. A `:` or `%` inside of one is written
 * `%3A`, `%25`, so that no two events share an id.
 */
export function eventId({ event, message }: Webhook): string {
  const kind = event.type === 'status' ? `status:${escapeStatus(event.status)}` : 'response';
  return `${messageIdPrefix(message.messageId)}${escapePart(event.messageId)}:${kind}`;
}

/** Digits of a digest that tell versions of an event apart. */
const VERSION_DIGITS = 16;
const VERSION = new RegExp(`~[0-9a-f]{${VERSION_DIGITS}}$`);

/**
 * The id of an event that came under the ids of another one with another content, and was let in beside it:
 * `<id of the first>~<digest of the content>`. No other id ends so.
 *
 * @param digest of {@link contentOf} its payload, hexadecimal.
 */
export function versionId(id: string, digest: string): string {
  return `${id}~${digest.slice(0, VERSION_DIGITS)}`;
}

/** The id under which an event came: its own, but for one that {@link versionId} made. */
export function firstVersionId(id: string): string {
  return id.replace(VERSION, '');
}

/** The ids of what was let in beside an event: from the first up to but not including the second. */
export function versionIdRange(id: string): [from: string, until: string] {
  return [`${id}~`, `${id}~g`]; // 'g' follows the hexadecimal digits
}

/** What the ids of all events of a message begin with. */
export function messageIdPrefix(messageId: string): string {
  return `${escapePart(messageId)}:`;
}

/** The ids of all events of a message: from the first up to but not including the second, as SQLite orders texts. */
export function messageIdRange(messageId: string): [from: string, until: string] {
  const prefix = messageIdPrefix(messageId);
  return [prefix, `${prefix.slice(0, -1)};`]; // ';' follows ':'
}

/** The `message.messageId` that an event id begins with. */
export function messageIdOf(id: string): string {
  return id.slice(0, id.indexOf(':')).replace(/%3A|%25/g, decodeURIComponent);
}

/** Without what {@link versionId} sets apart. */
function escapeStatus(status: string): string {
  return escapePart(status).replaceAll('~', '%7E');
}

function escapePart(identifier: string): string {
  return identifier.replace(/[%:]/g, encodeURIComponent);
}

/** The event that a webhook is. `payload` is the body it was parsed from. */
export function eventOf(
  { webhook, oddities }: CheckedWebhook,
  arrival: Pick<NewEvent, 'integration' | 'payload' | 'receivedAtMs' | 'requestId'>,
): NewEvent {
  const { event, message } = webhook;
  const contact = contactOf(webhook);
  const ofContact = contact.oddity === null ? [] : [contact.oddity];
  return {
    id: eventId(webhook),
    integration: arrival.integration,
    type: event.type,
    status: event.type === 'status' ? event.status : null,
    contact: contact.contact,
    appId: message.appId ?? null,
    messageId: message.messageId,
    occurredAtMs: occurredAtMs(webhook) ?? arrival.receivedAtMs,
    receivedAtMs: arrival.receivedAtMs,
    payload: arrival.payload,
    requestId: arrival.requestId,
    ...(oddities.length + ofContact.length > 0 && { oddities: [...oddities, ...ofContact] }),
  };
}

/** The customer: who wrote a response, whom a message with a status went to. */
function contactOf(webhook: Webhook): { contact: string | null; oddity: Oddity | null } {
  const isReply = isResponse(webhook);
  const written = isReply ? webhook.clientData?.number : webhook.message.to;
  if (written == null) return { contact: null, oddity: null }; // that is noted already
  const contact = canonicalContact(written);
  if (contact !== null && !UNFAITHFUL.test(contact)) return { contact, oddity: null };
  const path = isReply ? 'clientData.number' : 'message.to';
  return { contact: null, oddity: { path, code: 'not-a-contact' } };
}

/**
 * When it happened, by the platform's clock: `clientData.timeLastMessage` is the moment of the customer's message,
 * `message.updatedAt` the step of a message. A response's own `message` times are not used: the documentation
 * leaves open whether they are the reply's or those of the message replied to.
 */
function occurredAtMs(webhook: Webhook): number | null {
  const written = isResponse(webhook) ? webhook.clientData?.timeLastMessage : webhook.message.updatedAt;
  return written == null ? null : Date.parse(written); // RFC 3339, or it would be absent
}

function isResponse(webhook: Webhook): webhook is ResponseWebhook {
  return webhook.event.type === 'response';
}
