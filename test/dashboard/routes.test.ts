// The pages of routes: what they say, and what their forms do.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  addRoute,
  allForwarded,
  countRows,
  delivered,
  deliveredText,
  eventually,
  forwardedEvents,
  idle,
  inject,
  register,
  reset,
  uniqueResponse,
} from '../webhooks.ts';
import { costOf, formsOf, locationOf, textOf } from './page-text.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

const HOUR_MS = 3_600_000;

let operator: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  operator = await signedIn();
});

/** A route as it is stored. */
async function stored(name: string) {
  const row = await env.DB.prepare('SELECT filter, state, began FROM routes WHERE name = ?1')
    .bind(name)
    .first<{ filter: string; state: string; began: number }>();
  return row && { ...row, filter: JSON.parse(row.filter) };
}

async function audited(): Promise<string[]> {
  const { results } = await env.DB.prepare('SELECT action, object FROM audit ORDER BY seq').run<{
    action: string;
    object: string;
  }>();
  return results.map(({ action, object }) => `${action} ${object}`);
}

/** The rows of the table of routes, as texts. */
function rowsIn(page: string): string[] {
  return [...page.matchAll(/<tr><th scope="row">.*?<\/tr>/gs)].map(([row]) => textOf(`<main>${row}`));
}

/** The texts in boxes that can be copied. */
function copyableIn(page: string): string[] {
  return [...page.matchAll(/<div class="copyable">.*?<bdi>(.*?)<\/bdi>/gs)].map(([, text = '']) =>
    text.replaceAll('&quot;', '"'),
  );
}

/** The values of the boxes that are ticked. */
function tickedIn(page: string): string[] {
  return [...page.matchAll(/<input type="checkbox"[^>]*>/g)]
    .filter(([box]) => box.includes('checked'))
    .map(([box]) => /value="([^"]*)"/.exec(box)?.[1] ?? '');
}

describe('the list of routes', () => {
  it('says of each its state, which events it gets, and how far it has come', async () => {
    await addFurtherRoutes({ crm: { types: ['status'], statuses: ['read', 'delivered'] }, desk: {} });
    await inject({ desk: { kind: 'reject' } });
    await delivered(deliveredText);
    await delivered(uniqueResponse());
    await allForwarded();
    await eventually('it is forwarded', async () => (await forwardedEvents('crm')).length === 1);
    await idle();
    await env.PROBE.runCron();
    await env.PROBE.consumeDeadLetters([{ nobody: 'knows' }]);

    const [crm, desk, events, ...more] = rowsIn(await operator.page('/routes'));
    expect(crm).toMatch(/^crm active status · read , delivered nothing waits 0 1 0 /);
    expect(desk).toMatch(/^desk active all events 2 events , the oldest for \d+m?s 0 0 0 /);
    expect(events).toMatch(/^events active all events nothing waits 0 2 1 /);
    expect(more).toEqual([]);
    const brazilian = await (await signedIn(READ_TOKEN, 'pt')).page('/routes');
    expect(rowsIn(brazilian)[1]).toMatch(/^desk ativa todos os eventos 2 eventos , o mais antigo há/);
  });

  it('leads to what waits, to the dead letters and to each route, which are there', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await env.PROBE.consumeDeadLetters([{ nobody: 'knows' }]);
    const page = await operator.page('/routes');
    for (const path of [
      '/events?forwarded=false&route=events',
      '/dead-letters?route=events',
      '/routes/events',
    ]) {
      expect(page).toContain(`href="${path.replaceAll('&', '&amp;')}"`);
      expect((await operator.get(path)).status, path).toBe(200);
    }
  });

  it('says "at least" where counting ends', async () => {
    await storeEvents({ count: 10_500 });
    await addRoute('crm', {}, { from: 0 });

    expect(rowsIn(await operator.page('/routes'))[0]).toContain('at least 10,000 events');
  });

  it('is kept up to date, and so is the page of a route', async () => {
    for (const path of ['/routes', '/routes/events']) {
      const page = await operator.page(path);
      expect(page).toContain(
        `<div id="now" hx-get="${path}" hx-trigger="every 5s" hx-select="#now" hx-swap="outerHTML">`,
      );
      const [, live = ''] = page.split('<div id="now"');
      // What has the focus keeps it by its id when it is replaced.
      const links = [...(live.split('</section>')[0] ?? '').matchAll(/<(?:a|button)\s[^>]*>/g)].map(
        ([tag]) => tag,
      );
      expect(links.length).toBeGreaterThan(0);
      for (const link of links) expect(link).toContain(' id="');
    }
  });

  it('says that there is none', async () => {
    await env.DB.prepare('DELETE FROM routes').run();

    expect(textOf(await operator.page('/routes'))).toContain(
      'There is no route: events are stored and go nowhere.',
    );
  });

  it('costs no more with many events stored', async () => {
    await storeEvents({ count: 20_000 });
    await addRoute('crm');
    const { statements, rowsRead } = await costOf(async () => operator.page('/routes'));

    expect(statements).toBe(3);
    expect(rowsRead).toBeLessThanOrEqual(60);
  });
});

