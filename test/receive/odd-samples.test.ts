// Bodies made after public reports of what senders do, sent in order: what becomes of them in D1, in the queue, in the API
// and on pages.

import { env } from 'cloudflare:workers';
import { parseEvent } from 'instant-message-consumer';
import { beforeAll, describe, expect, it } from 'vitest';
import { textOf } from '../dashboard/page-text.ts';
import { type Browser, signedIn } from '../dashboard/signed-in.ts';
import gzipUrl from '../samples/odd/17a-gzip.bin?inline';
import {
  allForwarded,
  ask,
  countRows,
  deliver,
  forwardedEvents,
  idle,
  reset,
  type WebhookAnswered,
} from '../webhooks.ts';

const ARRIVED = '2026-11-27T12:30:00.000Z';
const NOON = '2026-11-27T12:00:00.000Z';
const WINDOW_MS = 86_400_000;

/** What is to become of a sample that is stored. */
interface Outcome {
  /** When it happened; `null`: when it arrived. NOON unless said. */
  happened?: string | null;
  /** `null`: none. */
  contact?: string | null;
  status?: string;
  type?: 'response';
  /** What its page says. */
  shown?: string;
  /** What its page does not say. */
  notShown?: string;
}

const OUTCOMES: Record<string, Outcome> = {
  '09a-contextid': {},
  '09b-interactionsid': { status: 'delivered' },
  '09c-times': { happened: null },
  '09d-mediadata-text': {},
  '09e-mediadata-nulltext': {},
  '10a-time': {},
  '10b-time': {},
  '10d-time': { happened: null },
  '10e-time': {},
  '10f-time': { happened: '2025-11-27T12:00:00.000Z' },
  '10h-time': { happened: '2025-11-27T12:00:00.123Z' },
  '10i-time': {},
  '10k-time': { happened: null },
  '10n-time': { happened: null },
  '10q-time': { happened: null },
  '10y-status-updatedat': { status: 'delivered' },
  '10z-createdat-only': {},
  '34a-future-reply': { happened: null, contact: '+5544991230034' },
  '11a-button-object': { shown: 'Quero falar com alguém', notShown: 'File' },
  '11b-text-number': { shown: 'What it says 1 ' },
  '11c-button-list': {},
  '11e-reaction': { shown: 'Reaction', notShown: 'File' },
  '12c-status': { status: 'read' },
  '12h-event-type-upper': { type: 'response' },
  '12a-status': { status: 'deleted', shown: 'deleted' },
  '01d-bsuid-in-number': { contact: 'BR.4455667788990011' },
  '01e-bsuid-status-to': { contact: 'BR.4455667788990011', status: 'delivered' },
  '01b-bsuid-number-null': { contact: null },
  '02a-lid': { contact: '178095544332211@lid' },
  '03a-device-suffix': { contact: '+5544991230003' },
  '03c-twilio-prefix': { contact: '+5544991230003' },
  '03e-tel-uri': { contact: '+5544991230003' },
  '05a-mx-status-52': { contact: '+525512345678', status: 'delivered' },
  '05b-mx-reply-521': { contact: '+525512345678' },
  '05c-ar-status-54': { contact: '+541123456789', status: 'delivered' },
  '05d-ar-reply-549': { contact: '+541123456789' },
  '06a-lre-pdf': { contact: '+5544991230006' },
  '06c-lrm': { contact: '+5544991230006' },
  '07a-trunk-parens': { contact: '+5544991230007' },
  '07c-0055': { contact: '+5544991230007' },
  '07d-carrier': { contact: '+5544991230007' },
  '07f-alpha-sender': { contact: '+5544991230007', status: 'delivered' },
  '15a-lone-surrogate': { shown: 'oi \ufffd tudo 😀 bem \ufffd' },
  '39a-emoji-at-2000': { contact: '+5544991230039' },
  '17a-gzip': {},
  '23a-first': { shown: 'NÃO cancele o pedido!' },
  '23g-other-customer-1': { contact: '+5544991230231', shown: 'resposta do Beto' },
};

/** Those whose ids are those of the one before, and whose content is another. */
const REPEATS: Record<string, { of: string; differsAt: string[] }> = {
  '23b-edited': { of: '23a-first', differsAt: ['message.message'] },
  '23h-other-customer-2': {
    of: '23g-other-customer-1',
    differsAt: ['clientData.number', 'message.message'],
  },
};

const files = import.meta.glob('../samples/odd/*.json', { query: '?raw', import: 'default', eager: true });
const texts = new Map(
  Object.entries(files).map(([path, text]) => [/([^/]*)\.json$/.exec(path)?.[1] ?? '', text as string]),
);

const GZIP = '17a-gzip';
let browser: Browser;
/** The answers, by sample. */
const answers = new Map<string, { status: number; answer: WebhookAnswered }>();

