// The kit with real queues: a consumer in an isolate of its own, see worker.ts.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { eventually } from '../webhooks.ts';
import { responseEvent, responseEvents } from './events.ts';
import type { Behaviour, Seen } from './worker.ts';

let sent = 0;

async function begin(behaviour: Behaviour = {}): Promise<void> {
  await finished();
  for (const table of ['consumed_events', 'ordered_events', 'ordered_events_statuses']) {
    await env.KIT_STATE.exec(`DROP TABLE IF EXISTS ${table}`);
  }
  await env.KIT.reset(behaviour);
}

async function seen(): Promise<Seen> {
  return env.KIT.seen() as unknown as Promise<Seen>;
}

async function send(bodies: unknown[]): Promise<void> {
  sent += bodies.length;
  await env.KIT_EVENTS.sendBatch(bodies.map((body) => ({ body, contentType: 'json' })));
}

/** Waits until nothing that was sent can come again. */
async function finished(): Promise<void> {
  await eventually('every message has come to its end', async () => (await env.KIT.finished()) === sent);
}

const inOrder = (ids: string[]) => ids.toSorted((a, b) => a.localeCompare(b));
const idsOf = (events: CloudEvent[]) => inOrder(events.map(({ id }) => id));

beforeEach(async () => begin());

describe('a handler that throws on every third message', () => {
  it('loses no message and repeats only those that failed', async () => {
    await begin({ failsEvery: 3 });
    const events = responseEvents(30);
    await send(events);
    await eventually('all are handled', async () => (await seen()).handled.length >= 30);
    await finished();

    const { begun, handled, attempts, deadLetters, batches } = await seen();
    expect(inOrder(handled)).toEqual(idsOf(events));
    expect(begun).toHaveLength(40);
    expect(attempts.filter((attempt) => attempt === 2)).toHaveLength(10);
    expect(deadLetters).toEqual([]);
    expect(batches).toBeGreaterThan(1);
  });
});

describe('a message that breaks the schema', () => {
  it('ends in the dead-letter queue, delays no other message, and is logged without personal data', async () => {
    const poison = responseEvent((body) => {
      body.message.messageId = 'poison';
    });
    const { message } = poison.data as { message: { messageId: string } };
    message.messageId = 'Maria da Silva\nrua 1';
    const good = responseEvents(5);
    await send([...good.slice(0, 2), poison, ...good.slice(2)]);

    await eventually('it is a dead letter', async () => (await seen()).deadLetters.length > 0);
    const { handled, deadLetters, logged } = await seen();
    expect(deadLetters).toEqual([poison]);
    expect(inOrder(handled)).toEqual(idsOf(good));
    expect(logged.map((line) => JSON.parse(line))).toEqual(
      [1, 2, 3].map((attempt) => ({
        level: 'error',
        what: 'event breaks the schema',
        queue: 'kit-events',
        message: expect.stringMatching(/^[0-9a-f]{32}$/),
        attempt,
        paths: ['data.message.messageId'],
      })),
    );
    expect(logged.join()).not.toMatch(/Maria|rua 1|\+55/);
  });
});

describe('the once store', () => {
  it('lets an event be handled once that is delivered again and again', async () => {
    await begin({ once: true });
    const events = responseEvents(5);
    await send(events);
    await eventually('all are handled', async () => (await seen()).handled.length === 5);
    await send([...events, ...events]);
    await finished();
    expect(inOrder((await seen()).handled)).toEqual(idsOf(events));
  });

  it('lets an event be handled once whose copies arrive while it is handled', async () => {
    await begin({ once: true, takesMs: 400 });
    const [event] = responseEvents(1) as [CloudEvent];
    for (let copy = 0; copy < 3; copy++) {
      await send([event]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await eventually('one is handled', async () => (await seen()).handled.length > 0);
    await finished();
    expect((await seen()).begun).toEqual([event.id]);
  });

  it('lets a failed event be handled again', async () => {
    await begin({ once: true, failsEvery: 1 });
    const events = responseEvents(3);
    await send(events);
    await eventually('all are handled', async () => (await seen()).handled.length === 3);
    const { attempts } = await seen();
    expect(attempts.filter((attempt) => attempt === 1)).toHaveLength(3);
    expect(attempts.filter((attempt) => attempt === 2)).toHaveLength(3);
  });
});

describe('ordered', () => {
  it('handles the events of a contact in their order, of which the first fails once', async () => {
    await begin({ ordered: true, once: true, failsEvery: 1 });
    const events = ['a', 'b', 'c', 'd', 'e'].map((id) =>
      responseEvent((body) => (body.message.messageId = id)),
    );
    await send(events.toReversed());
    await finished();
    const { begun, handled, deadLetters } = await seen();
    const ids = events.map(({ id }) => id);
    expect(begun).toEqual([ids[0], ...ids]);
    expect(handled).toEqual(ids);
    expect(deadLetters).toEqual([]);
  });
});
