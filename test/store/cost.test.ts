// What the product's statements cost, by D1's own counts. A listing must not cost more because more is stored.

import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_SCANNED_ROWS } from '../../src/store/keyset-paging.ts';
import {
  addFurtherRoutes,
  api,
  ask,
  delivered,
  eventually,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  onlyOne,
  reset,
  seen,
  underWay,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { forwardAllBut, storeEvents } from './stored-events.ts';

const STORED = 100_000;

describe('a new event', () => {
  beforeEach(async () => reset());

  /** What each statement wrote since the last reset, but for those that only read. */
  async function written(): Promise<[verb: string, rows: number][]> {
    const { statements } = await seen();
    return statements
      .filter(({ sql }) => !/^\s*SELECT/.test(sql))
      .map(({ sql, rowsWritten }) => [sql.trim().split(/\s+/).slice(0, 3).join(' '), rowsWritten]);
  }

  it('writes 3 rows, and 1 when it is confirmed', async () => {
    await delivered(uniqueResponse());
    await idle();
    expect(await written()).toEqual([
      ['INSERT INTO events', 3],
      ['INSERT INTO forwarded', 0],
      ['UPDATE routes SET', 1],
      ['DELETE FROM forwarded', 0],
    ]);
  });

  it('takes one batch to record and one to confirm in a warm isolate; a repeat writes two rows', async () => {
    await delivered(uniqueResponse());
    await idle();
    const before = (await seen()).statements.length;
    const body = uniqueResponse();
    await delivered(body);
    await idle();
    expect((await seen()).statements.slice(before).map(({ sql }) => sql.trim().split(/\s/, 1)[0])).toEqual([
      'SELECT',
      'INSERT',
      'INSERT',
      'UPDATE',
      'DELETE',
    ]);
    const after = (await seen()).statements.length;
    await delivered(body);
    await idle();

    const repeat = (await seen()).statements.slice(after);
    expect(repeat.map(({ rowsWritten }) => rowsWritten)).toEqual([0, 2]); // its own, and the counter of repeats
  });

  it('in a group of 60 writes 3.1 rows at most, and a row more a group for each further route', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] }, desk: { types: ['status'] } });
    await delivered(uniqueResponse());
    await idle();
    const before = (await seen()).statements.length;
    await inject({ d1: { kind: 'late', on: 'INSERT INTO events' } });
    const first = delivered(uniqueResponse()); // the others wait for it, and go together
    await heldBack();
    const others = Promise.all(Array.from({ length: 60 }, async () => delivered(uniqueResponse())));
    await underWay(60);
    await inject({});
    await Promise.all([first, others]);
    await idle();
    const statements = (await seen()).statements.slice(before);
    const rows = statements.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    expect(await waitingOn('crm')).toBe(0);
    expect(await forwardedEvents('crm')).toHaveLength(62);
    expect(await forwardedEvents('desk')).toHaveLength(0);
    expect(rows).toBeLessThanOrEqual(3 * 61 + 3 * 2);
  });
});

