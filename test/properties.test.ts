// Properties of every batch, every address and every token.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitIntoBatches } from '../src/runtime/batching.ts';
import { isAddressAllowed, parseAddressRange } from '../src/sender/ip-ranges.ts';
import { presentedToken, webhookTokens } from '../src/sender/webhook-token.ts';
import { anyText } from './receive/any-json.ts';
import { expectHolds } from './seeded.ts';

describe('groups', () => {
  const sizes = fc.array(fc.nat({ max: 12 }), { maxLength: 60 });
  const limits = fc.record({
    maxItems: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 20 }),
  });
  const sum = (group: readonly number[]) => group.reduce((bytes, item) => bytes + item, 0);

  it('hold every item once and in order, within the limits, and as many as fit', async () => {
    const cuts = fc.property(sizes, limits, (items, { maxItems, maxBytes }) => {
      const groups = splitIntoBatches(items, (bytes) => bytes, { maxItems, maxBytes });
      expect(groups.flat()).toEqual(items);
      for (const [index, group] of groups.entries()) {
        const isWithin = group.length <= maxItems && sum(group) <= maxBytes;
        expect(isWithin || group.length === 1).toBe(true);
        const [next = 0] = groups[index + 1] ?? [];
        const couldTakeNext = group.length < maxItems && sum(group) + next <= maxBytes;
        expect(index < groups.length - 1 && couldTakeNext).toBe(false);
      }
    });
    await expectHolds(cuts);
  });
});

describe('an address', () => {
  const IPV4_BITS = 32;
  const IPV6_BITS = 128;

  /** Every way to write it that no program reads as another address. */
  function writings(bits: bigint, size: number): string[] {
    return size === IPV4_BITS ? ipv4Writings(bits) : ipv6Writings(bits);
  }

  function ipv4Writings(bits: bigint): string[] {
    const dotted = [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
    return [dotted, `::ffff:${dotted}`, `::FFFF:${dotted}`];
  }

  function ipv6Writings(bits: bigint): string[] {
    const digits = bits.toString(16).padStart(32, '0');
    const padded = digits.replace(/.{4}(?=.)/g, '$&:');
    const plain = padded.replace(/\b0{1,3}/g, '');
    const short = plain.replace(/(^|:)0(:0)+(:|$)/, '::');
    return [padded, plain, short, short.toUpperCase()];
  }

  const ipv4 = fc.nat({ max: 0xffff_ffff }).map((bits) => ({ bits: BigInt(bits), size: IPV4_BITS }));
  const ipv6 = fc
    .array(fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })), { minLength: 8, maxLength: 8 })
    .map((groups) => ({
      bits: groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n),
      size: IPV6_BITS,
    }));

  it('is within a range if it begins as the range does, however either is written', async () => {
    const changes = fc.property(fc.oneof(ipv4, ipv6), fc.nat(), fc.nat(), ({ bits, size }, prefix, place) => {
      const prefixBits = prefix % (size + 1);
      const changedBit = place % size;
      const other = bits ^ (1n << BigInt(size - 1 - changedBit));
      fc.pre(size === IPV4_BITS || ![bits >> 32n, other >> 32n].includes(0xffffn)); // those stand for IPv4
      for (const written of writings(bits, size)) {
        const isMapped = size === IPV4_BITS && written.includes(':');
        const range = parseAddressRange(`${written}/${prefixBits + (isMapped ? 96 : 0)}`) ?? 'none';
        for (const same of writings(bits, size)) expect(isAddressAllowed(same, [range])).toBe(true);
        for (const changed of writings(other, size)) {
          expect(isAddressAllowed(changed, [range])).toBe(changedBit >= prefixBits);
        }
      }
    });
    await expectHolds(changes, { numRuns: 1_000 });
  });

  it('or range has one canonical form, and any other text is within no range', async () => {
    const letters = fc.string({ unit: fc.constantFrom(...'0123456789abcF:./%x '), maxLength: 24 });
    const texts = fc.oneof(
      letters,
      anyText,
      fc.ipV4Extended(),
      fc.ipV6(),
      fc.tuple(fc.ipV6(), fc.nat()).map(([address, bits]) => `${address}/${bits}`),
    );
    const forms = fc.property(texts, (text) => {
      const range = parseAddressRange(text);
      if (range !== null) expect(parseAddressRange(range)).toBe(range);
      const isAddress = range !== null && !text.includes('/');
      expect(isAddressAllowed(text, ['0.0.0.0/0', '::/0'])).toBe(isAddress);
    });
    await expectHolds(forms);
  });
});

describe('a token', () => {
  const tokens = webhookTokens('a secret of the tests, 32 letters');
  const slug = fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,10}[a-z0-9]$/);
  const generation = fc.integer({ min: 1, max: 999_999_999 });

  it('is genuine for its slug and generation, and for no other', async () => {
    const pairs = fc.asyncProperty(slug, generation, slug, generation, async (one, first, other, second) => {
      const token = await tokens.derive(one, first);
      expect(await tokens.verify(one, token)).toBe(first);
      if (one !== other) expect(await tokens.verify(other, token)).toBeNull();
      if (first !== second) expect(token).not.toBe(await tokens.derive(one, second));
    });
    await expectHolds(pairs, { numRuns: 1_000 });
  });

  it('is genuine as it was derived, and with any change is not', async () => {
    const letters = [
      ...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
      ...'.=+/ \n\u0661',
      '',
    ];
    const edit = fc.record({
      fromEnd: fc.oneof(fc.constant(1), fc.nat({ max: 60 })), // its last letter has two bits of no meaning
      removed: fc.nat({ max: 2 }),
      added: fc.constantFrom(...letters),
    });
    const edits = fc.asyncProperty(
      slug,
      generation,
      edit,
      async (one, first, { fromEnd, removed, added }) => {
        const token = await tokens.derive(one, first);
        const at = Math.max(token.length - fromEnd, 0);
        const changed = `${token.slice(0, at)}${added}${token.slice(at + removed)}`;
        expect(await tokens.verify(one, changed)).toBe(changed === token ? first : null);
      },
    );
    await expectHolds(edits);
  });

  it('can be presented in a header without a loss, and no header does any harm', async () => {
    const visible = fc.string({ unit: fc.constantFrom(...'abcXYZ019.-_~:'), minLength: 1, maxLength: 60 });
    const user = visible.map((text) => text.replaceAll(':', ''));
    const presented = fc.property(visible, user, anyText, anyText, (token, name, scheme, credentials) => {
      expect(presentedToken(undefined, `Bearer ${token}`)).toBe(token);
      expect(presentedToken('', `Basic ${btoa(`${name}:${token}`)}`)).toBe(token);
      for (const header of [
        credentials,
        `Basic ${credentials}`,
        `Bearer ${credentials}`,
        `${scheme} ${credentials}`,
      ]) {
        expect(presentedToken(undefined, header)).toBeTypeOf('string');
      }
    });
    await expectHolds(presented);
  });
});
