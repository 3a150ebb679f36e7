import { describe, expect, it } from 'vitest';
import { ODDITY_PATHS } from '../../src/contract/documented-fields.ts';
import { type ContractProblem, problemAt } from '../../src/contract/problems.ts';
import type { Webhook } from '../../src/contract/webhook.ts';
import { parseWebhook, STATUSES } from '../../src/contract/webhook.ts';
import { type Body, type Fields, responseBody, statusBody, valueAt } from '../webhooks.ts';

const MISSING = Symbol('missing');
/** Stands in wrong values; no problem may quote it. */
const MARK = 'Maria-5544999999999';

/** `body` with what is at `path` replaced, or taken out. */
function changed<Changed extends Fields>(body: Changed, path: string, value: unknown): Changed {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const holder = keys.reduce((object, key) => object[key] as Fields, body as Fields);
  if (value === MISSING) delete holder[last];
  else holder[last] = value;
  return body;
}

/** The documented bodies with every field that the documentation's other pages tell of. */
function fullResponse(): Body {
  return responseBody(addUndocumented);
}
function fullStatus(): Body {
  return statusBody(addUndocumented);
}
function addUndocumented({ message }: Body): void {
  (message.mediaData as Fields).id = 'media-1';
  message.location = { address: 'Rua 1', latitude: -25.4, longitude: -49.2, name: 'Loja' };
  message.failCode = 470;
  message.failMessage = 'outside the window';
}

/** Shortly after all that the fixtures tell of. */
const ARRIVED_AT_MS = Date.UTC(2026, 10, 27, 12);

function problemsOf(body: unknown): ContractProblem[] {
  const parsed = parseWebhook(body, ARRIVED_AT_MS);
  return parsed.ok ? [] : parsed.problems;
}

/** The webhook and what is odd about it, each as `path code`. */
function checked(body: unknown): { webhook: Webhook; oddities: string[] } {
  const parsed = parseWebhook(body, ARRIVED_AT_MS);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return { webhook: parsed.webhook, oddities: parsed.oddities.map(({ path, code }) => `${path} ${code}`) };
}

function pathsOf(body: unknown): string[] {
  return problemsOf(body).map(({ path }) => path);
}

const IDENTIFYING = ['event.messageId', 'message.messageId'];

const OPTIONAL_OF_MESSAGE = [
  'contextId',
  'interactionsId',
  'mediaType',
  'message',
  'mediaData',
  'mediaData.link',
  'mediaData.id',
  'mediaData.caption',
  'mediaData.filename',
  'location',
  'location.address',
  'location.latitude',
  'location.longitude',
  'location.name',
  'status',
  'failCode',
  'failMessage',
  'createdAt',
  'updatedAt',
].map((field) => `message.${field}`);
const OPTIONAL_OF_RESPONSE = [...OPTIONAL_OF_MESSAGE, 'clientData.name', 'clientData.timeLastMessage'];

/** Documented without exception, and yet nothing that an event is known by. */
const EXPECTED_OF_MESSAGE = ['message.to', 'message.from', 'message.appId'];
const EXPECTED_OF_RESPONSE = [...EXPECTED_OF_MESSAGE, 'clientData', 'clientData.number'];

