// Checks what D1 holds after webhooks were delivered: each is an event or a rejection, never both, never neither.

import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { canonicalContact } from '../../src/contract/contact.ts';
import { eventId } from '../../src/contract/event.ts';
import { comparableText } from '../../src/contract/payload-comparison.ts';
import { type CheckedWebhook, parseWebhook } from '../../src/contract/webhook.ts';
import { type BodyEncoding, bodyBytes } from '../../src/store/rejections.ts';
import { ADMIN_TOKEN, ORIGIN, register, reset, tokenOf, type WebhookAnswered } from '../webhooks.ts';
import { type AnyBody, bytesOf } from './bodies.ts';

/** A body that was delivered, and what it was answered. */
export interface Delivery {
  bytes: Uint8Array;
  status: number;
  answer: WebhookAnswered;
}

let opened = 0;

/**
 * Resets the receiver and registers a new integration. Each has a slug of its own, so that webhooks of an earlier one that
 * are still in the intake queue are not taken for its own.
 */
export async function openIntegration(): Promise<string> {
  const slug = `shop-${++opened}`;
  await reset();
  await register(slug);
  return slug;
}

/** Delivers bodies to an integration, all at the same time. */
export async function deliverAll(slug: string, bodies: readonly AnyBody[]): Promise<Delivery[]> {
  const url = `${ORIGIN}/webhooks/${slug}/${await tokenOf(slug)}`;
  return Promise.all(
    bodies.map(async (body) => {
      const bytes = bytesOf(body);
      const response = await env.RECEIVER.fetch(url, { method: 'POST', body: bytes });
      return { bytes, status: response.status, answer: await response.json() };
    }),
  );
}

/** How a body that is no event is answered, by its reason. */
const STATUSES = { 'not-utf8': 400, 'not-json': 400, 'contract-broken': 422 } as const;

export type Verdict = ({ reason: null } & CheckedWebhook) | { reason: keyof typeof STATUSES };

/** Judges a body by the contract and the RFCs alone. */
export function verdictOn(bytes: Uint8Array, arrivedAtMs = Date.now()): Verdict {
  if (bytes.byteLength === 0) return { reason: 'not-json' };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return { reason: 'not-utf8' };
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { reason: 'not-json' };
  }
  const parsed = parseWebhook(value, arrivedAtMs);
  return parsed.ok ? { reason: null, ...parsed } : { reason: 'contract-broken' };
}

/** Checks the answers, and that D1 holds for an integration what was delivered to it and nothing else. */
export async function expectKept(slug: string, deliveries: readonly Delivery[]): Promise<void> {
  for (const { bytes, status, answer } of deliveries) {
    const { reason } = verdictOn(bytes);
    const expected =
      reason === null ? { status: 200 } : { status: STATUSES[reason], type: `/problems/${reason}` };
    expect({ status, type: answer.type }).toEqual(expected);
  }
  const isAccepted = ({ status }: Delivery) => status === 200;
  const accepted = deliveries.filter(isAccepted);
  const stored = await storedEvents(slug);
  expect(stored).toEqual(eventsOf(accepted.filter(({ answer }) => answer.outcome !== 'kept')));
  expectDiffering(accepted, new Map(Array.from(stored, ([id, { payload }]) => [id, payload])));
  expect(await keptDiffering(slug)).toEqual(
    differingOf(accepted.filter(({ answer }) => answer.outcome === 'kept')),
  );
  expect(await keptRejections(slug)).toEqual(
    await rejectionsOf(deliveries.filter((one) => !isAccepted(one))),
  );
}

/** A row of `events`. */
interface StoredEvent {
  id: string;
  payload: string;
  deliveries: number;
  received_at: number;
  occurred_at: number;
}

/** A row of `rejections`. */
interface KeptRejection {
  body_hash: string;
  body: string;
  body_encoding: BodyEncoding;
  problems: string;
}

/** The stored events by id. Checks each row against its own payload. */
async function storedEvents(slug: string) {
  const { results } = await env.DB.prepare(
    `SELECT id, type, status, contact, app_id, received_at, occurred_at, oddities, payload, deliveries
     FROM events WHERE integration = ?1`,
  )
    .bind(slug)
    .run<StoredEvent>();
  for (const row of results) expectWithinContract(row);
  return new Map(results.map(({ id, payload, deliveries }) => [id, { payload, deliveries }]));
}

