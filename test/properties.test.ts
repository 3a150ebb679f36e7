// What holds for every group, every address and every token.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAddressAllowed, parseAddressRange } from '../src/addresses.ts';
import { cutGroups } from '../src/cut-groups.ts';
import { presentedToken, webhookTokens } from '../src/webhook-token.ts';
import { anyText } from './receive/any-json.ts';
import { PURE } from './seeded.ts';

describe('groups', () => {
  const sizes = fc.array(fc.nat({ max: 12 }), { maxLength: 60 });
  const limits = fc.record({
    maxItems: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 20 }),
  });
  const sum = (group: readonly number[]) => group.reduce((bytes, item) => bytes + item, 0);

  it('hold every item once and in order, within the limits, and as many as fit', () => {
    const cuts = fc.property(sizes, limits, (items, { maxItems, maxBytes }) => {
      const groups = cutGroups(items, (bytes) => bytes, { maxItems, maxBytes });
      expect(groups.flat()).toEqual(items);
      for (const [index, group] of groups.entries()) {
        const isWithin = group.length <= maxItems && sum(group) <= maxBytes;
        expect(isWithin || group.length === 1).toBe(true);
        const [next = 0] = groups[index + 1] ?? [];
        const couldTakeNext = group.length < maxItems && sum(group) + next <= maxBytes;
        expect(index < groups.length - 1 && couldTakeNext).toBe(false);
      }
    });
    fc.assert(cuts, PURE);
  });
});

describe('an address', () => {
  /** Every way to write it that no program reads as another address. */
  function writings(bits: bigint, size: number): string[] {
    const parts = (count: number) =>
      Array.from({ length: count }, (_, index) =>
        Number(BigInt.asUintN(size / count, bits >> BigInt(size - (size / count) * (index + 1)))),
      );
    if (size === IPV4_BITS)
      return [parts(4).join('.'), ...['ffff', 'FFFF'].map((mark) => `::${mark}:${parts(4).join('.')}`)];
    const groups = parts(8).map((part) => part.toString(16));
    const shortest = groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
    return [
      groups.join(':'),
      groups.map((group) => group.padStart(4, '0')).join(':'),
      shortest,
      shortest.toUpperCase(),
    ];
  }

  const IPV4_BITS = 32;
  const ipv4 = fc.nat({ max: 0xffff_ffff }).map((bits) => ({ bits: BigInt(bits), size: IPV4_BITS }));
  const ipv6 = fc
    .array(fc.oneof(fc.constant(0), fc.nat({ max: 0xffff })), { minLength: 8, maxLength: 8 })
    .map((groups) => ({
      bits: groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n),
      size: 128,
    }));

  it('is within a range if it begins as the range does, however either is written', () => {
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
    fc.assert(changes, { ...PURE, numRuns: 1_000 });
  });

  it('or range has one written form, and what is none is within nothing', () => {
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
    fc.assert(forms, PURE);
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
    await fc.assert(pairs, { ...PURE, numRuns: 1_000 });
  });

  it('is genuine as it was derived, and with any change is not', async () => {
    const letter = fc.constantFrom(...'ABCDabcdwxyz0189-_.=+/ \n', '', '\u0661');
    const changes = fc.tuple(fc.nat(), fc.nat({ max: 2 }), letter);
    const forged = fc.asyncProperty(
      slug,
      generation,
      changes,
      async (one, first, [place, removed, added]) => {
        const token = await tokens.derive(one, first);
        const at = token.length - (place % (token.length + 1));
        const changed = `${token.slice(0, at)}${added}${token.slice(at + removed)}`;
        expect(await tokens.verify(one, changed)).toBe(changed === token ? first : null);
      },
    );
    await fc.assert(forged, PURE);
  });

  it('can be presented in a header without a loss, and no header does any harm', () => {
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
    fc.assert(presented, PURE);
  });
});
