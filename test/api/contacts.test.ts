import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { conversationPage } from '../../src/api/contacts/conversation.ts';
import { exportLine } from '../../src/api/contacts/export.ts';
import type { listContacts } from '../../src/api/contacts/listing.ts';
import type { AnswerOf } from '../../src/http/operation.ts';
import { keepRejection } from '../store/stored-rejections.ts';
import {
  ADMIN_TOKEN,
  ask,
  type Body,
  deliver,
  inject,
  ORIGIN,
  reset,
  responseBody,
  seen,
  statusBody,
} from '../webhooks.ts';

beforeEach(async () => reset());

const MARIA = '+5541988956674';
const HOUR_MS = 3_600_000;
const LONG_AGO_MS = Date.UTC(2026, 0, 1);

function at(ms: number): string {
  return new Date(ms).toISOString();
}

let numbered = 0;

/** Maria writes. */
function writes(atMs: number, change: (body: Body) => void = () => undefined): Body {
  return responseBody((body) => {
    body.message.messageId = `reply-${++numbered}`;
    body.clientData.number = '+554188956674';
    body.clientData.timeLastMessage = at(atMs);
    body.message.from = '+551140028922';
    change(body);
  });
}

/** What was sent to Maria takes a step. */
function steps(
  status: string,
  messageId: string,
  atMs: number,
  change: (body: Body) => void = () => undefined,
) {
  return statusBody((body) => {
    body.event.status = status;
    body.message.messageId = messageId;
    body.message.to = '5541988956674';
    body.message.from = '+551140028922';
    body.message.updatedAt = at(atMs);
    change(body);
  });
}

async function conversation(path: `/api/contacts/${string}` = `/api/contacts/${encodeURIComponent(MARIA)}`) {
  const { status, answer } = await ask(path);
  expect(status).toBe(200);
  expect(conversationPage.parse(answer)).toEqual(answer);
  return answer;
}

