// What the product's statements cost, by D1's own counts. A listing must not cost more because more is stored.

import { env } from 'cloudflare:workers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MAX_SCANNED_ROWS } from '../../src/store/keyset-paging.ts';
import { api, ask, delivered, eventually, idle, reset, seen, uniqueResponse } from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { storeEvents } from './stored-events.ts';

const STORED = 100_000;

describe('a new event', () => {
  beforeEach(async () => reset());

  it('writes 4 rows, and 1 when it leaves the outbox, besides 1 for the counter of all that leave together', async () => {
    await delivered(uniqueResponse());
    await idle();

    const { statements } = await seen();
    expect(statements.map(({ sql, rowsWritten }) => [sql.trim().split(/\s/, 1)[0], rowsWritten])).toEqual([
      ['SELECT', 0],
      ['INSERT', 4],
      ['INSERT', 1],
      ['DELETE', 1],
    ]);
  });

  it('takes one statement to record and one batch to leave the outbox in a warm isolate; a repeat writes two rows', async () => {
    await delivered(uniqueResponse());
    await idle();
    const before = (await seen()).statements.length;
    const body = uniqueResponse();
    await delivered(body);
    await idle();
    expect((await seen()).statements).toHaveLength(before + 3);
    await delivered(body);

    const repeat = (await seen()).statements.slice(before + 3);
    expect(repeat.map(({ rowsWritten }) => rowsWritten)).toEqual([2]); // its own, and the counter of repeats
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
    expect(statements).toHaveLength(1);
    return { data: answer.data, next: answer.next, rowsRead: statements[0]?.rowsRead ?? Number.NaN };
  }

  it.each([
    ['nothing', '', 50],
    ['nothing, the most there is', 'limit=200', 200],
    ['a contact', 'contact=%2B5541910000007', 50],
    ['a message', 'messageId=m77', 4],
    ['a time', 'since=1970-01-01T00:00:30Z&until=1970-01-01T00:00:31Z', 50],
    ['a contact and a time', 'contact=%2B5541910000007&since=1970-01-01T00:00:30Z', 50],
  ])('a page filtered by %s reads at most 3 rows for each that it returns', async (_, query, returned) => {
    const { data, rowsRead } = await page(query);

    expect(data).toHaveLength(returned);
    expect(rowsRead).toBeLessThanOrEqual(3 * returned);
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
    expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 3 * 50);
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
    ['many', 12_000],
  ])('of which %s are not forwarded', (_, unforwarded) => {
    beforeAll(async () => {
      const everyThird = Array.from({ length: unforwarded / 2 }, (_, place) => 3 * place);
      const places = [...everyThird, ...everyThird.map((place) => STORED - 1 - place)]; // oldest and newest
      await env.DB.prepare('INSERT INTO outbox (seq) SELECT 1000000 + 1000 * value FROM json_each(?1)')
        .bind(JSON.stringify(places))
        .run();
    });

    afterAll(async () => {
      await env.DB.prepare('DELETE FROM outbox').run();
    });

    it('a page of what is not forwarded reads 3 rows for each event that it returns, deep down too', async () => {
      const first = await page('forwarded=false');
      expect(first.data).toHaveLength(50);
      expect(first.rowsRead).toBeLessThanOrEqual(3 * 50);
      const deep = await page('forwarded=false&cursor=1030000');
      expect(deep.data).toHaveLength(10);
      expect(deep.rowsRead).toBeLessThanOrEqual(3 * 10);
    });

    it.each([
      ['a period without any', 'since=1970-01-01T00:00:50Z&until=1970-01-01T00:00:50.100Z'],
      ['the time before all', 'until=1970-01-01T00:00:01Z'],
    ])('a page of what is not forwarded in %s reads one row', async (_, query) => {
      expect(await page(`forwarded=false&${query}`)).toEqual({ data: [], next: null, rowsRead: 1 });
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
        expect(ids).toEqual(await idsWhere(`${sql} AND seq IN (SELECT seq FROM outbox)`));
        expect(mostRead).toBeLessThanOrEqual(Math.min(2 * unforwarded, MAX_SCANNED_ROWS) + 3 * 200 + 5);
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
        expect(ids).toEqual(await idsWhere(`${sql} AND seq NOT IN (SELECT seq FROM outbox)`));
        expect(mostRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 3 * 200 + 5);
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

  it('an event is found by three rows at most', async () => {
    const before = (await seen()).statements.length;
    expect((await ask('/api/events/shop/m77%3Ae77%3Astatus%3Adelivered')).status).toBe(200);
    expect((await seen()).statements[before]?.rowsRead).toBeLessThanOrEqual(3);
  });
});

/** The plans of statements, each with its SQL. */
async function plansOf(statements: readonly { sql: string }[]): Promise<{ sql: string; plan: string }[]> {
  return Promise.all(statements.map(async ({ sql }) => ({ sql, plan: await planOf(sql) })));
}

describe('the statement of a listing', () => {
  const EVENTS = 'SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)';
  const OUTBOX = 'SEARCH o USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)';
  const BY_CONTACT = 'SEARCH e USING INDEX events_by_contact (contact=? AND seq>? AND seq<?)';

  it.each([
    ['', EVENTS],
    ['contact=41910000021', BY_CONTACT],
    ['type=response', EVENTS],
    ['deferred=true', EVENTS],
    ['deferred=true&contact=41910000021', BY_CONTACT],
    ['forwarded=true', EVENTS],
    ['forwarded=true&contact=41910000021', BY_CONTACT],
    ['forwarded=false', OUTBOX],
    ['forwarded=false&type=response', OUTBOX],
    ['forwarded=false&contact=41910000021', OUTBOX],
    ['forwarded=false&messageId=m3', OUTBOX],
  ])('?%s scans what it is meant to, in order, and finds the rest by its place', async (query, walked) => {
    await reset();
    await ask(`/api/events?${query}`);
    const [statement] = (await seen()).statements;
    const plan = (await planOf(String(statement?.sql))).replaceAll('COVERING INDEX', 'INDEX');

    expect(plan).toContain(walked);
    expect(plan).not.toMatch(/SCAN (?!found|scan|\(subquery)|TEMP B-TREE/);
    const others = plan
      .split('; ')
      .filter((step) => /^(SEARCH|SCAN) (e|o|outbox)\b/.test(step) && step !== walked);
    for (const step of others)
      expect(step).toMatch(/^SEARCH (e|outbox) USING INTEGER PRIMARY KEY \(rowid=\?\)/);
  });
});

describe('the statements of sweep and purge', () => {
  beforeEach(async () => reset({ RETENTION_DAYS: '1' }));

  it('find what they read by primary key', async () => {
    await env.PROBE.runCron();
    const plans = await plansOf((await seen()).statements);
    const planOf = (text: string) => plans.find(({ sql }) => sql.includes(text))?.plan;
    const purge = planOf('DELETE FROM events');

    expect(planOf('FROM outbox AS o')).toBe(
      'SEARCH o USING INTEGER PRIMARY KEY (rowid>? AND rowid<?); SCALAR SUBQUERY 1; ' +
        'SEARCH progress USING PRIMARY KEY (task=?); SEARCH e USING INTEGER PRIMARY KEY (rowid=?)',
    );
    expect(purge).toContain('SEARCH e USING INTEGER PRIMARY KEY (rowid<?)');
    expect(purge).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid=?)');
    expect(purge).not.toMatch(/SCAN (e|events|outbox)|TEMP B-TREE/);
  });

  it('read nothing of the events that stay', async () => {
    await storeEvents({ count: 2_000, firstSeq: Date.now() * 1000 });
    await env.PROBE.runCron(); // counts them
    const before = (await seen()).statements.length;
    await env.PROBE.runCron();

    for (const { sql, rowsRead } of (await seen()).statements.slice(before)) {
      if (/outbox|DELETE FROM [^c]|repla/.test(sql)) expect(rowsRead, sql).toBeLessThanOrEqual(3);
    }
  });
});

describe('the statements of a replay', () => {
  it('find events by their place, and what waits by its job', async () => {
    await reset();
    await storeEvents({ count: 50, firstSeq: (Date.now() - 60_000) * 1000 });
    const { answer } = await api('POST', '/api/replay', { all: true });
    await eventually('it is done', async () => {
      await env.PROBE.runCron();
      return (await ask(`/api/replay/${answer.id}`)).answer.state === 'done';
    });
    const plans = await plansOf((await seen()).statements.filter(({ sql }) => /repla/.test(sql)));

    for (const { sql, plan } of plans) {
      expect(plan, sql).not.toMatch(/SCAN (e|events)\b|SCAN replays(?! USING)|TEMP B-TREE FOR ORDER BY/);
      if (sql.startsWith('DELETE FROM replaying')) {
        expect(plan).toContain('SEARCH replaying USING PRIMARY KEY (job=? AND seq=?)');
      }
    }
  });
});
