import { env } from 'cloudflare:workers';
import { consume, dataFromService, dataFromUrl, type FetchData } from 'instant-message-consumer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CloudEvent, ResponseEvent } from '../../src/contract/cloudevent.ts';
import {
  ADMIN_TOKEN,
  type Body,
  delivered,
  eventually,
  forwardedEvents,
  reset,
  uniqueResponse,
} from '../webhooks.ts';
import { batchOf, responseEvent } from './events.ts';

let logged: string[];
beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line));
});
afterEach(() => vi.restoreAllMocks());

const SIGNAL = new AbortController().signal;

/** What a handler got of an event, and what became of its message. */
async function consumed(event: unknown, fetchData: FetchData) {
  const { batch, outcomes } = batchOf([event]);
  const onResponse = vi.fn<(event: ResponseEvent) => void>();
  await consume({ onResponse, fetchData: () => fetchData })(batch, undefined);
  return { outcome: outcomes[0], handed: onResponse.mock.calls.map(([handed]) => handed) };
}

describe('a large event of the receiver', () => {
  let body: Body;
  let event: CloudEvent;
  beforeEach(async () => {
    await reset();
    body = uniqueResponse(200_000);
    await delivered(body);
    await eventually('it is forwarded', async () => (await forwardedEvents()).length > 0);
    const [{ bytes: _, ...forwarded }] = (await forwardedEvents()) as [CloudEvent & { bytes: number }];
    event = forwarded;
    expect(event).not.toHaveProperty('data');
  });

  it.each<[string, () => FetchData]>([
    ["the receiver's entrypoint for payloads, without a token", () => dataFromService(env.PAYLOADS)],
    ['the receiver as a whole, with the admin token', () => dataFromService(env.RECEIVER, ADMIN_TOKEN)],
  ])('comes with its data through a service binding to %s', async (_, fetchData) => {
    const { outcome, handed } = await consumed(event, fetchData());
    expect(outcome).toBe('ack');
    expect(handed).toEqual([{ ...event, data: body }]);
  });

  it('comes with its data also where the reference is absolute', async () => {
    const absolute = { ...event, dataref: `https://webhooks.example.com${event.dataref}` };
    const { handed } = await consumed(absolute, dataFromService(env.PAYLOADS));
    expect(handed[0]?.data).toEqual(body);
  });

  it('is retried while it cannot be read', async () => {
    const { outcome, handed } = await consumed(event, dataFromService(env.RECEIVER, 'wrong'));
    expect(outcome).toMatch(/^retry/);
    expect(handed).toEqual([]);
  });

  it('comes without data where no way to read it is given', async () => {
    const { batch, outcomes } = batchOf([event]);
    const onResponse = vi.fn();
    await consume({ onResponse })(batch, undefined);
    expect(outcomes).toEqual(['ack']);
    expect(onResponse.mock.calls[0]?.[0]).toEqual(event);
  });
});

describe("the receiver's entrypoint for payloads", () => {
  it('serves nothing but payloads', async () => {
    for (const path of [
      '/api/events',
      '/api/events/shop/x',
      '/api/integrations',
      '/webhooks/shop',
      '/healthz',
    ]) {
      const answer = await env.PAYLOADS.fetch(`https://receiver.invalid${path}`);
      await answer.body?.cancel();
      expect(answer.status).toBe(404);
    }
  });
});

describe('fetched data', () => {
  it('that breaks the schema is retried and logged as any such message', async () => {
    const { data: _, ...head } = responseEvent();
    const { outcome, handed } = await consumed({ ...head, dataref: '/x' }, async () => ({ event: 'Maria' }));
    expect(outcome).toMatch(/^retry/);
    expect(handed).toEqual([]);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      what: 'event breaks the schema',
      paths: ['data.event', 'data.message'],
    });
  });
});

describe('data over HTTPS', () => {
  const answers = (response: Response) => vi.spyOn(globalThis, 'fetch').mockResolvedValue(response);

  it.each(['/api/events/shop/x%3Ay/payload', 'https://receiver.example/api/events/shop/x%3Ay/payload'])(
    'is asked for with the token: %s',
    async (dataref) => {
      const asked = answers(new Response('\ufeff{"a":1}'));
      expect(await dataFromUrl('https://receiver.example/', 'secret')(dataref, SIGNAL)).toEqual({ a: 1 });
      expect(asked.mock.calls).toEqual([
        [
          'https://receiver.example/api/events/shop/x%3Ay/payload',
          { headers: { authorization: 'Bearer secret' }, redirect: 'manual', signal: SIGNAL },
        ],
      ]);
    },
  );

  it.each([
    'https://elsewhere.example/api/events/shop/x/payload',
    '//elsewhere.example/api',
    'http://receiver.example/api',
    'https://receiver.example:8443/api',
    'https://receiver.example@elsewhere.example/api',
    'data:application/json,{}',
  ])('is not fetched from another origin: %s', async (dataref) => {
    const asked = answers(new Response('{}'));
    const fetchData = dataFromUrl('https://receiver.example', 'secret');
    await expect(fetchData(dataref, SIGNAL)).rejects.toThrow('another origin');
    expect(asked).not.toHaveBeenCalled();
  });

  it.each([301, 302, 307, 401, 404, 500])('is not taken from an answer with status %i', async (status) => {
    answers(new Response(null, { status, headers: { location: 'https://elsewhere.example' } }));
    const fetchData = dataFromUrl('https://receiver.example', 'secret');
    await expect(fetchData('/api', SIGNAL)).rejects.toThrow(`answered ${status}`);
  });

  it('needs HTTPS except on this machine', () => {
    expect(() => dataFromUrl('http://receiver.example', 'secret')).toThrow(TypeError);
    expect(() => dataFromUrl('ftp://localhost', 'secret')).toThrow(TypeError);
    expect(() => dataFromUrl('http://localhost:8787', 'secret')).not.toThrow();
  });
});
