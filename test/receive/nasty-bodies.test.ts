// Bodies that are known to break receivers, each by name.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  allForwarded,
  type Body,
  type Fields,
  forwardedEvents,
  onlyOne,
  responseBody,
  responseText,
  seen,
  statusBody,
} from '../webhooks.ts';
import { NASTY_KEYS } from './any-json.ts';
import { type AnyBody, bytesOf } from './bodies.ts';
import { deliverAll, expectKept, openIntegration, payloadOf } from './expect-stored.ts';

const MAX_BODY_BYTES = 1_048_576;
/** https://developers.cloudflare.com/d1/platform/limits/ and https://developers.cloudflare.com/queues/platform/limits/ */
const MAX_BOUND_BYTES = 2_000_000;
const MAX_MESSAGE_BYTES = 128_000;
const BYTE_ORDER_MARK = '\ufeff';

let slug: string;
beforeEach(async () => {
  slug = await openIntegration();
});
afterEach(async () => {
  await allForwarded();
  const { statements, batches } = await seen();
  const boundBytes = statements.flatMap((statement) => statement.boundBytes);
  expect(Math.max(...boundBytes)).toBeLessThanOrEqual(MAX_BOUND_BYTES);
  for (const { bytes } of batches.flat()) expect(bytes).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
});

/** The documented response with a member more, of this JSON text. */
function having(json: string, key = 'extra'): string {
  return `${responseText.slice(0, responseText.lastIndexOf('}'))},"${key}":${json}}`;
}

/** The documented response with a customer who wrote this, escaped already. */
function saying(escaped: string): string {
  return responseText.replace('Mensagem de teste', () => escaped);
}

/** A body with as many repetitions of `unit` as 1 MiB takes. */
function filled(make: (filling: string) => string, unit: string): string {
  const freeBytes = MAX_BODY_BYTES - bytesOf(make('')).byteLength;
  return make(unit.repeat(Math.floor(freeBytes / bytesOf(unit).byteLength)));
}

function nested(open: string, close: string, levels: number): string {
  return `${open.repeat(levels)}null${close.repeat(levels)}`;
}

const NESTINGS: [name: string, json: string][] = [
  ['10,000 levels of arrays', nested('[', ']', 10_000)],
  ['10,000 levels of objects', nested('{"a":', '}', 10_000)],
  ['10,000 levels of either in turn', nested('[{"a":', '}]', 5_000)],
  ['10,000 levels of __proto__', nested('{"__proto__":', '}', 10_000)],
  ['500,000 levels of arrays', nested('[', ']', 500_000)],
];

/** UTF-16, which some programs take for Unicode as such. */
function utf16(text: string, isLittleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let at = 0; at < text.length; at++) view.setUint16(at * 2, text.charCodeAt(at), isLittleEndian);
  return new Uint8Array(view.buffer);
}

/** The documented response with these bytes in the customer's text. */
function sayingBytes(...bytes: number[]): Uint8Array {
  const [before = '', after = ''] = responseText.split('Mensagem de teste');
  return Uint8Array.from([...bytesOf(before), ...bytes, ...bytesOf(after)]);
}

describe('a valid body', () => {
  it.each<[name: string, text: string]>([
    ...NESTINGS.map(([name, json]): [string, string] => [name, having(json)]),
    ['a text that fills 1 MiB', filled(saying, 'x')],
    ['a text of letters of three bytes that fills 1 MiB', filled(saying, '한')],
    ['a text of escaped NULs that fills 1 MiB', filled(saying, '\\u0000')],
    ['a text of escaped quotes that fills 1 MiB', filled(saying, '\\"')],
    ['a text of escaped lone surrogates that fills 1 MiB', filled(saying, '\\udc00')],
    ['white space that fills 1 MiB', filled((space) => `${space}${responseText}`, '\t')],
    ['an escaped NUL', saying('a\\u0000b')],
    ['halves of a pair, escaped, alone and in the wrong order', saying('\\ud800 \\udfff \\udc00\\ud83d')],
    ['a pair of which one half is escaped in capitals', saying('\\uD83D\\ude00')],
    ['letters that are no characters', saying('\uffff\ufffe\u{10ffff}\ufdd0')],
    ['DEL and C1 control characters, raw', saying('\u007f\u0080\u009f')],
    ['a byte order mark', `${BYTE_ORDER_MARK}${responseText}`],
    ['a byte order mark within', saying(BYTE_ORDER_MARK)],
    ['1e400', having('1e400')],
    ['a number of 1000 digits', having('9'.repeat(1_000))],
    ['a fraction of 1000 digits', having(`-0.${'3'.repeat(1_000)}e-1000`)],
    ['digits that fill 1 MiB', filled((digits) => having(`1${digits}`), '0')],
    ['100,000 keys', having(`{${Array.from({ length: 100_000 }, (_, index) => `"${index}":0`)}}`)],
    ['100,000 times the same key', having(`{${Array.from({ length: 100_000 }, () => '"a":0')}}`)],
    ['100,000 items', having(`[${'0,'.repeat(100_000)}0]`)],
    ['a key of 500 KB', having('null', 'k'.repeat(500_000))],
    ['an empty key', having('null', '')],
    ['every member twice', responseText.replace('{', () => `${responseText.slice(0, -1)},`)],
  ])('is stored, given back as it came and forwarded with %s', async (_, text) => {
    const deliveries = await deliverAll(slug, [text]);
    expect(deliveries).toMatchObject([{ status: 200, answer: { outcome: 'stored' } }]);
    await expectKept(slug, deliveries);
    const { id = '' } = onlyOne(deliveries).answer;
    expect((await payloadOf(slug, id)).toHex() === bytesOf(text).toHex()).toBe(true); // too much to print
    await allForwarded();
    const [event] = await forwardedEvents();
    expect(event).toMatchObject({ id });
    expect(event).toHaveProperty(event?.data === undefined ? 'dataref' : 'data');
  });
});

