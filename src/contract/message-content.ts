// The content of a webhook for people: text, medium, location, the customer's name. Pure. It reads stored payloads of any age
// and never fails: what it does not understand is absent.

import { contactCardText, readableText } from './message-text.ts';
import { parsePayload } from './payload.ts';

export const CONTENT_KINDS = [
  ...(['text', 'media', 'sticker', 'location', 'contact'] as const),
  /** An emoji in answer to a message. One without a text was probably withdrawn. */
  'reaction',
  /** The customer tapped a button, chose from a list, or answered another interactive message, such as a form. */
  ...(['button', 'list', 'reply'] as const),
  'unknown',
] as const;
export type ContentKind = (typeof CONTENT_KINDS)[number];

/** A picture, a recording, a document… */
export interface Media {
  /** The platform's word for it, such as `image` or `document`; `null` where there is none. */
  kind: string | null;
  /** Not always a usable URL. */
  link: string | null;
  id: string | null;
  caption: string | null;
  filename: string | null;
}

export interface MessageLocation {
  latitude: number | null;
  longitude: number | null;
  name: string | null;
  address: string | null;
}

/** The content of a message. */
export interface MessageContent {
  kind: ContentKind;
  /** The platform's word for the kind of message, known or not; `null` where there is none. */
  mediaType: string | null;
  text: string | null;
  media: Media | null;
  location: MessageLocation | null;
  /** Why it failed, as the platform says; `null` where it says nothing. */
  failure: { code: string | null; message: string | null } | null;
}

/** The content of a webhook. */
export interface WebhookContent extends MessageContent {
  /** The customer's name. */
  name: string | null;
}

export const EMPTY_CONTENT: WebhookContent = {
  kind: 'unknown',
  mediaType: null,
  text: null,
  media: null,
  location: null,
  failure: null,
  name: null,
};

/** Words that the platform, WhatsApp and gateways use for each kind, as {@link plain} writes them. */
const KIND_WORDS = [
  ['reaction', 'reaction'],
  ['sticker', 'sticker'],
  ['button', 'button buttonreply buttons buttonsresponse quickreply templatebutton templatebuttonreply'],
  ['list', 'list listreply listresponse'],
  ['reply', 'interactive interactiveresponse nfmreply'],
  ['contact', 'contact contacts contactcard contactsarray vcard'],
] as const satisfies [ContentKind, string][];
const KINDS = new Map<string, ContentKind>(
  KIND_WORDS.flatMap(([kind, words]) => words.split(' ').map((word) => [word, kind] as const)),
);
/** Kinds that only customers send. In a status event these words name the business's message that is to be answered. */
const REPLIES: readonly ContentKind[] = ['button', 'list', 'reply'];
/** Words that name no medium. */
const NO_MEDIA = ['text', 'location'];
/** Words that name a medium, also where the payload does not tell where it is. */
const MEDIA = ['image', 'document', 'audio', 'voice', 'ptt', 'video', 'sticker'];
const MAX_WORD_LENGTH = 64;

/** The content of a stored payload. */
export function payloadContent(payload: string): WebhookContent {
  let value: unknown;
  try {
    value = parsePayload(payload);
  } catch {
    return EMPTY_CONTENT;
  }
  return webhookContent(value);
}

/** The content of a parsed payload. */
export function webhookContent(webhook: unknown): WebhookContent {
  const { event, message: ofMessage, clientData } = membersOf(webhook);
  const message = membersOf(ofMessage);
  const mediaType = givenText(message.mediaType);
  const { type } = membersOf(event);
  const isOfStatus = typeof type === 'string' && type.toLowerCase() === 'status';
  const named = namedKind(message, mediaType, isOfStatus);
  const media = mediaOf(message, mediaType);
  const location = placeOf(membersOf(message.location));
  const text = textOf(message, named) ?? (media === null ? captionOf(message) : null);
  return {
    kind: named ?? kindOf({ media, location, text }),
    mediaType,
    text,
    media,
    location,
    failure: failureOf(message),
    name: givenText(membersOf(clientData).name),
  };
}

/** The kind that the message names itself, or that is named by the object in place of its text. */
function namedKind(message: Members, mediaType: string | null, isOfStatus: boolean): ContentKind | null {
  const inside = membersOf(message.message);
  const words = [
    inside.type,
    membersOf(inside.interactive).type,
    membersOf(message.interactive).type,
    mediaType,
  ];
  const kinds = words
    .map((word) => (typeof word === 'string' ? KINDS.get(plain(word)) : undefined))
    .filter((kind) => kind !== undefined && !(isOfStatus && REPLIES.includes(kind)));
  return kinds.find((kind) => kind !== 'reply') ?? kinds[0] ?? null;
}

function kindOf({ media, location, text }: Pick<MessageContent, 'media' | 'location' | 'text'>): ContentKind {
  if (media !== null) return 'media';
  if (location !== null) return 'location';
  return text === null ? 'unknown' : 'text';
}

/** Makes one word of `button_reply`, `Button-Reply` and `buttonReplyMessage`. */
function plain(word: string): string {
  return word
    .slice(0, MAX_WORD_LENGTH)
    .toLowerCase()
    .replace(/[^a-z]/g, '')
    .replace(/(?<=.)message$/, '');
}

/** The text "null" is kept here: a customer may write it. */
function textOf(message: Members, named: ContentKind | null): string | null {
  // WhatsApp's own form has the object under the name of its kind.
  const besides = Object.entries(message).find(([name]) => named !== null && KINDS.has(plain(name)));
  for (const value of [message.message, besides?.[1]]) {
    const words = named === 'contact' ? contactCardText(value) : readableText(value);
    if (words !== null) return words;
  }
  return null;
}

/** There is a medium where the payload names one or tells where it is. */
function mediaOf(message: Members, mediaType: string | null): Media | null {
  const data = membersOf(message.mediaData);
  const file = { link: givenText(data.link), id: givenText(data.id), filename: givenText(data.filename) };
  const isNamed = mediaType !== null && MEDIA.includes(plain(mediaType));
  if (!isNamed && Object.values(file).every((value) => value === null)) return null;
  const { link, id, filename } = file;
  const isOther = mediaType !== null && (NO_MEDIA.includes(plain(mediaType)) || KINDS.has(plain(mediaType)));
  return { kind: isOther && !isNamed ? null : mediaType, link, id, caption: captionOf(message), filename };
}

function captionOf(message: Members): string | null {
  return givenText(membersOf(message.mediaData).caption);
}

function placeOf(location: Members): MessageLocation | null {
  const place = {
    latitude: degreesOf(location.latitude),
    longitude: degreesOf(location.longitude),
    name: givenText(location.name),
    address: givenText(location.address),
  };
  return Object.values(place).some((value) => value !== null) ? place : null;
}

function failureOf(message: Members): MessageContent['failure'] {
  const code = typeof message.failCode === 'number' ? String(message.failCode) : givenText(message.failCode);
  const said = givenText(message.failMessage);
  return code === null && said === null ? null : { code, message: said };
}

type Members = Record<string, unknown>;

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

/** The platform writes the text "null" where it has no value. */
function givenText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && value !== 'null' ? value : null;
}

/** Degrees come as a number or as a text. */
function degreesOf(value: unknown): number | null {
  const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof degrees === 'number' && Number.isFinite(degrees) ? degrees : null;
}
