// A place is given once, whatever is deleted and however far the clocks of isolates are apart.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { deliver, delivered, idle, reset, uniqueResponse } from '../webhooks.ts';

beforeEach(async () => reset());

async function newestPlace(table: string): Promise<number> {
  return (await env.DB.prepare(`SELECT max(seq) AS seq FROM ${table}`).first<number>('seq')) ?? 0;
}

describe('the place of a new row', () => {
  it('lies behind that of an erased event, also by a clock that is behind', async () => {
    await delivered(uniqueResponse());
    await idle();
    const erased = await newestPlace('events');
    await env.DB.prepare('DELETE FROM events WHERE seq = ?1').bind(erased).run();

    await env.PROBE.setClock(-60_000);
    await delivered(uniqueResponse());
    expect(await newestPlace('events')).toBe(erased + 1);
  });

  it.each(['rejections', 'dead_letters'])('lies behind that of a deleted row in %s', async (table) => {
    const bring = async (text: string) =>
      table === 'rejections' ? deliver(text) : env.PROBE.consumeDeadLetters([text]);
    await bring('{"a":1}');
    const deleted = await newestPlace(table);
    await env.DB.prepare(`DELETE FROM ${table}`).run();

    await env.PROBE.setClock(-60_000);
    await bring('{"b":1}');
    expect(await newestPlace(table)).toBe(deleted + 1);
  });

  it('lies behind all of many that were deleted in one statement, in any order', async () => {
    for (let event = 0; event < 5; event++) await delivered(uniqueResponse());
    await idle();
    const last = await newestPlace('events');
    await env.DB.prepare('DELETE FROM events WHERE seq IN (SELECT seq FROM events ORDER BY seq DESC)').run();

    await env.PROBE.setClock(-60_000);
    await delivered(uniqueResponse());
    expect(await newestPlace('events')).toBe(last + 1);
  });
});
