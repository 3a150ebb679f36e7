// The example consumer of the route `crm`, with a database of its own. Its queue is played: what it does is print.

import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import crm from '../../examples/crm-consumer/src/index.ts';
import { batchOf, responseEvent, statusEvent } from '../consumer/events.ts';
import { type Body, delivered, eventually, forwardedEvents, reset, uniqueResponse } from '../webhooks.ts';

let printed: string[];
beforeEach(async () => {
  printed = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  for (const table of ['ordered_events', 'ordered_events_statuses']) {
    await env.KIT_STATE.exec(`DROP TABLE IF EXISTS ${table}`);
  }
});
afterEach(() => vi.restoreAllMocks());

async function outcomesOf(...events: unknown[]): Promise<string[]> {
  const { batch, outcomes } = batchOf(events);
  await crm.queue(batch, { STATE: env.KIT_STATE, RECEIVER: env.PAYLOADS });
  return outcomes;
}

const saying = (text: string) =>
  responseEvent((body: Body) => Object.assign(body.message, { message: text }));

describe('the example consumer of the route crm', () => {
  it('prints a line for each response, in the order of the log, and takes no status', async () => {
    const [first, second] = [saying('Bom dia'), saying('Tudo bem?')];
    expect(await outcomesOf(second, statusEvent(), first)).toEqual(['ack', 'ack', 'ack']);
    expect(printed).toEqual([
      '17:07:51  response   +5544999999999  document  "Bom dia"',
      '17:07:51  response   +5544999999999  document  "Tudo bem?"',
    ]);
  });

  it('keeps the order also where the data of the earlier one cannot be read at once', async () => {
    await reset();
    const body = uniqueResponse(200_000);
    body.clientData.number = '+5544999999999';
    await delivered(body);
    await eventually('it is forwarded', async () => (await forwardedEvents()).length > 0);
    const [{ bytes: _, ...large } = { bytes: 0 }] = await forwardedEvents();
    const earlier = { ...large, sequence: '1' };
    const later = saying('Bom dia');
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const unreachable = { fetch: async () => new Response(null, { status: 503 }) } as unknown as Fetcher;
    const { batch, outcomes } = batchOf([earlier, later]);
    await crm.queue(batch, { STATE: env.KIT_STATE, RECEIVER: unreachable });
    expect(outcomes).toEqual([expect.stringMatching(/^retry/), expect.stringMatching(/^retry/)]);
    expect(await outcomesOf(later, earlier)).toEqual(['ack', 'ack']);
    expect(printed.map((line) => line.includes('Bom dia'))).toEqual([false, true]);
  });
});
