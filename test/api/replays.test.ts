import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { STATUSES } from '../../src/contract/webhook.ts';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
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
  onlyOne,
  reset,
  seen,
  statusBody,
  uniqueResponse,
} from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-all-the-tests';
const MINUTE_MS = 60_000;

beforeEach(async () => reset());
afterEach(async () => inject({}));

/** Stores an event and waits until it is forwarded. */
async function forwardedEvent(): Promise<string> {
  const { answer } = await delivered(uniqueResponse());
  await allForwarded();
  await idle();
  return answer.id;
}

const replayPath = (id: string) => `/api/events/shop/${encodeURIComponent(id)}/replay` as const;

/** The replays of an event's messages on a route, in order. */
async function replaysOf(id: string, route: 'events' | 'crm' = 'events'): Promise<(string | undefined)[]> {
  return (await forwardedEvents(route)).filter((event) => event.id === id).map(({ replay }) => replay);
}

/** Events of the last hour, which no purge takes. */
async function storeRecent(count: number, more: Partial<Parameters<typeof storeEvents>[0]> = {}) {
  const firstSeq = (Date.now() - 60 * MINUTE_MS) * 1000;
  await storeEvents({ count, firstSeq, ...more });
  return firstSeq;
}

async function createReplays(request: Fields) {
  const { status, answer } = await api('POST', '/api/replay', request);
  expect(status, JSON.stringify(answer)).toBe(202);
  return answer.data;
}

async function createReplay(request: Fields) {
  return onlyOne(await createReplays(request));
}

/** Runs the cron, a minute later each time, until the replay is over. */
async function finish(id: string) {
  for (let minute = 1; minute < 30; minute++) {
    const { answer } = await ask(`/api/replay/${id}`);
    if (answer.state !== 'running') return answer;
    await env.PROBE.setClock(minute * MINUTE_MS);
    await env.PROBE.runCron();
  }
  throw new Error('the replay does not end');
}

async function counted(kind: string): Promise<number> {
  await env.PROBE.runCron();
  const sql = 'SELECT coalesce(sum(count), 0) AS n FROM counters WHERE step = 60 AND kind = ?1';
  return (await env.DB.prepare(sql).bind(kind).first<number>('n')) ?? 0;
}

