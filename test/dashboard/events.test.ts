// The list of events with its filters, the page of one event, and sending one again.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  addRoute,
  allForwarded,
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  type Fields,
  forwardedEvents,
  idle,
  inject,
  register,
  reset,
  responseBody,
  responseText,
  seen,
  statusBody,
  uniqueResponse,
} from '../webhooks.ts';
import { attributesOf, dangersOf, HOSTILE_TEXTS, hostileBodies, textOf } from './hostile.ts';
import { type Browser, browserWith, cookiesOf, READ_TOKEN, signedIn, signIn } from './signed-in.ts';

const RESPONSE_PATH = '/events/shop/5e178088a88ad9001b6e1914%3Ai3i4321d%3Aresponse';
/** No page is larger, whatever payloads hold. */
const MAX_PAGE_CHARACTERS = 400_000;

let browser: Browser;
let reader: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  await register('store');
  await deliver(uniqueResponse()); // the registration is known from here on
  await env.DB.prepare('DELETE FROM events').run();
  browser = await signedIn();
  reader = await signedIn(READ_TOKEN, 'pt');
});

/** What the rows of a list say. */
function rowsOf(page: string): string[] {
  return [...page.matchAll(/<li id="event-\d+".*?<\/li>/gs)].map(([row]) => textOf(row).trim());
}

function step(status: string, change: (body: Body) => void = () => undefined): Body {
  return statusBody((body) => {
    body.event.status = status;
    body.event.messageId = `step-${status}`;
    change(body);
  });
}

