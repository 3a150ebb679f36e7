// The pages of replays: what they say, and what their forms do.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import {
  ask,
  countRows,
  delivered,
  eventually,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  reset,
  responseBody,
  uniqueResponse,
} from '../webhooks.ts';
import { costOf, expectEscaped, formsOf, HOSTILE, locationOf, textOf } from './page-text.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

let operator: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  operator = await signedIn();
});

async function stored(...bodies: unknown[]): Promise<void> {
  for (const body of bodies) await delivered(body);
  await eventually('all is forwarded', async () => (await countRows('outbox')) === 0);
}

async function isDone(path: string): Promise<void> {
  await eventually('the replay is done', async () => {
    await env.PROBE.runCron();
    return textOf(await operator.page(path)).includes('Progress done');
  });
}

describe('the question before a replay', () => {
  it('says how many events match, by which filters, and what consumers get', async () => {
    await stored(uniqueResponse(), uniqueResponse());
    const page = await operator.page('/replays/new?integration=shop&contact=%2B5544999999999');
    const text = textOf(page);

    expect(text).toContain('Contact +55 44 99999-9999 Integration shop');
    expect(text).toContain('Events that match now: 2.');
    expect(text).toContain('the same id and a number that rises');
    expect(await countRows('replays')).toBe(0);
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page('/replays/new?integration=shop'));
    expect(brazilian).toContain('Eventos que correspondem agora: 2.');
  });

  it('says that all events are meant, or that none matches', async () => {
    const none = await operator.page('/replays/new');
    expect(textOf(none)).toContain('Every event that is stored. Events that match now: 0.');
    expect([...formsOf(none).keys()]).toEqual([]);
    await stored(uniqueResponse());
    expect([...formsOf(await operator.page('/replays/new')).keys()]).toEqual(['/replays']);
  });

  it('says "at least" where one request cannot count everything', async () => {
    await storeEvents({ count: 30_000 });
    await inject({ d1: { kind: 'late', on: 'events' } });
    const page = operator.page('/replays/new');
    await heldBack();
    await env.PROBE.setClock(4_000);
    await inject({});

    expect(textOf(await page)).toContain('Events that match now: at least 25,000; not all were counted.');
  });

  it.each([
    ['deferred=true', 'deferred is not known here'],
    ['forwarded=false', 'forwarded is not known here'],
    ['odd=true', 'odd is not known here'],
    ['type=answer', 'type must be one of response, status'],
    ['since=yesterday', 'since must be a date and time by ISO 8601'],
  ])(
    'refuses filters that a replay cannot be told, so that it does not send more: %s',
    async (query, words) => {
      await stored(uniqueResponse());
      const response = await operator.get(`/replays/new?integration=shop&${query}`);
      const page = await response.text();

      expect(response.status).toBe(422);
      expect(textOf(page)).toContain(words);
      expect([...formsOf(page).keys()]).toEqual([]);
      const form = Object.fromEntries(new URLSearchParams(`integration=shop&${query}`));
      expect((await operator.post('/replays', form)).status).toBe(422);
      expect(await countRows('replays')).toBe(0);
    },
  );

  it('shows hostile texts as text', async () => {
    await stored(uniqueResponse());
    expectEscaped(await operator.page(`/replays/new?integration=${encodeURIComponent(HOSTILE)}`));
  });
});