describe('the warnings of routes', () => {
  it('name a route without its queue, and what its queue needs', async () => {
    await addRoute('crm');

    expect(textOf(await operator.page('/routes'))).toContain(
      'The route crm has no queue: this deployment has no binding EVENTS_CRM',
    );
    const page = await operator.page('/routes/crm');
    expect(textOf(page)).toContain('Binding EVENTS_CRM not in this deployment');
    expect(textOf(page)).toContain('Its queue is missing here.');
    expect(copyableIn(page)[0]).toContain('binding = "EVENTS_CRM"');
  });

  it('name a queue without a route, with what adds it', async () => {
    await env.PROBE.bindRoutes(['crm']);
    const page = await operator.page('/routes');

    expect(textOf(page)).toContain('The binding EVENTS_CRM has no route: nothing goes to its queue.');
    expect(page).toContain('href="/routes/_new?name=crm"');
    const next = textOf(await operator.page('/routes/_new?name=crm'));
    expect(next).toContain('This deployment has the binding EVENTS_CRM already');
    expect(await (await signedIn(READ_TOKEN)).page('/routes')).not.toContain('/routes/_new');
  });

  it('name a route that is paused for long, and not one that was just paused', async () => {
    await operator.post('/routes/events/pause');
    expect(textOf(await operator.page('/routes'))).not.toContain('has been paused for');
    await env.PROBE.setClock(2 * HOUR_MS);

    expect(textOf(await operator.page('/routes'))).toMatch(
      /The route events has been paused for (2h|1h 59m)/,
    );
  });

  it('name a route that is behind, and not one that is paused', async () => {
    await env.DB.prepare('UPDATE routes SET state_at = 0').run();
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    expect(textOf(await operator.page('/routes'))).not.toContain('An event has waited');
    await env.PROBE.setClock(600_000);

    expect(textOf(await operator.page('/routes'))).toMatch(
      /An event has waited (9|10)m .*on the route events/,
    );
    await operator.post('/routes/events/pause');
    expect(textOf(await operator.page('/routes'))).not.toContain('An event has waited');
  });
});

