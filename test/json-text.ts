// JSON written by ourselves, in all the ways that RFC 8259 leaves open: `JSON.stringify` knows one of them. An object
// can have a key twice, a number keeps its digits, any letter can be an escape, white space can be anywhere.

/** A JSON value as it is to be written. */
export type Json = null | boolean | string | NumberText | Json[] | JsonObject;
export interface NumberText {
  digits: string;
}
export interface JsonObject {
  members: Member[];
}
export type Member = [key: string, value: Json];

/** Chooses one of `count` ways, from 0. */
export type Choose = (count: number) => number;

const WHITE_SPACE = ['', '', '', ' ', '\n', '\t', '\r\n', ' \n\t '];
/** One letter in so many is written as an escape though it need not be. */
const ESCAPED_LETTERS = 12;
const SHORT_ESCAPES: Partial<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};
/** Letters that cannot stand for themselves: those that JSON excepts, and halves of a pair, which UTF-8 cannot write. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const MUST_ESCAPE = /["\\\u0000-\u001f]|\p{Surrogate}/u;

/** The text of a value. Style 0 is plain, as `JSON.stringify` writes; every other style is a manner of its own. */
export function writeJson(value: Json, style = 0): string {
  const choose = chooser(style);
  return `${space(choose)}${write(value, choose)}${space(choose)}`;
}

/** The same value, its objects' members in an order that depends on `style`. */
export function shuffled<Item>(items: readonly Item[], style: number): Item[] {
  const choose = chooser(style);
  const rest = [...items];
  return items.flatMap(() => rest.splice(choose(rest.length), 1));
}

/** What `JSON.parse` gave, as a value to be written. */
export function jsonOf(value: unknown): Json {
  if (typeof value === 'number') return { digits: String(value) };
  if (typeof value !== 'object' || value === null) return value as Json;
  if (Array.isArray(value)) return value.map(jsonOf);
  return { members: Object.entries(value).map(([key, inner]) => [key, jsonOf(inner)]) };
}

/** A small generator of numbers (mulberry32): the same ones for the same style, and 0 forever for style 0. */
export function chooser(style: number): Choose {
  let state = style;
  return (count) => {
    if (style === 0) return 0;
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
}

function write(value: Json, choose: Choose): string {
  if (typeof value === 'string') return writeString(value, choose);
  if (typeof value !== 'object' || value === null) return String(value);
  if ('digits' in value) return value.digits;
  if (Array.isArray(value))
    return `[${spaced(
      value.map((item) => write(item, choose)),
      choose,
    )}]`;
  const members = value.members.map(
    ([key, inner]) => `${writeString(key, choose)}${space(choose)}:${space(choose)}${write(inner, choose)}`,
  );
  return `{${spaced(members, choose)}}`;
}

function spaced(parts: string[], choose: Choose): string {
  return parts.map((part) => `${space(choose)}${part}${space(choose)}`).join();
}

function space(choose: Choose): string {
  return WHITE_SPACE[choose(WHITE_SPACE.length)] ?? '';
}

function writeString(text: string, choose: Choose): string {
  const letters = Array.from(text, (letter) => {
    const isPlain = !MUST_ESCAPE.test(letter) && choose(ESCAPED_LETTERS) !== ESCAPED_LETTERS - 1;
    return isPlain ? letter : escapeLetter(letter, choose);
  });
  return `"${letters.join('')}"`;
}

function escapeLetter(letter: string, choose: Choose): string {
  const short = SHORT_ESCAPES[letter];
  if (short !== undefined && choose(2) === 0) return short;
  const isUpperCase = choose(2) === 1;
  return letter
    .split('') // by code units, of which some letters have two
    .map((unit) => {
      const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
      return `\\u${isUpperCase ? hex.toUpperCase() : hex}`;
    })
    .join('');
}
