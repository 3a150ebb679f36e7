// Finds a contact in any text, however it is written there: a number with or without country code and ninth digit, with
// separators, encoded (text-encodings.ts), or with its area code in a field of its own; an identity as it stands. Pure.
//
// Not looked for: a number without its area code, since eight digits belong to many people. A short number and an identity
// that could be a word count only where they fill a field: within text they are likely to be a price or an order.

import { COUNTRY_CODE, canonicalContact, isPhoneNumber } from './contact.ts';
import { SEPARATOR } from './number-separators.ts';
import { decodings } from './text-encodings.ts';
import { shortFields } from './text-fields.ts';

/** Brazilian mobile numbers that are in use with and without the ninth digit. */
const BRAZILIAN_MOBILE = /^\+55([1-9][1-9])9([6-9]\d{7})$/;
/** Other Brazilian numbers: fixed lines, and mobile ones that always had the ninth digit. */
const BRAZILIAN = /^\+55([1-9][1-9])(9\d{8}|[2-5]\d{7})$/;

/** With more separators between two digits, those are two numbers. The bound keeps the search fast in every text. */
const MAX_SEPARATORS = 5;

/** How to find a number, or an identity. */
export interface ContactMatcher {
  /**
   * Part of every text that holds the number, once the text is decoded and its separators are taken out. For an identity:
   * its longest part without either. May be empty.
   */
  digits: string;
  /** Whether a text holds it. */
  matches(text: string): boolean;
  /** The text with something else in its place. Where it is encoded or divided, all of the text is replaced. */
  redact(text: string, blot: string): string;
}

/**
 * Numbers with fewer digits, country code included, are short. The shortest form in which a Brazilian number is looked for,
 * area code and eight digits, has as many.
 */
const MIN_LONG_DIGITS = 10;

const BEGINNING_COUNTRY_CODE = new RegExp(`^${COUNTRY_CODE}`);

/** Countries in which WhatsApp or dialling adds digits behind the country code: see contact.ts. */
const MEXICO = '52';
const ARGENTINA = '54';
/** At home, an Argentinian mobile number has a 15 between its area code, of two to four digits, and the subscriber. */
const ARGENTINIAN_AREA_CODE_DIGITS = [2, 3, 4];
/** The shortest Argentinian subscriber number, which is part of the number whatever its area code. */
const ARGENTINIAN_SUBSCRIBER_DIGITS = 6;

/**
 * How to find a contact in texts.
 *
 * @param contact canonical.
 * @example contactMatcher('+5541988956674').matches('ligue para (41) 8895-6674') // true
 */
export function contactMatcher(contact: string): ContactMatcher {
  if (!isPhoneNumber(contact)) return identityMatcher(contact);
  const digits = contact.slice(1);
  if (digits.length < MIN_LONG_DIGITS) return shortNumberMatcher(digits);
  const [, mobileArea, subscriber] = BRAZILIAN_MOBILE.exec(contact) ?? [];
  if (mobileArea !== undefined && subscriber !== undefined) {
    return brazilianMatcher(mobileArea, [`9${subscriber}`, subscriber]);
  }
  const [, area, local] = BRAZILIAN.exec(contact) ?? [];
  return area === undefined || local === undefined ? foreignMatcher(digits) : brazilianMatcher(area, [local]);
}

const BETWEEN = `${SEPARATOR}{0,${MAX_SEPARATORS}}`;
/** Also in its encoded forms: a plus marks a number of another country before everything is decoded. */
const PLUS = '(?:\\+|%2[Bb]|&#0*43;|&#[xX]0*2[Bb];|&plus;|\\\\u002[Bb])';
/** Neither behind other digits nor behind the code of another country. */
const AT_HOME = `(?<!\\d)(?<!${PLUS}(?:${BETWEEN}\\d){0,3}${BETWEEN})`;
/** The trunk prefix, with the carrier where one is dialled: `0`, `015`, `0xx`. */
const TRUNK = `(?:0${BETWEEN}(?:\\d${BETWEEN}\\d|[xX]{2})?${BETWEEN})?`;

