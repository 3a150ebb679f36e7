// Marks of writing direction in what somebody outside wrote. A browser isolates an element as if by a mark before it and
// one behind it (https://drafts.csswg.org/css-writing-modes/#unicode-bidi), so a text with marks of the same kind can end
// its isolation early, or take the mark behind it for its own: then it turns what follows on the page, a number, say.

/** Begin an isolation, and end the last that was begun: https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates */
const BEGINS = /[\u2066-\u2068]/;
const END = '\u2069';
/** The end of a paragraph ends all that was begun in it. Some other control characters are taken for one as well. */
const PARAGRAPHS = /([\p{Control}\u2029]+)/u;
const ANY_MARK = /[\u2066-\u2069]/;

/** A text whose isolations end where they should: one that ends nothing is left out, one that goes on is ended. */
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