beforeAll(async () => {
  await reset();
  await env.PROBE.stopClock(Date.parse(ARRIVED));
  const packed = await (await fetch(gzipUrl)).bytes();
  texts.set(
    GZIP,
    await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text(),
  );
  for (const name of [...Object.keys(OUTCOMES), ...Object.keys(REPEATS)]) {
    const response =
      name === GZIP
        ? await deliver(packed, { headers: { 'content-encoding': 'gzip' } })
        : await deliver(texts.get(name) ?? '');
    answers.set(name, { status: response.status, answer: await response.json() });
  }
  await idle();
  await allForwarded();
  browser = await signedIn();
});

/** A page that there is, which must be UTF-8. */
async function markupAt(path: string): Promise<string> {
  const response = await browser.get(path);
  expect(response.status, path).toBe(200);
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await response.arrayBuffer());
}

/** The same as a person reads it. */
async function pageAt(path: string): Promise<string> {
  return textOf(await markupAt(path));
}

async function eventOf(name: string) {
  const id = answers.get(name)?.answer.id ?? '';
  return (await ask(`/api/events/shop/${encodeURIComponent(id)}`)).answer;
}

it('every sample is known here', () => {
  expect([...Object.keys(OUTCOMES), ...Object.keys(REPEATS)].toSorted()).toEqual(
    [...texts.keys()].toSorted(),
  );
});

describe.each(Object.entries(OUTCOMES))('%s', (name, outcome) => {
  const { happened = NOON, contact = '+5544991230000', status = null, type } = outcome;
  const text = () => texts.get(name) ?? '';

  it('is stored exactly as it came', async () => {
    expect(answers.get(name)).toMatchObject({ status: 200, answer: { outcome: 'stored' } });
    const row = await env.DB.prepare(
      'SELECT type, status, contact, occurred_at, payload FROM events WHERE id = ?1',
    )
      .bind(answers.get(name)?.answer.id)
      .first();
    expect(row).toEqual({
      type: type ?? (status === null ? 'response' : 'status'),
      status,
      contact: contact ?? '',
      occurred_at: Date.parse(happened ?? ARRIVED),
      payload: text(),
    });
  });

  it('comes out of the queue, and the kit reads it', async () => {
    const id = answers.get(name)?.answer.id ?? '';
    const sent = (await forwardedEvents()).filter((event) => event.id === id);
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ time: happened ?? ARRIVED, data: JSON.parse(text()) });
    expect(sent[0]?.contact ?? null).toBe(contact);
    const parsed = parseEvent(sent[0]);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    expect(parsed.event.rawData ?? parsed.event.data).toEqual(JSON.parse(text()));
  });

  it('is in the API', async () => {
    const event = await eventOf(name);
    expect(event).toMatchObject({
      occurredAt: happened ?? ARRIVED,
      contact,
      status,
      payload: JSON.parse(text()),
    });
    if (contact === null) return;
    const { answer } = await ask(`/api/contacts/${encodeURIComponent(contact)}`);
    expect(answer.data.map(({ id }) => id)).toContain(event.id);
    if (answer.window === null) return;
    expect(Date.parse(answer.window.closesAt)).toBeLessThanOrEqual(Date.parse(ARRIVED) + WINDOW_MS);
  });

  it('is on the pages', async () => {
    const { id, messageId } = await eventOf(name);
    const own = `/events/shop/${encodeURIComponent(id)}`;
    const page = await pageAt(own);
    if (outcome.shown !== undefined) expect(page).toContain(outcome.shown);
    if (outcome.notShown !== undefined) expect(page).not.toContain(outcome.notShown);
    expect(await markupAt(`/events?${new URLSearchParams({ messageId })}`)).toContain(`href="${own}"`);
    if (contact === null) expect(page).not.toContain('To the conversation');
    else expect(await markupAt(`/contacts/${encodeURIComponent(contact)}`)).toContain(`href="${own}"`);
  });
});

describe.each(Object.entries(REPEATS))('%s', (name, { of, differsAt }) => {
  it('is kept beside the event of its ids, and shown with what differs', async () => {
    expect(answers.get(name)).toMatchObject({ status: 200, answer: { outcome: 'kept' } });
    const { versions } = await eventOf(of);
    const [rejection] = versions.rejections;
    const kept = (await ask(`/api/rejections/${rejection}`)).answer;
    expect(kept).toMatchObject({ reason: 'differs', body: texts.get(name) });
    expect(kept.problems.map(({ path }) => path)).toEqual(differsAt);
    expect(await pageAt(`/rejections/${rejection}`)).toContain(
      JSON.parse(texts.get(name) ?? '').message.message,
    );
  });
});

it('a status word that is not known does not change what became of its message', async () => {
  const { messageId } = await eventOf('12a-status');
  expect((await ask(`/api/messages/${messageId}`)).answer.status).toBeNull();
});

it('nothing else is kept, and every list shows all of them', async () => {
  expect(await countRows('rejections')).toBe(Object.keys(REPEATS).length);
  expect(await countRows('events')).toBe(Object.keys(OUTCOMES).length);
  for (const path of ['/', '/events', '/contacts', '/rejections', '/refusals']) await pageAt(path);
});
