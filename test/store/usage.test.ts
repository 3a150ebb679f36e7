// What is kept for each integration is summed exactly, whichever way it comes and goes.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { SEED } from '../seeded.ts';
import {
  ADMIN_TOKEN,
  ask,
  type Body,
  deliver,
  idle,
  inject,
  ORIGIN,
  register,
  reset,
  responseBody,
  statusBody,
} from '../webhooks.ts';
import { fullUsage, notedUsage } from './full-count.ts';
import { STORED_PAYLOAD, storeEvents } from './stored-events.ts';

const DAY_MS = 86_400_000;
const SLUGS = ['shop', 'office', 'stand'];
const CONTACTS = ['5541988956674', '5541988956675', '5544999027914'];

beforeEach(async () => reset());

describe('the usage of the database', () => {
  it('is summed once although the cron is cut off', async () => {
    await storeEvents({ count: 25_000, firstSeq: (Date.now() - DAY_MS) * 1000 });
    for (const [after, kind] of [
      [0, 'reject'],
      [1, 'lost-answer'],
      [0, 'lost-answer'],
    ] as const) {
      await inject({ d1: { kind, on: 'INTO usage', after, times: 1 } });
      expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: sums of what is kept');
      await env.PROBE.restart();
    }
    await inject({});
    await Promise.all([env.PROBE.runCron(), env.PROBE.runCron(), env.PROBE.runCron()]);

    expect(await notedUsage()).toEqual(await fullUsage());
    expect(await notedUsage()).toEqual({ 'event shop': [25_000, 25_000 * STORED_PAYLOAD.length] });
  });

  it('is right after a purge whose answer was lost', async () => {
    await storeEvents({ count: 3_000, firstSeq: (Date.now() - 29 * DAY_MS) * 1000 });
    await env.PROBE.runCron();
    await env.PROBE.setClock(2 * DAY_MS);
    await inject({ d1: { kind: 'lost-answer', on: 'DELETE FROM events', times: 1 } });
    expect(await env.PROBE.runCron()).toBe('scheduled tasks failed: purge');
    expect(await notedUsage()).toEqual({ 'event shop': [2_000, 2_000 * STORED_PAYLOAD.length] });
    expect(await notedUsage()).toEqual(await fullUsage());
  });

  it('does not count what was purged before it was summed', async () => {
    await storeEvents({ count: 500, firstSeq: (Date.now() - 31 * DAY_MS) * 1000 });
    await inject({ d1: { kind: 'reject', on: 'INTO counters' } }); // what is not counted is not summed
    await env.PROBE.runCron();
    await inject({});
    await env.PROBE.runCron();
    expect(await notedUsage()).toEqual({});
    expect(await notedUsage()).toEqual(await fullUsage());
  });
});

