import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { type ContractProblem, problemAt } from '../../src/contract/problems.ts';
import { AUDIT_ACTIONS, type AuditEntry, auditChange, recordAudit } from '../../src/store/audit.ts';
import { MAX_SCANNED_ROWS } from '../../src/store/keyset-paging.ts';
import type { AnswerAt } from '../answers.ts';
import { ask, countRows, inject, ORIGIN, reset, seen } from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-all-the-tests';
const DAY = '2026-10-20T12';
const DAY_MS = Date.parse(`${DAY}:00:00Z`);
const MINUTE_MS = 60_000;

beforeEach(async () => reset());

/** An entry of the n-th minute. */
function entryOf(minute: number, changed: Partial<AuditEntry> = {}): AuditEntry {
  const atMs = DAY_MS + minute * MINUTE_MS;
  return { actor: 'admin-token', action: 'integration.create', object: 'shop', detail: {}, atMs, ...changed };
}

async function record(...entries: AuditEntry[]): Promise<void> {
  for (const entry of entries) await recordAudit(env.DB, entry);
}

type ListedEntry = AnswerAt<'GET', '/api/audit'>['data'][number];

async function list(parameters: Record<string, string> = {}) {
  const { status, answer } = await ask(`/api/audit?${new URLSearchParams(parameters)}`);
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

/** Every page, by its cursor. */
async function walk(parameters: Record<string, string>) {
  const pages: ListedEntry[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Awaited<ReturnType<typeof list>> = await list({ ...parameters, ...(cursor && { cursor }) });
    pages.push(page.data);
    cursor = page.next;
    expect(pages.length).toBeLessThan(50);
  }
  return pages;
}

describe('the audit trail', () => {
  it('is listed newest first, each entry with who, when, what and on which object', async () => {
    await record(
      entryOf(0, { detail: { appId: 'app-1', overlapHours: 24 } }),
      entryOf(1, { actor: 'access:ana@example.com', action: 'rejection.delete', object: '17' }),
    );
    expect(await list()).toEqual({
      data: [
        {
          id: String((DAY_MS + MINUTE_MS) * 1000),
          at: `${DAY}:01:00.000Z`,
          actor: 'access:ana@example.com',
          action: 'rejection.delete',
          object: '17',
          detail: {},
        },
        {
          id: String(DAY_MS * 1000),
          at: `${DAY}:00:00.000Z`,
          actor: 'admin-token',
          action: 'integration.create',
          object: 'shop',
          detail: { appId: 'app-1', overlapHours: 24 },
        },
      ],
      next: null,
    });
  });

  it('is empty before anything was changed', async () => {
    expect(await list()).toEqual({ data: [], next: null });
    expect(await list({ actor: 'admin-token' })).toEqual({ data: [], next: null });
  });

  it('may be read with the read token, and changed by nobody', async () => {
    await reset({ READ_TOKEN });
    await record(entryOf(0));
    const headers = { authorization: `Bearer ${READ_TOKEN}` };
    const read = await env.RECEIVER.fetch(`${ORIGIN}/api/audit`, { headers });
    expect(read.status).toBe(200);
    expect(await read.json()).toMatchObject({ data: [{ object: 'shop' }] });

    const asAdmin = { authorization: `Bearer ${env.ADMIN_TOKEN}` };
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const response = await env.RECEIVER.fetch(`${ORIGIN}/api/audit`, { method, headers: asAdmin });
      expect(response.status).toBe(404);
    }
    expect(await countRows('audit')).toBe(1);
  });

  it('lets through what meets every filter given, whichever are combined', async () => {
    const actors = ['admin-token', 'access:ana@example.com'];
    const actions = ['integration.create', 'integration.delete'] as const;
    const objects = ['shop', 'mail'];
    let minute = 0;
    for (const actor of actors) {
      for (const action of actions) {
        for (const object of objects) await record(entryOf(minute++, { actor, action, object }));
      }
    }
    const all = (await list()).data;
    expect(all).toHaveLength(8);

    const since = `${DAY}:02:00Z`;
    const until = `${DAY}:06:00Z`;
    const filters: [name: string, value: string, isMet: (entry: ListedEntry) => boolean][] = [
      ['actor', 'access:ana@example.com', (entry) => entry.actor === 'access:ana@example.com'],
      ['action', 'integration.delete', (entry) => entry.action === 'integration.delete'],
      ['object', 'mail', (entry) => entry.object === 'mail'],
      ['since', since, (entry) => Date.parse(entry.at) >= Date.parse(since)],
      ['until', until, (entry) => Date.parse(entry.at) < Date.parse(until)],
    ];
    for (let combination = 0; combination < 2 ** filters.length; combination++) {
      const given = filters.filter((_, index) => combination & (1 << index));
      const parameters = Object.fromEntries(given.map(([name, value]) => [name, value]));
      const expected = all.filter((entry) => given.every(([, , isMet]) => isMet(entry)));
      expect((await list(parameters)).data, JSON.stringify(parameters)).toEqual(expected);
    }
  });

  it('is empty for unknown actors and objects', async () => {
    await record(entryOf(0));
    expect((await list({ actor: 'nobody' })).data).toEqual([]);
    expect((await list({ object: "shop' OR 1=1 --" })).data).toEqual([]);
    expect((await list({ object: '%' })).data).toEqual([]);
  });

  it.each([{}, { object: 'shop' }])('is walked by its cursor without gap or repeat: %o', async (filter) => {
    for (let index = 0; index < 11; index++) {
      await record(entryOf(0, { object: index % 3 === 0 ? 'mail' : 'shop', detail: { index } }));
    }
    const all = (await list(filter)).data;
    for (const limit of ['1', '2', '3', '7', '11']) {
      const pages = await walk({ ...filter, limit });
      expect(pages.flat(), limit).toEqual(all);
      for (const page of pages) expect(page.length).toBeLessThanOrEqual(Number(limit));
    }
    expect(await walk({ ...filter, limit: '200' })).toEqual([all]);
  });

  it('goes on from a cursor under other filters, too', async () => {
    for (let minute = 0; minute < 6; minute++) await record(entryOf(minute));
    const cursor = (await list({ limit: '2' })).next ?? '';
    const minutesOf = async (parameters: Record<string, string>) =>
      (await list({ cursor, ...parameters })).data.map(({ at }) => Number(at.slice(14, 16)));
    expect(await minutesOf({})).toEqual([3, 2, 1, 0]);
    expect(await minutesOf({ until: `${DAY}:02:00Z` })).toEqual([1, 0]);
    expect(await minutesOf({ until: `${DAY}:05:00Z` })).toEqual([3, 2, 1, 0]);
    expect(await minutesOf({ since: `${DAY}:02:00Z`, object: 'shop' })).toEqual([3, 2]);
  });

  it('keeps its pages while entries are added', async () => {
    for (let minute = 0; minute < 4; minute++) await record(entryOf(minute));
    const first = await list({ limit: '2' });
    await record(entryOf(9));
    const second = await list({ limit: '2', cursor: first.next ?? '' });
    expect([...first.data, ...second.data].map(({ at }) => at)).toEqual(
      ['03', '02', '01', '00'].map((minute) => `${DAY}:${minute}:00.000Z`),
    );
  });

  it.each<[string, ContractProblem[]]>([
    ['actor=', [problemAt('actor', 'empty')]],
    ['object=', [problemAt('object', 'empty')]],
    ['object=shop&object=mail', [problemAt('object', 'repeated')]],
    ['since=yesterday', [problemAt('since', 'not-a-moment')]],
    ['until=2026-10-20', [problemAt('until', 'not-a-moment')]],
    ['limit=0', [problemAt('limit', 'too-small', { min: 1 })]],
    ['limit=201', [problemAt('limit', 'too-big', { max: 200 })]],
    ['cursor=first', [problemAt('cursor', 'not-a-cursor')]],
    ['by=ana', [problemAt('by', 'unknown')]],
    [
      'actor=&limit=no&Object=shop',
      [
        problemAt('actor', 'empty'),
        problemAt('limit', 'wrong-type', { expected: 'number', received: 'string' }),
        problemAt('Object', 'unknown'),
      ],
    ],
  ])('refuses parameters that make no sense, each named: %s', async (query, errors) => {
    expect(await ask(`/api/audit?${query}`)).toEqual({
      status: 400,
      answer: {
        type: '/problems/invalid-parameters',
        title: 'Invalid parameters',
        status: 400,
        detail: 'Parameters are not valid; see errors.',
        errors,
      },
    });
  });

  it.each(['integration', 'integration.read', '__proto__', ''])(
    'knows no action named %j',
    async (action) => {
      const { status, answer } = await ask(`/api/audit?${new URLSearchParams({ action })}`);
      expect(status).toBe(400);
      expect(answer.errors).toEqual([problemAt('action', 'not-one-of', { values: [...AUDIT_ACTIONS] })]);
    },
  );

  it('is answered 503 when the database cannot be read', async () => {
    await inject({ d1: { kind: 'reject' } });
    expect((await ask('/api/audit')).status).toBe(503);
  });
});

