// Undoes the encodings of a text: the escapes of JSON, the percent-encoding of forms and addresses, the entities of HTML
// and XML, also one inside the other. Pure.

import { FULL_WIDTH, FULL_WIDTH_FROM_ASCII } from './number-separators.ts';

/** Deep enough for a form within JSON within a form. */
const MAX_DEPTH = 4;

/** Entities by name that people, or programs, put between digits. */
const SEPARATING_ENTITIES = [
  ...['nbsp', 'ensp', 'emsp', 'emsp13', 'emsp14', 'numsp', 'puncsp', 'thinsp', 'hairsp', 'tab', 'newline'],
  ...['hyphen', 'dash', 'ndash', 'mdash', 'horbar', 'minus', 'lpar', 'rpar', 'period', 'sol', 'bsol'],
  ...['lrm', 'rlm', 'zwj', 'zwnj', 'nobreak', 'shy'],
];
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ...SEPARATING_ENTITIES.map((name): [string, string] => [name, ' ']),
  ...Object.entries({ plus: '+', amp: '&', quot: '"' }),
]);

/**
 * The text as it is written, and then with one layer of encodings after the other undone.
 *
 * @example [...decodings('tel=%2B55+41')] // ['tel=%2B55+41', 'tel=+55 41']
 */
export function* decodings(text: string): Generator<string> {
  yield text;
  let decoded = text;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const before = decoded;
    decoded = decodeOnce(depth === 0 && isForm(text) ? text.replaceAll('+', ' ') : decoded);
    if (decoded === before) return;
    yield decoded;
  }
}

/** Whether a text is `name=value`, in which `+` stands for a blank. */
function isForm(text: string): boolean {
  return text.includes('=') && !/[\s{}<>"]/.test(text);
}

/** Either an escape of JSON, a run of percent-encoded bytes, or an entity. */
const ENCODED =
  /\\u([0-9a-f]{4})|\\[nrt/]|((?:%[0-9a-f]{2})+)|&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}\d{0,2}));?/gi;

function decodeOnce(text: string): string {
  const narrow = text.replace(FULL_WIDTH, (letter) => letterOf(letter.charCodeAt(0) - FULL_WIDTH_FROM_ASCII));
  const spaced = narrow.includes('+') ? narrow.replace(/(?<=[\d).-])\+(?=[\d(])/g, ' ') : narrow;
  if (!/[\\%&]/.test(spaced)) return spaced;
  return spaced.replace(ENCODED, (written, escaped, bytes, decimal, hexadecimal, name) => {
    if (bytes !== undefined) return textOfBytes(Uint8Array.fromHex(bytes.replaceAll('%', '')));
    if (name !== undefined) return ENTITIES.get(name.toLowerCase()) ?? written;
    if (decimal !== undefined) return letterOf(Number(decimal));
    const code = escaped ?? hexadecimal;
    return code === undefined ? ' ' : letterOf(Number.parseInt(code, 16));
  });
}

function letterOf(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : ' ';
}

function textOfBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

/** How the JSON escapes begin that can stand for a digit, a separator, or the beginning of another encoding. */
export const SIGNIFICANT_ESCAPES = [
  ...['000', '002', '003', '005', '20', '00a0', '00A0', '00ad', '00AD', '00Ad', '00aD', '061c', '061C'],
  ...['1680', '180e', '180E', '2212', '3000', 'feff', 'FEFF', 'Feff', 'ff0', 'FF0', 'ff1', 'FF1'],
].map((digits) => `\\u${digits}`);

/** How the entities begin that can stand for a digit, a separator, or the beginning of another encoding. */
export const SIGNIFICANT_ENTITIES = [
  ...['&#', '&amp', '&Tab', '&NewLine', '&NoBreak'],
  ...SEPARATING_ENTITIES.map((name) => `&${name}`),
];

/**
 * Percent-encoded bytes, in capitals, that can stand for what {@link SIGNIFICANT_ESCAPES} and {@link SIGNIFICANT_ENTITIES} do.
 * Digits and separators within ASCII are not among them: SQL can undo those itself.
 */
export const SIGNIFICANT_PERCENTS = [
  ...['%25', '%5CU', '%5C%', '%A0', '%AD', '%D8%9C', '%E1%9A%80', '%E1%A0%8E', '%E2%80', '%E2%81'],
  ...['%E2%88%92', '%E3%80%80', '%EF%BB%BF', '%EF%BC'],
  '%26%', // an entity whose name or number is encoded letter by letter
  ...SIGNIFICANT_ENTITIES.map((begin) => `%26${begin.slice(1).toUpperCase()}`),
];
