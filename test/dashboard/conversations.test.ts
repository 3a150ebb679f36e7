// Conversations, and what is done with a person's data on request.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import {
  ADMIN_TOKEN,
  allForwarded,
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  inject,
  ORIGIN,
  reset,
  responseBody,
  seen,
  statusBody,
} from '../webhooks.ts';
import { attributesOf, dangersOf, HOSTILE_TEXTS, hostileBodies, textOf } from './hostile.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

const MARIA = '+5541987654321';
const SHOP = '+551140028922';
const PATH = `/contacts/${encodeURIComponent(MARIA)}`;
const HOUR_MS = 3_600_000;
const MAX_PAGE_CHARACTERS = 400_000;

let browser: Browser;
let reader: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  browser = await signedIn();
  reader = await signedIn(READ_TOKEN, 'pt');
});

function reply(text: string, at: string, change: (body: Body) => void = () => undefined): Body {
  return responseBody((body) => {
    body.event.messageId = `reply-${text}`;
    body.clientData = { number: '554187654321', name: 'Maria', timeLastMessage: at };
    Object.assign(body.message, { message: text, mediaType: 'text', mediaData: null, from: SHOP, to: MARIA });
    change(body);
  });
}

/** A step of a message that was sent to her. */
function step(
  status: string,
  message: string,
  at: string,
  change: (body: Body) => void = () => undefined,
): Body {
  return statusBody((body) => {
    body.event = { ...body.event, messageId: `step-${message}-${status}`, status };
    Object.assign(body.message, {
      messageId: message,
      message: `to her: ${message}`,
      mediaType: 'text',
      mediaData: null,
      from: SHOP,
      to: MARIA,
      updatedAt: at,
    });
    change(body);
  });
}

/** The bubbles of a page, in their order. */
function bubblesOf(page: string): { kind: string; text: string; html: string }[] {
  return [...page.matchAll(/<li class="bubble ([^"]*)".*?<div class="foot">.*?<\/div><\/li>/gs)].map(
    ([html, kind = '']) => ({ kind: kind.trim(), text: textOf(html).trim(), html }),
  );
}

async function costOf(path: string) {
  const before = (await seen()).statements.length;
  await browser.page(path);
  const statements = (await seen()).statements.slice(before);
  return {
    statements: statements.length,
    rowsRead: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
  };
}

describe('the list of conversations', () => {
  it('says that there is none, and then shows each contact by what it did last, with a link to all', async () => {
    expect(textOf(await browser.page('/contacts'))).toContain('Nobody has written yet.');
    await deliver(reply('Chegou, obrigada!', '2026-03-01T12:00:00Z'));
    const page = await browser.page('/contacts');
    expect(textOf(page)).toContain('Chegou, obrigada!');
    expect(page).toContain(`href="${PATH}"`);
    await deliver(step('read', 'first', '2026-03-01T12:05:00Z'));
    expect(textOf(await browser.page('/contacts'))).not.toContain('Chegou, obrigada!');
  });

  it('goes on where a page ends', async () => {
    await storeEvents({ count: 100, contacts: 80 });
    const first = await browser.page('/contacts');
    const [, next = ''] = /href="([^"]*cursor=[^"]*)"/.exec(first) ?? [];
    expect(first.match(/<li class="row">/g)).toHaveLength(50);
    const second = await browser.page(next.replaceAll('&amp;', '&'));
    expect(second.match(/<li class="row">/g)).toHaveLength(30);
  });

  it('answers a cursor that is none as the API does', async () => {
    expect((await browser.get('/contacts?cursor=x')).status).toBe(400);
  });
});

