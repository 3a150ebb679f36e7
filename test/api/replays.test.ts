import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { STATUSES } from '../../src/contract/webhook.ts';
import { MAX_PUT_BACK, MAX_SCANNED_FOR_REPLAY } from '../../src/store/replay-steps.ts';
import { storeEvents } from '../store/stored-events.ts';
import {
  api,
  ask,
  countRows,
  delivered,
  eventually,
  type Fields,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  reset,
  seen,
  uniqueResponse,
} from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-all-the-tests';
const MINUTE_MS = 60_000;

beforeEach(async () => reset());
afterEach(async () => inject({}));

/** Stores an event and waits until it is forwarded. */
async function forwardedEvent(): Promise<string> {
  const { answer } = await delivered(uniqueResponse());
  await eventually('it is forwarded', async () => (await countRows('outbox')) === 0);
  return answer.id;
}

const replayPath = (id: string) => `/api/events/shop/${encodeURIComponent(id)}/replay`;

async function replaysOf(id: string): Promise<(number | undefined)[]> {
  return (await forwardedEvents()).filter((event) => event.id === id).map(({ replay }) => replay);
}

/** Events of the last hour, which no purge takes. */
async function storeRecent(count: number, more: Partial<Parameters<typeof storeEvents>[0]> = {}) {
  const firstSeq = (Date.now() - 60 * MINUTE_MS) * 1000;
  await storeEvents({ count, firstSeq, ...more });
  return firstSeq;
}

async function createJob(request: Fields) {
  const { status, answer } = await api('POST', '/api/replay', request);
  expect(status, JSON.stringify(answer)).toBe(202);
  return answer;
}

/** Runs the cron, a minute later each time, until the job is over. */
async function finish(id: string) {
  for (let minute = 1; minute < 30; minute++) {
    const { answer } = await ask(`/api/replay/${id}`);
    if (answer.state !== 'running') return answer;
    await env.PROBE.setClock(minute * MINUTE_MS);
    await env.PROBE.runCron();
  }
  throw new Error('the job does not end');
}

async function counted(kind: string): Promise<number> {
  const sql = 'SELECT coalesce(sum(count), 0) AS n FROM counters WHERE step = 60 AND kind = ?1';
  return (await env.DB.prepare(sql).bind(kind).first<number>('n')) ?? 0;
}

/** How many events were put back so often. */
async function putBackTimes(): Promise<Record<number, number>> {
  const { results } = await env.DB.prepare('SELECT replays, count(*) AS n FROM events GROUP BY 1').run<{
    replays: number;
    n: number;
  }>();
  return Object.fromEntries(results.map(({ replays, n }) => [replays, n]));
}

describe('the replay of one event', () => {
  it('forwards it at once, under the same id, counted up each time', async () => {
    const id = await forwardedEvent();
    expect(await api('POST', replayPath(id))).toEqual({ status: 202, answer: { replay: 1 } });
    await eventually('it is forwarded', async () => (await replaysOf(id)).length === 2);
    await eventually('it waits no more', async () => (await countRows('replaying')) === 0);
    expect(await api('POST', replayPath(id))).toEqual({ status: 202, answer: { replay: 2 } });
    await eventually('it is forwarded', async () => (await replaysOf(id)).length === 3);
    await eventually('it waits no more', async () => (await countRows('replaying')) === 0);

    expect(await replaysOf(id)).toEqual([undefined, 1, 2]);
    const [first, again] = (await forwardedEvents()).filter((event) => event.id === id);
    expect(again).toEqual({ ...first, replay: 1, bytes: again?.bytes });
    expect([await counted('forwarded'), await counted('replayed')]).toEqual([1, 2]);
  });

  it('is recorded with who asked for it', async () => {
    const id = await forwardedEvent();
    await api('POST', replayPath(id));
    const { answer } = await ask('/api/audit?action=event.replay');
    expect(answer.data).toMatchObject([{ actor: 'admin-token', object: `shop/${id}` }]);
  });

  it('is refused when there is no such event, and to a token that may only read', async () => {
    await reset({ READ_TOKEN });
    const id = await forwardedEvent();
    expect((await api('POST', replayPath('m:e:response'))).status).toBe(404);
    expect((await api('POST', `/api/events/nobody/${encodeURIComponent(id)}/replay`)).status).toBe(404);
    expect((await api('POST', replayPath(id), undefined, READ_TOKEN)).status).toBe(403);
    expect(await countRows('replaying')).toBe(0);
    expect(await countRows('audit')).toBe(0);
  });

  it('asked for again while it waits is one message, with the later number', async () => {
    const id = await forwardedEvent();
    await inject({ events: { kind: 'reject' } });
    await api('POST', replayPath(id));
    expect((await api('POST', replayPath(id))).answer).toEqual({ replay: 2 });
    await eventually('both have failed', async () => {
      return (await seen()).logged.filter((line) => line.includes('"forwarding failed"')).length === 2;
    });
    expect(await countRows('replaying')).toBe(1);
    await inject({});
    await env.PROBE.runCron();
    expect(await replaysOf(id)).toEqual([undefined, 2]);
    expect(await countRows('replaying')).toBe(0);
  });

  it('asked for again while it is being sent is sent once more', async () => {
    const id = await forwardedEvent();
    await inject({ events: { kind: 'late-answer', times: 1 } });
    await api('POST', replayPath(id));
    await heldBack();
    await env.DB.prepare('UPDATE replaying SET replay = 2').run(); // as by a request that dies then
    await inject({});
    await idle();
    expect((await seen()).statements.some(({ sql }) => sql.startsWith('DELETE FROM replaying'))).toBe(true);
    expect(await countRows('replaying')).toBe(1);
    await env.PROBE.runCron();
    expect(await replaysOf(id)).toEqual([undefined, 1, 2]);
    expect(await counted('replayed')).toBe(1); // the one that was superseded while it was sent is not
  });

  it('is dropped when the event is deleted while it waits', async () => {
    const id = await forwardedEvent();
    await inject({ events: { kind: 'reject' } });
    await api('POST', replayPath(id));
    await eventually('it has failed', async () =>
      (await seen()).logged.some((line) => line.includes('"forwarding failed"')),
    );
    await env.DB.prepare('DELETE FROM events').run();
    await inject({});
    await env.PROBE.runCron();
    expect(await countRows('replaying')).toBe(0);
    expect(await replaysOf(id)).toEqual([undefined]);
  });
});

