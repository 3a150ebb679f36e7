// Undoing compression: of bodies whose sender says that they are compressed, and of bytes that arrived so without saying it.

/** Of what unpacks to more, so much is unpacked. */
export const MAX_UNPACKED_BYTES = 1_048_576;
/** What a byte can become (RFC 1951: 258 bytes for two bits). */
const MAX_RATIO = 1_032;

/**
 * What is put into the runtime's decompressor at once. It unpacks all of that before it gives anything: little for small
 * bodies, of which there can be many at once.
 */
function fedBytes(packedBytes: number): number {
  return Math.min(4_096, Math.max(128, Math.ceil(packedBytes / 16)));
}

/** What the decompressor may hold, besides what was taken from it, while so many bytes are unpacked. */
export function unpackingBytes(packedBytes: number): number {
  return Math.min(packedBytes, fedBytes(packedBytes)) * MAX_RATIO;
}

/** The encodings of HTTP that can be undone (RFC 9110, section 8.4.1). */
export type ContentEncoding = 'gzip' | 'deflate';

/** The encoding that a Content-Encoding header names: `null` for none, `unknown` for any that cannot be undone, or several. */
export function contentEncodingOf(header: string | undefined): ContentEncoding | 'unknown' | null {
  switch (header?.trim().toLowerCase()) {
    case undefined:
    case '':
    case 'identity':
      return null;
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
      return 'deflate';
    default:
      return 'unknown';
  }
}

/**
 * What bytes hold that are said to be encoded, part by part. No more is unpacked than is asked for, but for one part.
 * Throws where the encoding cannot be undone. `deflate` is zlib (RFC 1950); some senders mean its content alone (RFC 1951),
 * and that is told by the two bytes in front.
 */
export function unpackedParts(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: ContentEncoding,
): AsyncGenerator<Uint8Array> {
  const isRaw = encoding === 'deflate' && formatOf(bytes) !== 'deflate';
  return partsOf(bytes, isRaw ? 'deflate-raw' : encoding);
}

/**
 * What bytes unpack to, where their beginning says how they are packed: gzip (RFC 1952) or zlib, which HTTP calls
 * deflate (RFC 1950). Of what is broken or cut off, as much as can be had; `null`: they are not packed.
 *
 * Raw deflate and brotli have no beginning by which they could be told from anything else.
 */
export async function unpack(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
  const format = formatOf(bytes);
  if (format === null) return null;
  const unpacked = new Uint8Array(MAX_UNPACKED_BYTES);
  let length = 0;
  try {
    for await (const part of partsOf(bytes, format)) {
      const taken = part.subarray(0, MAX_UNPACKED_BYTES - length);
      unpacked.set(taken, length);
      length += taken.byteLength;
      if (length === MAX_UNPACKED_BYTES) break;
    }
  } catch {
    // broken from here on
  }
  return unpacked.subarray(0, length);
}

/**
 * Feeds the decompressor only once all that it had was taken. That shows by a read that gives nothing for a turn of the event
 * loop: the runtime itself takes whatever it is fed, and would hold a thousand times as much.
 */
async function* partsOf(
  bytes: Uint8Array<ArrayBuffer>,
  format: 'gzip' | 'deflate' | 'deflate-raw',
): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream(format);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  for (const closed of [writer.closed, reader.closed]) closed.catch(() => undefined);
  const step = fedBytes(bytes.byteLength);
  let fed = 0;
  let isFed = false;
  try {
    for (;;) {
      let isRead = false;
      const reading = reader.read().finally(() => {
        isRead = true;
      });
      reading.catch(() => undefined); // its failure is that of the writing
      while (!isFed) {
        await Promise.race([reading, nextTurn()]).catch(() => undefined);
        if (isRead) break;
        isFed = fed >= bytes.byteLength;
        if (isFed) await writer.close();
        else await writer.write(bytes.subarray(fed, fed + step));
        fed += step;
      }
      const { done, value } = await reading;
      if (done) return;
      yield value;
    }
  } finally {
    for (const end of [reader.cancel(), writer.abort()]) end.catch(() => undefined);
  }
}

async function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function formatOf(bytes: Uint8Array): 'gzip' | 'deflate' | null {
  const [first = 0, second = 0, third = 0] = bytes;
  if (first === 0x1f && second === 0x8b && third === 8) return 'gzip';
  const isZlib = (first & 0x0f) === 8 && first >> 4 <= 7 && (first * 256 + second) % 31 === 0;
  return isZlib ? 'deflate' : null;
}
