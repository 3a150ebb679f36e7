// Cuts lists into batches that stay within limits of items and of bytes.

export interface BatchLimits {
  maxItems: number;
  maxBytes: number;
}

/**
 * How many of the first items make the next batch. At least one: an item of more than `maxBytes` makes a batch by itself.
 */
export function firstBatchLength<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  { maxItems, maxBytes }: BatchLimits,
): number {
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    bytes += bytesOf(item);
    if (index > 0 && (index === maxItems || bytes > maxBytes)) return index;
  }
  return items.length;
}

/** Cuts items into batches, in order. */
export function splitIntoBatches<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  limits: BatchLimits,
): Item[][] {
  const groups: Item[][] = [];
  for (let rest = items; rest.length > 0; rest = rest.slice(groups.at(-1)?.length)) {
    groups.push(rest.slice(0, firstBatchLength(rest, bytesOf, limits)));
  }
  return groups;
}
