/** How many items, and how many bytes of them, go together at the most. */
export interface GroupLimits {
  maxItems: number;
  maxBytes: number;
}

/**
 * How many of the first items make the next group within the limits. At least one, so that an item over
 * `maxBytes` goes alone.
 */
export function firstGroupLength<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  { maxItems, maxBytes }: GroupLimits,
): number {
  let bytes = 0;
  for (const [index, item] of items.entries()) {
    bytes += bytesOf(item);
    if (index > 0 && (index === maxItems || bytes > maxBytes)) return index;
  }
  return items.length;
}

/** Cuts items into groups within the limits, in order. */
export function cutGroups<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  limits: GroupLimits,
): Item[][] {
  const groups: Item[][] = [];
  for (let rest = items; rest.length > 0; ) {
    const length = firstGroupLength(rest, bytesOf, limits);
    groups.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return groups;
}
