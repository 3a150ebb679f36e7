import { describe, expect, it } from 'vitest';
import { eventId, eventOf, messageIdOf, messageIdPrefix } from '../../src/contract/event.ts';
import { type CheckedWebhook, parseWebhook, STATUSES } from '../../src/contract/webhook.ts';
import { type Body, responseBody, statusBody } from '../webhooks.ts';

const ARRIVAL = {
  integration: 'shop',
  payload: 'the body as it came',
  requestId: 'request-1',
  receivedAtMs: 1_700_000_000_000,
};

function webhook(body: Body): CheckedWebhook {
  const parsed = parseWebhook(body, ARRIVAL.receivedAtMs);
  if (!parsed.ok) throw new Error('the fixture breaks the contract');
  return parsed;
}

function idOf(messageId: string, eventMessageId: string): string {
  return eventOf(
    webhook(
      responseBody((body) => {
        body.message.messageId = messageId;
        body.event.messageId = eventMessageId;
      }),
    ),
    ARRIVAL,
  ).id;
}

describe('an event', () => {
  it('has the identifiers, the contact and the time of the documented response', () => {
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

  it('has the identifiers, the contact and the time of the documented status', () => {
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

  it('has the status of its step', () => {
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
  ])('has its time of arrival where %s tells no time', (_, fixture, holder, field) => {
    const missing = fixture((body) => delete holder(body)[field]);
    const isNull = fixture((body) => {
      holder(body)[field] = null;
    });
    for (const body of [missing, isNull]) {
      expect(eventOf(webhook(body), ARRIVAL).occurredAtMs).toBe(ARRIVAL.receivedAtMs);
    }
  });

  it.each([
    ['empty', '', 'empty'],
    ['without a zone', '2020-06-18T17:07:51', 'no-zone'],
    ['of the year 1', '0001-01-01T00:00:00Z', 'impossible-time'],
    ['of the year 9999', '9999-12-31T23:59:59Z', 'impossible-time'],
    ['a month ahead', '2023-12-14T22:13:20Z', 'impossible-time'],
    ['an object', {}, 'wrong-type'],
  ])('has its time of arrival where its own time is %s', (_, written, code) => {
    const reply = responseBody((body) => (body.clientData.timeLastMessage = written));
    const step = statusBody((body) => (body.message.updatedAt = written));
    for (const [body, path] of [
      [reply, 'clientData.timeLastMessage'],
      [step, 'message.updatedAt'],
    ] as const) {
      const event = eventOf(webhook(body), ARRIVAL);
      expect(event.occurredAtMs).toBe(ARRIVAL.receivedAtMs);
      expect(event.oddities).toEqual([{ path, code }]);
    }
  });

  it('has neither contact nor application where the body tells none, which is noted as odd', () => {
    for (const value of [undefined, null, '', 7, {}]) {
      const reply = responseBody((body) => {
        body.clientData.number = value;
        body.message.appId = value;
      });
      const event = eventOf(webhook(reply), ARRIVAL);
      expect([event.contact, event.appId]).toEqual([null, null]);
      expect(event.oddities?.map(({ path }) => path).toSorted()).toEqual([
        'clientData.number',
        'message.appId',
      ]);
      const step = eventOf(webhook(statusBody((body) => (body.message.to = value))), ARRIVAL);
      expect([step.contact, step.oddities?.length]).toEqual([null, 1]);
    }
    const withoutClientData = eventOf(
      webhook(responseBody((body) => delete (body as Partial<Body>).clientData)),
      ARRIVAL,
    );
    expect(withoutClientData).toMatchObject({
      contact: null,
      occurredAtMs: ARRIVAL.receivedAtMs,
      oddities: [{ path: 'clientData', code: 'missing' }],
    });
  });

  it('has no contact where that could not be stored', () => {
    const event = eventOf(webhook(responseBody((body) => (body.clientData.number = '\ud800@lid'))), ARRIVAL);
    expect(event.contact).toBeNull();
    expect(event.oddities).toEqual([{ path: 'clientData.number', code: 'not-a-contact' }]);
  });

  it('has the same id in whatever case its type and status are written', () => {
    const shouting = statusBody((body) => {
      body.event.type = 'STATUS';
      body.event.status = 'Delivered';
    });
    expect(eventOf(webhook(shouting), ARRIVAL)).toEqual(eventOf(webhook(statusBody()), ARRIVAL));
  });

  it('has an unknown status in lower case', () => {
    const event = eventOf(webhook(statusBody((body) => (body.event.status = 'Deleted'))), ARRIVAL);
    expect(event).toMatchObject({
      id: '5e178088a88ad9001b6e1914:i3i4321d:status:deleted',
      status: 'deleted',
      oddities: [{ path: 'event.status', code: 'unknown-status' }],
    });
  });

  it('has the time in UTC of a time with an offset', () => {
    const body = responseBody((changed) => {
      changed.clientData.timeLastMessage = '2020-06-18T14:07:51-03:00';
    });
    expect(eventOf(webhook(body), ARRIVAL).occurredAtMs).toBe(Date.UTC(2020, 5, 18, 17, 7, 51));
  });
});

describe('an event id', () => {
  it('differs where a colon stands in another of its parts', () => {
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
    const id = eventId(webhook(statusBody()).webhook);
    const late = statusBody((body) => {
      body.message.updatedAt = '2021-01-01T00:00:00Z';
      body.message.message = null;
    });
    expect(eventId(webhook(late).webhook)).toBe(id);
  });
});
