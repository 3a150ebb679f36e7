// Makes texts from outside safe for a terminal.

/**
 * Characters that a terminal acts on instead of showing them: control characters, which can move the cursor, set the title or
 * fill the clipboard, and those that change the direction of text.
 */
const ACTED_ON = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const DELETE = 0x7f;

/** The text on one line, with control characters replaced by their pictures, or by U+FFFD where there is none. */
export function printable(text: string): string {
  return text.replace(ACTED_ON, (character) => {
    const code = character.charCodeAt(0);
    if (/[\t\n\v\f\r\u0085\u2028\u2029]/.test(character)) return ' ';
    if (code < 0x20) return String.fromCharCode(0x2400 + code); // U+2400 to U+241F picture U+0000 to U+001F
    return code === DELETE ? '\u2421' : '\ufffd';
  });
}

/** Shortens a text to so many characters as a reader counts them, the ellipsis included. */
export function shortened(text: string, maxCharacters: number): string {
  const characters: string[] = [];
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (characters.length === maxCharacters) return `${characters.slice(0, -1).join('')}…`;
    characters.push(segment);
  }
  return text;
}

/**
 * The same JSON on one line, with escapes for characters that a terminal acts on. White space of JSON can only stand between
 * tokens, and the others only within strings.
 */
export function printableJson(json: string): string {
  return json
    .replace(/[\t\n\r]/g, ' ')
    .replace(ACTED_ON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
