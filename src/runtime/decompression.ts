// Decompression of bodies with a Content-Encoding, and of bytes that are compressed without saying so.

/** {@link decompress} stops here. */
export const MAX_UNPACKED_BYTES = 1_048_576;
/** A byte unpacks to at most this many (RFC 1951: two bits can stand for 258 bytes). */
const MAX_RATIO = 1_032;

/**
 * How much is put into the runtime's decompressor at once, all of which it unpacks before it gives anything. Small bodies,
 * of which there can be many at a time, go in small steps.
 */
function fedBytes(packedBytes: number): number {
  return Math.min(4_096, Math.max(128, Math.ceil(packedBytes / 16)));
}

/** The most that the decompressor holds of what it has not given yet, while that many bytes are unpacked. */
export function unpackingBytes(packedBytes: number): number {
  return Math.min(packedBytes, fedBytes(packedBytes)) * MAX_RATIO;
}

/** The encodings that are taken (RFC 9110, section 8.4.1). */
export type ContentEncoding = 'gzip' | 'deflate';

/** Reads a Content-Encoding header: `null` for no encoding, `unknown` for several or for one that is not taken. */
export function contentEncodingOf(header: string | undefined): ContentEncoding | 'unknown' | null {
  const name = header?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return null;
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  return name === 'deflate' ? 'deflate' : 'unknown';
}

/**
 * Decompresses bytes part by part, and no more than is asked for, but for one part. Throws where they are not encoded so.
 * `deflate` means zlib (RFC 1950), but some senders send raw deflate (RFC 1951): the first two bytes tell which it is.
 */
export function decompressParts(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: ContentEncoding,
): AsyncGenerator<Uint8Array> {
  const isRaw = encoding === 'deflate' && formatOf(bytes) !== 'deflate';
  return partsOf(bytes, isRaw ? 'deflate-raw' : encoding);
}

/**
 * Decompresses bytes whose beginning shows that they are gzip (RFC 1952) or zlib (RFC 1950); gives `null` for any others.
 * Of bytes that are broken or cut off it gives as much as can be read. Raw deflate and brotli cannot be recognized.
 */
export async function decompress(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
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
 * Feeds the decompressor only once everything that it had was read, which shows by a read that gives nothing for a turn of
 * the event loop. The runtime takes whatever it is fed at once, and would hold a thousand times as much in memory.
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
