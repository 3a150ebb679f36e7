// What a conversation, a timeline and the search for a number cost, by D1's own counts, with many events stored.

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAX_SCANNED_ROWS } from '../../src/store/keyset-paging.ts';
import { ask, reset, seen } from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { storeEvents } from './stored-events.ts';

const STORED = 100_000;
/** Of one contact, more than are scanned; it never wrote. */
const SILENT = { events: 12_000, contact: '+5541910000000' };

describe(`with ${STORED} events stored`, () => {
  beforeAll(async () => {
    await reset();
    await storeEvents({ count: STORED, everyNthIsResponse: 7 });
    await storeEvents({
      count: SILENT.events,
      integration: 'mail',
      contacts: 1,
      messages: SILENT.events,
      everyNthIsResponse: SILENT.events,
      firstSeq: 200_000_000,
    });
    await env.DB.prepare("DELETE FROM events WHERE contact = ?1 AND type = 'response'")
      .bind(SILENT.contact)
      .run();
  }, 120_000);

  /** Asks; gives the answer and the rows that D1 read for it. */
  async function costOf<const Path extends string>(path: Path) {
    const before = (await seen()).statements.length;
    const { status, answer } = await ask(path);
    expect(status).toBe(200);
    const statements = (await seen()).statements.slice(before);
    return { answer, rowsRead: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0) };
  }

  it.each([
    ['the first page', '', 50],
    ['the longest page', '?limit=100', 100],
    ['a page deep down', '?cursor=90000000', 50],
    ['a page of a time', '?since=1970-01-01T00:00:30Z', 50],
  ])('%s of a conversation reads at most 3 rows for each entry', async (_, query, entries) => {
    const { answer, rowsRead } = await costOf(`/api/contacts/5541910000007${query}`);

    expect(answer.data).toHaveLength(entries);
    expect(answer.window).not.toBeNull();
    expect(rowsRead).toBeLessThanOrEqual(3 * entries);
  });

  it('a conversation with a contact that never wrote reads what was sent to it, up to a limit', async () => {
    const { answer, rowsRead } = await costOf(`/api/contacts/${SILENT.contact}`);

    expect(answer).toMatchObject({ window: null, data: { length: 50 } });
    expect(rowsRead).toBeLessThanOrEqual(2 * MAX_SCANNED_ROWS + 3 * 50);
  });

  it.each([
    ['the newest contacts', 'limit=50'],
    ['a page of contacts deep down', 'cursor=90000000&limit=200'],
  ])('%s read two rows for each event that is scanned, and those that are shown', async (_, query) => {
    const { answer, rowsRead } = await costOf(`/api/contacts?${query}`);

    expect(answer.next).not.toBeNull();
    expect(rowsRead).toBeLessThanOrEqual(MAX_SCANNED_ROWS + 200);
  });

  it('a conversation with nobody reads nothing', async () => {
    expect((await costOf('/api/contacts/+551155554444')).rowsRead).toBeLessThanOrEqual(5);
  });

  it('a timeline reads at most 3 rows for each event, and one', async () => {
    const { answer, rowsRead } = await costOf('/api/messages/m15077');

    expect(answer.events).toHaveLength(4);
    expect(rowsRead).toBeLessThanOrEqual(3 * 4 + 1);
  });

  it('each statement walks an index, and sorts nothing', async () => {
    await ask('/api/contacts/5541910000007');
    await ask('/api/messages/m15077');
    const statements = new Set((await seen()).statements.map(({ sql }) => sql));
    for (const sql of statements) {
      expect(await planOf(sql)).not.toMatch(/SCAN (e|events|recent)\b(?! VIRTUAL)|TEMP B-TREE/);
    }
  });
});
