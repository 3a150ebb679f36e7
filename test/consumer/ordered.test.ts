import { env } from 'cloudflare:workers';
import {
  type ConsumeOptions,
  consume,
  d1Once,
  type OrderedOptions,
  orderedTablesSql,
} from 'instant-message-consumer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { watchedD1 } from '../../tools/bench/workers/watched-d1.ts';
import type { Body } from '../webhooks.ts';
import { batchOf, responseEvent, statusEvent } from './events.ts';

const TABLE = 'ordered_tests';
const STATUSES = `${TABLE}_statuses`;
const ONCE_TABLE = 'once_beside_ordered_tests';
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_WAIT_MS = 5 * MINUTE_MS;
/** How long a turn lasts of which nothing is heard: as long as a handler may take, and a minute. */
const LEASE_MS = 2 * MINUTE_MS;

const db = env.KIT_STATE;
let nowMs: number;
let logged: Record<string, unknown>[];
/** The subjects of events, when their handlers began. */
let begun: string[];
/** Of which events the handlers throw. */
let failing: Set<string>;
let skipped: string[];

beforeEach(async () => {
  for (const table of [TABLE, STATUSES, ONCE_TABLE]) await db.exec(`DROP TABLE IF EXISTS ${table}`);
  nowMs = 1_800_000_000_000;
  logged = [];
  begun = [];
  failing = new Set();
  skipped = [];
  vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(JSON.parse(line)));
});
afterEach(() => vi.restoreAllMocks());

const handler = (event: { subject: string; id: string }) => {
  begun.push(event.subject);
  if (failing.has(event.subject)) throw new Error('told to fail');
};

function ordered(changed: Partial<OrderedOptions<unknown>> = {}): OrderedOptions<unknown> {
  return {
    by: 'contact',
    db: () => db,
    table: TABLE,
    onSkipped: ({ id }) => void skipped.push(id.split(':').slice(-1).join()),
    ...changed,
  };
}

/** Hands over a batch and gives what became of its messages: `ack`, `retry <seconds>`. */
async function outcomesOf(events: unknown[], changed: object = {}, attempts = 1) {
  const { batch, outcomes } = batchOf(events, attempts);
  const options = { onResponse: handler, onStatus: handler, ordered: ordered(), ...changed };
  await consume(options as ConsumeOptions<unknown>)(batch, undefined);
  return outcomes.map((outcome) => (attempts === 1 ? outcome.replace(/ [1-5]$/, '') : outcome));
}

/** Responses of these messages, in this order in the log, all of one contact. */
function responses<Names extends string[]>(...names: Names): { [Index in keyof Names]: CloudEvent } {
  return names.map((name) => responseEvent((body) => (body.message.messageId = name))) as never;
}

const of = (number: string) => (body: Body) => Object.assign(body.clientData, { number });

/** Steps of a message, in this order in the log. */
function steps(message: string, ...statuses: string[]): CloudEvent[] {
  return statuses.map((status) =>
    statusEvent((body) => {
      body.message.messageId = message;
      body.event.status = status;
    }),
  );
}

/** Lets time pass until nobody waits for what is known now. */
function waitIsOver(): void {
  nowMs += MAX_WAIT_MS;
}

async function rowsOf(table: string): Promise<Record<string, unknown>[]> {
  return (await db.prepare(`SELECT * FROM ${table}`).all()).results;
}

describe('within a batch', () => {
  it('the events of a contact are handled by their sequence, also where no order is kept beyond it', async () => {
    const [a, b, c] = responses('a', 'b', 'c');
    const { sequence: _, ...early } = responseEvent((body) => (body.message.messageId = 'early'));
    await outcomesOf([c, a, early, b]);
    expect(begun).toEqual(['early', 'a', 'b', 'c']);
    begun = [];
    await outcomesOf([c, a, early, b], { ordered: undefined });
    expect(begun).toEqual(['early', 'a', 'b', 'c']);
  });

  it('those behind a failed one are not handled, and those of other contacts are', async () => {
    const [a, b, c] = responses('a', 'b', 'c');
    const other = responseEvent((body) => {
      of('+5511987654321')(body);
      body.message.messageId = 'other';
    });
    failing.add('a');
    expect(await outcomesOf([a, b, other, c])).toEqual(['retry', 'retry', 'ack', 'retry']);
    expect(begun.toSorted()).toEqual(['a', 'other']);
    failing.clear();
    expect(await outcomesOf([c, b, a])).toEqual(['ack', 'ack', 'ack']);
    expect(begun.slice(2)).toEqual(['a', 'b', 'c']);
  });
});

