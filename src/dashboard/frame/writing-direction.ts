// Marks of writing direction in texts from outside. A browser isolates an element as if by a mark before it and one behind
// it (https://drafts.csswg.org/css-writing-modes/#unicode-bidi). A text that itself has such marks can end its isolation
// early or swallow the mark behind it, and then reverse what follows on the page, such as a number.

/** https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates */
const BEGINS = /[\u2066-\u2068]/;
const END = '\u2069';
/** Isolations end with their paragraph. Other control characters are taken for the end of one, too, which is harmless. */
const PARAGRAPHS = /([\p{Control}\u2029]+)/u;
const ANY_MARK = /[\u2066-\u2069]/;

/** Balances the marks of a text: ends without a beginning are dropped, and missing ends are added. */
export function withinItself(text: string): string {
  if (!ANY_MARK.test(text)) return text;
  return text.split(PARAGRAPHS).map(closed).join('');
}

function closed(paragraph: string): string {
  let open = 0;
  let kept = '';
  for (const character of paragraph) {
    if (BEGINS.test(character)) open++;
    if (character === END && --open < 0) open = 0;
    else kept += character;
  }
  return kept + END.repeat(open);
}
