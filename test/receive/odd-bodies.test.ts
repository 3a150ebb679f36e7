// Bodies that differ from the documentation: what becomes of them in D1, in the queue, in the API, in counters and on pages.

import { env } from 'cloudflare:workers';
import { parseEvent } from 'instant-message-consumer';
import { beforeEach, describe, expect, it } from 'vitest';
import { signedIn } from '../dashboard/signed-in.ts';
import {
  ADMIN_TOKEN,
  ask,
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  type Fields,
  forwardedEvents,
  idle,
  ORIGIN,
  onlyOne,
  register,
  reset,
  responseBody,
  statusBody,
  uniqueResponse,
} from '../webhooks.ts';

beforeEach(async () => reset());

/** Delivers a body and gives its event in the API. */
async function eventOf(body: Body) {
  const { status, answer } = await delivered(body);
  expect(status, JSON.stringify(answer)).toBe(200);
  const { data } = (await ask('/api/events')).answer;
  return onlyOne(data.filter(({ id }) => id === answer.id));
}

describe('a body with an odd field', () => {
  it.each<[string, (body: Body) => void, Fields]>([
    [
      'an empty contextId',
      (body) => (body.message.contextId = ''),
      { path: 'message.contextId', code: 'empty' },
    ],
    [
      'mediaData as a text',
      (body) => (body.message.mediaData = 'null'),
      { path: 'message.mediaData', code: 'wrong-type' },
    ],
    [
      'a list as its text',
      (body) => (body.message.message = ['a']),
      { path: 'message.message', code: 'wrong-type' },
    ],
    ['no appId', (body) => delete body.message.appId, { path: 'message.appId', code: 'missing' }],
    ['no number', (body) => (body.clientData.number = null), { path: 'clientData.number', code: 'missing' }],
    [
      'a time that nothing reads and that is none',
      (body) => (body.message.createdAt = 'ontem'),
      { path: 'message.createdAt', code: 'not-a-time' },
    ],
  ])('is stored and forwarded exactly as it came, with a note: %s', async (_, change, oddity) => {
    const body = uniqueResponse();
    change(body);
    const event = await eventOf(body);
    expect(event.oddities).toEqual([oddity]);
    expect(event.payload).toEqual(body);
    expect(await countRows('rejections')).toBe(0);
    const byItself = (await ask(`/api/events/shop/${encodeURIComponent(event.id)}`)).answer;
    expect(byItself).toMatchObject({ oddities: [oddity], contact: event.contact, appId: event.appId });

    await eventually('it is forwarded', async () => (await forwardedEvents()).length === 1);
    const [sent] = await forwardedEvents();
    expect(sent?.data).toEqual(body);
    expect(sent?.contact ?? null).toBe(event.contact);
    const parsed = parseEvent(sent);
    expect(parsed.ok && (parsed.event.rawData ?? parsed.event.data)).toEqual(body);
  });

  it.each([
    ['2026-11-27T09:00:00.000-0300', '2026-11-27T12:00:00.000Z'],
    ['1764244800', '2025-11-27T12:00:00.000Z'],
    [1_764_244_800_123, '2025-11-27T12:00:00.123Z'],
    ['Thu, 27 Nov 2025 12:00:00 +0000', '2025-11-27T12:00:00.000Z'],
  ])('has no note where its time is only written differently: %j', async (written, occurredAt) => {
    await env.PROBE.setClock(Math.max(0, Date.parse('2026-11-27T13:00:00Z') - Date.now()));
    const body = uniqueResponse();
    body.clientData.timeLastMessage = written;
    expect(await eventOf(body)).toMatchObject({ occurredAt, oddities: [] });
  });

  it('counts as of its arrival where its time is impossible, and its window ends a day later', async () => {
    const body = uniqueResponse();
    body.clientData.timeLastMessage = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const event = await eventOf(body);
    expect(event.occurredAt).toBe(event.receivedAt);
    const { window } = (await ask(`/api/contacts/${event.contact}`)).answer;
    expect(Date.parse(window?.closesAt ?? '')).toBe(Date.parse(event.receivedAt) + 86_400_000);
  });

  it('is let in only with its application where the integration is bound to one', async () => {
    await register('bound', { appId: '5e138ee5d53f5b001b96fa54' });
    for (const appId of [undefined, null, '', 7]) {
      const body = responseBody((changed) => (changed.message.appId = appId));
      const { status, answer } = await delivered(body, { slug: 'bound' });
      expect([status, answer.type]).toEqual([422, '/problems/wrong-application']);
    }
    expect((await deliver(responseBody(), { slug: 'bound' })).status).toBe(200);
  });

  it('is found by a filter, counted, and shown with its oddities in both languages', async () => {
    await deliver(uniqueResponse());
    const body = uniqueResponse();
    delete (body as Partial<Body>).clientData;
    body.message.createdAt = '';
    const event = await eventOf(body);
    const list = async (odd: string) => (await ask(`/api/events?odd=${odd}`)).answer.data.map(({ id }) => id);
    expect(await list('true')).toEqual([event.id]);
    expect(await list('false')).toHaveLength(1);

    await idle();
    await env.PROBE.runCron();
    expect((await ask('/api/stats')).answer).toMatchObject({
      totals: { received: 2, odd: 1 },
      oddities: expect.arrayContaining([
        { path: 'clientData', code: 'missing', count: 1 },
        { path: 'message.createdAt', code: 'empty', count: 1 },
      ]),
    });
    const metrics = await env.RECEIVER.fetch(`${ORIGIN}/api/metrics`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect((await metrics.text()).split('\n')).toEqual(
      expect.arrayContaining([
        'instant_message_odd_events_total{integration="shop"} 1',
        'instant_message_oddities_total{integration="shop",path="clientData",code="missing"} 1',
      ]),
    );

    const path = `/events/shop/${encodeURIComponent(event.id)}`;
    for (const [language, missing] of [
      ['en', 'is missing'],
      ['pt', 'está faltando'],
    ] as const) {
      const browser = await signedIn(ADMIN_TOKEN, language);
      const page = await browser.page(path);
      expect(page).toContain(`<code>clientData</code> ${missing}`);
      expect(page).not.toContain('/contacts/');
      const overview = await browser.page('/');
      expect(overview).toContain(`<code>clientData</code> ${missing} (1)`);
      expect(overview).toContain('/events?odd=true');
      expect(await browser.page('/events')).toContain('id="event-');
    }
  });
});

describe('a status with a word that is not known', () => {
  it('is stored and forwarded as what it is, and does not change the status of its message', async () => {
    const step = (status: string) =>
      statusBody((body) => {
        body.event.status = status;
        body.event.messageId = status;
      });
    await deliver(step('READ'));
    const event = await eventOf(step('Deleted'));
    expect(event).toMatchObject({
      status: 'deleted',
      oddities: [{ path: 'event.status', code: 'unknown-status' }],
    });
    expect(event.id).toMatch(/:status:deleted$/);
    const { answer } = await ask(`/api/messages/${event.messageId}`);
    expect(answer).toMatchObject({ status: 'read' });
    expect(answer.events.map(({ status }) => status).toSorted()).toEqual(['deleted', 'read']);
    const found = (await ask('/api/events?status=DELETED')).answer.data;
    expect(found.map(({ id }) => id)).toEqual([event.id]);
    const conversation = (await ask(`/api/contacts/${event.contact}`)).answer.data;
    expect(conversation.map(({ effectiveStatus }) => effectiveStatus)).toEqual(['read', 'read']);

    await eventually('both are forwarded', async () => (await forwardedEvents()).length === 2);
    const browser = await signedIn();
    for (const path of [
      '/events',
      `/events/shop/${encodeURIComponent(event.id)}`,
      `/contacts/${event.contact}`,
    ]) {
      expect(await browser.page(path)).toContain('deleted');
    }
  });
});
