// The pages of dead letters: what they say, and what their forms do.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  addFurtherRoutes,
  ask,
  countRows,
  delivered,
  eventually,
  forwardedEvents,
  inject,
  reset,
  seen,
  uniqueResponse,
} from '../webhooks.ts';
import { costOf, expectEscaped, formsOf, HOSTILE, locationOf, textOf } from './page-text.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

let operator: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  operator = await signedIn();
});

function message(id: string, attributes: Record<string, unknown> = {}) {
  return {
    specversion: '1.0',
    id,
    source: '/webhooks/shop',
    type: 'digital.grupoboticario.instantmessage.response',
    contact: '+5541988956674',
    data: { message: { message: 'Olá' } },
    ...attributes,
  };
}

/** Keeps messages as dead letters; gives their ids, newest first. */
async function keep(...messages: unknown[]): Promise<string[]> {
  await env.PROBE.consumeDeadLetters(messages);
  const { answer } = await ask('/api/dead-letters?limit=200');
  return answer.data.map(({ id }: { id: string }) => id);
}

async function onlyOne(one: unknown): Promise<string> {
  const [id = ''] = await keep(one);
  return id;
}

async function lastChange() {
  return (await ask('/api/audit?limit=1')).answer.data[0];
}

describe('the list of dead letters', () => {
  it('explains dead letters, and says of each what it is and whose', async () => {
    await keep(message('m1:e1:response'));

    const text = textOf(await operator.page('/dead-letters'));
    expect(text).toContain('Mend the consumer first');
    expect(text).toContain('+55 41 98895-6674 reply · m1:e1:response');
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page('/dead-letters'));
    expect(brazilian).toContain('Corrija o consumidor primeiro');
    expect(brazilian).toContain('resposta · m1:e1:response');
  });

  it('says that there is none, or that none matches', async () => {
    expect(textOf(await operator.page('/dead-letters'))).toContain('There is none');
    expect(textOf(await operator.page('/dead-letters?type=status'))).toContain('Nothing matches.');
  });

  it('is filtered by its address, by a contact in any written form', async () => {
    await keep(message('one'), message('two', { contact: '+5511912345678', source: '/webhooks/other' }));
    const rows = async (query: string) =>
      (await operator.page(`/dead-letters?${query}`)).split('<li class="row"').length - 1;

    expect(await rows('')).toBe(2);
    expect(await rows('contact=(41) 8895-6674')).toBe(1);
    expect(await rows('integration=other')).toBe(1);
    expect(await rows('type=status')).toBe(0);
    expect(await rows('contact=nobody')).toBe(0);
    expect((await operator.get('/dead-letters?contact=98895-6674')).status).toBe(400); // without its area code
  });

  it('names the route, and is filtered by it', async () => {
    await keep(message('one'), message('two'));
    await env.DB.prepare("UPDATE dead_letters SET route = 'crm' WHERE event_id = 'two'").run();

    expect(textOf(await operator.page('/dead-letters'))).toMatch(/two route crm .*one route events/);
    const page = await operator.page('/dead-letters?route=crm');
    expect(page.split('<li class="row"')).toHaveLength(2);
    expect(formsOf(page).get('/dead-letters/redrive')).toEqual({ route: 'crm' });
    expect(textOf(await operator.page('/dead-letters/discard?route=crm'))).toContain(
      'Route crm 1 match now.',
    );
  });

  it('costs one statement and reads only the rows that it shows', async () => {
    await keep(...Array.from({ length: 90 }, (_, n) => message(`m${n}`)));
    const { statements, rowsRead } = await costOf(async () => operator.page('/dead-letters'));

    expect(statements).toBe(1);
    expect(rowsRead).toBeLessThanOrEqual(4 * 50);
  });
});

