// The pages of replays: what they say, and what their forms do.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  allForwarded,
  ask,
  countRows,
  delivered,
  deliveredText,
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
  await allForwarded();
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
    expect(text).toContain('the same id, and with the id of the replay');
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

  it('counts what the filter of the chosen route lets through, and is sent to that route alone', async () => {
    await addFurtherRoutes({ crm: { types: ['status'] } });
    await stored(uniqueResponse(), uniqueResponse());
    await delivered(deliveredText);
    const page = await operator.page('/replays/new?route=crm&integration=shop');

    expect(textOf(page)).toContain('Route crm Integration shop Events that match now: 1.');
    expect(page).toContain('<option value="crm" selected');
    expect(formsOf(page).get('/replays')).toEqual({ integration: 'shop', route: 'crm' });
    const ofAll = textOf(await operator.page('/replays/new'));
    expect(ofAll).toContain('Route all routes Every event that is stored. Events that match now: 3.');
    expect(ofAll).toContain('Each route gets those of them that its own filter lets through.');
    expect((await operator.get('/replays/new?route=gone')).status).toBe(404);
  });

  it('leads to the routes where there is none', async () => {
    await stored(uniqueResponse());
    await env.DB.prepare('DELETE FROM routes').run();
    const page = await operator.page('/replays/new');

    expect(textOf(page)).toContain('There is no route that events could be sent to.');
    expect([...formsOf(page).keys()]).toEqual([]);
    expect((await operator.post('/replays', {})).status).toBe(409);
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
    expect(textOf(page)).toContain('100% gone through Route events Sent again 2 By admin token');
    expect((await forwardedEvents()).filter(({ replay }) => path.endsWith(`/${replay}`))).toHaveLength(2);
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

  it('of one route sends to it alone, and one of all routes is one replay for each', async () => {
    await addFurtherRoutes({ crm: {}, desk: {} });
    await stored(uniqueResponse());
    const [path = ''] = locationOf(await operator.post('/replays', { route: 'crm' })).split('?');
    await isDone(path);
    expect(textOf(await operator.page(path))).toContain('Route crm Sent again 1');
    const replayed = async (route: 'events' | 'crm' | 'desk') =>
      (await forwardedEvents(route)).filter(({ replay }) => replay !== undefined).length;
    expect([await replayed('events'), await replayed('crm'), await replayed('desk')]).toEqual([0, 1, 0]);

    const location = locationOf(await operator.post('/replays', {}));
    expect(location).toBe('/replays?begun=3');
    const page = await operator.page(location);
    expect(textOf(page)).toContain('Replays that have begun, one for each route: 3.');
    expect(page.split('<li class="row"')).toHaveLength(1 + 4);
  });

  it('is paused, which ends what it sends, and resumed', async () => {
    await storeEvents({ count: 30_000 });
    await inject({ events: { kind: 'late' } });
    const [path = ''] = locationOf(await operator.post('/replays', { type: 'response' })).split('?');
    const paused = await operator.page(locationOf(await operator.post(`${path}/pause`)));
    expect(textOf(paused)).toContain('The replay is paused.');
    expect(textOf(paused)).toContain('Progress paused');
    expect(paused).not.toContain('hx-trigger="every');
    expect([...formsOf(paused).keys()]).toEqual([`${path}/resume`, `${path}/cancel`]);
    expect(textOf(await operator.page('/replays'))).toContain('paused');
    const again = await operator.post(`${path}/pause`);
    expect(again.status).toBe(409);
    expect(textOf(await again.text())).toContain('It was so already');

    const resumed = await operator.page(locationOf(await operator.post(`${path}/resume`)));
    expect(textOf(resumed)).toContain('The replay goes on within a minute.');
    expect(textOf(resumed)).toContain('Progress under way');
    const { results } = await env.DB.prepare("SELECT action FROM audit WHERE action LIKE 'replay%'").all();
    expect(results.map(({ action }) => action)).toEqual(['replay.create', 'replay.pause', 'replay.resume']);
  });

  it('updates its page while it is under way, and can be cancelled', async () => {
    await storeEvents({ count: 30_000 });
    await inject({ events: { kind: 'late' } });
    const [path = ''] = locationOf(await operator.post('/replays', { type: 'response' })).split('?');
    const page = await operator.page(path);
    expect(page).toContain(`id="replay" hx-get="${path}" hx-trigger="every 2s" hx-select="#replay"`);
    expect(textOf(page)).toContain('under way');
    expect([...formsOf(page).keys()]).toEqual([`${path}/pause`, `${path}/cancel`]);

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
    for (const action of ['pause', 'resume', 'cancel']) {
      expect((await operator.post(`/replays/7/${action}`)).status, action).toBe(404);
    }
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
    expect(text).toContain('done 2 sent to events');
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page('/replays'));
    expect(brazilian).toContain('concluído 2 enviados para events');
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
    for (const action of ['pause', 'resume', 'cancel']) {
      expect((await reader.post(`${path}/${action}`)).status, action).toBe(403);
    }
    expect(await countRows('replays')).toBe(1);
  });
});
