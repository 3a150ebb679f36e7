import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excessOver } from '../../src/store/fair-shares.ts';
import { expectHolds } from '../seeded.ts';

function excess(budget: number, held: Record<string, number>): Record<string, number> {
  return Object.fromEntries(excessOver(budget, new Map(Object.entries(held))));
}

describe('what is over a fair share', () => {
  it.each<[string, number, Record<string, number>, Record<string, number>]>([
    ['nothing while all fits', 10, { a: 3, b: 7 }, {}],
    ['that of the one who holds most', 10, { a: 2, b: 12 }, { b: 4 }],
    ['alike for those who hold the same', 10, { a: 8, b: 8 }, { a: 3, b: 3 }],
    ['so that what remains is level above the small', 10, { a: 1, b: 6, c: 9 }, { b: 1.5, c: 4.5 }],
    ['everything without a budget', 0, { a: 1, b: 2 }, { a: 1, b: 2 }],
    ['nothing where there is nothing', 0, {}, {}],
  ])('is %s', (_, budget, held, expected) => {
    expect(excess(budget, held)).toEqual(expected);
  });

  it('leaves the budget in use, and nobody who is cut with less than another', async () => {
    const amounts = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 12 });
    await expectHolds(
      fc.property(amounts, fc.integer({ min: 0, max: 5_000 }), (list, budget) => {
        const held = new Map(list.map((amount, index) => [String(index), amount]));
        const over = excessOver(budget, held);
        const left = [...held].map(([holder, amount]) => [holder, amount - (over.get(holder) ?? 0)] as const);
        const total = left.reduce((sum, [, amount]) => sum + amount, 0);
        const all = list.reduce((sum, amount) => sum + amount, 0);
        expect(total).toBeCloseTo(Math.min(budget, all), 6);
        const most = Math.max(0, ...left.map(([, amount]) => amount));
        for (const [holder, amount] of left) if (over.has(holder)) expect(amount).toBeCloseTo(most, 6);
      }),
    );
  });
});
