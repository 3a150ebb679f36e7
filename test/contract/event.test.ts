import { describe, expect, it } from 'vitest';
import { eventId, eventOf, messageIdOf, messageIdPrefix } from '../../src/contract/event.ts';
import { parseWebhook, STATUSES, type Webhook } from '../../src/contract/webhook.ts';
import { type Body, responseBody, statusBody } from '../webhooks.ts';

const ARRIVAL = {
  integration: 'shop',
  payload: 'the body as it came',
  requestId: 'request-1',
  receivedAtMs: 1_700_000_000_000,
};

function webhook(body: Body): Webhook {
  const parsed = parseWebhook(body);
  if (!parsed.ok) throw new Error('the fixture breaks the contract');
  return parsed.webhook;
}

function idOf(messageId: string, eventMessageId: string): string {
  return eventId(
    webhook(
      responseBody((body) => {
        body.message.messageId = messageId;
        body.event.messageId = eventMessageId;
      }),
    ),
  );
}

describe('an event', () => {
  it('has of the documented response what identifies and routes it', () => {
    expect(eventOf(webhook(responseBody()), ARRIVAL)).toEqual({
      id: '5e178088a88ad9001b6e1914:i3i4321d:response',
      integration: 'shop',
      type: 'response',
      status: null,
      contact: '+5544999999999', // clientData.number
      appId: '5e138ee5d53f5b001b96fa54',
      messageId: '5e178088a88ad9001b6e1914',
      occurredAtMs: Date.UTC(2020, 5, 18, 17, 7, 51, 271), // clientData.timeLastMessage
      receivedAtMs: 1_700_000_000_000,
      payload: 'the body as it came',
      requestId: 'request-1',
    });
  });

  it('has of the documented status what identifies and routes it', () => {
    expect(eventOf(webhook(statusBody()), ARRIVAL)).toEqual({
      id: '5e178088a88ad9001b6e1914:i3i4321d:status:delivered',
      integration: 'shop',
      type: 'status',
      status: 'delivered',
      contact: '+5544999027914', // message.to
      appId: '5e138ee5d53f5b001b96fa54',
      messageId: '5e178088a88ad9001b6e1914',
      occurredAtMs: Date.UTC(2020, 0, 9, 20, 19, 44, 942), // message.updatedAt
      receivedAtMs: 1_700_000_000_000,
      payload: 'the body as it came',
      requestId: 'request-1',
    });
  });

  it('has a status of its own for each step', () => {
    const events = STATUSES.map((status) =>
      eventOf(
        webhook(
          statusBody((body) => {
            body.event.status = status;
          }),
        ),
        ARRIVAL,
      ),
    );
    expect(events.map(({ status }) => status)).toEqual(['sent', 'delivered', 'read', 'failed']);
    expect(new Set(events.map(({ id }) => id)).size).toBe(4);
  });

  it.each([
    ['a response', responseBody, (body: Body, number: string) => (body.clientData.number = number)],
    ['a status', statusBody, (body: Body, number: string) => (body.message.to = number)],
  ])('has the canonical contact of %s', (_, fixture, setNumber) => {
    const body = fixture((changed) => setNumber(changed, '55 41 8895-6674'));
    expect(eventOf(webhook(body), ARRIVAL).contact).toBe('+5541988956674');
  });

  it('ignores client data that comes with a status', () => {
    const body = statusBody((changed) => {
      changed.clientData = { number: '+5511911111111', timeLastMessage: '2021-01-01T00:00:00Z' };
    });
    expect(eventOf(webhook(body), ARRIVAL)).toEqual(eventOf(webhook(statusBody()), ARRIVAL));
  });

  it.each([
    ['a response', responseBody, (body: Body) => body.clientData, 'timeLastMessage'],
    ['a status', statusBody, (body: Body) => body.message, 'updatedAt'],
  ])('happened when it arrived where %s does not tell', (_, fixture, holder, field) => {
    const missing = fixture((body) => delete holder(body)[field]);
    const isNull = fixture((body) => {
      holder(body)[field] = null;
    });
    for (const body of [missing, isNull]) {
      expect(eventOf(webhook(body), ARRIVAL).occurredAtMs).toBe(ARRIVAL.receivedAtMs);
    }
  });

  it('counts the offset of a time', () => {
    const body = responseBody((changed) => {
      changed.clientData.timeLastMessage = '2020-06-18T14:07:51-03:00';
    });
    expect(eventOf(webhook(body), ARRIVAL).occurredAtMs).toBe(Date.UTC(2020, 5, 18, 17, 7, 51));
  });
});

describe('an event id', () => {
  it('tells apart what differs only in where a colon stands', () => {
    const ids = [idOf('a:b', 'c'), idOf('a', 'b:c'), idOf('a%3Ab', 'c'), idOf('a', 'b%3Ac')];
    expect(ids).toEqual(['a%3Ab:c:response', 'a:b%3Ac:response', 'a%253Ab:c:response', 'a:b%253Ac:response']);
  });

  it.each(['5e178088a88ad9001b6e1914', 'a:b', '100%', '%3A', '%253A', ':', '%', 'é %C3%A9', '\u{1f600}/?#'])(
    'gives its message id back: %s',
    (messageId) => {
      const id = idOf(messageId, 'x:y%');
      expect(messageIdOf(id)).toBe(messageId);
      expect(id.startsWith(messageIdPrefix(messageId))).toBe(true);
    },
  );

  it('does not begin with the prefix of another message', () => {
    expect(idOf('abc', 'x').startsWith(messageIdPrefix('ab'))).toBe(false);
    expect(idOf('a:b', 'x').startsWith(messageIdPrefix('a'))).toBe(false);
  });

  it('is the same however the rest of the body differs', () => {
    const id = eventId(webhook(statusBody()));
    const late = statusBody((body) => {
      body.message.updatedAt = '2021-01-01T00:00:00Z';
      body.message.message = null;
    });
    expect(eventId(webhook(late))).toBe(id);
  });
});
