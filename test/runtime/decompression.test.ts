import { describe, expect, it } from 'vitest';
import {
  contentEncodingOf,
  decompress,
  decompressParts,
  MAX_UNPACKED_BYTES,
  unpackingBytes,
} from '../../src/runtime/decompression.ts';
import { compressed } from '../webhooks.ts';

async function unpackedText(bytes: Uint8Array<ArrayBuffer>): Promise<string | null> {
  const unpacked = await decompress(bytes);
  return unpacked && new TextDecoder().decode(unpacked);
}

describe('unpacking', () => {
  it.each(['gzip', 'deflate'] as const)('undoes %s', async (format) => {
    expect(await unpackedText(await compressed('Olá', format))).toBe('Olá');
    expect(await unpackedText(await compressed('', format))).toBe('');
  });

  it.each(['gzip', 'deflate'] as const)('gives no more than its bound of %s', async (format) => {
    const bomb = await compressed('x'.repeat(50_000_000), format);
    expect((await decompress(bomb))?.byteLength).toBe(MAX_UNPACKED_BYTES);
  });

  it.each(['gzip', 'deflate'] as const)('gives the beginning of %s that is cut off', async (format) => {
    const text = Array.from({ length: 5_000 }, () => crypto.randomUUID()).join();
    const whole = await compressed(text, format);
    const begun = (await unpackedText(whole.slice(0, whole.byteLength / 2))) ?? '';
    expect(begun.length).toBeGreaterThan(1_000);
    expect(text.startsWith(begun)).toBe(true);
  });

  it('gives null for bytes that are not compressed, or cannot be recognized', async () => {
    for (const text of ['', '{"a":1}', 'plain', '\u001f\u008b']) {
      expect(await decompress(new Uint8Array(new TextEncoder().encode(text)))).toBeNull();
    }
    const raw = await compressed('Olá', 'deflate-raw');
    expect(await unpackedText(raw)).not.toBe('Olá');
  });
});

/** All that some bytes unpack to. */
async function textOf(bytes: Uint8Array<ArrayBuffer>, encoding: 'gzip' | 'deflate'): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of decompressParts(bytes, encoding)) parts.push(part);
  return new Blob(parts as Uint8Array<ArrayBuffer>[]).text();
}

describe('a Content-Encoding', () => {
  it.each(['gzip', 'deflate', 'deflate-raw'] as const)(
    'of a long text is undone whole (%s)',
    async (format) => {
      const text = Array.from({ length: 5_000 }, () => crypto.randomUUID()).join();
      const encoding = format === 'gzip' ? 'gzip' : 'deflate';
      expect(await textOf(await compressed(text, format), encoding)).toBe(text);
    },
  );

  it.each([
    ['cut off', async () => (await compressed('Olá', 'gzip')).slice(0, -3)],
    ['followed by other bytes', async () => new Uint8Array([...(await compressed('Olá', 'gzip')), 1])],
    ['none', async () => new Uint8Array(new TextEncoder().encode('{"a":1}'))],
    ['empty', async () => new Uint8Array()],
  ])('that is %s cannot be undone', async (_, bytesOf) => {
    const bytes = await bytesOf();
    await expect(textOf(bytes, 'gzip')).rejects.toThrow();
    await expect(textOf(bytes, 'deflate')).rejects.toThrow();
  });

  it('puts no more into the decompressor than is taken from it, but for one step', async () => {
    const bomb = await compressed('x'.repeat(50_000_000), 'gzip');
    const { write } = WritableStreamDefaultWriter.prototype;
    let fed = 0;
    WritableStreamDefaultWriter.prototype.write = async function (chunk: Uint8Array) {
      fed += chunk.byteLength;
      return write.call(this, chunk);
    };
    try {
      let taken = 0;
      for await (const { byteLength } of decompressParts(bomb, 'gzip')) {
        taken += byteLength;
        if (taken >= MAX_UNPACKED_BYTES) break;
      }
      expect(fed * 1_032).toBeLessThanOrEqual(MAX_UNPACKED_BYTES + unpackingBytes(bomb.byteLength));
    } finally {
      WritableStreamDefaultWriter.prototype.write = write;
    }
  });

  it.each([
    [undefined, null],
    ['', null],
    ['identity', null],
    ['Identity', null],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    [' gzip ', 'gzip'],
    ['deflate', 'deflate'],
    ['br', 'unknown'],
    ['zstd', 'unknown'],
    ['gzip, gzip', 'unknown'],
    ['identity, gzip', 'unknown'],
    ['constructor', 'unknown'],
  ])('written as %j is read as %j', (header, encoding) => {
    expect(contentEncodingOf(header)).toBe(encoding);
  });
});
