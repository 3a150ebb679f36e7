// The webhooks of a schedule: their bodies, their authentication, and the events that they should become.
import { createHmac } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { Random } from '../random.ts';
import { signingSecret, webhookToken } from '../webhook-token.ts';
import { ALLOWED_ADDRESS, BOUND_APP, type Sending, type Slug } from './schedule.ts';

export const SECRETS = {
  WEBHOOK_SECRET: 'webhook-secret-of-the-fault-simulation-and-of-nothing-else',
  ADMIN_TOKEN: 'admin-token-of-the-fault-simulation',
};

export const ORIGIN = 'https://receiver.example';
const OTHER_APP = '5e138ee5d53f5b001b96fa55';
/** The business's number, which no operator erases. */
const SENDER = '+554188956674';
const STRANGER_ADDRESS = '198.51.100.9';

/** A webhook as it goes over the wire. */
export interface Webhook {
  sending: Sending;
  bytes: Buffer;
  /** The bytes as they are sent, which may be compressed. */
  sentBytes: Buffer;
  /** The event that it should become where its sender is let in; `null` for a rejection. */
  event: ExpectedEvent | null;
}

export interface ExpectedEvent {
  /** The integration and the id, which webhooks of the same ids share even if they differ. */
  key: string;
  id: string;
  slug: Slug;
  type: 'response' | 'status';
  subject: string;
  /** Canonical. */
  contact: string;
  /** The customer, and whom the text names; canonical. */
  people: string[];
  payload: string;
}

export function keyOf(integration: string, id: string): string {
  return `${integration} ${id}`;
}

/** The number of a customer, in canonical form. */
export function contactNumber(contact: number): string {
  return `+55419888${10_000 + contact * 137}`;
}

/** A number in one of the platform's spellings. */
function writtenNumber(random: Random, canonical: string): string {
  const withoutNinth = canonical.replace(/^(\+55\d\d)9/, '$1');
  const written = random.pick([canonical, withoutNinth]);
  return random.chance(0.5) ? written : written.slice(1);
}

/** The webhook of a sending. The same event always has the same body. */
export function webhookOf(seed: number, sending: Sending): Webhook {
  const { body, slug } = sending;
  if (body.kind === 'broken') {
    const broken = brokenBody(sending, body);
    if (broken !== null) return { sending, bytes: broken, sentBytes: encoded(broken, sending), event: null };
  }
  const shape =
    body.kind === 'broken'
      ? {
          kind: 'status' as const,
          message: 1_000 + Number.parseInt(body.nonce, 16),
          event: 1,
          status: 'sent',
          contact: 1,
          edition: 0,
        }
      : body;
  const messageId = `5e178088a88ad9001b${String(shape.message).padStart(9, '0')}`;
  const eventId = `i3i4${shape.event}`;
  const step = shape.kind === 'response' ? 'response' : `status:${shape.status}`;
  const id = `${messageId}:${eventId}:${step}`;
  const key = keyOf(slug, id);
  const random = new Random(`${seed} body ${key}`);
  const contact = contactNumber(shape.edition === 2 ? (shape.contact % 8) + 1 : shape.contact);
  const other = contactNumber(random.whole(1, 8));
  const namesOther = random.chance(0.1);
  const filler = random.chance(0.03) ? random.text(random.whole(20_000, 800_000), 'abcdefgh "\\é') : '';
  const isOtherApplication = body.kind === 'broken';
  const payload = JSON.stringify({
    event: {
      messageId: eventId,
      type: shape.kind,
      ...(shape.kind === 'status' && { status: shape.status }),
    },
    ...(shape.kind === 'response' && {
      clientData: {
        number: writtenNumber(random, contact),
        name: 'Maria',
        timeLastMessage: '2026-03-01T11:59:00.000Z',
      },
    }),
    message: {
      messageId,
      message: `Olá ${shape.edition > 0 ? `outra vez (${shape.edition}) ` : ''}${namesOther ? `de ${other}` : ''}${filler}`,
      to: shape.kind === 'response' ? SENDER : writtenNumber(random, contact),
      from: shape.kind === 'response' ? writtenNumber(random, contact) : SENDER,
      appId: isOtherApplication ? OTHER_APP : BOUND_APP,
      status: 'stored',
      updatedAt: '2026-03-01T12:00:00.000Z',
    },
  });
  const event: ExpectedEvent = {
    key,
    id,
    slug,
    type: shape.kind,
    subject: messageId,
    contact,
    people: namesOther ? [contact, other] : [contact],
    payload,
  };
  const bytes = Buffer.from(payload);
  return { sending, bytes, sentBytes: encoded(bytes, sending), event: isOtherApplication ? null : event }; // the integration is bound then
}

