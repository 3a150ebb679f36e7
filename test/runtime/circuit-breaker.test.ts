import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DatabaseUnavailable } from '../../src/runtime/bounded-bindings.ts';
import { CircuitOpen, circuitBreaker } from '../../src/runtime/circuit-breaker.ts';
import { groupCommit } from '../../src/runtime/group-commit.ts';

const TIMEOUT_MS = 2_000;
const HANGS = new Promise<never>(() => undefined);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const down = async () => Promise.reject(new DatabaseUnavailable('D1_ERROR: down'));
const wrong = async () => Promise.reject(new Error('D1_ERROR: UNIQUE: SQLITE_CONSTRAINT'));
const well = async () => 'answer';

async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: Error) => error.name);
}

describe('a circuit breaker', () => {
  it.each([
    ['open', 'three failures in a row', [down, down, down]],
    ['closed', 'two failures', [down, down]],
    ['closed', 'failures with an answer among them', [down, down, well, down, down]],
    ['closed', 'statements that are themselves wrong', [wrong, wrong, wrong, wrong]],
    ['closed', 'failures with a wrong statement among them, which is an answer', [down, down, wrong, down]],
  ])('is %s after %s', async (state, _, calls) => {
    const breaker = circuitBreaker();
    for (const call of calls) await outcome(breaker.observe(call(), TIMEOUT_MS));
    expect(breaker.state()).toBe(state);
  });

  it('opens when a call has gone unanswered for a second, and tells whoever waits', async () => {
    const breaker = circuitBreaker();
    const opened = vi.fn();
    breaker.onOpen(opened);
    const call = outcome(breaker.observe(HANGS, TIMEOUT_MS));
    await vi.advanceTimersByTimeAsync(999);
    expect([breaker.state(), opened.mock.calls.length]).toEqual(['closed', 0]);
    await vi.advanceTimersByTimeAsync(1);
    expect([breaker.state(), opened.mock.calls.length]).toEqual(['open', 1]);
    expect(await call).toBe('NotAnsweredInTime');
  });

  it('stays closed where others were answered meanwhile: the call has its whole time', async () => {
    const breaker = circuitBreaker();
    const slow = Promise.withResolvers<string>();
    const call = outcome(breaker.observe(slow.promise, TIMEOUT_MS));
    await vi.advanceTimersByTimeAsync(500);
    await breaker.observe(well(), TIMEOUT_MS);
    await vi.advanceTimersByTimeAsync(1_400);
    expect(breaker.state()).toBe('closed');
    slow.resolve('answer');
    expect(await call).toBe('answer');
  });

  it('lets one call at a time try while it is open, and closes with the first answer', async () => {
    const breaker = circuitBreaker();
    for (let failure = 0; failure < 3; failure++) await outcome(breaker.observe(down(), TIMEOUT_MS));
    expect(breaker.admits()).toBe(true);
    const probe = Promise.withResolvers<string>();
    const probed = outcome(breaker.observe(probe.promise, TIMEOUT_MS));
    expect(breaker.admits()).toBe(false);
    await vi.advanceTimersByTimeAsync(900);
    expect(breaker.admits()).toBe(false);
    probe.resolve('answer');
    expect(await probed).toBe('answer');
    expect([breaker.state(), breaker.admits()]).toEqual(['closed', true]);
  });

  it('closes with an answer that comes late, but within the time of its call', async () => {
    const breaker = circuitBreaker();
    const slow = Promise.withResolvers<string>();
    const call = outcome(breaker.observe(slow.promise, TIMEOUT_MS));
    await vi.advanceTimersByTimeAsync(1_500);
    expect([breaker.state(), breaker.admits(), await call]).toEqual(['open', false, 'NotAnsweredInTime']);
    slow.resolve('answer');
    await vi.advanceTimersByTimeAsync(0);
    expect(breaker.state()).toBe('closed');
  });

  it('lets the next call try when the time of the one before is over, even if the request of that one died', async () => {
    const breaker = circuitBreaker();
    const startMs = Date.now();
    void outcome(breaker.observe(HANGS, TIMEOUT_MS));
    await vi.advanceTimersByTimeAsync(1_000);
    vi.clearAllTimers(); // as when a request dies: nothing of it goes on
    vi.setSystemTime(startMs + TIMEOUT_MS - 1);
    expect(breaker.admits()).toBe(false);
    vi.setSystemTime(startMs + TIMEOUT_MS);
    expect(breaker.admits()).toBe(true);
  });

  it('shortens the wait for a call while it is open', async () => {
    const breaker = circuitBreaker();
    expect(breaker.patienceMs(TIMEOUT_MS)).toBe(TIMEOUT_MS);
    for (let failure = 0; failure < 3; failure++) await outcome(breaker.observe(down(), TIMEOUT_MS));
    expect(breaker.patienceMs(TIMEOUT_MS)).toBe(500);
    expect(breaker.patienceMs(100)).toBe(100);
  });
});

describe('a group commit with a circuit breaker', () => {
  const lifetime = { waitUntil: () => undefined };

  it('answers all that wait for their turn once it opens, and takes nobody in until the call has ended', async () => {
    const breaker = circuitBreaker();
    const groups: number[][] = [];
    const join = groupCommit<number, string>({
      maxItems: 100,
      maxBytes: 100,
      bytesOf: () => 1,
      workTimeoutMs: TIMEOUT_MS,
      breaker,
      work: async (items) => {
        groups.push(items);
        return groups.length === 1 ? HANGS : items.map(String);
      },
    });
    const first = outcome(join(1, lifetime, TIMEOUT_MS));
    const others = [2, 3, 4].map(async (item) => outcome(join(item, lifetime, TIMEOUT_MS)));
    await vi.advanceTimersByTimeAsync(1_000);

    expect(await first).toBe('NotAnsweredInTime');
    expect(await Promise.all(others)).toEqual(Array(3).fill('CircuitOpen'));
    await expect(join(5, lifetime, TIMEOUT_MS)).rejects.toThrow(CircuitOpen);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await join(6, lifetime, TIMEOUT_MS)).toBe('6');
    expect(groups).toEqual([[1], [6]]);
    expect(breaker.state()).toBe('closed');
  });
});
