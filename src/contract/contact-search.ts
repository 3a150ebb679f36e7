// Finding a contact in any text, however it is written there: a number with or without the country code, with or without
// the ninth digit, with separators, encoded (written-encodings.ts), or with its area code in a field of its own; an
// identity as it stands. Pure.
//
// A number without its area code is not looked for: eight digits are no one person's. Nor is a short number within
// text, where it is likely to be a price or the number of an order, or an identity that is a word: only where it fills
// a field.

import { COUNTRY_CODE, canonicalContact, isPhoneNumber } from './contact.ts';
import { SEPARATOR } from './number-separators.ts';
import { readings } from './text-encodings.ts';
import { fieldsIn } from './text-fields.ts';

/** Brazilian mobile numbers are in use with and without the ninth digit. */
const BRAZILIAN_MOBILE = /^\+55([1-9][1-9])9([6-9]\d{7})$/;
/** Other Brazilian numbers: fixed lines, and mobile ones that never were without it. */
const BRAZILIAN = /^\+55([1-9][1-9](?:9\d{8}|[2-5]\d{7}))$/;

/** More than these between two digits make two numbers. Bounded, so that no text takes long to search. */
const MAX_SEPARATORS = 5;

/** How to find a number, or an identity. */
export interface WrittenNumber {
  /**
   * Is in every text that holds the number, once its encodings are undone and its separators taken out. Of an identity a
   * part that has neither; may be empty.
   */
  digits: string;
  /** Whether a text holds it. */
  isIn(text: string): boolean;
  /** A text with something else in its place; all of the text, where it is not written plainly. */
  blotIn(text: string, blot: string): string;
}

/**
 * Numbers with fewer digits, country code included, are short: as many as the shortest form has in which a Brazilian
 * number is looked for, the area code with eight digits.
 */
const MIN_LONG_DIGITS = 10;

const BEGINNING_COUNTRY_CODE = new RegExp(`^${COUNTRY_CODE}`);

/** Behind their country codes, what WhatsApp or dialling adds: see contact.ts. */
const MEXICO = '52';
const ARGENTINA = '54';
/** An Argentinian mobile number has a 15 between area code and subscriber at home. Area codes have two to four digits. */
const ARGENTINIAN_AREA_CODE_DIGITS = [2, 3, 4];
/** The shortest Argentinian subscriber: what is left of a number whatever its area code. */
const ARGENTINIAN_SUBSCRIBER_DIGITS = 6;

/**
 * How to find a contact in texts.
 *
 * @param contact canonical.
 * @example writtenNumber('+5541988956674').isIn('ligue para (41) 8895-6674') // true
 */
export function writtenNumber(contact: string): WrittenNumber {
  if (!isPhoneNumber(contact)) return identity(contact);
  const digits = contact.slice(1);
  if (digits.length < MIN_LONG_DIGITS) return shortNumber(digits);
  const [, area, subscriber] = BRAZILIAN_MOBILE.exec(contact) ?? [];
  const [, national] = BRAZILIAN.exec(contact) ?? [];
  if (area !== undefined && subscriber !== undefined) return brazilian(area, [`9${subscriber}`, subscriber]);
  return national === undefined ? foreign(digits) : brazilian(national.slice(0, 2), [national.slice(2)]);
}

const BETWEEN = `${SEPARATOR}{0,${MAX_SEPARATORS}}`;
/** Also as it is encoded: it tells a number abroad before all is undone. */
const PLUS = '(?:\\+|%2[Bb]|&#0*43;|&#[xX]0*2[Bb];|&plus;|\\\\u002[Bb])';
/** Neither the end of more digits, nor what follows the code of another country. */
const AT_HOME = `(?<!\\d)(?<!${PLUS}(?:${BETWEEN}\\d){0,3}${BETWEEN})`;
/** The trunk prefix, with the carrier where one is dialled: `0`, `015`, `0xx`. */
const TRUNK = `(?:0${BETWEEN}(?:\\d${BETWEEN}\\d|[xX]{2})?${BETWEEN})?`;

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
 * `1` may be anything. What follows the code of Brazil is a number there.
 */
function foreign(digits: string): WrittenNumber {
  const [country = ''] = BEGINNING_COUNTRY_CODE.exec(digits) ?? [];
  const national = digits.slice(country.length);
  const isArgentinian = country === ARGENTINA;
  const locals = isArgentinian
    ? ARGENTINIAN_AREA_CODE_DIGITS.map(
        (length) =>
          `${spaced(national.slice(0, length))}${BETWEEN}(?:1${BETWEEN}5${BETWEEN})?${spaced(national.slice(length))}`,
      )
    : [spaced(national)];
  const number = `${spaced(country)}${BETWEEN}${foreignTrunk(country)}(?:${locals.join('|')})(?!\\d)`;
  const plain = `(?<!55${BETWEEN})${AT_HOME}(?:0${BETWEEN}0${BETWEEN})?${number}`;
  const key = isArgentinian ? national.slice(-ARGENTINIAN_SUBSCRIBER_DIGITS) : national;
  return numberOf(key, `\\+${BETWEEN}${number}|${plain}`, {
    begin: new RegExp(`^(?:\\+|00)${country.length === 1 ? '' : '?'}${country}${isArgentinian ? '9?' : ''}$`),
    end: new RegExp(`^0?${national}$`),
  });
}

/** What can stand between the code of a country and a number in it, beside separators. */
function foreignTrunk(country: string): string {
  switch (country) {
    case MEXICO:
      return `(?:(?:0${BETWEEN})?1${BETWEEN}|0${BETWEEN}4${BETWEEN}[45]${BETWEEN})?`;
    case ARGENTINA:
      return `(?:0${BETWEEN})?(?:9${BETWEEN})?`;
    default:
      return `(?:0${BETWEEN})?`;
  }
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

/** With so many digits in a row it is no word, and no price: it counts within text, too. */
const LONG_IDENTITY = new RegExp(`\\d{${MIN_LONG_DIGITS}}`);

/** As a field in any form that is the same contact; a long one also within text, where no letter or digit is beside it. */
function identity(contact: string): WrittenNumber {
  const names = new Set([contact, ...readings(contact), contact.replaceAll(' ', '+')]);
  const digits = contact.match(/[a-z\d]+/gi)?.reduce(longer) ?? '';
  const isField = (text: string): boolean => {
    for (const field of fieldsIn(text)) {
      if (field.includes(digits) && names.has(canonicalContact(field) ?? '')) return true;
    }
    return false;
  };
  if (!LONG_IDENTITY.test(contact)) {
    return { digits, isIn: isField, blotIn: (text, blot) => (isField(text) ? blot : text) };
  }
  const [, localId] = /^(\d+)@lid$/.exec(contact) ?? [];
  const written =
    localId === undefined ? RegExp.escape(contact) : `${localId}(?:[._]\\d+)?(?::\\d+)?@[lL][iI][dD]`;
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${written}(?![\\p{L}\\p{N}])`, 'gu');
  const isIn = (text: string): boolean =>
    [...readings(text)].some((read) => read.search(pattern) >= 0) || isField(text);
  return {
    digits,
    isIn,
    blotIn: (text, blot) => {
      const blotted = text.replaceAll(pattern, blot);
      return isIn(blotted) ? blot : blotted;
    },
  };
}

function longer(one: string, other: string): string {
  return other.length > one.length ? other : one;
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