describe('a conversation', () => {
  it('tells both sides, newest first', async () => {
    const nowMs = Date.now() - 10_000;
    await deliver(steps('sent', 'hello', nowMs - 9_000));
    await deliver(steps('read', 'hello', nowMs - 7_000));
    await deliver(
      writes(nowMs - 5_000, (body) => {
        body.message.message = 'Oi!';
      }),
    );

    expect(await conversation()).toMatchObject({
      contact: MARIA,
      name: 'Maria da Silva',
      data: [
        { direction: 'in', type: 'response', status: null, effectiveStatus: null, content: { text: 'Oi!' } },
        { direction: 'out', status: 'read', effectiveStatus: 'read', messageId: 'hello' },
        { direction: 'out', status: 'sent', effectiveStatus: 'read', messageId: 'hello' },
      ],
      next: null,
    });
  });

  it.each([
    '%2B5541988956674',
    '+5541988956674',
    '%205541988956674',
    '5541988956674',
    '554188956674',
    '(41)%208895-6674',
    '041%2098895%206674',
    '00554188956674',
  ])('is found by %s', async (written) => {
    await deliver(writes(Date.now()));

    const { contact, data } = await conversation(`/api/contacts/${written}`);
    expect(contact).toBe(MARIA);
    expect(data).toHaveLength(1);
  });

  it.each([
    ['123', 'not-a-contact'],
    ['+55%20(41)', 'not-a-contact'],
    ['%20', 'not-a-contact'],
    ['88956674', 'no-area-code'],
    ['98895-6674', 'no-area-code'],
  ])('is not looked for by %s: %s', async (written, code) => {
    for (const path of [`/api/contacts/${written}`, `/api/contacts/${written}/export`]) {
      expect(await ask(path)).toMatchObject({
        status: 400,
        answer: {
          type: '/problems/invalid-parameters',
          errors: [{ path: 'number', code }],
        },
      });
    }
  });

  it.each(['178095544332211@lid', 'BR.4455667788990011', 'Maria Silva', 'a/b?c#d%20', '12345678901234567'])(
    'is of an identity as well: %s',
    async (identity) => {
      await deliver(
        writes(Date.now(), (body) => {
          body.clientData.number = identity;
        }),
      );
      await deliver(
        steps('read', 'hello', Date.now(), (body) => {
          body.message.to = identity;
        }),
      );

      const { contact, data } = await conversation(`/api/contacts/${encodeURIComponent(identity)}`);
      expect(contact).toBe(identity);
      expect(data).toHaveLength(2);
      const listed = await ask(`/api/events?${new URLSearchParams({ contact: identity })}`);
      expect(listed.answer.data).toHaveLength(2);
    },
  );

  it('is empty for a contact who neither wrote nor was written to', async () => {
    expect(await conversation()).toEqual({ contact: MARIA, name: null, window: null, data: [], next: null });
  });

  it('goes on page by page, each in the order of time, without gap or repeat', async () => {
    const nowMs = Date.now();
    for (let minute = 0; minute < 7; minute++) await deliver(writes(nowMs + ((minute * 3) % 7) * 60_000));

    const pages: Awaited<ReturnType<typeof conversation>>['data'][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await conversation(`/api/contacts/${MARIA}?limit=3${cursor}`);
      pages.push(page.data);
      cursor = page.next && `&cursor=${page.next}`;
    }
    expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
    for (const page of pages) {
      const times = page.map((entry) => entry.occurredAt);
      expect(times).toEqual(times.toSorted().reverse());
    }
    expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(7);
  });

  it('can be limited to a period', async () => {
    await deliver(writes(LONG_AGO_MS));

    const hourAgo = encodeURIComponent(at(Date.now() - HOUR_MS));
    expect((await conversation(`/api/contacts/${MARIA}?since=${hourAgo}`)).data).toHaveLength(1);
    expect((await conversation(`/api/contacts/${MARIA}?until=${hourAgo}`)).data).toHaveLength(0);
    expect((await ask(`/api/contacts/${MARIA}?sinse=${hourAgo}`)).status).toBe(400);
  });

  it('shows media and places, and takes the text "null" for no value', async () => {
    await deliver(
      writes(LONG_AGO_MS + 2, (body) => {
        body.message.mediaType = 'image';
        body.message.message = null;
        body.message.mediaData = { link: 'null', id: 'abc', caption: 'Olha!', filename: 'null' };
      }),
    );
    await deliver(
      writes(LONG_AGO_MS + 1, (body) => {
        body.message.mediaType = 'location';
        body.message.message = undefined;
        body.message.mediaData = undefined;
        body.message.location = { latitude: '-25.4', longitude: -49.2, name: 'Loja', address: 'null' };
      }),
    );
    await deliver(
      writes(LONG_AGO_MS + 0, (body) => {
        body.message.mediaType = 'text';
        body.message.message = 'null';
        body.message.mediaData = { link: 'null', caption: null, filename: '' };
        body.clientData.name = 'null';
      }),
    );

    const { data, name } = await conversation();
    expect(name).toBe('Maria da Silva');
    expect(data.map((entry) => entry.content)).toEqual([
      {
        kind: 'media',
        mediaType: 'image',
        text: null,
        media: { kind: 'image', link: null, id: 'abc', caption: 'Olha!', filename: null },
        location: null,
        failure: null,
        omitted: false,
      },
      {
        kind: 'location',
        mediaType: 'location',
        text: null,
        media: null,
        location: { latitude: -25.4, longitude: -49.2, name: 'Loja', address: null },
        failure: null,
        omitted: false,
      },
      {
        kind: 'text',
        mediaType: 'text',
        text: 'null',
        media: null,
        location: null,
        failure: null,
        omitted: false,
      },
    ]);
  });
});

