import { env } from 'cloudflare:workers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { payloadPath } from '../../src/contract/cloudevent.ts';
import { type ContractProblem, problemAt } from '../../src/contract/problems.ts';
import type { AnswerAt } from '../answers.ts';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  ADMIN_TOKEN,
  addFurtherRoutes,
  addRoute,
  allForwarded,
  ask,
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  idle,
  inject,
  ORIGIN,
  onlyOne,
  register,
  reset,
  responseBody,
  responseText,
  seen,
  statusBody,
  uniqueResponse,
} from '../webhooks.ts';

const BOM = '\ufeff';
const encoder = new TextEncoder();

/** The answer itself, where its text or its bytes matter. */
async function fetchApi(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, { headers, ...init });
}

type ListedEvent = AnswerAt<'GET', '/api/events'>['data'][number];

async function list(parameters: Record<string, string> = {}) {
  const { status, answer } = await ask(`/api/events?${new URLSearchParams(parameters)}`);
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

async function idsOf(parameters: Record<string, string> = {}): Promise<string[]> {
  return (await list(parameters)).data.map(({ id }) => id);
}

/** Every page, by its cursor. */
async function walk(
  parameters: Record<string, string>,
  between: () => Promise<unknown> = async () => undefined,
) {
  const pages: string[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const { data, next }: Awaited<ReturnType<typeof list>> = await list({
      ...parameters,
      ...(cursor && { cursor }),
    });
    pages.push(data.map(({ id }) => id));
    cursor = next;
    expect(pages.length).toBeLessThan(50);
    await between();
  }
  return pages;
}

/** Stores a body as the intake queue brings it. */
async function defer(body: Body, slug: string, receivedAtMs = Date.now()): Promise<void> {
  const message = {
    integration: slug,
    generation: 1,
    requestId: crypto.randomUUID(),
    receivedAtMs,
    payload: JSON.stringify(body),
  };
  expect(await env.PROBE.consumeIntake([message])).toEqual(['ack']);
}

async function deliverAll(bodies: Body[], slug = 'shop'): Promise<string[]> {
  const answers = await Promise.all(bodies.map(async (body) => delivered(body, { slug })));
  expect(answers.map(({ answer }) => answer.outcome)).toEqual(bodies.map(() => 'stored'));
  return answers.map(({ answer }) => answer.id);
}

describe('the listing of events', () => {
  const ANA = '+5541988956674';
  const BIA = '+5544999027914';
  const MINUTE_MS = 60_000;
  let events: ListedEvent[] = [];
  const receivedAt = (place: number) => events[place]?.receivedAt ?? '';

  /** Ten minutes of two integrations, a minute apart. */
  const sent: [slug: string, contact: string, messageId: string, status?: string][] = [
    ['shop', BIA, 'm1', 'sent'],
    ['shop', BIA, 'm1', 'delivered'],
    ['mail', BIA, 'm1', 'delivered'],
    ['shop', '554188956674', 'm2', 'sent'],
    ['shop', '+554188956674', 'm2'],
    ['shop', '5541988956674', 'm20', 'read'],
    ['mail', ANA, 'm:3'],
    ['shop', '5544999027914', 'm1', 'read'],
    ['shop', BIA, 'm4'],
    ['mail', BIA, 'm', 'failed'],
  ];
  /** Of these, by their place: came by way of the intake queue. */
  const DEFERRED = [1, 6, 7];
  /** The queue did not take these. */
  const UNFORWARDED = [0, 3, 6, 8];

  beforeAll(async () => {
    await reset();
    await register('mail');
    for (const [index, [slug, contact, messageId, status]] of sent.entries()) {
      const body = status === undefined ? responseBody() : statusBody();
      body.message.messageId = messageId;
      if (status === undefined) body.clientData.number = contact;
      else Object.assign(body.message, { to: contact });
      if (status !== undefined) body.event.status = status;
      await env.PROBE.setClock(index * MINUTE_MS);
      await inject(UNFORWARDED.includes(index) ? { events: { kind: 'reject' } } : {});
      if (DEFERRED.includes(index)) await defer(body, slug, Date.now() + index * MINUTE_MS);
      else await deliverAll([body], slug);
      await eventually('it is forwarded, or is not', async () => env.PROBE.isIdle());
    }
    events = (await list()).data;
  });

  it('gives the newest first', () => {
    expect(events.map(({ integration, messageId, status }) => [integration, messageId, status])).toEqual(
      sent.toReversed().map(([slug, , messageId, status]) => [slug, messageId, status ?? null]),
    );
  });

  it.each(['true', 'false'])(
    'lets through what meets every filter given, whichever are combined (%s)',
    async (flag) => {
      const since = receivedAt(7);
      const until = receivedAt(1);
      const filters: [name: string, value: string, isMet: (event: ListedEvent) => boolean][] = [
        ['type', 'status', (event) => event.type === 'status'],
        ['status', 'delivered', (event) => event.status === 'delivered'],
        ['integration', 'shop', (event) => event.integration === 'shop'],
        ['contact', BIA, (event) => event.contact === BIA],
        ['messageId', 'm1', (event) => event.messageId === 'm1'],
        ['deferred', flag, (event) => String(event.deferred) === flag],
        ['forwarded', flag, (event) => String(event.forwarded) === flag],
        ['since', since, (event) => event.receivedAt >= since],
        ['until', until, (event) => event.receivedAt < until],
      ];
      for (let combination = 0; combination < 2 ** filters.length; combination++) {
        const given = filters.filter((_, index) => combination & (1 << index));
        const expected = events.filter((event) => given.every(([, , isMet]) => isMet(event)));
        const parameters = Object.fromEntries(given.map(([name, value]) => [name, value]));
        expect(await idsOf(parameters), JSON.stringify(parameters)).toEqual(expected.map(({ id }) => id));
      }
    },
  );

  it.each([
    ['type', 'response', 3],
    ['type', 'status', 7],
    ['status', 'sent', 2],
    ['status', 'read', 2],
    ['status', 'failed', 1],
    ['integration', 'mail', 3],
    ['integration', 'nobody', 0],
    ['messageId', 'm', 1], // not what only begins with it
    ['messageId', 'm2', 2],
    ['messageId', 'm:3', 1],
    ['messageId', 'm%3A3', 0],
    ['messageId', 'M1', 0],
    ['messageId', 'm1:i3i4321d', 0],
    ['contact', '+5511900000000', 0],
    ['deferred', 'true', 3],
    ['deferred', 'false', 7],
    ['forwarded', 'true', 6],
    ['forwarded', 'false', 4],
  ])('by %s %s has %i', async (name, value, count) => {
    expect(await idsOf({ [name]: value })).toHaveLength(count);
  });

  it.each([
    '+5541988956674',
    '5541988956674',
    '+554188956674',
    '554188956674',
    '41988956674',
    '(41) 98895-6674',
    '41 8895 6674',
    '041 98895-6674',
    '00 55 41 98895 6674',
    '+55 (41) 8895.6674',
  ])('knows a contact written %s', async (contact) => {
    expect(await idsOf({ contact })).toEqual(
      events.filter((event) => event.contact === ANA).map(({ id }) => id),
    );
    expect(await idsOf({ contact })).toHaveLength(4);
  });

  it('accepts a `+` that was not encoded', async () => {
    const { answer } = await ask(`/api/events?contact=${ANA}`);
    expect(answer.data).toHaveLength(4);
    const foreign = uniqueResponse();
    foreign.clientData.number = '+51987654321';
    const { id } = (await delivered(foreign)).answer;
    const { answer: found } = await ask('/api/events?contact=+51987654321');
    expect(found.data).toHaveLength(1);
    await env.DB.prepare('DELETE FROM events WHERE id = ?1').bind(id).run();
  });

  it('counts the offset of a time, from which and until which', async () => {
    const at = 2;
    const inBrazil = new Date(Date.parse(receivedAt(at)) - 3 * 60 * MINUTE_MS)
      .toISOString()
      .replace('Z', '-03:00');
    const ids = events.map(({ id }) => id);
    expect(await idsOf({ since: inBrazil })).toEqual(ids.slice(0, at + 1));
    expect(await idsOf({ until: inBrazil })).toEqual(ids.slice(at + 1));
  });

  it.each<Record<string, string>>([
    {},
    { contact: BIA },
    { messageId: 'm1' },
    { type: 'status' },
    { integration: 'shop', contact: BIA },
    { deferred: 'true' },
    { deferred: 'false', contact: BIA },
    { forwarded: 'false' },
    { forwarded: 'false', integration: 'shop' },
    { forwarded: 'true', messageId: 'm1' },
    { forwarded: 'true', deferred: 'false' },
  ])('is walked by its cursor without gap or repeat, whatever the page: %o', async (filter) => {
    const all = await idsOf(filter);
    expect(all.length).toBeGreaterThan(2);
    for (const limit of ['1', '2', '3', '4', '7']) {
      const pages = await walk({ ...filter, limit });
      expect(pages.flat()).toEqual(all);
      for (const page of pages) expect(page.length).toBeLessThanOrEqual(Number(limit));
    }
  });

  it('goes on from a cursor under other filters, too', async () => {
    const { next } = await list({ limit: '2' });
    const cursor = next ?? '';
    const ids = events.map(({ id }) => id);
    expect(await idsOf({ cursor })).toEqual(ids.slice(2));
    expect(await idsOf({ cursor, until: receivedAt(4) })).toEqual(ids.slice(5));
    expect(await idsOf({ cursor, until: receivedAt(0) })).toEqual(ids.slice(2));
    expect(await idsOf({ cursor, since: receivedAt(6) })).toEqual(ids.slice(2, 7));
  });

  it('has no cursor on its last page', async () => {
    expect((await list({ limit: '11' })).next).toBeNull();
    expect((await list({ integration: 'nobody' })).next).toBeNull();
  });

  const NO_TYPE = problemAt('type', 'not-one-of', { values: ['response', 'status'] });
  const NO_CHOICE = { values: ['true', 'false'] };
  const NO_NUMBER = { expected: 'number', received: 'string' };
  const KNOWN = { known: ['sent', 'delivered', 'read', 'failed'] };

  it.each<[string, ContractProblem[]]>([
    ['type=reply', [NO_TYPE]],
    ['type=', [NO_TYPE]],
    ['status=read%20%7C', [problemAt('status', 'not-a-status', KNOWN)]],
    ['status=read&status=sent', [problemAt('status', 'repeated')]],
    ['odd=1', [problemAt('odd', 'not-one-of', NO_CHOICE)]],
    ['contact=5544', [problemAt('contact', 'not-a-contact')]],
    ['contact=', [problemAt('contact', 'not-a-contact')]],
    ['messageId=', [problemAt('messageId', 'empty')]],
    ['deferred=1', [problemAt('deferred', 'not-one-of', NO_CHOICE)]],
    ['forwarded=no', [problemAt('forwarded', 'not-one-of', NO_CHOICE)]],
    ['deferred=', [problemAt('deferred', 'not-one-of', NO_CHOICE)]],
    ['since=2020-01-01', [problemAt('since', 'not-a-moment')]],
    ['until=2020-01-01T00:00:00', [problemAt('until', 'not-a-moment')]],
    ['since=yesterday&until=', [problemAt('since', 'not-a-moment'), problemAt('until', 'not-a-moment')]],
    ['limit=0', [problemAt('limit', 'too-small', { min: 1 })]],
    ['limit=201', [problemAt('limit', 'too-big', { max: 200 })]],
    ['limit=-1', [problemAt('limit', 'too-small', { min: 1 })]],
    ['limit=1.5', [problemAt('limit', 'wrong-type', { expected: 'int', received: 'string' })]],
    ['limit=ten', [problemAt('limit', 'wrong-type', NO_NUMBER)]],
    ['limit=', [problemAt('limit', 'too-small', { min: 1 })]],
    ['limit=NaN', [problemAt('limit', 'wrong-type', NO_NUMBER)]],
    ...['x', '', '-1', '1.5', '12345678901234567'].map((cursor): [string, ContractProblem[]] => [
      `cursor=${cursor}`,
      [problemAt('cursor', 'not-a-cursor')],
    ]),
    ['contakt=5544', [problemAt('contakt', 'unknown')]],
    ['a=1&__proto__=2', [problemAt('a', 'unknown'), problemAt('__proto__', 'unknown')]],
    ['type=status&type=response', [NO_TYPE]],
    [
      'status=&limit=0&Type=response',
      [
        problemAt('status', 'not-a-status', KNOWN),
        problemAt('limit', 'too-small', { min: 1 }),
        problemAt('Type', 'unknown'),
      ],
    ],
  ])('refuses ?%s, naming each wrong parameter', async (query, errors) => {
    const response = await fetchApi(`/api/events?${query}`);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: '/problems/invalid-parameters',
      title: 'Invalid parameters',
      status: 400,
      detail: 'Parameters are not valid; see errors.',
      errors,
    });
  });
});

