// The example push consumer as it is, with a real queue, a database of its own and a stand-in for the platform.

import { env } from 'cloudflare:workers';
import type { ResponseEvent, StatusEvent, WithData } from 'instant-message-consumer';
import { beforeEach, describe, expect, it } from 'vitest';
import { describeEvent } from '../../examples/push-consumer/src/describe-event.ts';
import { responseEvent, statusEvent } from '../consumer/events.ts';
import { type Body, delivered, eventually, forwardedEvents, reset, uniqueResponse } from '../webhooks.ts';
import type { ReceivedMessage } from './platform.ts';

const HOUR_MS = 3_600_000;

async function received(): Promise<ReceivedMessage[]> {
  return env.PLATFORM.received() as unknown as Promise<ReceivedMessage[]>;
}

async function send(...events: unknown[]): Promise<void> {
  await env.PUSH_EVENTS.sendBatch(events.map((body) => ({ body, contentType: 'json' })));
}

async function statusOf(messageId: string): Promise<string | null> {
  const query = env.PUSH_STATE.prepare('SELECT status FROM message_statuses WHERE message_id = ?1');
  return query
    .bind(messageId)
    .first<string>('status')
    .catch(() => null); // the table is not there yet
}

/** A response of a message, written so long ago. */
function writtenAgo(messageId: string, ms: number, change: (body: Body) => void = () => undefined) {
  return responseEvent((body) => {
    body.message.messageId = messageId;
    body.clientData.timeLastMessage = new Date(Date.now() - ms).toISOString();
    change(body);
  });
}

function step(messageId: string, status: string) {
  return statusEvent((body) => {
    body.message.messageId = messageId;
    body.event.status = status;
  });
}

/** Waits until all that was sent before has been consumed. */
async function consumedUpTo(messageId: string): Promise<void> {
  await send(step(messageId, 'sent'));
  await eventually('the last one sent is consumed', async () => (await statusOf(messageId)) !== null);
}

beforeEach(async () => {
  await env.PUSH_STATE.exec('DROP TABLE IF EXISTS message_statuses');
  await env.PUSH_STATE.exec('DROP TABLE IF EXISTS consumed_events');
  await env.PLATFORM.reset();
});

describe('the example push consumer', () => {
  it('answers a customer within the window, as the platform documents it', async () => {
    await send(writtenAgo('in-window', HOUR_MS, (body) => (body.clientData.number = '+554188956674')));
    await eventually('the platform has an answer', async () => (await received()).length > 0);
    expect(await received()).toEqual([
      {
        url: 'https://platform.example/v1/messages',
        method: 'POST',
        authorization: 'token-of-the-tests',
        contentType: 'application/json',
        body: {
          provider: 'whatsapp',
          type: 'interaction',
          contact: { phone: '+554188956674' },
          message: expect.any(String),
          contextId: '5e1789d9e73be8001ba18830',
        },
      },
    ]);
  });

  it('answers nobody after the window', async () => {
    await send(writtenAgo('late', 24 * HOUR_MS));
    await consumedUpTo('after-late');
    expect(await received()).toEqual([]);
  });

  it('answers once, however often an event comes', async () => {
    const event = writtenAgo('repeated', HOUR_MS);
    await send(event, event);
    await send(event);
    await send(event);
    await consumedUpTo('after-repeated');
    expect(await received()).toHaveLength(1);
  });

  it('retries where the platform refuses an answer', async () => {
    await env.PLATFORM.reset(1);
    await send(writtenAgo('refused', HOUR_MS));
    await eventually('the platform has the answer', async () => (await received()).length === 2);
  });

  it('answers an event whose data has to be fetched from the receiver', async () => {
    await reset();
    const body = uniqueResponse(200_000);
    body.clientData.timeLastMessage = new Date().toISOString();
    await delivered(body);
    await eventually('it is forwarded', async () => (await forwardedEvents()).length > 0);
    const [event] = await forwardedEvents();
    expect(event).toHaveProperty('dataref');
    await send(event);
    await eventually('the platform has an answer', async () => (await received()).length > 0);
  });

  it('keeps the effective status of each message, in whatever order its steps come', async () => {
    await send(step('a', 'read'), step('b', 'sent'), step('c', 'failed'), step('d', 'delivered'));
    await send(step('a', 'delivered'), step('b', 'failed'), step('c', 'sent'), step('d', 'failed'));
    await send(step('a', 'sent'), step('a', 'read'));
    await consumedUpTo('after-steps');
    const statuses = await Promise.all(['a', 'b', 'c', 'd'].map(statusOf));
    expect(statuses).toEqual(['read', 'failed', 'failed', 'delivered']);
  });
});

describe('the line of an event', () => {
  const line = (event: unknown) => describeEvent(event as WithData<ResponseEvent> | WithData<StatusEvent>);

  it('has the time, the kind, the contact and the content', () => {
    expect(line(responseEvent())).toBe('17:07:51  response   +5544999999999  document  "Mensagem de teste"');
    expect(line(statusEvent())).toBe('20:19:44  delivered  +5544999027914  message 5e178088a88ad9001b6e1914');
  });

  it('describes a location, and a message without text', () => {
    const change = (body: Body) => {
      delete body.message.message;
      delete body.message.mediaType;
    };
    expect(line(responseEvent(change))).toMatch(/ {2}text$/);
    const located = responseEvent((body) => {
      change(body);
      body.message.location = { latitude: 1 };
    });
    expect(line(located)).toMatch(/ {2}location$/);
  });

  it('is one short line without control characters', () => {
    const written = responseEvent(
      (body) => (body.message.message = `\u001b[31mred\nline\u202e${'x'.repeat(200)}`),
    );
    expect(line(written)).toMatch(/^[^\p{C}]+ {2}" \[31mred line x{65}…"$/u);
  });
});
