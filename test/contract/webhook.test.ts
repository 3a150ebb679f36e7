import { describe, expect, it } from 'vitest';
import { type ContractProblem, parseWebhook, STATUSES } from '../../src/contract/webhook.ts';
import { type Body, responseBody, statusBody } from '../webhooks.ts';

const MISSING = Symbol('missing');
/** Stands in wrong values; no problem may quote it. */
const MARK = 'Maria-5544999999999';

/** `body` with what is at `path` replaced, or taken out. */
function changed(body: Body, path: string, value: unknown): Body {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const holder = keys.reduce((object, key) => object[key], body);
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
  message.mediaData.id = 'media-1';
  message.location = { address: 'Rua 1', latitude: -25.4, longitude: -49.2, name: 'Loja' };
  message.failCode = 470;
  message.failMessage = 'outside the window';
}

function problemsOf(body: unknown): ContractProblem[] {
  const parsed = parseWebhook(body);
  return parsed.ok ? [] : parsed.problems;
}

function pathsOf(body: unknown): string[] {
  return problemsOf(body).map(({ path }) => path);
}

const REQUIRED = ['event.messageId', 'message.messageId', 'message.to', 'message.from', 'message.appId'];
const REQUIRED_OF_RESPONSE = [...REQUIRED, 'clientData.number'];
const REQUIRED_OF_STATUS = [...REQUIRED, 'event.status'];

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

describe('within the contract', () => {
  it.each([
    ['the documented response', responseBody()],
    ['the documented status', statusBody()],
    ['a response with every field', fullResponse()],
    ['a status with every field', fullStatus()],
  ])('is %s', (_, body) => {
    expect(problemsOf(body)).toEqual([]);
  });

  it.each(STATUSES)('is the status %s', (status) => {
    expect(problemsOf(changed(statusBody(), 'event.status', status))).toEqual([]);
  });

  it.each(OPTIONAL_OF_RESPONSE)('is a response without %s, or with null', (path) => {
    expect(problemsOf(changed(fullResponse(), path, MISSING))).toEqual([]);
    expect(problemsOf(changed(fullResponse(), path, null))).toEqual([]);
  });

  it.each([...OPTIONAL_OF_MESSAGE, 'clientData'])('is a status without %s, or with null', (path) => {
    expect(problemsOf(changed(fullStatus(), path, MISSING))).toEqual([]);
    expect(problemsOf(changed(fullStatus(), path, null))).toEqual([]);
  });

  it('is a body of nothing but what is required', () => {
    const ids = { messageId: 'm', to: '+5544999027914', from: '+554188956674', appId: 'a' };
    const event = { messageId: 'e' };
    expect(
      problemsOf({
        event: { ...event, type: 'response' },
        clientData: { number: '5544999999999' },
        message: ids,
      }),
    ).toEqual([]);
    expect(problemsOf({ event: { ...event, type: 'status', status: 'read' }, message: ids })).toEqual([]);
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
    ['an empty text', { message: '', failMessage: '' }],
  ])('is %s', (_, fields) => {
    for (const body of [responseBody(), statusBody()]) {
      Object.assign(body.message, fields);
      expect(problemsOf(body)).toEqual([]);
    }
  });

  it('is what has unknown fields, which are kept', () => {
    const unknown = { any: ['thing', { at: 'all' }], n: null };
    const body = responseBody((changing) => {
      for (const holder of [changing, changing.event, changing.clientData, changing.message]) {
        holder.unknown = unknown;
      }
      changing.message.mediaData.unknown = unknown;
      changing.message.location = { unknown };
    });
    const parsed = parseWebhook(body);
    expect(parsed).toEqual({ ok: true, webhook: body });
  });

  it.each([
    '2020-06-18T17:07:51.271Z',
    '2020-06-18T17:07:51Z',
    '2020-06-18T14:07:51-03:00',
    '2020-06-18T17:07:51.271+00:00',
    '2020-02-29T23:59:59.123456Z',
  ])('is the timestamp %s', (text) => {
    const body = fullResponse();
    for (const path of ['clientData.timeLastMessage', 'message.createdAt', 'message.updatedAt']) {
      changed(body, path, text);
    }
    expect(problemsOf(body)).toEqual([]);
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
  ])('is the identifier %j', (text) => {
    const body = fullResponse();
    for (const path of IDENTIFIERS) changed(body, path, text);
    expect(problemsOf(body)).toEqual([]);
  });
});

