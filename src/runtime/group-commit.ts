// Group commit, as databases do it: what arrives while a write is under way waits and goes with the next one.
// A lone item waits for nobody.
//
// This is the one place with state that outlives a request: requests of the same isolate must find each other to
// share a write. What it holds are items on their way; nothing is kept once they are answered. What workerd asks of
// such sharing, each found by a probe:
// - A request that awaits only what another request will resolve is cancelled as hung. Every member therefore has a
//   timer of its own pending, which is also its deadline.
// - A request dies with its client unless its work is in `waitUntil`. Every member is: any may be asked to lead.
// - A leader can die all the same (its CPU limit, say). A group that is overdue is given up and the next one begins;
//   two groups at once are harmless, since the work is a single atomic write.

import { type BatchLimits, firstBatchLength } from './batching.ts';
import { type CircuitBreaker, CircuitOpen } from './circuit-breaker.ts';
import { NotAnsweredInTime, withTimeout } from './deadline.ts';

/** The part of a request's execution context that is needed here. */
export type Lifetime = Pick<ExecutionContext, 'waitUntil'>;

export interface GroupCommitOptions<Item, Result> extends BatchLimits {
  /** Does the work for a whole group, and gives the results in the order of the items; none at all where `Result` is void. */
  work: (items: Item[], lifetime: Lifetime) => Promise<Result[]>;
  bytesOf: (item: Item) => number;
  /** How long a group waits for more before its work begins; 0 or absent: not at all. */
  lingerMs?: number;
  /** How long a group's work may take before its members are told that it failed. */
  workTimeoutMs: number;
  /** Keeps items out while the work is known to fail. */
  breaker?: CircuitBreaker;
}

interface Member<Item, Result> {
  item: Item;
  /** Its timer takes it out of the group then, unless its request has ended: timers end with their request. Unix ms. */
  untilMs: number;
  result: PromiseWithResolvers<Result>;
  /** Resolves with `true` for the member that is to lead the next group, with `false` once it need not any more. */
  turn: PromiseWithResolvers<boolean>;
}

/** How long a member that was asked to lead may take to begin before somebody else does. */
const HAND_OVER_MS = 500;

/**
 * Joins the calls of many requests into groups.
 *
 * @returns a function that takes one item into a group and gives its result. It rejects with the error of the
 *   group's work, or with {@link NotAnsweredInTime} after `timeoutMs`; an item whose group has not begun by then
 *   is taken out of it. With a breaker that is open it rejects with {@link CircuitOpen}, at once.
 */
export function groupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>) {
  const { lingerMs = 0, breaker } = options;
  let waiting: Member<Item, Result>[] = [];
  /** The group under way, or the hand-over to the next. Overdue ones no longer count. */
  let underWay: { overdueAtMs: number } | undefined;
  breaker?.onOpen(dismissWaiting);

  return async function join(item: Item, lifetime: Lifetime, timeoutMs: number): Promise<Result> {
    if (breaker?.admits() === false) throw new CircuitOpen();
    const patienceMs = breaker?.patienceMs(timeoutMs) ?? timeoutMs;
    const member: Member<Item, Result> = {
      item,
      untilMs: Date.now() + patienceMs,
      result: Promise.withResolvers(),
      turn: Promise.withResolvers(),
    };
    const timer = setTimeout(() => {
      waiting = waiting.filter((other) => other !== member);
      member.turn.resolve(false);
      member.result.reject(new NotAnsweredInTime(patienceMs));
    }, patienceMs);
    waiting.push(member);
    const isBusy = underWay !== undefined && underWay.overdueAtMs >= Date.now();
    const led = isBusy ? leadInTurn(member, lifetime) : lead(lifetime);
    lifetime.waitUntil(Promise.allSettled([led, member.result.promise]));
    try {
      return await member.result.promise;
    } finally {
      clearTimeout(timer);
    }
  };

  /** Leads the next group if this member is the one that is asked to. */
  async function leadInTurn(member: Member<Item, Result>, lifetime: Lifetime): Promise<void> {
    if (await member.turn.promise) await lead(lifetime);
  }

  /** Runs the next group in the life of the calling request, then hands over. Never rejects. */
  async function lead(lifetime: Lifetime): Promise<void> {
    const mine = { overdueAtMs: Date.now() + lingerMs + options.workTimeoutMs + HAND_OVER_MS };
    underWay = mine;
    if (lingerMs > 0) await new Promise((resolve) => setTimeout(resolve, lingerMs));
    forgetLate();
    const length = firstBatchLength(waiting, (member) => options.bytesOf(member.item), options);
    const group = waiting.slice(0, length);
    waiting = waiting.slice(length);
    for (const member of group) member.turn.resolve(false);
    await answer(group, lifetime);
    if (underWay === mine) handOver();
  }

  /** Members of requests that have ended would fill groups, and lead none. */
  function forgetLate(): void {
    waiting = waiting.filter(({ untilMs }) => untilMs > Date.now());
  }

  function handOver(): void {
    forgetLate();
    const [next] = waiting;
    underWay = next && { overdueAtMs: Date.now() + HAND_OVER_MS };
    next?.turn.resolve(true);
  }

  function dismissWaiting(): void {
    for (const member of waiting) {
      member.turn.resolve(false);
      member.result.reject(new CircuitOpen());
    }
    waiting = [];
  }

  /** Gives every member of a group its result, or the reason why there is none. Never rejects. */
  async function answer(group: Member<Item, Result>[], lifetime: Lifetime): Promise<void> {
    if (group.length === 0) return;
    try {
      const items = group.map((member) => member.item);
      const results = await inTime(options.work(items, lifetime), lifetime);
      for (const [index, member] of group.entries()) member.result.resolve(results[index] as Result);
    } catch (error) {
      for (const member of group) member.result.reject(error);
    }
  }

  /** What `work` gives, or {@link NotAnsweredInTime}. The late one is waited for, so that it is not cut short. */
  async function inTime<T>(work: Promise<T>, lifetime: Lifetime): Promise<T> {
    try {
      return await (breaker?.observe(work, options.workTimeoutMs) ??
        withTimeout(options.workTimeoutMs, work));
    } catch (error) {
      if (error instanceof NotAnsweredInTime) lifetime.waitUntil(work.catch(() => undefined));
      throw error;
    }
  }
}
