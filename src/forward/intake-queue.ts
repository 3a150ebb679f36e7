// The messages of the intake queue, which takes webhooks while D1 cannot: writing them, and reading them again.

import * as z from 'zod';
import { decodePayload, encodePayload, MAX_BODY_BYTES } from '../contract/payload.ts';
import type { Sender } from '../sender/verify-sender.ts';
import { MAX_MESSAGE_BYTES } from './messages.ts';

export const intakeMessage = z.object({
  integration: z.string(),
  /** Of the token that it came with. */
  generation: z.int().positive(),
  requestId: z.string().regex(/^[\w-]+$/), // the ids of several are stored in one column, separated by spaces
  receivedAtMs: z.int(),
  /** The body exactly as it came, where it is UTF-8 and fits. */
  payload: z.string().optional(),
  /** Otherwise the body gzipped, in base64. */
  gzip: z.string().optional(),
  /** What is left to be checked where the registration could not be read on arrival. */
  sender: z
    .object({
      address: z.string().nullable(),
      signature: z.object({ id: z.string(), timestamp: z.string(), signature: z.string() }).nullable(),
    })
    .optional(),
});
export type IntakeMessage = z.infer<typeof intakeMessage>;

/** A webhook on its way through the intake queue. */
export interface DeferredWebhook {
  integration: string;
  generation: number;
  requestId: string;
  receivedAtMs: number;
  /** The body exactly as it came: its text, or bytes that may not be UTF-8. */
  body: ArrayBuffer | string;
}

/** Leaves room for the metadata that the limit counts. */
const MAX_INTAKE_MESSAGE_BYTES = MAX_MESSAGE_BYTES - 1_000;

/**
 * Puts a webhook into the intake queue. Rejects when the queue does not take it, or when it is too large for a message even
 * when compressed.
 *
 * @param unchecked the sender where it is to be checked by the consumer.
 */
export async function deferWebhook(
  intake: Queue<unknown>,
  { body, ...head }: DeferredWebhook,
  unchecked: Pick<Sender, 'address' | 'signature'> | null,
): Promise<void> {
  const sender = unchecked && { address: unchecked.address, signature: unchecked.signature };
  const message = { ...head, ...(sender && { sender }) };
  const payload = typeof body === 'string' ? body : decodePayload(body);
  const plain = payload !== null && payload.length <= MAX_INTAKE_MESSAGE_BYTES && { ...message, payload };
  const fits = plain && encodePayload(JSON.stringify(plain)).byteLength <= MAX_INTAKE_MESSAGE_BYTES;
  await intake.send(fits ? plain : { ...message, gzip: await gzipBase64(body) }, { contentType: 'json' });
}

/** The size of a message's body, as the message tells it: at most that of a webhook. */
export function bodyBytesOf({ payload, gzip = '' }: Pick<IntakeMessage, 'payload' | 'gzip'>): number {
  return payload === undefined ? gunzippedBytes(gzip) : encodePayload(payload).byteLength;
}

/** The body of a message. Rejects where it is not as {@link deferWebhook} wrote it. */
export async function bodyOf({
  payload,
  gzip = '',
}: Pick<IntakeMessage, 'payload' | 'gzip'>): Promise<ArrayBuffer> {
  return payload === undefined ? gunzipBase64(gzip) : encodePayload(payload);
}

async function gzipBase64(body: ArrayBuffer | string): Promise<string> {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
}

/** The uncompressed size, from the last four bytes of a gzip file (RFC 1952, section 2.3.1). */
function gunzippedBytes(gzipBase64: string): number {
  const trailer = Uint8Array.fromBase64(gzipBase64.slice(-8)); // 8 letters are 4 to 6 bytes
  const bytes = new DataView(trailer.buffer).getUint32(trailer.byteLength - 4, true);
  return Math.min(bytes, MAX_BODY_BYTES);
}

/** Throws where the file holds more bytes than it says, or fewer. */
async function gunzipBase64(base64: string): Promise<ArrayBuffer> {
  const unpacked = new Uint8Array(gunzippedBytes(base64));
  const packed = new Blob([Uint8Array.fromBase64(base64)]).stream();
  let length = 0;
  for await (const chunk of packed.pipeThrough(new DecompressionStream('gzip'))) {
    unpacked.set(chunk, length); // throws a RangeError where there is no room, which ends the decompression
    length += chunk.byteLength;
  }
  if (length !== unpacked.byteLength) throw new RangeError('a gzip file has another length than it says');
  return unpacked.buffer;
}