describe('adding a route', () => {
  it('begins with its name', async () => {
    const page = await operator.page('/routes/_new');

    expect(page).toContain('<form action="/routes/_new"');
    expect(textOf(page)).toContain('Lower-case letters, digits and single underscores');
  });

  it.each([
    ['Crm', 'must be lower-case letters and digits'],
    ['crm__desk', 'must be lower-case letters and digits'],
    ['', 'must be lower-case letters and digits'],
    ['x'.repeat(33), 'must have at most 32 characters'],
  ])('refuses a name that is none: %s', async (name, words) => {
    const response = await operator.get(`/routes/_new?name=${name}`);
    const page = await response.text();

    expect(response.status).toBe(422);
    expect(textOf(page)).toContain(words);
    expect(page).toContain('aria-invalid="true"');
    expect(page).toContain(`value="${name}"`);
  });

  it('refuses a name that is taken', async () => {
    const response = await operator.get('/routes/_new?name=events');
    expect(response.status).toBe(409);
    expect(textOf(await response.text())).toContain('There is a route of this name already.');
    expect((await operator.post('/routes/_new', { name: 'events' })).status).toBe(409);
  });

  it('tells what its queue needs, and offers the integrations, types and statuses', async () => {
    await register('mail');
    const page = await operator.page('/routes/_new?name=crm_desk');

    const [command, toml] = copyableIn(page);
    expect(command).toBe('npm run routes -- add crm_desk');
    expect(toml).toContain('binding = "EVENTS_CRM_DESK"\nqueue = "instant-message-crm-desk"');
    expect(toml).toContain('queue = "instant-message-crm-desk-dead"');
    const boxes = [...page.matchAll(/type="checkbox" name="(\w+)" value="(\w+)"/g)].map(([, ...box]) => box);
    expect(boxes).toEqual([
      ['integrations', 'mail'],
      ['integrations', 'shop'],
      ['types', 'response'],
      ['types', 'status'],
      ['statuses', 'sent'],
      ['statuses', 'delivered'],
      ['statuses', 'read'],
      ['statuses', 'failed'],
    ]);
    expect(formsOf(page).get('/routes/_new')).toEqual({ name: 'crm_desk' });
  });

  it('makes a route that gets everything from now on where nothing else is chosen', async () => {
    await delivered(uniqueResponse());
    await env.PROBE.bindRoutes(['crm']);
    const location = locationOf(await operator.post('/routes/_new', { name: 'crm', beginning: 'now' }));
    expect(location).toBe('/routes/crm?done=created');
    const page = await operator.page(location);

    expect(textOf(page)).toContain('The route was added.');
    expect(copyableIn(page)).toEqual([
      expect.stringMatching(
        /queue = "instant-message-crm"\n.*dead_letter_queue = "instant-message-crm-dead"\n/s,
      ),
    ]);
    expect(await audited()).toEqual(['route.create crm']);
    await delivered(uniqueResponse());
    await eventually('it is forwarded', async () => (await forwardedEvents('crm')).length > 0);
    await idle();
    expect(await forwardedEvents('crm')).toHaveLength(1);
    expect(await stored('crm')).toMatchObject({ filter: {}, state: 'active' });
  });

  it('makes one that gets what was chosen', async () => {
    await register('mail');
    const form = new URLSearchParams([
      ['name', 'crm'],
      ['integrations', 'mail'],
      ['integrations', 'shop'],
      ['types', 'status'],
      ['statuses', 'read'],
      ['beginning', 'oldest'],
    ]);
    await operator.post('/routes/_new', form);

    expect(await stored('crm')).toEqual({
      filter: { integrations: ['mail', 'shop'], types: ['status'], statuses: ['read'] },
      state: 'active',
      began: expect.any(Number),
    });
    const page = await operator.page('/routes/crm');
    expect(textOf(page)).toContain('Integrations mail , shop Types status Statuses read');
    expect(tickedIn(page)).toEqual(['mail', 'shop', 'status', 'read']);
  });

  it('begins it at the oldest event, or at a time as the reader’s clock has it', async () => {
    await storeEvents({ count: 10, firstSeq: Date.parse('2026-03-01T12:00:00Z') * 1000 });
    await operator.post('/routes/_new', { name: 'crm', beginning: 'oldest' });
    const time = { beginning: 'time', time: '2026-03-01T08:00' };
    await operator.post('/routes/_new', { name: 'before', ...time });
    await operator.post('/routes/_new', { name: 'desk', ...time, time: '2026-03-01T10:00' });
    const rows = rowsIn(await operator.page('/routes'));

    // São Paulo is three hours behind: the events are of nine in the morning.
    expect(rows.find((row) => row.startsWith('crm'))).toContain('10 events');
    expect(rows.find((row) => row.startsWith('before'))).toContain('10 events');
    expect(rows.find((row) => row.startsWith('desk'))).toContain('nothing waits');
  });

  it('refuses a time that is none, and keeps what was filled in', async () => {
    const form = { name: 'crm', types: 'status', beginning: 'time', time: 'soon' };
    const response = await operator.post('/routes/_new', form);
    const page = await response.text();

    expect(response.status).toBe(422);
    expect(textOf(page)).toContain('from must be now, oldest, or a date and time');
    expect(tickedIn(page)).toEqual(['status']);
    expect(page).toContain('name="beginning" value="time" checked');
    expect(await stored('crm')).toBeNull();
  });

  it('says so where there are as many as there can be', async () => {
    for (let n = 1; n < 20; n++) await addRoute(`r${n}`);
    const response = await operator.post('/routes/_new', { name: 'crm' });

    expect(response.status).toBe(409);
    expect(textOf(await response.text())).toContain('There are as many routes as there can be.');
  });
});

