// Texts that customers wrote, made fit for a terminal.

/**
 * What a terminal would act on instead of showing it: control characters, of which some begin the sequences that move
 * the cursor, set the title or fill the clipboard, and those that change the direction of the text after them.
 */
const ACTED_ON = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const DELETE = 0x7f;

/** The text with everything harmless that a terminal would act on: visible where it has a picture, on one line. */
export function printable(text: string): string {
  return text.replace(ACTED_ON, (character) => {
    const code = character.charCodeAt(0);
    if (/[\t\n\v\f\r\u0085\u2028\u2029]/.test(character)) return ' ';
    if (code < 0x20) return String.fromCharCode(0x2400 + code); // U+2400 to U+241F picture U+0000 to U+001F
    return code === DELETE ? '\u2421' : '\ufffd';
  });
}

/** At most so many characters as a reader counts them; what is cut off is an ellipsis. */
export function shortened(text: string, maxCharacters: number): string {
  const characters: string[] = [];
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (characters.length === maxCharacters) return `${characters.slice(0, -1).join('')}…`;
    characters.push(segment);
  }
  return text;
}

/**
 * JSON that means the same on one line, with what a terminal would act on as escapes. White space that JSON allows
 * stands between its tokens; anything else of that kind can only be within a string.
 */
export function printableJson(json: string): string {
  return json
    .replace(/[\t\n\r]/g, ' ')
    .replace(ACTED_ON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
