import { describe, expect, it } from 'vitest';
import { decodePayload, parsePayload, payloadJson } from '../../src/contract/payload.ts';
import { responseText } from '../webhooks.ts';

const BOM = '\ufeff';

function bytes(...values: number[]): ArrayBuffer {
  return new Uint8Array(values).buffer;
}

describe('a payload', () => {
  it.each([responseText, '', BOM, `${BOM}{"a":1}`, ' {"a" : 1.0}\r\n', '"\\ud800"', '"\u{1f600}\u0000"'])(
    'decodes to the text that was encoded: %#',
    (text) => {
      expect(decodePayload(bytes(...new TextEncoder().encode(text)))).toBe(text);
    },
  );

  it.each([
    ['Latin-1', bytes(0x22, 0xe7, 0x22)],
    ['a truncated sequence', bytes(0x22, 0xc3)],
    ['an overlong form', bytes(0xc0, 0xaf)],
    ['an encoded surrogate', bytes(0xed, 0xa0, 0x80)],
    ['UTF-16 with its mark', bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00)],
  ])('is not UTF-8: %s', (_, body) => {
    expect(decodePayload(body)).toBeNull();
  });

  it('is JSON without one byte order mark before it', () => {
    expect(payloadJson(`${BOM}{"a":1}`)).toBe('{"a":1}');
    expect(payloadJson('{"a":1}')).toBe('{"a":1}');
    expect(payloadJson(`{"a":"${BOM}"}`)).toBe(`{"a":"${BOM}"}`);
    expect(parsePayload(`${BOM}{"a":1}`)).toEqual({ a: 1 });
  });

  it.each([
    '',
    BOM,
    `${BOM}${BOM}{}`,
    '{',
    '{"a":1}x',
    '{"a":1,}',
    "{'a':1}",
    'event=1',
    '{"a":NaN}',
    '"\n"',
  ])('does not parse where it is not JSON: %j', (text) => {
    expect(() => parsePayload(text)).toThrow(SyntaxError);
  });
});