describe('there is nothing odd about', () => {
  it.each([
    ['the documented response', responseBody()],
    ['the documented status', statusBody()],
    ['a response with every field', fullResponse()],
    ['a status with every field', fullStatus()],
  ])('%s, and it stays as it is', (_, body) => {
    const { webhook, oddities } = checked(body);
    expect(oddities).toEqual([]);
    expect(webhook).toBe(body);
  });

  it.each(STATUSES)('the status %s', (status) => {
    expect(checked(changed(statusBody(), 'event.status', status)).oddities).toEqual([]);
  });

  it.each(OPTIONAL_OF_RESPONSE)('a response without %s, or with null', (path) => {
    expect(checked(changed(fullResponse(), path, MISSING)).oddities).toEqual([]);
    expect(checked(changed(fullResponse(), path, null)).oddities).toEqual([]);
  });

  it.each([...OPTIONAL_OF_MESSAGE, 'clientData'])('a status without %s, or with null', (path) => {
    expect(checked(changed(fullStatus(), path, MISSING)).oddities).toEqual([]);
    expect(checked(changed(fullStatus(), path, null)).oddities).toEqual([]);
  });

  it.each([
    [
      'the text "null" in mediaData',
      { mediaData: { link: 'null', id: 'null', caption: 'null', filename: 'null' } },
    ],
    ['a link that is no URL', { mediaData: { link: 'not a url' } }],
    ['an unknown mediaType', { mediaType: 'sticker' }],
    ['free text as contextId', { contextId: 'atendente-123 / João' }],
    ['coordinates as text', { location: { latitude: '-25.4', longitude: '-49.2' } }],
    ['failCode as text', { failCode: '470' }],
    ['a storage state of any word', { status: 'anything' }],
    ['numbers without +', { to: '5544999027914', from: '554188956674' }],
    ['a sender that is a name', { from: 'BOTICARIO' }],
    ['an empty text', { message: '', failMessage: '' }],
  ])('%s', (_, fields) => {
    for (const body of [responseBody(), statusBody()]) {
      Object.assign(body.message, fields);
      expect(checked(body).oddities).toEqual([]);
    }
  });

  it('unknown fields, which are kept', () => {
    const unknown = { any: ['thing', { at: 'all' }], n: null };
    const body = responseBody((changing) => {
      for (const holder of [changing, changing.event, changing.clientData, changing.message]) {
        holder.unknown = unknown;
      }
      (changing.message.mediaData as Fields).unknown = unknown;
      changing.message.location = { unknown };
    });
    expect(checked(body)).toEqual({ webhook: body, oddities: [] });
  });

  it.each([
    'x',
    'x'.repeat(256),
    'a:b',
    '100%',
    '%3A',
    'a b/c?d#e',
    'çã',
    '\u{1f600}',
    '"\\',
    '__proto__',
    '..',
  ])('the identifier %j', (text) => {
    const body = fullResponse();
    for (const path of IDENTIFIERS) changed(body, path, text);
    expect(checked(body).oddities).toEqual([]);
  });

  it.each([
    ['2026-11-27T09:00:00.000-0300', '2026-11-27T12:00:00.000Z'],
    ['2026-11-27T09:00:00-03:00', '2026-11-27T09:00:00-03:00'],
    ['Fri, 27 Nov 2026 12:00:00 +0000', '2026-11-27T12:00:00.000Z'],
    [1_764_244_800_123, '2025-11-27T12:00:00.123Z'],
    ['1764244800', '2025-11-27T12:00:00.000Z'],
  ])('a time written %j, which is given as RFC 3339', (written, given) => {
    for (const path of TIMES) {
      const { webhook, oddities } = checked(changed(fullResponse(), path, written));
      expect(oddities).toEqual([]);
      expect(valueAt(webhook, path)).toBe(given);
    }
  });

  it('types and statuses in any case, which are given in lower case', () => {
    for (const type of ['RESPONSE', 'Response', 'response']) {
      const body = changed(responseBody(), 'event.type', type);
      const { webhook, oddities } = checked(body);
      expect([webhook.event.type, body.event.type, oddities]).toEqual(['response', type, []]);
    }
    for (const status of ['READ', 'Read', 'read']) {
      const body = statusBody((changing) => {
        changing.event.status = status;
        changing.event.type = 'Status';
      });
      const { webhook, oddities } = checked(body);
      expect(webhook.event).toEqual({ ...body.event, type: 'status', status: 'read' });
      expect([body.event.status, oddities]).toEqual([status, []]);
    }
  });
});

const IDENTIFIERS = [...IDENTIFYING, 'message.appId', 'message.contextId', 'message.interactionsId'];
const TIMES = ['clientData.timeLastMessage', 'message.createdAt', 'message.updatedAt'];
const LABELS = [
  ...['message.contextId', 'message.interactionsId', 'message.appId', 'message.to', 'message.from'],
  'clientData.number',
];
const OBJECTS = ['clientData', 'message.mediaData', 'message.location'];
const TEXTS = [
  'clientData.name',
  ...['mediaType', 'message', 'status', 'failMessage'].map((field) => `message.${field}`),
  ...['link', 'id', 'caption', 'filename'].map((field) => `message.mediaData.${field}`),
  ...['address', 'name'].map((field) => `message.location.${field}`),
];
const NUMBERS_OR_TEXTS = ['message.failCode', 'message.location.latitude', 'message.location.longitude'];

