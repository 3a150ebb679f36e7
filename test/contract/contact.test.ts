import { describe, expect, it } from 'vitest';
import { canonicalContact, contactFromTyped } from '../../src/contract/contact.ts';

describe('a number with its country code', () => {
  it.each([
    // The documented ones: `from` lacks the ninth digit, `to` and `clientData.number` have it.
    ['+554188956674', '+5541988956674'],
    ['+5544999027914', '+5544999027914'],
    ['+5544999999999', '+5544999999999'],
    // Without +.
    ['554188956674', '+5541988956674'],
    ['5544999027914', '+5544999027914'],
    // Old mobile numbers begin with 6 to 9.
    ['+554160000000', '+5541960000000'],
    ['+554170000000', '+5541970000000'],
    ['+554180000000', '+5541980000000'],
    ['+554190000000', '+5541990000000'],
    // Area code 55 is not the country code.
    ['+555599991234', '+5555999991234'],
    ['+5555999991234', '+5555999991234'],
    // Foreign ones, also where their digits look like a Brazilian mobile number.
    ['+14155550123', '+14155550123'],
    ['351912345678', '+351912345678'],
    ['+51987654321', '+51987654321'],
    ['+541188956674', '+541188956674'],
    // Shortest and longest.
    ['+29012', '+29012'],
    ['+123456789012345', '+123456789012345'],
  ])('is made canonical: %s', (written, canonical) => {
    expect(canonicalContact(written)).toBe(canonical);
  });

  it.each(['+554120000000', '+554130000000', '+554140000000', '+554150000000'])(
    'stays the fixed line %s',
    (fixed) => {
      expect(canonicalContact(fixed)).toBe(fixed);
    },
  );

  it.each([
    '+55 41 8895-6674',
    '+55 (41) 8895.6674',
    ' 55/41/8895/6674 ',
    '+55\u00a041\u00a08895\u20116674',
    '+55 41 8895\u20136674',
  ])('is recognized through its separators: %j', (written) => {
    expect(canonicalContact(written)).toBe('+5541988956674');
  });

  it.each([
    '',
    ' ',
    '+',
    'Maria',
    'null',
    '1234', // too short
    '+1234567890123456', // too long
    '+0554188956674', // no country code begins with 0
    '004188956674',
    '++554188956674',
    '55+4188956674',
    '+5541889566a4',
    '+55418895667\u0664', // an Arabic digit
    '554188956674@c.us',
  ])('is none: %j', (written) => {
    expect(canonicalContact(written)).toBeNull();
  });

  it('is canonical already once it has been made so', () => {
    const canonical = canonicalContact('554188956674') ?? '';
    expect(canonicalContact(canonical)).toBe(canonical);
  });
});

describe('a number as a person types it', () => {
  it.each([
    ['+55 41 8895-6674', '+5541988956674'],
    ['+55 (41) 98895-6674', '+5541988956674'],
    ['554188956674', '+5541988956674'],
    // National: with and without the ninth digit, with the trunk 0.
    ['(41) 8895-6674', '+5541988956674'],
    ['41988956674', '+5541988956674'],
    ['041 98895 6674', '+5541988956674'],
    ['04188956674', '+5541988956674'],
    // A fixed line, national and international.
    ['(41) 3234-5678', '+554132345678'],
    ['+55 41 3234-5678', '+554132345678'],
    // 00 stands for +.
    ['0055 41 8895-6674', '+5541988956674'],
    ['00 51 987 654 321', '+51987654321'],
    // Peru's country code is also Porto Alegre's area code, Rio Grande do Sul's 55 also Brazil's country code.
    ['+51 987654321', '+51987654321'],
    ['51 987654321', '+5551987654321'],
    ['55 99999-1234', '+5555999991234'],
    ['55 9999-1234', '+5555999991234'],
    // No Brazilian area code ends with 0, no mobile number of nine digits begins with anything but 9.
    ['2025550123', '+2025550123'],
    ['14155550123', '+14155550123'],
    ['351 912 345 678', '+351912345678'],
  ])('is understood: %s', (typed, canonical) => {
    expect(contactFromTyped(typed)).toBe(canonical);
  });

  it.each([
    '',
    '   ',
    '+',
    '0',
    '00',
    '000',
    'Maria',
    '8895',
    '00 1234567890123456',
    '0041x',
    '+00554188956674',
  ])('is none: %j', (typed) => {
    expect(contactFromTyped(typed)).toBeNull();
  });
});