describe('the usage after operations in any order', () => {
  it.each([0, 1, 2, 3])(
    'equals a full count after each of them (seed +%i)',
    async (offset) => {
      const random = randomOf(SEED + offset);
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
      const operations = operationsOf(random, pick);
      const ran = new Map<string, number>();
      for (let step = 0; step < 120; step++) {
        const [name, run] = pick(operations);
        ran.set(name, (ran.get(name) ?? 0) + 1);
        if (random() < 0.03) await env.PROBE.setClock(++days * DAY_MS);
        await run();
        await idle();
        expect(await notedUsage(), `after ${name}, step ${step}`).toEqual(await fullUsage());
      }
      expect(ran.size).toBe(new Set(operations.map(([name]) => name)).size);
    },
    120_000,
  );

  let days = 0;
  beforeEach(() => {
    days = 0;
  });

  type Operation = [name: string, run: () => Promise<unknown>];

  function operationsOf(random: () => number, pick: <T>(items: readonly T[]) => T): Operation[] {
    const n = () => Math.floor(random() * 40);
    const event = () => {
      const body: Body = random() < 0.5 ? responseBody() : statusBody();
      body.event.messageId = `e${n()}`;
      body.message.messageId = `m${n()}`;
      body.message.message = 'x'.repeat(Math.floor(10 ** (random() * 4)));
      if ('clientData' in body) body.clientData.contact = pick(CONTACTS);
      return body;
    };
    const broken = () => ({ broken: n(), filling: 'ã'.repeat(n() * 20) });
    const deferred = (body: unknown) => ({
      integration: pick([...SLUGS, 'nobody']),
      generation: 1,
      requestId: crypto.randomUUID(),
      receivedAtMs: Date.now() - 60_000,
      payload: JSON.stringify(body),
    });
    const letter = () =>
      pick([
        { none: 'of ours', n: n() },
        {
          specversion: '1.0',
          id: `m${n()}:e${n()}:response`,
          source: `/webhooks/${pick(SLUGS)}`,
          type: 'digital.grupoboticario.instantmessage.response',
          contact: `+${pick(CONTACTS)}`,
          n: n(),
        },
      ]);
    const oneOf = async (path: string, act: (id: string) => Promise<unknown>) => {
      const { data } = (await ask(path)).answer as { data: { id: string }[] };
      if (data.length > 0) await act(pick(data).id);
    };
    const several = async (make: () => unknown) =>
      Promise.all(Array.from({ length: 1 + Math.floor(random() * 5) }, async () => make()));
    const ceilings = ['0.0002', '0.0005', '0.001', '8'];
    return [
      ['events', async () => several(async () => deliver(event(), { slug: pick(SLUGS) }))],
      ['events', async () => several(async () => deliver(event(), { slug: pick(SLUGS) }))],
      ['rejections', async () => several(async () => deliver(broken(), { slug: pick(SLUGS) }))],
      ['deferred', async () => env.PROBE.consumeIntake([deferred(event()), deferred(broken())])],
      ['dead letters', async () => env.PROBE.consumeDeadLetters([letter(), letter(), letter()])],
      ['cron', async () => env.PROBE.runCron()],
      ['cron', async () => env.PROBE.runCron()],
      ['two crons', async () => Promise.all([env.PROBE.runCron(), env.PROBE.runCron()])],
      [
        'ceiling',
        async () => {
          await env.PROBE.reset({ MAX_DATABASE_GB: pick(ceilings) });
          await env.PROBE.setClock(days * DAY_MS);
          await env.PROBE.runCron();
        },
      ],
      ['erasure', async () => send('DELETE', `/api/contacts/${pick(CONTACTS)}?force=true`)],
      [
        'deletion',
        async () => {
          await send('DELETE', `/api/integrations/${pick(SLUGS)}?force=true`);
          for (const slug of SLUGS) await register(slug);
        },
      ],
      ['retry of all', async () => send('POST', '/api/rejections/retry', {})],
      [
        'retry',
        async () => oneOf('/api/rejections', async (id) => send('POST', `/api/rejections/${id}/retry`)),
      ],
      [
        'rejection deleted',
        async () => oneOf('/api/rejections', async (id) => send('DELETE', `/api/rejections/${id}`)),
      ],
      [
        'redrive',
        async () => oneOf('/api/dead-letters', async (id) => send('POST', `/api/dead-letters/${id}/redrive`)),
      ],
      ['redrive of all', async () => send('POST', '/api/dead-letters/redrive', { integration: pick(SLUGS) })],
      [
        'discard',
        async () => oneOf('/api/dead-letters', async (id) => send('DELETE', `/api/dead-letters/${id}`)),
      ],
      ['discard of all', async () => send('POST', '/api/dead-letters/discard', { integration: pick(SLUGS) })],
      [
        'disabled',
        async () => {
          const slug = pick(SLUGS);
          await register(slug, { enabled: 0 });
          await env.PROBE.consumeIntake([{ ...deferred(event()), integration: slug }]);
          await register(slug);
        },
      ],
    ];
  }
});

/** Asks the API for a change, whatever becomes of it. */
async function send(method: string, path: string, body?: unknown): Promise<void> {
  const answer = await env.RECEIVER.fetch(`${ORIGIN}${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  expect(answer.status).toBeLessThan(500);
  await answer.body?.cancel();
}

/** Mulberry32: numbers from 0 to 1, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
