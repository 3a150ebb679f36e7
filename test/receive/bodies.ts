// Bodies for property tests: anything that a sender could send, most of it close to valid.

import fc from 'fast-check';
import { style } from '../contract/written-forms.ts';
import { type Json, type JsonObject, jsonOf, type Member, writeJson } from '../json-text.ts';
import { responseBody, statusBody } from '../webhooks.ts';
import { anyJson, anyKey, anyText } from './any-json.ts';
import { validBody, validJson } from './valid-bodies.ts';

/** A text goes out as UTF-8. */
export type AnyBody = string | Uint8Array;

export function bytesOf(body: AnyBody): Uint8Array {
  return typeof body === 'string' ? new TextEncoder().encode(body) : body;
}

/** Shows bytes as text in the report of a property that fails. */
function readable(bytes: Uint8Array): Uint8Array {
  const shown = Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return Object.defineProperty(bytes, fc.toStringMethod, { value: () => `bytes of ${shown.join('')}` });
}

/** A change at one place of a JSON value. */
interface Change {
  kind: 'drop' | 'replace' | 'overrule' | 'add' | 'rename' | 'swap';
  /** Which of the places. */
  at: number;
  /** The place to swap with. */
  other: number;
  key: string;
  value: Json;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('drop', 'replace', 'overrule', 'add', 'rename', 'swap'),
  at: fc.nat(),
  other: fc.nat(),
  key: anyKey,
  value: fc.oneof(anyJson, anyText),
});

/** A member of an object, and all members of that object. */
interface Place {
  members: Member[];
  member: Member;
}

/** Every member of every object in a value, the outer ones first. */
function placesOf(value: Json): Place[] {
  if (typeof value !== 'object' || value === null || 'digits' in value) return [];
  if (Array.isArray(value)) return value.flatMap(placesOf);
  const { members } = value;
  return [
    ...members.map((member) => ({ members, member })),
    ...members.flatMap(([, inner]) => placesOf(inner)),
  ];
}

/** Makes one change after the other. */
function changed(json: JsonObject, changes: readonly Change[]): JsonObject {
  const result = structuredClone(json);
  for (const { kind, at, other, key, value } of changes) {
    const places = placesOf(result);
    const place = places[at % places.length];
    const partner = places[other % places.length];
    if (place === undefined || partner === undefined) break;
    const { members, member } = place;
    switch (kind) {
      case 'drop':
        members.splice(members.indexOf(member), 1);
        break;
      case 'replace':
        member[1] = value;
        break;
      case 'overrule':
        members.push([member[0], value]);
        break;
      case 'add':
        members.push([key, value]);
        break;
      case 'rename':
        member[0] = key;
        break;
      case 'swap':
        // copies, as one of them may be within the other
        [member[1], partner.member[1]] = structuredClone([partner.member[1], member[1]]);
        break;
    }
  }
  return result;
}

const documented = [responseBody(), statusBody()].map((body) => jsonOf(body) as JsonObject);

/** A valid body with changes in some of its places. */
const mutatedBody = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...documented),
      validJson.map(({ json }) => json),
    ),
    fc.array(change, { minLength: 1, maxLength: 3 }),
    style,
  )
  .map(([json, changes, manner]) => writeJson(changed(json, changes), manner));

const INSERTIONS = [
  ...['\0', '\u0001', '\n', '\t', '\u001f', '\u007f', '\ufeff', ' ', '\u00a0', '\u2028', '"', '\\', "'"],
  ...['{', '}', '[', ']', ',', ':', '-', '1', '//', '/**/', '\\ud800', '\\u0000', 'NaN', 'null'],
];

/** Bytes that are no UTF-8: a stray continuation, an overlong slash, half a pair, past the last code point. */
const BAD_BYTES = [[0x80], [0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];

type Harm =
  | { kind: 'insert'; insertion: string }
  | { kind: 'insert-bytes'; bytes: number[] }
  | { kind: 'cut-short' }
  | { kind: 'flip'; bit: number };

const harm: fc.Arbitrary<Harm> = fc.oneof(
  fc.constantFrom(...INSERTIONS.map((insertion): Harm => ({ kind: 'insert', insertion }))),
  fc.constantFrom(...BAD_BYTES.map((bytes): Harm => ({ kind: 'insert-bytes', bytes }))),
  fc.constant<Harm>({ kind: 'cut-short' }),
  fc.nat({ max: 7 }).map((bit): Harm => ({ kind: 'flip', bit })),
);

function harmed(text: string, place: number, done: Harm): AnyBody {
  const at = place % (text.length + 1);
  const bytes = bytesOf(text);
  const byteAt = place % bytes.byteLength;
  switch (done.kind) {
    case 'insert':
      return `${text.slice(0, at)}${done.insertion}${text.slice(at)}`;
    case 'insert-bytes':
      return readable(Uint8Array.from([...bytes.slice(0, byteAt), ...done.bytes, ...bytes.slice(byteAt)]));
    case 'cut-short':
      return text.slice(0, at);
    case 'flip':
      bytes[byteAt] = (bytes[byteAt] ?? 0) ^ (1 << done.bit);
      return readable(bytes);
  }
}

/** A valid body that was damaged on its way. */
const damagedBody = fc
  .tuple(validBody, fc.nat(), harm)
  .map(([{ text }, place, done]) => harmed(text, place, done));

/** Any bytes, any text, any JSON value, any change of a valid body, and valid ones among them. */
export const anyBody: fc.Arbitrary<AnyBody> = fc.oneof(
  { weight: 6, arbitrary: mutatedBody },
  { weight: 4, arbitrary: damagedBody },
  { weight: 3, arbitrary: validBody.map(({ text }) => text) },
  { weight: 2, arbitrary: fc.tuple(anyJson, style).map(([json, manner]) => writeJson(json, manner)) },
  { weight: 1, arbitrary: anyText },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map(readable) },
);
