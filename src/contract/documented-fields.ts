// The fields that the platform documents beside those that identify an event: what each holds, and what to make of one that
// holds something else. Nothing of it can keep an event out. Pure.

import { normalizeToRfc3339, parseTimestamp } from './timestamp.ts';

/** Longest identifier taken, and longest label looked at. The platform's own have 8 to 36 characters. */
export const MAX_IDENTIFIER_LENGTH = 256;

/** Text that no store and no URL can carry faithfully: control characters and lone surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
export const UNFAITHFUL = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** In what a webhook can differ from the documentation and still be an event. */
export const ODDITY_CODES = [
  'missing',
  'empty',
  'wrong-type',
  'too-long',
  'unfaithful',
  'not-a-time',
  'no-zone',
  'impossible-time',
  'not-a-contact',
  'unknown-status',
] as const;
export type OddityCode = (typeof ODDITY_CODES)[number];

/** One thing that is odd about a webhook. Carries no value of the body: those may be personal data. */
export interface Oddity {
  /** Where, with dots: `message.to`. One of {@link ODDITY_PATHS}. */
  path: string;
  code: OddityCode;
}

/** What is documented of a field that holds a `Value`. */
interface Field<Value> {
  /** Why a value is odd; `null`: it is not. Not asked where there is none. */
  oddityOf(value: unknown, arrivedAtMs: number): OddityCode | null;
  /** The one way to write what is written in several. */
  uniform?(value: unknown, arrivedAtMs: number): Value;
  /** Whether every webhook has it. */
  isRequired?: true;
  members?: Members;
  /** Never there: it tells the compiler what the field holds. */
  holds?: Value;
}

type Members = ReadonlyMap<string, Field<unknown>>;
type Documented = Record<string, Field<unknown>>;

/** What there is of documented fields in a checked webhook, and whatever else the sender sent. */
export type Checked<Fields extends Documented> = {
  [Name in keyof Fields]?: (Fields[Name] extends Field<infer Value> ? Value : never) | null | undefined;
} & { [unknown: string]: unknown };

const text: Field<string> = { oddityOf: (value) => (typeof value === 'string' ? null : 'wrong-type') };

/** Text that names something. */
const label: Field<string> = {
  oddityOf(value) {
    if (typeof value !== 'string') return 'wrong-type';
    if (value === '') return 'empty';
    return value.length > MAX_IDENTIFIER_LENGTH ? 'too-long' : null;
  },
};

/** A label that events are stored by. */
const identifier: Field<string> = {
  oddityOf(value, arrivedAtMs) {
    const code = label.oddityOf(value, arrivedAtMs);
    return code === null && UNFAITHFUL.test(value as string) ? 'unfaithful' : code;
  },
};

const numberOrText: Field<number | string> = {
  oddityOf: (value) => (typeof value === 'string' || typeof value === 'number' ? null : 'wrong-type'),
};

const time: Field<string> = {
  oddityOf(value, arrivedAtMs) {
    const moment = parseTimestamp(value, arrivedAtMs);
    return typeof moment === 'number' ? null : moment;
  },
  uniform: normalizeToRfc3339,
};

function objectOf<Fields extends Documented>(fields: Fields): Field<Checked<Fields>> {
  return {
    oddityOf(value) {
      if (value === '') return 'empty';
      return typeof value === 'object' && !Array.isArray(value) ? null : 'wrong-type';
    },
    members: new Map(Object.entries(fields)),
  };
}

function required<Value>(field: Field<Value>): Field<Value> {
  return { ...field, isRequired: true };
}

const message = {
  appId: required(identifier),
  to: required(label),
  from: required(label),
  contextId: label, // free text chosen by the application
  interactionsId: label,
  mediaType: text, // any word
  message: text,
  mediaData: objectOf({ link: text, id: text, caption: text, filename: text }), // at times the text "null"
  location: objectOf({ address: text, latitude: numberOrText, longitude: numberOrText, name: text }),
  status: text, // the platform's own storage state, not the step of a status event
  failCode: numberOrText,
  failMessage: text,
  createdAt: time,
  updatedAt: time,
};

/** Whom a number names is told by contact.ts: here it is text. */
const clientData = { number: required(label), name: text, timeLastMessage: time };

/** Documented with a response only; nothing is asked of it elsewhere. */
const strayClientData = { number: label, name: text, timeLastMessage: time };

const ofResponse = { clientData: required(objectOf(clientData)), message: objectOf(message) };
const ofStatus = { clientData: objectOf(strayClientData), message: objectOf(message) };

export type CheckedMessage = Checked<typeof message>;
export type CheckedClientData = Checked<typeof clientData>;

const FIELDS = {
  response: new Map<string, Field<unknown>>(Object.entries(ofResponse)),
  status: new Map<string, Field<unknown>>(Object.entries(ofStatus)),
};

/** Every path that an oddity can have. `message` itself identifies: it is always an object. */
export const ODDITY_PATHS: readonly string[] = [
  'event.status',
  ...pathsOf(FIELDS.response, '').filter((path) => path !== 'message'),
];

function pathsOf(members: Members, prefix: string): string[] {
  return [...members].flatMap(([name, field]) => [
    prefix + name,
    ...(field.members === undefined ? [] : pathsOf(field.members, `${prefix}${name}.`)),
  ]);
}

type JsonObject = Record<string, unknown>;

/**
 * A webhook in which the documented fields are checked or absent: without those that are odd, its times as RFC 3339. What
 * is not documented is as it came. The body itself where nothing of it is otherwise.
 *
 * @param oddities gets what is odd.
 */
export function checkFields(
  type: keyof typeof FIELDS,
  body: JsonObject,
  arrivedAtMs: number,
  oddities: Oddity[],
): JsonObject {
  return checkMembers(body, FIELDS[type], '', arrivedAtMs, oddities);
}

function checkMembers(
  holder: JsonObject,
  members: Members,
  prefix: string,
  arrivedAtMs: number,
  oddities: Oddity[],
): JsonObject {
  let checked = holder;
  const change = (name: string, value: unknown): void => {
    if (checked === holder) checked = { ...holder };
    if (value === undefined) delete checked[name];
    else checked[name] = value;
  };
  for (const [name, field] of members) {
    const value = holder[name];
    if (value === undefined || value === null) {
      if (field.isRequired) oddities.push({ path: prefix + name, code: 'missing' });
      continue;
    }
    const code = field.oddityOf(value, arrivedAtMs);
    if (code !== null) {
      oddities.push({ path: prefix + name, code });
      change(name, undefined);
    } else if (field.members !== undefined) {
      const inner = checkMembers(
        value as JsonObject,
        field.members,
        `${prefix}${name}.`,
        arrivedAtMs,
        oddities,
      );
      if (inner !== value) change(name, inner);
    } else if (field.uniform !== undefined) {
      const uniform = field.uniform(value, arrivedAtMs);
      if (uniform !== value) change(name, uniform);
    }
  }
  return checked;
}
