// The mechanics within one request, in virtual time. test/receive/concurrency.test.ts shows that requests share groups.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type GroupCommitOptions, groupCommit } from '../../src/runtime/group-commit.ts';

const lifetime = { waitUntil: () => undefined };
const PATIENCE_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A group commit over numbers whose work can be held back; gives each number times ten. */
function setUp(options: Partial<GroupCommitOptions<number, number>> = {}) {
  const groups: number[][] = [];
  const held: PromiseWithResolvers<void>[] = [];
  const join = groupCommit<number, number>({
    maxItems: 100,
    maxBytes: 1_000,
    bytesOf: () => 1,
    workTimeoutMs: PATIENCE_MS,
    work: async (items) => {
      groups.push(items);
      const hold = Promise.withResolvers<void>();
      held.push(hold);
      await hold.promise;
      return items.map((item) => item * 10);
    },
    ...options,
  });
  /** Lets the oldest group that is held end, and the next begin. */
  const release = async (failure?: Error) => {
    const hold = held.shift();
    if (failure) hold?.reject(failure);
    else hold?.resolve();
    await vi.advanceTimersByTimeAsync(0);
  };
  return {
    groups,
    release,
    join: async (item: number, timeoutMs = PATIENCE_MS) => join(item, lifetime, timeoutMs),
  };
}

describe('groupCommit', () => {
  it('lets a lone item wait for nobody, and those behind it share the next group', async () => {
    const { groups, release, join } = setUp();
    const results = Promise.all([join(1), join(2), join(3)]);
    expect(groups).toEqual([[1]]);
    await release();
    expect(groups).toEqual([[1], [2, 3]]);
    await release();
    expect(await results).toEqual([10, 20, 30]);
  });

  it('cuts groups by count and by bytes, in order', async () => {
    const byCount = setUp({ maxItems: 2 });
    const counted = Promise.all([1, 2, 3, 4, 5].map(async (item) => byCount.join(item)));
    for (let group = 0; group < 4; group++) await byCount.release();
    await counted;
    expect(byCount.groups).toEqual([[1], [2, 3], [4, 5]]);

    const byBytes = setUp({ bytesOf: (item) => item * 100 });
    const measured = Promise.all([1, 6, 5, 20, 1].map(async (item) => byBytes.join(item)));
    for (let group = 0; group < 5; group++) await byBytes.release();
    await measured;
    expect(byBytes.groups).toEqual([[1], [6], [5], [20], [1]]);
  });

  it('gives a failure to every member of the group, and runs the next', async () => {
    const { release, join } = setUp();
    const first = join(1);
    const second = Promise.allSettled([join(2), join(3)]);
    await release();
    const third = Promise.allSettled([join(4)]);
    await release(new Error('D1 is down'));
    await release();

    expect(await first).toBe(10);
    expect((await second).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await third).toEqual([{ status: 'fulfilled', value: 40 }]);
  });

  it('takes an item out whose deadline passes before its group begins', async () => {
    const { groups, release, join } = setUp();
    const first = join(1);
    const second = expect(join(2, 20)).rejects.toThrow('not answered within 20 ms');
    await vi.advanceTimersByTimeAsync(20);
    await second;
    const third = join(3);
    await release();
    await release();

    expect(await Promise.all([first, third])).toEqual([10, 30]);
    expect(groups).toEqual([[1], [3]]);
  });

  it('forgets an item whose request has ended, and its timer with it', async () => {
    const { groups, release, join } = setUp();
    const first = join(1);
    const { setTimeout: timer } = globalThis;
    // Not by a spy: restoring all spies later on would put the virtual timer back.
    globalThis.setTimeout = (() => 0) as unknown as typeof timer;
    void join(2, 20);
    globalThis.setTimeout = timer;
    await vi.advanceTimersByTimeAsync(20);
    const third = join(3);
    await release();
    await release();

    expect(await Promise.all([first, third])).toEqual([10, 30]);
    expect(groups).toEqual([[1], [3]]);
  });

  it('tells a member whose deadline passes while its group is under way', async () => {
    const { groups, join } = setUp();
    const first = expect(join(1, 20)).rejects.toThrow('not answered within 20 ms');
    await vi.advanceTimersByTimeAsync(20);
    await first;
    expect(groups).toEqual([[1]]);
  });

  it('lingers for more before a group begins, when it is told to', async () => {
    const { groups, release, join } = setUp({ lingerMs: 20 });
    const results = Promise.all([join(1), join(2)]);
    expect(groups).toEqual([]);
    await vi.advanceTimersByTimeAsync(20);
    expect(groups).toEqual([[1, 2]]);
    await release();
    expect(await results).toEqual([10, 20]);
  });

  it('gives up a group whose work never ends, and runs the next', async () => {
    const { groups, join } = setUp({ workTimeoutMs: 30 });
    const first = expect(join(1)).rejects.toThrow('not answered within 30 ms');
    const second = Promise.allSettled([join(2)]);
    await vi.advanceTimersByTimeAsync(60);
    await first;
    await second;
    expect(groups).toEqual([[1], [2]]);
  });
});
