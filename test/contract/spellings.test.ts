// However a number is written, and wherever: one contact.

import { env } from 'cloudflare:workers';
import { canonicalContact } from 'instant-message-consumer';
import { beforeEach, describe, expect, it } from 'vitest';
import { eventListing } from '../../src/api/events/routes.ts';
import { tailParameters } from '../../src/api/tail/routes.ts';
import { contactFromTyped } from '../../src/contract/contact.ts';
import { eventOf } from '../../src/contract/event.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import { signedIn } from '../dashboard/signed-in.ts';
import { PROPERTY_TIMEOUT_MS, SEED } from '../seeded.ts';
import { ADMIN_TOKEN, ask, delivered, ORIGIN, reset, responseBody, statusBody } from '../webhooks.ts';
import { spellingsOf } from './spellings.ts';

const NUMBERS = 1_000;
const SPELLINGS = 100;
const ARRIVAL = { integration: 'shop', payload: '', requestId: 'request-1', receivedAtMs: 1_700_000_000_000 };

/** The body of a reply from a number, or of a step of a message to it. */
function webhookOf(written: string, index: number) {
  if (index % 2 === 0) {
    return responseBody((body) => {
      body.clientData.number = written;
      body.message.messageId = `message-${index}`;
    });
  }
  return statusBody((body) => {
    body.message.to = written;
    body.message.messageId = `message-${index}`;
  });
}

function contactOfWebhook(written: string, index: number): string | null {
  const parsed = parseWebhook(webhookOf(written, index), ARRIVAL.receivedAtMs);
  return parsed.ok ? eventOf(parsed, ARRIVAL).contact : null;
}

describe('a number', () => {
  it(
    'is one contact in each of 100,000 spellings of 1,000, in webhooks, search, API, tail and kit',
    () => {
      const spellings = spellingsOf(SEED, NUMBERS, SPELLINGS);
      const ways: Record<string, (written: string, index: number) => string | null | undefined> = {
        webhook: contactOfWebhook,
        search: contactFromTyped,
        api: (contact) => eventListing.safeParse({ contact }).data?.contact,
        tail: (contact) => tailParameters.safeParse({ contact }).data?.contact,
        kit: canonicalContact,
      };
      const misread = Object.entries(ways).flatMap(([way, read]) =>
        spellings.flatMap(({ canonical, written }, index) => {
          const contact = read(written, index);
          return contact === canonical ? [] : [{ way, written, contact, canonical }];
        }),
      );
      expect(misread.slice(0, 10)).toEqual([]);
      expect(spellings).toHaveLength(NUMBERS * SPELLINGS);
      expect(new Set(spellings.map(({ canonical }) => canonical)).size).toBe(NUMBERS);
      expect(new Set(spellings.map(({ written }) => written)).size).toBeGreaterThan(50_000);
    },
    PROPERTY_TIMEOUT_MS,
  );
});

describe('the receiver', () => {
  beforeEach(async () => reset());

  it('stores one contact for each number, and finds it by each spelling', async () => {
    const spellings = spellingsOf(SEED + 1, 30, 10);
    for (const [index, { written }] of spellings.entries()) {
      expect((await delivered(webhookOf(written, index))).answer).toMatchObject({ outcome: 'stored' });
    }
    const { results } = await env.DB.prepare(
      'SELECT contact, count(*) AS events FROM events GROUP BY contact',
    ).run();
    const numbers = new Set(spellings.map(({ canonical }) => canonical));
    expect(results).toHaveLength(30);
    expect(new Set(results.map(({ contact }) => contact))).toEqual(numbers);
    expect(results.every(({ events }) => events === 10)).toBe(true);

    const browser = await signedIn();
    for (const { canonical, written } of spellings) {
      const query = new URLSearchParams({ contact: written });
      const { answer } = await ask(`/api/events?${query}`);
      expect(answer.data.map(({ contact }) => contact)).toEqual(Array(10).fill(canonical));
      const conversation = await ask(`/api/contacts/${encodeURIComponent(written)}`);
      expect(conversation.answer).toMatchObject({ contact: canonical });
      const found = await browser.get(`/find?${new URLSearchParams({ q: written })}`);
      expect(found.headers.get('location')).toBe(`/contacts/${encodeURIComponent(canonical)}`);
    }
    for (const { canonical, written } of spellings.filter((_, index) => index % 10 === 0)) {
      expect(await firstOfTail(written)).toMatchObject({ contact: canonical });
    }
  });
});

/** The first event of a contact on the stream, from the beginning of the log. */
async function firstOfTail(contact: string): Promise<unknown> {
  const { body } = await env.RECEIVER.fetch(
    `${ORIGIN}/api/tail?${new URLSearchParams({ contact, since: '0' })}`,
    {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    },
  );
  const reader = (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value = '' } = await reader.read();
    text += value;
    const [, data] = /^data: (.*)\n/m.exec(text) ?? [];
    if (data !== undefined || done) {
      await reader.cancel();
      return JSON.parse(data ?? 'null');
    }
  }
}
