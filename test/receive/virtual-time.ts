// The hot path and the intake consumer in the isolate of the tests, in virtual time and on bindings that behave as a test says,
// so that promises about time do not depend on the machine. That requests share groups is shown in workerd itself.

import { vi } from 'vitest';
import { newApp } from '../../src/app.ts';
import { consumeIntake, UNPACKED_LIMITS } from '../../src/forward/intake-consumer.ts';
import { BODY_LIMITS } from '../../src/receive/read-body.ts';
import { webhookRoutes } from '../../src/receive/webhook.ts';
import { boundedDatabase, boundedQueue, boundedRateLimit } from '../../src/runtime/bounded-bindings.ts';
import { byteBudget } from '../../src/runtime/byte-budget.ts';
import { circuitBreaker } from '../../src/runtime/circuit-breaker.ts';

/** How calls of a binding are answered: a number is the delay in milliseconds. */
export type Behaviour = 'works' | 'hangs' | 'rejects' | number;

type Results = Record<string, unknown>[];

interface Recorded extends Record<string, unknown> {
  id: string;
  integration: string;
  requestId: string;
}

const HANGS = new Promise<never>(() => undefined);

const ROUTES = JSON.stringify([{ name: 'events', filter: {}, version: 1 }]);

/** Bindings that behave as `behaviour` says at the time of each call. */
function virtualBindings() {
  const registered = [
    { slug: 'shop', generation: 1 },
    { slug: 'mail', generation: 1 },
  ];
  const behaviour: Record<'lookUp' | 'record' | 'forward' | 'intake' | 'events' | 'limiter', Behaviour> = {
    lookUp: 'works',
    record: 'works',
    forward: 'works', // reading what waits, and confirming it
    intake: 'works',
    events: 'works',
    limiter: 'works',
  };
  const calls = { lookUp: 0, record: 0, intake: 0 };
  /** How many look-ups are under way, and the most that were at once. */
  const lookUps = { now: 0, peak: 0 };
  /** What was recorded and is not confirmed. */
  const waiting = new Map<number, Recorded>();
  let seq = 0;

  async function behave<T>(kind: keyof typeof behaviour, result: () => T): Promise<T> {
    const how = behaviour[kind];
    if (how === 'hangs') return HANGS;
    if (how === 'rejects') {
      throw new Error(/intake|events/.test(kind) ? 'Queue send failed' : 'D1_ERROR: down');
    }
    if (how !== 'works') await new Promise((resolve) => setTimeout(resolve, how));
    return result();
  }

  function integrations(): Results {
    return registered.map(({ slug, generation }) => ({
      slug,
      generation,
      isEnabled: 1,
      previous: '[]',
      requireSignature: 0,
      onRejection: 'refuse',
      appId: null,
      allowedIps: null,
      description: '',
      createdAtMs: 0,
      lastEventAtMs: null,
    }));
  }

  function recorded(rows: Recorded[]): Results {
    return rows.map((row) => {
      waiting.set(++seq, row);
      return { seq, id: row.id, integration: row.integration, request_id: row.requestId };
    });
  }

  function waitingIn(stretches: [after: number, last: number][]): Results {
    return [...waiting]
      .filter(([at]) => stretches.some(([after, last]) => at > after && at <= last))
      .map(([at, row]) => ({ payload: null, ...row, seq: at, refusals: 0 }));
  }

  /** Records events as the two statements of `recordEvents` do. */
  function recordGroup(rows: Recorded[]): { results: Results }[] {
    const lastPlace = seq;
    return [{ results: [{ lastPlace, routes: ROUTES }] }, { results: recorded(rows) }];
  }

  function confirm(stretches: [route: string, version: number, after: number, last: number][]): void {
    for (const [, , after, last] of stretches) {
      for (const at of waiting.keys()) if (at > after && at <= last) waiting.delete(at);
    }
  }

  async function run(sql: string, values: unknown[]): Promise<{ results: Results }> {
    if (sql.includes('FROM integrations')) {
      calls.lookUp++;
      lookUps.peak = Math.max(lookUps.peak, ++lookUps.now);
      const results = await behave('lookUp', integrations).finally(() => lookUps.now--);
      return { results };
    }
    if (sql.includes('AS stretch')) {
      return { results: await behave('forward', () => waitingIn(JSON.parse(String(values[0])))) };
    }
    if (sql.includes('AS routes')) return { results: await behave('forward', () => [{ routes: ROUTES }]) };
    return { results: [] };
  }

  interface Statement {
    sql: string;
    values: unknown[];
  }
  const statement = (sql: string, values: unknown[] = []): Statement & Record<string, unknown> => ({
    sql,
    values,
    bind: (...bound: unknown[]) => statement(sql, bound),
    run: async () => run(sql, values),
    first: async (column: string) => (await run(sql, values)).results[0]?.[column] ?? null,
  });
  const db = {
    prepare: (sql: string) => statement(sql),
    batch: async (statements: Statement[]) => {
      const recording = statements.find(({ sql }) => sql.includes('INSERT INTO events'));
      if (recording !== undefined) {
        calls.record++;
        return behave('record', () => recordGroup(JSON.parse(String(recording.values[0]))));
      }
      if (statements.some(({ sql }) => sql.includes('rejections'))) {
        calls.record++;
        await behave('record', () => undefined);
      } else {
        await behave('forward', () => confirm(JSON.parse(String(statements[0]?.values[0]))));
      }
      return statements.map(() => ({ results: [] }));
    },
  };

  const bindings = {
    db: boundedDatabase(db as unknown as D1Database),
    queues: new Map([
      [
        'events',
        boundedQueue({ sendBatch: async () => behave('events', () => undefined) } as unknown as Queue<never>),
      ],
    ]),
    intake: boundedQueue({
      send: async () => {
        calls.intake++;
        return behave('intake', () => undefined);
      },
    } as unknown as Queue<unknown>),
    webhookFailures: boundedRateLimit({
      limit: async () => behave('limiter', () => ({ success: true })),
    } as RateLimit),
    tokens: {
      verify: async (_: string, token: string) => (/^\d+$/.test(token) ? Number(token) : null),
      derive: async () => '',
      deriveSigningSecret: async () => new Uint8Array(),
    },
    publicUrl: '',
    now: Date.now,
  };
  return { bindings, registered, behaviour, calls, lookUps, waiting };
}