describe('a webhook is an event, and its oddity is noted:', () => {
  /** Expects the field to be noted, absent from the checked webhook, and to stay in the body. */
  function expectOdd(path: string, value: unknown, code: string, fixture = fullResponse): void {
    const body = changed(fixture(), path, value);
    const before = JSON.stringify(body);
    const { webhook, oddities } = checked(body);
    expect(oddities, String(value)).toEqual([`${path} ${code}`]);
    expect(valueAt(webhook, path) ?? null).toBeNull();
    expect(JSON.stringify(body)).toBe(before);
    const rest = structuredClone(fixture());
    expect(changed({ ...structuredClone(webhook) }, path, MISSING)).toEqual(changed(rest, path, MISSING));
  }

  it.each([
    ...EXPECTED_OF_RESPONSE.map((path) => [path, 'a response', fullResponse] as const),
    ...EXPECTED_OF_MESSAGE.map((path) => [path, 'a status', fullStatus] as const),
  ])('no %s in %s, or null', (path, _, fixture) => {
    expectOdd(path, MISSING, 'missing', fixture);
    expectOdd(path, null, 'missing', fixture);
  });

  it.each(LABELS)('a %s that is empty, too long, or no text', (path) => {
    expectOdd(path, '', 'empty');
    expectOdd(path, 'x'.repeat(257), 'too-long');
    for (const value of [5_544_999, true, [MARK], { [MARK]: MARK }]) expectOdd(path, value, 'wrong-type');
  });

  it('an appId with control characters or lone surrogates', () => {
    for (const text of ['a\u0000b', 'a\nb', '\u007f', '\ud800', 'a\udc00b', '\udc00\ud800']) {
      expectOdd('message.appId', text, 'unfaithful');
    }
  });

  it.each(TIMES)('a %s that is no timestamp', (path) => {
    for (const [value, code] of [
      ['2020-06-18T17:07:51.271', 'no-zone'],
      ['18/06/2020 17:07', 'not-a-time'],
      ['2020-02-30T00:00:00Z', 'not-a-time'],
      ['', 'empty'],
      ['null', 'not-a-time'],
      ['0001-01-01T00:00:00Z', 'impossible-time'],
      ['9999-12-31T23:59:59Z', 'impossible-time'],
      ['2026-12-27T12:00:00.000Z', 'impossible-time'],
      [true, 'wrong-type'],
    ] as const) {
      expectOdd(path, value, code);
    }
  });

  it.each(OBJECTS)('a %s that is no object', (path) => {
    expectOdd(path, '', 'empty');
    for (const value of [MARK, 7, true, [MARK], []]) expectOdd(path, value, 'wrong-type');
  });

  it.each(TEXTS)('a %s that is no text', (path) => {
    for (const value of [1, true, [MARK], { type: 'button_reply', title: MARK }]) {
      expectOdd(path, value, 'wrong-type');
    }
  });

  it.each(NUMBERS_OR_TEXTS)('a %s that is neither number nor text', (path) => {
    for (const value of [true, [MARK], { [MARK]: MARK }]) expectOdd(path, value, 'wrong-type');
  });

  it('client data that come with a status', () => {
    const body = statusBody((changing) => {
      changing.clientData = { number: 7, name: 7, timeLastMessage: MARK };
    });
    expect(checked(body).oddities).toEqual([
      'clientData.number wrong-type',
      'clientData.name wrong-type',
      'clientData.timeLastMessage not-a-time',
    ]);
  });

  it.each(['deleted', 'PLAYED', 'queued', 'em trânsito', 'not_sent', 'x'.repeat(64)])(
    'the status %j, which is not known',
    (word) => {
      const { webhook, oddities } = checked(changed(statusBody(), 'event.status', word));
      expect(webhook.event.status).toBe(word.toLowerCase());
      expect(oddities).toEqual(['event.status unknown-status']);
    },
  );

  it('several oddities at once, each at a documented path', () => {
    const body = statusBody((changing) => {
      changing.event.status = 'deleted';
      changing.message.to = '';
      delete changing.message.appId;
      changing.message.createdAt = MARK;
      (changing.message.mediaData as Fields).link = 7;
    });
    const { oddities } = checked(body);
    expect(oddities.toSorted((a, b) => a.localeCompare(b))).toEqual([
      'event.status unknown-status',
      'message.appId missing',
      'message.createdAt not-a-time',
      'message.mediaData.link wrong-type',
      'message.to empty',
    ]);
    for (const oddity of oddities) expect(ODDITY_PATHS).toContain(oddity.split(' ')[0]);
  });
});

