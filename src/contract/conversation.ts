// What a webhook says for a person to read: the text, the medium, the place, the customer's name. Pure, and forgiving:
// it reads stored payloads of any age and finds less where there is less, but never fails.

import { parsePayload } from './payload.ts';

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

export const NOTHING_SAID: Said = { text: null, media: null, location: null, failure: null, name: null };

/** Words in `mediaType` that name no medium. */
const NO_MEDIA = ['text', 'location'];

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
  const { message: ofMessage, clientData } = membersOf(webhook);
  const message = membersOf(ofMessage);
  return {
    text: textOf(message.message),
    media: mediaOf(message),
    location: placeOf(membersOf(message.location)),
    failure: failureOf(message),
    name: givenText(membersOf(clientData).name),
  };
}

function mediaOf(message: Members): Media | null {
  const data = membersOf(message.mediaData);
  const media = {
    link: givenText(data.link),
    id: givenText(data.id),
    caption: givenText(data.caption),
    filename: givenText(data.filename),
  };
  const type = givenText(message.mediaType);
  const kind = type === null || NO_MEDIA.includes(type.toLowerCase()) ? null : type;
  const hasSomething = kind !== null || Object.values(media).some((value) => value !== null);
  return hasSomething ? { kind, ...media } : null;
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

/** A person's words are left as they are: somebody may write "null". */
function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The platform writes the text "null" where it has no value. */
function givenText(value: unknown): string | null {
  return value === 'null' ? null : textOf(value);
}

/** As a number or as a text. */
function degreesOf(value: unknown): number | null {
  const degrees = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof degrees === 'number' && Number.isFinite(degrees) ? degrees : null;
}
