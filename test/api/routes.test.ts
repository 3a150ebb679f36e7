import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { MAX_ROUTES } from '../../src/store/active-routes.ts';
import { MAX_COUNTED } from '../../src/store/database.ts';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  ADMIN_TOKEN,
  addFurtherRoutes,
  addRoute,
  allForwarded,
  api,
  ask,
  countRows,
  delivered,
  eventually,
  type Fields,
  forwardedEvents,
  idle,
  inject,
  ORIGIN,
  onlyOne,
  reset,
  responseBody,
  seen,
  statusBody,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-all-the-tests';
const MINUTE_MS = 60_000;

beforeEach(async () => reset());
afterEach(async () => inject({}));

async function create(body: Fields) {
  const { status, answer } = await api('POST', '/api/routes', body);
  expect(status, JSON.stringify(answer)).toBe(201);
  return answer;
}

async function read(name: string) {
  const { status, answer } = await ask(`/api/routes/${name}`);
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

async function remove(name: string): Promise<number> {
  const response = await env.RECEIVER.fetch(`${ORIGIN}/api/routes/${name}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  await response.text();
  return response.status;
}

async function auditOf(action: string) {
  return (await ask(`/api/audit?action=${action}`)).answer.data;
}

/** Delivers a response and a status with ids of their own, and gives those. */
async function deliverBoth(name: string): Promise<[response: string, status: string]> {
  const ids: string[] = [];
  for (const body of [responseBody(), statusBody((changed) => (changed.event.status = 'delivered'))]) {
    body.event.messageId = `event-${name}`;
    body.message.messageId = `message-${name}`;
    ids.push((await delivered(body)).answer.id);
  }
  return ids as [string, string];
}

async function runCronLater(minutes = 1): Promise<void> {
  await env.PROBE.setClock(minutes * MINUTE_MS);
  await env.PROBE.runCron();
}

async function idsOn(route: 'events' | 'crm' | 'desk'): Promise<string[]> {
  return (await forwardedEvents(route)).map(({ id }) => id);
}

describe('a route', () => {
  it('tells what it takes, and how far it has come', async () => {
    const { answer: event } = await delivered(uniqueResponse());
    await allForwarded();
    await runCronLater();
    const [stored] = (await ask('/api/events')).answer.data;
    expect(event.id).toBe(stored?.id);
    expect(await read('events')).toEqual({
      name: 'events',
      binding: 'EVENTS',
      bound: true,
      filter: {},
      state: 'active',
      stateSince: '1970-01-01T00:00:00.000Z',
      createdAt: '1970-01-01T00:00:00.000Z',
      begins: null,
      position: stored?.place,
      positionAt: new Date(Math.floor(Number(stored?.place) / 1000)).toISOString(),
      waiting: 0,
      oldestWaiting: null,
      gaps: 0,
      forwarded: 1,
      deadLetters: 0,
      backlog: { messages: 0, bytes: 0 },
    });
  });

  it('tells what waits for its queue', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await delivered(uniqueResponse());
    await idle();
    await env.PROBE.setClock(MINUTE_MS);
    const { waiting, oldestWaiting } = await read('events');
    expect(waiting).toBe(2);
    expect(oldestWaiting?.ageMs).toBeGreaterThanOrEqual(MINUTE_MS);
    expect(oldestWaiting?.ageMs).toBeLessThan(2 * MINUTE_MS);
    expect(Date.parse(oldestWaiting?.storedAt ?? '')).toBeGreaterThan(Date.now() - MINUTE_MS);
  });

  it('tells of the gap between its position and what was confirmed beyond', async () => {
    await storeEvents({ count: 100 });
    await forwardAllBut('seq IN (SELECT seq FROM events ORDER BY seq LIMIT 2 OFFSET 50)');
    expect(await read('events')).toMatchObject({ waiting: 2, gaps: 1 });
  });

  it('is not found under a name that none has', async () => {
    expect((await ask('/api/routes/crm')).status).toBe(404);
    expect((await api('PATCH', '/api/routes/crm', { filter: {} })).status).toBe(404);
    expect((await api('POST', '/api/routes/crm/pause')).status).toBe(404);
    expect((await api('POST', '/api/routes/crm/resume')).status).toBe(404);
    expect(await remove('crm')).toBe(404);
    expect(await countRows('audit')).toBe(0);
  });

  it('is read by a token that may only read, and changed by none of those', async () => {
    await reset({ READ_TOKEN });
    for (const [method, path] of [
      ['POST', '/api/routes'],
      ['PATCH', '/api/routes/events'],
      ['DELETE', '/api/routes/events'],
      ['POST', '/api/routes/events/pause'],
      ['POST', '/api/routes/events/resume'],
    ] as const) {
      expect((await api(method, path, undefined, READ_TOKEN)).status, `${method} ${path}`).toBe(403);
    }
    expect((await api('GET', '/api/routes', undefined, READ_TOKEN)).status).toBe(200);
  });
});

describe('the list of routes', () => {
  it('has all of them by name, and the queues without one', async () => {
    await addFurtherRoutes({ desk: { types: ['response'] } });
    await env.PROBE.bindRoutes(['crm', 'desk']);
    const { answer } = await ask('/api/routes');
    expect(answer.data.map(({ name, binding, bound }) => [name, binding, bound])).toEqual([
      ['desk', 'EVENTS_DESK', true],
      ['events', 'EVENTS', true],
    ]);
    expect(answer.data[0]).toEqual(await read('desk'));
    expect(answer.unrouted).toEqual(['EVENTS_CRM']);
  });

  it('reads a bounded number of rows, however many events are stored and wait', async () => {
    await storeEvents({ count: 60_000 });
    await addRoute('behind', {}, { from: 0 });
    await addRoute('choosy', { integrations: ['office'] }, { from: 0 });
    await addRoute('late', { types: ['response'] }, { from: 30_000_000 });
    const { answer } = await ask('/api/routes');
    expect(answer.data.map(({ name, waiting }) => [name, waiting])).toEqual([
      ['behind', MAX_COUNTED],
      ['choosy', 0],
      ['events', 0],
      ['late', 1_000], // of the first that are behind it
    ]);
    const reading = (await seen()).statements.filter(({ sql }) => sql.includes('in_gaps'));
    expect(Math.max(...reading.map(({ rowsRead }) => rowsRead))).toBeLessThan(9 * MAX_COUNTED);
    expect(Math.min(...reading.map(({ rowsRead }) => rowsRead))).toBeLessThan(100); // of the one that is up to date
  });

  it('reads a bounded number of rows of a route with many gaps', async () => {
    await storeEvents({ count: 20_000 });
    await forwardAllBut('seq % 4000 = 0');
    const { gaps, waiting } = await read('events');
    expect([gaps, waiting]).toEqual([5_000, 5_000]);
    const reading = onlyOne((await seen()).statements.filter(({ sql }) => sql.includes('in_gaps')));
    expect(reading.rowsRead).toBeLessThan(8 * MAX_COUNTED);
  });
});

describe('a new route', () => {
  it('has its address in the Location header, and is recorded with who made it', async () => {
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/routes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: '{"name":"crm_2","filter":{"types":["response"]}}',
    });
    expect(response.headers.get('location')).toBe('/api/routes/crm_2');
    expect(await response.json()).toMatchObject({ name: 'crm_2', binding: 'EVENTS_CRM_2', bound: false });
    expect(await auditOf('route.create')).toMatchObject([
      { actor: 'admin-token', object: 'crm_2', detail: { filter: { types: ['response'] }, from: 'now' } },
    ]);
  });

  it('takes what is stored from then on, and of that what its filter lets through', async () => {
    await env.PROBE.bindRoutes(['crm']);
    await deliverBoth('before');
    await allForwarded();
    const route = await create({ name: 'crm', filter: { types: ['response'] } });
    expect(route).toMatchObject({ bound: true, state: 'active', waiting: 0, forwarded: 0 });
    expect(Date.parse(route.begins ?? '')).toBeLessThanOrEqual(Date.parse(route.createdAt));
    await env.PROBE.restart(); // the route is known to isolates within half a minute
    const [response, status] = await deliverBoth('after');
    await eventually('it is forwarded', async () => (await idsOn('crm')).length > 0);
    await allForwarded();
    expect(await idsOn('crm')).toEqual([response]);
    expect((await idsOn('events')).slice(2)).toEqual([response, status]);
  });

  it.each([
    ['oldest', 'oldest', 300],
    ['a moment', '1970-01-01T00:00:01.200Z', 100],
    ['a moment before the oldest event', '1970-01-01T00:00:00Z', 300],
    ['a moment with an offset', '1969-12-31T21:00:01.200-03:00', 100],
    ['a moment that is yet to come', '2999-01-01T00:00:00Z', 0],
    ['now', 'now', 0],
  ])('from %s has those events to forward', async (_, from, events) => {
    await env.PROBE.bindRoutes(['crm']);
    await storeEvents({ count: 300 }); // from the first second of 1970 on, one a millisecond
    const route = await create({ name: 'crm', from });
    expect(route.waiting).toBe(events);
    if (events > 0) expect(route.begins).toBe(new Date(1_300 - events).toISOString());
    await env.PROBE.stopClock(1_300 + MINUTE_MS); // no purge takes them
    await env.PROBE.runCron();
    expect(new Set(await idsOn('crm')).size).toBe(events);
    expect(await idsOn('events')).toEqual([]);
    expect(await read('crm')).toMatchObject({ waiting: 0, forwarded: events });
  });

  it('can be made before its queue is bound, and has its events wait', async () => {
    const route = await create({ name: 'crm' });
    expect(route).toMatchObject({ bound: false, backlog: null });
    await env.PROBE.restart();
    const { answer } = await delivered(uniqueResponse());
    await allForwarded();
    await runCronLater();
    expect(await read('crm')).toMatchObject({ waiting: 1, forwarded: 0 });
    await env.PROBE.bindRoutes(['crm']);
    await runCronLater(2);
    expect(await idsOn('crm')).toEqual([answer.id]);
    expect(await read('crm')).toMatchObject({ bound: true, waiting: 0, forwarded: 1 });
  });

  it('may name an integration that does not exist yet, statuses in any case, and anything twice', async () => {
    const filter = { integrations: ['to-come', 'to-come'], statuses: ['DELIVERED', 'delivered', 'archived'] };
    expect((await create({ name: 'crm', filter })).filter).toEqual({
      integrations: ['to-come'],
      statuses: ['delivered', 'archived'],
    });
  });

  it.each([
    ['no name', {}, problemAt('name', 'required')],
    ['an empty name', { name: '' }, problemAt('name', 'route-name')],
    ['a name in upper case', { name: 'CRM' }, problemAt('name', 'route-name')],
    ['a name with a hyphen', { name: 'c-rm' }, problemAt('name', 'route-name')],
    ['a name that begins with a digit', { name: '2crm' }, problemAt('name', 'route-name')],
    ['a name with two underscores', { name: 'crm__2' }, problemAt('name', 'route-name')],
    ['a name of 33 letters', { name: 'c'.repeat(33) }, problemAt('name', 'too-long', { max: 32 })],
    ['a misspelt member', { name: 'crm', filters: {} }, problemAt('filters', 'unknown')],
    ['a misspelt filter', { name: 'crm', filter: { type: [] } }, problemAt('filter.type', 'unknown')],
    [
      'an unknown type',
      { name: 'crm', filter: { types: ['response', 'call'] } },
      problemAt('filter.types.1', 'not-one-of', { values: ['response', 'status'] }),
    ],
    ['an empty list', { name: 'crm', filter: { types: [] } }, problemAt('filter.types', 'empty-list')],
    [
      'a list that is too long',
      { name: 'crm', filter: { integrations: Array.from({ length: 101 }, (_, n) => `shop-${n}`) } },
      problemAt('filter.integrations', 'too-many', { max: 100 }),
    ],
    [
      'an integration that can never be',
      { name: 'crm', filter: { integrations: ['Shop'] } },
      problemAt('filter.integrations.0', 'slug'),
    ],
    ['a beginning that is none', { name: 'crm', from: 'yesterday' }, problemAt('from', 'not-a-beginning')],
    [
      'a time without an offset',
      { name: 'crm', from: '2026-03-01T00:00:00' },
      problemAt('from', 'not-a-beginning'),
    ],
  ])('with %s is refused', async (_, body, error) => {
    const { status, answer } = await api('POST', '/api/routes', body);
    expect(status).toBe(422);
    expect(answer.errors).toContainEqual(error);
    expect(await countRows('routes')).toBe(1);
  });

  it('is in conflict with one of its name', async () => {
    await create({ name: 'crm', filter: { types: ['status'] } });
    const { status, answer } = await api('POST', '/api/routes', { name: 'crm' });
    expect([status, answer.reason]).toEqual([409, 'route-exists']);
    expect((await read('crm')).filter).toEqual({ types: ['status'] });
    expect(await auditOf('route.create')).toHaveLength(1);
  });

  it('is one too many where there are as many as there can be', async () => {
    for (let n = 1; n < MAX_ROUTES; n++) await addRoute(`r${n}`);
    const { status, answer } = await api('POST', '/api/routes', { name: 'crm' });
    expect([status, answer.reason]).toEqual([409, 'too-many-routes']);
    expect(await countRows('routes')).toBe(MAX_ROUTES);
  });
});

describe('another filter', () => {
  it('holds for what lies beyond the position', async () => {
    await addFurtherRoutes({ crm: { types: ['status'] } });
    await inject({ crm: { kind: 'reject' } });
    const [responseBefore, status] = await deliverBoth('one');
    await idle();
    const [response] = await deliverBoth('two');
    await idle();
    expect(await waitingOn('crm')).toBe(2);
    const { answer } = await api('PATCH', '/api/routes/crm', { filter: { types: ['response'] } });
    expect(answer).toMatchObject({ filter: { types: ['response'] }, waiting: 1 });
    await inject({});
    await runCronLater();
    expect(await idsOn('crm')).toEqual([response]);
    expect(await read('crm')).toMatchObject({ waiting: 0, forwarded: 1 });
    expect(await auditOf('route.update')).toMatchObject([
      { object: 'crm', detail: { filter: { types: ['response'] } } },
    ]);
    const stateOf = async (id: string) =>
      (await ask(`/api/events/shop/${encodeURIComponent(id)}`)).answer.routes.find(
        ({ name }) => name === 'crm',
      );
    expect(await stateOf(status)).toMatchObject({ state: 'not-wanted' });
    expect(await stateOf(responseBefore)).toMatchObject({ state: 'forwarded' }); // or was not wanted then
  });

  it('that it has already changes nothing, and is not recorded in the audit trail', async () => {
    await addFurtherRoutes({ crm: { types: ['status'], integrations: ['shop'] } });
    const version = env.DB.prepare("SELECT version FROM routes WHERE name = 'crm'");
    const before = await version.first();
    const filter = { integrations: ['shop', 'shop'], types: ['status'] };
    const { status, answer } = await api('PATCH', '/api/routes/crm', { filter });
    expect(status).toBe(200);
    expect(answer).toMatchObject({ filter: { types: ['status'], integrations: ['shop'] } });
    expect(await version.first()).toEqual(before);
    expect(await auditOf('route.update')).toEqual([]);
  });

  it.each([
    ['none', {}, problemAt('filter', 'required')],
    ['a new name', { name: 'desk', filter: {} }, problemAt('name', 'unknown')],
    [
      'an unknown type',
      { filter: { types: ['call'] } },
      problemAt('filter.types.0', 'not-one-of', { values: ['response', 'status'] }),
    ],
  ])('is refused with %s', async (_, body, error) => {
    const { status, answer } = await api('PATCH', '/api/routes/events', body);
    expect(status).toBe(422);
    expect(answer.errors).toContainEqual(error);
  });
});

describe('a paused route', () => {
  it('forwards nothing until it is resumed, and holds up no other', async () => {
    await addFurtherRoutes({ crm: {} });
    const paused = await api('POST', '/api/routes/crm/pause');
    expect(paused).toMatchObject({ status: 200, answer: { state: 'paused' } });
    expect(Date.parse(paused.answer.stateSince)).toBeGreaterThan(Date.now() - MINUTE_MS);
    await env.PROBE.restart();
    const [response, status] = await deliverBoth('one');
    await eventually('they are forwarded', async () => (await waitingOn('events')) === 0);
    await runCronLater();
    expect(await idsOn('crm')).toEqual([]);
    expect(await read('crm')).toMatchObject({ waiting: 2, forwarded: 0 });
    const { answer: event } = await ask(`/api/events/shop/${encodeURIComponent(response)}`);
    expect(event).toMatchObject({
      forwarded: false,
      routes: [
        { name: 'crm', state: 'waits' },
        { name: 'events', state: 'forwarded' },
      ],
    });

    const resumed = await api('POST', '/api/routes/crm/resume');
    expect(resumed).toMatchObject({ status: 200, answer: { state: 'active', waiting: 2 } });
    await runCronLater(2);
    expect(await idsOn('crm')).toEqual([response, status]);
    expect(await read('crm')).toMatchObject({ waiting: 0, forwarded: 2 });
    expect((await ask(`/api/events/shop/${encodeURIComponent(response)}`)).answer.forwarded).toBe(true);
    expect(await auditOf('route.pause')).toMatchObject([{ actor: 'admin-token', object: 'crm' }]);
    expect(await auditOf('route.resume')).toMatchObject([{ actor: 'admin-token', object: 'crm' }]);
  });

  it('cannot be paused again, nor an active one resumed', async () => {
    const resumed = await api('POST', '/api/routes/events/resume');
    expect([resumed.status, resumed.answer.reason]).toEqual([409, 'state-already']);
    await api('POST', '/api/routes/events/pause');
    const since = (await read('events')).stateSince;
    const paused = await api('POST', '/api/routes/events/pause');
    expect([paused.status, paused.answer.reason]).toEqual([409, 'state-already']);
    expect((await read('events')).stateSince).toBe(since);
    expect(await auditOf('route.pause')).toHaveLength(1);
  });
});

describe('deleting a route', () => {
  it('ends its replays and its forwarding, and leaves its dead letters', async () => {
    await addFurtherRoutes({ crm: {} });
    const { answer: event } = await delivered(uniqueResponse());
    await eventually('it is forwarded', async () => (await waitingOn('crm')) === 0);
    await inject({ crm: { kind: 'reject' } });
    const { answer: replays } = await api('POST', '/api/replay', { all: true, route: 'crm' });
    await env.PROBE.consumeDeadLetters(
      [
        {
          specversion: '1.0',
          id: event.id,
          source: '/webhooks/shop',
          type: 'digital.grupoboticario.instantmessage.response',
        },
      ],
      1,
      'instant-message-crm-dead',
    );
    await runCronLater(); // counts what was forwarded
    expect(await remove('crm')).toBe(204);
    await inject({});
    await runCronLater(2);

    expect((await ask('/api/routes')).answer).toMatchObject({
      data: [{ name: 'events' }],
      unrouted: ['EVENTS_CRM'],
    });
    expect((await ask(`/api/replay/${replays.data[0]?.id}`)).answer.state).toBe('cancelled');
    expect((await ask('/api/dead-letters?route=crm')).answer.data).toMatchObject([
      { event: event.id, route: 'crm' },
    ]);
    expect((await idsOn('crm')).length).toBe(1);
    expect(await auditOf('route.delete')).toMatchObject([{ actor: 'admin-token', object: 'crm' }]);
    expect((await ask('/api/stats')).answer.totals.routes).toContainEqual({
      name: 'crm',
      forwarded: 1,
      replayed: 0,
    });
    expect(await remove('crm')).toBe(404);
  });

  it('lets one of the same name begin anew', async () => {
    await addFurtherRoutes({ crm: {} });
    await delivered(uniqueResponse());
    await eventually('it is forwarded', async () => (await waitingOn('crm')) === 0);
    await remove('crm');
    await create({ name: 'crm', from: 'oldest' });
    expect((await read('crm')).waiting).toBe(1);
    await runCronLater();
    expect(await idsOn('crm')).toHaveLength(2);
  });
});