function encoded(bytes: Buffer, { encoding }: Sending): Buffer {
  if (encoding === null) return bytes;
  return encoding === 'gzip' ? gzipSync(bytes) : deflateSync(bytes);
}

/** A body that cannot become an event; `null` for one of another application, which only a bound integration refuses. */
function brokenBody(sending: Sending, body: Extract<Sending['body'], { kind: 'broken' }>): Buffer | null {
  const filler = 'x'.repeat(body.bytes);
  switch (body.what) {
    case 'not-json':
      return Buffer.from(`{"nonce":"${body.nonce}","text":"${filler}`);
    case 'not-utf8':
      return Buffer.concat([Buffer.from(`{"nonce":"${body.nonce}${filler}`), Buffer.from([0xff, 0xfe])]);
    case 'contract': {
      const named = contactNumber((Number.parseInt(body.nonce, 16) % 8) + 1);
      return Buffer.from(
        JSON.stringify({ nonce: body.nonce, filler, to: named, event: { type: 'nothing' } }),
      );
    }
    case 'other-application':
      return sending.slug === 'mail'
        ? null
        : Buffer.from(JSON.stringify({ nonce: body.nonce, filler, event: {} }));
  }
}

/** The token that a sender has, or makes up. */
function tokenOf({ slug, auth }: Sending, generation: number): string {
  if (auth === 'forged') return `${generation}.${'A'.repeat(43)}`;
  return webhookToken(SECRETS.WEBHOOK_SECRET, slug, generation);
}

function addressOf({ slug }: Sending): string {
  return slug === 'fixed' ? ALLOWED_ADDRESS : STRANGER_ADDRESS;
}

/** The headers of Standard Webhooks, for an integration that asks for them. */
function signature(
  slug: Slug,
  generation: number,
  bytes: Buffer,
  id: string,
  nowMs: number,
): Record<string, string> {
  const secret = signingSecret(SECRETS.WEBHOOK_SECRET, slug, generation);
  const timestamp = String(Math.floor(nowMs / 1000));
  const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(bytes).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

/** The request that delivers a webhook now. */
export function deliveryOf(
  { sending, bytes, sentBytes }: Webhook,
  { generation, nowMs, body }: { generation: number; nowMs: number; body: ReadableStream<Uint8Array> | null },
): Request {
  const { slug, auth, name, encoding } = sending;
  const signed = sending.isSignedFirst ? bytes : sentBytes;
  const token = tokenOf(sending, generation);
  const inUrl = auth === 'url' || auth === 'forged' ? `/${token}` : '';
  return new Request(`${ORIGIN}/webhooks/${slug}${inUrl}`, {
    method: 'POST',
    body: body ?? new Uint8Array(sentBytes),
    headers: {
      'cf-connecting-ip': addressOf(sending),
      'content-length': String(sentBytes.byteLength),
      'content-type': 'application/json',
      ...(encoding !== null && { 'content-encoding': encoding }),
      ...(auth === 'bearer' && { authorization: `Bearer ${token}` }),
      ...(auth === 'basic' && { authorization: `Basic ${btoa(`any:${token}`)}` }),
      ...(slug === 'signed' && signature(slug, generation, signed, `${name}-${nowMs}`, nowMs)),
    },
    ...(body !== null && { duplex: 'half' as const }),
  });
}

/** The request that asks whether the address of a webhook is valid. */
export function probeOf(sending: Sending, generation: number): Request {
  return new Request(`${ORIGIN}/webhooks/${sending.slug}/${tokenOf(sending, generation)}`, {
    headers: { 'cf-connecting-ip': addressOf(sending) },
  });
}