describe('the listing by what is forwarded', () => {
  let events: ListedEvent[] = [];

  /** 720 events of two integrations, with gaps of two routes all over them. */
  beforeAll(async () => {
    await reset();
    await register('mail');
    await addRoute('crm', { types: ['response'] });
    await addRoute('desk', { integrations: ['mail'] });
    await storeEvents({ count: 600, everyNthIsResponse: 4 });
    await storeEvents({ count: 120, integration: 'mail', firstSeq: 100_000_500, everyNthIsResponse: 4 });
    await addRoute('late', {}, { from: 100_060_500 });
    await forwardAllBut('seq % 2000 = 0');
    await forwardAllBut('seq % 12000 < 6000', 'crm');
    events = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Awaited<ReturnType<typeof list>> = await list({ limit: '200', ...(cursor && { cursor }) });
      events.push(...page.data);
      cursor = page.next;
    }
    expect(events).toHaveLength(720);
  });

  it.each([
    ['false', undefined, true],
    ['true', undefined, true],
    ['false', 'events', true],
    ['true', 'events', true],
    ['false', 'crm', true],
    ['true', 'crm', true],
    ['false', 'desk', true],
    ['true', 'desk', false],
    ['false', 'late', true],
    ['true', 'late', false],
    ['false', 'nobody', false],
    ['true', 'nobody', false],
  ])('as %s on %s agrees with what each event tells, whatever the page', async (forwarded, route, hasAny) => {
    const state = forwarded === 'true' ? 'forwarded' : 'waits';
    const expected = events.filter((event) =>
      route === undefined
        ? String(event.forwarded) === forwarded
        : event.routes.some((one) => one.name === route && one.state === state),
    );
    expect(expected.length > 0).toBe(hasAny);
    for (const filter of [
      {},
      { type: 'response' },
      { integration: 'mail', type: 'status' },
      { messageId: 'm8' },
    ]) {
      const parameters = { forwarded, ...(route !== undefined && { route }), ...filter };
      const wanted = expected.filter((event) =>
        Object.entries(filter).every(([name, value]) => event[name as keyof ListedEvent] === value),
      );
      for (const limit of ['17', '200']) {
        const pages = await walk({ ...parameters, limit });
        expect(pages.flat(), JSON.stringify(parameters)).toEqual(wanted.map(({ id }) => id));
      }
    }
  });

  it('goes through more gaps than one page looks into, a bounded number of statements at a time', async () => {
    const before = (await seen()).statements.length;
    const pages = await walk({ forwarded: 'false', route: 'events', limit: '200' });
    expect(pages.map((page) => page.length)).toEqual([99, 99, 99, 3]); // each event has a gap of its own
    expect((await seen()).statements.length - before).toBeLessThanOrEqual(4 * 4);
  });

  it('takes a route only together with whether it is forwarded', async () => {
    const { status, answer } = await ask('/api/events?route=crm');
    expect(status).toBe(400);
    expect(answer.errors).toEqual([problemAt('route', 'needs-parameter', { parameter: 'forwarded' })]);
  });
});