/** @param locals the number within its area, with and without the ninth digit; the shortest last. */
function brazilianMatcher(area: string, locals: [string, ...string[]]): ContactMatcher {
  const national = `(?:${locals.map((local) => spaced(area + local)).join('|')})(?!\\d)`;
  const international = `(?<!\\d)(?:0${BETWEEN}0${BETWEEN})?5${BETWEEN}5${BETWEEN}${TRUNK}${national}`;
  return numberMatcher(locals.at(-1) ?? locals[0], `${international}|${AT_HOME}${TRUNK}${national}`, {
    begin: new RegExp(`^(?:(?:\\+|00)?55)?(?:0(?:\\d\\d|[xX]{2})?)?${area}$`),
    end: new RegExp(`^(?:${locals.join('|')})$`),
  });
}

/**
 * A number of another country is never found without its country code. In a field of its own, a country code of one digit
 * needs `+` or `00`: a field that is `1` may be anything. What follows the code of Brazil is a Brazilian number.
 */
function foreignMatcher(digits: string): ContactMatcher {
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
  return numberMatcher(key, `\\+${BETWEEN}${number}|${plain}`, {
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

function numberMatcher(digits: string, pattern: string, { begin, end }: Halves): ContactMatcher {
  const plain = new RegExp(pattern, 'g');
  return matcher(digits, plain, (text) => {
    if (decodings(text).some((decoded) => decoded.search(plain) >= 0)) return true;
    const fields = [...new Set(bareFields(text))];
    return fields.some((field) => end.test(field)) && fields.some((field) => begin.test(field));
  });
}

function shortNumberMatcher(digits: string): ContactMatcher {
  const whole = new RegExp(`^(?:\\+|00)?${digits}$`);
  return matcher(digits, null, (text) => bareFields(text).some((field) => whole.test(field)));
}

/** With so many digits in a row an identity is neither a word nor a price, and counts within text, too. */
const LONG_IDENTITY = new RegExp(`\\d{${MIN_LONG_DIGITS}}`);

/** A field in any form of the same contact; a long identity also within text, where no letter or digit is beside it. */
function identityMatcher(contact: string): ContactMatcher {
  const names = new Set([contact, ...decodings(contact), contact.replaceAll(' ', '+')]);
  const digits = (contact.match(/[a-z\d]+/gi) ?? []).reduce(longer, '');
  const isField = (text: string): boolean =>
    shortFields(text).some((field) => field.includes(digits) && names.has(canonicalContact(field) ?? ''));
  if (!LONG_IDENTITY.test(contact)) return matcher(digits, null, isField);
  const [, localId] = /^(\d+)@lid$/.exec(contact) ?? [];
  const written =
    localId === undefined ? RegExp.escape(contact) : `${localId}(?:[._]\\d+)?(?::\\d+)?@[lL][iI][dD]`;
  const plain = new RegExp(`(?<![\\p{L}\\p{N}])${written}(?![\\p{L}\\p{N}])`, 'gu');
  return matcher(
    digits,
    plain,
    (text) => decodings(text).some((decoded) => decoded.search(plain) >= 0) || isField(text),
  );
}

/** @param plain finds each plain occurrence; `null`: where there is one, it fills the text. */
function matcher(digits: string, plain: RegExp | null, matches: (text: string) => boolean): ContactMatcher {
  return {
    digits,
    matches,
    redact(text, blot) {
      const blotted = plain === null ? text : text.replaceAll(plain, blot);
      return matches(blotted) ? blot : blotted;
    },
  };
}

function longer(one: string, other: string): string {
  return other.length > one.length ? other : one;
}

const SEPARATORS = new RegExp(SEPARATOR, 'g');
const BARE = /^\+?[\dxX]{1,20}$/;

/** The fields of a text that could be a number or a part of one, without separators. */
function bareFields(text: string): IteratorObject<string> {
  return shortFields(text)
    .map((field) => field.replace(SEPARATORS, ''))
    .filter((field) => BARE.test(field));
}

function spaced(digits: string): string {
  return Array.from(digits).join(BETWEEN);
}
