// Cuts texts that are too long for their place between two graphemes. A grapheme is what a reader takes for one character,
// such as a letter with its accents or an emoji with its skin tone; half of one reads as something else.

/** The rules are the same for every language: https://www.unicode.org/reports/tr29/#Grapheme_Cluster_Boundaries */
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The standard sets no limit. A grapheme longer than any that people write is cut between code points. */
const MAX_GRAPHEME_LENGTH = 64;
/** Whether two graphemes meet at a place depends on what is before it and on the one code point behind it. */
const CODE_POINT_LENGTH = 2;

/** The whole graphemes at the beginning of a text that fit into `max` UTF-16 code units. */
export function beginningOf(text: string, max: number): string {
  if (text.length <= max) return text;
  if (max <= 0) return '';
  const around = graphemes.segment(text.slice(0, max + CODE_POINT_LENGTH)).containing(max);
  const boundary = around?.index ?? 0;
  if (boundary > 0 && max - boundary <= MAX_GRAPHEME_LENGTH) return text.slice(0, boundary);
  return text.slice(0, isWithinCodePoint(text, max) ? max - 1 : max);
}

/** The same, with an ellipsis where something is left out. */
export function excerptOf(text: string, max: number): string {
  return text.length <= max ? text : `${beginningOf(text, max)}…`;
}

function isWithinCodePoint(text: string, index: number): boolean {
  return (text.codePointAt(index - 1) ?? 0) > 0xffff;
}
