// What reading and retrying rejections costs, by D1's own counts. It must not cost more because more are stored.

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_SCANNED_ROWS } from '../../src/store/keyset-paging.ts';
import type { Statement } from '../receiver/worker.ts';
import { ADMIN_TOKEN, ask, countRows, ORIGIN, reset, seen } from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { storeRejections } from './stored-rejections.ts';

const FEW = 1_000;
const MANY = 12_000;

/** Asks for a page; gives what it returned and the rows that D1 read for it. */
async function page(query: string) {
  const before = (await seen()).statements.length;
  const { status, answer } = await ask(`/api/rejections?${query}`);
  expect(status).toBe(200);
  const statements = (await seen()).statements.slice(before);
  expect(statements).toHaveLength(1);
  return { data: answer.data, next: answer.next, rowsRead: statements[0]?.rowsRead ?? Number.NaN };
}

/** Rows that D1 read for the first page of each of these filters. */
async function costs(): Promise<Record<string, number>> {
  const queries = [
    '',
    'integration=shop',
    'since=1970-01-01T00:00:01.100Z',
    'limit=200',
    'integration=nobody',
  ];
  const read: Record<string, number> = {};
  for (const query of queries) read[query] = (await page(query)).rowsRead;
  return read;
}

describe('reading rejections', () => {
  let withFew: Record<string, number> = {};

  beforeAll(async () => {
    await reset();
    await storeRejections({ count: FEW });
    withFew = await costs();
    await storeRejections({ count: MANY - FEW, firstSeq: 1_000_000 + FEW * 1_000 });
  }, 120_000);

  it(`costs the same with ${MANY} stored as with ${FEW}`, async () => {
    expect(await countRows('rejections')).toBe(MANY);
    expect(await costs()).toEqual(withFew);
  });

  it.each([
    ['nothing', '', 50],
    ['nothing, the most there is', 'limit=200', 200],
    ['an integration', 'integration=shop', 50],
    ['a time', 'since=1970-01-01T00:00:03Z&until=1970-01-01T00:00:04Z', 50],
    ['an integration and a time', 'integration=shop&until=1970-01-01T00:00:04Z', 50],
  ])('a page filtered by %s reads at most 3 rows for each that it returns', async (_, query, returned) => {
    const { data, rowsRead } = await page(query);
    expect(data).toHaveLength(returned);
    expect(rowsRead).toBeLessThanOrEqual(3 * returned);
  });

  it('a page deep down costs the same as the first', async () => {
    const deep = await page('cursor=2000000&limit=100');
    expect(deep.data).toHaveLength(100);
    expect(deep.rowsRead).toBe((await page('limit=100')).rowsRead);
  });

  it.each([
    ['a reason', 'reason=not-json'],
    ['an integration and a reason', 'integration=shop&reason=not-json'],
  ])(
    'a page filtered by %s gives up after the rows it may scan, with a cursor that goes on',
    async (_, query) => {
      let pages = 0;
      let cursor = '';
      do {
        const { data, next, rowsRead } = await page(`${query}${cursor}`);
        expect(data).toEqual([]);
        expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 5);
        cursor = next === null ? '' : `&cursor=${next}`;
        pages++;
      } while (cursor !== '');
      expect(pages).toBe(Math.ceil(MANY / MAX_SCANNED_ROWS));
    },
  );

  it('finds every rejection with a reason across the pages of a scan, once', async () => {
    const ids: string[] = [];
    let cursor = '';
    do {
      const { data, next } = await page(`reason=wrong-application&limit=200${cursor}`);
      ids.push(...data.map(({ id }: { id: string }) => id));
      cursor = next === null ? '' : `&cursor=${next}`;
    } while (cursor !== '');
    expect(ids).toHaveLength(MANY / 10);
    expect(new Set(ids).size).toBe(MANY / 10);
  });

  it('finds a single one by its id with a row or two', async () => {
    const before = (await seen()).statements.length;
    expect((await ask('/api/rejections/1001000')).status).toBe(200);
    expect((await seen()).statements[before]?.rowsRead).toBeLessThanOrEqual(2);
  });
});

describe('retrying rejections', () => {
  let statements: Statement[] = [];

  async function retryOldest() {
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/rejections/retry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ until: '1970-01-01T00:30:00Z' }),
    });
    return response.json();
  }

  beforeAll(async () => {
    await reset();
    const valid = `'{"event":{"type":"status","status":"read","messageId":"e' || i || '"},"message":'
      || '{"messageId":"m' || i || '","appId":"app","from":"5541988956674","to":"5541988956675"}}'`;
    await storeRejections({ count: 300, body: `iif(i % 2, ${valid}, '{}')` });
    await storeRejections({ count: MANY, firstSeq: 2_000_000_000 });
    expect(await retryOldest()).toEqual({
      retried: 300,
      stored: 150,
      duplicates: 0,
      rejected: 150,
      next: null,
    });
    ({ statements } = await seen());
  }, 120_000);

  it('reads only the rejections that are asked for, and writes only what changes', () => {
    const costs = statements.map(({ sql, rowsRead, rowsWritten }) => {
      const [, what] = /^\s*(\w+ \w+(?: \w+)?)/.exec(sql) ?? [];
      return { what, rowsRead, rowsWritten };
    });
    const about = (part: string) => costs.filter(({ what }) => what?.startsWith(part));
    expect(about('DELETE FROM rejections')).toHaveLength(1);
    expect(about('UPDATE rejections')).toHaveLength(1);
    expect(about('UPDATE rejections')[0]?.rowsWritten).toBe(150);
    for (const { rowsRead } of costs) expect(rowsRead).toBeLessThanOrEqual(4 * 300);
  });

  it('writes nothing the second time to those that stay for the same reasons', async () => {
    const before = (await seen()).statements.length;
    expect(await retryOldest()).toMatchObject({ retried: 150, rejected: 150 });
    const again = (await seen()).statements.slice(before).filter(({ sql }) => sql.includes('rejections'));
    expect(again.map(({ rowsWritten }) => rowsWritten)).toEqual([0, 0]);
  });

  it('scans no table', async () => {
    for (const statement of statements.filter(({ sql }) => sql.includes('rejections'))) {
      const plan = await planOf(statement.sql);
      expect(plan).not.toMatch(/SCAN (?:r\b|rejections)|TEMP B-TREE/);
    }
  });
});
