// The search: from what a customer complains about to where it is.

import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import { deliver, inject, reset, responseBody, responseText, seen, statusBody } from '../webhooks.ts';
import { attributesOf, dangersOf, HOSTILE_TEXTS, textOf } from './hostile.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

let browser: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  browser = await signedIn(READ_TOKEN);
});

async function find(q: string): Promise<[status: number, location: string | null]> {
  const response = await browser.get(`/find?${new URLSearchParams({ q })}`);
  return [response.status, response.headers.get('location')];
}

describe('the search', () => {
  it.each(['(41) 8895-6674', '41988956674', '+55 41 98895 6674', '  554188956674 '])(
    'leads from the number %j to its conversation, known or not',
    async (number) => {
      expect(await find(number)).toEqual([303, '/contacts/%2B5541988956674']);
    },
  );

  it("leads from a message's id to its newest event", async () => {
    await deliver(responseText);
    await deliver(
      statusBody((body) => {
        body.event.messageId = 'a later step';
        body.message.updatedAt = '2026-03-01T12:00:00Z';
      }),
    );
    expect(await find('5e178088a88ad9001b6e1914')).toEqual([
      303,
      '/events/shop/5e178088a88ad9001b6e1914%3Aa%20later%20step%3Astatus%3Adelivered',
    ]);
  });

  it("leads from an event's id to the event", async () => {
    await deliver(responseText);
    await deliver(statusBody());
    const id = '5e178088a88ad9001b6e1914:i3i4321d:response';
    expect(await find(id)).toEqual([303, `/events/shop/${encodeURIComponent(id)}`]);
    expect(await find(`${id}x`)).toEqual([404, null]);
  });

  it.each(['a:b%', 'a/b?c#d', 'é "x"', '5541988956674', '12345', '..x'])(
    'finds a message whatever its id holds: %s',
    async (messageId) => {
      await deliver(
        responseBody((body) => {
          body.message.messageId = messageId;
        }),
      );
      const [status, location] = await find(messageId);
      expect(status).toBe(303);
      expect(location).toMatch(/^\/events\/shop\//);
      const page = await browser.page(location ?? '');
      expect(textOf(page)).toContain(`Id of the message ${messageId.replace(/\s+/g, ' ')}`);
      expect(textOf(page)).toContain('Replied');
    },
  );

  it('leads to the form for a number where nothing was typed', async () => {
    expect(await find(' ')).toEqual([303, '/contacts']);
  });

  it.each(['nothing', '5e178088a88ad9001b6e1914', '..', '.', 'a:b:response', ':'])(
    'says that it finds nothing, and what can be found: %s',
    async (q) => {
      const response = await browser.get(`/find?${new URLSearchParams({ q })}`);
      const page = await response.text();
      expect(response.status).toBe(404);
      expect(textOf(page)).toContain('Nothing found');
      expect(textOf(page)).toContain('the whole id of an event');
      expect(attributesOf(page, 'value')).toContain(q);
      const other = await (await signedIn(READ_TOKEN, 'pt')).get(`/find?${new URLSearchParams({ q })}`);
      expect(await other.text()).toContain('Nada encontrado');
    },
  );

  it.each(Object.entries(HOSTILE_TEXTS))('says so safely: %s', async (_, text) => {
    const response = await browser.get(`/find?${new URLSearchParams({ q: text.slice(0, 5_000) })}`);
    const page = await response.text();
    expect(response.status).toBe(404);
    expect((await dangersOf(page)).filter((danger) => danger !== 'writing direction')).toEqual([]);
  });

  it('says that the database does not answer where it finds nothing for that reason', async () => {
    await inject({ d1: { kind: 'reject' } });
    expect((await find('5e178088a88ad9001b6e1914'))[0]).toBe(503);
  });

  it('costs one or two look-ups in the index of ids', async () => {
    await storeEvents({ count: 20_000 });
    for (const q of ['m7', 'm7:e7:status:delivered', 'nothing', '41988956674', '(41) 98895-6674']) {
      const before = (await seen()).statements.length;
      await find(q);
      const statements = (await seen()).statements.slice(before);
      expect(statements.length).toBeLessThanOrEqual(4);
      expect(statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThanOrEqual(30);
    }
  });
});
