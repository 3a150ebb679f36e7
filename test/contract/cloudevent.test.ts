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

const FIRST = { seq: 1_592_500_072_000_000, replay: null };

describe('a CloudEvent', () => {
  it('has exactly the documented attributes', () => {
    expect(cloudEventHead(RESPONSE, FIRST)).toEqual({
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
      sequence: '1592500072000000',
    });
  });

  it('has another type for a status than for a response', () => {
    const status: EventHead = { ...RESPONSE, type: 'status', status: 'read' };
    expect(cloudEventHead(status, FIRST).type).toBe('digital.grupoboticario.instantmessage.status');
  });

  it('has the id of the replay that sends it again, with the same id and sequence, and none the first time', () => {
    const { id, sequence } = cloudEventHead(RESPONSE, FIRST);
    const again = cloudEventHead(RESPONSE, { ...FIRST, replay: '1592500073000000' });
    expect(again).toMatchObject({ replay: '1592500073000000', id, sequence });
    expect(cloudEventHead(RESPONSE, FIRST)).not.toHaveProperty('replay');
  });

  it('has a sequence that sorts as text in the order of places', () => {
    const places = [0, 9, 10, 1_592_500_072_000_000, Number.MAX_SAFE_INTEGER];
    const sequences = places.map((seq) => cloudEventHead(RESPONSE, { seq, replay: null }).sequence);
    expect(sequences.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(sequences);
    expect(sequences.map(Number)).toEqual(places);
  });

  it('names the schema of its data by an absolute URI without fragment', () => {
    const { dataschema } = cloudEventHead(RESPONSE, FIRST, 'https://receiver.example');
    expect(dataschema).toBe('https://receiver.example/schemas/response.json');
  });

  it('has times within RFC 3339, however far off the platform’s times are', () => {
    const late = { ...RESPONSE, occurredAtMs: Date.parse('9999-12-31T23:59:59-12:00') };
    expect(cloudEventHead(late, FIRST).time).toBe('9999-12-31T23:59:59.999Z');
    const early = { ...RESPONSE, occurredAtMs: Date.parse('0000-01-01T00:00:00+12:00') };
    expect(cloudEventHead(early, FIRST).time).toBe('0000-01-01T00:00:00.000Z');
  });

  it('has attribute names of lower-case letters and digits, as CloudEvents asks for', () => {
    for (const name of Object.keys(cloudEventHead(RESPONSE, { ...FIRST, replay: '1' })))
      expect(name).toMatch(/^[a-z0-9]{1,20}$/);
  });
});

describe('the id in the path of a payload', () => {
  it('is a single segment, whatever characters it has', () => {
    expect(payloadPath({ integration: 'shop', id: 'a%3Ab:c/d?e#f é:response' })).toBe(
      '/api/events/shop/a%253Ab%3Ac%2Fd%3Fe%23f%20%C3%A9%3Aresponse/payload',
    );
  });
});
