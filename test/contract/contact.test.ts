import { describe, expect, it } from 'vitest';
import {
  canonicalContact,
  contactFromTyped,
  isPhoneNumber,
  lacksAreaCode,
} from '../../src/contract/contact.ts';

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
    // The 1 of Mexico and the 9 of Argentina, which WhatsApp adds, and what was or is dialled in their place.
    ['+525512345678', '+525512345678'],
    ['5215512345678', '+525512345678'],
    ['+52 1 55 1234 5678', '+525512345678'],
    ['+52 01 55 1234 5678', '+525512345678'],
    ['+52 044 55 1234 5678', '+525512345678'],
    ['+541123456789', '+541123456789'],
    ['5491123456789', '+541123456789'],
    ['+54 9 11 2345-6789', '+541123456789'],
    ['+54 11 15-2345-6789', '+541123456789'],
    ['+54 9 11 15 2345 6789', '+541123456789'],
    ['+54 (0) 2966 15 123456', '+542966123456'],
    // Invisible marks, as copied from an address book, a page or a list.
    ['\u202a+55 44 99123-0006\u202c', '+5544991230006'],
    ['\u200e5544991230006', '+5544991230006'],
    ['\u206655 44 99123-0006\u2069', '+5544991230006'],
    ['\ufeff+55\u00ad44\u200b99123\u20600006', '+5544991230006'],
    // Of the full width of a Chinese character.
    ['＋５５（４４）９９１２３－０００６', '+5544991230006'],
    // Trunk and carrier prefixes, and 00 in place of +.
    ['+55 (0) 44 99123-0007', '+5544991230007'],
    ['+55 044 9123-0007', '+5544991230007'],
    ['+55 0xx44 99123-0007', '+5544991230007'],
    ['+55 (0XX44) 99123-0007', '+5544991230007'],
    ['+55 0 15 44 99123-0007', '+5544991230007'],
    ['550 21 44 3123-0007', '+554431230007'],
    ['005544991230007', '+5544991230007'],
    ['+005544991230007', '+5544991230007'],
    ['004188956674', '+4188956674'],
    ['+44 (0) 7911 123456', '+447911123456'],
    ['+36 06 20 123 4567', '+36201234567'],
    ['+7 8 912 345-67-89', '+79123456789'],
    ['+1 1 415 555 0123', '+14155550123'],
    ['+39 06 698 12345', '+390669812345'], // an Italian 0 belongs to the number
    // Brazilian ones without a country code, where they can be nothing else.
    ['044 99123-0007', '+5544991230007'],
    ['0 15 44 9123-0007', '+5544991230007'],
    ['(0xx44) 99123-0007', '+5544991230007'],
    ['(41) 8895-6674', '+5541988956674'],
    ['tel:（６５）9557-3936', '+5565995573936'],
    ['44991230007', '+5544991230007'], // in the United Kingdom no number begins with 99
    ['41988956674', '+5541988956674'],
    ['55999991234', '+5555999991234'],
    ['+0554188956674', '+5541988956674'],
    ['++554188956674', '+5541988956674'],
    // Ten or eleven digits that are a mobile number abroad are read with their country code.
    ['51987654321', '+51987654321'],
    ['4791234567', '+4791234567'],
    // Schemes, links and addresses.
    ['tel:+55-44-99123-0003', '+5544991230003'],
    ['TEL:+55-44-99123-0003;ext=12', '+5544991230003'],
    ['tel:44-99123-0003;phone-context=+55', '+5544991230003'],
    ['whatsapp:+5544991230003', '+5544991230003'],
    ['whatsapp:tel:5544991230003', '+5544991230003'],
    ['sms:+5544991230003?body=oi', '+5544991230003'],
    ['https://wa.me/5544991230003?text=oi%2041', '+5544991230003'],
    ['https://api.whatsapp.com/send?phone=%2B5544991230003&text=oi', '+5544991230003'],
    ['whatsapp://send?phone=5544991230003', '+5544991230003'],
    ['wa.me/3546739475', '+3546739475'], // with its country code, always
    ['5544991230003@s.whatsapp.net', '+5544991230003'],
    ['5544991230003:3@s.whatsapp.net', '+5544991230003'],
    ['554491230003_1:12@s.whatsapp.net', '+5544991230003'],
    ['5544991230003@c.us', '+5544991230003'],
  ])('is understood in %j', (written, canonical) => {
    expect(canonicalContact(written)).toBe(canonical);
    expect(isPhoneNumber(canonical)).toBe(true);
  });

  it('stays the same when it is canonicalized again', () => {
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

  it.each(['', '   ', '+', '0', '00', '000', '8895', '123', '+55 (41)', 'null'])(
    'is no number: %j',
    (typed) => {
      expect(contactFromTyped(typed)).toBeNull();
      expect(lacksAreaCode(typed)).toBe(false);
    },
  );

  it.each(['88956674', '8895-6674', '98895-6674', '9 8895 6674', 'tel:988956674', '\u200e988956674'])(
    'lacks its area code: %j',
    (typed) => {
      expect(contactFromTyped(typed)).toBeNull();
      expect(lacksAreaCode(typed)).toBe(true);
    },
  );

  it.each([
    ['+298 123456', '+298123456'],
    ['00298 123456', '+298123456'],
    [' 298123456', '+298123456'],
    [' 51987654321', '+51987654321'], // a + that became a blank in a link
    ['12345', '+12345'],
  ])('has no missing area code where the country code is there: %j', (typed, canonical) => {
    expect(lacksAreaCode(typed)).toBe(false);
    expect(contactFromTyped(typed)).toBe(canonical);
  });
});

describe('an identity', () => {
  it.each([
    ['178095544332211@lid', '178095544332211@lid'],
    ['178095544332211:3@lid', '178095544332211@lid'], // the device is no part of who it is
    ['BR.4455667788990011', 'BR.4455667788990011'],
    ['whatsapp:BR.4455667788990011', 'BR.4455667788990011'],
    ['tel: whatsapp:\u200eBR.4455667788990011', 'BR.4455667788990011'],
    ['\u200e BR.4455667788990011\n', 'BR.4455667788990011'],
    ['Maria', 'Maria'],
    ['@maria.silva', '@maria.silva'],
    ['120363041234567890@g.us', '120363041234567890@g.us'],
    ['+1234567890123456', '+1234567890123456'], // too long for a number
    ['55+4188956674', '55+4188956674'],
    ['+5541889566a4', '+5541889566a4'],
    ['+5544991230003, +5544991230004', '+5544991230003, +5544991230004'],
    ['x'.repeat(256), 'x'.repeat(256)],
  ])('stays as it stands: %j', (written, canonical) => {
    expect(canonicalContact(written)).toBe(canonical);
    expect(contactFromTyped(written)).toBe(canonical);
    expect(isPhoneNumber(canonical)).toBe(false);
  });

  it.each([
    '',
    ' ',
    '+',
    '()',
    '\u200e',
    '😀',
    'null',
    'undefined',
    '0',
    '+55',
    '1234',
    'tel:',
    'x'.repeat(257),
    `+5544991230003${' '.repeat(1_000)}`,
    'Maria\u0000Silva',
    'Maria\nSilva',
    'Maria\u0085Silva',
    'Maria\ud83d',
  ])('is no identity: %j', (written) => {
    expect(canonicalContact(written)).toBeNull();
  });
});
