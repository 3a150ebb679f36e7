import { afterEach, describe, expect, it, vi } from 'vitest';
import { byteBudget } from '../../src/runtime/byte-budget.ts';

describe('a budget of bytes', () => {
  afterEach(() => void vi.useRealTimers());

  it('gives as many as there are, and again what was released', () => {
    const budget = byteBudget({ maxBytes: 100 });
    const [first, second] = [budget.hold('a'), budget.hold('b')];
    expect(first.take(60)).toBe(true);
    expect(second.take(41)).toBe(false);
    expect(second.take(40)).toBe(true);
    expect(budget.heldBytes).toBe(100);
    first.release();
    expect(budget.heldBytes).toBe(40);
    expect(second.take(60)).toBe(true);
    second.release();
    expect([budget.heldBytes, budget.peakBytes]).toEqual([0, 100]);
  });

  it('reserves nothing where there is no room, and releases nothing twice', () => {
    const budget = byteBudget({ maxBytes: 100 });
    const other = budget.hold('b');
    other.take(50);
    const holding = budget.hold('a');
    expect(holding.take(51)).toBe(false);
    holding.release();
    expect(budget.heldBytes).toBe(50);
    expect(holding.take(50)).toBe(true);
    holding.release();
    holding.release();
    expect(budget.heldBytes).toBe(50);
  });

  it('leaves no owner more than its share, however many holdings it has', () => {
    const budget = byteBudget({ maxBytes: 100, maxBytesEach: 50 });
    const [first, second] = [budget.hold('a'), budget.hold('a')];
    expect([first.take(30), second.take(30)]).toEqual([true, false]);
    expect(budget.hold('b').take(50)).toBe(true);
    first.release();
    expect(second.take(50)).toBe(true);
  });

  it('gives a holding that spares bytes for others only the rest', () => {
    const budget = byteBudget({ maxBytes: 100 });
    expect(budget.hold('a').take(71, 30)).toBe(false);
    expect(budget.hold('a').take(70, 30)).toBe(true);
    expect(budget.hold('b').take(30)).toBe(true);
  });

  it('gets back what a dead invocation held, once nothing of it can be under way', () => {
    vi.useFakeTimers();
    const budget = byteBudget({ maxBytes: 100, maxBytesEach: 60 });
    const [dead, alive] = [budget.hold('a'), budget.hold('b')];
    expect(dead.take(60)).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(budget.hold('a').take(1)).toBe(false);
    expect(alive.take(40)).toBe(true);
    vi.advanceTimersByTime(30_000);
    const next = budget.hold('a');
    expect(next.take(60)).toBe(true);
    dead.release(); // it was given back already
    expect(budget.heldBytes).toBe(60);
  });
});
