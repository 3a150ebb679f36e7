// The fields of a text: the strings, numbers and names in JSON, the values of a form, the texts between the tags of XML.
// What is broken is cut up as well as it can be. Pure.

import { readings } from './text-encodings.ts';

/** JSON in a string of JSON in a field of a form. */
const MAX_DEPTH = 3;
/** A field that a number, or a part of one, could fill, however it is encoded. */
const MAX_FIELD_LENGTH = 400;

/** A string, which the end of the text ends, too; or what stands between the marks of JSON. */
const JSON_TOKENS = /"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)|[^"{}[\],:]+/gs;

/** The short fields of a text, their encodings undone. */
export function* fieldsIn(text: string, depth = 0): Generator<string> {
  for (const field of isJson(text) ? jsonFields(text) : text.split(/[&=<>]/)) {
    const begin = field.trimStart()[0];
    const isNested = begin !== undefined && '{[%&\\"'.includes(begin) && depth < MAX_DEPTH;
    if (field.length > MAX_FIELD_LENGTH && !isNested) continue;
    const read = lastOf(readings(field));
    if (isNested && isJson(read)) yield* fieldsIn(read, depth + 1);
    else if (read.length <= MAX_FIELD_LENGTH) yield read;
  }
}

function isJson(text: string): boolean {
  return /^[^!-~]*["[{]/.test(text);
}

function* jsonFields(text: string): Generator<string> {
  for (const [token, string] of text.matchAll(JSON_TOKENS)) {
    yield string === undefined ? token : unescaped(string);
  }
}

/** What its quotes and backslashes stand for, so that JSON in it is JSON. */
function unescaped(string: string): string {
  return string.includes('\\') ? string.replace(/\\(["\\])/g, '$1') : string;
}

function lastOf(texts: Iterable<string>): string {
  let last = '';
  for (const text of texts) last = text;
  return last;
}