describe('a dead letter', () => {
  it('is shown with its message, and leads to its event and its conversation', async () => {
    const id = await onlyOne(message('m1:e1:response'));
    const page = await operator.page(`/dead-letters/${id}`);

    expect(page).toContain('href="/events/shop/m1%3Ae1%3Aresponse"');
    expect(page).toContain('href="/contacts/%2B5541988956674"');
    expect(textOf(page)).toContain('Olá');
  });

  it('says that it cannot be redriven where it is no event', async () => {
    const id = await onlyOne({ nobody: 'knows' });
    const page = await operator.page(`/dead-letters/${id}`);
    expect(textOf(page)).toContain('cannot be redriven, only discarded');
    expect(formsOf(page).has(`/dead-letters/${id}/redrive`)).toBe(false);

    const response = await operator.post(`/dead-letters/${id}/redrive`);
    expect(response.status).toBe(409);
    expect(textOf(await response.text())).toContain('cannot be redriven, only discarded');
  });

  it('shows hostile texts as text, and cuts long ones', async () => {
    const harmful = message(HOSTILE, { data: { [HOSTILE]: HOSTILE, long: 'x'.repeat(90_000) } });
    const id = await onlyOne(harmful);
    const page = await operator.page(`/dead-letters/${id}`);

    expectEscaped(page);
    expect(page.length).toBeLessThan(90_000);
    expectEscaped(await operator.page('/dead-letters'));
    expectEscaped(await operator.page(`/dead-letters/${id}/discard`));
    const query = new URLSearchParams({ done: 'redriven', of: HOSTILE, event: HOSTILE });
    expectEscaped(await operator.page(`/dead-letters?${query}`));
  });

  it('is answered 404 where there is none', async () => {
    for (const path of ['7', 'x', '7/discard']) {
      expect((await operator.get(`/dead-letters/${path}`)).status, path).toBe(404);
    }
    for (const path of ['7/redrive', '7/discard']) {
      expect((await operator.post(`/dead-letters/${path}`)).status, path).toBe(404);
    }
  });
});

