// Unpacking what arrived compressed without saying so.

/** Of what unpacks to more, so much is unpacked. */
export const MAX_UNPACKED_BYTES = 1_048_576;

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
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)).getReader();
  try {
    while (length < MAX_UNPACKED_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      const taken = value.subarray(0, MAX_UNPACKED_BYTES - length);
      unpacked.set(taken, length);
      length += taken.byteLength;
    }
  } catch {
    // broken from here on
  }
  await reader.cancel().catch(() => undefined);
  return unpacked.subarray(0, length);
}

function formatOf(bytes: Uint8Array): 'gzip' | 'deflate' | null {
  const [first = 0, second = 0, third = 0] = bytes;
  if (first === 0x1f && second === 0x8b && third === 8) return 'gzip';
  const isZlib = (first & 0x0f) === 8 && first >> 4 <= 7 && (first * 256 + second) % 31 === 0;
  return isZlib ? 'deflate' : null;
}
