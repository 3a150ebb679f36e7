import { env } from 'cloudflare:workers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventStream, type StreamEvent } from '../../scripts/tail/event-stream.ts';
import { type TailPace, tailRoutes } from '../../src/api/tail/routes.ts';
import { eventOf } from '../../src/contract/event.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import { recordEvents, toRecordable } from '../../src/store/events.ts';
import { MAX_TAILED_EVENTS, MAX_TAILED_ROWS } from '../../src/store/tail.ts';
import { watchedD1 } from '../../tools/bench/workers/watched-d1.ts';
import type { Problem } from '../answers.ts';
import { planOf } from '../store/query-plan.ts';
import { storeEvents } from '../store/stored-events.ts';
import {
  ADMIN_TOKEN,
  ask,
  type Body,
  countRows,
  delivered,
  inject,
  ORIGIN,
  register,
  reset,
  responseBody,
  seen,
  statusBody,
  uniqueResponse,
} from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-the-tests-only';
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** What a client has of one connection. */
interface Connection {
  response: Response;
  stream: EventStream;
  /** Complete events, in order. */
  events: StreamEvent[];
  /** The bytes as text. */
  text: string;
  /** Reads on until that is so, or the stream has ended. */
  until(what: string, isTrue: () => boolean): Promise<void>;
  /** Reads one chunk; `false` at the end. */
  next(): Promise<boolean>;
  cut(): Promise<void>;
}

const open = new Set<Connection>();
afterEach(async () => {
  await Promise.all(Array.from(open, async (connection) => connection.cut()));
});

interface Request {
  lastEventId?: string | undefined;
  token?: string;
  method?: string;
}

