// Whatever senders write, pages, streams and downloads are valid UTF-8, and nothing in them had to be replaced but halves
// of surrogate pairs that came so.

import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { messageIdOf } from '../../src/contract/event.ts';
import { type Json, type JsonObject, jsonOf, writeJson } from '../json-text.ts';
import { anyJson } from '../receive/any-json.ts';
import { deliverAll, openIntegration } from '../receive/expect-stored.ts';
import { validJson } from '../receive/valid-bodies.ts';
import { checkInBatches, PROPERTY_TIMEOUT_MS } from '../seeded.ts';
import { delivered, reset, responseBody, statusBody, uniqueResponse } from '../webhooks.ts';
import { type Browser, signedIn } from './signed-in.ts';

const REPLACEMENT = '\ufffd';
const BODIES = 300;
const BATCH = 15;

let browser: Browser;

beforeEach(async () => {
  await reset();
  browser = await signedIn();
});

/** The text of an answer, which must be UTF-8. */
async function textOf(response: Response, path: string): Promise<string> {
  const bytes = await response.arrayBuffer();
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error(`${path} is not UTF-8`);
  }
}

async function pageAt(path: string): Promise<string> {
  const response = await browser.get(path);
  if (response.status !== 200) throw new Error(`${path} is answered ${response.status}`);
  return textOf(response, path);
}

/** What comes first in the live stream: a row and what is sent with it. */
async function firstRows(path: string): Promise<string> {
  const response = await browser.get(path);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let read = '';
  while (!read.includes('</li>')) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`ended without a row: ${read}`);
    read += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return read;
}

/** Where an event is shown, its contact's conversation, with what else there is in it, last. */
async function pagesOf(slug: string, id: string): Promise<string[]> {
  const contact = await env.DB.prepare('SELECT contact FROM events WHERE integration = ?1 AND id = ?2')
    .bind(slug, id)
    .first<string>('contact');
  return [
    `/events/${slug}/${encodeURIComponent(id)}`,
    `/events?${new URLSearchParams({ messageId: messageIdOf(id) })}`,
    ...(contact ? [`/contacts/${encodeURIComponent(contact)}`] : []),
  ];
}

/** Where a rejection is shown: the newest of an integration. */
async function pagesOfRejection(slug: string, receivedAs: string): Promise<string[]> {
  const seq = await env.DB.prepare('SELECT seq FROM rejections WHERE integration = ?1 AND body = ?2')
    .bind(slug, receivedAs)
    .first<number>('seq');
  return seq === null ? [] : [`/rejections/${seq}`];
}

describe('halves of surrogate pairs', () => {
  const halves = () =>
    responseBody((body) => {
      body.clientData.name = 'Ana \ud83d';
      Object.assign(body.message, {
        mediaType: 'text',
        mediaData: null,
        message: 'oi \udc4d tudo \ud83d\ude00 bem \ud83e',
      });
    });

  it('are replaced on every page that shows them, and whole pairs are not', async () => {
    const { answer } = await delivered(halves());
    for (const path of ['/', '/events', ...(await pagesOf('shop', answer.id))]) {
      const page = await pageAt(path);
      expect(page, path).toContain('oi \ufffd tudo 😀 bem \ufffd');
    }
  });

  it('are replaced in live rows', async () => {
    await delivered(halves());
    const rows = await firstRows('/live/events?since=1');
    expect(rows).toContain('Ana \ufffd');
    expect(rows).toContain('oi \ufffd tudo 😀 bem \ufffd');
  });

  it('remain escapes in downloads', async () => {
    const { answer } = await delivered(halves());
    const payload = `/events/shop/${encodeURIComponent(answer.id)}/payload`;
    expect(await pageAt(payload)).toBe(JSON.stringify(halves()));
    const typed = { typed: '(44) 99999-9999' };
    const exported = await textOf(await browser.post('/contacts/+5544999999999/export', typed), 'the export');
    expect(JSON.parse(exported.split('\n')[0] ?? '').payload).toBe(JSON.stringify(halves()));
  });

  it('are replaced in a rejected body, and in its problems', async () => {
    const broken = halves();
    delete broken.event.messageId;
    const written = JSON.stringify(broken);
    expect((await delivered(written)).status).toBe(422);
    expect(await pageAt('/rejections')).toContain('event.messageId');
    const [page = ''] = await pagesOfRejection('shop', written);
    expect(await pageAt(page)).toContain('oi \ufffd tudo 😀 bem \ufffd');
  });
});