describe('between batches', () => {
  it('an event waits for an earlier one that failed, until that was handled', async () => {
    const [a, b, c] = responses('a', 'b', 'c');
    failing.add('a');
    await outcomesOf([a]);
    expect(await outcomesOf([b])).toEqual(['retry']);
    expect(await outcomesOf([c])).toEqual(['retry']);
    failing.clear();
    expect(await outcomesOf([a])).toEqual(['ack']);
    expect(await outcomesOf([c])).toEqual(['retry']); // it knows of b by now
    expect(await outcomesOf([b])).toEqual(['ack']);
    expect(await outcomesOf([c])).toEqual(['ack']);
    expect(begun).toEqual(['a', 'a', 'b', 'c']);
    expect(await rowsOf(TABLE)).toEqual([]);
  });

  it('no event is handled while another of its contact is, be it earlier or later', async () => {
    const [a, b, c] = responses('a', 'b', 'c');
    const slow = Promise.withResolvers<void>();
    const handling = outcomesOf([b], {
      async onResponse() {
        begun.push('b');
        await slow.promise;
      },
    });
    await vi.waitFor(() => expect(begun).toEqual(['b']));
    expect(await outcomesOf([a])).toEqual(['retry']);
    expect(await outcomesOf([c])).toEqual(['retry']);
    expect(begun).toEqual(['b']);
    slow.resolve();
    expect(await handling).toEqual(['ack']);
    expect(await outcomesOf([c])).toEqual(['retry']);
    expect(await outcomesOf([a])).toEqual(['ack']);
    expect(await outcomesOf([c])).toEqual(['ack']);
  });

  it('of two copies of an event only one is handled at a time', async () => {
    const [a] = responses('a');
    const slow = Promise.withResolvers<void>();
    const onResponse = async () => {
      begun.push('a');
      await slow.promise;
    };
    const handling = outcomesOf([a], { onResponse });
    await vi.waitFor(() => expect(begun).toEqual(['a']));
    expect(await outcomesOf([a])).toEqual(['retry']);
    slow.resolve();
    expect(await handling).toEqual(['ack']);
    expect(begun).toEqual(['a']);
  });

  it('an event waits for an earlier one that stands behind others in its batch', async () => {
    const [a, b] = responses('a', 'b');
    const [first] = responses('first').map((event) => ({ ...event, contact: '+5511987654321' }));
    const slow = Promise.withResolvers<void>();
    const handling = outcomesOf([first, a], {
      concurrency: 1,
      async onResponse(event: CloudEvent) {
        handler(event);
        if (event.subject === 'first') await slow.promise;
      },
    });
    await vi.waitFor(() => expect(begun).toEqual(['first']));
    expect(await outcomesOf([b])).toEqual(['retry']);
    slow.resolve();
    await handling;
    expect(await outcomesOf([b])).toEqual(['ack']);
    expect(begun).toEqual(['first', 'a', 'b']);
  });

  it('a response that comes late is handled all the same', async () => {
    const [a, b] = responses('a', 'b');
    expect(await outcomesOf([b])).toEqual(['ack']);
    expect(await outcomesOf([a])).toEqual(['ack']);
    expect(begun).toEqual(['b', 'a']);
  });
});