describe('the search for a contact', () => {
  it.each(['(41) 8765-4321', '041 98765 4321', '554187654321', '+55 41 98765-4321', '0055 41 8765 4321'])(
    'leads from %s to its conversation',
    async (number) => {
      const response = await reader.get(`/contacts?${new URLSearchParams({ number })}`);
      expect([response.status, response.headers.get('location')]).toEqual([303, PATH]);
      const direct = await reader.get(`/contacts/${encodeURIComponent(number)}`);
      expect([direct.status, direct.headers.get('location')]).toEqual([303, PATH]);
    },
  );

  it('explains itself, and asks again where what was typed is no number', async () => {
    expect(textOf(await browser.page('/contacts'))).toContain('with or without the ninth digit');
    const response = await reader.get('/contacts?number=abc%3Cb%3E');
    const page = await response.text();
    expect(response.status).toBe(400);
    expect(textOf(page)).toContain('Isso não é um telefone');
    expect(page).toContain('value="abc&lt;b&gt;"');
    expect((await browser.get('/contacts/123/erase')).status).toBe(400);
    expect((await browser.post('/contacts/123/export')).status).toBe(400);
  });

  it.each(['/contacts?number=98765-4321', '/contacts/87654321'])(
    'asks for the area code where it is missing: %s',
    async (path) => {
      const response = await reader.get(path);
      expect(response.status).toBe(400);
      expect(textOf(await response.text())).toContain('Falta o DDD');
    },
  );

  it('reads a blank in a link as the + of a number', async () => {
    for (const path of ['/contacts?number=+51987654321', '/find?q=+51987654321']) {
      expect((await reader.get(path)).headers.get('location')).toBe('/contacts/%2B51987654321');
    }
    expect(attributesOf(await browser.page('/events?contact=+51987654321'), 'value')).toContain(
      '+51987654321',
    );
  });
});

describe('an identity in place of a number', () => {
  const LOCAL_ID = '178095544332211@lid';

  it.each([LOCAL_ID, 'BR.4455667788990011', 'Maria/Silva?#%41', 'x\u202Egnp.exe'])(
    'is shown and found as what it is: %s',
    async (identity) => {
      await deliver(
        reply('one', '2026-03-01T12:00:00Z', (body) => {
          body.clientData.number = identity;
        }),
      );
      const path = `/contacts/${encodeURIComponent(identity)}`;
      expect(
        (await reader.get(`/contacts?${new URLSearchParams({ number: identity })}`)).headers.get('location'),
      ).toBe(path);
      expect(
        (await reader.get(`/find?${new URLSearchParams({ q: identity })}`)).headers.get('location'),
      ).toBe(path);
      for (const listing of ['/events', path, `${path}/erase`]) {
        const page = await browser.page(listing);
        expect(page).not.toContain('href="tel:');
        expect(page).not.toContain('inputmode="tel"');
        expect(textOf(page)).toContain(identity.split('\u202E').at(-1));
        expect((await dangersOf(page)).filter((danger) => !danger.startsWith('title'))).toEqual([]);
      }
      expect(attributesOf(await browser.page('/events'), 'href')).toContain(path);
    },
  );
});

