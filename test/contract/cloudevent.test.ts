import { describe, expect, it } from 'vitest';
import { cloudEventHead, payloadPath } from '../../src/contract/cloudevent.ts';
import type { EventHead } from '../../src/contract/event.ts';

const RESPONSE: EventHead = {
  id: 'message-1:event-1:response',
  integration: 'shop',
  type: 'response',
  status: null,
  contact: '+5544999999999',
  appId: 'app-1',
  messageId: 'message-1',
  occurredAtMs: Date.UTC(2020, 5, 18, 17, 7, 51, 271),
  receivedAtMs: Date.UTC(2020, 5, 18, 17, 7, 52),
};

describe('a CloudEvent', () => {
  it('has exactly the documented attributes', () => {
    expect(cloudEventHead(RESPONSE, 0)).toEqual({
      specversion: '1.0',
      id: 'message-1:event-1:response',
      source: '/webhooks/shop',
      type: 'digital.grupoboticario.instantmessage.response',
      subject: 'message-1',
      time: '2020-06-18T17:07:51.271Z',
      datacontenttype: 'application/json',
      dataschema: 'tag:instantmessage.grupoboticario.digital,2026:response',
      contact: '+5544999999999',
      receivedtime: '2020-06-18T17:07:52.000Z',
    });
  });

  it('has another type for a status than for a response', () => {
    const status: EventHead = { ...RESPONSE, type: 'status', status: 'read' };
    expect(cloudEventHead(status, 0).type).toBe('digital.grupoboticario.instantmessage.status');
  });

  it('has the number of its replay, and none where it was not replayed', () => {
    expect(cloudEventHead(RESPONSE, 2)).toMatchObject({ replay: 2, id: RESPONSE.id });
    expect(cloudEventHead(RESPONSE, 0)).not.toHaveProperty('replay');
  });

  it('names the schema of its data by an absolute URI without fragment', () => {
    const { dataschema } = cloudEventHead(RESPONSE, 0, 'https://receiver.example');
    expect(dataschema).toBe('https://receiver.example/schemas/response.json');
  });

  it('has times within RFC 3339, however far off the platform’s times are', () => {
    const late = { ...RESPONSE, occurredAtMs: Date.parse('9999-12-31T23:59:59-12:00') };
    expect(cloudEventHead(late, 0).time).toBe('9999-12-31T23:59:59.999Z');
    const early = { ...RESPONSE, occurredAtMs: Date.parse('0000-01-01T00:00:00+12:00') };
    expect(cloudEventHead(early, 0).time).toBe('0000-01-01T00:00:00.000Z');
  });

  it('has attribute names of lower-case letters and digits, as CloudEvents asks for', () => {
    for (const name of Object.keys(cloudEventHead(RESPONSE, 1))) expect(name).toMatch(/^[a-z0-9]{1,20}$/);
  });
});

describe('the id in the path of a payload', () => {
  it('is a single segment, whatever characters it has', () => {
    expect(payloadPath({ integration: 'shop', id: 'a%3Ab:c/d?e#f é:response' })).toBe(
      '/api/events/shop/a%253Ab%3Ac%2Fd%3Fe%23f%20%C3%A9%3Aresponse/payload',
    );
  });
});