describe('a body breaks the contract', () => {
  it.each(IDENTIFYING)('without %s, or with what is no identifier', (path) => {
    for (const fixture of [fullResponse, fullStatus]) {
      const problemsWith = (value: unknown) => problemsOf(changed(fixture(), path, value));
      expect(problemsWith(MISSING)).toEqual([problemAt(path, 'required')]);
      expect(problemsWith('')).toEqual([problemAt(path, 'empty')]);
      expect(problemsWith('x'.repeat(257))).toEqual([problemAt(path, 'too-long', { max: 256 })]);
      for (const text of ['a\u0000b', 'a\nb', '\u007f', '\ud800', 'a\udc00b', '\udc00\ud800']) {
        expect(problemsWith(text)).toEqual([problemAt(path, 'unfaithful')]);
      }
      for (const [value, received] of [
        [null, 'null'],
        [5_544_999, 'number'],
        [true, 'boolean'],
        [[MARK], 'array'],
        [{ [MARK]: MARK }, 'object'],
      ] as const) {
        expect(problemsWith(value)).toEqual([
          problemAt(path, 'wrong-type', { expected: 'string', received }),
        ]);
      }
    }
  });

  it.each([
    ['event', 'a response', fullResponse],
    ['message', 'a response', fullResponse],
    ['event', 'a status', fullStatus],
    ['message', 'a status', fullStatus],
  ])('without %s of %s, or with what is no object', (path, _, fixture) => {
    for (const value of [MISSING, null, MARK, 7, true, [MARK]]) {
      expect(pathsOf(changed(fixture(), path, value))).toContain(path);
    }
  });

  it.each([
    [MISSING],
    [null],
    ['reply'],
    [' response'],
    [''],
    [7],
    [['response']],
    [{ response: 1 }],
    ['__proto__'],
    ['constructor'],
  ])('with the event type %o', (type) => {
    expect(problemsOf(changed(responseBody(), 'event.type', type))).toEqual([
      problemAt('event.type', 'not-one-of', { values: ['response', 'status'] }),
    ]);
  });

  it.each([
    ['sent | delivered | read'],
    [''],
    [' read'],
    ['read:1'],
    ['a\nb'],
    ['<b>'],
    ['x'.repeat(65)],
    ['\u0130'.repeat(40)],
  ])('with the status %o', (status) => {
    expect(problemsOf(changed(statusBody(), 'event.status', status))).toEqual([
      problemAt('event.status', 'not-a-status', { known: ['sent', 'delivered', 'read', 'failed'] }),
    ]);
  });

  it.each([[1], [['read']], [null], [MISSING]])('with a status that is no text: %o', (status) => {
    expect(pathsOf(changed(statusBody(), 'event.status', status))).toEqual(['event.status']);
  });

  it('with a status of control characters or lone surrogates', () => {
    expect(pathsOf(changed(statusBody(), 'event.status', '\ud800'))).toEqual(['event.status']);
  });

  it.each([[null], [7], ['text'], [true], [[responseBody()]], [[]], [{}]])(
    'is no webhook at all: %o',
    (body) => {
      expect(problemsOf(body).length).toBeGreaterThan(0);
    },
  );

  it('where only a `__proto__` key has what is missing', () => {
    const inherited = JSON.parse(`{ "__proto__": ${JSON.stringify(responseBody())} }`);
    expect(pathsOf(inherited)).toEqual(['event', 'message']);
    const harmless = JSON.parse(
      JSON.stringify(responseBody()).replaceAll('{', '{"__proto__":{"messageId":7,"type":7,"appId":7},'),
    );
    expect(checked(harmless).oddities).toEqual([]);
  });

  it('in several places, and every problem is named', () => {
    const body = statusBody((changing) => {
      changing.event.messageId = '';
      changing.event.status = 'sent | delivered | read';
      changing.message.messageId = 7;
      changing.message.createdAt = MARK;
    });
    expect(pathsOf(body)).toEqual(['event.messageId', 'event.status', 'message.messageId']);
    expect(pathsOf({ event: {}, message: {} })).toEqual([
      'event.messageId',
      'event.type',
      'message.messageId',
    ]);
  });

  it('without any value of it being quoted', () => {
    for (const path of [...ODDITY_PATHS, ...IDENTIFYING, 'event.type', 'event', 'message']) {
      for (const value of [`${MARK}\u0000`, MARK.repeat(20), [MARK], { [MARK]: MARK }, 5_544_999_999_999]) {
        const body = changed(path === 'event.status' ? fullStatus() : fullResponse(), path, value);
        const parsed = parseWebhook(body, ARRIVED_AT_MS);
        const told = JSON.stringify(parsed.ok ? parsed.oddities : parsed.problems);
        expect(told).not.toMatch(/maria|5544999/i);
      }
    }
  });
});
