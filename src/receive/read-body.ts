// Reads and decompresses the body of a webhook, within a limit of bytes, of time, and of what the isolate may hold.

import { MAX_BODY_BYTES } from '../contract/payload.ts';
import { type ByteLimits, HELD_PER_BODY_BYTE, type Holding } from '../runtime/byte-budget.ts';
import { NotAnsweredInTime, withTimeout } from '../runtime/deadline.ts';
import { type ContentEncoding, decompressParts, unpackingBytes } from '../runtime/decompression.ts';

/** A body may take this long to come. */
export const BODY_TIMEOUT_MS = 30_000;
/** Larger bodies are recorded apart from the small ones, which must not wait for them. */
const LARGE_BODY_BYTES = 32_768;
/**
 * What all bodies may take in memory together, and those of one integration. What is parsed and what D1 is sent comes on
 * top, but only for one body and for one statement at a time.
 */
export const BODY_LIMITS: ByteLimits = { maxBytes: 32_000_000, maxBytesEach: 16_000_000 };
/** Large bodies leave this much of the budget to small ones. */
const SPARED_FOR_SMALL_BYTES = 8_000_000;
/** Room for a body of unknown length, to begin with. */
const FIRST_CHUNK_BYTES = 4_096;
/** The size of a decompressed body, as a multiple of the compressed one. */
const USUAL_RATIO = 4;

export type ReadBody =
  | { ok: true; body: ArrayBuffer }
  | { ok: false; reason: 'too-large' | 'too-slow' | 'busy' };

export function isLarge(length: number): boolean {
  return length > LARGE_BODY_BYTES;
}

/**
 * Reads a body. What it takes in memory is reserved in `holding`, which the caller releases. A body that is refused is not
 * read any further.
 */
export async function readBody(request: Request, holding: Holding): Promise<ReadBody> {
  const length = contentLengthOf(request.headers);
  if (length !== null && length > MAX_BODY_BYTES) return { ok: false, reason: 'too-large' };
  const roomBytes = length ?? FIRST_CHUNK_BYTES;
  if (!takeRoom(holding, 0, roomBytes)) return { ok: false, reason: 'busy' };
  try {
    if (length !== null && !isLarge(length)) return await readAtOnce(request);
    return await collectParts(request.body === null ? [] : partsOf(request.body), roomBytes, holding);
  } catch (error) {
    if (error instanceof NotAnsweredInTime) return { ok: false, reason: 'too-slow' };
    throw error; // the client has gone
  }
}

function contentLengthOf(headers: Headers): number | null {
  const written = headers.get('content-length');
  const isKnown = written !== null && /^\d+$/.test(written) && !headers.has('transfer-encoding');
  return isKnown ? Number(written) : null;
}

/** The quick way for a body of a small Content-Length, which the runtime enforces. */
async function readAtOnce(request: Request): Promise<ReadBody> {
  const body = await withTimeout(BODY_TIMEOUT_MS, request.arrayBuffer());
  return body.byteLength > MAX_BODY_BYTES ? { ok: false, reason: 'too-large' } : { ok: true, body };
}

/** The parts of a stream, which is cancelled when they are no longer asked for. Throws `NotAnsweredInTime`. */
async function* partsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => undefined); // the client may have gone
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    cancel(); // which ends the pending read
  }, BODY_TIMEOUT_MS);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw new NotAnsweredInTime(BODY_TIMEOUT_MS);
      if (done) return;
      yield value;
    }
  } finally {
    clearTimeout(timer);
    cancel();
  }
}

/**
 * Decompresses a body. What the result takes in memory is reserved in `holding`, and what the decompressor takes meanwhile
 * in `scratch`, which is released at the end.
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
  try {
    return await collectParts(decompressParts(new Uint8Array(body), encoding), roomBytes, holding);
  } catch {
    return { ok: false, reason: 'badly-encoded' };
  } finally {
    scratch.release();
  }
}

/** Collects parts in a buffer that grows as they come. Asks for no more of them once the body is refused. */
async function collectParts(
  parts: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  roomBytes: number,
  holding: Holding,
): Promise<ReadBody> {
  let buffer = new Uint8Array(roomBytes);
  let length = 0;
  for await (const part of parts) {
    const grown = length + part.byteLength;
    if (grown > MAX_BODY_BYTES) return { ok: false, reason: 'too-large' };
    if (grown > buffer.length) {
      const room = Math.min(MAX_BODY_BYTES, Math.max(grown, buffer.length * 2));
      if (!takeRoom(holding, buffer.length, room)) return { ok: false, reason: 'busy' };
      const larger = new Uint8Array(room);
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
    buffer.set(part, length);
    length = grown;
  }
  return { ok: true, body: length === buffer.length ? buffer.buffer : buffer.slice(0, length).buffer };
}

function takeRoom(holding: Holding, hasBytes: number, needsBytes: number): boolean {
  const sparedBytes = isLarge(needsBytes) ? SPARED_FOR_SMALL_BYTES : 0;
  return holding.take((needsBytes - hasBytes) * HELD_PER_BODY_BYTE, sparedBytes);
}