/** Emoji of three code points that are joined, of two, and of one: none of them ends another. */
const EMOJI = ['👩🏽‍🦱', '👍🏽', '😀'];
const PARTS_OF_EMOJI = /[\u{1f300}-\u{1faff}]|\u200d|\ufffd/v;

describe('an emoji where a text is cut', () => {
  it.each([160, 300, 2_000, 10_300])('is shown whole or not at all: at %i', async (length) => {
    const cases = EMOJI.flatMap((emoji) =>
      Array.from({ length: emoji.length + 1 }, (_, before) => ({ emoji, before: length - before })),
    );
    for (const { emoji, before } of cases) {
      const body = uniqueResponse();
      const message = `${'a'.repeat(before)}${emoji.repeat(3)} fim`;
      Object.assign(body.message, { mediaType: 'text', mediaData: null, message });
      const { answer } = await delivered(body);
      for (const path of await pagesOf('shop', answer.id)) {
        const rest = EMOJI.reduce((page, whole) => page.replaceAll(whole, ''), await pageAt(path));
        expect(rest.match(PARTS_OF_EMOJI), `${path}, ${emoji} at ${before}`).toBeNull(); // pages are long: none is quoted
      }
    }
  });
});

/** A member of an object, and the object's members that it is one of. */
function placesOf(value: Json): [string, Json][] {
  if (typeof value !== 'object' || value === null || 'digits' in value || Array.isArray(value)) return [];
  return value.members.flatMap((member) => [member, ...placesOf(member[1])]);
}

/** Texts that reach past where pages cut, with something at that place that should not be cut. */
const longText = fc
  .tuple(
    fc.constantFrom(60, 80, 160, 200, 300, 2_000, 10_000, 20_000),
    fc.integer({ min: 0, max: 12 }),
    fc.constantFrom('😀', '👍🏽', '👩🏽‍🦱', 'e\u0301', '\ud83d', '\ude00'),
  )
  .map(([length, before, letter]) => `${'a'.repeat(length - before)}${letter.repeat(9)}`);

const documented = [responseBody(), statusBody()].map((body) => jsonOf(body) as JsonObject);

/** A body within the contract with any value in one of its places. Whether it still is within is the receiver's to say. */
const oddBody = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(...documented),
      validJson.map(({ json }) => json),
    ),
    fc.uuid(),
    fc.nat(),
    fc.oneof(
      anyJson,
      longText,
      longText.map((text): Json => ({ members: [[text, text]] })),
    ),
  )
  .map(([json, id, at, value]) => {
    const changed = structuredClone(json);
    const places = placesOf(changed);
    for (const member of places) if (member[0] === 'messageId') member[1] = `${id}-message`;
    const place = places[at % places.length];
    if (place !== undefined) place[1] = value;
    return writeJson(changed);
  });

describe('any value in any place of a body', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  it('leaves every page valid UTF-8, with nothing replaced that was whole', async () => {
    let stored = 0;
    const batches = fc.array(oddBody, { minLength: 0, maxLength: BATCH, size: 'max' });
    const cases = await checkInBatches(BODIES, batches, async (batch) => {
      const slug = await openIntegration();
      browser = await signedIn();
      const answers = await deliverAll(slug, batch);
      for (const [index, { status, answer }] of answers.entries()) {
        const body = batch[index] ?? '';
        const pages =
          status === 200 ? await pagesOf(slug, answer.id ?? '') : await pagesOfRejection(slug, body);
        if (status === 200) stored++;
        const isWhole = isWellFormed(JSON.parse(body)) && !body.includes(REPLACEMENT);
        for (const path of pages) {
          const page = await pageAt(path);
          // A conversation can show other bodies of the batch as well.
          if (isWhole && !path.startsWith('/contacts/')) expect(page.includes(REPLACEMENT), path).toBe(false);
        }
      }
      await pageAt('/');
      await pageAt('/rejections');
      if (answers.some(({ status }) => status === 200)) await firstRows('/live/events?since=1');
    });
    expect(cases).toBeGreaterThanOrEqual(BODIES);
    expect(stored).toBeGreaterThan(BODIES / 4);
  });
});

/** Whether no text in a value has half of a surrogate pair. */
function isWellFormed(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => key.isWellFormed() && isWellFormed(inner));
}
