// The fields that the platform documents beside those that identify an event, and what is done about unexpected values: such
// a field counts as absent, and never keeps an event out. Pure.

import { normalizeToRfc3339, parseTimestamp } from './timestamp.ts';

/** The longest identifier or label that is taken. Those of the platform have 8 to 36 characters. */
export const MAX_IDENTIFIER_LENGTH = 256;

/**
 * Control characters and lone surrogates, which stores and URLs do not carry faithfully. The C1 controls are carried, and an
 * event is not refused for one.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
export const UNFAITHFUL = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** How a webhook can differ from the documentation and still be an event. */
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

/** One difference from the documentation. It holds no value of the body, which may be personal data. */
export interface Oddity {
  /** Where, with dots: `message.to`. One of {@link ODDITY_PATHS}. */
  path: string;
  code: OddityCode;
}

/** The documentation of a field that holds a `Value`. */
interface Field<Value> {
  /** Why a value is odd; `null` where it is not. Not called where there is no value. */
  oddityOf(value: unknown, arrivedAtMs: number): OddityCode | null;
  /** Writes a value that has several spellings in one way. */
  uniform?(value: unknown, arrivedAtMs: number): Value;
  /** Whether every webhook has it. */
  isRequired?: true;
  members?: Members;
  /** Never set: it tells the compiler the type of the field. */
  holds?: Value;
}

type Members = ReadonlyMap<string, Field<unknown>>;
type Documented = Record<string, Field<unknown>>;

/** The documented fields of a checked webhook, and whatever else the sender sent. */
export type Checked<Fields extends Documented> = {
  [Name in keyof Fields]?: (Fields[Name] extends Field<infer Value> ? Value : never) | null | undefined;
} & { [unknown: string]: unknown };

const text: Field<string> = { oddityOf: (value) => (typeof value === 'string' ? null : 'wrong-type') };

const label: Field<string> = {
  oddityOf(value) {
    if (typeof value !== 'string') return 'wrong-type';
    if (value === '') return 'empty';
    return value.length > MAX_IDENTIFIER_LENGTH ? 'too-long' : null;
  },
};

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

/** contact.ts reads the number, which is any text here. */
const clientData = { number: required(label), name: text, timeLastMessage: time };

/** Documented for a response only, so a status need not have it. */
const strayClientData = { number: label, name: text, timeLastMessage: time };

const ofResponse = { clientData: required(objectOf(clientData)), message: objectOf(message) };
const ofStatus = { clientData: objectOf(strayClientData), message: objectOf(message) };

export type CheckedMessage = Checked<typeof message>;
export type CheckedClientData = Checked<typeof clientData>;

const FIELDS = {
  response: new Map<string, Field<unknown>>(Object.entries(ofResponse)),
  status: new Map<string, Field<unknown>>(Object.entries(ofStatus)),
};

/** Every path that an oddity can have. `message` itself is none: without it a body is no event. */
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
 * The webhook without odd values in its documented fields, and with their times as RFC 3339. Fields that are not documented
 * are as they came. It is the body itself where nothing has to be changed.
 *
 * @param oddities what is odd is added to it.
 */
export function checkFields(
  type: keyof typeof FIELDS,
  body: JsonObject,
  arrivedAtMs: number,
  oddities: Oddity[],
): JsonObject {
  const checkMembers = (holder: JsonObject, members: Members, prefix: string): JsonObject => {
    let checked = holder;
    for (const [name, field] of members) {
      const value = holder[name];
      const path = prefix + name;
      if (value === undefined || value === null) {
        if (field.isRequired) oddities.push({ path, code: 'missing' });
        continue;
      }
      const code = field.oddityOf(value, arrivedAtMs);
      let kept: unknown = value;
      if (code !== null) oddities.push({ path, code });
      else if (field.members !== undefined) {
        kept = checkMembers(value as JsonObject, field.members, `${path}.`);
      } else if (field.uniform !== undefined) kept = field.uniform(value, arrivedAtMs);
      if (code === null && kept === value) continue;
      if (checked === holder) checked = { ...holder };
      if (code === null) checked[name] = kept;
      else delete checked[name];
    }
    return checked;
  };
  return checkMembers(body, FIELDS[type], '');
}