describe('an invalid body', () => {
  it.each<[name: string, status: number, body: AnyBody]>([
    ['nothing', 400, ''],
    ['a NUL', 400, '\0'],
    ['a body with a NUL behind it', 400, `${responseText}\0`],
    ['a text with a raw NUL', 400, saying('\0')],
    ['a text with a raw line end', 400, saying('\n')],
    ['a text with a cut escape', 400, saying('\\u00')],
    ['two byte order marks', 400, `${BYTE_ORDER_MARK}${BYTE_ORDER_MARK}${responseText}`],
    ['1 MiB of [', 400, '['.repeat(MAX_BODY_BYTES)],
    ['1 MiB of {"a":', 400, filled((levels) => levels, '{"a":')],
    ['1 MiB of quotes', 400, '"'.repeat(MAX_BODY_BYTES)],
    ['1 MiB of zeros', 400, '0'.repeat(MAX_BODY_BYTES)],
    ['1 MiB of NULs', 400, '\0'.repeat(MAX_BODY_BYTES)],
    ['1 MiB of digits', 422, '1'.repeat(MAX_BODY_BYTES)],
    ['1 MiB of a text', 422, filled((text) => `"${text}"`, 'x')],
    ['1 MiB of no UTF-8', 400, new Uint8Array(MAX_BODY_BYTES).fill(0xff)],
    ['a raw half of a pair', 400, sayingBytes(0xed, 0xa0, 0x80)],
    ['a raw pair in CESU-8', 400, sayingBytes(0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)],
    ['an overlong NUL', 400, sayingBytes(0xc0, 0x80)],
    ['an overlong slash', 400, sayingBytes(0xe0, 0x80, 0xaf)],
    ['a code point past the last', 400, sayingBytes(0xf4, 0x90, 0x80, 0x80)],
    ['UTF-16, little-endian', 400, utf16(`${BYTE_ORDER_MARK}${responseText}`, true)],
    ['UTF-16, big-endian', 400, utf16(`${BYTE_ORDER_MARK}${responseText}`, false)],
    ['UTF-16 without a mark', 400, utf16(JSON.stringify({ event: 1 }), true)],
    ...NESTINGS.map(([name, json]): [string, number, string] => [name, 422, json]),
    ['100,000 items', 422, `[${'{},'.repeat(100_000)}0]`],
    ['an identifier with an escaped NUL', 422, responseText.replace('i3i4321d', 'i3\\u0000')],
    ['an identifier with an escaped half of a pair', 422, responseText.replace('i3i4321d', '\\udc00')],
    ['a valid body as a prototype', 422, `{"__proto__":${responseText}}`],
    [
      'a valid event as a prototype',
      422,
      responseText.replace(/"event": ({[^}]*})/, '"event":{"__proto__":$1}'),
    ],
  ])('is refused and kept: %s is answered %i', async (_, status, body) => {
    const deliveries = await deliverAll(slug, [body]);
    expect(deliveries).toMatchObject([{ status }]);
    await expectKept(slug, deliveries);
  });
});

describe.each(NASTY_KEYS)('the name %s', (name) => {
  const LEVELS: Record<string, (body: Body) => Fields> = {
    body: (body) => body,
    event: (body) => body.event,
    clientData: (body) => body.clientData,
    message: (body) => body.message,
    mediaData: (body) => body.message.mediaData as Fields,
    location: (body) => {
      const location = {};
      body.message.location = location;
      return location;
    },
    unknown: (body) => {
      const unknown = {};
      body.unknown = unknown;
      return unknown;
    },
  };
  const VALUES: unknown[] = [
    ...[null, true, 1, 'text', [], {}, { toString: null, valueOf: null }],
    { type: 'status', status: 'sent', messageId: 'x', number: '+15550100', timeLastMessage: 'never' },
    { latitude: [], link: [], updatedAt: 'never', appId: [] },
  ];

  it('as a key, at any level and with any value, is a field like others', async () => {
    const bodies = Object.entries(LEVELS).flatMap(([level, objectIn]) =>
      VALUES.map((value, index) =>
        responseBody((body) => {
          body.event.messageId = `${level} ${index}`;
          Object.defineProperty(objectIn(body), name, { value, enumerable: true });
        }),
      ),
    );
    const deliveries = await deliverAll(
      slug,
      bodies.map((body) => JSON.stringify(body)),
    );
    for (const { answer } of deliveries) expect(answer).toMatchObject({ outcome: 'stored' });
    await expectKept(slug, deliveries);
    await allForwarded();
    const data = (await forwardedEvents()).map((event) => JSON.stringify(event.data));
    expect(new Set(data)).toEqual(new Set(bodies.map((body) => JSON.stringify(body))));
  });

  it('as a value is a text like others', async () => {
    const breaking = [
      responseBody((body) => (body.event.type = name)),
      statusBody((body) => (body.event.type = name)),
    ];
    const valid = [
      responseBody((body) => {
        body.event.messageId = 'e2';
        body.clientData.timeLastMessage = name;
        body.clientData.number = name;
      }),
      responseBody((body) => (body.event.messageId = name)),
      responseBody((body) => (body.message.messageId = name)),
      responseBody((body) => (body.event.messageId = body.message.messageId = body.message.appId = name)),
    ];
    const deliveries = await deliverAll(
      slug,
      [...breaking, ...valid].map((body) => JSON.stringify(body)),
    );
    expect(deliveries.map(({ status }) => status)).toEqual([
      ...breaking.map(() => 422),
      ...valid.map(() => 200),
    ]);
    await expectKept(slug, deliveries);
  });
});
