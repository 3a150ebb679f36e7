// The published schemas as a validator of JSON Schema sees them: they accept what the receiver sends.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { cloudEventHead, eventSchemas, payloadPath } from '../../src/contract/cloudevent.ts';
import { eventOf } from '../../src/contract/event.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import type { Body } from '../loose-body.ts';

const SAMPLES = join(fileURLToPath(new URL('..', import.meta.url)), 'samples');

const ARRIVED_AT_MS = Date.UTC(2026, 10, 27, 12);

function eventFrom(sample: 'response' | 'status', change: (body: Body) => void, publicUrl: string) {
  const body: Body = JSON.parse(readFileSync(join(SAMPLES, `${sample}.json`), 'utf8'));
  change(body);
  const parsed = parseWebhook(body, ARRIVED_AT_MS);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const arrival = { integration: 'shop', payload: '', requestId: '', receivedAtMs: ARRIVED_AT_MS };
  const head = eventOf(parsed, arrival);
  return { ...cloudEventHead(head, { seq: 1, replay: '2' }, publicUrl), data: body };
}

describe.each(['', 'https://receiver.example'])('the schemas of a receiver at "%s"', (publicUrl) => {
  const ajv = new Ajv2020({ strictTypes: false, allErrors: true });
  addFormats.default(ajv);
  const { event: schema } = eventSchemas(publicUrl);
  const isEvent = ajv.compile(schema);

  it.each<[string, 'response' | 'status', (body: Body) => void]>([
    ['the documented response', 'response', () => undefined],
    ['the documented status', 'status', () => undefined],
    ['a failure', 'status', (body) => Object.assign(body.event, { status: 'failed' })],
    ['fields that nobody knows', 'response', (body) => (body.message.novelty = [{ a: null }])],
    [
      'nulls',
      'response',
      (body) => Object.assign(body.message, { mediaData: null, contextId: null, createdAt: null }),
    ],
    [
      'a time out of range',
      'response',
      (body) => (body.clientData.timeLastMessage = '9999-12-31T23:59:59-12:00'),
    ],
    [
      'types and statuses in any case',
      'status',
      (body) => Object.assign(body.event, { type: 'STATUS', status: 'Read' }),
    ],
    ['a status that is not known', 'status', (body) => (body.event.status = 'deleted')],
    ['a type in any case', 'response', (body) => (body.event.type = 'Response')],
    [
      'whatever else is odd',
      'response',
      (body) => {
        const message = { messageId: 'm', to: 7, from: null, mediaData: '', createdAt: {}, message: [1] };
        Object.assign(body, { clientData: 'null', message });
      },
    ],
    ['identifiers of 256 characters', 'status', (body) => (body.message.messageId = '😀'.repeat(128))],
  ])('accept %s, with data and with dataref', (_, sample, change) => {
    const event = eventFrom(sample, change, publicUrl);
    const { data, ...head } = event;
    for (const sent of [
      event,
      { ...head, dataref: publicUrl + payloadPath({ integration: 'shop', id: 'x' }) },
    ]) {
      expect(isEvent(sent) ? [] : isEvent.errors).toEqual([]);
    }
    const isData = ajv.getSchema(event.dataschema); // by the name that the event gives
    expect(isData?.(data)).toBe(true);
  });

  it('accept events of early versions: without sequence, and with the number of a replay', () => {
    const { sequence: _, ...early } = eventFrom('status', () => undefined, publicUrl);
    for (const event of [early, { ...early, replay: 1 }]) {
      expect(isEvent(event) ? [] : isEvent.errors).toEqual([]);
    }
    expect(isEvent({ ...early, replay: 0 })).toBe(false);
    expect(isEvent({ ...early, sequence: 1 })).toBe(false);
  });

  it('refuse an event without data and dataref, and one with the data of the other type', () => {
    const { data, ...head } = eventFrom('response', () => undefined, publicUrl);
    expect(isEvent(head)).toBe(false);
    expect(isEvent({ ...head, data: { ...data, event: { ...data.event, type: 'status' } } })).toBe(false);
    expect(isEvent({ ...head, data, type: 'x' })).toBe(false);
  });

  it('give dataschema as the absolute URI that CloudEvents asks for', () => {
    const { dataschema } = eventFrom('status', () => undefined, publicUrl);
    expect(ajv.validate({ type: 'string', format: 'uri' }, dataschema)).toBe(true);
    expect(dataschema).not.toContain('#');
  });
});
