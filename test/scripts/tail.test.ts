// `npm run tail`: reading a stream, writing a line, and the program itself against stand-ins in this process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { isColored } from '../../scripts/command-line.ts';
import { eventLine } from '../../scripts/tail/event-line.ts';
import { EventStream, type StreamEvent } from '../../scripts/tail/event-stream.ts';
import { parseTailOptions } from '../../scripts/tail/options.ts';
import { printable, printableJson, shortened } from '../../scripts/terminal-text.ts';

const TAIL = fileURLToPath(new URL('../../scripts/tail.ts', import.meta.url));
const TOKEN = 'read-token-of-the-tests';
const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

describe('a stream of events', () => {
  const encoder = new TextEncoder();
  const read = (text: string, stream = new EventStream()) => stream.read(encoder.encode(text));
  const message = (data: string, lastEventId = '', name = 'message'): StreamEvent => ({
    name,
    data,
    lastEventId,
  });

  it.each<[rule: string, text: string, events: StreamEvent[]]>([
    ['an event ends with an empty line', 'data: a\n\ndata: b\n', [message('a')]],
    ['lines end with CR', 'data: a\rdata: b\r\r', [message('a\nb')]],
    ['lines end with CRLF', 'data: a\r\ndata: b\r\n\r\n', [message('a\nb')]],
    ['lines end as they like', 'data: a\rdata: b\r\ndata: c\n\r\n', [message('a\nb\nc')]],
    ['a byte order mark is none of it', '\ufeffdata: a\n\n', [message('a')]],
    ['a second one is', '\ufeff\ufeffdata: a\n\ndata: b\n\n', [message('b')]],
    ['one space after the colon is left out', 'data:a\ndata:  b\n\n', [message('a\n b')]],
    ['a line without a colon is a field without a value', 'data\ndata\n\n', [message('\n')]],
    ['a single one is an event, too', 'data\n\n', [message('')]],
    ['a value may have colons', 'data: a: b\n\n', [message('a: b')]],
    ['comments and unknown fields are nothing', ': a\n:\nfoo: b\nDATA: c\n data: d\n\n', []],
    ['an event without data is none, and its name is forgotten', 'event: a\n\ndata: b\n\n', [message('b')]],
    [
      'the name is that of one event',
      'event: a\ndata: b\n\ndata: c\n\n',
      [message('b', '', 'a'), message('c')],
    ],
    ['an empty name is none', 'event: a\nevent\ndata: b\n\n', [message('b')]],
    ['the id stays', 'id: 1\ndata: a\n\ndata: b\n\n', [message('a', '1'), message('b', '1')]],
    ['an id without data counts', 'id: 1\n\ndata: b\n\n', [message('b', '1')]],
    ['an empty id takes it back', 'id: 1\n\nid\ndata: b\n\n', [message('b')]],
    ['an id with NUL is ignored', 'id: 1\n\nid: 2\0\ndata: b\n\n', [message('b', '1')]],
    ['line separators of Unicode are text', 'data: a\u2028b\u0085\n\n', [message('a\u2028b\u0085')]],
  ])('%s', (_, text, events) => {
    expect(read(text)).toEqual(events);
    const bytes = encoder.encode(text);
    for (let size = 1; size <= 3; size++) {
      const stream = new EventStream();
      const inPieces: StreamEvent[] = [];
      for (let from = 0; from < bytes.length; from += size) {
        inPieces.push(...stream.read(bytes.subarray(from, from + size)));
      }
      expect(inPieces, `in pieces of ${size}`).toEqual(events);
    }
  });

  it('gives the same events wherever it is cut into pieces', () => {
    const bytes = encoder.encode('\ufeffid: 1\r\ndata: é👋\r\n\r\nid: 2\revent: x\rdata: b\r\rid: 3\n\n');
    const whole = new EventStream().read(bytes);
    expect(whole).toEqual([message('é👋', '1'), message('b', '2', 'x')]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const stream = new EventStream();
      const events = [...stream.read(bytes.subarray(0, cut)), ...stream.read(bytes.subarray(cut))];
      expect(events, String(cut)).toEqual(whole);
      expect(stream.lastEventId).toBe('3');
    }
  });

  it('gives an event as soon as its last byte is there', () => {
    for (const lineEnd of ['\n', '\r', '\r\n']) {
      const stream = new EventStream();
      expect(read(`data: a${lineEnd}`, stream)).toEqual([]);
      expect(read(lineEnd[0] ?? '', stream)).toEqual([message('a')]);
    }
  });

  it('ignores an incomplete event', () => {
    const stream = new EventStream('7');
    expect(read('id: 8\ndata: a\n', stream)).toEqual([]);
    expect(stream.lastEventId).toBe('7');
    expect(read('\n', stream)).toEqual([message('a', '8')]);
    expect(stream.lastEventId).toBe('8');
  });

  it('takes only digits for the time to wait', () => {
    const stream = new EventStream();
    read('retry: 1500\nretry: 2s\nretry: -1\nretry\nretry: ٣\n', stream);
    expect(stream.reconnectMs).toBe(1_500);
  });

  it('is read in linear time when a large event comes in small pieces', () => {
    const stream = new EventStream();
    const bytes = encoder.encode(`data: ${'x'.repeat(2_000_000)}\n\n`);
    const events: StreamEvent[] = [];
    const startMs = performance.now();
    for (let from = 0; from < bytes.length; from += 1_000) {
      events.push(...stream.read(bytes.subarray(from, from + 1_000)));
    }
    expect(events[0]?.data).toHaveLength(2_000_000);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

describe('text for a terminal', () => {
  const attacks: [what: string, text: string][] = [
    ['a colour', '\x1b[31mred\x1b[0m'],
    ['the title of the window', '\x1b]0;owned\x07'],
    ['the clipboard', '\x1b]52;c;cm0gLXJm\x1b\\'],
    ['a link', '\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\'],
    ['a cleared screen', '\x1bc\x1b[2J\x1b[H'],
    ['sequences of one character', '\x9b2J\x9d0;owned\x9c\x90q\x9c'],
    ['an overwritten line', 'hidden\rshown\b\b\x7f'],
    ['lines of its own', 'a\nb\r\nc\u0085d\u2028e\u2029f\vg\fh'],
    ['text from right to left', '\u202egnp.exe\u202c\u2066\u2069\u200f\u061c'],
    ['every control character', String.fromCharCode(...Array(0xa0).keys())],
  ];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
  const HARMFUL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

  it.each(attacks)('cannot act on it: %s', (_, text) => {
    expect(printable(text)).not.toMatch(HARMFUL);
    const json = JSON.stringify({ text: text.slice(1), [text]: 1 });
    expect(printableJson(json)).not.toMatch(HARMFUL);
    expect(JSON.parse(printableJson(json))).toEqual(JSON.parse(json));
    const line = eventLine(JSON.stringify(responseEvent(text, text)), false);
    expect(line).not.toMatch(HARMFUL);
    const colored = eventLine(JSON.stringify(responseEvent(text, text)), true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours' own
    expect(colored.replace(/\x1b\[\d+m/g, '')).not.toMatch(HARMFUL);
    expect(stripVTControlCharacters(colored)).toBe(line);
  });

  it('stays as it is where it is harmless', () => {
    const text = 'Olá! Às 10h, 50 % – “sim” 👩‍👩‍👧 日本語 \\x1b';
    expect(printable(text)).toBe(text);
    expect(printable('a\x1b[31m')).toBe('a␛[31m');
    expect(printable('a\x7f\x9b')).toBe('a␡\ufffd');
  });

  it('is shortened between characters as readers see them', () => {
    expect(shortened('abcde', 5)).toBe('abcde');
    expect(shortened('abcdef', 5)).toBe('abcd…');
    expect(shortened('👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 2)).toBe('👩‍👩‍👧…');
    expect(shortened('', 5)).toBe('');
  });
});

describe('the line of an event', () => {
  const line = (event: unknown) => eventLine(JSON.stringify(event), false);

  it('has the local time, the integration, the contact and the content', () => {
    const at = new Date(2026, 2, 1, 9, 5, 7);
    const event = { ...responseEvent('Oi, tudo bem?', 'Maria'), receivedAt: at.toISOString() };
    expect(line(event)).toBe('2026-03-01 09:05:07  shop  +5541988956674  ← Maria: Oi, tudo bem?  m1');
  });

  it.each<[string, object, string]>([
    ['a picture', { mediaType: 'image', message: null, mediaData: { caption: 'a foto' } }, '[image] a foto'],
    [
      'a document',
      { mediaType: 'document', message: '', mediaData: { filename: 'a.pdf' } },
      '[document] a.pdf',
    ],
    ['a sticker', { mediaType: 'sticker', message: undefined, mediaData: null }, '[sticker]'],
    [
      'a place',
      { mediaType: 'location', location: { name: 'Casa', address: 'Rua 1' } },
      '[location] Casa, Rua 1',
    ],
    [
      'a position',
      { mediaType: 'location', location: { latitude: -25.4, longitude: '0' } },
      '[location] -25.4 0',
    ],
    ['nothing at all', { mediaType: null }, ''],
  ])('shows %s', (_, message, shown) => {
    const event = responseEvent('', 'Maria');
    event.payload.message = { ...message };
    expect(line(event).split('  ')[3]).toBe(`← Maria:${shown && ` ${shown}`}`);
  });

  it('shortens a long text', () => {
    expect(line(responseEvent('x'.repeat(1_000_000), 'Maria')).length).toBeLessThan(200);
  });

  it('shows a step, and why a message failed', () => {
    expect(line(statusEvent('read'))).toContain('+5541988956674  → read  m1');
    const failed = statusEvent('failed');
    failed.payload.message = { failCode: 131_026, failMessage: 'Undeliverable\x1b[2J' };
    expect(line(failed)).toContain('→ failed 131026 Undeliverable␛[2J  m1');
  });

  it.each<[wanted: boolean, terminal: boolean, env: Record<string, string>, colored: boolean]>([
    [true, true, {}, true],
    [true, false, {}, false],
    [false, true, { FORCE_COLOR: '1' }, false],
    [true, true, { NO_COLOR: '1' }, false],
    [true, true, { NO_COLOR: '' }, true],
    [true, true, { TERM: 'dumb' }, false],
    [true, false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    [true, true, { FORCE_COLOR: '0' }, false],
  ])('has colours: wanted %s, terminal %s, %o: %s', (wanted, terminal, env, colored) => {
    expect(isColored(wanted, terminal, env)).toBe(colored);
    expect(eventLine(JSON.stringify(statusEvent('read')), colored).includes('\x1b[')).toBe(colored);
  });
});

describe('the options', () => {
  const parse = (...args: string[]) => parseTailOptions(args, NOW_MS, {});

  it('that npm took for its own are named, with how to write them', () => {
    const taken = { npm_config_type: 'true' };
    expect(() => parseTailOptions(['response'], NOW_MS, taken)).toThrow(
      'npm took --type for its own option. Write: npm run tail -- --type',
    );
  });

  it.each([
    ['--tpye', "Unknown option '--tpye'; did you mean --type?"],
    ['--messageid', "Unknown option '--messageid'; did you mean --message-id?"],
    ['--no-colour', "Unknown option '--colour'; did you mean --color?"],
    ['--follow', "Unknown option '--follow'; see --help"],
  ])('that are unknown are named with the nearest one: %s', (option, message) => {
    expect(() => parse(option)).toThrow(message);
  });

  it('name the filters of the API', () => {
    expect(
      parse('--status', 'read', '--contact', '(41) 8895-6674', '--integration', 'shop', '--message-id', 'm1'),
    ).toMatchObject({
      filter: { status: 'read', contact: '(41) 8895-6674', integration: 'shop', messageId: 'm1' },
      url: new URL('http://localhost:8787'),
      json: false,
      color: true,
    });
    expect(parse('--json', '--no-color', '--type', 'response')).toMatchObject({
      json: true,
      color: false,
      filter: { type: 'response' },
    });
  });

  it.each([
    ['15m', '2026-03-01T11:45:00.000Z'],
    ['90s', '2026-03-01T11:58:30.000Z'],
    ['2d', '2026-02-27T12:00:00.000Z'],
    ['2026-02-28T12:00:00-03:00', '2026-02-28T15:00:00.000Z'],
    ['2026-02-28', new Date(2026, 1, 28).toISOString()],
    ['2026-02-28T10:00', new Date(2026, 1, 28, 10).toISOString()],
  ])('take the time %s', (since, iso) => {
    expect(parse('--since', since)).toMatchObject({ filter: { since: iso } });
  });

  it.each([
    ['--sins', '1h'],
    ['--type'],
    ['response'],
    ['--since', 'yesterday'],
    ['--since', '15'],
    ['--url', 'localhost:8787'],
    ['--type', 'response', '--status', 'read'],
  ])('refuse %s %s', (...args) => {
    expect(() => parse(...args)).toThrow(/./);
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function standIn(handle: (request: IncomingMessage, answer: ServerResponse) => void): Promise<string> {
  const server = createServer(handle);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the program; ends it as Ctrl-C does once `isEnough`, and asks that it ends then. */
async function run(
  args: string[],
  isEnough: (out: string, err: string) => boolean = () => false,
  env: Record<string, string> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [TAIL, ...args], {
    env: { PATH: process.env.PATH ?? '', READ_TOKEN: TOKEN, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  let isInterrupted = false;
  const check = () => {
    if (isInterrupted || !isEnough(out, err)) return;
    isInterrupted = true;
    child.kill('SIGINT');
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    check();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    check();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describe('the program', () => {
  it('sends its filters, prints a line for each event, and exits 0 on Ctrl-C', async () => {
    let asked: IncomingMessage | undefined;
    const url = await standIn((request, answer) => {
      asked = request;
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write('retry: 1000\n\nid: 5\n\n');
      answer.write(frame(6, responseEvent('Oi\x1b[2J', 'Maria')));
      answer.write(frame(7, statusEvent('read')));
    });
    const { code, out, err } = await run(
      ['--url', url, '--contact', '+55 41 8895-6674', '--status', 'read'],
      (text) => lines(text).length === 2,
    );
    expect(code).toBe(0);
    expect(lines(out)[0]).toMatch(/ {2}shop {2}\+5541988956674 {2}← Maria: Oi␛\[2J {2}m1$/);
    expect(lines(out)[1]).toContain('→ read');
    expect(out).not.toContain('\x1b');
    expect(err).toContain(`Watching ${url}`);
    const { pathname, searchParams } = new URL(asked?.url ?? '', url);
    expect(pathname).toBe('/api/tail');
    expect(Object.fromEntries(searchParams)).toEqual({ contact: '+55 41 8895-6674', status: 'read' });
    expect(asked?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, accept: 'text/event-stream' });
    expect(asked?.headers).not.toHaveProperty('last-event-id');
  });

  it('prints whole events as JSON, and colours where they are forced', async () => {
    const url = await standIn((_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write(`data: {"n":1.10,\ndata: "t":\t"\u009b"}\n\n`);
    });
    const { out } = await run(['--url', url, '--json'], (text) => text.endsWith('\n'));
    expect(out).toBe('{"n":1.10, "t": "\\u009b"}\n');

    const colorful = await standIn((_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.write(frame(1, statusEvent('read')));
    });
    const forced = await run(['--url', colorful], (text) => text.endsWith('\n'), { FORCE_COLOR: '1' });
    expect(forced.out).toContain('\x1b[32m→ read');
  });

  it('connects again however the connection ended, and continues after the last event', async () => {
    const asked: (string | undefined)[] = [];
    const url = await standIn((request, answer) => {
      asked.push(request.headers['last-event-id'] as string | undefined);
      if (asked.length === 2) {
        answer.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"detail":"later"}');
        return;
      }
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      const id = asked.length * 10;
      answer.write(`retry: 20\n\n${frame(id, statusEvent('read', `m${id}`))}`);
      if (asked.length === 1)
        answer.write(frame(11, statusEvent('read', 'cut')).slice(0, -3), () => request.destroy());
      else if (asked.length === 3) answer.end('id: 31\n\n');
    });
    const { code, out, err } = await run(['--url', url], (text) => lines(text).length === 3);
    expect(code).toBe(0);
    expect(lines(out).map((line) => line.split('  ').at(-1))).toEqual(['m10', 'm30', 'm40']);
    expect(asked).toEqual([undefined, '10', '10', '31']);
    expect(err).toMatch(/Connection lost .*trying again[\s\S]*it answered 503: later[\s\S]*Connected again/);
  });

  it.each<[status: number, answer: string, code: number, says: RegExp]>([
    [401, '{"detail":"Send a valid token"}', 1, /^tail: .*token.*401.*Send a valid token/],
    [403, '{"detail":"no\\u001b[2J"}', 1, /^tail: .*403.*no␛\[2J\n$/],
    [404, 'nothing here', 1, /^tail: no receiver there: it answered 404\n$/],
    [503, '', 1, /^tail: no receiver at .*503/],
    [
      400,
      '{"errors":[{"path":"contact","message":"must be a phone number"},{"path":"messageId","message":"is bad"}]}',
      2,
      /^tail: --contact must be a phone number; --message-id is bad\n$/,
    ],
  ])('reports the answer %i in one line and ends', async (status, body, code, says) => {
    const url = await standIn((_, answer) => {
      answer.writeHead(status, { 'content-type': 'application/problem+json' }).end(body);
    });
    const ended = await run(['--url', url]);
    expect(ended.err).toMatch(says);
    expect(ended).toMatchObject({ code, out: '' });
  });

  it('ends when its token is revoked while it watches', async () => {
    let requests = 0;
    const url = await standIn((_, answer) => {
      requests++;
      if (requests > 1) answer.writeHead(401).end();
      else answer.writeHead(200, { 'content-type': 'text/event-stream' }).end('retry: 5\n\n');
    });
    expect(await run(['--url', url])).toMatchObject({ code: 1, err: expect.stringContaining('401') });
  });

  it('ends where there is no receiver, or another server', async () => {
    const gone = await run(['--url', 'http://127.0.0.1:1']);
    expect(gone).toMatchObject({ code: 1, out: '' });
    expect(gone.err).toMatch(/^tail: no receiver at http:\/\/127\.0\.0\.1:1: .+\n$/);
    const url = await standIn((_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>');
    });
    const other = await run(['--url', url]);
    expect(other).toMatchObject({ code: 1, err: 'tail: no receiver there: it answered with text/html\n' });
  });

  it('reports unusable options, and sends local tokens to no other machine', async () => {
    expect(await run(['--sins', '1h'])).toMatchObject({ code: 2, out: '' });
    const remote = await run(['--url', 'https://receiver.example'], undefined, { READ_TOKEN: '' });
    expect(remote).toMatchObject({ code: 2, err: expect.stringContaining('--token') });
    const help = await run(['--help']);
    expect(help).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Usage: npm run tail') });
  });

  it('ends silently when nobody reads its output any more', async () => {
    const url = await standIn((_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => answer.write(frame(Date.now(), statusEvent('read'))), 10);
      answer.on('close', () => clearInterval(timer));
    });
    const child = spawn(process.execPath, [TAIL, '--url', url], {
      env: { PATH: process.env.PATH ?? '', READ_TOKEN: TOKEN },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(0);
    expect(lines(err)).toHaveLength(1);
  });
});

function frame(id: number, event: { type: string }): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const SHOWN = {
  integration: 'shop',
  contact: '+5541988956674',
  messageId: 'm1',
  receivedAt: '2026-03-01T12:00:00.000Z',
};

function responseEvent(message: string, name: string) {
  const event = { messageId: 'e1', type: 'response' };
  return {
    ...SHOWN,
    type: 'response',
    status: null,
    payload: { event, clientData: { name }, message: { mediaType: 'text', message } as object },
  };
}

function statusEvent(status: string, messageId = 'm1') {
  const event = { messageId: 'e1', type: 'status', status };
  return { ...SHOWN, type: 'status', status, messageId, payload: { event, message: {} as object } };
}
