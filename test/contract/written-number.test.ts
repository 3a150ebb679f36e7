import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contactFromTyped } from '../../src/contract/contact.ts';
import {
  ASCII_SEPARATORS,
  OTHER_SEPARATORS,
  TELLING_ESCAPES,
  writtenNumber,
} from '../../src/contract/written-number.ts';
import { expectHolds } from '../seeded.ts';
import { phoneForms, separated } from './written-forms.ts';

const MARIA = '+5541988956674';

describe('a number is found', () => {
  it.each([
    '+5541988956674',
    '5541988956674',
    '+554188956674',
    '554188956674',
    '41988956674',
    '4188956674',
    '+55 (41) 8895-6674',
    '+55 (41) 98895-6674',
    '(41) 9 8895 6674',
    '041 98895-6674',
    '015 41 98895-6674',
    '(0xx41) 8895-6674',
    '0055 41 98895 6674',
    '55 (041) 98895.6674',
    '‪+55 41 98895‑6674‬', // as it is copied from an address book: with marks of direction and a hard hyphen
    'wa.me/5541988956674?text=oi',
    '"number":554188956674,',
    '+55\u00a041\u00a098895\u201366\u200b74',
    String.raw`+55\u00a041\u00A098895\u20116674`,
    String.raw`\u0034\u00318895667\u0034`,
    String.raw`+55\/41\/98895\n6674`,
    'tel41988956674x',
    'ligue 3 41 8895-6674, ramal 2',
  ])('in %j', (text) => {
    expect(writtenNumber(MARIA).isIn(text)).toBe(true);
  });

  it('in every form in which it is taken, within any text', async () => {
    await expectHolds(
      fc.property(
        phoneForms,
        fc.nat(),
        fc.integer(),
        ({ canonical, international, typed }, which, separation) => {
          const forms = [...international, ...typed];
          const written = separated(forms[which % forms.length] ?? canonical, separation);
          expect(writtenNumber(canonical).isIn(`"número: ${written}"`)).toBe(true);
        },
      ),
    );
  });

  it('in what SQL lets through: its digits without separators, or an escape that could hide them', async () => {
    const separators = new Set([...ASCII_SEPARATORS, ...OTHER_SEPARATORS]);
    await expectHolds(
      fc.property(phoneForms, fc.nat(), fc.integer(), ({ canonical, international }, which, separation) => {
        const written = separated(international[which % international.length] ?? canonical, separation);
        const stripped = Array.from(written)
          .filter((letter) => !separators.has(letter))
          .join('');
        const { digits } = writtenNumber(canonical);
        expect(digits.some((run) => stripped.includes(run))).toBe(true);
        const escaped = JSON.stringify(written).replace(
          /[^ -~]/g,
          (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
        const isTold = !escaped.includes('\\u') || TELLING_ESCAPES.some((begin) => escaped.includes(begin));
        expect(isTold).toBe(true);
      }),
    );
  });
});

describe('a number is not found', () => {
  it.each([
    ['another one', '+5541988956675'],
    ['one with more digits', '55419889566740'],
    ['one that begins with its old form', '+55 41 98895-66741'],
    ['a longer one of which it is the end', '9941988956674'],
    ['an American one with the same digits', '+1 418 895 6674'],
    ['a Swiss one with the same digits', '+41 88 956 674'.replace('956 674', '95 66 74')],
    ['the local part alone', '8895-6674'],
    ['two numbers that together have its digits', '4188956, 674'],
    ['nothing', ''],
  ])('in %s', (_, text) => {
    expect(writtenNumber(MARIA).isIn(text)).toBe(false);
  });

  it('of whom the eight digits are the beginning of another’s nine', () => {
    expect(writtenNumber('+5541991234567').isIn('"to":"5541912345678"')).toBe(false);
    expect(writtenNumber('+5541912345678').isIn('"to":"5541912345678"')).toBe(true);
  });

  it('abroad in a Brazilian one with the same digits', () => {
    expect(writtenNumber('+4188956674').isIn('+55 41 8895-6674')).toBe(false);
    expect(writtenNumber('+4188956674').isIn('554188956674')).toBe(false);
    expect(writtenNumber('+4188956674').isIn('+41 88 95 66 74')).toBe(true);
    expect(writtenNumber('+4188956674').isIn('0041 88 95 66 74')).toBe(true);
  });

  it('slowly, whatever the text', () => {
    const number = writtenNumber(MARIA);
    for (const hostile of [' ', '4', '41 ', '+5', '+1 1 1 ', '(', '55 ']) {
      const begun = performance.now();
      expect(number.isIn(hostile.repeat(1_000_000 / hostile.length))).toBe(false);
      expect(performance.now() - begun).toBeLessThan(2_000);
    }
  });

  it('where a contact as typed is another', () => {
    expect(contactFromTyped('(41) 8895-6674')).toBe(MARIA);
  });
});
