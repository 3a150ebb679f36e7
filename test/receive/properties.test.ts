// Properties of every body, tried with thousands of them from bodies.ts and valid-bodies.ts.

import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { parseEvent } from 'instant-message-consumer';
import { describe, expect, it } from 'vitest';
import { eventId } from '../../src/contract/event.ts';
import { batchLength, checkInBatches, PROPERTY_TIMEOUT_MS } from '../seeded.ts';
import {
  allForwarded,
  eventually,
  forwardedEvents,
  inject,
  responseBody,
  seen,
  statusBody,
} from '../webhooks.ts';
import { type AnyBody, anyBody, bytesOf } from './bodies.ts';
import { deliverAll, expectKept, openIntegration, payloadOf, verdictOn } from './expect-stored.ts';
import { filledIn, oddField, putIn } from './odd-fields.ts';
import { type ExpectedEvent, validBody } from './valid-bodies.ts';

const ANY_BODIES = 10_000;
const VALID_BODIES = 3_000;
const DEFERRED_BODIES = 500;
const ODD_BODIES = 1_000;
/** One of so many bodies is delivered again. */
const REPEATED = 10;

describe('any body', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  it('is answered 200, 400 or 422 and kept, once, as an event within the contract or as a rejection', async () => {
    const bodies = fc.array(anyBody, batchLength());
    const cases = await checkInBatches(ANY_BODIES, bodies, async (batch) => {
      const slug = await openIntegration();
      const deliveries = await deliverAll(slug, batch);
      const repeated = batch.filter((_, index) => index % REPEATED === 0);
      await expectKept(slug, [...deliveries, ...(await deliverAll(slug, repeated))]);
      await allForwarded();
    });
    expect(cases).toBeGreaterThanOrEqual(ANY_BODIES);
  });

  it('ends in the same table when D1 fails on a cold isolate and comes back', async () => {
    const bodies = fc.uniqueArray(anyBody, { ...batchLength(400), selector: identityOf });
    const cases = await checkInBatches(DEFERRED_BODIES, bodies, async (batch) => {
      const slug = await openIntegration();
      const deliveries = await deliverAll(slug, batch);
      await allForwarded();
      const untroubled = await kept(slug);

      const troubledSlug = await openIntegration();
      await inject({ d1: { kind: 'reject' } });
      const deferred = await deliverAll(troubledSlug, batch);
      await inject({});
      expect(deferred.map(({ status }) => status)).toEqual(deliveries.map(({ status }) => status));
      for (const { status, answer } of deferred) if (status === 200) expect(answer.outcome).toBe('deferred');
      await eventually('all are kept', async () => (await kept(troubledSlug)).length === batch.length);
      await allForwarded();
      expect(await kept(troubledSlug)).toEqual(untroubled);
    });
    expect(cases).toBeGreaterThanOrEqual(DEFERRED_BODIES);
  });
});

describe('a body within the contract', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  it('is stored, comes back byte for byte, and is forwarded', async () => {
    const bodies = fc.uniqueArray(validBody, { ...batchLength(), selector: ({ event }) => event.id });
    const cases = await checkInBatches(VALID_BODIES, bodies, async (batch) => {
      const slug = await openIntegration();
      const texts = batch.map(({ text }) => text);
      const events = batch.map(({ event }) => event);
      const deliveries = await deliverAll(slug, texts);

      expect(deliveries.map(({ status, answer }) => ({ status, answer }))).toEqual(
        events.map(({ id }) => ({ status: 200, answer: { id, outcome: 'stored' } })),
      );
      await expectKept(slug, deliveries);
      expect(await storedColumns(slug)).toEqual(new Map(events.map((event) => [event.id, event])));
      const payloads = await Promise.all(events.map(async ({ id }) => payloadOf(slug, id)));
      expect(payloads.map(hexOf)).toEqual(texts.map(bytesOf).map(hexOf));
      await allForwarded();
      expect(await forwardedData(slug)).toEqual(
        new Map(batch.map(({ text, event }) => [event.id, exactly(JSON.parse(text.replace(/^\ufeff/, '')))])),
      );
    });
    expect(cases).toBeGreaterThanOrEqual(VALID_BODIES);
  });
});

describe('a body that identifies an event', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  it('is stored whatever stands in any other field, comes out of the queue as it came, and the kit reads it', async () => {
    const bodies = fc.array(fc.tuple(fc.boolean(), oddField), batchLength());
    const cases = await checkInBatches(ODD_BODIES, bodies, async (batch) => {
      const slug = await openIntegration();
      const texts = batch.map(([isReply, field], index) => {
        const body = filledIn(isReply ? responseBody() : statusBody());
        body.event.messageId = `event-${index}`;
        putIn(body, field);
        return JSON.stringify(body);
      });
      const deliveries = await deliverAll(slug, texts);
      expect(deliveries.map(({ answer }) => answer.outcome)).toEqual(batch.map(() => 'stored'));
      await expectKept(slug, deliveries);
      await allForwarded();
      await eventually(
        'all came out of the queue',
        async () => (await consumedBy(slug)).length >= batch.length,
      );
      const came = await consumedBy(slug);
      for (const event of came) expect(parseEvent(event)).toMatchObject({ ok: true });
      expect(new Map(came.map(({ id, data }) => [id, exactly(data)]))).toEqual(
        new Map(deliveries.map(({ answer }, index) => [answer.id, exactly(JSON.parse(texts[index] ?? ''))])),
      );
    });
    expect(cases).toBeGreaterThanOrEqual(ODD_BODIES);
  });
});

/** The same for bodies that are the same event or rejection. */
function identityOf(body: AnyBody): string {
  const verdict = verdictOn(bytesOf(body));
  return verdict.reason === null ? eventId(verdict.webhook) : hexOf(bytesOf(body));
}

function hexOf(bytes: Uint8Array): string {
  return bytes.toHex(); // compared much faster than bytes are
}

/** The events and rejections of an integration, without columns of place and time. */
async function kept(slug: string) {
  const { results: events } = await env.DB.prepare(
    `SELECT id, type, status, contact, app_id, nullif(occurred_at, received_at) AS occurred_at, payload, deliveries
     FROM events WHERE integration = ?1 ORDER BY id`,
  )
    .bind(slug)
    .run();
  const { results: rejections } = await env.DB.prepare(
    `SELECT generation, body_hash, reason, problems, deliveries, body, body_encoding
     FROM rejections WHERE integration = ?1 ORDER BY body_hash`,
  )
    .bind(slug)
    .run();
  return [...events, ...rejections];
}

/** The columns of stored events that their bodies determine. */
async function storedColumns(slug: string) {
  const { results } = await env.DB.prepare(
    `SELECT id, type, status, contact, app_id AS appId, nullif(occurred_at, received_at) AS occurredAtMs
     FROM events WHERE integration = ?1`,
  )
    .bind(slug)
    .run<ExpectedEvent>();
  return new Map(results.map((row) => [row.id, row]));
}

/** The data of the events that were forwarded, by id. */
async function forwardedData(slug: string) {
  const own = (await forwardedEvents()).filter(({ source }) => source === `/webhooks/${slug}`);
  return new Map(own.map(({ id, data }) => [id, exactly(data)]));
}

/** The events that arrived at a consumer. */
async function consumedBy(slug: string) {
  return (await seen()).consumed.filter(({ source }) => source === `/webhooks/${slug}`);
}

/** A value as text that tells -0 from 0 and infinity from null, and `__proto__` from a prototype. */
function exactly(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'number' ? `number ${Object.is(inner, -0) ? '-0' : inner}` : inner,
  );
}