describe('the replay of one event', () => {
  it('forwards it at once, under the same id, each time with the id of another replay', async () => {
    const id = await forwardedEvent();
    const ids: string[] = [];
    for (let n = 1; n <= 2; n++) {
      const { status, answer } = await api('POST', replayPath(id));
      expect(status).toBe(202);
      const replay = onlyOne(answer.data);
      expect(replay).toMatchObject({ route: 'events', state: 'running', sent: 0, actor: 'admin-token' });
      ids.push(replay.id);
      await eventually('it is forwarded', async () => (await replaysOf(id)).length === n + 1);
      await idle();
    }
    expect(await replaysOf(id)).toEqual([undefined, ...ids]);
    const [first, again] = (await forwardedEvents()).filter((event) => event.id === id);
    expect(again).toEqual({ ...first, replay: ids[0], bytes: again?.bytes });
    expect((await ask(`/api/replay/${ids[0]}`)).answer).toMatchObject({
      state: 'done',
      progress: 1,
      sent: 1,
    });
    expect([await counted('forwarded:events'), await counted('replayed:events')]).toEqual([1, 2]);
  });

  it('goes to every route that takes it, by a replay for each', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] }, desk: { types: ['status'] } });
    const id = await forwardedEvent();
    const { answer } = await api('POST', replayPath(id), {});
    expect(answer.data.map(({ route }) => route)).toEqual(['crm', 'desk', 'events']);
    expect(new Set(answer.data.map((replay) => replay.id)).size).toBe(3);
    await idle();
    const [crm, , events] = answer.data.map((replay) => replay.id);
    expect(await replaysOf(id, 'crm')).toEqual([undefined, crm]);
    expect(await replaysOf(id)).toEqual([undefined, events]);
    expect(await forwardedEvents('desk')).toEqual([]);
  });

  it('goes to one route where that is named', async () => {
    await addFurtherRoutes({ crm: {} });
    const id = await forwardedEvent();
    const { answer } = await api('POST', replayPath(id), { route: 'crm' });
    const replay = onlyOne(answer.data);
    expect(replay).toMatchObject({ route: 'crm', filter: { integration: 'shop' } });
    await idle();
    expect(await replaysOf(id, 'crm')).toEqual([undefined, replay.id]);
    expect(await replaysOf(id)).toEqual([undefined]);
    const { answer: audit } = await ask('/api/audit?action=event.replay');
    expect(audit.data).toMatchObject([{ object: `shop/${id}`, detail: { route: 'crm' } }]);
  });

  it('sends it alone, and no other event of its message', async () => {
    const body = statusBody((changed) => (changed.event.status = 'sent'));
    const { answer: first } = await delivered(body);
    body.event.status = 'delivered';
    const { answer: second } = await delivered(body);
    await allForwarded();
    await api('POST', replayPath(second.id));
    await idle();
    expect(await replaysOf(first.id)).toEqual([undefined]);
    expect(await replaysOf(second.id)).toEqual([undefined, expect.any(String)]);
  });

  it('is recorded with who asked for it', async () => {
    const id = await forwardedEvent();
    await api('POST', replayPath(id));
    const { answer } = await ask('/api/audit?action=event.replay');
    expect(answer.data).toMatchObject([{ actor: 'admin-token', object: `shop/${id}`, detail: {} }]);
  });

  it('is refused when there is no such event or route, and to a token that may only read', async () => {
    await reset({ READ_TOKEN });
    const id = await forwardedEvent();
    expect((await api('POST', replayPath('m:e:response'))).status).toBe(404);
    expect((await api('POST', `/api/events/nobody/${encodeURIComponent(id)}/replay`)).status).toBe(404);
    expect((await api('POST', replayPath(id), { route: 'crm' })).status).toBe(404);
    expect((await api('POST', replayPath(id), { routes: 'crm' })).status).toBe(422);
    expect((await api('POST', replayPath(id), undefined, READ_TOKEN)).status).toBe(403);
    expect(await countRows('replays')).toBe(0);
    expect(await countRows('audit')).toBe(0);
  });

  it('is refused where there is no route at all', async () => {
    const id = await forwardedEvent();
    await env.DB.prepare('DELETE FROM routes').run();
    const { status, answer } = await api('POST', replayPath(id));
    expect([status, answer.reason]).toEqual([409, 'no-routes']);
    const many = await api('POST', '/api/replay', { all: true });
    expect([many.status, many.answer.reason]).toEqual([409, 'no-routes']);
    expect(await countRows('audit')).toBe(0);
  });

  it('waits while the queue is down, and is sent by the cron', async () => {
    const id = await forwardedEvent();
    await inject({ events: { kind: 'reject' } });
    const { answer } = await api('POST', replayPath(id));
    const replay = onlyOne(answer.data);
    await idle();
    expect((await ask(`/api/replay/${replay.id}`)).answer).toMatchObject({ state: 'running', sent: 0 });
    await inject({});
    expect(await finish(replay.id)).toMatchObject({ state: 'done', sent: 1 });
    expect(await replaysOf(id)).toEqual([undefined, replay.id]);
  });

  it('sends nothing when the event is deleted while it waits', async () => {
    const id = await forwardedEvent();
    await inject({ events: { kind: 'reject' } });
    const { answer } = await api('POST', replayPath(id));
    await idle();
    await env.DB.prepare('DELETE FROM events').run();
    await inject({});
    expect(await finish(onlyOne(answer.data).id)).toMatchObject({ state: 'done', sent: 0 });
    expect(await replaysOf(id)).toEqual([undefined]);
  });
});

