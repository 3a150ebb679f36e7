// The canonical form of a contact, so that a customer is one contact however it is written: a phone number, or the identity
// that stands in place of one. Pure.
//
// Nearly every webhook writes a number with its country code and nothing else, for which two regular expressions suffice.
// Other spellings are read with libphonenumber, which knows the trunk prefixes of all countries. A number that it does not
// know is taken as it stands, so that no customer is lost for a new numbering plan.

import { parsePhoneNumberFromString } from 'libphonenumber-js/mobile';
import { MAX_IDENTIFIER_LENGTH } from './documented-fields.ts';
import { FULL_WIDTH, FULL_WIDTH_FROM_ASCII, SEPARATOR } from './number-separators.ts';

/** E.164 allows at most 15 digits, country code included (ITU-T E.164, 6.2.1). With fewer than 5 there is no subscriber. */
const E164_DIGITS = /^[1-9]\d{4,14}$/;
/** A contact that is a phone number. */
const E164 = /^\+[1-9]\d{4,14}$/;

export const MAX_IDENTITY_LENGTH = MAX_IDENTIFIER_LENGTH;

/** Stands for a contact where a record outlives what is held on the person: in replays that are over, and in the audit trail. */
export const BLOTTED_CONTACT = '***';

/** Longer texts are not read. Invisible marks can make a text much longer than the contact in it. */
const MAX_WRITTEN_LENGTH = 1_000;

/** Country codes of one, two and three digits (ITU-T E.164, list of assigned country codes). */
export const COUNTRY_CODE =
  '(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[0357-9]|9[679])\\d)';

/** A Brazilian area code, as Anatel assigns them: two digits, neither of them zero. */
const BRAZILIAN_AREA_CODE = '[1-9][1-9]';
/** A subscriber within an area: mobile (9 and 8 digits, or an old number of 6–9 and 7 digits) or fixed (2–5 and 7 digits). */
const BRAZILIAN_SUBSCRIBER = '(?:9\\d{8}|[2-9]\\d{7})';
const PLAIN_BRAZILIAN = new RegExp(`^\\+?(55${BRAZILIAN_AREA_CODE}${BRAZILIAN_SUBSCRIBER})$`);
/**
 * A number of another country that has no trunk prefix, since those begin with 0, 1 or 8. Left out are Argentina and Mexico,
 * which have more than that, Madagascar, whose short numbers lack a digit, and ten or eleven digits without `+`, which could
 * be Brazilian.
 */
const PLAIN_FOREIGN = new RegExp(
  `^(?:\\+|(?=\\d{12}))((?!5[245]|261)(?=\\d{8,15}$)${COUNTRY_CODE}[2-79]\\d{6,})$`,
);
/** A mobile number without its ninth digit: eight digits, the first of them 6 to 9. */
const BRAZILIAN_MOBILE_OF_8 = new RegExp(`^55(${BRAZILIAN_AREA_CODE})([6-9]\\d{7})$`);
/** The trunk prefix, with a carrier or the placeholder of one: `0`, `015`, `0xx`. */
const BRAZILIAN_TRUNK = '0(?:\\d\\d|xx)?';
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
 * WhatsApp, and old ways of dialling, put digits between the country code and the ten digits of a number: 1, 01, 044 or 045
 * in Mexico, 9 in Argentina. (libphonenumber makes a 9 of the 15 that is dialled in Argentina behind the area code.)
 */
const MEXICAN = /^52(?:1|01|04[45])(?=\d{10}$)/;
const ARGENTINIAN = /^549(?=\d{10}(?:\d{2})?$)/;

/** Schemes of addresses that are a number, also one within the other. */
const SCHEMES = /^(?:(?:tel|callto|sms|smsto|mms|mmsto|fax|phone|wa|whatsapp):(?:\/\/)?[\s\p{Z}\p{Cf}]*)+/iu;
/** Links that open a chat with a number. */
const CHAT_LINK =
  /^(?:https?:\/\/)?(?:wa\.me\/|api\.whatsapp\.com\/send\/?\?phone=)|^whatsapp:\/\/send\/?\?phone=/i;