describe('a conversation of large messages', () => {
  it('has pages of bounded size, of which the next goes on where the last one ended', async () => {
    const TEXT = 60_000;
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
       INSERT INTO events (
         seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload,
         replays
       )
       SELECT 1000 + i, 'm' || i || ':e:response', 'shop', 'response', NULL, ?1, 'app', 'r', i, i,
         json_object('message', json_object('message', i || ' ' || hex(zeroblob(iif(i % 3, ?2, 10) / 2)))), -1
       FROM n`,
    )
      .bind(MARIA, TEXT)
      .run();
    const texts: string[] = [];
    let pages = 0;
    for (let next: string | null = ''; next !== null; pages++) {
      const page = await conversation(`/api/contacts/${MARIA}?limit=200${next && `&cursor=${next}`}`);
      expect(JSON.stringify(page).length).toBeLessThan(4_500_000);
      for (const { content } of page.data) texts.push(content.text?.split(' ')[0] ?? '');
      next = page.next;
    }
    expect(pages).toBe(3);
    expect(texts).toEqual(Array.from({ length: 200 }, (_, index) => String(199 - index)));
  });
});

describe('the window', () => {
  it('opens with the last message by when it was written, not by when it arrived', async () => {
    const writtenAtMs = Date.now() - HOUR_MS;
    await deliver(writes(writtenAtMs));
    await deliver(writes(writtenAtMs - 40 * HOUR_MS));
    await deliver(steps('read', 'hello', Date.now()));

    expect((await conversation()).window).toEqual({ open: true, closesAt: at(writtenAtMs + 24 * HOUR_MS) });
    const page = await conversation(`/api/contacts/${MARIA}?limit=1`);
    expect(page.window?.open).toBe(true);
    expect(page.name).toBe('Maria da Silva');
  });

  it('ends 24 hours after the last message arrived, where the clock of its sender is ahead', async () => {
    const sentAtMs = Date.now();
    await deliver(writes(sentAtMs + 20 * HOUR_MS));
    await deliver(writes(sentAtMs - HOUR_MS));
    const { window, data } = await conversation();
    expect(window?.open).toBe(true);
    expect(Date.parse(window?.closesAt ?? '')).toBeLessThanOrEqual(Date.now() + 24 * HOUR_MS);
    expect(window?.closesAt).toBe(at(Date.parse(data[0]?.receivedAt ?? '') + 24 * HOUR_MS));
  });

  it('closes', async () => {
    const writtenAtMs = Date.now() - 23 * HOUR_MS;
    await deliver(writes(writtenAtMs));
    await env.PROBE.setClock(HOUR_MS + 60_000);

    expect((await conversation()).window).toEqual({ open: false, closesAt: at(writtenAtMs + 24 * HOUR_MS) });
  });

  it('is null when the customer never wrote', async () => {
    await deliver(steps('read', 'hello', Date.now()));

    expect(await conversation()).toMatchObject({ window: null, name: null, data: [{}] });
  });
});

describe('an export', () => {
  async function exported(number = MARIA): Promise<{ response: Response; lines: Body[] }> {
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/contacts/${encodeURIComponent(number)}/export`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const text = new TextDecoder().decode(await response.clone().arrayBuffer());
    const lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    for (const line of lines) expect(exportLine.parse(line)).toEqual(line);
    return { response, lines };
  }

  it('holds everything, each payload exactly as it came', async () => {
    const written = ` ${JSON.stringify(writes(LONG_AGO_MS), null, 3)}\n`;
    await deliver(written);
    await deliver(steps('sent', 'hello', 0));
    await deliver(
      steps('sent', 'other', 0, (body) => {
        body.message.to = '+5511955554444';
        body.message.message = 'fale com a Maria: (41) 8895-6674';
      }),
    );
    await deliver(
      steps('sent', 'nobody', 0, (body) => {
        body.message.to = '+5511955554444';
      }),
    );
    await keepRejection({ number: '41 98895 6674' });
    await keepRejection({ number: '41 98895 6675' });
    await env.DB.prepare(
      `INSERT INTO dead_letters (seq, message_id, event_id, integration, type, contact, attempts, received_at, body)
       VALUES (1, 'q1', 'e', 'shop', 'response', ?1, 3, 0, '{"a":1.0}'), (2, 'q2', NULL, NULL, NULL, NULL, 3, 0, '{}')`,
    )
      .bind(MARIA)
      .run();

    const { response, lines } = await exported('(41) 8895-6674');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="contact.ndjson"');
    expect(lines).toMatchObject([
      { kind: 'event', about: 'contact', contact: MARIA, payload: written },
      { kind: 'event', about: 'contact', status: 'sent' },
      { kind: 'event', about: 'mention', contact: '+5511955554444', id: 'other:i3i4321d:status:sent' },
      { kind: 'rejection', bodyEncoding: 'utf-8', body: '{"number":"41 98895 6674"}' },
      { kind: 'deadLetter', id: '1', event: 'e', attempts: 3, body: '{"a":1.0}' },
    ]);
  });

  it('of nobody is empty', async () => {
    expect((await exported()).lines).toEqual([]);
  });

  it('reads page by page, only as fast as the client does', async () => {
    const large = 'x'.repeat(500_000);
    for (let count = 0; count < 12; count++) {
      await deliver(
        writes(count, (body) => {
          body.message.message = large;
        }),
      );
    }
    const before = (await seen()).statements.length;
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/contacts/${MARIA}/export`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await reader.cancel();

    const statements = (await seen()).statements.slice(before);
    expect(statements.length).toBeGreaterThan(0);
    expect(statements.length).toBeLessThan(6); // of a walk, and a group for each 2 MB
    expect((await exported()).lines).toHaveLength(12);
  });

  it('breaks off when D1 interrupts it, rather than looking complete', async () => {
    await deliver(writes(LONG_AGO_MS));
    await inject({ d1: { kind: 'reject', on: 'dead_letters' } });

    await expect(exported()).rejects.toThrow();
    await inject({});
    expect((await exported()).lines).toHaveLength(1);
  });
});

describe('the listing of contacts', () => {
  type Listed = AnswerOf<typeof listContacts>['data'][number];

  /** All pages of a listing, by what `of` gives of each entry. */
  async function all(query: string, of: (entry: Listed) => unknown): Promise<unknown[][]> {
    const pages: unknown[][] = [];
    let cursor = '';
    do {
      const { status, answer } = await ask(`/api/contacts?${query}${cursor}`);
      expect(status).toBe(200);
      pages.push(answer.data.map(of));
      cursor = answer.next === null ? '' : `&cursor=${answer.next}`;
    } while (cursor !== '');
    return pages;
  }

  const numbered = (number: string) => (body: Body) => {
    body.clientData.number = number;
    body.message.from = number;
  };

  it('has each contact once, by its newest event, newest first, over all pages', async () => {
    for (const number of ['+5541988880001', '+5541988880002', '+5541988880003']) {
      await deliver(writes(LONG_AGO_MS, numbered(number)));
    }
    await deliver(steps('read', 'sent-1', LONG_AGO_MS));
    await deliver(writes(LONG_AGO_MS, numbered('+5541988880001')));

    const [first, ...more] = await all('limit=2', ({ contact, newest }) => [contact, newest.type]);
    expect([first, ...more].flat()).toEqual([
      ['+5541988880001', 'response'],
      [MARIA, 'status'],
      ['+5541988880003', 'response'],
      ['+5541988880002', 'response'],
    ]);
    expect(first).toHaveLength(2);
  });

  it('shows what the newest event says, and the name where the customer wrote it', async () => {
    await deliver(
      writes(LONG_AGO_MS, (body) => {
        body.clientData.name = 'Maria';
        body.message.message = 'Oi';
      }),
    );
    const { answer } = await ask('/api/contacts');
    expect(answer.data).toMatchObject([
      { contact: MARIA, name: 'Maria', newest: { direction: 'in', content: { text: 'Oi' } } },
    ]);
    await deliver(steps('delivered', 'sent-2', LONG_AGO_MS));
    const later = await ask('/api/contacts');
    expect(later.answer.data).toMatchObject([
      { contact: MARIA, name: null, newest: { direction: 'out', effectiveStatus: 'delivered' } },
    ]);
  });

  it('leaves out events without a contact, and contacts whose newest event is not within the period', async () => {
    await deliver(
      writes(LONG_AGO_MS, (body) => {
        body.clientData.number = null;
        body.message.from = null;
      }),
    );
    await deliver(writes(LONG_AGO_MS));
    expect(await all('', ({ contact }) => contact)).toEqual([[MARIA]]);
    expect(await all(`until=${at(LONG_AGO_MS)}`, ({ contact }) => contact)).toEqual([[]]);
    expect(await all(`since=${at(Date.now() + HOUR_MS)}`, ({ contact }) => contact)).toEqual([[]]);
  });

  it('refuses a parameter that it does not know', async () => {
    const { status, answer } = await ask('/api/contacts?contact=1');
    expect({ status, errors: answer.errors }).toMatchObject({ status: 400, errors: [{ path: 'contact' }] });
  });
});