describe('an event that always fails', () => {
  it('is waited for no longer than maxWaitSeconds, and that it is overtaken is said once', async () => {
    const [a, b, c] = responses('a', 'b', 'c');
    failing.add('a');
    await outcomesOf([a]);
    nowMs += MAX_WAIT_MS - 1;
    expect(await outcomesOf([a])).toEqual(['retry']); // its time runs from when it came first
    expect(await outcomesOf([b])).toEqual(['retry']);
    nowMs += 1;
    logged = [];
    expect(await outcomesOf([b])).toEqual(['ack']);
    expect(await outcomesOf([a])).toEqual(['retry']);
    expect(await outcomesOf([c])).toEqual(['ack']);
    expect(begun).toEqual(['a', 'a', 'b', 'a', 'c']);
    expect(logged.filter(({ what }) => what === 'event overtakes earlier ones')).toEqual([
      {
        level: 'error',
        what: 'event overtakes earlier ones',
        source: '/webhooks/shop',
        id: b.id,
        overtaken: [a.sequence],
      },
    ]);
  });

  it('is waited for as long as is set', async () => {
    const [a, b] = responses('a', 'b');
    const briefly = { ordered: ordered({ maxWaitSeconds: 10 }) };
    failing.add('a');
    await outcomesOf([a], briefly);
    nowMs += 9_999;
    expect(await outcomesOf([b], briefly)).toEqual(['retry']);
    nowMs += 1;
    expect(await outcomesOf([b], briefly)).toEqual(['ack']);
  });

  it('can itself overtake one that came after it, once it has waited for maxWaitSeconds', async () => {
    const [a, b] = responses('a', 'b');
    failing.add('b');
    await outcomesOf([b]);
    waitIsOver();
    failing = new Set(['a']);
    await outcomesOf([a]);
    expect(await outcomesOf([b])).toEqual(['ack']);
    expect(logged.at(-1)).toMatchObject({ what: 'event overtakes earlier ones', overtaken: [a.sequence] });
  });

  it('holds back nobody where it breaks the schema', async () => {
    const [a, b] = responses('a', 'b');
    const [large] = responses('large');
    const { data: _, ...reference } = { ...large, dataref: '/x', sequence: a.sequence };
    expect(await outcomesOf([{ ...a, data: {} }])).toEqual(['retry']);
    const fetchData = () => async () => ({ event: 1 });
    expect(await outcomesOf([reference], { fetchData })).toEqual(['retry']);
    expect(await outcomesOf([b])).toEqual(['ack']);
  });
});

describe('an event that waits', () => {
  it('comes back with a growing delay, but soon after its wait is over', async () => {
    const [a, b] = responses('a', 'b');
    failing.add('a');
    await outcomesOf([a]);
    const delay = async (attempts: number) => {
      const [outcome] = await outcomesOf([b], {}, attempts);
      return Number(outcome?.replace('retry ', ''));
    };
    expect(await delay(4)).toBeGreaterThanOrEqual(20);
    nowMs += MAX_WAIT_MS - 7_000;
    expect(await delay(8)).toBe(7);
    nowMs += 7_000;
    expect(await outcomesOf([b])).toEqual(['ack']);
  });
});

describe('a status', () => {
  it('that is behind one of its message which was handled is skipped, and onSkipped is told', async () => {
    const [sent, delivered, read] = steps('m', 'sent', 'delivered', 'read');
    expect(await outcomesOf([read])).toEqual(['ack']);
    expect(await outcomesOf([sent, delivered])).toEqual(['ack', 'ack']);
    expect(begun).toHaveLength(1);
    expect(skipped).toEqual(['sent', 'delivered']);
    expect(await rowsOf(TABLE)).toEqual([]);
  });

  it('is behind by what it proves, whatever its place in the log', async () => {
    const handled = async (...statuses: string[]) => {
      skipped = [];
      await db.exec(`DROP TABLE IF EXISTS ${STATUSES}`);
      await outcomesOf(steps('m', ...statuses));
      return statuses.filter((status) => !skipped.includes(status));
    };
    expect(await handled('failed', 'sent', 'delivered')).toEqual(['failed', 'delivered']);
    expect(await handled('delivered', 'failed', 'read', 'failed')).toEqual(['delivered', 'read']);
    expect(await handled('READ', 'delivered', 'read')).toEqual(['READ', 'read']);
  });

  it('of another message is handled, and so is one of another integration', async () => {
    await outcomesOf(steps('m', 'read'));
    const [other] = steps('n', 'sent');
    const [elsewhere] = steps('m', 'sent').map((event) => ({ ...event, source: '/webhooks/other' }));
    expect(await outcomesOf([other, elsewhere])).toEqual(['ack', 'ack']);
    expect(begun).toEqual(['m', 'n', 'm']);
  });

  it('that failed is skipped once a later one was handled, and holds back nobody then', async () => {
    const [delivered, read, sent] = steps('m', 'delivered', 'read', 'sent');
    failing.add('m');
    await outcomesOf([sent]);
    waitIsOver();
    failing.clear();
    await outcomesOf([delivered, read]);
    expect(await outcomesOf([sent])).toEqual(['ack']);
    expect(skipped).toEqual(['sent']);
    expect(await rowsOf(TABLE)).toEqual([]);
  });

  it('whose handler failed does not make others behind', async () => {
    const [delivered, read] = steps('m', 'delivered', 'read');
    failing.add('m');
    await outcomesOf([read]);
    failing.clear();
    expect(await outcomesOf([delivered])).toEqual(['ack']);
    expect(skipped).toEqual([]);
  });

  it('with a word that is not known keeps its turn, and is never skipped', async () => {
    const onOther = vi.fn();
    const [deleted, read] = steps('m', 'deleted', 'read');
    onOther.mockImplementationOnce(() => {
      throw new Error('told to fail');
    });
    expect(await outcomesOf([deleted, read], { onOther })).toEqual(['retry', 'retry']);
    expect(await outcomesOf([read], { onOther })).toEqual(['retry']);
    expect(await outcomesOf([deleted, read], { onOther })).toEqual(['ack', 'ack']);
    expect(await outcomesOf([deleted], { onOther })).toEqual(['ack']);
    expect(onOther).toHaveBeenCalledTimes(3);
  });

  it('that is skipped is acknowledged also where onSkipped throws', async () => {
    const [sent, read] = steps('m', 'sent', 'read');
    await outcomesOf([read]);
    const onSkipped = () => {
      throw new Error('of +5544999999999');
    };
    expect(await outcomesOf([sent], { ordered: ordered({ onSkipped }) })).toEqual(['ack']);
    expect(logged).toMatchObject([{ what: 'onSkipped failed', error: 'Error' }]);
  });
});