/** What follows a number in an address: `;ext=1` (RFC 3966), `?text=oi`, `&text=oi`. */
const ADDRESS_PARAMETERS = /[;?&].*$/s;
/** Tells the country code of a number that is written without it (RFC 3966, 5.1.5). */
const PHONE_CONTEXT = /;phone-context=(\+[\d.-]+)/i;
/** WhatsApp's addresses of a number and of a customer without one; `_1` and `:3` tell the device. */
const NUMBER_ADDRESS = /^\+?(\d{5,15})(?:[._]\d+)?(?::\d+)?@(?:s\.whatsapp\.net|c\.us)$/i;
const LOCAL_ID_ADDRESS = /^(\d+)(?:[._]\d+)?(?::\d+)?@lid$/i;

const SEPARATORS = new RegExp(SEPARATOR, 'g');
/** White space and invisible marks around an identity. */
const MARKS_AROUND = /^[\s\p{Z}\p{Cf}]+|[\s\p{Z}\p{Cf}]+$/gu;
/** CloudEvents allows none in an attribute, C1 controls included, and the contact is one (spec 1.0.2, "Type System"). */
const CONTROL_CHARACTER = /[\p{Cc}\p{Cs}]/u;
/** What programs and people write in place of a missing contact. */
const NOBODY =
  /^(?:0+|null|undefined|nan|none|n\/a|unknown|anonymous|\[object object\]|n[ãa]o informado|desconhecido|an[ôo]nimo|sem n[úu]mero)$/i;
/** Too few digits for a number: most likely a country code alone. */
const FEW_DIGITS = /^\+?\d{0,4}$/;

/**
 * The canonical form of a contact as a platform writes it.
 *
 * - Phone numbers: `+` and digits (E.164). Brazilian mobile numbers always have the ninth digit; the 1 of Mexico and the
 *   9 of Argentina, which WhatsApp adds, are left out. A number without `+` begins with its country code, except that ten or
 *   eleven digits are Brazilian where they are no number abroad, follow a trunk prefix, or have the area code in brackets.
 * - Anything else is an identity, taken without its scheme and the white space around it.
 *
 * @example canonicalContact('554188956674') // '+5541988956674'
 * @example canonicalContact('178095544332211@lid') // '178095544332211@lid'
 * @returns `null` where the text names nobody, or is longer than {@link MAX_IDENTITY_LENGTH}.
 */
export function canonicalContact(written: string): string | null {
  const [, brazilian] = PLAIN_BRAZILIAN.exec(written) ?? [];
  if (brazilian !== undefined) return withNinthDigit(brazilian);
  const [, foreign] = PLAIN_FOREIGN.exec(written) ?? [];
  return foreign === undefined ? readContact(written, 'abroad') : `+${foreign}`;
}

/**
 * The canonical form of a contact as a person types it, or as it stands in a link. Unlike {@link canonicalContact}, it reads
 * ten and eleven digits as Brazilian where they could also be foreign, which is told by writing `+`. A `+` in a link that was
 * not encoded arrives as a blank.
 *
 * @returns `null` also for a number without its area code, see {@link lacksAreaCode}.
 */
export function contactFromTyped(typed: string): string | null {
  return lacksAreaCode(typed) ? null : readContact(withPlusOfLink(typed), 'at home');
}

/** Restores the `+` before a number that a URL's query turned into a blank. To be called before a text is trimmed. */
export function withPlusOfLink(text: string): string {
  return text.replace(/^ (?=\d)/, '+');
}

/** Whether eight or nine digits were typed: a Brazilian number without its area code, which belongs to many people. */
export function lacksAreaCode(typed: string): boolean {
  return typed.length <= MAX_WRITTEN_LENGTH && /^[1-9]\d{7,8}$/.test(bareNumber(withPlusOfLink(typed)));
}

/** Whether a canonical contact is a phone number and no identity. */
export function isPhoneNumber(contact: string): boolean {
  return E164.test(contact);
}

/** @param preferred how ten or eleven digits are read that are a number both at home, in Brazil, and abroad */
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

/** A number without scheme, address parameters and separators. */
function bareNumber(written: string): string {
  return withoutScheme(written).replace(SEPARATORS, '');
}

/** A number without scheme and address parameters. What an address says to be international begins with `+`. */
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
  return read === number || withoutTrunk(read) === read ? read : number; // several zeros are no trunk prefix
}

/** An international number without the trunk prefix of its country. A number that the library does not know is unchanged. */
function withoutTrunk(number: string): string {
  const read = parsePhoneNumberFromString(number)?.number ?? number;
  return read.replace(/^\+549(?=\d{10}$)/, '+54');
}

/** Whether digits that begin with a country code are valid in the numbering plan of that country. */
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