describe('the list of events', () => {
  it('says who, what and when in words', async () => {
    await deliver(responseText);
    await deliver(step('read'));
    const [read = '', reply = ''] = rowsOf(await browser.page('/events'));
    expect(read).toMatch(/\+55 44 99902-7914 has read a message .*shop/);
    expect(reply).toContain('+55 44 99999-9999 Maria da Silva sent a document: Mensagem de teste');
    expect(rowsOf(await reader.page('/events'))[0]).toContain('leu uma mensagem');
  });

  it.each([
    ['type=response', ['reply']],
    ['status=read', ['read']],
    ['type=status&status=failed', ['failed']],
    ['contact=(44)+9999-9999', ['reply']],
    ['contact=%2B5544999027914', ['other', 'failed', 'read']],
    ['integration=store', ['other']],
    ['messageId=message-failed', ['failed']],
    ['deferred=true', ['failed']],
    ['forwarded=false', ['read']],
    ['type=&status=&contact=&until=', ['other', 'failed', 'read', 'reply']],
    ['since=2026-03-01T02:30:00.000Z', ['other', 'failed']],
    ['until=2026-03-01T02:30:00.000Z', ['read', 'reply']],
    ['since=2026-02-28T23:30', ['other', 'failed']], // on the clocks of São Paulo
    ['since=2026-02-28T23:00&until=2026-02-28T23:20', ['reply']],
    ['integration=nobody', []],
  ])('shows the events that match %s', async (query, expected) => {
    await deliver(responseText);
    for (const status of ['read', 'failed']) {
      await deliver(step(status, (body) => Object.assign(body.message, { messageId: `message-${status}` })));
    }
    await deliver(step('sent'), { slug: 'store' });
    await allForwarded();
    for (const [index, where] of [
      "type = 'response'",
      "status = 'read'",
      "status = 'failed'",
      "integration = 'store'",
    ].entries()) {
      const atMs = Date.parse('2026-03-01T02:10:00Z') + index * 600_000;
      await env.DB.prepare(`UPDATE events SET seq = ?1, received_at = ?2, deferred = ?3 WHERE ${where}`)
        .bind(atMs * 1000, atMs, Number(index === 2))
        .run();
    }
    await forwardAllBut("status = 'read'");
    const cookie = `${cookiesOf(await signIn(READ_TOKEN))}; time-zone=America/Sao_Paulo`;

    const rows = rowsOf(await browserWith(cookie).page(`/events?${query}`));
    const named = rows.map((row) =>
      row.includes('store')
        ? 'other'
        : row.includes('sent a doc')
          ? 'reply'
          : row.includes('could not')
            ? 'failed'
            : 'read',
    );
    expect(named).toEqual(expected);
  });

  it.each<[string, Fields, en: string, pt: string]>([
    ['a reaction', { mediaType: 'reaction', message: '👍🏽' }, 'reacted: 👍🏽', 'reagiu: 👍🏽'],
    [
      'a reaction that is gone',
      { mediaType: 'reaction', message: '' },
      'changed a reaction',
      'mudou uma reação',
    ],
    [
      'a sticker',
      { mediaType: 'sticker', mediaData: { link: 'https://x.example/1.webp' } },
      'sent a sticker',
      'enviou uma figurinha',
    ],
    [
      'a tapped button',
      {
        mediaType: 'interactive',
        message: { type: 'button_reply', id: 'op-1', title: 'Quero falar com alguém' },
      },
      'replied with a button: Quero falar com alguém',
      'respondeu com um botão: Quero falar com alguém',
    ],
    [
      'what was chosen from a list',
      {
        mediaType: 'interactive',
        message: { type: 'list_reply', list_reply: { id: '1', title: 'Entrega' } },
      },
      'replied from a list: Entrega',
      'respondeu por uma lista: Entrega',
    ],
    [
      'a contact card',
      {
        mediaType: 'contacts',
        contacts: [{ name: { formatted_name: 'Ana' }, phones: [{ phone: '+55 44 99123-0003' }] }],
      },
      'sent a contact card: Ana +55 44 99123-0003',
      'enviou um cartão de contato: Ana +55 44 99123-0003',
    ],
    ['a number', { mediaType: 'text', message: 1 }, 'wrote: 1', 'escreveu: 1'],
    ['a list', { mediaType: 'text', message: ['Sim'] }, 'wrote: Sim', 'escreveu: Sim'],
    ['a kind that nobody knows', { mediaType: 'poll' }, 'replied', 'respondeu'],
    [
      'a text without a medium',
      { mediaType: 'text', message: 'oi', mediaData: '' },
      'wrote: oi',
      'escreveu: oi',
    ],
  ])('names the kind of %s, and calls nothing a file that is none', async (_, message, en, pt) => {
    await deliver(responseText);
    // Stored without the contract, since an old event can have come under another one.
    const odd = responseBody((body) => {
      const { messageId, to, from, appId } = body.message;
      body.message = { messageId, to, from, appId, ...message };
    });
    await env.DB.prepare('UPDATE events SET payload = ?1').bind(JSON.stringify(odd)).run();
    expect(rowsOf(await browser.page('/events'))[0]).toContain(`Maria da Silva ${en}`);
    expect(rowsOf(await reader.page('/events'))[0]).toContain(`Maria da Silva ${pt}`);
    for (const path of [RESPONSE_PATH, '/contacts/+5544999999999']) {
      const page = textOf(await browser.page(path));
      expect(page).toContain(en.split(': ')[1] ?? '');
      expect(page).not.toMatch(/\bfile\b/i);
    }
  });

  it('keeps the filters in its form, with local times', async () => {
    const cookie = `${cookiesOf(await signIn(READ_TOKEN))}; time-zone=Asia/Tokyo`;
    const page = await browserWith(cookie).page(
      '/events?contact=(44)+9999-9999&status=read&integration=gone&since=2026-03-01T02:30:00.000Z&forwarded=false',
    );
    expect(page).toMatch(/name="contact" value="\(44\) 9999-9999"/);
    expect(page).toMatch(/<option value="read" selected/);
    expect(page).toMatch(/<option value="gone" selected/);
    expect(page).toMatch(/<option value="false" selected/);
    expect(page).toContain('value="2026-03-01T11:30"');
    expect(page).toContain('<a href="/events">Clear</a>');
    expect(await browser.page('/events')).not.toContain('<a href="/events">Clear</a>');
  });

  it.each([
    ['contact=123', 'must be a phone number or an identity'],
    ['type=other', 'must be one of response, status'],
    ['status=%7C', 'must be a word such as sent, delivered, read, failed'],
    ['odd=maybe', 'must be one of true, false'],
    ['since=yesterday', 'must be a date and time'],
    ['until=2026-13-45T00:00', 'must be a date and time'],
    ['deferred=maybe', 'must be one of true, false'],
    ['cursor=x', 'is no place in this list'],
  ])('explains beside the form what is wrong with %s', async (query, words) => {
    const response = await browser.get(`/events?${query}`);
    const page = await response.text();
    expect(response.status).toBe(400);
    expect(textOf(page)).toContain(words);
    expect(page).toContain('<form class="filters"');
    expect(await (await reader.get(`/events?${query}`)).text()).toMatch(/(deve ser|não é) /);
  });

  it('leads on to the next page, which is not live', async () => {
    await storeEvents({ count: 120 });
    const seenIds: string[] = [];
    let path: string | undefined = '/events?type=status';
    for (let pages = 0; path !== undefined; pages++) {
      const page: string = await browser.page(path);
      seenIds.push(...attributesOf(page, 'id').filter((id) => id.startsWith('event-')));
      expect(page.includes('sse-connect')).toBe(pages === 0);
      const next: string | undefined = attributesOf(page, 'hx-get').find((get) => get.includes('cursor='));
      expect(next === undefined || page.includes(`<a href="${next.replaceAll('&', '&amp;')}">`)).toBe(true);
      path = next;
    }
    expect(seenIds).toHaveLength(108);
    expect(new Set(seenIds).size).toBe(108);
  });

  it('says that nothing matches, and goes on where an empty page is not the last', async () => {
    expect(await browser.page('/events')).toContain('No event has come yet.');
    expect(await reader.page('/events?status=failed')).toContain('Nada corresponde.');
    await storeEvents({ count: 6_000 });
    const page = await browser.page('/events?status=failed');
    expect(page).toContain('Nothing here yet: go on searching further back');
    expect(page).not.toContain('Nothing matches.');
  });

  it.each([
    ['', {}],
    ['type=response&contact=(44)+9999-9999', { type: 'response', contact: '(44) 9999-9999' }],
    ['since=2026-03-01T02:30:00.000Z&messageId=m', { messageId: 'm' }],
    ['until=2026-03-01T02:30:00.000Z', null],
    ['deferred=true', null],
    ['forwarded=false', null],
    ['odd=true', null],
    ['cursor=5', null],
  ])('goes on live with the filters that the stream takes: %s', async (query, filters) => {
    const { answer } = await delivered(responseText);
    expect(answer.outcome).toBe('stored');
    const page = await browser.page(`/events?${query}`);
    const [stream] = attributesOf(page, 'sse-connect');
    const asked = stream && Object.fromEntries(new URL(stream, 'https://here').searchParams);
    if (filters === null) expect(asked).toBeUndefined();
    else expect(asked).toEqual({ ...filters, since: expect.stringMatching(/^\d{16}$|Z$/) });
  });

  it('offers administrators to send again what is listed, where a replay knows all filters', async () => {
    const links = (page: string) =>
      attributesOf(page, 'href').filter((link) => link.startsWith('/replays/new'));
    expect(links(await browser.page('/events'))).toEqual(['/replays/new?']);
    expect(links(await browser.page('/events?status=read&since=2026-03-01T02:30:00.000Z'))).toEqual([
      '/replays/new?status=read&since=2026-03-01T02%3A30%3A00.000Z',
    ]);
    for (const unknown of ['deferred=true', 'forwarded=false', 'odd=true']) {
      expect(links(await browser.page(`/events?${unknown}&status=read`))).toEqual([]);
    }
    expect(links(await reader.page('/events'))).toEqual([]);
  });
});

