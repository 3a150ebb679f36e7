// Finding a person's number in any text, however it is written there: with or without the country code, with or without
// the ninth digit, with separators, encoded (written-encodings.ts), or with its area code in a field of its own. Pure.
//
// A number without its area code is not looked for: eight digits are no one person's. Nor is a short number within
// text, where it is likely to be a price or the number of an order: only where it fills a field.

import { readings } from './written-encodings.ts';
import { fieldsIn } from './written-fields.ts';

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
  /** Is in every text that holds the number, once its encodings are undone and its separators taken out. */
  digits: string;
  /** Whether a text holds the number. */
  isIn(text: string): boolean;
  /** A text with something else in place of the number; all of the text, where the number is not written plainly. */
  blotIn(text: string, blot: string): string;
}

/**
 * Numbers with fewer digits, country code included, are short: as many as the shortest form has in which a Brazilian
 * number is looked for, the area code with eight digits.
 */
const MIN_LONG_DIGITS = 10;

/** Country codes of one and two digits; all others have three (ITU-T E.164, list of assigned country codes). */
const COUNTRY_CODE = /^(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})/;

/**
 * How to find a number in texts.
 *
 * @param contact canonical.
 * @example writtenNumber('+5541988956674').isIn('ligue para (41) 8895-6674') // true
 */
export function writtenNumber(contact: string): WrittenNumber {
  const digits = contact.slice(1);
  if (digits.length < MIN_LONG_DIGITS) return shortNumber(digits);
  const [, area, subscriber] = BRAZILIAN_MOBILE.exec(contact) ?? [];
  const [, national] = BRAZILIAN.exec(contact) ?? [];
  if (area !== undefined && subscriber !== undefined) return brazilian(area, [`9${subscriber}`, subscriber]);
  return national === undefined ? foreign(digits) : brazilian(national.slice(0, 2), [national.slice(2)]);
}

const SEPARATOR = `[${SEPARATORS.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('')}]`;
const BETWEEN = `${SEPARATOR}{0,${MAX_SEPARATORS}}`;
/** Also as it is encoded: it tells a number abroad before all is undone. */
const PLUS = '(?:\\+|%2[Bb]|&#0*43;|&#[xX]0*2[Bb];|&plus;|\\\\u002[Bb])';
/** Neither the end of more digits, nor what follows the code of another country. */
const AT_HOME = `(?<!\\d)(?<!${PLUS}(?:${BETWEEN}\\d){0,3}${BETWEEN})`;
/** The trunk prefix, with the carrier where one is dialled: `0`, `015`, `0xx`. */
const TRUNK = `(?:0(?:\\d\\d|[xX]{2})?${BETWEEN})?`;

/** @param locals the number within its area, with and without the ninth digit; the shortest last. */
function brazilian(area: string, locals: [string, ...string[]]): WrittenNumber {
  const national = `(?:${locals.map((local) => spaced(area + local)).join('|')})(?!\\d)`;
  const international = `(?<!\\d)(?:0${BETWEEN}0${BETWEEN})?5${BETWEEN}5${BETWEEN}${TRUNK}${national}`;
  return numberOf(locals.at(-1) ?? locals[0], `${international}|${AT_HOME}${TRUNK}${national}`, {
    begin: new RegExp(`^(?:(?:\\+|00)?55)?(?:0(?:\\d\\d|[xX]{2})?)?${area}$`),
    end: new RegExp(`^(?:${locals.join('|')})$`),
  });
}

/**
 * Never without the country code. One of a single digit counts as such with what is dialled before it: a field that is
 * `1` may be anything. What follows the code of
 * Brazil is a number there.
 */
function foreign(digits: string): WrittenNumber {
  const number = `${spaced(digits)}(?!\\d)`;
  const plain = `(?<!55${BETWEEN})${AT_HOME}(?:0${BETWEEN}0${BETWEEN})?${number}`;
  const [country = ''] = COUNTRY_CODE.exec(digits) ?? [];
  const national = digits.slice(country.length);
  return numberOf(national, `\\+${BETWEEN}${number}|${plain}`, {
    begin: new RegExp(country.length === 1 ? `^(?:\\+|00)${country}$` : `^(?:\\+|00)?${country}$`),
    end: new RegExp(`^0?${national}$`),
  });
}

/** The two fields that a number can be divided into, without separators. */
interface Halves {
  begin: RegExp;
  end: RegExp;
}

function numberOf(digits: string, pattern: string, { begin, end }: Halves): WrittenNumber {
  const written = new RegExp(pattern);
  const isIn = (text: string): boolean => {
    for (const read of readings(text)) if (written.test(read)) return true;
    const fields = new Set(bareFields(text));
    return [...fields].some((field) => end.test(field)) && [...fields].some((field) => begin.test(field));
  };
  return {
    digits,
    isIn,
    blotIn: (text, blot) => {
      const blotted = text.replaceAll(new RegExp(pattern, 'g'), blot);
      return isIn(blotted) ? blot : blotted;
    },
  };
}

function shortNumber(digits: string): WrittenNumber {
  const whole = new RegExp(`^(?:\\+|00)?${digits}$`);
  const isIn = (text: string): boolean => bareFields(text).some((field) => whole.test(field));
  return { digits, isIn, blotIn: (text, blot) => (isIn(text) ? blot : text) };
}

/** The fields of a text that could be a number or a part of one, without what is between digits. */
function bareFields(text: string): string[] {
  return Array.from(fieldsIn(text), (field) => field.replace(SEPARATORS_WITHIN, '')).filter((field) =>
    BARE.test(field),
  );
}

const SEPARATORS_WITHIN = new RegExp(SEPARATOR, 'g');
const BARE = /^\+?[\dxX]{1,20}$/;

function spaced(digits: string): string {
  return Array.from(digits).join(BETWEEN);
}

function letterOf(code: number): string {
  return String.fromCharCode(code);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
