// Finding a person's number in any text, however it is written there: with or without the country code, with or without
// the ninth digit, with separators, in the escapes of JSON. Pure.
//
// A number without its area code is not looked for: eight digits are no one person's.

/** Brazilian mobile numbers are in use with and without the ninth digit. */
const BRAZILIAN_MOBILE = /^\+55([1-9][1-9])9([6-9]\d{7})$/;
/** Other Brazilian numbers: fixed lines, and mobile ones that never were without it. */
const BRAZILIAN = /^\+55([1-9][1-9](?:9\d{8}|[2-5]\d{7}))$/;

/**
 * What can stand between two digits, as code points: white space, what people write (see contact.ts), the invisible
 * marks that come along when a number is copied, and the backslash of a JSON escape.
 */
const SEPARATORS = [
  ...[0x09, 0x0a, 0x0d, 0x20, 0x28, 0x29, 0x2d, 0x2e, 0x2f, 0x5c], // white space ( ) - . / \
  ...[
    0xa0,
    0x1680,
    ...range(0x2000, 0x2015),
    ...range(0x2028, 0x202f),
    0x205f,
    0x2060,
    0x2212,
    0x3000,
    0xfeff,
  ],
];
/** More than these between two digits make two numbers. Bounded, so that no text takes long to search. */
const MAX_SEPARATORS = 5;

/** The separators as text: first those within ASCII, then the others. */
export const ASCII_SEPARATORS = SEPARATORS.filter((code) => code < 0x80).map(letterOf);
export const OTHER_SEPARATORS = SEPARATORS.filter((code) => code >= 0x80).map(letterOf);

/** How to find a number. */
export interface WrittenNumber {
  /** One of these is in every text that holds the number, once its separators are taken out. */
  digits: string[];
  /** Whether a text holds the number. */
  isIn(text: string): boolean;
}

/**
 * How to find a number in texts.
 *
 * @param contact canonical.
 * @example writtenNumber('+5541988956674').isIn('ligue para (41) 8895-6674') // true
 */
export function writtenNumber(contact: string): WrittenNumber {
  const [, area, subscriber] = BRAZILIAN_MOBILE.exec(contact) ?? [];
  const [, national] = BRAZILIAN.exec(contact) ?? [];
  if (area !== undefined && subscriber !== undefined) {
    return brazilian([`${area}9${subscriber}`, `${area}${subscriber}`]);
  }
  return national === undefined ? foreign(contact.slice(1)) : brazilian([national]);
}

const BETWEEN = `[${SEPARATORS.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('')}]{0,${MAX_SEPARATORS}}`;
/** Neither the end of more digits, nor what follows the code of another country. */
const AT_HOME = `(?<!\\d)(?<!\\+(?:${BETWEEN}\\d){0,3}${BETWEEN})`;
/** The trunk prefix, with the carrier where one is dialled: `0`, `015`, `0xx`. */
const TRUNK = `(?:0(?:\\d\\d|[xX]{2})?${BETWEEN})?`;

function brazilian(nationals: string[]): WrittenNumber {
  const national = `(?:${nationals.map(spaced).join('|')})(?!\\d)`;
  const international = `(?<!\\d)(?:0${BETWEEN}0${BETWEEN})?5${BETWEEN}5${BETWEEN}${TRUNK}${national}`;
  return numberOf(nationals, `${international}|${AT_HOME}${TRUNK}${national}`);
}

/** Never without the country code. What follows that of Brazil is a number there. */
function foreign(digits: string): WrittenNumber {
  const number = `${spaced(digits)}(?!\\d)`;
  const plain = `(?<!55${BETWEEN})${AT_HOME}(?:0${BETWEEN}0${BETWEEN})?${number}`;
  return numberOf([digits], `\\+${BETWEEN}${number}|${plain}`);
}

function numberOf(digits: string[], pattern: string): WrittenNumber {
  const written = new RegExp(pattern);
  return {
    digits,
    isIn: (text) => written.test(text) || (text.includes('\\') && written.test(unescaped(text))),
  };
}

function spaced(digits: string): string {
  return Array.from(digits).join(BETWEEN);
}

/** A JSON text with its escapes as what they stand for. */
function unescaped(json: string): string {
  return json
    .replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => letterOf(Number.parseInt(code, 16)))
    .replace(/\\[nrt/]/g, ' ');
}

/** Escapes in JSON that can stand for a digit or a separator, by what they begin with. */
export const TELLING_ESCAPES = [
  '\\u000',
  '\\u002',
  '\\u003',
  '\\u005',
  '\\u00a0',
  '\\u00A0',
  '\\u1680',
  '\\u20',
  '\\u2212',
  '\\u3000',
  '\\ufeff',
  '\\uFEFF',
  '\\uFeff',
];

function letterOf(code: number): string {
  return String.fromCharCode(code);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