describe('an event', () => {
  it('says who, what and when, with its facts, in both languages', async () => {
    await deliver(responseText);
    await deliver(responseText);
    const page = textOf(await browser.page(RESPONSE_PATH));
    expect(page).toContain('+55 44 99999-9999 Maria da Silva sent a document');
    for (const fact of [
      'Occurred Jun 18, 2020, 2:07:51 PM',
      'Delivered by the platform 2 times',
      'no: stored at once',
      '5e138ee5d53f5b001b96fa54',
      '5e178088a88ad9001b6e1914:i3i4321d:response',
      'Mensagem de teste',
      'Descrição da midia',
    ]) {
      expect(page).toContain(fact);
    }
    expect(textOf(await reader.page(RESPONSE_PATH))).toMatch(
      /enviou um documento.*Entregas da plataforma 2 vezes/,
    );
    expect(await browser.page(RESPONSE_PATH)).toContain('href="/contacts/%2B5544999999999"');
  });

  it('says whether it is forwarded', async () => {
    await inject({ events: { kind: 'reject' } });
    await deliver(responseText);
    expect(textOf(await browser.page(RESPONSE_PATH))).toContain('events not yet: it waits');
    expect(textOf(await browser.page('/events'))).toContain('not forwarded yet shop');
  });

  it('says of each route whether it was forwarded, waits, or is not wanted there', async () => {
    await addFurtherRoutes({ crm: {}, desk: { types: ['status'] } });
    await inject({ crm: { kind: 'reject' } });
    await deliver(responseText);
    await allForwarded();
    const page = await browser.page(RESPONSE_PATH);
    expect(textOf(page)).toContain(
      'events yes, its queue has confirmed it crm not yet: it waits desk not wanted there',
    );
    for (const route of ['events', 'crm', 'desk']) expect(page).toContain(`href="/routes/${route}"`);
    expect(textOf(await reader.page(RESPONSE_PATH))).toContain('crm ainda não: está à espera');
    expect(textOf(await browser.page('/events'))).toContain('not forwarded yet: crm shop');
  });

  it('is found by whether it was forwarded on a route', async () => {
    await addFurtherRoutes({ crm: {} });
    await inject({ crm: { kind: 'reject' } });
    await deliver(responseText);
    await allForwarded();
    const rows = async (query: string) => rowsOf(await browser.page(`/events?${query}`)).length;
    expect(await rows('forwarded=false')).toBe(1);
    expect(await rows('forwarded=false&route=crm')).toBe(1);
    expect(await rows('forwarded=false&route=events')).toBe(0);
    expect(await rows('forwarded=true&route=events')).toBe(1);
    const alone = await browser.get('/events?route=crm');
    expect(alone.status).toBe(400);
    expect(textOf(await alone.text())).toContain('route must be given together with forwarded');
  });

  it('is filtered by the routes that there are, whether or not any event is listed', async () => {
    await addRoute('crm');
    const options = (page: string) =>
      [...(/<select name="route">(.*?)<\/select>/s.exec(page)?.[1] ?? '').matchAll(/value="([^"]*)"/g)].map(
        ([, value]) => value,
      );
    expect(options(await browser.page('/events'))).toEqual(['', 'crm', 'events']);
    await deliver(responseText);
    expect(options(await browser.page('/events'))).toEqual(['', 'crm', 'events']);
    expect(options(await browser.page('/events?forwarded=true&route=gone'))).toContain('gone');
  });

  it('draws the steps of its message: times, lags, implied steps and those out of order', async () => {
    const at = (time: string) => (body: Body) =>
      Object.assign(body.message, { updatedAt: `2026-03-01T12:${time}Z` });
    await deliver(step('read', at('05:30')));
    await deliver(step('sent', at('00:00')));
    await deliver(
      responseBody((body) => Object.assign(body.clientData, { timeLastMessage: '2026-03-01T13:00:00Z' })),
    );
    const page = await browser.page('/events/shop/5e178088a88ad9001b6e1914%3Astep-read%3Astatus%3Aread');
    const steps = [...page.matchAll(/<li class="step ([^"]*)">(.*?)<\/li>/gs)].map(([, kind, inner = '']) => [
      kind,
      textOf(inner).trim(),
    ]);
    expect(steps).toEqual([
      ['taken sent', '✓ Sent Mar 1, 2026, 9:00:00 AM out of order'],
      ['implied delivered', '✓✓ Delivered not reported, but a later step implies it'],
      ['taken read', '✓✓ Read Mar 1, 2026, 9:05:30 AM'],
      ['replied', '↩ Replied Mar 1, 2026, 10:00:00 AM'],
    ]);
    expect(textOf(page)).toContain('arrived after a later step');
    expect(page).toMatch(/aria-current="page">read</);
    const links = attributesOf(page, 'href').filter((link) => link.startsWith('/events/shop/5e17'));
    expect(new Set(links).size).toBe(4); // three events, and the payload
  });

  it('draws a failure, and how long it took', async () => {
    const at = (time: string) => (body: Body) =>
      Object.assign(body.message, {
        updatedAt: `2026-03-01T12:${time}Z`,
        failCode: 470,
        failMessage: 'Fora da janela',
      });
    await deliver(step('sent', at('00:00')));
    await deliver(step('failed', at('00:30')));
    const page = textOf(
      await reader.page('/events/shop/5e178088a88ad9001b6e1914%3Astep-failed%3Astatus%3Afailed'),
    );
    expect(page).toMatch(/Falhou 1 de mar\. de 2026, \S+ 30 s depois de “enviada”/);
    expect(page).toContain('Não pôde ser enviada: Fora da janela ( código 470 )');
    expect(page).not.toContain('Lida');
  });

  it('shows the payload as a tree with every digit, and raw', async () => {
    const text = responseText.replace('"mediaType"', '"exact": 12345678901234567890.10, "mediaType"');
    await deliver(text);
    const page = await browser.page(RESPONSE_PATH);
    const [tree = '', raw = ''] = [
      /<div class="tree">.*?<section/s.exec(page)?.[0],
      /<pre>(.*?)<\/pre>/gs.exec(page.slice(page.indexOf('As it came')))?.[1],
    ];
    expect(textOf(tree)).toContain('exact 12345678901234567890.10 number');
    expect(textOf(tree)).toContain('filename nome-arquivo.pdf text');
    expect(textOf(tree)).toContain('mediaData 3 fields');
    expect(textOf(raw).trim()).toBe(text.replace(/\s+/g, ' ').trim());
  });

  it('offers the payload as a download, byte for byte, which no browser shows', async () => {
    await deliver(`\ufeff${responseText}`);
    const response = await reader.get(`${RESPONSE_PATH}/payload`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment; filename="payload.json"',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([
      ...new TextEncoder().encode(`\ufeff${responseText}`),
    ]);
  });

  it.each(['', '/payload'])('is answered 404 where there is none: %s', async (rest) => {
    const response = await browser.get(`/events/shop/nothing%3Ax%3Aresponse${rest}`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('past its retention');
  });

  it('is shown on a page of bounded size, whatever its payload holds', async () => {
    const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`;
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`key${n}`, n])));
    const texts = JSON.stringify(Array.from({ length: 90 }, () => 't'.repeat(5_000)));
    const body = responseText.replace(
      /^\{/,
      `{"deep": ${nested(20_000)}, "wide": ${wide}, "texts": ${texts}, "long": ${JSON.stringify('z'.repeat(100_000))},`,
    );
    expect((await delivered(body)).status).toBe(200);
    const page = await browser.page(RESPONSE_PATH);
    expect(page.length).toBeLessThan(MAX_PAGE_CHARACTERS);
    const text = textOf(page);
    expect(text).toContain('nested deeper: see it as it came');
    expect(text).toContain('19,900 more: see it as it came');
    expect(text).toContain('100,000 characters');
    expect(text).toContain('The first 65.5 kB are shown');
  });

  it.each(['{"event":{}}', '[]', 'null', '{"message":null}', '{"message":{"message":5}}'])(
    'is shown where its stored payload has less than the contract asks for: %s',
    async (payload) => {
      await deliver(responseText);
      await env.DB.prepare('UPDATE events SET payload = ?1').bind(payload).run();
      expect(textOf(await browser.page(RESPONSE_PATH))).toContain('As it came');
      expect(rowsOf(await browser.page('/events'))).toHaveLength(1);
    },
  );
});

describe('an event whose message has more and larger replies than an answer of the API holds', () => {
  it('says how many replies there are, and leads to each', async () => {
    const replies = 70;
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
       INSERT INTO events (
         seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload,
         replays
       )
       SELECT 1000 + i, 'm:e' || i || ':response', 'shop', 'response', NULL, '+5541988956674', 'app', 'r', i, i,
         json_object('message', json_object('message', hex(zeroblob(30000)))), -1
       FROM n`,
    )
      .bind(replies)
      .run();
    const page = await browser.page('/events/shop/m%3Ae3%3Aresponse');
    expect(textOf(page)).toContain('70 replies');
    const links = attributesOf(page, 'href').filter((href) =>
      /^\/events\/shop\/m%3Ae\d+%3Aresponse$/.test(href),
    );
    expect(new Set(links).size).toBe(replies);
  });
});