describe('a minute in which nothing happens', () => {
  it('writes a row for each of the tasks that tell when they ran, and reads a few for each route', async () => {
    await reset();
    await addFurtherRoutes({ crm: {}, desk: {} });
    await delivered(uniqueResponse());
    await idle();
    await env.PROBE.runCron();
    await env.PROBE.runCron();
    const before = (await seen()).statements.length;
    await env.PROBE.runCron();
    const statements = (await seen()).statements.slice(before);
    const wrote = statements.filter(({ rowsWritten }) => rowsWritten > 0).map(({ sql }) => sql);
    expect(wrote.every((sql) => sql.includes('INSERT INTO progress'))).toBe(true);
    expect(wrote.length).toBeLessThanOrEqual(3);
    expect(statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThanOrEqual(100);
  });
});

describe(`with ${STORED} events stored`, () => {
  beforeAll(async () => {
    await reset();
    await storeEvents({ count: STORED });
  }, 120_000);

  /** Asks for a page; gives what it returned and the rows that D1 read for it. */
  async function page(query: string) {
    const { count } = await env.PROBE.statementsFrom(Number.POSITIVE_INFINITY);
    const { status, answer } = await ask(`/api/events?${query}`);
    expect(status).toBe(200);
    const { statements } = await env.PROBE.statementsFrom(count);
    expect(statements.length).toBeLessThanOrEqual(query.includes('forwarded=false') ? 3 : 1);
    return {
      data: answer.data,
      next: answer.next,
      rowsRead: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    };
  }

  it.each([
    ['nothing', '', 50],
    ['nothing, the most there is', 'limit=200', 200],
    ['a contact', 'contact=%2B5541910000007', 50],
    ['a message', 'messageId=m77', 4],
    ['a time', 'since=1970-01-01T00:00:30Z&until=1970-01-01T00:00:31Z', 50],
    ['a contact and a time', 'contact=%2B5541910000007&since=1970-01-01T00:00:30Z', 50],
  ])('a page filtered by %s reads at most 4 rows for each that it returns', async (_, query, returned) => {
    const { data, rowsRead } = await page(query);

    expect(data).toHaveLength(returned);
    expect(rowsRead).toBeLessThanOrEqual(4 * returned);
  });

  it('a page deep down costs the same as the first', async () => {
    const deep = await page('cursor=2000000&limit=100');
    const shallow = await page('limit=100');

    expect(deep.data).toHaveLength(100);
    expect(deep.rowsRead).toBe(shallow.rowsRead);
  });

  it.each([
    ['a type', 'type=response'],
    ['a status', 'status=delivered'],
    ['an integration', 'integration=shop'],
    ['what was not deferred', 'deferred=false'],
  ])('a page filtered by %s reads little where matches are frequent', async (_, query) => {
    const { data, rowsRead } = await page(query);

    expect(data).toHaveLength(50);
    expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 4 * 50);
  });

  it.each([
    ['a status that none has', 'status=failed'],
    ['an integration that none came to', 'integration=nobody'],
    ['a type and a status that exclude each other', 'type=response&status=read'],
    ['what was deferred, where nothing was', 'deferred=true'],
  ])(
    'a page filtered by %s gives up after the rows it may scan, with a cursor that goes on',
    async (_, query) => {
      let { data, next, rowsRead } = await page(query);
      expect(data).toEqual([]);
      expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 5);

      let pages = 1;
      for (; next !== null; pages++) {
        ({ data, next, rowsRead } = await page(`${query}&cursor=${next}`));
        expect(data).toEqual([]);
        expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 5);
      }
      expect(pages).toBeGreaterThanOrEqual(STORED / MAX_SCANNED_ROWS);
    },
  );

  it('finds every match of a rare kind across the pages of a scan, once', async () => {
    await env.DB.prepare("UPDATE events SET status = 'failed' WHERE seq % 7777000 = 0").run();
    const expected = await env.DB.prepare(
      "SELECT count(*) AS n FROM events WHERE status = 'failed'",
    ).first<number>('n');
    const ids = new Set<string>();
    let listed = 0;
    let cursor = '';
    do {
      const { data, next } = await page(`status=failed${cursor}`);
      for (const { id } of data) ids.add(id);
      listed += data.length;
      cursor = next === null ? '' : `&cursor=${next}`;
    } while (cursor !== '');

    expect(ids.size).toBe(expected);
    expect(listed).toBe(expected);
  });

  describe.each([
    ['few', 60],
    ['many', 1_200],
  ])('of which %s are not forwarded', (_, unforwarded) => {
    beforeAll(async () => {
      const everyThird = Array.from({ length: unforwarded / 2 }, (_, place) => 3 * place);
      const places = [...everyThird, ...everyThird.map((place) => STORED - 1 - place)]; // oldest and newest
      waits = `seq IN (SELECT 1000000 + 1000 * value FROM json_each('${JSON.stringify(places)}'))`;
      await forwardAllBut(waits);
    });

    let waits = '';

    afterAll(async () => forwardAllBut('false'));

    it('a page of what is not forwarded reads a few rows for each event that it returns, deep down too', async () => {
      for (const cursor of ['', '&cursor=1030000']) {
        const { data, rowsRead } = await page(`forwarded=false${cursor}`);
        expect(data).toHaveLength(cursor === '' ? 50 : 10);
        expect(rowsRead).toBeLessThanOrEqual(12 * unforwarded + 20 * 50);
      }
    });

    it.each([
      ['a period without any', 'since=1970-01-01T00:00:50Z&until=1970-01-01T00:00:50.100Z'],
      ['the time before all', 'until=1970-01-01T00:00:01Z'],
    ])('a page of what is not forwarded in %s is empty', async (_, query) => {
      const { data, next } = await page(`forwarded=false&${query}`);
      expect([data, next]).toEqual([[], null]);
    });

    it.each([
      ['nothing else', '', 'true'],
      ['a type', 'type=response', "type = 'response'"],
      ['an integration', 'integration=shop', "integration = 'shop'"],
      ['a status that none has', 'status=sent', 'false'],
      ['a contact', 'contact=%2B5541910000021', "contact = '+5541910000021'"],
      ['a message', 'messageId=m3', "id LIKE 'm3:%'"],
      ['deferral', 'deferred=true', 'false'],
      [
        'a type and a period',
        'type=response&since=1970-01-01T00:00:05Z',
        "type = 'response' AND seq >= 5000000",
      ],
    ])(
      'the events that are not forwarded filtered by %s are found, at no more rows a page than a scan may take',
      async (_, query, sql) => {
        const { ids, mostRead } = await walkAll(`forwarded=false&${query}`);
        expect(ids).toEqual(await idsWhere(`${sql} AND ${waits}`));
        expect(mostRead).toBeLessThanOrEqual(6 * unforwarded + MAX_SCANNED_ROWS + 4 * 200);
      },
    );

    it.each([
      ['nothing else', '', 'true'],
      ['a status that none has', 'status=sent', 'false'],
      ['a contact', 'contact=%2B5541910000021', "contact = '+5541910000021'"],
      ['a message', 'messageId=m3', "id LIKE 'm3:%'"],
    ])(
      'the forwarded ones filtered by %s are found, at no more rows a page than a scan may take',
      async (_, query, sql) => {
        const { ids, mostRead } = await walkAll(`forwarded=true&${query}`);
        expect(ids).toEqual(await idsWhere(`${sql} AND NOT ${waits}`));
        expect(mostRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 6 * 200);
      },
    );

    /** All pages: what they list, and what the dearest of them read. */
    async function walkAll(query: string): Promise<{ ids: string[]; mostRead: number }> {
      const ids: string[] = [];
      let mostRead = 0;
      let cursor = '';
      do {
        const { data, next, rowsRead } = await page(`${query}&limit=200${cursor}`);
        ids.push(...data.map(({ id }) => id));
        mostRead = Math.max(mostRead, rowsRead);
        cursor = next === null ? '' : `&cursor=${next}`;
      } while (cursor !== '');
      return { ids, mostRead };
    }

    async function idsWhere(condition: string): Promise<string[]> {
      const { results } = await env.DB.prepare(
        `SELECT id FROM events WHERE ${condition} ORDER BY seq DESC`,
      ).run<{ id: string }>();
      return results.map(({ id }) => id);
    }
  });

  it('an event is found by four rows at most', async () => {
    const before = (await seen()).statements.length;
    expect((await ask('/api/events/shop/m77%3Ae77%3Astatus%3Adelivered')).status).toBe(200);
    expect((await seen()).statements[before]?.rowsRead).toBeLessThanOrEqual(4);
  });
});

