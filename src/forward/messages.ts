// Messages: events as the queues take them. A payload goes along where it fits, otherwise a reference to it.

import { type CloudEvent, cloudEventHead, payloadPath, type Sending } from '../contract/cloudevent.ts';
import { encodePayload, parsePayload } from '../contract/payload.ts';
import type { PendingEvent } from '../store/pending-events.ts';

/** Limits of a queue for what is sent: https://developers.cloudflare.com/queues/platform/limits/ */
export const BATCH_LIMITS = { maxItems: 100, maxBytes: 256_000 };
export const MAX_MESSAGE_BYTES = 128_000;
/** The limits count a message's metadata, which is "around 100 bytes". Twice that is kept free. */
export const METADATA_BYTES = 200;

/** A payload larger than this fits into no message. */
export const MAX_FORWARDED_PAYLOAD_BYTES = MAX_MESSAGE_BYTES;

/**
 * Deeper payloads are forwarded by reference. The platform's bodies have three levels; many JSON parsers of consumers end at
 * 64 or 100, and from some thousand levels on the queue itself fails to write or to parse a message.
 */
const MAX_FORWARDED_DEPTH = 60;

export interface EventMessage {
  body: CloudEvent;
  /** As the queue counts them. */
  bytes: number;
}

/**
 * The message of an event. Throws where none can be made of it.
 *
 * @param publicUrl address of the receiver, without a slash at its end; empty: not known.
 * @param replay the id of the replay that sends it; `null`: it is sent for the first time.
 */
export function messageOf(event: PendingEvent, publicUrl: string, replay: Sending['replay']): EventMessage {
  const data = event.payload === null ? undefined : parsePayload(event.payload);
  if (data !== undefined && !isDeeperThan(data, MAX_FORWARDED_DEPTH)) {
    const body = { ...cloudEventHead(event.head, { seq: event.seq, replay }, publicUrl), data };
    const bytes = messageBytes(body);
    if (bytes <= MAX_MESSAGE_BYTES) return { body, bytes };
  }
  const body = referenceOf(event, publicUrl, replay);
  return { body, bytes: messageBytes(body) };
}

function referenceOf({ seq, head }: PendingEvent, publicUrl: string, replay: Sending['replay']): CloudEvent {
  return { ...cloudEventHead(head, { seq, replay }, publicUrl), dataref: publicUrl + payloadPath(head) };
}

/** What is kept of an event that no queue takes: its message where one can be made, otherwise a reference to its payload. */
export function keptMessageOf(event: PendingEvent, publicUrl: string, replay: Sending['replay']): CloudEvent {
  try {
    return messageOf(event, publicUrl, replay).body;
  } catch {
    return referenceOf(event, publicUrl, replay);
  }
}

/** How many bytes of a payload are read to forward it: none where it goes by reference. */
export function forwardedBytes(payloadBytes: number): number {
  return payloadBytes > MAX_FORWARDED_PAYLOAD_BYTES ? 0 : payloadBytes;
}

function messageBytes(body: CloudEvent): number {
  return encodePayload(JSON.stringify(body)).byteLength + METADATA_BYTES;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}