describe('ordered by message', () => {
  it('an event waits for those of its message, and not for others of its contact', async () => {
    const byMessage = { ordered: ordered({ by: 'message' }) };
    const [sent, read] = steps('m', 'sent', 'read');
    const [other] = steps('n', 'sent');
    const withoutContact = ({ contact: _, ...event }: CloudEvent) => event;
    failing.add('m');
    expect(await outcomesOf([read, sent, other].map(withoutContact as never), byMessage)).toEqual([
      'retry',
      'retry',
      'ack',
    ]);
    expect(begun.toSorted()).toEqual(['m', 'n']);
    failing.clear();
    expect(await outcomesOf([read], byMessage)).toEqual(['retry']);
    expect(await outcomesOf([sent], byMessage)).toEqual(['ack']);
    expect(await outcomesOf([read], byMessage)).toEqual(['ack']);
  });
});

describe('what is in no order', () => {
  it('is handled as it comes, and writes nothing: replays, events of early versions and without a contact', async () => {
    const [a] = responses('a');
    failing.add('a');
    await outcomesOf([a]);
    const before = await rowsOf(TABLE);
    const [replay, early, odd, anonymous] = responses(
      'replay',
      'early',
      'odd',
      'anonymous',
    ) as unknown as Partial<CloudEvent>[];
    Object.assign(replay ?? {}, { replay: '1800000000000000' });
    delete early?.sequence;
    Object.assign(odd ?? {}, { sequence: 'ABC' });
    delete anonymous?.contact;
    expect(await outcomesOf([replay, early, odd, anonymous])).toEqual(['ack', 'ack', 'ack', 'ack']);
    expect(begun.slice(1).toSorted()).toEqual(['anonymous', 'early', 'odd', 'replay']);
    expect(await rowsOf(TABLE)).toEqual(before);
  });

  it('is an event without a handler, which is acknowledged at once', async () => {
    const [a] = responses('a');
    failing.add('a');
    await outcomesOf([a]);
    expect(await outcomesOf(steps('m', 'sent'), { onStatus: undefined })).toEqual(['ack']);
    expect(await rowsOf(TABLE)).toHaveLength(1);
  });
});

/** The database, whose statements that contain a text fail or never end. */
function faulty(text: string, fault: 'fails' | 'hangs'): OrderedOptions<unknown>['db'] {
  const failure = async () =>
    fault === 'fails' ? Promise.reject(new Error('D1_ERROR: of +55')) : new Promise<never>(() => undefined);
  const around = async <T>(sql: string, call: () => Promise<T>) => (sql.includes(text) ? failure() : call());
  return () => watchedD1(db, { around, answered: () => undefined });
}

describe('where an invocation dies', () => {
  it('the contact waits until the turn has ended, and goes on with the same event', async () => {
    const [a, b] = responses('a', 'b');
    void outcomesOf([a], { onResponse: async () => new Promise(() => begun.push('a')) });
    await vi.waitFor(() => expect(begun).toEqual(['a']));
    nowMs += LEASE_MS - 1;
    expect(await outcomesOf([b])).toEqual(['retry']);
    expect(await outcomesOf([a])).toEqual(['retry']);
    nowMs += 1;
    expect(await outcomesOf([b])).toEqual(['retry']);
    expect(await outcomesOf([a])).toEqual(['ack']);
    expect(await outcomesOf([b])).toEqual(['ack']);
    expect(begun).toEqual(['a', 'a', 'b']);
  });

  it('after its handler and before that was kept, the event is handled once more', async () => {
    const [a, b] = responses('a', 'b');
    void outcomesOf([a], { ordered: ordered({ db: faulty('DELETE', 'hangs') }) });
    await vi.waitFor(() => expect(begun).toEqual(['a']));
    nowMs += LEASE_MS;
    expect(await outcomesOf([a, b])).toEqual(['ack', 'ack']);
    expect(begun).toEqual(['a', 'a', 'b']);
  });
});