const IDENTIFIERS = [
  'event.messageId',
  'message.messageId',
  'message.appId',
  'message.contextId',
  'message.interactionsId',
];
/** Stored within the payload only: any text will do. */
const LABELS = ['message.contextId', 'message.interactionsId'];
const TIMESTAMPS = ['clientData.timeLastMessage', 'message.createdAt', 'message.updatedAt'];
const PHONE_NUMBERS = ['clientData.number', 'message.to', 'message.from'];

describe('breaks the contract', () => {
  it.each([
    ...REQUIRED_OF_RESPONSE.map((path) => [path, 'a response', fullResponse] as const),
    ...REQUIRED_OF_STATUS.map((path) => [path, 'a status', fullStatus] as const),
  ])('without %s of %s, or with null', (path, _, fixture) => {
    expect(pathsOf(changed(fixture(), path, MISSING))).toEqual([path]);
    expect(pathsOf(changed(fixture(), path, null))).toEqual([path]);
  });

  it('says of what is missing that it is required', () => {
    for (const path of REQUIRED_OF_RESPONSE) {
      expect(problemsOf(changed(responseBody(), path, MISSING))).toEqual([{ path, message: 'is required' }]);
    }
  });

  it.each([
    ['event', 'a response', fullResponse],
    ['message', 'a response', fullResponse],
    ['clientData', 'a response', fullResponse],
    ['event', 'a status', fullStatus],
    ['message', 'a status', fullStatus],
  ])('without %s of %s', (path, _, fixture) => {
    for (const value of [MISSING, null]) expect(pathsOf(changed(fixture(), path, value))).toContain(path);
  });

  it.each([
    [MISSING],
    [null],
    ['RESPONSE'],
    ['reply'],
    [''],
    [7],
    [['response']],
    [{ response: 1 }],
    ['__proto__'],
    ['constructor'],
  ])('with the event type %o', (type) => {
    expect(problemsOf(changed(responseBody(), 'event.type', type))).toEqual([
      { path: 'event.type', message: 'must be one of response, status' },
    ]);
  });

  it('names what else is wrong with a body of unknown type', () => {
    const body = changed(responseBody(), 'event.type', 'reply');
    body.message.to = MARK;
    expect(pathsOf(body)).toEqual(['event.type', 'message.to']);
  });

  it.each([['sent | delivered | read'], ['DELIVERED'], ['queued'], [''], [1], [['read']], [null], [MISSING]])(
    'with the status %o',
    (status) => {
      expect(problemsOf(changed(statusBody(), 'event.status', status))).toEqual([
        { path: 'event.status', message: 'must be one of sent, delivered, read, failed' },
      ]);
    },
  );

  it.each(IDENTIFIERS)('with a %s that is empty, too long or cannot be carried faithfully', (path) => {
    const messageOf = (value: string) => problemsOf(changed(fullResponse(), path, value));
    expect(messageOf('')).toEqual([{ path, message: 'must not be empty' }]);
    expect(messageOf('x'.repeat(257))).toEqual([{ path, message: 'must have at most 256 characters' }]);
    if (LABELS.includes(path)) return;
    for (const text of ['a\u0000b', 'a\nb', '\u007f', '\ud800', 'a\udc00b', '\udc00\ud800']) {
      expect(messageOf(text)).toEqual([
        { path, message: 'must not contain control characters or lone surrogates' },
      ]);
    }
  });

  it.each(TIMESTAMPS)('with a %s that is no ISO 8601 with Z or an offset', (path) => {
    for (const value of [
      '2020-06-18T17:07:51.271', // no zone: which moment it is cannot be told
      '2020-06-18',
      '2020-06-18 17:07:51Z',
      '18/06/2020 17:07',
      '2020-02-30T00:00:00Z',
      '2020-06-18T25:00:00Z',
      '',
      'null',
      1_592_500_071_271,
    ]) {
      expect(problemsOf(changed(fullResponse(), path, value)), String(value)).toEqual([
        { path, message: 'must be an ISO 8601 date and time with Z or an offset' },
      ]);
    }
  });

  it.each(PHONE_NUMBERS)('with a %s that is no phone number', (path) => {
    for (const value of ['', MARK, '+', '12', '+55418895667412345', '+0554188956674']) {
      expect(problemsOf(changed(fullResponse(), path, value)), value).toEqual([
        { path, message: 'must be a phone number with its country code' },
      ]);
    }
  });

  it.each(['event', 'message', 'clientData', 'message.mediaData', 'message.location'])(
    'with a %s that is no object',
    (path) => {
      for (const value of [MARK, 7, true, [MARK]]) {
        expect(pathsOf(changed(fullResponse(), path, value)), String(value)).toEqual([path]);
      }
    },
  );

  const TEXTS = [
    ...IDENTIFIERS,
    ...PHONE_NUMBERS,
    'clientData.name',
    ...['mediaType', 'message', 'status', 'failMessage'].map((field) => `message.${field}`),
    ...['link', 'id', 'caption', 'filename'].map((field) => `message.mediaData.${field}`),
    ...['address', 'name'].map((field) => `message.location.${field}`),
  ];
  it.each(TEXTS)('with a %s that is no text', (path) => {
    for (const value of [5_544_999, true, [MARK], { [MARK]: MARK }]) {
      expect(pathsOf(changed(fullResponse(), path, value))).toEqual([path]);
    }
  });

  it.each(['message.failCode', 'message.location.latitude', 'message.location.longitude'])(
    'with a %s that is neither number nor text',
    (path) => {
      for (const value of [true, [MARK], { [MARK]: MARK }]) {
        expect(problemsOf(changed(fullResponse(), path, value))).toEqual([
          { path, message: 'must be a number or a text' },
        ]);
      }
    },
  );

  it('checks client data that comes with a status', () => {
    const body = statusBody((changing) => {
      changing.clientData = { number: MARK, name: 7, timeLastMessage: MARK };
    });
    expect(pathsOf(body)).toEqual(['clientData.number', 'clientData.name', 'clientData.timeLastMessage']);
  });

  it.each([[null], [7], ['text'], [true], [[responseBody()]], [[]], [{}]])(
    'is no webhook at all: %o',
    (body) => {
      expect(problemsOf(body).length).toBeGreaterThan(0);
    },
  );

  it('takes nothing from a `__proto__` key, and minds none', () => {
    const inherited = JSON.parse(`{ "__proto__": ${JSON.stringify(responseBody())} }`);
    expect(pathsOf(inherited)).toEqual(['event', 'message']);
    const harmless = JSON.parse(
      JSON.stringify(responseBody()).replaceAll('{', '{"__proto__":{"messageId":7,"type":7},'),
    );
    expect(problemsOf(harmless)).toEqual([]);
  });

  it('names every problem at once', () => {
    const body = statusBody((changing) => {
      changing.event.messageId = '';
      changing.event.status = 'sent | delivered | read';
      changing.message.to = MARK;
      delete changing.message.appId;
      changing.message.createdAt = MARK;
      changing.message.mediaData.link = 7;
    });
    expect(pathsOf(body).toSorted((a, b) => a.localeCompare(b))).toEqual(
      [
        'event.messageId',
        'event.status',
        'message.appId',
        'message.createdAt',
        'message.mediaData.link',
        'message.to',
      ].toSorted((a, b) => a.localeCompare(b)),
    );
  });

  it('quotes no value of the body, whatever is wrong with it', () => {
    for (const path of [...REQUIRED_OF_RESPONSE, ...OPTIONAL_OF_RESPONSE, 'event.type', 'event', 'message']) {
      for (const value of [`${MARK}\u0000`, MARK.repeat(20), [MARK], { [MARK]: MARK }, 5_544_999_999_999]) {
        const told = JSON.stringify(problemsOf(changed(fullResponse(), path, value)));
        expect(told).not.toMatch(/maria|5544999/i);
      }
    }
  });
});