describe('a request to replay many', () => {
  it.each([
    ['nothing', {}, problemAt('all', 'all-or-filter')],
    ['a route alone', { route: 'events' }, problemAt('all', 'all-or-filter')],
    ['a misspelt filter', { integraton: 'shop' }, problemAt('integraton', 'unknown')],
    ['a filter of the listing alone', { deferred: true }, problemAt('deferred', 'unknown')],
    ['another of them', { forwarded: false }, problemAt('forwarded', 'unknown')],
    ['all that is not true', { all: false }, problemAt('all', 'not-one-of', { values: [true] })],
    ['all with a filter', { all: true, type: 'response' }, problemAt('all', 'all-with-filter')],
    [
      'an unknown type',
      { type: 'call' },
      problemAt('type', 'not-one-of', { values: ['response', 'status'] }),
    ],
    [
      'a status that is no word',
      { status: 'sent | read' },
      problemAt('status', 'not-a-status', { known: [...STATUSES] }),
    ],
    ['a contact that is no number', { contact: '123' }, problemAt('contact', 'not-a-contact')],
    ['a time without an offset', { since: '2026-03-01T00:00:00' }, problemAt('since', 'not-a-moment')],
    [
      'a cursor without a dry run',
      { all: true, cursor: '1' },
      problemAt('cursor', 'goes-with', { parameter: 'dryRun' }),
    ],
  ])('with %s is refused', async (_, request, error) => {
    const { status, answer } = await api('POST', '/api/replay', request);
    expect(status).toBe(422);
    expect(answer.errors).toContainEqual(error);
    expect(await countRows('replays')).toBe(0);
  });

  it('to a route that does not exist is refused, whatever for', async () => {
    expect((await api('POST', '/api/replay', { all: true, route: 'crm' })).status).toBe(404);
    expect((await api('POST', '/api/replay', { all: true, route: 'crm', dryRun: true })).status).toBe(404);
    expect(await countRows('replays')).toBe(0);
  });

  it('is refused to who may only read', async () => {
    await reset({ READ_TOKEN });
    expect((await api('POST', '/api/replay', { all: true }, READ_TOKEN)).status).toBe(403);
    for (const change of ['cancel', 'pause', 'resume']) {
      expect((await api('POST', `/api/replay/1/${change}`, undefined, READ_TOKEN)).status).toBe(403);
    }
  });
});

