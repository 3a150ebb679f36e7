import { type ConsumeOptions, consume } from 'instant-message-consumer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ResponseEvent } from '../../src/contract/cloudevent.ts';
import { batchOf, responseEvent, responseEvents, statusEvent } from './events.ts';

let logged: string[];
beforeEach(() => {
  logged = [];
  vi.spyOn(console, 'error').mockImplementation((line: string) => void logged.push(line));
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const fail = () => {
  throw new RangeError('of +5544999999999, Maria da Silva');
};

async function outcomesOf(options: ConsumeOptions<unknown>, bodies: unknown[], attempts = 1) {
  const { batch, outcomes } = batchOf(bodies, attempts);
  await consume(options)(batch, undefined);
  return outcomes;
}

describe('consume', () => {
  it('gives each event to the handler of its type, with the environment and the attempt', async () => {
    const onResponse = vi.fn();
    const onStatus = vi.fn();
    const { batch, outcomes } = batchOf([responseEvent(), statusEvent()], 3);
    const environment = { NAME: 'value' };
    await consume<typeof environment>({ onResponse, onStatus })(batch, environment);

    const context = { env: environment, attempt: 3, signal: expect.any(AbortSignal) };
    expect(onResponse.mock.calls).toEqual([[batch.messages[0]?.body, context]]);
    expect(onStatus.mock.calls).toEqual([[batch.messages[1]?.body, context]]);
    expect(outcomes).toEqual(['ack', 'ack']);
  });

  it('passes unknown attributes and fields on to the handler', async () => {
    const onResponse = vi.fn();
    const event = { ...responseEvent((body) => (body.message.novelty = { deep: [1] })), novelattribute: 1 };
    await outcomesOf({ onResponse }, [event]);
    expect(onResponse.mock.calls[0]?.[0]).toBe(event);
  });

  it('acknowledges each message when its own handler has ended, not when the batch has', async () => {
    const events = responseEvents(2);
    const { batch, outcomes } = batchOf(events);
    const slow = Promise.withResolvers<void>();
    const consuming = consume({
      onResponse: async ({ id }) => (id === events[0]?.id ? slow.promise : undefined),
    })(batch, undefined);
    await vi.waitFor(() => expect(outcomes).toEqual(['none', 'ack']));
    slow.resolve();
    await consuming;
    expect(outcomes).toEqual(['ack', 'ack']);
  });

  it('retries only the message whose handler failed, and logs no personal data', async () => {
    const events = responseEvents(3);
    const onError = vi.fn();
    const onResponse = ({ id }: { id: string }) => (id === events[1]?.id ? fail() : undefined);
    const outcomes = await outcomesOf({ onResponse, onError }, events);

    expect(outcomes).toEqual(['ack', expect.stringMatching(/^retry /), 'ack']);
    expect(onError.mock.calls).toEqual([[expect.any(RangeError), { id: 'message-1', attempt: 1 }]]);
    expect(logged.map((line) => JSON.parse(line))).toEqual([
      {
        level: 'error',
        what: 'handler failed',
        queue: 'events',
        message: 'message-1',
        attempt: 1,
        source: '/webhooks/shop',
        id: events[1]?.id,
        error: 'RangeError',
      },
    ]);
  });

  it('settles the other messages where onError throws', async () => {
    const outcomes = await outcomesOf({ onResponse: fail, onError: fail }, responseEvents(3));
    expect(outcomes.every((outcome) => outcome.startsWith('retry'))).toBe(true);
  });

  it.each([
    [1, 3, 5],
    [2, 5, 10],
    [5, 40, 80],
    [40, 450, 900],
  ])('delays the message after attempt %i by %i to %i seconds', async (attempt, least, most) => {
    const outcomes = await outcomesOf({ onResponse: fail }, responseEvents(100), attempt);
    const delays = outcomes.map((outcome) => Number(outcome.replace('retry ', '')));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...delays)).toBeLessThanOrEqual(most);
    expect(Math.max(...delays)).toBeGreaterThan(Math.min(...delays));
  });

  it('retries a message that is no event, and logs the paths of all problems', async () => {
    const broken = { ...responseEvent(), time: 'yesterday', contact: '', data: { event: 1 } };
    const outcomes = await outcomesOf({ onResponse: () => undefined }, [null, 'text', { type: 'x' }, broken]);
    expect(outcomes.map((outcome) => outcome.split(' ')[0])).toEqual(Array(4).fill('retry'));
    expect(logged.map((line) => JSON.parse(line).paths)).toEqual([
      [''],
      [''],
      ['type'],
      ['time', 'contact', 'data.event', 'data.message'],
    ]);
    expect(logged.join()).not.toContain('yesterday');
  });

  it('gives an unknown status to onOther, and acknowledges it where there is no such handler', async () => {
    const deleted = statusEvent((body) => (body.event.status = 'Deleted'));
    const { data: _, ...head } = deleted;
    const large = { ...head, dataref: '/x' };
    const onOther = vi.fn();
    expect(await outcomesOf({ onOther, onStatus: fail }, [deleted, large])).toEqual(['ack', 'ack']);
    expect(onOther.mock.calls.map(([event]) => event)).toEqual([deleted, large]);
    expect(await outcomesOf({ onStatus: fail }, [deleted, large])).toEqual(['ack', 'ack']);
  });

  it('gives a status in any case to onStatus, in lower case', async () => {
    const onStatus = vi.fn();
    await outcomesOf({ onStatus }, [statusEvent((body) => (body.event.status = 'READ'))]);
    expect(onStatus.mock.calls.map(([event]) => event.data.event.status)).toEqual(['read']);
  });

  it('gives an odd event to its handler without its odd fields', async () => {
    const onResponse = vi.fn<(event: ResponseEvent) => void>();
    const odd = responseEvent((body) => {
      Object.assign(body, { clientData: null });
      body.message.mediaData = 'null';
      body.message.message = ['Maria'];
    });
    expect(await outcomesOf({ onResponse }, [odd])).toEqual(['ack']);
    const event = onResponse.mock.calls[0]?.[0];
    expect(event).toMatchObject({ data: { message: {} } });
    for (const path of ['contact', 'data.message.message', 'data.message.mediaData']) {
      expect(event).not.toHaveProperty(path);
    }
    expect(event?.rawData).toBe(odd.data);
  });

  it('acknowledges an event without a handler', async () => {
    expect(await outcomesOf({ onResponse: fail }, [statusEvent()])).toEqual(['ack']);
  });

  it('gives an event of an unknown type to onOther, but nothing that is no event', async () => {
    const onOther = vi.fn();
    const other = { specversion: '1.0', id: '1', source: '/webhooks/shop', type: 'digital.example.new' };
    const outcomes = await outcomesOf({ onOther }, [other, { ...other, id: '' }, responseEvent()]);
    expect(outcomes).toEqual(['ack', expect.stringMatching(/^retry/), 'ack']);
    expect(onOther.mock.calls.map(([event]) => event)).toEqual([other]);
    expect(await outcomesOf({ onResponse: fail }, [other])).toEqual([expect.stringMatching(/^retry/)]);
  });

  it('handles the events of a contact one after the other, also after a failed one', async () => {
    const events = ['a', 'b', 'c', 'd'].map((id) => responseEvent((body) => (body.message.messageId = id)));
    const steps: string[] = [];
    const outcomes = await outcomesOf(
      {
        async onResponse({ subject }) {
          steps.push(`${subject} begins`);
          await new Promise((resolve) => setTimeout(resolve, 5));
          steps.push(`${subject} ends`);
          if (subject === 'b') fail();
        },
      },
      events,
    );
    expect(steps).toEqual(['a', 'b', 'c', 'd'].flatMap((id) => [`${id} begins`, `${id} ends`]));
    expect(outcomes).toEqual(['ack', expect.stringMatching(/^retry/), 'ack', 'ack']);
  });

  it('serves several contacts at the same time, up to its concurrency', async () => {
    let running = 0;
    let most = 0;
    const outcomes = await outcomesOf(
      {
        concurrency: 3,
        async onResponse() {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 5));
          running--;
        },
      },
      responseEvents(12),
    );
    expect(most).toBe(3);
    expect(outcomes).toEqual(Array(12).fill('ack'));
  });

  it('retries the message of a handler that takes too long, and aborts its signal', async () => {
    const events = responseEvents(2);
    let told: AbortSignal | undefined;
    const outcomes = await outcomesOf(
      {
        handlerTimeoutSeconds: 0.05,
        onResponse: async ({ id }, { signal }) => {
          if (id !== events[0]?.id) return;
          told = signal;
          await new Promise(() => undefined);
        },
      },
      events,
    );
    expect(outcomes).toEqual([expect.stringMatching(/^retry/), 'ack']);
    expect(told?.aborted).toBe(true);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({ what: 'handler failed', error: 'HandlerTimeout' });
  });

  it.each<[string, object]>([
    ['give at least one of onResponse, onStatus, onOther', {}],
    ['retry.firstSeconds must be at least 1', { onStatus: fail, retry: { firstSeconds: 0 } }],
    ['retry.longestSeconds must be', { onStatus: fail, retry: { longestSeconds: 100_000 } }],
    ['retry.longestSeconds must be', { onStatus: fail, retry: { longestSeconds: 1 } }],
    ['concurrency must be', { onStatus: fail, concurrency: 0 }],
    ['handlerTimeoutSeconds must be', { onStatus: fail, handlerTimeoutSeconds: 901 }],
    ['ordered.maxWaitSeconds must be', { onStatus: fail, ordered: { maxWaitSeconds: 0 } }],
    ['ordered.maxWaitSeconds must be', { onStatus: fail, ordered: { maxWaitSeconds: 86_401 } }],
  ])('throws at once for unusable options: %s', (problem, options) => {
    expect(() => consume(options)).toThrow(problem);
  });
});
