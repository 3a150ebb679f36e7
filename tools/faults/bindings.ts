// The bindings of the simulated receiver, whose calls fail as the schedule says.
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { bindingOf } from '../../src/contract/routes.ts';
import { queueOf } from '../declared-routes.ts';
import { RECEIVER } from '../declared-worker.ts';
import type { Random } from '../random.ts';
import { d1Binding, type SimulatedDatabase } from './database.ts';
import { current } from './isolates.ts';
import type { Loop } from './loop.ts';
import { QUEUE_OVERLOADED, SimulatedQueue } from './queues.ts';
import {
  type Fault,
  type FaultKind,
  isPoison,
  type Poison,
  type RouteName,
  type Target,
} from './schedule.ts';

const { INTAKE: intakeQueue = '' } = RECEIVER.queues;

const SLOWEST_MS = 60_000;

/** How long the two ways of a call usually take, each in ms. */
const LATENCY_MS = { d1: [1, 8], queue: [2, 20], limiter: [0, 1] } as const;
const ERRORS = {
  d1: 'D1_ERROR: Network connection lost.',
  queue: 'Queue sendBatch failed: internal error',
  limiter: 'internal error',
} as const;

function kindOf(target: Target): keyof typeof LATENCY_MS {
  return target === 'd1' || target === 'limiter' ? target : 'queue';
}

export interface BindingOptions {
  loop: Loop;
  faults: readonly Fault[];
  poisons: readonly Poison[];
  /** Those that have a binding. */
  routes: readonly RouteName[];
  database: Pick<SimulatedDatabase, 'transact'>;
  queues: { named(name: string): { take(messages: readonly string[]): void } };
  /** Called with each message that a queue has taken. */
  onTaken: (target: RouteName | 'intake', body: unknown) => void;
  /** Called for a call that the platform would not allow. */
  onViolation: (what: string) => void;
}

/** Makes the bindings. `injected` counts the injected faults by target and kind. */
export function bindingsOf(options: BindingOptions): { bindings: object; injected: Map<string, number> } {
  const { loop, faults, poisons, routes, database, queues, onTaken, onViolation } = options;
  const injected = new Map<string, number>();

  const faultOf = (target: Target, random: Random): FaultKind | null => {
    for (const fault of faults) {
      if (fault.target !== target || loop.nowMs < fault.fromMs || loop.nowMs >= fault.untilMs) continue;
      if (random.chance(fault.rate)) {
        const name = `${target} ${fault.kind}`;
        injected.set(name, (injected.get(name) ?? 0) + 1);
        return fault.kind;
      }
    }
    return null;
  };

  const call = async <T>(target: Target, what: string, count: number, perform: () => T): Promise<T> => {
    const invocation = current.getStore();
    return new Promise<T>((resolve, reject) => {
      if (invocation === undefined) {
        onViolation(`a binding was called outside of any invocation: ${target} ${what}`);
        return;
      }
      if (!invocation.isAlive) return; // nobody is there to ask
      if (!invocation.maySpend(count)) {
        onViolation(`more than 1,000 requests of one invocation: ${invocation.name}`);
        reject(new Error('Too many API requests by single worker invocation.'));
        return;
      }
      const { random } = invocation;
      const [from, to] = LATENCY_MS[kindOf(target)];
      const thereMs = from + random.fraction() * (to - from);
      const backMs = from + random.fraction() * (to - from);
      const fault = faultOf(target, random);
      const name = `${invocation.name} ${target} ${what}`;
      const answer = (delayMs: number, settle: () => void) =>
        loop.after(delayMs, () => {
          if (invocation.goesOn(loop)) settle();
        });
      const fail = (delayMs: number, message: string = ERRORS[kindOf(target)]) =>
        answer(delayMs, () => {
          loop.note(`${name}: ${fault ?? 'failed'}`);
          reject(new Error(message));
        });
      /** Performs the call after a delay, and answers after another one; `null`: never. */
      const done = (delayMs: number, answerMs: number | null) =>
        loop.after(delayMs, () => {
          loop.note(`${name} done${fault === null ? '' : ` (${fault})`}`);
          let settle: () => void;
          try {
            const result = perform();
            settle = () => resolve(result);
          } catch (error) {
            settle = () => reject(error as Error);
          }
          if (answerMs === null) return;
          if (fault === 'after') fail(answerMs);
          else answer(answerMs, settle);
        });
      switch (fault) {
        case null:
        case 'after':
          done(thereMs, backMs);
          return;
        case 'before':
          fail(thereMs + backMs);
          return;
        case 'overloaded':
          fail(
            thereMs,
            target === 'd1'
              ? 'D1_ERROR: D1 DB is overloaded. Requests queued for too long.'
              : QUEUE_OVERLOADED,
          );
          return;
        case 'hang':
          loop.note(`${name} hangs`);
          return;
        case 'hang-done':
          done(thereMs, null);
          return;
        case 'slow':
          done(random.fraction() * SLOWEST_MS, backMs);
          return;
        case 'late-answer':
          done(thereMs, random.fraction() * SLOWEST_MS);
          return;
      }
    });
  };

  /** Whether the queue of a route refuses a message. */
  const refuses = (target: RouteName | 'intake', body: unknown) =>
    poisons.some((poison) => {
      const { route, fromMs, untilMs } = poison;
      const isOn = route === target && loop.nowMs >= fromMs && loop.nowMs < untilMs;
      return isOn && isPoison(poison, (body as CloudEvent).subject);
    });

  const queue = (target: RouteName | 'intake', name: string) => {
    const send = async (bodies: unknown[]) => {
      const messages = bodies.map((body) => JSON.stringify(body));
      const refusal = SimulatedQueue.refusal(messages);
      return call(target, `send ${messages.length}`, 1, () => {
        if (refusal !== null) throw new Error(refusal);
        if (bodies.some((body) => refuses(target, body))) {
          injected.set(`${target} poison`, (injected.get(`${target} poison`) ?? 0) + 1);
          throw new Error('Queue sendBatch failed: Bad Request');
        }
        queues.named(name).take(messages);
        for (const body of bodies) onTaken(target, body);
      });
    };
    return {
      send: async (body: unknown) => send([body]),
      sendBatch: async (messages: Iterable<{ body: unknown }>) =>
        send(Array.from(messages, ({ body }) => body)),
      metrics: async () => call(target, 'metrics', 1, () => ({ backlogCount: 0, backlogBytes: 0 })),
    };
  };

  const limiter: RateLimit = { limit: async () => call('limiter', 'limit', 1, () => ({ success: true })) };
  const bindings = {
    DB: d1Binding(database, async (what, statements, perform) => call('d1', what, statements, perform)),
    ...Object.fromEntries(routes.map((route) => [bindingOf(route), queue(route, queueOf(route))])),
    INTAKE: queue('intake', intakeQueue),
    WEBHOOK_FAILURES: limiter,
    API_FAILURES: limiter,
  };
  return { bindings, injected };
}
