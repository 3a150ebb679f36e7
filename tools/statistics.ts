// Percentiles and medians.

/** The percentile by nearest rank. @param share from 0 to 1 */
export function percentile(ascending: ArrayLike<number>, share: number): number {
  const rank = Math.ceil(share * ascending.length);
  return ascending[Math.max(rank, 1) - 1] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((a, b) => a - b);
  const half = ascending.length / 2;
  if (ascending.length % 2 === 1) return ascending[Math.floor(half)] ?? Number.NaN;
  return ((ascending[half - 1] ?? Number.NaN) + (ascending[half] ?? Number.NaN)) / 2;
}

/** The median; `null` where a value is unknown, or where there is none. */
export function medianOrNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length && known.length > 0 ? median(known) : null;
}