describe('a page of events', () => {
  beforeEach(async () => reset());

  it('has 50 events unless told, and 200 at the most', async () => {
    await deliverAll(Array.from({ length: 205 }, () => uniqueResponse()));
    expect(await idsOf()).toHaveLength(50);
    expect(await idsOf({ limit: '200' })).toHaveLength(200);
    expect(await idsOf({ limit: '1' })).toHaveLength(1);
    expect(new Set((await walk({ limit: '200' })).flat()).size).toBe(205);
  });

  it('is followed by the next one also while new events arrive', async () => {
    await deliverAll(Array.from({ length: 10 }, () => uniqueResponse()));
    const before = await idsOf();
    const pages = await walk({ limit: '3' }, async () => deliverAll([uniqueResponse(), uniqueResponse()]));
    expect(pages.flat()).toEqual(before);
  });

  it('is empty while there are no events', async () => {
    expect(await list()).toEqual({ data: [], next: null });
  });
});

describe('an event', () => {
  beforeEach(async () => reset());

  it('has the fields that are promised, in the listing and by itself', async () => {
    const before = Date.now();
    await delivered(responseText);
    await allForwarded();
    const { data } = await list();

    expect(data).toEqual([
      {
        id: '5e178088a88ad9001b6e1914:i3i4321d:response',
        integration: 'shop',
        type: 'response',
        status: null,
        contact: '+5544999999999',
        appId: '5e138ee5d53f5b001b96fa54',
        messageId: '5e178088a88ad9001b6e1914',
        occurredAt: '2020-06-18T17:07:51.271Z',
        receivedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        deliveries: 1,
        forwarded: true,
        routes: [{ name: 'events', state: 'forwarded' }],
        deferred: false,
        oddities: [],
        place: String(await env.DB.prepare('SELECT seq FROM events').first('seq')),
        payload: JSON.parse(responseText),
      },
    ]);
    const receivedAt = Date.parse(onlyOne(data).receivedAt);
    expect(receivedAt).toBeGreaterThanOrEqual(before);
    expect(receivedAt).toBeLessThanOrEqual(Date.now());
    expect(await ask('/api/events/shop/5e178088a88ad9001b6e1914:i3i4321d:response')).toEqual({
      status: 200,
      answer: { ...data[0], versions: { events: [], rejections: [] } },
    });
  });

  it('has the step of a status', async () => {
    await delivered(statusBody());
    expect((await list()).data).toMatchObject([
      {
        id: '5e178088a88ad9001b6e1914:i3i4321d:status:delivered',
        type: 'status',
        status: 'delivered',
        contact: '+5544999027914',
        occurredAt: '2020-01-09T20:19:44.942Z',
      },
    ]);
  });

  it('counts its deliveries', async () => {
    for (let delivery = 1; delivery <= 3; delivery++) {
      await delivered(responseText);
      expect((await list()).data).toMatchObject([{ deliveries: delivery }]);
    }
  });

  it('tells whether it came by way of the intake queue, for good', async () => {
    await inject({ d1: { kind: 'reject', on: 'INTO events', times: 1 } });
    expect((await delivered(responseText)).answer.outcome).toBe('deferred');
    await eventually('it is stored', async () => (await countRows('events')) === 1);
    await delivered(responseText);
    const atOnce = await delivered(uniqueResponse());
    await defer(uniqueResponse(), 'shop');

    expect(atOnce.answer.outcome).toBe('stored');
    expect((await list()).data.map(({ deferred }) => deferred)).toEqual([true, false, true]);
  });

  it('tells what became of it on each route', async () => {
    await addFurtherRoutes({ crm: { integrations: ['mail'] }, desk: {} });
    await inject({ desk: { kind: 'reject' } });
    await delivered(responseText);
    await allForwarded();
    await idle();
    await addRoute('late');
    const { data } = await list();
    expect(data).toMatchObject([
      {
        forwarded: false,
        routes: [
          { name: 'crm', state: 'not-wanted' },
          { name: 'desk', state: 'waits' },
          { name: 'events', state: 'forwarded' },
          { name: 'late', state: 'not-wanted' }, // it began later
        ],
      },
    ]);
    await inject({});
    await env.PROBE.setClock(60_000);
    await env.PROBE.runCron();
    expect(onlyOne((await list()).data).forwarded).toBe(true);
    await env.DB.prepare('DELETE FROM routes').run();
    expect((await list()).data).toMatchObject([{ forwarded: true, routes: [] }]);
  });

  it('is not forwarded before the queue has confirmed it', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(responseText);
    expect((await list()).data).toMatchObject([{ forwarded: false }]);

    await inject({});
    await env.PROBE.setClock(60_000);
    await env.PROBE.runCron();
    expect((await list()).data).toMatchObject([{ forwarded: true }]);
  });

  it('of another integration is another event', async () => {
    await register('mail');
    await deliver(responseText, { slug: 'shop' });
    const { answer } = await delivered(responseText, { slug: 'mail' });
    expect(answer.outcome).toBe('stored');
    for (const slug of ['shop', 'mail']) {
      expect((await ask(`/api/events/${slug}/${answer.id}`)).answer).toMatchObject({ integration: slug });
    }
  });

  it.each(['a:b', '100%', '%3A', 'a/b', 'a?b#c', 'é \u{1f600}', '+', '..', '%E9', 'a;b&c=d', "'; --"])(
    'is found by an id that holds %j',
    async (messageId) => {
      const body = responseBody((changed) => {
        changed.message.messageId = messageId;
        changed.event.messageId = messageId;
      });
      const [id = ''] = await deliverAll([body]);
      const path = payloadPath({ integration: 'shop', id });

      expect((await ask(path.replace(/\/payload$/, ''))).answer).toMatchObject({ id, messageId });
      expect((await ask(path)).answer).toEqual(body);
      expect(await idsOf({ messageId })).toEqual([id]);
    },
  );
});