describe('redriving dead letters', () => {
  it('sends one again and leads to its event', async () => {
    const id = await onlyOne(message('m1:e1:response'));
    const page = await operator.page(locationOf(await operator.post(`/dead-letters/${id}/redrive`)));

    expect(textOf(page)).toContain('It went back into the queue of its route. Its event: m1:e1:response');
    expect((await forwardedEvents()).map((event) => event.id)).toEqual(['m1:e1:response']);
    expect(await countRows('dead_letters')).toBe(0);
    expect(await lastChange()).toMatchObject({ action: 'dead-letter.redrive', object: id });
  });

  it('says why one is not sent whose route has no queue, and sends those of a route that has one there', async () => {
    const id = await onlyOne(message('m1:e1:response'));
    await env.DB.prepare("UPDATE dead_letters SET route = 'crm'").run();
    const response = await operator.post(`/dead-letters/${id}/redrive`);
    expect(response.status).toBe(409);
    const text = textOf(await response.text());
    expect(text).toContain('Its route has no queue');
    expect(text).toContain('Route crm');
    const many = await operator.post('/dead-letters/redrive', { route: 'crm' });
    expect(many.status).toBe(409);
    expect(textOf(await many.text())).toContain('Its route has no queue');
    expect(await countRows('dead_letters')).toBe(1);

    await addFurtherRoutes({ crm: {} });
    locationOf(await operator.post(`/dead-letters/${id}/redrive`));
    expect((await forwardedEvents('crm')).map((event) => event.id)).toEqual(['m1:e1:response']);
    expect(await forwardedEvents()).toEqual([]);
  });

  it('keeps a dead letter that the queue does not take', async () => {
    const id = await onlyOne(message('m1:e1:response'));
    await inject({ events: { kind: 'reject' } });
    expect((await operator.post(`/dead-letters/${id}/redrive`)).status).toBe(503);
    await inject({});

    expect(await countRows('dead_letters')).toBe(1);
  });

  it('sends all that match, and says how many were sent and left', async () => {
    await keep(message('one'), message('two'), message('other', { source: '/webhooks/other' }));
    const page = await operator.page('/dead-letters?integration=shop');
    const fields = formsOf(page).get('/dead-letters/redrive');
    expect(fields).toEqual({ integration: 'shop' });
    const location = locationOf(await operator.post('/dead-letters/redrive', fields));

    expect(textOf(await operator.page(location))).toContain('Redriven: 2.');
    expect(await countRows('dead_letters')).toBe(1);
    expect(await lastChange()).toMatchObject({
      action: 'dead-letter.redrive-many',
      object: 'shop',
      detail: { done: 2 },
    });
  });

  it('sends all where there is no filter, and leaves what is no event', async () => {
    await keep(message('one'), { nobody: 'knows' });
    const location = locationOf(await operator.post('/dead-letters/redrive'));

    expect(textOf(await operator.page(location))).toContain(
      'Redriven: 1. Left here, being nothing of this receiver or of a route without a queue: 1.',
    );
    expect(await lastChange()).toMatchObject({ object: '*', detail: { all: true } });
  });

  it('goes on in further requests', async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1050)
       INSERT INTO dead_letters (seq, message_id, attempts, received_at, body)
       SELECT 1000000 + i * 1000, 'm' || i, 1, 0, '1' FROM n`,
    ).run();
    const first = await operator.post('/dead-letters/redrive');
    const page = await first.text();

    expect(first.status).toBe(200);
    expect(page).toContain('data-go-on');
    const fields = formsOf(page).get('/dead-letters/redrive') ?? {};
    expect(fields).toMatchObject({ skipped: '1000' });
    const location = locationOf(await operator.post('/dead-letters/redrive', fields));
    expect(textOf(await operator.page(location))).toContain(
      'Redriven: 0. Left here, being nothing of this receiver or of a route without a queue: 1,050.',
    );
  });
});

describe('discarding dead letters', () => {
  it('is confirmed for one, and done', async () => {
    const id = await onlyOne(message('one'));
    const page = await operator.page(`/dead-letters/${id}/discard`);
    expect(textOf(page)).toContain('It can no longer be redriven then.');
    expect(await countRows('dead_letters')).toBe(1);

    const location = locationOf(await operator.post(`/dead-letters/${id}/discard`));
    expect(textOf(await operator.page(location))).toContain('The dead letter was discarded.');
    expect(await countRows('dead_letters')).toBe(0);
    expect(await lastChange()).toMatchObject({ action: 'dead-letter.discard', object: id });
  });

  it('is confirmed for all that match with their number, and done once the box is ticked', async () => {
    await keep(message('one'), message('two', { type: 'digital.grupoboticario.instantmessage.status' }));
    const page = await operator.page('/dead-letters/discard?type=response');
    expect(textOf(page)).toContain('Type reply 1 match now.');
    const fields = formsOf(page).get('/dead-letters/discard');
    expect(fields).toEqual({ type: 'response' });

    const unsure = await operator.post('/dead-letters/discard', fields);
    expect(unsure.status).toBe(422);
    expect(textOf(await unsure.text())).toContain('Tick the box');
    expect(await countRows('dead_letters')).toBe(2);

    const location = locationOf(await operator.post('/dead-letters/discard', { ...fields, sure: 'yes' }));
    expect(textOf(await operator.page(location))).toContain('Discarded: 1.');
    expect(await countRows('dead_letters')).toBe(1);
    expect(await lastChange()).toMatchObject({
      action: 'dead-letter.discard-many',
      detail: { type: 'response' },
    });
  });

  it('says that all are meant where there is no filter', async () => {
    await keep(message('one'));

    expect(textOf(await operator.page('/dead-letters/discard'))).toContain('Every dead letter there is.');
    locationOf(await operator.post('/dead-letters/discard', { sure: 'yes' }));
    expect(await countRows('dead_letters')).toBe(0);
  });
});

describe('a consumer that fails', () => {
  it('leaves a dead letter that is redriven once the consumer works', async () => {
    await env.PROBE.consumeBy('fails');
    await delivered(uniqueResponse());
    await eventually('it is given up on', async () => (await countRows('dead_letters')) === 1);
    await env.PROBE.consumeBy('works');
    const { answer } = await ask('/api/dead-letters');
    locationOf(await operator.post(`/dead-letters/${answer.data[0]?.id}/redrive`));

    await eventually('it is handled', async () => (await seen()).handled.length === 1);
  });
});

describe('readers', () => {
  it('see every page, and are offered and allowed no change', async () => {
    const reader = await signedIn(READ_TOKEN);
    const id = await onlyOne(message('one'));
    for (const path of ['', `/${id}`]) {
      const page = await reader.page(`/dead-letters${path}`);
      expect([...formsOf(page).keys()]).toEqual([]);
      expect(page).not.toContain('/discard');
    }
    for (const path of ['discard', `${id}/discard`]) {
      expect((await reader.get(`/dead-letters/${path}`)).status, path).toBe(403);
    }
    for (const path of ['redrive', 'discard', `${id}/redrive`, `${id}/discard`]) {
      expect((await reader.post(`/dead-letters/${path}`, { sure: 'yes' })).status, path).toBe(403);
    }
    expect(await countRows('dead_letters')).toBe(1);
  });
});
