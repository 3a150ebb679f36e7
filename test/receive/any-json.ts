// The parts that bodies are made of in property tests: texts, identifiers, numbers, any JSON value.

import fc from 'fast-check';
import type { Json } from '../json-text.ts';

/** Names of inherited properties, and names that JavaScript engines treat specially. */
export const NASTY_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

/** Every key that the contract names somewhere. */
export const KNOWN_KEYS = [
  ...['event', 'clientData', 'message', 'messageId', 'type', 'status', 'number', 'name', 'timeLastMessage'],
  ...['contextId', 'interactionsId', 'mediaType', 'mediaData', 'location', 'to', 'from', 'appId', 'failCode'],
  ...['failMessage', 'createdAt', 'updatedAt', 'link', 'id', 'caption', 'filename', 'address', 'latitude'],
  'longitude',
];

const LETTERS = [
  ...['a', 'Z', '0', ' ', 'ã', '한', '😀', '"', '\\', '/', ':', '%', '&', '+', "'", '<', '{', '['],
  ...['\u0080', '\u00a0', '\u2028', '\u202e', '\ufeff', '\ufffd', '\uffff', '\u{10ffff}', 'e\u0301'],
];
/** Characters that free text can hold, but no identifier. */
const UNFAITHFUL_LETTERS = ['\0', '\n', '\t', '\u001f', '\u007f', '\ud800', '\udbff', '\udc00', '\udfff'];

const TEXTS = [
  '',
  'null',
  'Olá, tudo bem? 😀',
  'http://linkteste.com/doc.pdf',
  '\0',
  '\ud800',
  ...NASTY_KEYS,
];

const NUMBERS = [
  ...['0', '-0', '0.0', '-0.0e-0', '1E+2', '1e2', '-1e-2', '0.1e1', '9007199254740993', '1e308', '5e-324'],
  ...[
    '1e400',
    '-1e400',
    '1e-400',
    '1'.repeat(100),
    '-9'.padEnd(1000, '0'),
    `0.${'3'.repeat(100)}`,
    '1e99999',
  ],
];

const MAX_IDENTIFIER_LENGTH = 256;

export const anyText = fc.string({ unit: fc.constantFrom(...LETTERS, ...UNFAITHFUL_LETTERS), maxLength: 12 });

export const freeText = fc.oneof(fc.constantFrom(...TEXTS), anyText);

/** Identifiers that are taken. Most differ from one another, as those of the platform do. */
export const identifier = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.noBias(fc.nat()).map((number) => `5e178088a88ad900${number.toString(16).padStart(8, '0')}`),
  },
  { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 1, maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...NASTY_KEYS,
      ...LETTERS.map((letter) => letter.repeat(MAX_IDENTIFIER_LENGTH / letter.length)),
      ...['.', '..', '/', '?a=b', '#', '%3A', 'null'],
    ),
  },
);

const anyNumber = fc.oneof(
  fc.constantFrom(...NUMBERS),
  fc.integer().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

/** A number that JavaScript reads as finite. */
export const finiteNumber = anyNumber
  .filter((digits) => Number.isFinite(Number(digits)))
  .map((digits) => ({ digits }));

export const anyKey = fc.oneof(fc.constantFrom(...NASTY_KEYS, ...KNOWN_KEYS), freeText);

/** Any JSON value; its objects can have a key twice. */
export const anyJson = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 3, arbitrary: fc.constantFrom<Json>(null, true, false, { members: [] }, []) },
    { weight: 2, arbitrary: freeText },
    { weight: 2, arbitrary: anyNumber.map((digits) => ({ digits })) },
    { weight: 1, arbitrary: fc.array(tie('json'), { maxLength: 3 }) },
    {
      weight: 2,
      arbitrary: fc.array(fc.tuple(anyKey, tie('json')), { maxLength: 3 }).map((members) => ({ members })),
    },
  ),
})).json;
