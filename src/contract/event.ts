// An event: the identity, the contact and the times of an accepted webhook.

import { canonicalContact } from './contact.ts';
import type { Oddity } from './documented-fields.ts';
import type { CheckedWebhook, EventType, ResponseWebhook, Webhook } from './webhook.ts';

/** What identifies and routes an event. Times are Unix milliseconds. */
export interface EventHead {
  /** Derived from the payload's own identifiers, the same for every delivery. Unique within its integration. */
  id: string;
  /** Slug of the integration that received it. */
  integration: string;
  type: EventType;
  /** The step of a status event, in lower case: one of `STATUSES` or an unknown word; `null` for a response. */
  status: string | null;
  /** The customer: a number in canonical form, or the identity in its place; `null` where the payload does not tell. */
  contact: string | null;
  /** `null` where the payload does not tell. */
  appId: string | null;
  /** `message.messageId` of the payload. */
  messageId: string;
  occurredAtMs: number;
  receivedAtMs: number;
}

/** An event with the body exactly as it came. */
export interface NewEvent extends EventHead {
  payload: string;
  /** The id of the request that delivered it, by which deliveries are told apart. */
  requestId: string;
  /** Whether it came by way of the intake queue. */
  deferred?: boolean;
  /** How the payload differs from the documentation. */
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

const VERSION_DIGITS = 16;
const VERSION = new RegExp(`~[0-9a-f]{${VERSION_DIGITS}}$`);

/**
 * The id of an event that has the ids of another one and other content, and that an operator let in beside it:
 * `<id of the first>~<digest of the content>`. No other id ends like this.
 *
 * @param digest of {@link contentOf} its payload, hexadecimal.
 */
export function versionId(id: string, digest: string): string {
  return `${id}~${digest.slice(0, VERSION_DIGITS)}`;
}

/** The id of the first event of these ids, from an id that {@link versionId} made or any other. */
export function firstVersionId(id: string): string {
  return id.replace(VERSION, '');
}

/** The range of the ids that {@link versionId} makes of an id, without its end. */
export function versionIdRange(id: string): [from: string, until: string] {
  return [`${id}~`, `${id}~g`]; // 'g' follows the hexadecimal digits
}

/** The beginning of the ids of all events of a message. */
export function messageIdPrefix(messageId: string): string {
  return `${escapePart(messageId)}:`;
}

/** The range of the ids of all events of a message, without its end, in SQLite's order of texts. */
export function messageIdRange(messageId: string): [from: string, until: string] {
  const prefix = messageIdPrefix(messageId);
  return [prefix, `${prefix.slice(0, -1)};`]; // ';' follows ':'
}

/** The `message.messageId` with which an event id begins. */
export function messageIdOf(id: string): string {
  return id.slice(0, id.indexOf(':')).replace(/%3A|%25/g, decodeURIComponent);
}

/** Without `~`, which {@link versionId} uses. */
function escapeStatus(status: string): string {
  return escapePart(status).replaceAll('~', '%7E');
}

function escapePart(identifier: string): string {
  return identifier.replace(/[%:]/g, encodeURIComponent);
}

/** Makes an event of a webhook. `payload` is the body from which that was parsed. */
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

/** The customer: the sender of a response, or the recipient of the message with a status. */
function contactOf(webhook: Webhook): { contact: string | null; oddity: Oddity | null } {
  const isReply = isResponse(webhook);
  const written = isReply ? webhook.clientData?.number : webhook.message.to;
  if (written == null) return { contact: null, oddity: null }; // checkFields has noted that it is missing
  const contact = canonicalContact(written);
  if (contact !== null) return { contact, oddity: null };
  const path = isReply ? 'clientData.number' : 'message.to';
  return { contact: null, oddity: { path, code: 'not-a-contact' } };
}

/**
 * When it happened, by the platform's clock: `clientData.timeLastMessage` is when the customer wrote, `message.updatedAt`
 * when the message took its step. A response's own `message` times are not used, because the documentation leaves open
 * whether they are those of the reply or of the message replied to.
 */
function occurredAtMs(webhook: Webhook): number | null {
  const written = isResponse(webhook) ? webhook.clientData?.timeLastMessage : webhook.message.updatedAt;
  return written == null ? null : Date.parse(written); // RFC 3339 after checkFields
}

function isResponse(webhook: Webhook): webhook is ResponseWebhook {
  return webhook.event.type === 'response';
}