async function request(parameters: Record<string, string>, { lastEventId, token, method }: Request = {}) {
  return env.RECEIVER.fetch(`${ORIGIN}/api/tail?${new URLSearchParams(parameters)}`, {
    method: method ?? 'GET',
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token ?? ADMIN_TOKEN}` }),
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });
}

/** Connects to the receiver, as a client would. */
async function connect(parameters: Record<string, string> = {}, how: Request = {}): Promise<Connection> {
  const response = await request(parameters, how);
  expect(response.status).toBe(200);
  return connectionOf(response, how.lastEventId);
}

/** Connects to the routes themselves, which then go at a pace of the test's. */
async function connectAt(
  tailPace: Partial<TailPace>,
  { db = env.DB, query = '' }: { db?: D1Database; query?: string } = {},
): Promise<Connection> {
  return connectionOf(await tailRoutes({ db, tailPace }).request(`/api/tail${query}`));
}

function connectionOf(response: Response, lastEventId = ''): Connection {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const connection: Connection = {
    response,
    stream: new EventStream(lastEventId),
    events: [],
    text: '',
    async next() {
      const { done, value } = await reader.read();
      if (value === undefined || done) return false;
      connection.text += decoder.decode(value, { stream: true });
      connection.events.push(...connection.stream.read(value));
      return true;
    },
    async until(what, isTrue) {
      while (!isTrue()) {
        if (!(await connection.next())) throw new Error(`the stream ended before ${what}`);
      }
    },
    async cut() {
      open.delete(connection);
      await reader.cancel();
    },
  };
  open.add(connection);
  return connection;
}

/** Past the first id: what is delivered from then on is on the stream. */
async function begun(connection: Connection): Promise<Connection> {
  await connection.until('it has begun', () => connection.stream.lastEventId !== '');
  return connection;
}

function jsonOf({ data }: StreamEvent): { id: string; payload: Body } {
  return JSON.parse(data);
}

const idsOf = (events: readonly StreamEvent[]): string[] => events.map((event) => jsonOf(event).id);

/** What is stored, in the order in which it was. */
async function storedIds(where = 'true'): Promise<string[]> {
  const { results } = await env.DB.prepare(`SELECT id FROM events WHERE ${where} ORDER BY seq`).run<{
    id: string;
  }>();
  return results.map(({ id }) => id);
}

describe('the stream', () => {
  beforeEach(async () => reset());

  it('says what it is, how to reconnect, and that nobody may keep or gather it', async () => {
    const { response, next, ...connection } = await connect();
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    await next();
    expect(connection.stream.reconnectMs).toBe(1_000);
  });

  it('begins with what is stored next, each event as the listing shows it', async () => {
    await delivered(uniqueResponse());
    const tail = await begun(await connect());
    await delivered(uniqueResponse());
    const status = statusBody((body) => {
      body.message.messageId = 'm-tail';
    });
    await delivered(status);
    await tail.until('two events', () => tail.events.length === 2);

    const { answer } = await ask('/api/events');
    const shown = answer.data.slice(0, 2).reverse();
    expect(tail.events.map(({ name }) => name)).toEqual(['response', 'status']);
    for (const [index, event] of tail.events.entries()) {
      expect({ ...jsonOf(event), forwarded: true }).toEqual({ ...shown[index], forwarded: true });
    }
    const { results } = await env.DB.prepare('SELECT seq FROM events ORDER BY seq').run<{ seq: number }>();
    expect(tail.events.map(({ lastEventId }) => lastEventId)).toEqual(
      results.slice(1).map(({ seq }) => String(seq)),
    );
  });

  it('begins in an empty database, too', async () => {
    const tail = await begun(await connect());
    expect(tail.stream.lastEventId).toBe('0');
    const { answer } = await delivered(uniqueResponse());
    await tail.until('the event', () => tail.events.length === 1);
    expect(idsOf(tail.events)).toEqual([answer.id]);
  });

  it.each(['\r\n', '\r', '\n'])('keeps to its frames when a payload is written with %j', async (lineEnd) => {
    const body = uniqueResponse();
    body.message.message = 'data: \\ \u2028 é 👋 \u0000 \n\nid: 5';
    body.message.huge = 'NUMBER';
    const text = JSON.stringify(body, null, 2)
      .replace('"NUMBER"', '12345678901234567890.10')
      .replaceAll('\n', lineEnd);
    const sent = text.replace('{', `${lineEnd}{${lineEnd}${lineEnd}`) + lineEnd + lineEnd;
    const tail = await begun(await connect());
    const { id } = (await delivered(sent)).answer;
    await tail.until('the event', () => tail.events.length === 1);

    expect(tail.events).toHaveLength(1);
    const data = tail.events[0]?.data ?? '';
    const payload = data.slice(data.indexOf('"payload":') + '"payload":'.length, -1);
    expect(encoder.encode(payload)).toEqual(encoder.encode(sent.replace(/[\r\n]/g, ' ')));
    expect(JSON.parse(payload)).toEqual(JSON.parse(sent));
    expect(jsonOf(tail.events[0] as StreamEvent).id).toBe(id);
    expect(tail.text.split('\n').filter((line) => !/^(retry|id|event|data): |^:|^$/.test(line))).toEqual([]);
  });

  it('gives payloads of any size whole, and in order', async () => {
    const tail = await begun(await connect());
    const bodies = [10, 900_000, 10, 20_000, 10, 400_000].map((bytes) => uniqueResponse(bytes));
    for (const body of bodies) expect((await delivered(body)).status).toBe(200);
    await tail.until('all events', () => tail.events.length === bodies.length);
    expect(tail.events.map((event) => jsonOf(event).payload)).toEqual(bodies);
  });

  it('is open to both tokens, and to nobody else', async () => {
    await reset({ READ_TOKEN });
    for (const token of ['', 'wrong']) {
      const refused = await request({}, { token });
      expect(refused.status).toBe(401);
      expect(refused.headers.get('content-type')).toBe('application/problem+json');
    }
    const tail = await begun(await connect({}, { token: READ_TOKEN }));
    await delivered(uniqueResponse());
    await tail.until('the event', () => tail.events.length === 1);
  });

  it('answers HEAD with the headers and asks D1 nothing', async () => {
    const before = (await seen()).statements.length;
    const response = await request({}, { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(await response.text()).toBe('');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await seen()).statements.length).toBe(before);
  });

  it.each<[parameters: Record<string, string>, path: string]>([
    [{ type: 'reply' }, 'type'],
    [{ status: '|' }, 'status'],
    [{ contact: '88956674' }, 'contact'],
    [{ messageId: '' }, 'messageId'],
    [{ since: 'yesterday' }, 'since'],
    [{ since: '2026-03-01T00:00:00' }, 'since'],
    [{ since: '' }, 'since'],
    [{ lastEventId: '-1' }, 'lastEventId'],
    [{ lastEventId: '1e3' }, 'lastEventId'],
    [{ limit: '5' }, 'limit'],
    [{ deferred: 'true' }, 'deferred'],
    [{ forwarded: 'false' }, 'forwarded'],
    [{ until: '2026-03-01T00:00:00Z' }, 'until'],
    [{ cursor: '5' }, 'cursor'],
  ])('refuses %o', async (parameters, path) => {
    const response = await request(parameters);
    const answer: Problem = await response.json();
    expect([response.status, answer.type]).toEqual([400, '/problems/invalid-parameters']);
    expect(answer.errors?.map((error) => error.path)).toEqual([path]);
  });

  it.each(['abc', '-5', '1.5', '12345678901234567', '5, 6'])(
    'refuses the Last-Event-ID %j',
    async (lastEventId) => {
      const response = await request({}, { lastEventId });
      const answer: Problem = await response.json();
      expect([response.status, answer.type]).toEqual([400, '/problems/invalid-parameters']);
      expect(answer.errors?.[0]?.path).toBe('last-event-id');
    },
  );
});

describe('a filtered stream', () => {
  const ANA = '+5541988956674';
  const BIA = '+5544999027914';

  beforeAll(async () => {
    await reset();
    await register('mail');
    const sent: [slug: string, contact: string, messageId: string, status?: string][] = [
      ['shop', BIA, 'm1', 'sent'],
      ['shop', BIA, 'm1', 'delivered'],
      ['mail', BIA, 'm1', 'delivered'],
      ['shop', '554188956674', 'm2', 'sent'],
      ['shop', '+554188956674', 'm2'],
      ['shop', '5541988956674', 'm20', 'read'],
      ['mail', ANA, 'm:3'],
      ['shop', BIA, 'm4'],
      ['mail', BIA, 'm', 'failed'],
    ];
    for (const [slug, contact, messageId, status] of sent) {
      const body = status === undefined ? responseBody() : statusBody();
      body.message.messageId = messageId;
      if (status === undefined) body.clientData.number = contact;
      else {
        body.message.to = contact;
        body.event.status = status;
      }
      expect((await delivered(body, { slug })).answer.outcome).toBe('stored');
    }
  });

  it('lets through what meets every filter given, whichever are combined', async () => {
    const { answer } = await ask('/api/events');
    const all = answer.data.toReversed();
    const filters: [name: string, value: string, isMet: (event: (typeof all)[number]) => boolean][] = [
      ['type', 'status', (event) => event.type === 'status'],
      ['status', 'delivered', (event) => event.status === 'delivered'],
      ['integration', 'shop', (event) => event.integration === 'shop'],
      ['contact', '(44) 99902-7914', (event) => event.contact === BIA],
      ['messageId', 'm1', (event) => event.messageId === 'm1'],
    ];
    const lastId = (await env.DB.prepare('SELECT max(seq) AS s FROM events').first<number>('s')) ?? 0;
    for (let combination = 0; combination < 2 ** filters.length; combination++) {
      const given = filters.filter((_, index) => combination & (1 << index));
      const parameters = Object.fromEntries(given.map(([name, value]) => [name, value]));
      const tail = await connect({ ...parameters, since: '0' });
      await tail.until('everything was walked', () => tail.stream.lastEventId === String(lastId));
      const expected = all.filter((event) => given.every(([, , isMet]) => isMet(event)));
      expect(idsOf(tail.events), JSON.stringify(parameters)).toEqual(expected.map(({ id }) => id));
      await tail.cut();
    }
  });

  it.each([
    ['messageId', 'm', 1], // not what only begins with it
    ['messageId', 'm:3', 1],
    ['contact', '554188956674', 4],
    ['contact', '+5511900000000', 0],
    ['integration', 'nobody', 0],
  ])('by %s %s has %i', async (name, value, count) => {
    const lastId = (await env.DB.prepare('SELECT max(seq) AS s FROM events').first<number>('s')) ?? 0;
    const tail = await connect({ [name]: value, since: '2020-01-01T00:00:00Z' });
    await tail.until('everything was walked', () => tail.stream.lastEventId === String(lastId));
    expect(tail.events).toHaveLength(count);
  });

  it('begins at a moment, or behind an id; the id of the last event outweighs both', async () => {
    const { results } = await env.DB.prepare('SELECT id, seq FROM events ORDER BY seq').run<{
      id: string;
      seq: number;
    }>();
    const [at, behind, last] = [results[2], results[4], results[6]] as { id: string; seq: number }[];
    const firstFrom = async (parameters: Record<string, string>, lastEventId?: string) => {
      const tail = await connect(parameters, { lastEventId });
      await tail.until('an event', () => tail.events.length > 0);
      await tail.cut();
      return idsOf(tail.events)[0];
    };
    const stored = results.map(({ id }) => id);
    const moment = new Date(Math.ceil((at?.seq ?? 0) / 1000)).toISOString();
    const fromMoment = results.find(({ seq }) => seq >= Date.parse(moment) * 1000)?.id;
    expect(await firstFrom({ since: moment })).toBe(fromMoment);
    expect(await firstFrom({ since: String(behind?.seq) })).toBe(stored[5]);
    expect(await firstFrom({ since: moment, lastEventId: String(behind?.seq) })).toBe(stored[5]);
    expect(await firstFrom({ since: '0', lastEventId: '0' }, String(last?.seq))).toBe(stored[7]);
    expect(await firstFrom({ since: String(behind?.seq), lastEventId: '' }, '')).toBe(stored[5]);
  });
});

describe('a stream that is cut and resumed', () => {
  beforeEach(async () => reset());

  /**
   * Delivers while `isWanted`, through a receiver that begins anew again and again while groups of the one before are
   * under way, and records beside it as other isolates do. Gives how many events it stored.
   */
  async function load(isWanted: () => boolean): Promise<number> {
    const wave = 40;
    let stored = 0;
    for (; isWanted(); stored += wave) {
      await env.PROBE.restart();
      await Promise.all([
        ...Array.from({ length: wave / 2 }, async (_, index) => {
          const body = index % 2 === 0 ? uniqueResponse(index === 0 ? 30_000 : 20) : uniqueStatus();
          expect((await delivered(body)).answer.outcome).toBe('stored');
        }),
        ...Array.from({ length: 4 }, async () => recordBeside(wave / 8)),
      ]);
    }
    return stored;
  }

  function uniqueStatus(): Body {
    const { message } = uniqueResponse();
    return statusBody((body) => {
      body.message.messageId = message.messageId;
    });
  }

  async function recordBeside(count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, index) => {
      const payload = JSON.stringify(index % 2 === 0 ? uniqueStatus() : uniqueResponse());
      const parsed = parseWebhook(JSON.parse(payload), Date.now());
      if (!parsed.ok) throw new Error('the sample breaks the contract');
      const requestId = crypto.randomUUID();
      return toRecordable(
        eventOf(parsed, { integration: 'shop', payload, receivedAtMs: Date.now(), requestId }),
      );
    });
    await recordEvents(env.DB, events, Date.now());
  }

  it.each<[string, Record<string, string>, string]>([
    ['everything', {}, 'true'],
    ['a filter that lets some through', { type: 'response' }, "type = 'response'"],
  ])('20 times under load has seen each event once and in order: %s', async (_, parameters, where) => {
    const CUTS = 20;
    const MIN_EVENTS = 400;
    const seenEvents: StreamEvent[] = [];
    let cuts = 0;
    let withinAnEvent = 0;
    let stored = 0;
    const first = await begun(await connect(parameters));
    let { lastEventId } = first.stream;
    await first.cut();
    const loading = load(() => cuts < CUTS || seenEvents.length < MIN_EVENTS / 4).then((count) => {
      stored = count;
    });

    for (; cuts < CUTS; cuts++) {
      // As a network does it: after any byte, and what is incomplete is forgotten.
      const response = await request(parameters, { lastEventId });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const stream = new EventStream(lastEventId);
      const bytesToCut = 60 + ((cuts * 7_919) % 100_000);
      let text = '';
      for (let bytes = 0; bytes < bytesToCut; ) {
        const { value } = await reader.read();
        if (value === undefined) break;
        const received = value.subarray(0, bytesToCut - bytes);
        bytes += received.byteLength;
        text += decoder.decode(received);
        seenEvents.push(...stream.read(received));
      }
      if (/\ndata: .*$/.test(text)) withinAnEvent++;
      await reader.cancel();
      lastEventId = stream.lastEventId;
    }
    await loading;
    const lastSeq = String(await env.DB.prepare('SELECT max(seq) AS s FROM events').first<number>('s'));
    while (lastEventId !== lastSeq) {
      const rest = await connect(parameters, { lastEventId }); // ends itself after so many statements
      while (rest.stream.lastEventId !== lastSeq && (await rest.next()));
      seenEvents.push(...rest.events);
      lastEventId = rest.stream.lastEventId;
      await rest.cut();
    }

    expect(await countRows('events')).toBe(stored);
    expect(stored).toBeGreaterThanOrEqual(MIN_EVENTS);
    expect(idsOf(seenEvents)).toEqual(await storedIds(where));
    expect(withinAnEvent).toBeGreaterThan(5);
  });

  it('goes on with the oldest there is when what it saw last is past its retention', async () => {
    await storeEvents({ count: 10 });
    await env.DB.prepare('DELETE FROM events WHERE seq < 1006000').run();
    const tail = await connect({}, { lastEventId: '1002000' });
    await tail.until('the rest', () => tail.events.length === 4);
    expect(tail.events.map(({ lastEventId }) => lastEventId)).toEqual([
      '1006000',
      '1007000',
      '1008000',
      '1009000',
    ]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['nearly all', { type: 'status' }, "type = 'status'"],
    ['a tenth', { type: 'response' }, "type = 'response'"],
    ['one contact', { contact: '+5541910000001' }, "contact = '+5541910000001'"],
    ['none', { status: 'failed' }, 'false'],
  ])('walks what is stored page by page, whatever its filter lets through: %s', async (_, filter, where) => {
    await storeEvents({ count: 2 * MAX_TAILED_ROWS + 500, contacts: 5 });
    const lastSeq = String(await env.DB.prepare('SELECT max(seq) AS s FROM events').first<number>('s'));
    const tail = await connect({ ...filter, since: '0' });
    await tail.until('the end', () => tail.stream.lastEventId === lastSeq);
    expect(idsOf(tail.events)).toEqual(await storedIds(where));
  });

  it('does not walk again what its filter skipped', async () => {
    await storeEvents({ count: 5_000, everyNthIsResponse: 5_000 });
    const tail = await connect({ type: 'response', since: '0' });
    await tail.until('it is at the end', () => tail.stream.lastEventId === '5999000');
    expect(tail.events.map(({ lastEventId }) => lastEventId)).toEqual(['1000000']);
    await tail.cut();

    const before = (await seen()).statements.length;
    const again = await connect({ type: 'response' }, { lastEventId: tail.stream.lastEventId });
    await again.next();
    await again.next();
    const reads = (await seen()).statements.slice(before).map(({ rowsRead }) => rowsRead);
    expect(reads[0]).toBeLessThanOrEqual(2);
  });
});

describe('the pace', () => {
  beforeEach(async () => reset());

  it('ends by itself after so many statements, and goes on from there', async () => {
    await storeEvents({ count: MAX_TAILED_EVENTS * 3 });
    const pace = { maxStatements: 2, pollMs: 1, maxPollMs: 1 };
    const ids: string[] = [];
    let lastEventId = '0';
    for (let connections = 0; ids.length < MAX_TAILED_EVENTS * 3; connections++) {
      expect(connections).toBeLessThan(3);
      const tail = await connectAt(pace, { query: `?lastEventId=${lastEventId}` });
      while (await tail.next()) expect(tail.events.length).toBeLessThanOrEqual(2 * MAX_TAILED_EVENTS);
      ids.push(...idsOf(tail.events));
      lastEventId = tail.stream.lastEventId;
    }
    expect(ids).toEqual(await storedIds());
  });

  it('ends before the free plan does, which has 50 statements in a request', async () => {
    const { db, statements } = counted(env.DB);
    const tail = await connectAt({ pollMs: 1, maxPollMs: 2 }, { db });
    while (await tail.next());
    expect(statements()).toBe(45);
  });

  it('of an idle stream shows what comes within 2 s, D1 having its part of that, and ends it after about a minute', async () => {
    const waits = vi.spyOn(scheduler, 'wait').mockImplementation(async () => undefined);
    const tail = await connectAt({});
    while (await tail.next());
    const waitedMs = waits.mock.calls.map(([ms]) => ms);
    waits.mockRestore();

    expect(Math.max(...waitedMs)).toBe(1_500);
    const lastedMs = waitedMs.reduce((sum, ms) => sum + ms, 0);
    expect(lastedMs).toBeGreaterThan(55_000);
    expect(lastedMs).toBeLessThan(70_000);
  });

  it('gets past large events even where a connection has statements for one of them only', async () => {
    const bodies = Array.from({ length: 4 }, () => uniqueResponse(30_000));
    for (const body of bodies) await delivered(body);
    const got: Body[] = [];
    let lastEventId = '0';
    for (let connections = 0; got.length < bodies.length && connections < 6; connections++) {
      const tail = await connectAt({ maxStatements: 2 }, { query: `?since=${lastEventId}` });
      while (await tail.next());
      got.push(...tail.events.map((event) => jsonOf(event).payload));
      lastEventId = tail.stream.lastEventId;
    }
    expect(got).toEqual(bodies);
  });

  it('says something with every poll, polls less often while nothing happens, and again at once after', async () => {
    const { db, statements } = counted(env.DB);
    const tail = await begun(await connectAt({ pollMs: 40, maxPollMs: 160 }, { db }));
    const waits = vi.spyOn(scheduler, 'wait');
    const startMs = Date.now();
    const idleChunks = 8;
    for (let chunk = 0; chunk < idleChunks; chunk++) await tail.next();
    expect(statements()).toBe(1 + idleChunks);
    expect(tail.text.endsWith(':\n\n'.repeat(idleChunks))).toBe(true);
    expect(Date.now() - startMs).toBeGreaterThan(idleChunks * 40 * 1.5);
    const waitedMs = waits.mock.calls.map(([ms]) => ms);
    expect(waitedMs).toHaveLength(idleChunks);
    expect(waitedMs).toEqual(waitedMs.toSorted((a, b) => a - b));
    expect([waitedMs.at(0), waitedMs.at(-1)]).toEqual([40, 160]);

    await delivered(uniqueResponse());
    await tail.until('the event', () => tail.events.length === 1);
    await tail.next();
    expect(waits.mock.lastCall?.[0]).toBe(40);
    waits.mockRestore();
  });

  it('reads no further than its reader, and asks D1 nothing once the reader has gone', async () => {
    await storeEvents({ count: 5_000, payload: JSON.stringify({ text: 'x'.repeat(8_000) }) });
    const before = (await seen()).statements.length;
    const tail = await connect({ since: '0' });
    await tail.until('an event', () => tail.events.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const read = (await seen()).statements.length - before;
    expect(read).toBeLessThanOrEqual(4); // of the 25 pages that there are

    await tail.cut();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const atCut = (await seen()).statements.length;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect((await seen()).statements.length).toBeLessThanOrEqual(atCut + 1);
  });

  it('stops polling for a client that went while nothing happened', async () => {
    const tail = await begun(await connect());
    await tail.cut();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const atCut = (await seen()).statements.length;
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect((await seen()).statements.length).toBeLessThanOrEqual(atCut + 1);
  });
});

describe('while D1 fails', () => {
  beforeEach(async () => reset());

  it.each([
    ['at the start', 'SELECT max(seq) AS last_seq'],
    ['in the middle', 'AS newestSeq'],
  ])('%s it says so, goes on afterwards and leaves out nothing', async (when, on) => {
    const isAtStart = when === 'at the start';
    if (isAtStart) await inject({ d1: { kind: 'reject', on } });
    const tail = await connect();
    if (!isAtStart) {
      await begun(tail);
      await inject({ d1: { kind: 'reject', on } });
    }
    const ids = [(await delivered(uniqueResponse())).answer.id];
    await tail.until('it says so', () => tail.text.includes(': the database does not answer'));
    if (!isAtStart) ids.push((await delivered(uniqueResponse())).answer.id);
    await inject({});
    if (isAtStart) {
      await begun(tail);
      ids[0] = (await delivered(uniqueResponse())).answer.id;
    }
    await tail.until('the events', () => tail.events.length === ids.length);
    expect(idsOf(tail.events)).toEqual(ids);
    const warnings = (await seen()).logged.filter((line) => line.includes('tail could not read events'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('D1_ERROR: injected');
  });

  it('waits for a statement only so long', async () => {
    const { db, hang } = counted(env.DB);
    const tail = await begun(await connectAt({ pollMs: 5, maxPollMs: 5, statementTimeoutMs: 50 }, { db }));
    const { answer } = await delivered(uniqueResponse());
    hang(2);
    await tail.until('the event', () => tail.events.length === 1);
    expect(tail.text.match(/does not answer/g)).toHaveLength(2);
    expect(idsOf(tail.events)).toEqual([answer.id]);
  });

  it('in the middle of a page repeats nothing of it', async () => {
    for (const bytes of [20, 30_000, 20, 30_000, 20]) await delivered(uniqueResponse(bytes));
    const { db, hang } = counted(env.DB);
    const tail = await connectAt(
      { pollMs: 5, maxPollMs: 5, statementTimeoutMs: 50 },
      { db, query: '?since=0' },
    );
    await tail.until('the first event', () => tail.events.length === 1);
    hang(1);
    await tail.until('all', () => tail.events.length >= 5);
    await tail.next();
    expect(tail.text).toContain('does not answer');
    expect(idsOf(tail.events)).toEqual(await storedIds());
  });

  it('ends by itself when D1 never answers', async () => {
    const { db, hang } = counted(env.DB);
    hang(Number.POSITIVE_INFINITY);
    const tail = await connectAt(
      { pollMs: 1, maxPollMs: 1, statementTimeoutMs: 5, maxStatements: 4 },
      { db },
    );
    while (await tail.next());
    expect(tail.text.match(/does not answer/g)).toHaveLength(4);
    expect(tail.stream.lastEventId).toBe('');
  });
});

describe('the cost', () => {
  const STORED = 100_000;

  beforeAll(async () => {
    await reset();
    await storeEvents({ count: STORED });
  }, 120_000);

  /** What D1 answered. */
  const statements: { sql: string; rowsRead: number }[] = [];

  /** The rows that D1 reads for the first statements of a stream. */
  async function rowsRead(parameters: Record<string, string>, chunks: number): Promise<number[]> {
    const db = watchedD1(env.DB, {
      answered: ({ sql }, { rows_read: rowsRead }) => statements.push({ sql, rowsRead }),
    });
    const before = statements.length;
    const tail = await connectAt({ pollMs: 1 }, { db, query: `?${new URLSearchParams(parameters)}` });
    for (let chunk = 0; chunk <= chunks; chunk++) await tail.next();
    await tail.cut();
    return statements.slice(before, before + chunks).map((statement) => statement.rowsRead);
  }

  it.each<[string, Record<string, string>]>([
    ['nothing', {}],
    ['a type', { type: 'response' }],
    ['a contact', { contact: '+5541910000007' }],
    ['a message', { messageId: 'm7' }],
    ['an integration and a contact', { integration: 'shop', contact: '+5541910000007' }],
  ])(
    'of a poll that finds nothing new is two rows at most, with 100,000 events stored: by %s',
    async (_, filter) => {
      const [start, ...polls] = await rowsRead(filter, 2);
      expect(start).toBeLessThanOrEqual(2);
      expect(polls).toHaveLength(1);
      for (const rows of polls) expect(rows).toBeLessThanOrEqual(2);
    },
  );

  it.each<[string, Record<string, string>, number]>([
    ['nothing', {}, 1_000],
    ['a type', { type: 'response' }, 3_000],
    ['a status', { status: 'failed' }, 2_005],
    ['a message', { messageId: 'm7' }, 2_015],
    ['a contact', { contact: '+5541910000007' }, 500],
  ])('of a page is bounded: by %s', async (_, filter, most) => {
    const [page] = await rowsRead({ ...filter, since: '0' }, 1);
    expect(page).toBeLessThanOrEqual(most);
    const [deep] = await rowsRead({ ...filter, since: '80000000' }, 1);
    expect(deep).toBeLessThanOrEqual(most);
  });

  it('of walking is a walk of the table or of the index of contacts, never a sort', async () => {
    await rowsRead({ contact: '+5541910000007', since: '0' }, 1);
    await rowsRead({ type: 'response', since: '0' }, 1);
    for (const sql of new Set(statements.map((statement) => statement.sql))) {
      if (!sql.includes('AS newestSeq')) continue;
      const plan = await planOf(sql);
      expect(plan).not.toContain('TEMP B-TREE');
      expect(plan).toMatch(
        sql.includes('INDEXED BY events_by_contact')
          ? /SEARCH events USING (COVERING )?INDEX events_by_contact \(contact=\? AND seq>\?\)/
          : /SEARCH events USING INTEGER PRIMARY KEY \(rowid>\?\)/,
      );
    }
  });
});

/** A database that counts statements and can be made to hang. */
function counted(db: D1Database) {
  let statements = 0;
  let hanging = 0;
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(_, name) {
        if (name === 'bind') return (...values: unknown[]) => wrap(statement.bind(...values));
        if (name !== 'run' && name !== 'first') return Reflect.get(statement, name);
        return async (...given: []) => {
          statements++;
          if (hanging-- > 0) await new Promise((resolve) => setTimeout(resolve, 300));
          return statement[name](...given);
        };
      },
    });
  return {
    db: { prepare: (sql: string) => wrap(db.prepare(sql)) } as D1Database,
    statements: () => statements,
    hang: (times: number) => {
      hanging = times;
    },
  };
}