describe('a handler that took too long', () => {
  it('keeps its contact for 15 minutes, since it may still be running', async () => {
    const [a, b] = responses('a', 'b');
    const hangs = { handlerTimeoutSeconds: 0.02, onResponse: async () => new Promise<void>(() => undefined) };
    expect(await outcomesOf([a], hangs)).toEqual(['retry']);
    nowMs += 15 * MINUTE_MS - 1;
    expect(await outcomesOf([a])).toEqual(['retry']);
    expect(await outcomesOf([b])).toEqual(['retry']);
    nowMs += 1;
    expect(await outcomesOf([a, b])).toEqual(['ack', 'ack']);
  });
});

describe('while the database fails', () => {
  it.each(['INSERT', 'json_each', 'lease_until'])('nothing is handled out of turn: %s', async (text) => {
    const [a, b] = responses('a', 'b');
    failing.add('a');
    await outcomesOf([a]);
    const outcomes = await outcomesOf([b], { ordered: ordered({ db: faulty(text, 'fails') }) });
    expect(outcomes).toEqual(['retry']);
    expect(begun).toEqual(['a']);
    expect(JSON.stringify(logged)).not.toContain('+55');
  });

  it('no event is handled that waits in its batch and could not be noted', async () => {
    const [a, b] = responses('a', 'b');
    const outcomes = await outcomesOf([a, b], { ordered: ordered({ db: faulty('json_each', 'fails') }) });
    expect(outcomes).toEqual(['retry', 'retry']);
    expect(begun).toEqual([]);
  });

  it('an event is acknowledged that was handled, and holds back later ones for maxWaitSeconds at most', async () => {
    const [a, b] = responses('a', 'b');
    expect(await outcomesOf([a], { ordered: ordered({ db: faulty('DELETE', 'fails') }) })).toEqual(['ack']);
    expect(logged.map(({ what }) => what)).toContain('store of the order did not take the outcome');
    expect(await outcomesOf([b])).toEqual(['retry']);
    waitIsOver();
    expect(await outcomesOf([b])).toEqual(['ack']);
  });
});

describe('together with once', () => {
  const once = () => d1Once(db, { table: ONCE_TABLE });

  it('a repeat is acknowledged, and those behind it go on', async () => {
    const [a, b, c] = responses('a', 'b', 'c');
    await outcomesOf([a], { once });
    expect(await outcomesOf([b, a], { once })).toEqual(['ack', 'ack']);
    failing.add('a');
    expect(await outcomesOf([a, c], { once })).toEqual(['ack', 'ack']);
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(await rowsOf(TABLE)).toEqual([]);
  });

  it('an event whose claim another invocation has holds back later ones', async () => {
    const [a, b] = responses('a', 'b');
    await once().claim({ source: a.source, id: a.id, replay: '0' }, nowMs);
    expect(await outcomesOf([a, b], { once })).toEqual(['retry 900', 'retry']);
    nowMs += 15 * MINUTE_MS;
    expect(await outcomesOf([b, a], { once })).toEqual(['ack', 'ack']);
    expect(begun).toEqual(['a', 'b']);
  });

  it('a turn is given back where the store of handled events fails', async () => {
    const [a, b] = responses('a', 'b');
    const failingStore = { ...once(), claim: async () => Promise.reject(new Error('D1_ERROR')) };
    expect(await outcomesOf([a], { once: () => failingStore })).toEqual(['retry']);
    expect(await outcomesOf([a, b], { once })).toEqual(['ack', 'ack']);
  });
});

