// Phone numbers in one form, so that a customer is one contact however the number was written.
// Pure functions; nothing here knows of webhooks.

/** E.164 allows 15 digits at most, country code included (ITU-T E.164, 6.2.1); shorter than 5 is no subscriber. */
const MIN_E164_DIGITS = 5;
const MAX_E164_DIGITS = 15;

/** What people put between digits. */
const SEPARATORS = /[\s().\-/\u00a0\u2010-\u2015]/g;

/** A Brazilian area code, as Anatel assigns them: two digits, neither of them zero. */
const BRAZILIAN_AREA_CODE = '[1-9][1-9]';
/** Area code and an old mobile number: eight digits, the first 6 to 9. Lacks the ninth digit. */
const BRAZILIAN_MOBILE_OF_8 = new RegExp(`^55(${BRAZILIAN_AREA_CODE})([6-9]\\d{7})$`);
/** Area code and subscriber as a Brazilian writes them at home: mobile (9 + 8 digits, or 6–9 + 7) or fixed (2–5 + 7). */
const BRAZILIAN_NATIONAL = new RegExp(`^0?(${BRAZILIAN_AREA_CODE}(?:9\\d{8}|[2-9]\\d{7}))$`);

/**
 * The canonical form of a number that carries its country code, with or without `+`, as the platform writes it:
 * `+` and digits (E.164), Brazilian mobile numbers always with the ninth digit.
 *
 * @example canonicalContact('554188956674') // '+5541988956674'
 * @returns `null` where the text is no such number.
 */
export function canonicalContact(written: string): string | null {
  const compact = written.replace(SEPARATORS, '');
  const digits = compact.startsWith('+') ? compact.slice(1) : compact;
  if (!/^[1-9]\d*$/.test(digits)) return null;
  if (digits.length < MIN_E164_DIGITS || digits.length > MAX_E164_DIGITS) return null;
  return `+${digits.replace(BRAZILIAN_MOBILE_OF_8, '55$19$2')}`;
}

/**
 * The canonical form of a number as a person types it. Beyond {@link canonicalContact} it understands `00` in
 * place of `+`, and Brazilian numbers without the country code (`(41) 8895-6674`, `041 98895 6674`). Ten and
 * eleven digits that could be either are read as Brazilian: foreign ones are told apart by writing `+`.
 *
 * @returns `null` where the text is no phone number.
 */
export function contactFromTyped(typed: string): string | null {
  const compact = typed.replace(SEPARATORS, '');
  if (compact.startsWith('00')) return canonicalContact(`+${compact.slice(2)}`);
  const national = BRAZILIAN_NATIONAL.exec(compact);
  return canonicalContact(national ? `55${national[1]}` : compact);
}
