import { env } from 'cloudflare:workers';
import { type ConsumeOptions, consume, d1Once, type OnceStore, onceTableSql } from 'instant-message-consumer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { batchOf, responseEvent } from './events.ts';

const TABLE = 'once_tests';
const KEY = { source: '/webhooks/shop', id: 'event', replay: '0' };
const NOW_MS = 1_800_000_000_000;
const LEASE_MS = 900_000;

const db = env.KIT_STATE;
let store: OnceStore;
beforeEach(async () => {
  await db.exec(`DROP TABLE IF EXISTS ${TABLE}`);
  store = d1Once(db, { table: TABLE });
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

async function granted(nowMs: number, key = KEY): Promise<string> {
  const claim = await store.claim(key, nowMs);
  if (claim.kind !== 'granted') throw new Error(`the claim was ${claim.kind}`);
  return claim.token;
}

describe('a claim in D1', () => {
  it('is granted to only one of many that ask at once', async () => {
    await db.exec(onceTableSql(TABLE).replaceAll('\n', ' '));
    const claims = await Promise.all(Array.from({ length: 10 }, async () => store.claim(KEY, NOW_MS)));
    expect(claims.filter(({ kind }) => kind === 'granted')).toHaveLength(1);
    expect(claims.filter(({ kind }) => kind === 'taken')).toHaveLength(9);
    expect(claims).toContainEqual({ kind: 'taken', untilMs: NOW_MS + LEASE_MS });
  });

  it('is one for each source, id and replay', async () => {
    await granted(NOW_MS);
    await granted(NOW_MS, { ...KEY, source: '/webhooks/other' });
    await granted(NOW_MS, { ...KEY, id: 'other' });
    await granted(NOW_MS, { ...KEY, replay: '1764312284000000' });
    await granted(NOW_MS, { ...KEY, replay: '1764312284000001' });
  });

  it('is granted again only after its lease', async () => {
    await granted(NOW_MS);
    expect(await store.claim(KEY, NOW_MS + LEASE_MS - 1)).toMatchObject({ kind: 'taken' });
    await granted(NOW_MS + LEASE_MS);
  });

  it('is never granted again once the event is done', async () => {
    await granted(NOW_MS);
    await store.done(KEY);
    expect(await store.claim(KEY, NOW_MS + 10 * LEASE_MS)).toEqual({ kind: 'done' });
  });

  it('is granted at once after it was released', async () => {
    await store.release(KEY, await granted(NOW_MS));
    await granted(NOW_MS + 1);
  });

  it('is not released by an earlier holder', async () => {
    const early = await granted(NOW_MS);
    await granted(NOW_MS + LEASE_MS);
    await store.release(KEY, early);
    expect(await store.claim(KEY, NOW_MS + LEASE_MS + 1)).toMatchObject({ kind: 'taken' });
  });

  it('stays done when an earlier holder releases it', async () => {
    const token = await granted(NOW_MS);
    await store.done(KEY);
    await store.release(KEY, token);
    expect(await store.claim(KEY, NOW_MS)).toEqual({ kind: 'done' });
  });

  it('is pruned after its time, in steps, oldest first', async () => {
    const day = 86_400_000;
    for (let index = 0; index < 3; index++) await granted(NOW_MS + index * day, { ...KEY, id: `${index}` });
    await store.prune?.(NOW_MS + 30 * day);
    const ids = async () => (await db.prepare(`SELECT id FROM ${TABLE} ORDER BY seq`).run()).results;
    expect(await ids()).toEqual([{ id: '0' }, { id: '1' }, { id: '2' }]);
    await store.prune?.(NOW_MS + 31 * day + 1);
    expect(await ids()).toEqual([{ id: '2' }]);
  });

  it('reads and writes as many rows as documented', async () => {
    await granted(NOW_MS, { ...KEY, id: 'first' });
    const written: number[] = [];
    const counted = new Proxy(db, {
      get: (target, name) =>
        name === 'batch'
          ? async (statements: D1PreparedStatement[]) => {
              const results = await target.batch(statements);
              written.push(...results.map(({ meta }) => meta.rows_written));
              return results;
            }
          : Reflect.get(target, name).bind(target),
    });
    await d1Once(counted, { table: TABLE }).claim(KEY, NOW_MS);
    expect(written).toEqual([2, 0]);
    await store.done(KEY);
    await d1Once(counted, { table: TABLE }).claim(KEY, NOW_MS + LEASE_MS); // a repeat is only read
    expect(written).toEqual([2, 0, 0, 0]);
  });

  it('is refused for a table name that is no plain name', () => {
    expect(() => d1Once(db, { table: 'x; DROP TABLE y' })).toThrow(TypeError);
  });
});

async function outcomeOf(options: Partial<ConsumeOptions<unknown>>, body: unknown = responseEvent()) {
  const { batch, outcomes } = batchOf([body]);
  await consume({ once: () => store, ...options } as ConsumeOptions<unknown>)(batch, undefined);
  return outcomes[0];
}

describe('a table of an early version, which has replays as numbers', () => {
  beforeEach(async () => {
    await db.exec(
      onceTableSql(TABLE)
        .replace(/replay +TEXT/, 'replay INTEGER')
        .replaceAll('\n', ' '),
    );
    await db.exec(
      `INSERT INTO ${TABLE} (source, id, replay, token, claimed_at, lease_until, done)
       VALUES ('/webhooks/shop', 'event', 0, '', 0, 0, 1), ('/webhooks/shop', 'event', 2, '', 0, 0, 1)`.replaceAll(
        '\n',
        ' ',
      ),
    );
  });

  it('goes on telling what has been handled', async () => {
    expect(await store.claim(KEY, NOW_MS)).toEqual({ kind: 'done' });
    expect(await store.claim({ ...KEY, replay: '2' }, NOW_MS)).toEqual({ kind: 'done' });
  });

  it('takes the ids of replays', async () => {
    const keys = ['1764312284000000', '1764312284000001'].map((replay) => ({ ...KEY, replay }));
    for (const key of keys) {
      await store.release(key, await granted(NOW_MS, key));
      await granted(NOW_MS, key);
      expect(await store.claim(key, NOW_MS)).toMatchObject({ kind: 'taken' });
      await store.done(key);
    }
    for (const key of keys) expect(await store.claim(key, NOW_MS)).toEqual({ kind: 'done' });
  });
});

describe('consume with a once store', () => {
  it('acknowledges a repeat without its handler', async () => {
    const onResponse = vi.fn();
    expect([await outcomeOf({ onResponse }), await outcomeOf({ onResponse })]).toEqual(['ack', 'ack']);
    expect(onResponse).toHaveBeenCalledTimes(1);
  });

  it('handles each replay once where handleReplays is set, and none otherwise', async () => {
    const onResponse = vi.fn();
    const [first, second] = ['1764312284000000', '1764312284000001'].map((replay) => ({
      ...responseEvent(),
      replay,
    }));
    await outcomeOf({ onResponse });
    await outcomeOf({ onResponse }, first);
    expect(onResponse).toHaveBeenCalledTimes(1);
    for (const event of [first, second, first, second, responseEvent()]) {
      await outcomeOf({ onResponse, handleReplays: true }, event);
    }
    expect(onResponse).toHaveBeenCalledTimes(3);
  });

  it('retries after the lease of another holder’s claim', async () => {
    const { id, source } = responseEvent();
    await store.claim({ id, source, replay: '0' }, Date.now());
    const onResponse = vi.fn();
    expect(await outcomeOf({ onResponse })).toMatch(/^retry (899|900)$/);
    expect(onResponse).not.toHaveBeenCalled();
  });

  it('keeps the claim of a handler that may still be running', async () => {
    const onResponse = vi.fn(async () => new Promise<void>(() => undefined));
    expect(await outcomeOf({ onResponse, handlerTimeoutSeconds: 0.02 })).toMatch(/^retry [345]$/);
    expect(await outcomeOf({ onResponse })).toMatch(/^retry (899|900)$/);
    expect(onResponse).toHaveBeenCalledTimes(1);
  });

  it('handles nothing without a claim', async () => {
    const onResponse = vi.fn();
    store = { ...store, claim: async () => Promise.reject(new Error('D1_ERROR')) };
    expect(await outcomeOf({ onResponse })).toMatch(/^retry [345]$/);
    expect(onResponse).not.toHaveBeenCalled();
  });

  it('acknowledges a handled event also where that cannot be stored', async () => {
    store = { ...store, done: async () => Promise.reject(new Error('D1_ERROR')) };
    const onResponse = vi.fn();
    expect(await outcomeOf({ onResponse })).toBe('ack');
    expect(onResponse).toHaveBeenCalledTimes(1);
  });

  it('settles a batch whose store cannot be pruned', async () => {
    store = { ...store, prune: async () => Promise.reject(new Error('D1_ERROR')) };
    expect(await outcomeOf({ onResponse: () => undefined })).toBe('ack');
  });
});