describe('the tables', () => {
  it('hold no contact and no id', async () => {
    failing.add('m');
    await outcomesOf(steps('n', 'read'));
    await outcomesOf(steps('m', 'read'));
    const rows = [...(await rowsOf(TABLE)), ...(await rowsOf(STATUSES))];
    expect(rows).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toMatch(/44999|"[mn]"/);
  });

  it('can come from a migration', async () => {
    for (const sql of orderedTablesSql(TABLE)) await db.exec(sql.replaceAll('\n', ' '));
    const [a] = responses('a');
    expect(await outcomesOf([a])).toEqual(['ack']);
  });

  it('are refused where their name is no plain name', async () => {
    const [a] = responses('a');
    const outcomes = outcomesOf([a], { ordered: ordered({ table: 'x; DROP TABLE y' }) });
    await expect(outcomes).rejects.toThrow(TypeError);
  });

  it('lose their old rows in time, from a place at random on, and keep the others', async () => {
    await outcomesOf(steps('m', 'read'));
    for (const subject of Array.from({ length: 20 }, (_, index) => `old-${index}`)) {
      failing.add(subject);
      await outcomesOf([{ ...responses(subject)[0], contact: `${subject}@lid` }]);
    }
    nowMs += 30 * DAY_MS;
    const recent = responses('recent')[0];
    failing.add('recent');
    await outcomesOf([recent]);
    expect(await rowsOf(TABLE)).toHaveLength(21);
    nowMs += 1;
    const pruneFrom = async (place: ReturnType<Crypto['randomUUID']>) => {
      vi.spyOn(crypto, 'randomUUID').mockReturnValue(place);
      await outcomesOf([]);
      return (await rowsOf(TABLE)).map(({ key }) => String(key));
    };
    const left = await pruneFrom('80000000-0000-4000-8000-000000000000');
    expect(left.length).toBeLessThan(21);
    expect(left.filter((key) => key > '8').length).toBeLessThanOrEqual(1);
    expect(await pruneFrom('00000000-0000-4000-8000-000000000000')).toHaveLength(1);
    expect(await rowsOf(TABLE)).toMatchObject([{ sequence: Number(recent.sequence) }]);
    expect(await rowsOf(STATUSES)).toEqual([]);
  });

  it('are read by contact and by message, and pruned in steps, however many rows they have', async () => {
    for (const sql of orderedTablesSql(TABLE)) await db.exec(sql.replaceAll('\n', ' '));
    const rows = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)';
    const hex = 'lower(hex(randomblob(16)))';
    await db.exec(`${rows} INSERT INTO ${TABLE} (key, sequence, known_at) SELECT ${hex}, i, 0 FROM n`);
    await db.exec(`${rows} INSERT INTO ${STATUSES} SELECT ${hex}, 3, 0 FROM n`);
    const read: { sql: string; rows: number }[] = [];
    const watched = watchedD1(db, {
      answered: ({ sql }, { rows_read }) => read.push({ sql, rows: rows_read }),
    });
    const both = steps('m', 'delivered', 'read');
    failing.add('m');
    await outcomesOf(both, { ordered: ordered({ db: () => watched }) });
    failing.clear();
    await outcomesOf(both, { ordered: ordered({ db: () => watched }) });
    const isPruning = ({ sql }: { sql: string }) => sql.includes('LIMIT');
    const most = (some: typeof read) => Math.max(...some.map((one) => one.rows));
    expect(most(read.filter((one) => !isPruning(one)))).toBeLessThanOrEqual(15);
    expect(most(read.filter(isPruning))).toBeLessThanOrEqual(4 * 200);
  });

  it('cost as many rows and statements as documented', async () => {
    const counts = { statements: 0, rowsWritten: 0 };
    const counted = watchedD1(db, {
      answered: (_, { rows_written }) => {
        counts.statements++;
        counts.rowsWritten += rows_written;
      },
    });
    const costOf = async (...events: unknown[]) => {
      Object.assign(counts, { statements: 0, rowsWritten: 0 });
      await outcomesOf(events, { ordered: ordered({ db: () => counted }) });
      return { ...counts, statements: counts.statements - 2 }; // without the two that prune
    };
    await outcomesOf(responses('first'));
    const [a, b, c] = responses('a', 'b', 'c');
    expect(await costOf(a)).toEqual({ statements: 2, rowsWritten: 2 });
    expect(await costOf(b, c)).toEqual({ statements: 5, rowsWritten: 5 });
    const [sent, delivered, read] = steps('m', 'sent', 'delivered', 'read');
    expect(await costOf(sent)).toEqual({ statements: 2, rowsWritten: 2 });
    expect(await costOf(read)).toEqual({ statements: 3, rowsWritten: 3 });
    expect((await costOf(delivered)).rowsWritten).toBe(2); // noted and removed again
  });
});