describe('a replay', () => {
  it('begins with its form, moves on, and ends', async () => {
    await stored(uniqueResponse(), uniqueResponse());
    const fields = formsOf(await operator.page('/replays/new?integration=shop')).get('/replays');
    expect(fields).toEqual({ integration: 'shop' });
    const location = locationOf(await operator.post('/replays', fields));
    const [path = ''] = location.split('?');

    expect(textOf(await operator.page(location))).toContain('The replay has begun.');
    await isDone(path);
    const page = await operator.page(path);
    expect(page).toMatch(/<progress max="1" value="1" aria-labelledby="progress">/);
    expect(page).not.toContain('hx-trigger="every');
    expect(textOf(page)).toContain(
      '100% gone through Found so far 2 Sent again 2 Waiting to be sent 0 By admin token',
    );
    expect((await forwardedEvents()).filter(({ replay }) => replay === 1)).toHaveLength(2);
    expect((await ask('/api/audit')).answer.data[0]).toMatchObject({
      action: 'replay.create',
      detail: { integration: 'shop' },
    });
  });

  it('of all events is asked for explicitly', async () => {
    await stored(uniqueResponse());
    const location = locationOf(await operator.post('/replays', {}));

    expect(textOf(await operator.page(location))).toContain('Which events Every event that is stored.');
  });

  it('updates its page while it is under way, and can be cancelled', async () => {
    await storeEvents({ count: 30_000 });
    await inject({ events: { kind: 'late' } });
    const [path = ''] = locationOf(await operator.post('/replays', { type: 'response' })).split('?');
    const page = await operator.page(path);
    expect(page).toContain(`id="replay" hx-get="${path}" hx-trigger="every 2s" hx-select="#replay"`);
    expect(textOf(page)).toContain('under way');
    expect([...formsOf(page).keys()]).toEqual([`${path}/cancel`]);

    const location = locationOf(await operator.post(`${path}/cancel`));
    expect(textOf(await operator.page(location))).toContain('The replay was cancelled.');
    expect(textOf(await operator.page(path))).toContain('Progress cancelled');
    expect((await ask('/api/audit')).answer.data[0]).toMatchObject({ action: 'replay.cancel' });

    const again = await operator.post(`${path}/cancel`);
    expect(again.status).toBe(409);
    expect(textOf(await again.text())).toContain('The replay was over already.');
  });

  it('is answered 404 where there is none', async () => {
    expect((await operator.get('/replays/7')).status).toBe(404);
    expect((await operator.get('/replays/x')).status).toBe(404);
    expect((await operator.post('/replays/7/cancel')).status).toBe(404);
  });

  it('costs one statement to look at', async () => {
    await storeEvents({ count: 5_000 });
    const [path = ''] = locationOf(await operator.post('/replays', {})).split('?');
    await isDone(path);
    await idle(); // the job's last run looks once more whether anything waits
    const { statements, rowsRead } = await costOf(async () => operator.page(path));

    expect(statements).toBe(1);
    expect(rowsRead).toBeLessThanOrEqual(2);
  });
});

describe('the list of replays', () => {
  it('says of each which events, by whom, and how far it has come', async () => {
    await stored(uniqueResponse(), responseBody());
    const [path = ''] = locationOf(
      await operator.post('/replays', {
        type: 'response',
        since: '2026-01-01T00:00',
        contact: '44999999999',
      }),
    ).split('?');
    expect(textOf(await operator.page(path))).toContain('Contact +55 44 99999-9999');
    await isDone(path);

    const text = textOf(await operator.page('/replays'));
    expect(text).toContain('admin token Type reply');
    expect(text).toContain('Contact one contact (no longer kept)');
    expect(text).toContain('From Jan 1, 2026, 12:00:00 AM');
    expect(text).toContain('done 2 of 2 sent again');
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page('/replays'));
    expect(brazilian).toContain('concluído 2 de 2 reenviados');
  });

  it('says that there is none', async () => {
    expect(textOf(await operator.page('/replays'))).toContain('Nothing was replayed yet.');
  });
});

describe('readers', () => {
  it('see replays, and may begin none', async () => {
    await storeEvents({ count: 30_000 });
    const [path = ''] = locationOf(await operator.post('/replays', { type: 'response' })).split('?');
    const reader = await signedIn(READ_TOKEN);

    expect([...formsOf(await reader.page(path)).keys()]).toEqual([]);
    expect(textOf(await reader.page('/replays'))).toContain('admin token');
    expect((await reader.get('/replays/new?type=response')).status).toBe(403);
    expect((await reader.post('/replays', { type: 'response' })).status).toBe(403);
    expect((await reader.post(`${path}/cancel`)).status).toBe(403);
    expect(await countRows('replays')).toBe(1);
  });
});
