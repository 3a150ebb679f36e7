// Fair shares of a budget that is too small for all: those that hold least keep all of it, those that hold most are cut first.

/**
 * Finds the level at which all together keep within a budget if none holds more than that (max-min fairness), and tells
 * what each holder has above it. Those that have nothing above it are not in the answer.
 *
 * @param held what each holder has, in the unit of the budget.
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