describe('a conversation', () => {
  it('has one bubble for each message that was sent and for each reply, the newest last', async () => {
    await deliver(reply('second', '2026-03-01T12:10:00Z'));
    await deliver(step('read', 'first', '2026-03-01T12:02:00Z'));
    await deliver(step('sent', 'first', '2026-03-01T12:00:00Z'));
    await deliver(step('delivered', 'first', '2026-03-01T12:01:00Z'));
    await deliver(step('sent', 'third', '2026-03-02T12:00:00Z'));
    const page = await browser.page(PATH);
    const bubbles = bubblesOf(page);
    expect(bubbles.map(({ kind, text }) => `${kind}: ${text}`)).toEqual([
      'out read: To the customer: to her: first ✓✓ read sent Mar 1, 2026, 9:00:00 AM delivered Mar 1, 2026, 9:01:00 AM read Mar 1, 2026, 9:02:00 AM 09:00 AM',
      'in: From the customer: second 09:10 AM',
      'out sent: To the customer: to her: third ✓ sent sent Mar 2, 2026, 9:00:00 AM 09:00 AM',
    ]);
    expect(attributesOf(page, 'data-day')).toEqual(['2026-03-01', '2026-03-02']);
    expect(textOf(page)).toContain('Sunday, March 1, 2026');
    expect(new Set(attributesOf(page, 'data-message')).size).toBe(3);
    expect(attributesOf(bubbles[0]?.html ?? '', 'href')).toEqual(
      ['sent', 'delivered', 'read', 'read'].map(
        (status) => `/events/shop/first%3Astep-first-${status}%3Astatus%3A${status}`,
      ),
    );
    expect(textOf(await reader.page(PATH))).toMatch(/domingo, 1 de março de 2026 .*✓✓ lida enviada/);
    expect(textOf(page)).toMatch(/Maria \+55 41 98765-4321/);
  });

  it('tells why a message failed, as long as it counts as failed', async () => {
    const failing = (body: Body) =>
      Object.assign(body.message, { failCode: 470, failMessage: 'Fora da janela' });
    await deliver(step('failed', 'first', '2026-03-01T12:01:00Z', failing));
    await deliver(step('sent', 'first', '2026-03-01T12:00:00Z'));
    const [failed] = bubblesOf(await reader.page(PATH));
    expect(failed).toMatchObject({
      kind: 'out failed',
      text: expect.stringContaining('Não pôde ser enviada: Fora da janela ( código 470 )'),
    });
    await deliver(step('delivered', 'first', '2026-03-01T12:02:00Z'));
    const [arrived] = bubblesOf(await reader.page(PATH));
    expect(arrived).toMatchObject({
      kind: 'out delivered',
      text: expect.not.stringContaining('Fora da janela'),
    });
  });

  it.each([
    ['https://files.example/a.pdf', 'https://files.example/a.pdf'],
    ['http://linkteste.com/doc.pdf', 'http://linkteste.com/doc.pdf'],
    ['https://user@files.example/a"b', 'https://user@files.example/a%22b'],
    ['javascript:alert(1)', null],
    [' java\nscript:alert(1)', null],
    ['data:text/html,<script>alert(1)</script>', null],
    ['file:///etc/passwd', null],
    ['//files.example/a', null],
    ['files.example/a', null],
    ['null', null],
  ])('opens media safely, and only where their link leads to the web: %j', async (link, href) => {
    await deliver(
      reply('media', '2026-03-01T12:00:00Z', (body) => {
        Object.assign(body.message, {
          mediaType: 'image',
          mediaData: { link, caption: 'Legenda', filename: 'a.png' },
        });
      }),
    );
    const [bubble] = bubblesOf(await browser.page(PATH));
    const [anchor] = /<a [^>]*>Open the image<\/a>/.exec(bubble?.html ?? '') ?? [''];
    expect(attributesOf(anchor, 'href')).toEqual(href === null ? [] : [href]);
    if (href === null) expect(bubble?.text).toContain('an image without a link that can be opened');
    else expect(anchor).toContain('rel="noopener noreferrer" target="_blank"');
    expect(bubble?.text).toContain('a.png');
    expect(bubble?.text).toContain('Legenda');
  });

  it.each([
    [
      -25.4284,
      '-49.2733',
      'https://www.openstreetmap.org/?mlat=-25.4284&mlon=-49.2733#map=16/-25.4284/-49.2733',
    ],
    [91, 0, null],
    [0, 181, null],
    ['x', 1, null],
  ])('links a location to a map where it has coordinates: %j %j', async (latitude, longitude, map) => {
    await deliver(
      reply('place', '2026-03-01T12:00:00Z', (body) => {
        body.message.message = null;
        body.message.location = { latitude, longitude, name: 'Loja', address: 'Rua XV, 1' };
      }),
    );
    const [bubble] = bubblesOf(await browser.page(PATH));
    expect(attributesOf(bubble?.html ?? '', 'href').filter((link) => link.includes('openstreetmap'))).toEqual(
      map === null ? [] : [map],
    );
    expect(bubble?.text).toContain('Loja');
    expect(bubble?.text).toContain('Rua XV, 1');
  });

  it('leads to a message that is too large to be shown', async () => {
    await deliver(
      reply('x'.repeat(70_000), '2026-03-01T12:00:00Z', (body) => {
        body.event.messageId = 'large';
      }),
    );
    const [bubble] = bubblesOf(await browser.page(PATH));
    expect(bubble?.text).toContain('Too large to be shown here');
    expect(attributesOf(bubble?.html ?? '', 'href')).toEqual([expect.stringMatching(/large%3Aresponse$/)]);
  });

  it('shows the window open as a countdown, and closed', async () => {
    const writtenMs = Date.now() - 21 * HOUR_MS;
    await deliver(reply('hello', new Date(writtenMs).toISOString()));
    const page = await browser.page(PATH);
    expect(page).toContain('class="window open"');
    expect(attributesOf(page, 'data-closes-at')).toEqual([new Date(writtenMs + 24 * HOUR_MS).toISOString()]);
    expect(textOf(page)).toMatch(
      /24-hour window open: messages may be written freely, still for 2h 59m until/,
    );
    await env.PROBE.setClock(3 * HOUR_MS);
    const later = await (await signedIn(READ_TOKEN, 'pt')).page(PATH);
    expect(later).toContain('class="window closed"');
    expect(textOf(later)).toContain('fechada: só é possível enviar modelos desde');
    expect(attributesOf(later, 'data-closes-at')).toEqual([]);
  });

  it('says that there is no window where the customer has not written', async () => {
    await deliver(step('sent', 'first', '2026-03-01T12:00:00Z'));
    expect(textOf(await browser.page(PATH))).toContain('The customer has not written: only templates');
  });

  it('says that nothing is known of a number, and waits for new messages', async () => {
    const page = await reader.page(PATH);
    expect(textOf(page)).toContain('Nada se sabe deste contato');
    expect(attributesOf(page, 'sse-connect')).toHaveLength(1);
  });

  it('leads to older messages, and shows every event once', async () => {
    await storeEvents({ count: 130, contacts: 1, messages: 130, everyNthIsResponse: 1 });
    const shown: string[] = [];
    let path: string | undefined = `/contacts/${encodeURIComponent('+5541910000000')}`;
    for (let pages = 0; path !== undefined; pages++) {
      const page: string = await browser.page(path);
      shown.unshift(...attributesOf(page, 'data-message'));
      expect(page.includes('sse-connect')).toBe(pages === 0);
      expect(page.includes('To the newest messages')).toBe(pages > 0);
      const older: string | undefined = attributesOf(page, 'hx-get').find((get) => get.includes('cursor='));
      expect(older === undefined || attributesOf(page, 'href').includes(older)).toBe(true);
      path = older;
    }
    expect(shown).toHaveLength(130);
    expect(new Set(shown).size).toBe(130);
    expect(shown).toEqual(
      shown.toSorted((a, b) => Number(/e(\d+)/.exec(a)?.[1]) - Number(/e(\d+)/.exec(b)?.[1])),
    );
  });

  it('goes on live with the stream of its contact', async () => {
    const [stream = ''] = attributesOf(await browser.page(PATH), 'sse-connect');
    const asked = Object.fromEntries(new URL(stream, ORIGIN).searchParams);
    expect(asked).toEqual({ contact: MARIA, since: expect.stringMatching(/Z$/) });
    expect((await browser.get(stream)).status).toBe(200);
  });

  it.each(Object.entries(HOSTILE_TEXTS))('shows hostile texts as text: %s', async (name, text) => {
    const { response, status } = hostileBodies(text, MARIA, name);
    expect([(await delivered(response)).status, (await delivered(status)).status]).toEqual([200, 200]);
    const page = await browser.page(PATH);
    expect(bubblesOf(page)).toHaveLength(2);
    expect(await dangersOf(page)).toEqual([]);
    expect(page.length).toBeLessThan(MAX_PAGE_CHARACTERS);
    if (name !== 'long') expect(textOf(page)).toContain(text.slice(0, 20));
  });

  it('costs what the API costs', async () => {
    await storeEvents({ count: 20_000, contacts: 100 });
    const { statements, rowsRead } = await costOf(`/contacts/${encodeURIComponent('+5541910000000')}`);
    expect(statements).toBeLessThanOrEqual(4);
    expect(rowsRead).toBeLessThanOrEqual(5 * 50);
    expect((await costOf('/contacts')).statements).toBeLessThanOrEqual(2);
    expect(await costOf(`${PATH}/erase`)).toEqual({ statements: 0, rowsRead: 0 });
  });
});