function expectWithinContract({ payload, deliveries: _, ...columns }: StoredEvent): void {
  const verdict = verdictOn(bytesOf(payload), columns.received_at);
  if (verdict.reason !== null) throw new Error(`a payload was stored that is ${verdict.reason}`);
  const { event, message, clientData } = verdict.webhook;
  const isResponse = event.type === 'response';
  const happenedAt = isResponse ? clientData?.timeLastMessage : message?.updatedAt;
  const written = isResponse ? clientData?.number : message?.to;
  const contact = written == null ? null : canonicalContact(written);
  const oddities = [...verdict.oddities];
  if (written != null && contact === null) {
    oddities.push({ path: isResponse ? 'clientData.number' : 'message.to', code: 'not-a-contact' });
  }
  expect(columns).toEqual({
    id: eventId(verdict.webhook),
    type: event.type,
    status: isResponse ? null : event.status,
    contact: contact ?? '',
    app_id: message.appId ?? '',
    received_at: expect.toSatisfy(Number.isSafeInteger),
    occurred_at: happenedAt == null ? columns.received_at : Date.parse(happenedAt),
    oddities: oddities.length === 0 ? null : JSON.stringify(oddities),
  });
  expect(columns.occurred_at).toSatisfy(Number.isSafeInteger);
}

/** What must be stored: for each id the one body that was answered `stored`, and how many were answered with it. */
function eventsOf(accepted: readonly Delivery[]) {
  const byId = Map.groupBy(accepted, ({ answer }) => answer.id as string);
  return new Map(
    Array.from(byId, ([id, deliveries]) => {
      const outcomes = Map.groupBy(deliveries, ({ answer }) => answer.outcome as string);
      const [stored, ...more] = outcomes.get('stored') ?? [];
      expect(more).toEqual([]);
      expect(1 + (outcomes.get('duplicate')?.length ?? 0)).toBe(deliveries.length);
      return [id, { payload: textOf(stored?.bytes), deliveries: deliveries.length }];
    }),
  );
}

/** Checks that bodies answered `duplicate` have the content of what is stored, and bodies answered `kept` another one. */
function expectDiffering(accepted: readonly Delivery[], stored: ReadonlyMap<string, string>): void {
  for (const { bytes, answer } of accepted) {
    const payload = stored.get(answer.id ?? '') ?? '';
    const text = textOf(bytes);
    if (answer.outcome === 'kept') expect(comparableText(text)).not.toBe(comparableText(payload));
    else if (text !== payload) expect(unstamped(text)).toEqual(unstamped(payload));
  }
}

/** The value of a body without the times that the platform changes. */
function unstamped(text: string): unknown {
  const body = JSON.parse(text.replace(/^\ufeff/, ''));
  if (body.message) delete body.message.updatedAt;
  if (body.clientData) delete body.clientData.timeLastMessage;
  return body;
}

/** How often each differing content was delivered, of those that are kept. */
async function keptDiffering(slug: string): Promise<Map<string, number>> {
  const { results } = await env.DB.prepare(
    "SELECT body, deliveries FROM rejections WHERE integration = ?1 AND reason = 'differs'",
  )
    .bind(slug)
    .run<{ body: string; deliveries: number }>();
  return new Map(results.map(({ body, deliveries }) => [comparableText(body), deliveries]));
}

/** The same as it must be. */
function differingOf(kept: readonly Delivery[]): Map<string, number> {
  const byContent = Map.groupBy(kept, ({ bytes }) => comparableText(textOf(bytes)));
  return new Map(Array.from(byContent, ([content, deliveries]) => [content, deliveries.length]));
}

/** The text of a body, a byte order mark included. */
function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

/** The rejections that are kept, by hash, with the hash of the kept body. */
async function keptRejections(slug: string) {
  const { results } = await env.DB.prepare(
    `SELECT body_hash, reason, problems, deliveries, body, body_encoding
     FROM rejections WHERE integration = ?1 AND reason <> 'differs'`,
  )
    .bind(slug)
    .run<KeptRejection>();
  const rows = results.map(async ({ body_hash, body, body_encoding, problems, ...row }) => {
    const hash = await sha256Hex(bodyBytes(body, body_encoding));
    return [body_hash, { ...row, problems: JSON.parse(problems), hash }] as const;
  });
  return new Map(await Promise.all(rows));
}

/** The same as they must be. */
async function rejectionsOf(refused: readonly Delivery[]) {
  const byHash = new Map<string, Delivery[]>();
  for (const delivery of refused) {
    const hash = await sha256Hex(delivery.bytes);
    byHash.set(hash, [delivery, ...(byHash.get(hash) ?? [])]);
  }
  return new Map(
    Array.from(byHash, ([hash, deliveries]) => {
      const { bytes, answer } = deliveries[0] as Delivery;
      const problems = answer.errors ?? [expect.objectContaining({ path: '', code: expect.any(String) })];
      return [hash, { reason: verdictOn(bytes).reason, problems, deliveries: deliveries.length, hash }];
    }),
  );
}

async function sha256Hex(bytes: BufferSource): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex();
}

/** The bytes of a stored payload, as the API gives them. */
export async function payloadOf(slug: string, id: string): Promise<Uint8Array> {
  const url = `${ORIGIN}/api/events/${slug}/${encodeURIComponent(id)}/payload`;
  const response = await env.RECEIVER.fetch(url, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  expect(response.status).toBe(200);
  return new Uint8Array(await response.arrayBuffer());
}
