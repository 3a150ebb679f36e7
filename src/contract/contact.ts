// Whom a message is from or to, in one form, so that a customer is one contact however it is written: a phone number, or
// the identity that stands in place of one. Pure functions; nothing here knows of webhooks.
//
// What is written in the way that nearly every webhook writes it, a number with its country code and nothing else, is made
// canonical with two regular expressions; the rest is read with libphonenumber, which knows the trunk prefixes of all
// countries. A number that it does not know is taken as it stands: no customer is lost for a new numbering plan.

import { parsePhoneNumberFromString } from 'libphonenumber-js/mobile';
import { MAX_IDENTIFIER_LENGTH } from './documented-fields.ts';
import { FULL_WIDTH, FULL_WIDTH_FROM_ASCII, SEPARATOR } from './number-separators.ts';

/** E.164 allows 15 digits at most, country code included (ITU-T E.164, 6.2.1); shorter than 5 is no subscriber. */
const E164_DIGITS = /^[1-9]\d{4,14}$/;
/** A contact that is a phone number. */
const E164 = /^\+[1-9]\d{4,14}$/;

/** Longest identity: as long as any other identifier that is taken. */
export const MAX_IDENTITY_LENGTH = MAX_IDENTIFIER_LENGTH;
/** Longer texts are not read at all. A number or an identity can have invisible marks with it. */
const MAX_WRITTEN_LENGTH = 1_000;

/** Country codes of one, two and three digits (ITU-T E.164, list of assigned country codes). */
export const COUNTRY_CODE =
  '(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0357-9]|9[679])\\d)';

/** A Brazilian area code, as Anatel assigns them: two digits, neither of them zero. */
const BRAZILIAN_AREA_CODE = '[1-9][1-9]';
/** A subscriber within it: mobile (9 + 8 digits, or an old one of 6–9 + 7) or fixed (2–5 + 7). */
const BRAZILIAN_SUBSCRIBER = '(?:9\\d{8}|[2-9]\\d{7})';
/** As nearly every webhook writes a contact. */
const PLAIN_BRAZILIAN = new RegExp(`^\\+?(55${BRAZILIAN_AREA_CODE}${BRAZILIAN_SUBSCRIBER})$`);
/**
 * A number of another country in which nothing can be a trunk prefix: those begin with 0, 1 or 8. Argentina and Mexico
 * have more than that, and short numbers of Madagascar lack a digit. Ten or eleven digits without `+` could be Brazilian.
 */
const PLAIN_FOREIGN = new RegExp(
  `^(?:\\+|(?=\\d{12}))((?!5[245]|261)(?=\\d{8,15}$)${COUNTRY_CODE}[2-79]\\d{6,})$`,
);
/** Area code and an old mobile number: eight digits, the first 6 to 9. Lacks the ninth digit. */
const BRAZILIAN_MOBILE_OF_8 = new RegExp(`^55(${BRAZILIAN_AREA_CODE})([6-9]\\d{7})$`);
/** The trunk prefix, with the carrier where one is dialled or left to be filled in: `0`, `015`, `0xx`. */
const BRAZILIAN_TRUNK = '0(?:\\d\\d|xx)?';
/** Behind the country code. */
const BRAZILIAN = new RegExp(
  `^55(?:${BRAZILIAN_TRUNK})?(${BRAZILIAN_AREA_CODE}${BRAZILIAN_SUBSCRIBER})$`,
  'i',
);
/** As a Brazilian writes it at home. */
const BRAZILIAN_WITH_TRUNK = new RegExp(
  `^${BRAZILIAN_TRUNK}(${BRAZILIAN_AREA_CODE}${BRAZILIAN_SUBSCRIBER})$`,
  'i',
);
const BRAZILIAN_NATIONAL = new RegExp(`^${BRAZILIAN_AREA_CODE}${BRAZILIAN_SUBSCRIBER}$`);
/** An area code in brackets begins a number without a country code. */
const AREA_CODE_IN_BRACKETS = new RegExp(`^${SEPARATOR}*\\(${SEPARATOR}*\\d${SEPARATOR}*\\d${SEPARATOR}*\\)`);

/**
 * What WhatsApp, or an old way of dialling, has between country code and number, which is ten digits in both countries:
 * in Mexico 1, before that 01, 044 or 045; in Argentina 9. (libphonenumber makes a 9 of the 15 that is dialled at home
 * behind the area code.)
 */
