import { describe, expect, it } from 'vitest';
import { firstBatchLength, splitIntoBatches } from '../../src/runtime/batching.ts';

const bytesOf = (bytes: number) => bytes;
const LIMITS = { maxItems: 3, maxBytes: 10 };

describe('groups', () => {
  it.each<[string, number[], number[][]]>([
    ['nothing', [], []],
    ['one item', [4], [[4]]],
    ['exactly as many items as allowed', [1, 1, 1], [[1, 1, 1]]],
    ['one item more than allowed', [1, 1, 1, 1], [[1, 1, 1], [1]]],
    ['exactly as many bytes as allowed', [6, 4], [[6, 4]]],
    ['one byte more than allowed', [6, 5], [[6], [5]]],
    ['an item over the limit, which goes alone', [11], [[11]]],
    ['an item over the limit among others', [1, 11, 1], [[1], [11], [1]]],
    ['items over the limit in a row', [11, 12], [[11], [12]]],
    ['items without bytes, which still count', [0, 0, 0, 0], [[0, 0, 0], [0]]],
    ['a mixture', [5, 5, 1, 9, 1, 1, 1, 1], [[5, 5], [1, 9], [1, 1, 1], [1]]],
  ])('are made of %s', (_, items, groups) => {
    expect(splitIntoBatches(items, bytesOf, LIMITS)).toEqual(groups);
    expect(firstBatchLength(items, bytesOf, LIMITS)).toBe(groups[0]?.length ?? 0);
  });

  it('hold each item once, in order, within the limits, and as many as fit', () => {
    const items = Array.from({ length: 500 }, (_, index) => (index * 7919) % 12);
    const groups = splitIntoBatches(items, bytesOf, LIMITS);
    const sum = (group: number[]) => group.reduce((bytes, item) => bytes + item, 0);

    expect(groups.flat()).toEqual(items);
    for (const [index, group] of groups.entries()) {
      expect(group.length).toBeGreaterThan(0);
      expect(group.length).toBeLessThanOrEqual(LIMITS.maxItems);
      if (group.length > 1) expect(sum(group)).toBeLessThanOrEqual(LIMITS.maxBytes);
      const [next] = groups[index + 1] ?? [];
      if (next !== undefined && group.length < LIMITS.maxItems) {
        expect(sum(group) + next).toBeGreaterThan(LIMITS.maxBytes);
      }
    }
  });

  it('leave the items as they were', () => {
    const items = [1, 2, 3, 4, 5];
    splitIntoBatches(items, bytesOf, LIMITS);
    expect(items).toEqual([1, 2, 3, 4, 5]);
  });
});
