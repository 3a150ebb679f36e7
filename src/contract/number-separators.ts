// What can stand between two digits of a number. contact.ts removes it and contact-search.ts reads across it, so that every
// number that is understood is also found.

/** Code points of white space, of what people write, and of the backslash of a JSON escape. */
const ASCII = [0x09, 0x0a, 0x0d, 0x20, 0x28, 0x29, 0x2d, 0x2e, 0x2f, 0x5c];

/** White space and dashes of other scripts, and the invisible marks that come along when a number is copied. */
const OTHERS = [
  0xa0,
  0xad, // soft hyphen
  0x61c,
  0x1680,
  0x180e,
  ...range(0x2000, 0x2015),
  ...range(0x2028, 0x202f),
  ...range(0x205f, 0x2064),
  ...range(0x2066, 0x2069),
  0x2212,
  0x3000,
  0xfeff, // byte order mark
];

export const ASCII_SEPARATORS = ASCII.map(letterOf);
export const OTHER_SEPARATORS = OTHERS.map(letterOf);

/** Matches one separator, as part of a regular expression. */
export const SEPARATOR = `[${[...ASCII, ...OTHERS].map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('')}]`;

/** Full-width signs and digits, as Asian keyboards write them: each stands for one of ASCII. */
export const FULL_WIDTH = /[\uff08-\uff19]/g;
export const FULL_WIDTH_FROM_ASCII = 0xfee0;

function letterOf(code: number): string {
  return String.fromCharCode(code);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
