// Reads a webhook's body: not more of it than a webhook may have, not longer than it may take, and not while the isolate
// holds as much as it can.

import { MAX_BODY_BYTES } from '../contract/payload.ts';
import type { ByteLimits, Holding } from '../runtime/byte-budget.ts';
import { NotAnsweredInTime, within } from '../runtime/deadline.ts';
import { type ContentEncoding, unpackedParts, unpackingBytes } from '../runtime/decompression.ts';

/** A body that takes longer to come is given up. */
export const BODY_TIMEOUT_MS = 30_000;
/** Larger ones go apart from the others, which must not wait for them. */
export const LARGE_BODY_BYTES = 32_768;
/**
 * What a byte of a body takes in memory until it is answered: while it is deferred, two for a character of its text (one,
 * where all are Latin-1) and one for the bytes that are compressed. Before, its bytes and its text. What is parsed and
 * what D1 is sent comes on top, but for one body and for one statement at a time.
 */
const HELD_PER_BYTE = 3;
/** What all bodies may take together, by that count, and those of one integration: the others have the rest. */
export const BODY_LIMITS: ByteLimits = { maxBytes: 32_000_000, maxBytesEach: 16_000_000 };
/** What the large ones leave free of the isolate's budget. */
const SPARED_FOR_SMALL_BYTES = 8_000_000;
/** Room for a body whose length is not said; it grows as needed. */
const FIRST_CHUNK_BYTES = 4_096;
/** Of an unpacked body to the packed one. */
const USUAL_RATIO = 4;

export type ReadBody =
  | { ok: true; body: ArrayBuffer }
  | { ok: false; reason: 'too-large' | 'too-slow' | 'busy' };

/** Whether a body, or its text, is to go with the large ones. */
export function isLarge(length: number): boolean {
  return length > LARGE_BODY_BYTES;
}

/**
 * Reads a body. What is held of it is taken from `holding` before it is there; the caller releases it. When the body is
 * refused, its reading is cancelled.
 */
export async function readBody(request: Request, holding: Holding): Promise<ReadBody> {
  const length = saidLength(request.headers);
  if (length !== null && length > MAX_BODY_BYTES) return { ok: false, reason: 'too-large' };
  const roomBytes = length ?? FIRST_CHUNK_BYTES;
  if (!takeRoom(holding, 0, roomBytes)) return { ok: false, reason: 'busy' };
  if (length !== null && !isLarge(length)) return readAtOnce(request);
  if (request.body === null) return { ok: true, body: new ArrayBuffer(0) };
  return readInParts(request.body, roomBytes, holding);
}

function saidLength(headers: Headers): number | null {
  const written = headers.get('content-length');
  const isKnown = written !== null && /^\d+$/.test(written) && !headers.has('transfer-encoding');
  return isKnown ? Number(written) : null;
}

/** The quick way, for a body that is small by its own word, to which the runtime holds it. */
async function readAtOnce(request: Request): Promise<ReadBody> {
  try {
    const body = await within(BODY_TIMEOUT_MS, request.arrayBuffer());
    return body.byteLength > MAX_BODY_BYTES ? { ok: false, reason: 'too-large' } : { ok: true, body };
  } catch (error) {
    if (error instanceof NotAnsweredInTime) return { ok: false, reason: 'too-slow' };
    throw error; // the client has gone
  }
}

async function readInParts(
  stream: ReadableStream<Uint8Array>,
  roomBytes: number,
  holding: Holding,
): Promise<ReadBody> {
  const reader = stream.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    cancel(reader); // ends the reading that is under way
  }, BODY_TIMEOUT_MS);
  try {
    const gathered = gathering(roomBytes, holding);
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) return { ok: false, reason: 'too-slow' };
      if (done) return { ok: true, body: gathered.body() };
      const reason = gathered.add(value);
      if (reason === null) continue;
      cancel(reader);
      return { ok: false, reason };
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What a body holds once its Content-Encoding is undone. What that takes in memory is taken from `holding`, too, and what the
 * decompressor may take meanwhile from `scratch`.
 */
export async function unpackBody(
  body: ArrayBuffer,
  encoding: ContentEncoding,
  holding: Holding,
  scratch: Holding,
): Promise<ReadBody | { ok: false; reason: 'badly-encoded' }> {
  const roomBytes = Math.min(MAX_BODY_BYTES, FIRST_CHUNK_BYTES + body.byteLength * USUAL_RATIO);
  if (!scratch.take(unpackingBytes(body.byteLength)) || !takeRoom(holding, 0, roomBytes)) {
    return { ok: false, reason: 'busy' };
  }
  const gathered = gathering(roomBytes, holding);
  try {
    for await (const chunk of unpackedParts(new Uint8Array(body), encoding)) {
      const reason = gathered.add(chunk);
      if (reason !== null) return { ok: false, reason }; // which ends the unpacking
    }
  } catch {
    return { ok: false, reason: 'badly-encoded' };
  } finally {
    scratch.release();
  }
  return { ok: true, body: gathered.body() };
}

/** A body that comes in parts, in a buffer that grows as far as a body may and as the holding has room. */
function gathering(roomBytes: number, holding: Holding) {
  let buffer = new Uint8Array(roomBytes);
  let length = 0;
  return {
    /** Takes a part; gives the reason where it cannot. */
    add(part: Uint8Array): 'too-large' | 'busy' | null {
      const grown = length + part.byteLength;
      if (grown > MAX_BODY_BYTES) return 'too-large';
      if (grown > buffer.length) {
        const room = Math.min(MAX_BODY_BYTES, Math.max(grown, buffer.length * 2));
        if (!takeRoom(holding, buffer.length, room)) return 'busy';
        const larger = new Uint8Array(room);
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(part, length);
      length = grown;
      return null;
    },
    body: (): ArrayBuffer => (length === buffer.length ? buffer.buffer : buffer.slice(0, length).buffer),
  };
}

function takeRoom(holding: Holding, hasBytes: number, needsBytes: number): boolean {
  const sparedBytes = isLarge(needsBytes) ? SPARED_FOR_SMALL_BYTES : 0;
  return holding.take((needsBytes - hasBytes) * HELD_PER_BYTE, sparedBytes);
}

function cancel(reader: ReadableStreamDefaultReader): void {
  reader.cancel().catch(() => undefined); // the client may have gone
}
