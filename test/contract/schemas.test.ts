// What is published and parsed with. That a validator of JSON Schema agrees is shown by test/scripts/schemas.test.ts.

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { eventSchemas, parseEvent, SCHEMA_PATHS, schemaUri } from '../../src/contract/cloudevent.ts';
import { responseEvent, statusEvent } from '../consumer/events.ts';
import { type Body, type Fields, ORIGIN, reset, responseBody } from '../webhooks.ts';

describe('the schemas', () => {
  it.each(Object.entries(SCHEMA_PATHS))(
    '%s is served at %s, without a token, for caches to keep',
    async (_, path) => {
      await reset();
      const response = await env.RECEIVER.fetch(ORIGIN + path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/schema+json');
      expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
      expect(await response.json()).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
      });
    },
  );

  it('have the URIs that events name, with and without an address of the receiver', async () => {
    for (const publicUrl of ['', 'https://receiver.example']) {
      const { event, response, status } = eventSchemas(publicUrl);
      const refersTo = (name: 'response' | 'status') => ({
        properties: { data: { $ref: schemaUri(name, publicUrl) } },
      });
      expect(response).toMatchObject({ $id: schemaUri('response', publicUrl) });
      expect(status).toMatchObject({ $id: schemaUri('status', publicUrl) });
      expect(event).toMatchObject({
        $id: schemaUri('event', publicUrl),
        $defs: { response, status },
        oneOf: [refersTo('response'), refersTo('status')],
      });
    }
    await reset({ PUBLIC_URL: 'https://receiver.example' });
    const served = await (await env.RECEIVER.fetch(`${ORIGIN}/schemas/status.json`)).json();
    expect(served).toMatchObject({ $id: 'https://receiver.example/schemas/status.json' });
  });
});

describe('parsing an event', () => {
  it('gives the event as it came', () => {
    for (const event of [responseEvent(), statusEvent(), { ...statusEvent(), replay: '1', more: {} }]) {
      expect(parseEvent(event)).toEqual({ ok: true, event });
    }
  });

  it('takes events of early versions: without sequence, and with the number of a replay', () => {
    const { sequence: _, ...early } = responseEvent();
    for (const event of [early, { ...early, replay: 1 }]) {
      expect(parseEvent(event)).toEqual({ ok: true, event });
    }
  });

  it('leaves odd fields out of the data, and keeps the payload as it came beside it', () => {
    const change = (body: Body) => {
      Object.assign(body, { clientData: '' });
      body.message.message = { type: 'button_reply', id: '1', title: 'Sim' };
      (body.message.mediaData as Fields).link = 7;
      body.message.unknown = [7];
      body.message.updatedAt = '2020-01-09T17:19-0300';
      body.event.type = 'Response';
    };
    const sent = responseEvent(change);
    const { clientData: _, ...expected } = responseBody((body) => {
      change(body);
      delete body.message.message;
      delete (body.message.mediaData as Fields).link;
      body.message.updatedAt = '2020-01-09T20:19:00.000Z';
      body.event.type = 'response';
    });
    const parsed = parseEvent(sent);
    expect(parsed).toEqual({ ok: true, event: { ...sent, data: expected, rawData: responseBody(change) } });
    expect(sent).not.toHaveProperty('contact');
  });

  it('keeps an unknown status', () => {
    const parsed = parseEvent(statusEvent((body) => (body.event.status = 'Deleted')));
    expect(parsed.ok && parsed.event.data?.event).toMatchObject({ type: 'status', status: 'deleted' });
  });

  it('takes an event with a reference to its data, and one without dataschema', () => {
    const { data: _, dataschema: __, ...head } = responseEvent();
    expect(parseEvent({ ...head, dataref: '/api/events/shop/x/payload' }).ok).toBe(true);
  });

  it.each<[string, (event: Fields) => void, string[]]>([
    ['no data and no dataref', (event) => delete event.data, ['data']],
    ['an unknown type', (event) => (event.type = 'x'), ['type']],
    ['data of the other type', (event) => ((event.data as Body).event.type = 'status'), ['data.event.type']],
    ['a contact that is none', (event) => (event.contact = ''), ['contact']],
    ['a replay that is none', (event) => (event.replay = ''), ['replay']],
    ['a number of a replay that is none', (event) => (event.replay = 0), ['replay']],
    ['a sequence that is none', (event) => (event.sequence = 7), ['sequence']],
    ['several at once', (event) => Object.assign(event, { id: '', time: 1 }), ['id', 'time']],
  ])('names what is wrong: %s', (_, change, paths) => {
    const event: Fields = { ...responseEvent() };
    change(event);
    const parsed = parseEvent(event);
    expect(parsed.ok ? [] : parsed.problems.map(({ path }) => path)).toEqual(paths);
  });
});
