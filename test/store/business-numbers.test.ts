// How the numbers of the business become known, and what that costs, by D1's own counts.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { isBusinessNumber, noteBusinessNumbers } from '../../src/store/business-numbers.ts';
import { rollUp } from '../../src/store/roll-up.ts';
import { api, countRows, deliver, inject, reset, seen, statusBody, uniqueResponse } from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { storeEvents } from './stored-events.ts';

const LINE = '+551140028922';

beforeEach(async () => reset());

/** A payload in which a message goes from one number to another. */
function between(from: unknown, to: unknown): string {
  return JSON.stringify({ message: { from, to } });
}

async function noted() {
  const { results } = await env.DB.prepare(
    'SELECT number, integration, has_several FROM business_numbers ORDER BY number, integration',
  ).run();
  return results;
}

async function countAll(): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO progress (task, seq, at) SELECT 'counters', max(seq), 0 FROM events
     WHERE true ON CONFLICT (task) DO UPDATE SET seq = excluded.seq`,
  ).run();
}

describe("the business's numbers", () => {
  it('are noted in steps from events that are older than the notes', async () => {
    await storeEvents({ count: 12_000, payload: between(LINE, '+5541910000001') });
    await storeEvents({
      count: 1,
      firstSeq: 500,
      integration: 'mail',
      payload: between('551140020000', ''),
    });
    await countAll();

    expect(await noteBusinessNumbers(env.DB, 1, 1)).toBe(false);
    expect(
      await env.DB.prepare("SELECT seq FROM progress WHERE task = 'business-numbers'").first('seq'),
    ).toBe(1_000_000 + 4_998_000);
    expect(await noteBusinessNumbers(env.DB, 1)).toBe(true);
    expect((await noted()).filter(({ number }) => number !== '+5541910000001')).toEqual([
      { number: '+551140020000', integration: 'mail', has_several: 0 },
      { number: LINE, integration: 'shop', has_several: 1 },
    ]);
  });

  it('are read in steps that have a limit in bytes too', async () => {
    const payload = JSON.stringify({ message: { from: LINE, to: '', text: 'x'.repeat(1_500_000) } });
    await storeEvents({ count: 9, payload });
    await countAll();
    expect(await noteBusinessNumbers(env.DB, 1, 1)).toBe(false);
    expect(await noteBusinessNumbers(env.DB, 1, 1)).toBe(false);
    expect(await noteBusinessNumbers(env.DB, 1, 1)).toBe(true);
  });

  it('are noted once, also by several runs at a time and when answers are lost', async () => {
    await storeEvents({ count: 20, payload: between(LINE, '') });
    await countAll();
    await Promise.all(Array.from({ length: 4 }, async () => noteBusinessNumbers(env.DB, 1)));
    expect(await noted()).toEqual([{ number: LINE, integration: 'shop', has_several: 1 }]);
    expect(await noteBusinessNumbers(env.DB, 1)).toBe(true);
  });

  it('are not noted from events that are not counted yet, whose places could be given again', async () => {
    await storeEvents({ count: 20, payload: between(LINE, '') });
    expect(await noteBusinessNumbers(env.DB, 1)).toBe(true);
    expect(await countRows('business_numbers')).toBe(0);
    expect(await isBusinessNumber(env.DB, LINE, 1)).toBe(true);
    expect(await countRows('business_numbers')).toBe(0);
  });

  it('are known in every written form, and a customer’s number is none of them', async () => {
    const deep = `{"message":{"from":"+551150005000"},"x":${'['.repeat(3_000)}${']'.repeat(3_000)}}`;
    const payloads = [
      between('5541910000000', '+55 (11) 4002-8922'),
      between('+55 41 9 1000-0000', '551140028922'),
      between('554110000000', LINE),
      between(['+551150005000'], { a: 1 }),
      between('12', 'x'.repeat(1_000)),
      '{}',
      '{"message":[]}',
      deep,
    ];
    for (const [n, payload] of payloads.entries()) {
      await storeEvents({ count: 1, firstSeq: 1_000_000 + n, integration: `i${n}`, payload });
    }
    await countAll();
    expect(await noteBusinessNumbers(env.DB, 1)).toBe(true);
    expect((await noted()).map(({ number, integration }) => [number, integration])).toEqual([
      [LINE, 'i0'],
      [LINE, 'i1'],
      [LINE, 'i2'],
      ['+554110000000', 'i2'],
    ]);
  });

  it('outlive their events, and are deleted with their integration', async () => {
    await deliver(statusBody(({ message }) => (message.from = LINE)));
    await env.PROBE.runCron();
    await env.DB.prepare('DELETE FROM events').run();
    expect(await isBusinessNumber(env.DB, LINE, 1)).toBe(true);
    expect((await api('DELETE', '/api/integrations/shop?force=true')).status).toBe(200);
    expect(await countRows('business_numbers')).toBe(0);
    expect(await isBusinessNumber(env.DB, LINE, 1)).toBe(false);
  });

  it('are not noted of an event that is erased while it is read', async () => {
    await storeEvents({ count: 3, payload: between(LINE, '') });
    await countAll();
    const { results } = await env.DB.prepare('SELECT seq FROM events').run<{ seq: number }>();
    await inject({});
    const note = noteBusinessNumbers(
      {
        ...env.DB,
        prepare: (sql: string) => env.DB.prepare(sql),
        batch: async (statements: D1PreparedStatement[]) => {
          await env.DB.prepare('DELETE FROM events').run();
          return env.DB.batch(statements);
        },
      } as unknown as D1Database,
      1,
    );
    expect(await note).toBe(true);
    expect(results).toHaveLength(3);
    expect(await countRows('business_numbers')).toBe(0);
  });
});

describe('noting the numbers', () => {
  it('takes one statement in a minute without events, and writes one row in one with events', async () => {
    const cost = async () => {
      const { count } = await env.PROBE.statementsFrom(Number.POSITIVE_INFINITY);
      await env.PROBE.runCron();
      const { statements } = await env.PROBE.statementsFrom(count);
      return statements.filter(({ sql }) => sql.includes('business')).map(({ rowsWritten }) => rowsWritten);
    };
    await deliver(uniqueResponse());
    await deliver(uniqueResponse());
    await cost();
    expect(await cost()).toEqual([0]);
    await deliver(uniqueResponse());
    expect(await cost()).toEqual([0, 0, 1]); // where to, the note, which has nothing new, and the place
    await storeEvents({ count: 100, firstSeq: Date.now() * 1000, payload: between(LINE, '') });
    expect((await cost()).reduce((sum, rows) => sum + rows, 0)).toBe(2);
  });

  it('finds events by their places', async () => {
    await storeEvents({ count: 10, payload: between(LINE, '') });
    await rollUp(env.DB, Date.now());
    await api('DELETE', `/api/contacts/${LINE.slice(1)}`);
    for (const { sql, rowsRead } of (await seen()).statements) {
      if (/business/.test(sql)) expect(rowsRead, sql).toBeLessThanOrEqual(5 * 10 + 10);
      if (!/business/.test(sql) || !/events/.test(sql)) continue;
      expect(await planOf(sql), sql).not.toMatch(/SCAN (e|events|business_numbers)\b/);
    }
  });

  it('takes a name for the business’s once it was seen with several customers, and never the identity of one customer', async () => {
    const toMaria = statusBody((body) => {
      body.message.messageId = 'to Maria';
      body.message.from = 'BOTICARIO';
      body.message.to = '+5541988956674';
    });
    await deliver(toMaria);
    expect(await isBusinessNumber(env.DB, 'BOTICARIO', 1)).toBe(false);
    expect(await isBusinessNumber(env.DB, '+5541988956674', 1)).toBe(false);
    await deliver(
      statusBody((body) => {
        body.message.messageId = 'to a customer without a number';
        body.message.from = 'BOTICARIO';
        body.message.to = '178095544332211@lid';
      }),
    );
    expect(await isBusinessNumber(env.DB, 'BOTICARIO', 1)).toBe(true);
    expect(await isBusinessNumber(env.DB, '178095544332211@lid', 1)).toBe(false);
    expect((await api('DELETE', '/api/contacts/BOTICARIO')).status).toBe(409);
    expect((await api('DELETE', `/api/contacts/${encodeURIComponent('178095544332211@lid')}`)).status).toBe(
      200,
    );
    expect((await api('DELETE', '/api/contacts/5541988956674')).status).toBe(200);
  });

  it('takes nothing from an event without a contact', async () => {
    await storeEvents({ count: 3, payload: between('+5541988956674', LINE) });
    await env.DB.prepare("UPDATE events SET contact = ''").run();
    await countAll();
    expect(await noteBusinessNumbers(env.DB, 1)).toBe(true);
    expect(await isBusinessNumber(env.DB, '+5541988956674', 1)).toBe(false);
  });
});