/** The plans of statements, each with its SQL. */
async function plansOf(statements: readonly { sql: string }[]): Promise<{ sql: string; plan: string }[]> {
  return Promise.all(statements.map(async ({ sql }) => ({ sql, plan: await planOf(sql) })));
}

describe('the statement of a listing', () => {
  const EVENTS = 'SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)';
  const BY_CONTACT = 'SEARCH e USING INDEX events_by_contact (contact=? AND seq>? AND seq<?)';

  it.each([
    ['', EVENTS],
    ['contact=41910000021', BY_CONTACT],
    ['type=response', EVENTS],
    ['deferred=true', EVENTS],
    ['deferred=true&contact=41910000021', BY_CONTACT],
    ['forwarded=true', EVENTS],
    ['forwarded=true&contact=41910000021', BY_CONTACT],
  ])('?%s scans what it is meant to, in order, and finds the rest by its place', async (query, walked) => {
    await reset();
    await ask(`/api/events?${query}`);
    const [statement] = (await seen()).statements;
    const plan = (await planOf(String(statement?.sql))).replaceAll('COVERING INDEX', 'INDEX');

    expect(plan).toContain(walked);
    expect(plan).not.toMatch(/SCAN (?!found|scan|r\b|\(subquery|json_each)|TEMP B-TREE/);
    const others = plan.split('; ').filter((step) => /^(SEARCH|SCAN) e\b/.test(step) && step !== walked);
    for (const step of others) expect(step).toMatch(/^SEARCH e USING INTEGER PRIMARY KEY \(rowid=\?\)/);
  });
});

describe('the statements of sweep and purge', () => {
  beforeEach(async () => reset({ RETENTION_DAYS: '1' }));

  it('find what they read by primary key', async () => {
    await env.PROBE.runCron();
    const plans = await plansOf((await seen()).statements);
    const planOf = (text: string) => plans.find(({ sql }) => sql.includes(text))?.plan;
    const purge = planOf('DELETE FROM events');

    expect(planOf('position < log.last')).not.toMatch(/SCAN events|TEMP B-TREE/);
    expect(purge).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid<?)');
    expect(purge).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid=?)');
    expect(purge).not.toMatch(/SCAN (e|events)|TEMP B-TREE/);
  });

  it('read nothing of the events that stay', async () => {
    await storeEvents({ count: 2_000, firstSeq: Date.now() * 1000 });
    await env.PROBE.runCron(); // counts them
    const before = (await seen()).statements.length;
    await env.PROBE.runCron();

    for (const { sql, rowsRead } of (await seen()).statements.slice(before)) {
      if (/routes|DELETE FROM [^c]|repla/.test(sql)) expect(rowsRead, sql).toBeLessThanOrEqual(8);
    }
  });
});

describe('the statements of a replay', () => {
  it('find events by their place', async () => {
    await reset();
    await storeEvents({ count: 50, firstSeq: (Date.now() - 60_000) * 1000 });
    const { answer } = await api('POST', '/api/replay', { all: true });
    await eventually('it is done', async () => {
      await env.PROBE.runCron();
      return (await ask(`/api/replay/${onlyOne(answer.data).id}`)).answer.state === 'done';
    });
    const plans = await plansOf((await seen()).statements.filter(({ sql }) => /repla/.test(sql)));

    for (const { sql, plan } of plans) {
      expect(plan, sql).not.toMatch(/SCAN (e|events)\b/);
    }
  });
});