const MEXICAN = /^52(?:1|01|04[45])(?=\d{10}$)/;
const ARGENTINIAN = /^549(?=\d{10}(?:\d{2})?$)/;

/** Schemes of addresses that are a number, one in the other even, and links that open a chat with one. */
const SCHEMES = /^(?:(?:tel|callto|sms|smsto|mms|mmsto|fax|phone|wa|whatsapp):(?:\/\/)?[\s\p{Z}\p{Cf}]*)+/iu;
const CHAT_LINK =
  /^(?:https?:\/\/)?(?:wa\.me\/|api\.whatsapp\.com\/send\/?\?phone=)|^whatsapp:\/\/send\/?\?phone=/i;
/** What follows a number in an address: `;ext=1` (RFC 3966), `?text=oi`, `&text=oi`. */
const ADDRESS_PARAMETERS = /[;?&].*$/s;
/** The country code in an address of a number that is written without it (RFC 3966, 5.1.5). */
const PHONE_CONTEXT = /;phone-context=(\+[\d.-]+)/i;
/** WhatsApp's address of a number, and of who has none; `_1` and `:3` tell the device. */
const NUMBER_ADDRESS = /^\+?(\d{5,15})(?:[._]\d+)?(?::\d+)?@(?:s\.whatsapp\.net|c\.us)$/i;
const LOCAL_ID_ADDRESS = /^(\d+)(?:[._]\d+)?(?::\d+)?@lid$/i;

const SEPARATORS = new RegExp(SEPARATOR, 'g');
/** White space and invisible marks, of which an identity has none around it. */
const MARKS_AROUND = /^[\s\p{Z}\p{Cf}]+|[\s\p{Z}\p{Cf}]+$/gu;
/** What no store and no address can carry faithfully. */
const CONTROL_CHARACTER = /[\p{Cc}\p{Cs}]/u;
/** What programs and people write where there is nothing. All of them would be one contact. */
const NOBODY =
  /^(?:0+|null|undefined|nan|none|n\/a|unknown|anonymous|\[object object\]|n[ãa]o informado|desconhecido|an[ôo]nimo|sem n[úu]mero)$/i;
/** Digits that are too few to be a number: a country code without one, most likely. */
const FEW_DIGITS = /^\+?\d{0,4}$/;

/**
 * The canonical form of a contact as a platform writes it.
 *
 * - Phone numbers: `+` and digits (E.164). Brazilian mobile numbers always have the ninth digit; the 1 of Mexico and the
 *   9 of Argentina, which WhatsApp adds, are left out. Without `+`, a number is read with its country code; ten or eleven
 *   digits that are none abroad, and those behind a trunk prefix or with their area code in brackets, are Brazilian.
 * - Anything else is an identity and stays as it stands, but for its scheme and white space around it.
 *
 * @example canonicalContact('554188956674') // '+5541988956674'
 * @example canonicalContact('178095544332211@lid') // '178095544332211@lid'
 * @returns `null` where there is nothing that names anybody, or longer than {@link MAX_IDENTITY_LENGTH}.
 */
export function canonicalContact(written: string): string | null {
  const [, brazilian] = PLAIN_BRAZILIAN.exec(written) ?? [];
  if (brazilian !== undefined) return withNinthDigit(brazilian);
  const [, foreign] = PLAIN_FOREIGN.exec(written) ?? [];
  return foreign === undefined ? readContact(written, 'abroad') : `+${foreign}`;
}

/**
 * The canonical form of a contact as a person types it, or as it stands in a link. Other than {@link canonicalContact} it
 * reads ten and eleven digits that could be either as Brazilian: foreign ones are told apart by writing `+`. Of a link
 * that was not encoded, a `+` arrives as a blank.
 *
 * @returns `null` also for a number without its area code, see {@link lacksAreaCode}.
 */
export function contactFromTyped(typed: string): string | null {
  return lacksAreaCode(typed) ? null : readContact(withPlusOfLink(typed), 'at home');
}

/** A text from an address in which `+` stood as it is, which means a blank there. For who trims a text before it is read. */
export function withPlusOfLink(text: string): string {
  return text.replace(/^ (?=\d)/, '+');
}

