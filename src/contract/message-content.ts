// What a webhook says for a person to read: the text, the medium, the place, the customer's name. Pure, and forgiving:
// it reads stored payloads of any age and finds less where there is less, but never fails.

import { contactCardText, wordsIn } from './message-text.ts';
import { parsePayload } from './payload.ts';

/** What a message is, for a person. */
export const CONTENT_KINDS = [
  ...(['text', 'media', 'sticker', 'location', 'contact'] as const),
  /** An emoji in answer to a message. Without a text it was probably taken back. */
  'reaction',
  /** A button was tapped, an item was chosen from a list, or some other offer of a message was taken, a form, say. */
  ...(['button', 'list', 'reply'] as const),
  /** Nothing that is known here. */
  'unknown',
] as const;
export type ContentKind = (typeof CONTENT_KINDS)[number];

/** A picture, a recording, a document… */
export interface Media {
  /** The platform's word for it: `image`, `document`, …; `null` where it says none. */
  kind: string | null;
  /** Not always a usable URL. */
  link: string | null;
  id: string | null;
  caption: string | null;
  filename: string | null;
}

export interface Place {
  latitude: number | null;
  longitude: number | null;
  name: string | null;
  address: string | null;
}

/** What a message says. */
export interface Content {
  kind: ContentKind;
  /** The platform's word for what it is, known or not; `null` where it says none. */
  mediaType: string | null;
  text: string | null;
  media: Media | null;
  location: Place | null;
  /** Why it failed, as the platform tells. */
  failure: { code: string | null; message: string | null } | null;
}

/** What of a webhook is for a person to read. */
export interface Said extends Content {
  /** The customer's, as this webhook writes it. */
  name: string | null;
}

export const NOTHING_SAID: Said = {
  kind: 'unknown',
  mediaType: null,
  text: null,
  media: null,
  location: null,
  failure: null,
  name: null,
};

/** Words of the platform, of WhatsApp and of programs between them, as {@link plain} writes them. */
const WORDS_OF_KINDS = {
  reaction: ['reaction'],
  sticker: ['sticker'],
  button: [
    'button',
    'buttonreply',
    'buttons',
    'buttonsresponse',
    'quickreply',
    'templatebutton',
    'templatebuttonreply',
  ],
  list: ['list', 'listreply', 'listresponse'],
  reply: ['interactive', 'interactiveresponse', 'nfmreply'],
  contact: ['contact', 'contacts', 'contactcard', 'contactsarray', 'vcard'],
} as const satisfies Partial<Record<ContentKind, string[]>>;
const KINDS = new Map<string, ContentKind>(
  Object.entries(WORDS_OF_KINDS).flatMap(([kind, words]) =>
    words.map((word): [string, ContentKind] => [word, kind as ContentKind]),
  ),
);
/** What only a customer sends: the business sends what these answer. */
const REPLIES: readonly ContentKind[] = ['button', 'list', 'reply'];
/** Words that name no medium. */
const NO_MEDIA = ['text', 'location'];
/** Of something to look at or to listen to, also where nothing tells where it is. */
const MEDIA = ['image', 'document', 'audio', 'voice', 'ptt', 'video', 'sticker'];
/** Longer words are none that are known. */
const MAX_WORD_LENGTH = 64;

/** What a stored payload says. */
export function saidIn(payload: string): Said {
  let value: unknown;
  try {
    value = parsePayload(payload);
  } catch {
    return NOTHING_SAID;
  }
  return saidBy(value);
}

/** What a parsed webhook says, for who has parsed it already. */
export function saidBy(webhook: unknown): Said {
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

/** What the message is called, by itself or by the object that stands where its text should be. */
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

function kindOf({ media, location, text }: Pick<Content, 'media' | 'location' | 'text'>): ContentKind {
  if (media !== null) return 'media';
  if (location !== null) return 'location';
  return text === null ? 'unknown' : 'text';
}

/** `button_reply`, `Button-Reply` and `buttonReplyMessage` are one word. */
function plain(word: string): string {
  return word
    .slice(0, MAX_WORD_LENGTH)
    .toLowerCase()
    .replace(/[^a-z]/g, '')
    .replace(/(?<=.)message$/, '');
}

/** A person's words are left as they are: somebody may write "null". */
function textOf(message: Members, named: ContentKind | null): string | null {
  // WhatsApp's own form has the object under the name of its kind.
  const besides = Object.entries(message).find(([name]) => named !== null && KINDS.has(plain(name)));
  for (const value of [message.message, besides?.[1]]) {
    const words = named === 'contact' ? contactCardText(value) : wordsIn(value);
    if (words !== null) return words;
  }
  return null;
}

/** A medium there is where the platform names one, or tells where it is. A text may be said of it or not. */
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

function placeOf(location: Members): Place | null {
  const place = {
    latitude: degreesOf(location.latitude),
    longitude: degreesOf(location.longitude),
    name: givenText(location.name),
    address: givenText(location.address),
  };
  return Object.values(place).some((value) => value !== null) ? place : null;
}

function failureOf(message: Members): Content['failure'] {
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

/** As a number or as a text. */
function degreesOf(value: unknown): number | null {
  const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof degrees === 'number' && Number.isFinite(degrees) ? degrees : null;
}