describe('a change', () => {
  const enable = (slug: string) =>
    env.DB.prepare('UPDATE integrations SET enabled = 0 WHERE slug = ?1').bind(slug);

  it('is recorded with what it changed', async () => {
    await env.DB.batch([enable('shop'), auditChange(env.DB, entryOf(0, { action: 'integration.disable' }))]);
    expect((await list()).data).toMatchObject([{ action: 'integration.disable', object: 'shop' }]);
  });

  it('is not recorded when it changed nothing', async () => {
    await env.DB.batch([enable('nobody'), auditChange(env.DB, entryOf(0, { object: 'nobody' }))]);
    expect((await list()).data).toEqual([]);
  });

  it('keeps its place when the clock goes back', async () => {
    await record(entryOf(5, { object: 'first' }), entryOf(0, { object: 'second' }));
    expect((await list()).data.map(({ object }) => object)).toEqual(['second', 'first']);
  });
});

describe('the cost of a listing', () => {
  const STORED = 20_000;

  /** Entries of a minute each, of which only the very first is of `mail`. */
  async function recordMany(): Promise<void> {
    await env.DB.prepare(
      `WITH RECURSIVE minute (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM minute WHERE n < ?2 - 1)
       INSERT INTO audit (seq, actor, action, object, detail)
       SELECT (?1 + n * 60000) * 1000, 'admin-token', 'integration.update', iif(n = 0, 'mail', 'shop'), '{}' FROM minute`,
    )
      .bind(DAY_MS, STORED)
      .run();
  }

  async function rowsReadBy(parameters: Record<string, string>): Promise<number> {
    const before = (await seen()).statements.length;
    await list(parameters);
    const statements = (await seen()).statements.slice(before);
    expect(statements).toHaveLength(1);
    return statements[0]?.rowsRead ?? 0;
  }

  it('does not depend on how many entries there are', async () => {
    await recordMany();
    expect(await rowsReadBy({ limit: '50' })).toBeLessThanOrEqual(3 * 50 + 10);
    expect(await rowsReadBy({ limit: '50', until: `${DAY}:30:00Z` })).toBeLessThanOrEqual(3 * 50 + 10);
    expect(await rowsReadBy({ limit: '50', object: 'shop' })).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 200);
    expect(await rowsReadBy({ limit: '50', object: 'mail' })).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 200);
  });

  it('is bounded by pages that go on where the filter lets little through, to the very first entry', async () => {
    await recordMany();
    const pages = await walk({ object: 'mail' });
    expect(pages.slice(0, 3)).toEqual([[], [], []]);
    expect(pages.flat()).toMatchObject([{ object: 'mail', at: `${DAY}:00:00.000Z` }]);
    expect(pages.length).toBeLessThanOrEqual(STORED / MAX_SCANNED_ROWS + 1);
  });
});