describe('a route', () => {
  it('says how far it has come, and leads to its events, dead letters, changes and replays', async () => {
    await delivered(uniqueResponse());
    await allForwarded();
    await operator.post('/replays', { route: 'events' });
    await idle();
    await operator.post('/routes/events/pause');
    await delivered(uniqueResponse());
    await env.PROBE.runCron();
    const page = await operator.page('/routes/events');
    const text = textOf(page);

    expect(text).toMatch(
      /Now paused Behind 1 event , the oldest for \d+m?s Gaps 0 Forwarded 1 Dead letters 0/,
    );
    expect(text).toContain('Begins at the oldest event');
    expect(text).toContain('Binding EVENTS in this deployment');
    expect(text).toMatch(/Its replays All replays admin token all events done 1 sent to events/);
    for (const path of [
      '/events?forwarded=false&amp;route=events',
      '/dead-letters?route=events',
      '/audit?object=events',
      '/replays/new?route=events',
    ]) {
      expect(page).toContain(`href="${path}"`);
    }
  });

  it('shows no replays of other routes', async () => {
    await addRoute('crm');
    await operator.post('/replays', { route: 'crm' });

    expect(textOf(await operator.page('/routes/events'))).toContain('Nothing was sent to it again lately.');
    expect(textOf(await operator.page('/routes/crm'))).toContain('sent to crm');
  });

  it('is paused, keeps its events, and forwards them once it is resumed', async () => {
    const paused = await operator.page(locationOf(await operator.post('/routes/events/pause')));
    expect(textOf(paused)).toContain('Paused. Nothing is sent to its queue within 30 seconds.');
    expect([...formsOf(paused).keys()]).toEqual(['/routes/events/resume', '/routes/events']);
    const again = locationOf(await operator.post('/routes/events/pause'));
    expect(textOf(await operator.page(again))).toContain('It was so already');
    await env.PROBE.restart();
    await delivered(uniqueResponse());
    await idle();
    expect(await forwardedEvents()).toEqual([]);

    const resumed = await operator.page(locationOf(await operator.post('/routes/events/resume')));
    expect(textOf(resumed)).toContain('Resumed. It catches up with what waited.');
    expect([...formsOf(resumed).keys()]).toEqual(['/routes/events/pause', '/routes/events']);
    await env.PROBE.setClock(60_000);
    await env.PROBE.runCron();
    expect(await forwardedEvents()).toHaveLength(1);
    expect(await audited()).toEqual(['route.pause events', 'route.resume events']);
  });

  it('gets other events by its form, which shows also what is there no more', async () => {
    await addRoute('crm', { integrations: ['gone'], statuses: ['deleted'] });
    expect(tickedIn(await operator.page('/routes/crm'))).toEqual(['gone', 'deleted']);
    const form = new URLSearchParams([
      ['integrations', 'gone'],
      ['integrations', 'shop'],
    ]);
    const location = locationOf(await operator.post('/routes/crm', form));

    expect(textOf(await operator.page(location))).toContain('Saved.');
    expect((await stored('crm'))?.filter).toEqual({ integrations: ['gone', 'shop'] });
    await operator.post('/routes/crm');
    expect((await stored('crm'))?.filter).toEqual({});
    expect(await audited()).toEqual(['route.update crm', 'route.update crm']);
  });

  it('keeps its filter where the form asks for one that is none', async () => {
    await addRoute('crm', { types: ['status'] });
    const response = await operator.post('/routes/crm', { types: 'answer', statuses: 'read' });
    const page = await response.text();

    expect(response.status).toBe(422);
    expect(textOf(page)).toContain('Nothing was saved. This is wrong:');
    expect(textOf(page)).toContain('filter.types.0 must be one of response, status');
    expect(tickedIn(page)).toEqual(['answer', 'read']);
    expect((await stored('crm'))?.filter).toEqual({ types: ['status'] });
  });

  it('is deleted once its name is typed', async () => {
    await env.PROBE.bindRoutes(['crm']);
    await addRoute('crm', {}, { from: 0 });
    await inject({ crm: { kind: 'reject' } });
    await delivered(uniqueResponse());
    const page = await operator.page('/routes/crm/delete');
    expect(textOf(page)).toContain('Waiting for it now: 1 event.');
    expect(textOf(page)).toContain('Take the binding EVENTS_CRM out of wrangler.toml as well');
    const mistyped = await operator.post('/routes/crm/delete', { confirm: 'events' });
    expect(mistyped.status).toBe(422);
    expect(textOf(await mistyped.text())).toContain('Nothing was deleted.');
    expect(await countRows('routes')).toBe(2);

    const location = locationOf(await operator.post('/routes/crm/delete', { confirm: 'crm' }));
    expect(textOf(await operator.page(location))).toContain('The route was deleted.');
    expect(await countRows('routes')).toBe(1);
    expect(await audited()).toEqual(['route.delete crm']);
  });

  it('is answered 404 where there is none', async () => {
    for (const path of ['nothing', 'nothing/delete']) {
      expect((await operator.get(`/routes/${path}`)).status, path).toBe(404);
    }
    for (const path of ['nothing', 'nothing/pause', 'nothing/resume', 'nothing/delete']) {
      expect((await operator.post(`/routes/${path}`, { confirm: 'nothing' })).status, path).toBe(404);
    }
  });
});

describe('readers', () => {
  it('see routes, and are offered and allowed no change', async () => {
    const reader = await signedIn(READ_TOKEN);
    for (const path of ['/routes', '/routes/events']) {
      const page = await reader.page(path);
      expect([...formsOf(page).keys()]).toEqual([]);
      expect(page).not.toMatch(/href="\/(routes\/_new|replays\/new|routes\/events\/delete)/);
    }
    for (const path of ['_new', '_new?name=crm', 'events/delete']) {
      expect((await reader.get(`/routes/${path}`)).status, path).toBe(403);
    }
    for (const path of ['_new', 'events', 'events/pause', 'events/resume', 'events/delete']) {
      const form = { name: 'crm', confirm: 'events', types: 'status' };
      expect((await reader.post(`/routes/${path}`, form)).status, path).toBe(403);
    }
    expect(await stored('events')).toMatchObject({ filter: {}, state: 'active' });
    expect(await countRows('audit')).toBe(0);
  });
});
