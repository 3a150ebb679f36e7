import { describe, expect, it } from 'vitest';
import { MAX_UNPACKED_BYTES, unpack } from '../src/unpack.ts';

async function packed(
  text: string,
  format: 'gzip' | 'deflate' | 'deflate-raw',
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackedText(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const unpacked = await unpack(bytes);
  return unpacked && new TextDecoder().decode(unpacked);
}

describe('unpacking', () => {
  it.each(['gzip', 'deflate'] as const)('undoes %s', async (format) => {
    expect(await unpackedText(await packed('Olá', format))).toBe('Olá');
    expect(await unpackedText(await packed('', format))).toBe('');
  });

  it.each(['gzip', 'deflate'] as const)('gives no more than its bound of %s', async (format) => {
    const bomb = await packed('x'.repeat(50_000_000), format);
    expect((await unpack(bomb))?.byteLength).toBe(MAX_UNPACKED_BYTES);
  });

  it.each(['gzip', 'deflate'] as const)('gives the beginning of %s that is cut off', async (format) => {
    const text = Array.from({ length: 5_000 }, () => crypto.randomUUID()).join();
    const whole = await packed(text, format);
    const begun = (await unpackedText(whole.slice(0, whole.byteLength / 2))) ?? '';
    expect(begun.length).toBeGreaterThan(1_000);
    expect(text.startsWith(begun)).toBe(true);
  });

  it('leaves what is not packed, or does not say so', async () => {
    for (const text of ['', '{"a":1}', 'plain', '\u001f\u008b']) {
      expect(await unpack(new Uint8Array(new TextEncoder().encode(text)))).toBeNull();
    }
    const raw = await packed('Olá', 'deflate-raw');
    expect(await unpackedText(raw)).not.toBe('Olá');
  });
});