describe('a payload', () => {
  beforeEach(async () => reset());
  const ID = '5e178088a88ad9001b6e1914:i3i4321d:response';

  it.each([
    ['as documented', responseText],
    ['after a byte order mark', `${BOM}${responseText}`],
    ['with numbers that a parser would round', withRaw('"n": 12345678901234567890, "e": 1.0E+2, "z": 0.10')],
    ['with a key twice', withRaw('"twice": 1, "twice": 2')],
    ['with a `__proto__` key', withRaw('"__proto__": { "a": 1 }')],
    ['with escapes and lone surrogates', withRaw('"text": "\\u0000\\ud800\\/\\u00e9"')],
    ['with every kind of letter', withRaw('"text": "ação \u{1f600} \u2028 \u007f ?1 \'\'"')],
    ['with white space around it', `\r\n\t ${responseText} \n`],
    ['nested deeply', withRaw(`"deep": ${'['.repeat(1_000)}${']'.repeat(1_000)}`)],
  ])('is shown as it came: %s', async (_, text) => {
    expect(await delivered(text)).toEqual({ status: 200, answer: { id: ID, outcome: 'stored' } });

    const payload = await fetchApi(`/api/events/shop/${ID}/payload`);
    expect(payload.headers.get('content-type')).toBe('application/json');
    expect(new Uint8Array(await payload.arrayBuffer())).toEqual(encoder.encode(text));

    const json = text.replace(BOM, '');
    for (const path of [`/api/events/shop/${ID}`, '/api/events']) {
      const shown = await (await fetchApi(path)).text();
      expect(shown).toContain(`"payload":${json}}`);
      expect(() => JSON.parse(shown)).not.toThrow();
    }
  });

  it('is large, as are those beside it, and a page ends before it holds more than it can', async () => {
    const bytes = 900_000;
    const large = responseBody((body) => (body.event.text = 'x'.repeat(bytes)));
    await storeEvents({ count: 11, payload: JSON.stringify(large) });
    const small = { integration: 'small', payload: responseText };
    await storeEvents({ count: 3, firstSeq: 2_000_000, messages: 1, ...small });
    const lengths: number[] = [];
    const places: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const before = (await seen()).statements.length;
      const { data, next } = await list({ limit: '200', ...(cursor && { cursor }) });
      const ofPage = (await seen()).statements.slice(before);
      expect(ofPage.length).toBeLessThanOrEqual(2);
      lengths.push(data.length);
      places.push(...data.map(({ place }) => Number(place)));
      for (const { integration, payload } of data) {
        if (integration === 'small') expect(payload).not.toHaveProperty('event.text');
        else expect(payload).toEqual(large);
      }
      cursor = next;
    }
    expect(lengths).toEqual([3 + 4, 4, 3]);
    expect(places).toEqual(places.toSorted((a, b) => b - a));
    expect(new Set(places).size).toBe(14);
    const scanned = await list({ type: 'status', limit: '200' });
    expect(scanned.data.filter(({ integration }) => integration === 'shop')).toHaveLength(4);
    expect(scanned.next).toBe(scanned.data.at(-1)?.place);
  });

  it('of 900 KB is shown as it came', async () => {
    const text = withRaw(`"text": "${'é'.repeat(450_000)}"`);
    await delivered(text);
    const payload = await fetchApi(`/api/events/shop/${ID}/payload`);
    expect((await payload.text()) === text).toBe(true);
  });

  it.each([
    `/api/events/shop/nothing`,
    `/api/events/nobody/${ID}`,
    `/api/events/shop/${ID}x`,
    `/api/events/shop/${ID.slice(0, -1)}`,
    `/api/events/shop/${ID.toUpperCase()}`,
    `/api/events/shop/nothing/payload`,
    `/api/events/nobody/${ID}/payload`,
    `/api/events/shop/%25`,
    `/api/events/shop/%E0%A4%A`,
  ])('and its event are not found at %s', async (path) => {
    await delivered(responseText);
    const response = await fetchApi(path);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toEqual({
      type: '/problems/not-found',
      title: 'Not found',
      status: 404,
      detail: 'There is no such event, or it is past its retention.',
    });
  });
});

/** The documented response with more fields, as text. */
function withRaw(fields: string): string {
  return responseText.replace('{', `{ ${fields},`);
}
