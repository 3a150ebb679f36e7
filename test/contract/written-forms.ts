// Phone numbers and moments in every form in which the contract takes them, each with what it means. Made from the
// meaning, not by the code that reads them.

import fc from 'fast-check';
import { chooser } from '../json-text.ts';

/** How something is written, where that is free; 0 is plain. */
export const style = fc.oneof(fc.constant(0), fc.integer());

/** A number in canonical form, and every way to write it, separators aside. */
export interface PhoneForms {
  canonical: string;
  /** With its country code, as the platform writes numbers. */
  international: string[];
  /** As a person types it besides. */
  typed: string[];
}

const areaCode = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .map(([first, second]) => `${first}${second}`);

/** Area code and subscriber: the canonical digits behind +55, and the ones in use. */
const brazilianSubscriber = fc.oneof(
  fc.tuple(areaCode, fc.integer({ min: 60_000_000, max: 99_999_999 })).map(([area, local]) => ({
    canonical: `${area}9${local}`,
    inUse: [`${area}9${local}`, `${area}${local}`], // with and without the ninth digit
  })),
  fc.tuple(areaCode, fc.integer({ min: 20_000_000, max: 59_999_999 })).map(([area, local]) => ({
    canonical: `${area}${local}`, // a fixed line
    inUse: [`${area}${local}`],
  })),
);

const brazilianForms = brazilianSubscriber.map(
  ({ canonical, inUse }): PhoneForms => ({
    canonical: `+55${canonical}`,
    international: inUse.flatMap((digits) => [`+55${digits}`, `55${digits}`]),
    typed: inUse.flatMap((digits) => [digits, `0${digits}`, `0055${digits}`, `+55${digits}`, `55${digits}`]),
  }),
);

/** How numbers of other countries begin, with their country code, and how many digits follow: mobile, fixed and short ones. */
export const FOREIGN = [
  ...[
    ['14152', 6],
    ['35191', 7],
    ['35121', 7],
    ['4479', 8],
    ['44207', 7],
    ['49151', 8],
    ['346', 8],
    ['336', 8],
  ],
  ...[
    ['393', 9],
    ['3906', 8],
    ['5959', 8],
    ['5989', 7],
    ['519', 8],
    ['569', 8],
    ['573', 9],
    ['5917', 7],
  ],
  ...[
    ['5255', 8],
    ['5411', 8],
    ['542966', 6],
    ['8613', 9],
    ['919', 9],
    ['8190', 8],
    ['2449', 8],
    ['3546', 6],
  ],
  ...[
    ['2982', 5],
    ['2905', 4],
  ],
] as [begin: string, rest: number][];

/** Without +, it is Brazilian to whom the digits say no more. */
export const COULD_BE_BRAZILIAN = /^[1-9]{2}(?:9\d{8}|[2-9]\d{7})$/;

const foreignForms = fc
  .constantFrom(...FOREIGN)
  .chain(([begin, rest]) =>
    fc
      .nat({ max: 10 ** rest - 1 })
      .map((number): [string, string] => [begin, `${begin}${String(number).padStart(rest, '0')}`]),
  )
  .map(([begin, digits]): PhoneForms => {
    // WhatsApp adds a 1 in Mexico, a 9 in Argentina.
    const added = begin.startsWith('52') ? '1' : begin.startsWith('54') ? '9' : null;
    const inUse = [digits, ...(added === null ? [] : [`${digits.slice(0, 2)}${added}${digits.slice(2)}`])];
    return {
      canonical: `+${digits}`,
      international: inUse.flatMap((written) => [
        `+${written}`,
        ...(COULD_BE_BRAZILIAN.test(written) ? [] : [written]),
      ]),
      typed: inUse.flatMap((written) => [`+${written}`, `00${written}`]),
    };
  });

export const phoneForms = fc.oneof(brazilianForms, foreignForms);

const SEPARATORS = ['', '', '', '', '', ' ', '-', '.', '(', ')', '/', '\u00a0', '\u2010', '\u2013'];

/** A number with what people put between its digits. */
export function separated(written: string, separation: number): string {
  const choose = chooser(separation);
  return Array.from(written, (digit) => `${digit}${SEPARATORS[choose(SEPARATORS.length)]}`).join('');
}

export interface Phone {
  canonical: string;
  written: string;
}

/** A number as the platform could write it. */
export const phone: fc.Arbitrary<Phone> = fc
  .tuple(phoneForms, fc.nat(), style)
  .map(([{ canonical, international }, which, separation]) => ({
    canonical,
    written: separated(international[which % international.length] ?? canonical, separation),
  }));

export interface Moment {
  /** Unix ms. */
  ms: number;
  written: string;
}

const YEAR_0_SECONDS = Date.parse('0000-01-01T00:00:00Z') / 1000;
const YEAR_9999_END_SECONDS = Date.parse('9999-12-31T23:59:59Z') / 1000;
const LEAP_DAYS = ['0000-02-29', '0004-02-29', '1600-02-29', '2000-02-29', '2024-02-29', '9996-02-29'];
const MINUTES_OF_A_DAY = 24 * 60;

const fraction = fc.oneof(
  fc.constantFrom('', '.0', '.9', '.999', '.9999999', `.${'9'.repeat(400)}`, `.${'0'.repeat(400)}1`),
  fc.nat({ max: 999_999_999 }).map((digits) => `.${String(digits).padStart(3, '0')}`),
);

const offset = fc.oneof(
  fc.constant({ minutes: 0, written: 'Z' }),
  fc.tuple(fc.constantFrom('+', '-'), fc.nat({ max: MINUTES_OF_A_DAY - 1 })).map(([sign, minutes]) => ({
    minutes: sign === '-' ? -minutes : minutes,
    written: `${sign}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`,
  })),
);

function twoDigits(part: number): string {
  return String(part).padStart(2, '0');
}

/** A moment with `Z` or an offset; the offset can lead out of the years 0 to 9999. */
export const moment: fc.Arbitrary<Moment> = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: YEAR_0_SECONDS, max: YEAR_9999_END_SECONDS }),
      fc.integer({ min: 0, max: 2_000_000_000 }),
      fc.constantFrom(...LEAP_DAYS).map((day) => Date.parse(`${day}T23:59:59Z`) / 1000),
    ),
    fraction,
    offset,
  )
  .map(([clockSeconds, part, { minutes, written }]) => {
    const partMs = Number(part.slice(1, 4).padEnd(3, '0')); // what is finer than that does not count
    const clock = new Date(clockSeconds * 1000).toISOString().slice(0, '0000-00-00T00:00:00'.length);
    return { ms: clockSeconds * 1000 + partMs - minutes * 60_000, written: `${clock}${part}${written}` };
  });