describe('a replay', () => {
  it('sends the events that match, and says how far it is', async () => {
    await storeRecent(300, { everyNthIsResponse: 3 });
    const created = await createReplay({ type: 'response', integration: 'shop' });
    expect(created).toMatchObject({
      route: 'events',
      state: 'running',
      filter: { type: 'response', integration: 'shop' },
      actor: 'admin-token',
      progress: 0,
      sent: 0,
    });
    const done = await finish(created.id);
    expect(done).toMatchObject({ state: 'done', progress: 1, sent: 100 });

    const forwarded = await forwardedEvents();
    expect(forwarded).toHaveLength(100);
    expect(new Set(forwarded.map(({ id, replay, type }) => [id.split(':')[2], replay, type].join()))).toEqual(
      new Set([`response,${created.id},digital.grupoboticario.instantmessage.response`]),
    );
    expect(await counted('replayed:events')).toBe(100);
    const { answer } = await ask('/api/audit?action=replay.create');
    expect(answer.data).toMatchObject([{ object: created.id, detail: { type: 'response' } }]);
  });

  it('is one for each route, which takes what its filter lets through', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] } });
    await storeRecent(300, { everyNthIsResponse: 3 });
    await forwardAllBut('false', 'crm');
    const [crm, events] = await createReplays({ integration: 'shop' });
    expect([crm?.route, events?.route]).toEqual(['crm', 'events']);
    expect(await finish(crm?.id ?? '')).toMatchObject({ state: 'done', sent: 100, route: 'crm' });
    expect(await finish(events?.id ?? '')).toMatchObject({ state: 'done', sent: 300, route: 'events' });
    expect(new Set((await forwardedEvents('crm')).map(({ replay }) => replay))).toEqual(new Set([crm?.id]));
    expect(await forwardedEvents()).toHaveLength(300);
    expect([await counted('replayed:crm'), await counted('replayed:events')]).toEqual([100, 300]);
  });

  it('to one route sends nothing to another, and its dry run counts by the filter of that route', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] } });
    await storeRecent(300, { everyNthIsResponse: 3 });
    await forwardAllBut('false', 'crm');
    const count = async (request: Fields) =>
      (await api('POST', '/api/replay', { ...request, dryRun: true })).answer;
    expect(await count({ all: true, route: 'crm' })).toEqual({ count: 100, complete: true, next: null });
    expect(await count({ all: true })).toEqual({ count: 300, complete: true, next: null });
    const { id } = await createReplay({ all: true, route: 'crm' });
    expect(await finish(id)).toMatchObject({ state: 'done', sent: 100 });
    expect(await forwardedEvents('crm')).toHaveLength(100);
    expect(await forwardedEvents()).toEqual([]);
    const { answer } = await ask('/api/audit?action=replay.create');
    expect(answer.data).toMatchObject([{ object: id, detail: { route: 'crm' } }]);
  });

  it('to a route without a queue waits until there is one', async () => {
    await storeRecent(10);
    await addRoute('crm'); // it begins behind them
    const { id } = await createReplay({ all: true, route: 'crm' });
    await idle();
    await env.PROBE.runCron();
    expect((await ask(`/api/replay/${id}`)).answer).toMatchObject({ state: 'running', sent: 0 });
    await env.PROBE.bindRoutes(['crm']);
    expect(await finish(id)).toMatchObject({ state: 'done', sent: 10 });
  });

  it.each([
    ['a contact in any written form', { contact: '(41) 91000-0007' }, "contact = '+5541910000007'"],
    ['a message', { messageId: 'm7' }, "id LIKE 'm7:%'"],
    ['a status', { status: 'delivered' }, "status = 'delivered'"],
    [
      'a contact and a type',
      { contact: '5541910000007', type: 'response' },
      "contact = '+5541910000007' AND type = 'response'",
    ],
    ['nothing but a period', { since: 100, until: 250 }, 'seq >= ?1 + 100000 AND seq < ?1 + 250000'],
    ['everything', { all: true }, 'true'],
  ])('and its dry run by %s take the same events as SQL', async (_, asked: Fields, sql) => {
    const firstSeq = await storeRecent(3_000, { contacts: 100, everyNthIsResponse: 3 });
    const request = { ...asked };
    for (const name of ['since', 'until']) {
      if (asked[name] !== undefined)
        request[name] = new Date(firstSeq / 1000 + Number(asked[name])).toISOString();
    }
    const { results } = await env.DB.prepare(`SELECT id FROM events WHERE ?1 AND ${sql}`)
      .bind(firstSeq)
      .run<{ id: string }>();
    expect(results.length).toBeGreaterThan(0);
    const dryRun = await api('POST', '/api/replay', { ...request, dryRun: true });
    expect(dryRun).toEqual({ status: 200, answer: { count: results.length, complete: true, next: null } });
    expect(await countRows('replays')).toBe(0);

    const { id } = await createReplay(request);
    expect(await finish(id)).toMatchObject({ sent: results.length });
    const sent = (await forwardedEvents()).map((event) => event.id);
    expect(new Set(sent)).toEqual(new Set(results.map((event) => event.id)));
  });

  it('sends nothing that arrives after it was made', async () => {
    await storeRecent(10);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createReplay({ all: true });
    const { answer: later } = await delivered(uniqueResponse());
    await inject({});
    expect(await finish(id)).toMatchObject({ sent: 10 });
    expect(await replaysOf(later.id)).toEqual([undefined]);
  });

  it('that is paused sends nothing until it is resumed, and then goes on at once', async () => {
    await storeRecent(300);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createReplay({ all: true });
    await idle();
    expect(await api('POST', `/api/replay/${id}/pause`)).toMatchObject({
      status: 200,
      answer: { state: 'paused', sent: 0 },
    });
    await inject({});
    await env.PROBE.setClock(MINUTE_MS);
    await env.PROBE.runCron();
    expect(await forwardedEvents()).toEqual([]);
    const again = await api('POST', `/api/replay/${id}/pause`);
    expect([again.status, again.answer.reason]).toEqual([409, 'state-already']);

    expect(await api('POST', `/api/replay/${id}/resume`)).toMatchObject({
      status: 200,
      answer: { state: 'running' },
    });
    await idle();
    expect((await ask(`/api/replay/${id}`)).answer).toMatchObject({ state: 'done', sent: 300 });
    expect(await forwardedEvents()).toHaveLength(300);
    for (const action of ['replay.pause', 'replay.resume']) {
      const { answer } = await ask(`/api/audit?action=${action}`);
      expect(answer.data).toMatchObject([{ actor: 'admin-token', object: id }]);
    }
  });

  it('to a paused route waits until that is resumed', async () => {
    await addFurtherRoutes({ crm: {} });
    await storeRecent(10);
    await forwardAllBut('false', 'crm');
    await api('POST', '/api/routes/crm/pause');
    const replays = await createReplays({ all: true });
    await idle();
    await env.PROBE.runCron();
    expect(await forwardedEvents('crm')).toEqual([]);
    expect(await forwardedEvents()).toHaveLength(10);
    const [crm] = replays;
    expect((await ask(`/api/replay/${crm?.id}`)).answer).toMatchObject({
      route: 'crm',
      state: 'running',
      sent: 0,
    });
    await api('POST', '/api/routes/crm/resume');
    expect(await finish(crm?.id ?? '')).toMatchObject({ state: 'done', sent: 10 });
    expect(await forwardedEvents('crm')).toHaveLength(10);
  });

  it('that runs cannot be resumed, and one that is over neither paused nor resumed', async () => {
    await storeRecent(10);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createReplay({ all: true });
    const running = await api('POST', `/api/replay/${id}/resume`);
    expect([running.status, running.answer.reason]).toEqual([409, 'state-already']);
    await api('POST', `/api/replay/${id}/cancel`);
    for (const change of ['pause', 'resume', 'cancel']) {
      const { status, answer } = await api('POST', `/api/replay/${id}/${change}`);
      expect([status, answer.reason]).toEqual([409, 'replay-over']);
    }
  });

  it('that is cancelled sends nothing more, and others go on', async () => {
    await storeRecent(500);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createReplay({ all: true });
    const single = (await env.DB.prepare('SELECT id FROM events LIMIT 1').first<string>('id')) as string;
    const { answer: other } = await api('POST', replayPath(single));
    await idle();
    const cancelled = await api('POST', `/api/replay/${id}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, answer: { state: 'cancelled', sent: 0 } });
    await inject({});
    await finish(onlyOne(other.data).id);

    expect((await forwardedEvents()).map((event) => event.id)).toEqual([single]);
    const { answer } = await ask(`/api/replay/${id}`);
    expect(answer).toEqual(cancelled.answer);
    const audit = await ask('/api/audit?action=replay.cancel');
    expect(audit.answer.data).toMatchObject([{ object: id }]);
  });

  it('that is paused can be cancelled', async () => {
    await storeRecent(10);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createReplay({ all: true });
    await api('POST', `/api/replay/${id}/pause`);
    expect((await api('POST', `/api/replay/${id}/cancel`)).answer.state).toBe('cancelled');
  });

  it.each(['7', 'x', '0', '99999999999999999999'])('is not found by an id that is none: %s', async (id) => {
    expect((await ask(`/api/replay/${id}`)).status).toBe(404);
    for (const change of ['cancel', 'pause', 'resume']) {
      expect((await api('POST', `/api/replay/${id}/${change}`)).status).toBe(404);
    }
  });

  it('keeps the contact of its filter only while it runs, and never in the audit trail', async () => {
    await storeRecent(100);
    await inject({ events: { kind: 'reject' } });
    const { id, filter } = await createReplay({ contact: '41 91000-0007' });
    expect(filter).toEqual({ contact: '+5541910000007' });
    await inject({});
    expect((await finish(id)).filter).toEqual({ contact: '***' });
    const { results } = await env.DB.prepare('SELECT object, detail FROM audit').run();
    expect(JSON.stringify(results)).not.toContain('10000007');
  });

  it('takes turns with others, each with its own count', async () => {
    await storeRecent(3_000, { everyNthIsResponse: 3 });
    const replays = await Promise.all([createReplay({ all: true }), createReplay({ type: 'response' })]);
    const [all, responses] = [await finish(replays[0].id), await finish(replays[1].id)];
    expect(all).toMatchObject({ state: 'done', sent: 3_000 });
    expect(responses).toMatchObject({ state: 'done', sent: 1_000 });
    const ofEach = Map.groupBy(await forwardedEvents(), ({ replay }) => replay);
    expect(replays.map(({ id }) => new Set(ofEach.get(id)?.map((event) => event.id)).size)).toEqual([
      3_000, 1_000,
    ]);
  });

  it('skips events that do not match, many rows at a time', async () => {
    await storeRecent(12_000);
    await env.DB.prepare(
      "UPDATE events SET status = 'failed' WHERE seq = (SELECT max(seq) FROM events)",
    ).run();
    const { id } = await createReplay({ status: 'failed' });
    expect(await finish(id)).toMatchObject({ sent: 1, progress: 1 });
    const pages = (await seen()).statements.filter(({ sql }) =>
      sql.includes('json_group_array(json_array(seq, bytes))'),
    );
    expect(pages).toHaveLength(2);
    for (const { rowsRead } of pages) expect(rowsRead).toBeLessThanOrEqual(10_001);
  });

  it('is among the replays, newest first, a page at a time', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await createReplay({ all: true })).id);
    const listed: string[] = [];
    let cursor = '';
    do {
      const { answer } = await ask(`/api/replay?limit=2${cursor}`);
      listed.push(...answer.data.map((replay) => replay.id));
      cursor = answer.next === null ? '' : `&cursor=${answer.next}`;
    } while (cursor !== '');
    const newestFirst = ids.toSorted((a, b) => Number(b) - Number(a)); // some within the same millisecond
    expect(listed).toEqual(newestFirst);
    expect((await ask('/api/replay?limits=2')).status).toBe(400);
  });

  it('is forgotten past its retention', async () => {
    const { id } = await createReplay({ all: true });
    await finish(id);
    await env.PROBE.setClock(31 * 24 * 60 * MINUTE_MS);
    await env.PROBE.runCron();
    expect((await ask(`/api/replay/${id}`)).status).toBe(404);
  });
});

describe('a dry run', () => {
  it('goes on where it ended', async () => {
    const firstSeq = await storeRecent(3_000);
    const from = String(firstSeq + 1_000_000); // the 1,000th
    const { answer } = await api('POST', '/api/replay', { all: true, dryRun: true, cursor: from });
    expect(answer).toEqual({ count: 2_000, complete: true, next: null });
  });

  it('counts more than one statement walks', async () => {
    await storeRecent(60_000);
    const { answer } = await api('POST', '/api/replay', { type: 'response', dryRun: true });
    expect(answer).toEqual({ count: 6_000, complete: true, next: null });
    const counting = (await seen()).statements.filter(({ sql }) => sql.includes('FILTER'));
    expect(counting).toHaveLength(3);
  });
});