describe('sending an event again', () => {
  it('sends it, says so, and is in the audit trail', async () => {
    await deliver(responseText);
    await eventually('it is forwarded', async () => (await forwardedEvents()).length === 2);
    const page = await browser.page(RESPONSE_PATH);
    expect(attributesOf(page, 'action')).toContain(`${RESPONSE_PATH}/replay`);

    const response = await browser.post(`${RESPONSE_PATH}/replay`);
    expect([response.status, response.headers.get('location')]).toEqual([
      303,
      `${RESPONSE_PATH}?done=replayed`,
    ]);
    await eventually('it is forwarded again', async () => (await forwardedEvents()).length === 3);
    expect((await forwardedEvents()).at(-1)).toMatchObject({ replay: expect.stringMatching(/^\d{16}$/) });
    const after = textOf(await browser.page(`${RESPONSE_PATH}?done=replayed`));
    expect(after).toContain('Sent again: consumers get it in a moment');
    const audited = await env.DB.prepare('SELECT action, actor, object FROM audit').all();
    expect(audited.results).toEqual([
      {
        action: 'event.replay',
        actor: 'admin-token',
        object: 'shop/5e178088a88ad9001b6e1914:i3i4321d:response',
      },
    ]);
  });

  it('goes to one route alone where that is chosen among those that take it', async () => {
    await addFurtherRoutes({ crm: {}, desk: { types: ['status'] } });
    await deliver(responseText);
    await eventually('it is forwarded', async () => (await forwardedEvents('crm')).length === 1);
    const page = await browser.page(RESPONSE_PATH);
    const [, choice = ''] = /<select name="route"[^>]*>(.*?)<\/select>/s.exec(page) ?? [];
    expect(textOf(choice)).toBe(' to all routes that take it crm events ');

    await browser.post(`${RESPONSE_PATH}/replay`, { route: 'crm' });
    await eventually('it is forwarded again', async () => (await forwardedEvents('crm')).length === 2);
    await idle();
    const elsewhere = [...(await forwardedEvents()), ...(await forwardedEvents('desk'))];
    expect(elsewhere.filter(({ replay }) => replay !== undefined)).toEqual([]);
    expect(await countRows('replays')).toBe(1);
    expect((await browser.post(`${RESPONSE_PATH}/replay`, { route: 'gone' })).status).toBe(404);
  });

  it('is not offered where there is no route', async () => {
    await deliver(responseText);
    await env.DB.prepare('DELETE FROM routes').run();
    const page = await browser.page(RESPONSE_PATH);
    expect(attributesOf(page, 'action')).not.toContain(`${RESPONSE_PATH}/replay`);
    expect(textOf(page)).toContain('There is no route that it could be forwarded on.');
  });

  it('is neither offered nor allowed to readers', async () => {
    await deliver(responseText);
    expect(await reader.page(RESPONSE_PATH)).not.toContain('/replay"');
    const response = await reader.post(`${RESPONSE_PATH}/replay`);
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('alterações exigem o token de administrador');
    expect(await countRows('replays')).toBe(0);
    expect(await countRows('audit')).toBe(0);
  });

  it('is answered 404 for an event that is gone', async () => {
    expect((await browser.post('/events/shop/nothing%3Ax%3Aresponse/replay')).status).toBe(404);
  });
});

