import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contactFromTyped } from '../../src/contract/contact.ts';
import { contactMatcher } from '../../src/contract/contact-search.ts';
import { ASCII_SEPARATORS, OTHER_SEPARATORS } from '../../src/contract/number-separators.ts';
import { SIGNIFICANT_ESCAPES } from '../../src/contract/text-encodings.ts';
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
    '+55\u00ad41\u206698895\u206966\u206174',
    '＋５５（４１）９８８９５－６６７４',
    '+55 0 15 41 98895-6674',
    'whatsapp:+5541988956674',
    '5541988956674:3@s.whatsapp.net',
    String.raw`+55\u00a041\u00A098895\u20116674`,
    String.raw`\u0034\u00318895667\u0034`,
    String.raw`+55\/41\/98895\n6674`,
    'tel41988956674x',
    'ligue 3 41 8895-6674, ramal 2',
    // percent-encoded, as in forms and addresses
    'to=%2B55%2041%208895%2D6674&x=1',
    'to=%2B55+41+98895+6674',
    'fone:+41+98895+6674&x=1=',
    'https://x.example/?text=ligue%20(41)%2098895%E2%80%916674',
    'https://x.example/?u=https%3A%2F%2Fwa.me%2F%253F%252B5541%25C2%25A0988956674',
    'to=%34%31%39%38%38%39%35%36%36%37%34',
    'fone=41%A098895%A06674', // as ISO 8859-1 has it
    // entities of XML and HTML
    '<to>&#43;55&#32;41 98895&#45;6674</to>',
    '<to>&#x2B;55&nbsp;41&nbsp;98895&hyphen;6674</to>',
    '&#52;&#49;&#57;&#56;&#56;&#57;&#53;&#54;&#54;&#55;&#52;',
    '&amp;#43;55 41 98895&amp;nbsp;6674',
    // one in the other
    '{"link":"https://wa.me/?text=%2B55%2041%2098895%2D6674"}',
    String.raw`{"html":"41\u0026nbsp;98895\u0026#45;6674"}`,
    `payload=${encodeURIComponent(JSON.stringify({ text: '41\u00a098895\n6674' }))}`,
    // the area code in a field of its own
    '{"ddd":"41","phone":"988956674"}',
    '{"phone":{"number":"98895-6674","x":[1,{"y":null}]},"address":{"ddd":"041"}}',
    '{"phone":98895667400,"number":88956674,"text":"oi, \\"tudo\\"?","ddi":55,"ddd":41}',
    '[{"ddd":"(41)","fone":"9.8895.6674"}',
    '{"ddd": 41, "name": "João", "broken: {"phone": "988956674"',
    'ddd=41&phone=98895%2D6674',
    '<ddd>+55 41</ddd><nome>Maria</nome><fone>98895-6674</fone>',
    `{"data":${JSON.stringify(JSON.stringify({ ddd: '41', phone: '988956674' }))}}`,
    `x=1&payload=${encodeURIComponent('{"ddd":"41","phone":"988956674"}')}`,
  ])('in %j', (text) => {
    expect(contactMatcher(MARIA).matches(text)).toBe(true);
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
          const isShort = canonical.length <= 10;
          expect(contactMatcher(canonical).matches(`"número: ${written}"`)).toBe(!isShort);
          expect(contactMatcher(canonical).matches(JSON.stringify({ to: written }))).toBe(true);
        },
      ),
    );
  });

  it('in every text that SQL preselects: by its digits without separators, or by an escape that could hide them', async () => {
    const separators = new Set([...ASCII_SEPARATORS, ...OTHER_SEPARATORS]);
    await expectHolds(
      fc.property(phoneForms, fc.nat(), fc.integer(), ({ canonical, international }, which, separation) => {
        const written = separated(international[which % international.length] ?? canonical, separation);
        const stripped = Array.from(written)
          .filter((letter) => !separators.has(letter))
          .join('');
        const { digits } = contactMatcher(canonical);
        expect(stripped).toContain(digits);
        const escaped = JSON.stringify(written).replace(
          /[^ -~]/g,
          (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
        const isTold =
          !escaped.includes('\\u') || SIGNIFICANT_ESCAPES.some((begin) => escaped.includes(begin));
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
    ['another area', '{"ddd":"11","phone":"988956674"}'],
    ['another country', '{"ddi":"+41","phone":"988956674"}'],
    ['the area code within a text', '{"text":"41 vezes","phone":"988956674"}'],
    ['the local part within a text', '{"ddd":"41","text":"pedido 988956674"}'],
    ['a local part that goes on', '{"ddd":"41","phone":"9889566740"}'],
    ['an American one, percent-encoded', 'to=%2B1+418+895+6674'],
    ['an American one in entities', '&#43;1 418 895 6674'],
    ['an American one after an encoded plus', 'tel: %2B1 418 895 6674'],
    ['nothing', ''],
  ])('in %s', (_, text) => {
    expect(contactMatcher(MARIA).matches(text)).toBe(false);
  });

  it('in a longer number that begins with its eight digits', () => {
    expect(contactMatcher('+5541991234567').matches('"to":"5541912345678"')).toBe(false);
    expect(contactMatcher('+5541912345678').matches('"to":"5541912345678"')).toBe(true);
  });

  it('as a foreign one in a Brazilian number with the same digits', () => {
    expect(contactMatcher('+4188956674').matches('+55 41 8895-6674')).toBe(false);
    expect(contactMatcher('+4188956674').matches('554188956674')).toBe(false);
    expect(contactMatcher('+4188956674').matches('+41 88 95 66 74')).toBe(true);
    expect(contactMatcher('+4188956674').matches('0041 88 95 66 74')).toBe(true);
  });

  it('where its country code would be in a field that may be anything', () => {
    const american = contactMatcher('+14188956674');
    expect(american.matches('{"count":1,"phone":"4188956674"}')).toBe(false);
    expect(american.matches('{"country":"+1","phone":"418 895-6674"}')).toBe(true);
    expect(contactMatcher('+447911123456').matches('{"country":44,"phone":"07911 123456"}')).toBe(true);
  });

  it('within little time, whatever the text', () => {
    const number = contactMatcher(MARIA);
    const nested = [
      '{',
      '["',
      '\\"',
      '"\\',
      '%',
      '%25',
      '%7B',
      '&#',
      '&amp;',
      '=',
      '4+',
      '\\u',
      '{"a":"',
      '"41",',
    ];
    for (const hostile of [' ', '4', '41 ', '+5', '+1 1 1 ', '(', '55 ', ...nested]) {
      const begun = performance.now();
      expect(number.matches(hostile.repeat(1_000_000 / hostile.length))).toBe(false);
      expect(performance.now() - begun).toBeLessThan(2_000);
    }
  });

  it('where the typed contact is another one', () => {
    expect(contactFromTyped('(41) 8895-6674')).toBe(MARIA);
  });
});

describe('a short number', () => {
  const SHORT = '+10000';

  it.each([
    '{"to":"10000"}',
    '{"to": "+1 0000"}',
    '{"to":10000}',
    '["x", "0010000"]',
    '{"to":"1\\u00a00000","broken',
    'to=%2B10000&text=oi',
    '<to>10000</to>',
    '10000',
    `{"data":${JSON.stringify('{"to":"10000"}')}}`,
  ])('is found as a field: %s', (text) => {
    expect(contactMatcher(SHORT).matches(text)).toBe(true);
  });

  it.each([
    '{"text":"pedido 10000"}',
    '{"text":"pedido +10000, obrigado"}',
    '{"text":"são 10000"}',
    '{"text":"pedido \\"10000\\""}',
    '{"text":"pedido: 10000"}',
    '{"to":100000}',
    '{"to":10000.5}',
    '{"id":"10000-1"}',
    '{"text": "broken, pedido 10000',
    'text=pedido+10000&to=1',
    '<p>pedido 10000</p>',
  ])('is not found within text: %s', (text) => {
    expect(contactMatcher(SHORT).matches(text)).toBe(false);
  });

  it('has at most nine digits, country code included', () => {
    expect(contactMatcher('+298123456').matches('"ligue +298 123456"')).toBe(false);
    expect(contactMatcher('+3541234567').matches('"ligue +354 1234567"')).toBe(true);
  });
});

describe('a number of Mexico or Argentina', () => {
  it.each([
    ['+525512345678', '5215512345678'],
    ['+525512345678', 'ligue +52 1 55 1234-5678'],
    ['+525512345678', '+52 (01) 55 1234 5678'],
    ['+525512345678', '+52 044 55 1234 5678'],
    ['+525512345678', '525512345678@c.us'],
    ['+541123456789', '5491123456789:2@s.whatsapp.net'],
    ['+541123456789', '+54 9 11 2345-6789'],
    ['+541123456789', '+54 (11) 15-2345-6789'],
    ['+541123456789', '+54 (0) 9 11 2345 6789'],
    ['+542966123456', '+54 2966 15 123456'],
    ['+541123456789', '{"country":"+54","phone":"1123456789"}'],
    ['+541123456789', '{"country":"549","phone":"1123456789"}'],
  ])('is found with what WhatsApp and dialling add: %s in %s', (contact, text) => {
    expect(contactMatcher(contact).matches(text)).toBe(true);
    expect(text.replace(/[\s()-]/g, '')).toContain(contactMatcher(contact).digits);
  });

  it('is not found in another number', () => {
    expect(contactMatcher('+525512345678').matches('+52 1 55 1234 56789')).toBe(false);
    expect(contactMatcher('+525512345678').matches('1 55 1234 5678')).toBe(false);
    expect(contactMatcher('+541123456789').matches('+54 9 11 2345 6780')).toBe(false);
    expect(contactMatcher('+541123456789').matches('+55 9 11 2345 6789')).toBe(false);
  });
});

describe('an identity is found', () => {
  const LOCAL_ID = '178095544332211@lid';

  it.each([
    [LOCAL_ID, '{"number":"178095544332211@lid"}'],
    [LOCAL_ID, '{"from":"178095544332211:3@LID"}'],
    [LOCAL_ID, '{"text":"id 178095544332211@lid, obrigado"}'],
    [LOCAL_ID, '{"id":"false_178095544332211@lid_3EB0"}'],
    [LOCAL_ID, 'to=178095544332211%40lid&x=1'],
    ['BR.4455667788990011', '{"userId":"BR.4455667788990011"}'],
    ['BR.4455667788990011', '{"to":"whatsapp:BR.4455667788990011"}'],
    ['BR.4455667788990011', '{"text":"(BR.4455667788990011)"}'],
    ['BR.4455667788990011', String.raw`{"userId":"BR.445566778899001\u0031"}`],
    ['Maria Silva', '{"number":" Maria Silva "}'],
    ['Maria Silva', 'number=Maria+Silva&x=1'],
    ['João', String.raw`{"number":"Jo\u00e3o"}`],
  ])('as a whole: %s in %s', (contact, text) => {
    expect(contactMatcher(contact).matches(text)).toBe(true);
  });

  it.each([
    [LOCAL_ID, '{"number":"1178095544332211@lid"}'],
    [LOCAL_ID, '{"number":"178095544332211@lidx"}'],
    [LOCAL_ID, '{"number":"178095544332211"}'],
    ['BR.4455667788990011', '{"userId":"BR.44556677889900112"}'],
    ['BR.4455667788990011', '{"userId":"xBR.4455667788990011"}'],
    ['Maria', '{"text":"Oi, Maria"}'],
    ['Maria', '{"name":"Maria Silva"}'],
  ])('but not within another one: %s in %s', (contact, text) => {
    expect(contactMatcher(contact).matches(text)).toBe(false);
  });

  it('and redacted', () => {
    expect(contactMatcher(LOCAL_ID).redact('shop/false_178095544332211@lid_3EB0', '***')).toBe(
      'shop/false_***_3EB0',
    );
    expect(contactMatcher('Maria').redact('Maria', '***')).toBe('***');
    expect(contactMatcher('Maria').redact('shop/Maria-1', '***')).toBe('shop/Maria-1');
  });
});

describe('a number is redacted', () => {
  it.each([
    ['shop/false_5541988956674@c.us_3EB0:e1:response', 'shop/false_***@c.us_3EB0:e1:response'],
    ['41 8895-6674 e (41) 98895-6674', '*** e (***'],
    ['id%2041%2098895%2D6674', '***'],
    ['shop/another', 'shop/another'],
  ])('in %s, which leaves %s', (text, blotted) => {
    const number = contactMatcher(MARIA);
    expect(number.redact(text, '***')).toBe(blotted);
    expect(number.matches(number.redact(text, '***'))).toBe(false);
  });
});
