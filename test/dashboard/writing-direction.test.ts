import { describe, expect, it } from 'vitest';
import { withinItself } from '../../src/dashboard/frame/writing-direction.ts';

const [LRI, RLI, FSI, PDI, RLO] = ['\u2066', '\u2067', '\u2068', '\u2069', '\u202e'];

describe('a text with marks of writing direction', () => {
  it.each([
    ['has no marks', 'Olá, (41) 98895-6674'],
    ['ends what it begins', `a ${FSI}@Maria${PDI} b ${LRI}${RLI}c${PDI}${PDI}`],
    ['turns itself only', `${RLO}olá`], // ends with the isolation that it is in
  ])('is left as it is where it %s', (_, text) => {
    expect(withinItself(text)).toBe(text);
  });

  it.each([
    ['ends what it did not begin', `${PDI}${RLO}a${PDI}`, `${RLO}a`],
    ['goes on', `${RLO}a${RLI}b${FSI}`, `${RLO}a${RLI}b${FSI}${PDI}${PDI}`],
    ['does both', `${PDI}a${LRI}`, `a${LRI}${PDI}`],
    ['goes on into another paragraph', `${RLI}a\n${PDI}b`, `${RLI}a${PDI}\nb`],
  ])('is balanced where it %s', (_, text, mended) => {
    expect(withinItself(text)).toBe(mended);
  });
});