describe('a request to replay many', () => {
  it.each([
    ['nothing', {}, problemAt('all', 'all-or-filter')],
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

  it('is refused to who may only read', async () => {
    await reset({ READ_TOKEN });
    expect((await api('POST', '/api/replay', { all: true }, READ_TOKEN)).status).toBe(403);
    expect((await api('POST', '/api/replay/1/cancel', undefined, READ_TOKEN)).status).toBe(403);
  });
});

describe('a job', () => {
  it('puts back and forwards the events that match, and says how far it is', async () => {
    await storeRecent(300, { everyNthIsResponse: 3 });
    const created = await createJob({ type: 'response', integration: 'shop' });
    expect(created).toMatchObject({
      state: 'running',
      filter: { type: 'response', integration: 'shop' },
      actor: 'admin-token',
      progress: 0,
      putBack: 0,
      forwarded: 0,
    });
    const done = await finish(created.id);
    expect(done).toMatchObject({ state: 'done', progress: 1, putBack: 100, forwarded: 100, waiting: 0 });

    const forwarded = await forwardedEvents();
    expect(forwarded).toHaveLength(100);
    expect(new Set(forwarded.map(({ id, replay, type }) => [id.split(':')[2], replay, type].join()))).toEqual(
      new Set(['response,1,digital.grupoboticario.instantmessage.response']),
    );
    expect(await putBackTimes()).toEqual({ 0: 200, 1: 100 });
    expect(await counted('replayed')).toBe(100);
    const { answer } = await ask('/api/audit?action=replay.create');
    expect(answer.data).toMatchObject([{ object: created.id, detail: { type: 'response' } }]);
  });

  it('has its address in the Location header', async () => {
    const response = await env.RECEIVER.fetch('https://receiver.example/api/replay', {
      method: 'POST',
      headers: { authorization: 'Bearer admin-token-of-the-tests', 'content-type': 'application/json' },
      body: '{"all":true}',
    });
    const { id } = await response.json<{ id: string }>();
    expect(response.headers.get('location')).toBe(`/api/replay/${id}`);
    expect((await finish(id)).state).toBe('done'); // nothing is stored
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
    const { results } = await env.DB.prepare(`SELECT seq FROM events WHERE ?1 AND ${sql}`)
      .bind(firstSeq)
      .run<{ seq: number }>();
    expect(results.length).toBeGreaterThan(0);
    const dryRun = await api('POST', '/api/replay', { ...request, dryRun: true });
    expect(dryRun).toEqual({ status: 200, answer: { count: results.length, complete: true, next: null } });
    expect(await countRows('replays')).toBe(0);

    const { id } = await createJob(request);
    expect(await finish(id)).toMatchObject({ putBack: results.length, forwarded: results.length });
    const putBack = await env.DB.prepare('SELECT seq FROM events WHERE replays = 1 ORDER BY seq').run();
    expect(putBack.results).toEqual(results.toSorted((a, b) => a.seq - b.seq));
  });

  it('does not replay what arrives after it was made', async () => {
    await storeRecent(10);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createJob({ all: true });
    await delivered(uniqueResponse());
    await inject({});
    expect(await finish(id)).toMatchObject({ putBack: 10, forwarded: 10 });
    expect(await putBackTimes()).toEqual({ 0: 1, 1: 10 });
  });

  it('that is cancelled puts nothing more back, and what waits of it is not forwarded', async () => {
    await storeRecent(MAX_PUT_BACK + 500);
    await inject({ events: { kind: 'reject' } });
    const { id } = await createJob({ all: true });
    const single = (await env.DB.prepare('SELECT id FROM events LIMIT 1').first<string>('id')) as string;
    await api('POST', replayPath(single));
    await eventually('some were put back', async () => (await countRows('replaying')) > 100);
    const cancelled = await api('POST', `/api/replay/${id}/cancel`);
    expect(cancelled).toMatchObject({
      status: 200,
      answer: { state: 'cancelled', forwarded: 0, waiting: 0 },
    });
    await idle(); // what the requests began has failed
    await inject({});
    await env.PROBE.setClock(2 * MINUTE_MS);
    await env.PROBE.runCron();

    expect((await forwardedEvents()).map((event) => event.id)).toEqual([single]); // another replay than the job's
    const { answer } = await ask(`/api/replay/${id}`);
    expect(answer).toEqual(cancelled.answer);
    expect((await api('POST', `/api/replay/${id}/cancel`)).status).toBe(409);
    const audit = await ask('/api/audit?action=replay.cancel');
    expect(audit.answer.data).toMatchObject([{ object: id }]);
  });

  it.each(['7', 'x', '0', '99999999999999999999'])('is not found by an id that is none: %s', async (id) => {
    expect((await ask(`/api/replay/${id}`)).status).toBe(404);
    expect((await api('POST', `/api/replay/${id}/cancel`)).status).toBe(404);
  });

  it('keeps the contact of its filter only while it runs, and never in the audit trail', async () => {
    await storeRecent(100);
    await inject({ events: { kind: 'reject' } });
    const { id, filter } = await createJob({ contact: '41 91000-0007' });
    expect(filter).toEqual({ contact: '+5541910000007' });
    await inject({});
    expect((await finish(id)).filter).toEqual({ contact: '***' });
    const { results } = await env.DB.prepare('SELECT object, detail FROM audit').run();
    expect(JSON.stringify(results)).not.toContain('10000007');
  });

  it('takes turns with others, each with its own count', async () => {
    await storeRecent(3_000, { everyNthIsResponse: 3 });
    const jobs = await Promise.all([createJob({ all: true }), createJob({ type: 'response' })]);
    const [all, responses] = [await finish(jobs[0]?.id), await finish(jobs[1]?.id)];
    expect(all).toMatchObject({ state: 'done', putBack: 3_000, forwarded: 3_000 });
    expect(responses).toMatchObject({ state: 'done', putBack: 1_000, forwarded: 1_000 });
    expect(await putBackTimes()).toEqual({ 1: 2_000, 2: 1_000 });
  });

  it('skips events that do not match, many rows at a time', async () => {
    await storeRecent(MAX_SCANNED_FOR_REPLAY + 2_000);
    await env.DB.prepare(
      "UPDATE events SET status = 'failed' WHERE seq = (SELECT max(seq) FROM events)",
    ).run();
    const { id } = await createJob({ status: 'failed' });
    expect(await finish(id)).toMatchObject({ putBack: 1, forwarded: 1, progress: 1 });
    for (const { sql, rowsRead } of (await seen()).statements) {
      if (sql.includes('json_group_array')) expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_FOR_REPLAY + 1);
    }
  });

  it('is among the jobs, newest first, a page at a time', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await createJob({ all: true })).id);
    const listed: string[] = [];
    let cursor = '';
    do {
      const { answer } = await ask(`/api/replay?limit=2${cursor}`);
      listed.push(...answer.data.map((job) => job.id));
      cursor = answer.next === null ? '' : `&cursor=${answer.next}`;
    } while (cursor !== '');
    const newestFirst = ids.toSorted((a, b) => Number(b) - Number(a)); // some within the same millisecond
    expect(listed).toEqual(newestFirst);
    expect((await ask('/api/replay?limits=2')).status).toBe(400);
  });

  it('is forgotten past its retention', async () => {
    const { id } = await createJob({ all: true });
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
