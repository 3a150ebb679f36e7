// Long texts are cut between graphemes, and by one function alone.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginningOf, excerptOf } from '../../src/dashboard/frame/text-cutting.ts';
import { expectHolds } from '../seeded.ts';

const sources = import.meta.glob('../../src/dashboard/**/*.{ts,tsx}', {
  eager: true,
  query: '?raw',
  import: 'default',
}) as Record<string, string>;

/** What readers take for one character, each of several code units. */
const GRAPHEMES = [
  '😀',
  '👍🏽',
  '👩🏽‍🦱',
  '👨‍👩‍👧‍👦',
  '🇧🇷',
  '🇧🇷🇵🇹',
  'e\u0301',
  'ç\u0327\u0327',
  '한',
  'क्ष',
  '\r\n',
  '1️⃣',
];

/** Where graphemes end, found from the beginning. */
function boundariesOf(text: string): number[] {
  const segments = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text);
  return Array.from(segments, ({ index, segment }) => index + segment.length);
}

describe('the beginning of a text', () => {
  it.each([
    ['a short text', 'oi', 2, 'oi'],
    ['letters', 'mensagem', 4, 'mens'],
    ['an emoji that ends where the room ends', 'oi😀!', 4, 'oi😀'],
    ['an emoji that ends behind it', 'oi😀!', 3, 'oi'],
    ['a skin tone that is behind it', 'oi👍🏽!', 4, 'oi'],
    ['a family', `a${'👨‍👩‍👧‍👦'}b`, 11, 'a'],
    ['an accent that is behind it', 'cafe\u0301!', 4, 'caf'],
    ['the second of two flags', '🇧🇷🇵🇹', 6, '🇧🇷'],
    ['a line end of two characters', 'oi\r\n', 3, 'oi'],
    ['half of a pair that has no other half', 'oi\ud83d!', 3, 'oi\ud83d'],
    ['no room', 'oi', 0, ''],
    ['less than none', 'oi', -5, ''],
  ])('ends between graphemes: %s', (_, text, max, beginning) => {
    expect(beginningOf(text, max)).toBe(beginning);
  });

  it('ends within a grapheme only if that is longer than people write, and never within a code point', () => {
    const endless = `a${'\u{1e000}'.repeat(500)}`; // a letter with 500 accents of two code units
    expect(beginningOf(endless, 301)).toBe(endless.slice(0, 301));
    expect(beginningOf(endless, 300)).toBe(endless.slice(0, 299));
    expect(beginningOf('👨‍👩‍👧‍👦', 4)).toBe('👨‍');
  });

  it('has as many whole graphemes as fit, whatever the text', async () => {
    const unit = fc.oneof(
      fc.constantFrom(...GRAPHEMES),
      fc.constantFrom('a', ' ', '\ud83d', '\udc4d', '\u200d', '\u{1f3fd}'),
    );
    const texts = fc.string({ unit, maxLength: 30 });
    const cuts = fc.property(texts, fc.nat({ max: 60 }), (text, max) => {
      const beginning = beginningOf(text, max);
      expect(text.startsWith(beginning)).toBe(true);
      const room = Math.min(max, text.length);
      const longest = boundariesOf(text).findLast((end) => end <= room) ?? 0;
      // Where not even one grapheme has room, or a very long one, it is cut within.
      if (longest === 0 || room - longest > 64) expect(room - beginning.length).toBeLessThanOrEqual(1);
      else expect(beginning.length).toBe(longest);
      if (text.isWellFormed()) expect(beginning.isWellFormed()).toBe(true);
    });
    await expectHolds(cuts);
  });

  it('ends with an ellipsis where something is left out', () => {
    expect(excerptOf('oi😀!', 3)).toBe('oi…');
    expect(excerptOf('oi😀!', 5)).toBe('oi😀!');
  });
});

it('no page cuts a text itself', () => {
  expect(Object.keys(sources).length).toBeGreaterThan(60);
  const cutting = Object.entries(sources).filter(([, source]) =>
    /\.(slice|substring|substr)\([^)]*characters/i.test(source),
  );
  expect(cutting.map(([path]) => path)).toEqual([]);
});