export type HotPath = ReturnType<typeof virtualHotPath>;

/** A hot path. The token of a webhook is the number of its generation. */
export function virtualHotPath() {
  const { bindings, ...virtual } = virtualBindings();
  const breaker = circuitBreaker();
  const bodies = byteBudget(BODY_LIMITS);
  const lifetime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const app = newApp().route(
    '/webhooks',
    webhookRoutes({
      ...bindings,
      breaker,
      bodies,
      noteCronRun: () => undefined,
      noteRefusal: () => undefined,
    }),
  );

  return {
    ...virtual,
    breaker,
    bodies,
    /** Delivers a body; gives the answer, and how long it took in virtual time. */
    async deliver(body: string | ReadableStream, { token = '1', slug = 'shop', headers = {} } = {}) {
      const startMs = Date.now();
      const request = new Request(`https://receiver.example/webhooks/${slug}/${token}`, {
        method: 'POST',
        body,
        headers,
      });
      const response = await app.fetch(request, {}, lifetime as unknown as ExecutionContext);
      const answer = (await response.json()) as { outcome?: string; type?: string };
      return { response, answer, tookMs: Date.now() - startMs };
    },
  };
}

/** A consumer of the intake queue. */
export function virtualIntake() {
  const { bindings, ...virtual } = virtualBindings();
  const unpacked = byteBudget(UNPACKED_LIMITS);

  return {
    ...virtual,
    unpacked,
    /** Consumes messages; gives the outcome of each at the end of the handler, and how long that took. */
    async consume(bodies: unknown[]) {
      const startMs = Date.now();
      const outcomes = bodies.map(() => 'none');
      const messages = bodies.map((body, index) => ({
        body,
        attempts: 1,
        ack: () => void outcomes.splice(index, 1, 'ack'),
        retry: () => void outcomes.splice(index, 1, 'retry'),
      }));
      await consumeIntake({ ...bindings, unpacked }, messages as unknown as Message<unknown>[]);
      return { outcomes: [...outcomes], tookMs: Date.now() - startMs };
    },
  };
}

/** Replaces the real time by virtual time. */
export function beginVirtualTime(): void {
  vi.useFakeTimers({ now: Date.parse('2026-03-01T00:00:00Z') });
}

/** Lets virtual time pass step by step, and between the steps what takes no time, such as streams. */
export async function passTime(ms: number, stepMs = 50): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
    await settle(1);
    await vi.advanceTimersByTimeAsync(Math.min(stepMs, ms - passedMs));
  }
  await settle();
}

/** Lets everything happen that takes no time. */
export async function settle(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await scheduler.wait(0);
}