/** Whether what was typed is eight or nine digits: a Brazilian number without its area code is no one person's. */
export function lacksAreaCode(typed: string): boolean {
  return typed.length <= MAX_WRITTEN_LENGTH && /^[1-9]\d{7,8}$/.test(bareNumber(withPlusOfLink(typed)));
}

/** Whether a canonical contact is a phone number. */
export function isPhoneNumber(contact: string): boolean {
  return E164.test(contact);
}

/** @param preferred how ten or eleven digits are read that are a number both at home, in Brazil, and abroad. */
function readContact(written: string, preferred: 'abroad' | 'at home'): string | null {
  if (written.length > MAX_WRITTEN_LENGTH) return null;
  return phoneNumber(written, preferred) ?? identity(written);
}

function phoneNumber(written: string, preferred: 'abroad' | 'at home'): string | null {
  const local = withoutScheme(written);
  const bare = local.replace(SEPARATORS, '');
  const [, abroad] = /^(?:\+|\+?00)([1-9]\w*)$/.exec(bare) ?? [];
  if (abroad !== undefined) return international(abroad);
  const [, behindTrunk] = BRAZILIAN_WITH_TRUNK.exec(bare.replace(/^\+/, '')) ?? [];
  if (behindTrunk !== undefined) return withNinthDigit(`55${behindTrunk}`);
  if (!BRAZILIAN_NATIONAL.test(bare)) return international(bare);
  const isAtHome =
    preferred === 'at home' || bare.startsWith('55') || AREA_CODE_IN_BRACKETS.test(local) || !isKnown(bare);
  return isAtHome ? withNinthDigit(`55${bare}`) : international(bare);
}

/** A number without its scheme, what follows it in an address, and what stands between its digits. */
function bareNumber(written: string): string {
  return withoutScheme(written).replace(SEPARATORS, '');
}

/** A number without its scheme and what follows it in an address. One that stands for its country code has a `+`. */
function withoutScheme(written: string): string {
  const ascii = written.replace(FULL_WIDTH, (letter) =>
    String.fromCharCode(letter.charCodeAt(0) - FULL_WIDTH_FROM_ASCII),
  );
  const address = ascii.replace(MARKS_AROUND, '');
  const local = address
    .replace(CHAT_LINK, '+')
    .replace(/^\+(?:\+|%2B)/i, '+')
    .replace(SCHEMES, '');
  const [, ofWhatsApp] = NUMBER_ADDRESS.exec(local) ?? [];
  if (ofWhatsApp !== undefined) return `+${ofWhatsApp}`;
  if (local === address) return local;
  const [, context = ''] = PHONE_CONTEXT.exec(local) ?? [];
  return `${context}${local.replace(ADDRESS_PARAMETERS, '')}`;
}

/** @param digits with the country code. */
function international(digits: string): string | null {
  const [, brazilian] = BRAZILIAN.exec(digits) ?? [];
  if (brazilian !== undefined) return withNinthDigit(`55${brazilian}`);
  if (!E164_DIGITS.test(digits)) return null;
  const number = `+${digits.replace(MEXICAN, '52').replace(ARGENTINIAN, '54')}`;
  const read = withoutTrunk(number);
  return read === number || withoutTrunk(read) === read ? read : number; // zeros without an end are no trunk prefix
}

/** An international number without what is dialled within its country. One that the library does not know stays as it is. */
function withoutTrunk(number: string): string {
  const read = parsePhoneNumberFromString(number)?.number ?? number;
  return read.replace(/^\+549(?=\d{10}$)/, '+54');
}

/** Whether digits are a number by the numbering plan of the country whose code they begin with. */
function isKnown(digits: string): boolean {
  return parsePhoneNumberFromString(`+${digits}`)?.isValid() ?? false;
}

/** @param digits of a Brazilian number, with the country code. */
function withNinthDigit(digits: string): string {
  return `+${digits.replace(BRAZILIAN_MOBILE_OF_8, '55$19$2')}`;
}

function identity(written: string): string | null {
  const name = written.replace(MARKS_AROUND, '').replace(SCHEMES, '').replace(LOCAL_ID_ADDRESS, '$1@lid');
  const isNobody = NOBODY.test(name) || FEW_DIGITS.test(bareNumber(name)) || !/[\p{L}\p{N}]/u.test(name);
  return isNobody || name.length > MAX_IDENTITY_LENGTH || CONTROL_CHARACTER.test(name) ? null : name;
}
