// Fair shares of a budget that is too small for all: whoever holds little keeps it, and whoever holds most is cut first.

/**
 * What each holder has above the level at which all together keep within a budget (max-min fairness): nobody above the
 * level is left with less than another. Only those above it are in the answer.
 *
 * @param held what each has; in the same unit as the budget.
 */
export function excessOver(budget: number, held: ReadonlyMap<string, number>): Map<string, number> {
  const smallestFirst = [...held].sort(([, a], [, b]) => a - b);
  let left = Math.max(budget, 0);
  for (const [index, [, amount]] of smallestFirst.entries()) {
    const level = left / (smallestFirst.length - index);
    if (amount > level) {
      return new Map(smallestFirst.slice(index).map(([holder, above]) => [holder, above - level]));
    }
    left -= amount;
  }
  return new Map();
}
