// The fields of a text: the strings, numbers and names in JSON, the values of a form, the texts between the tags of XML.
// A text that is broken is divided as well as it can be. Pure.

import { decodings } from './text-encodings.ts';

/** Deep enough for JSON in a string of JSON in a field of a form. */
const MAX_DEPTH = 3;
/** No field that holds a number, or a part of one, is longer, however it is encoded. */
const MAX_FIELD_LENGTH = 400;

/** A string, which the end of the text ends as well, or whatever stands between JSON's punctuation. */
const JSON_TOKENS = /"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?$)|[^"{}[\],:]+/gs;

/** The short fields of a text, decoded. */
export function* shortFields(text: string, depth = 0): Generator<string> {
  for (const field of isJson(text) ? jsonFields(text) : text.split(/[&=<>]/)) {
    const begin = field.trimStart()[0];
    const isNested = begin !== undefined && '{[%&\\"'.includes(begin) && depth < MAX_DEPTH;
    if (field.length > MAX_FIELD_LENGTH && !isNested) continue;
    let decoded = field;
    for (const next of decodings(field)) decoded = next;
    if (isNested && isJson(decoded)) yield* shortFields(decoded, depth + 1);
    else if (decoded.length <= MAX_FIELD_LENGTH) yield decoded;
  }
}

function isJson(text: string): boolean {
  return /^[^!-~]*["[{]/.test(text);
}

/** Quotes and backslashes in a string are unescaped, so that JSON within it is JSON. */
function* jsonFields(text: string): Generator<string> {
  for (const [token, string] of text.matchAll(JSON_TOKENS)) {
    yield string === undefined ? token : string.replace(/\\(["\\])/g, '$1');
  }
}