describe('erasing a person', () => {
  const erase = async (form: Record<string, string>, as = browser) => as.post(`${PATH}/erase`, form);

  beforeEach(async () => {
    await deliver(reply('hello', '2026-03-01T12:00:00Z'));
    await deliver(step('sent', 'first', '2026-03-01T12:00:00Z'));
    await deliver(
      step('sent', 'other', '2026-03-01T12:00:00Z', (body) => {
        Object.assign(body.message, { to: '+5511955554444', message: 'see 41 98765-4321' });
      }),
    );
    await deliver(
      step('sent', 'kept', '2026-03-01T12:00:00Z', (body) =>
        Object.assign(body.message, { to: '+5511955554444' }),
      ),
    );
    await allForwarded();
  });

  it('says what is erased and what remains, and asks for the number', async () => {
    const page = textOf(await browser.page(`${PATH}/erase`));
    for (const said of [
      'cannot be brought back',
      'D1 Time Travel',
      'intake queue',
      'your consumers',
      'type the number',
    ]) {
      expect(page).toContain(said);
    }
    expect(textOf(await (await signedIn(ADMIN_TOKEN, 'pt')).page(`${PATH}/erase`))).toContain(
      'sem volta (LGPD, art. 18)',
    );
    expect(attributesOf(await browser.page(PATH), 'href')).toContain(`${PATH}/erase`);
  });

  it.each(['', 'yes', '(41) 98765-4322'])('is not done where another number is typed: %j', async (typed) => {
    const response = await erase({ typed });
    const page = await response.text();
    expect(response.status).toBe(422);
    expect(textOf(page)).toContain('That is not this number. Nothing was done.');
    expect(attributesOf(page, 'value')).toContain(typed);
    expect(await countRows('events')).toBe(4);
    expect(await countRows('audit')).toBe(0);
  });

  it('ends with a receipt that the audit trail has, and leaves the number nowhere', async () => {
    const response = await erase({ typed: '(41) 8765-4321' });
    const location = response.headers.get('location') ?? '';
    expect(response.status).toBe(303);
    expect(location).toMatch(/^\/contacts\/erased\?receipt=[0-9a-f-]{36}$/);
    expect(await countRows('events')).toBe(1);
    const page = await browser.page(location);
    expect(textOf(page)).toMatch(/Events 3 Rejections 0 Dead letters 0 Finished .* By admin-token/);
    expect(page).not.toMatch(/8765|4321/);
    const { results } = await env.DB.prepare("SELECT object FROM audit WHERE detail LIKE '%finished%'").all();
    expect(location).toContain(String(results[0]?.object));
    expect(textOf(await browser.page(PATH))).toContain('Nothing is known of this contact');
    expect(textOf(await reader.page(location))).toContain('Rejeições 0');
  });

  it.each(['', '?receipt=x', `?receipt=${crypto.randomUUID()}`])(
    'has no other receipts: %s',
    async (query) => {
      expect((await browser.get(`/contacts/erased${query}`)).status).toBe(404);
    },
  );

  it('must be insisted on for a number that messages are sent from', async () => {
    const path = `/contacts/${encodeURIComponent(SHOP)}/erase`;
    const refused = await browser.post(path, { typed: SHOP });
    const page = await refused.text();
    expect(refused.status).toBe(409);
    expect(textOf(page)).toContain('Messages are sent from this number');
    expect(page).toContain('<input type="checkbox" name="force" value="true"/>');
    expect(attributesOf(page, 'value')).toContain(SHOP);
    expect(await countRows('events')).toBe(4);
    expect((await browser.post(path, { typed: 'x', force: 'true' })).status).toBe(422);

    const done = await browser.post(path, { typed: SHOP, force: 'true' });
    expect(done.status).toBe(303);
    expect(await countRows('events')).toBe(0);
  });

  it('must wait or be insisted on while it is unknown whose the number is', async () => {
    await storeEvents({ count: 60_000 });
    await env.DB.prepare(
      `INSERT INTO progress (task, seq, at) SELECT 'counters', max(seq), 0 FROM events
       WHERE true ON CONFLICT (task) DO UPDATE SET seq = excluded.seq`,
    ).run();
    const unread = await erase({ typed: MARIA });
    const page = await unread.text();
    expect(unread.status).toBe(503);
    expect(textOf(page)).toContain('Try again in a minute.');
    expect(page).toContain('<input type="checkbox" name="force" value="true"/>');
    expect((await erase({ typed: MARIA })).status).toBe(303);
  });

  it('goes on in further requests, and adds up what each of them erased', async () => {
    await storeEvents({ count: 30_000, firstSeq: Date.now() * 1000 + 1_000_000 });
    await inject({ d1: { kind: 'late-answer', on: 'FROM rejections NOT INDEXED', times: 1 } });
    const erasing = erase({ typed: MARIA });
    await eventually('it is under way', async () =>
      (await seen()).statements.some(({ sql }) => sql.includes('FROM rejections NOT INDEXED')),
    );
    await env.PROBE.setClock(60_000);
    await inject({});
    const unfinished = await erasing;
    const page = await unfinished.text();
    expect(unfinished.status).toBe(200);
    expect(textOf(page)).toContain('Not everything was searched yet');
    const form = Object.fromEntries(
      [...page.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    );
    const { receipt, cursor } = form;
    expect(cursor).toMatch(/^\d+(-\d+){4}$/);

    browser = await signedIn();
    await inject({ d1: { kind: 'reject', on: 'FROM events' } });
    const interrupted = await erase({
      typed: MARIA,
      cursor: cursor ?? '',
      receipt: receipt ?? '',
      events: '2',
    });
    expect(interrupted.status).toBe(503);
    const again = await interrupted.text();
    expect(textOf(again)).toContain('the erasure was interrupted');
    expect(again).toContain(`name="cursor" value="${cursor}"`);
    await inject({});

    expect((await erase({ typed: MARIA, cursor: 'nowhere' })).status).toBe(400);
    const done = await erase({ typed: MARIA, cursor: cursor ?? '', receipt: receipt ?? '' });
    expect(done.status).toBe(303);
    const location = done.headers.get('location') ?? '';
    expect(location.split('receipt=')).toHaveLength(3);
    expect(location).toContain(receipt);
    const text = textOf(await browser.page(location));
    expect([...text.matchAll(/Events (\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0)).toBe(3);
  }, 120_000);

  it('is forbidden to readers', async () => {
    expect(await reader.page(PATH)).not.toContain(`${PATH}/`);
    for (const action of ['erase', 'export']) {
      expect((await reader.get(`${PATH}/${action}`)).status).toBe(403);
      const response = await reader.post(`${PATH}/${action}`, { typed: MARIA });
      expect(response.status).toBe(403);
      expect(await response.text()).toContain('alterações exigem o token de administrador');
    }
    expect(await countRows('events')).toBe(4);
  });
});

describe('exporting a person', () => {
  it('is a file with what the API exports, once the number was typed', async () => {
    await deliver(reply('hello', '2026-03-01T12:00:00Z'));
    await deliver(step('sent', 'first', '2026-03-01T12:00:00Z'));
    expect(textOf(await browser.page(`${PATH}/export`))).toContain('one JSON object a line');
    const refused = await browser.post(`${PATH}/export`, { typed: '41 98765-4322' });
    expect(refused.status).toBe(422);
    expect(await refused.text()).not.toContain('hello');

    const response = await browser.post(`${PATH}/export`, { typed: '41 8765-4321' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(response.headers.get('content-disposition')).toMatch(/^attachment;/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const exported = await response.text();
    const ofApi = await env.RECEIVER.fetch(`${ORIGIN}/api${PATH}/export`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(exported).toBe(await ofApi.text());
    expect(exported.trim().split('\n')).toHaveLength(2);
  });
});