describe('hostile texts', () => {
  it.each(Object.entries(HOSTILE_TEXTS))(
    'are text on the list and on the page of an event: %s',
    async (name, text) => {
      const { response, status } = hostileBodies(text, '+5541977770001', name);
      const answers = [await delivered(response), await delivered(status)];
      const list = await browser.page('/events');
      expect(rowsOf(list)).toHaveLength(2);
      expect(await dangersOf(list)).toEqual([]);
      expect(list.length).toBeLessThan(MAX_PAGE_CHARACTERS);
      const links = attributesOf(list, 'href').filter((link) => link.startsWith('/events/shop/'));
      expect(links).toHaveLength(2);
      for (const [index, link] of links.reverse().entries()) {
        const page = await browser.page(link);
        expect(await dangersOf(page)).toEqual([]);
        expect(page.length).toBeLessThan(MAX_PAGE_CHARACTERS);
        expect(textOf(page)).toContain(text.slice(0, 20));
        expect(textOf(page)).toContain(answers[index]?.answer.id.slice(0, 20));
        const replayed = await browser.post(`${link}/replay`);
        expect(replayed.headers.get('location')).toBe(`${link}?done=replayed`);
      }
    },
  );
});

describe('the cost of the pages', () => {
  it('is that of the API: a list reads the rows that it shows, an event reads itself, its payload and its message', async () => {
    await storeEvents({ count: 20_000 });
    await deliver(responseText);
    await deliver(step('read'));
    await allForwarded();
    const costOf = async (path: string) => {
      const before = (await seen()).statements.length;
      await browser.page(path);
      const statements = (await seen()).statements.slice(before);
      return {
        statements: statements.length,
        rowsRead: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      };
    };
    const list = await costOf('/events');
    expect(list.statements).toBe(2);
    expect(list.rowsRead).toBeLessThanOrEqual(3 * 50 + 5);
    const event = await costOf(RESPONSE_PATH);
    expect(event.statements).toBe(5); // the event, its other versions, its payload, and two for its message
    expect(event.rowsRead).toBeLessThanOrEqual(30);
  });
});
