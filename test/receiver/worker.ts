// The Worker under test: the receiver itself, on bindings that can be made to fail and that keep count. It runs in an
// isolate of its own, with the compatibility flags of production, and is reached by service bindings. The isolate of the
// tests cannot host it: there the test runner keeps a request from resolving the promise of another one, which the group
// commit depends on.

import { WorkerEntrypoint } from 'cloudflare:workers';
import { consume, d1Once } from 'instant-message-consumer';
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { createReceiver, type Receiver } from '../../src/receiver.ts';
import { intercept, watchedD1 } from '../../tools/bench/workers/watched-d1.ts';

/** How a binding fails. */
export interface Fault {
  /**
   * `reject`: the call is not done, and rejects. `hang`: it is not done, and rejects once the fault is over. `late`: it is
   * done once the fault is over. `late-answer`: it is done at once, and answered once the fault is over. `lost-answer`: it
   * is done, and rejects. `overloaded`: a queue does not take it, and asks to be spared.
   */
  kind: 'reject' | 'hang' | 'late' | 'late-answer' | 'lost-answer' | 'overloaded';
  /** Concerns only statements that contain this text, or batches with a message whose id does. */
  on?: string;
  /** Begins after this many calls. */
  after?: number;
  /** Ends after this many calls. */
  times?: number;
}

/** Routes besides `events` that have a queue here. */
export type FurtherRoute = 'crm' | 'desk';

export type Binding = 'd1' | 'events' | FurtherRoute | 'intake';

export interface Statement {
  sql: string;
  boundBytes: number[];
  rowsRead: number;
  rowsWritten: number;
}

/** An event that was sent, with its size as JSON. Large data is replaced by `large`. */
export interface SeenEvent extends CloudEvent {
  bytes: number;
}

/** What was seen since the last reset. */
export interface Seen {
  statements: Statement[];
  /** Batches that the EVENTS queue confirmed. */
  batches: SeenEvent[][];
  /** Batches that the queues of further routes confirmed. */
  further: Record<FurtherRoute, SeenEvent[][]>;
  /** What arrived at a consumer of the EVENTS queue. */
  consumed: SeenEvent[];
  /** The ids of the events that it handled, see `consumeBy`. */
  handled: string[];
  /** What the INTAKE queue confirmed. */
  deferred: unknown[];
  /** How often a consumer of any queue acknowledged a message, and retried one. */
  acked: number;
  retried: number;
  /** The lines that the receiver logged. */
  logged: string[];
  /** How many signatures, verifications and digests it made. */
  digests: number;
  /**
   * How often it asked when the cron last ran. It does so once in half a minute after any answer, which would disturb tests
   * that count statements or inject faults: it is counted apart, and never fails.
   */
  cronLooks: number;
}

const nothingSeen = (): Seen => ({
  statements: [],
  batches: [],
  further: { crm: [], desk: [] },
  consumed: [],
  handled: [],
  deferred: [],
  acked: 0,
  retried: 0,
  logged: [],
  digests: 0,
  cronLooks: 0,
});

let seen = nothingSeen();
/** After `onlyCount`: how often each event was confirmed, by replay and id. Keeping many events would fill the memory. */
let tally: Map<string, number> | undefined;
/** See `consumeBy`. */
let consumer: 'none' | 'fails' | 'works' = 'none';
let faults: Partial<Record<Binding, Fault>> = {};
/** How many calls were held back since faults were last injected, whether or not somebody still waits for them. */
let heldBack = 0;
let settings: Partial<Env> = {};
/** The further routes that have their bindings. */
let bound: FurtherRoute[] = [];
let clock = Date.now;
/** Part of the keys of the rate limiters, so that each reset begins with no failures. */
let resets = 0;
/** Ends the pauses that are under way. */
const pausing = new Set<() => void>();
/** How much work is under way that no answer waits for. No reset changes it. */
let underWay = 0;
/** How often each message was sent that no consumer has acknowledged yet. No reset changes it. */
const unacknowledged = new Map<string, number>();
let receiver: Receiver | undefined;

for (const level of ['info', 'warn', 'error', 'log', 'debug'] as const) {
  console[level] = (...parts: unknown[]) => void seen.logged.push(parts.map(String).join(' '));
}

for (const name of ['sign', 'verify', 'digest'] as const) {
  const made = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<unknown>;
  Object.defineProperty(crypto.subtle, name, {
    value: async (...args: unknown[]) => {
      seen.digests++;
      return made(...args);
    },
  });
}

/** What tests control the receiver with. */
export class Probe extends WorkerEntrypoint<Env> {
  /** Ends all faults, forgets what was seen, and makes a new receiver, as a cold isolate does. */
  reset(changed: Partial<Env> = {}): void {
    seen = nothingSeen();
    tally = undefined;
    consumer = 'none';
    faults = {};
    heldBack = 0;
    settings = changed;
    bound = [];
    clock = Date.now;
    resets++;
    receiver = undefined;
  }

  /** Makes a new receiver that has the bindings of these routes besides. */
  bindRoutes(routes: FurtherRoute[]): void {
    bound = routes;
    receiver = undefined;
  }

  /** Makes a new receiver, as a cold isolate does. */
  restart(): void {
    receiver = undefined;
  }

  inject(injected: Partial<Record<Binding, Fault>>): void {
    faults = structuredClone(injected);
    heldBack = 0;
  }

  /** How many calls of bindings the faults hold back at the moment. */
  heldBack(): number {
    return heldBack;
  }

  /** How many pieces of work are under way that no answer waits for. */
  underWay(): number {
    return underWay;
  }

  /** Whether nothing is under way any more, here or in the queues. Ends all waiting for time to pass. */
  isIdle(): boolean {
    for (const end of pausing) end();
    return underWay === 0 && unacknowledged.size === 0;
  }

  seen(): Seen {
    return seen;
  }

  /** The statements from the `from`-th on, and how many there are in all: less to transfer than everything that was seen. */
  statementsFrom(from: number): { statements: Statement[]; count: number } {
    return { statements: seen.statements.slice(from), count: seen.statements.length };
  }

  /** Counts the events that a queue would take from now on, instead of sending and keeping them. */
  onlyCount(): void {
    tally = new Map();
  }

  /** What was counted for each replay (0: none), of the events whose ids begin with a text: how many events, and how many messages. */
  counted(idPrefix = ''): { replay: string; events: number; messages: number }[] {
    const byReplay = Map.groupBy(
      [...(tally ?? [])].filter(([name]) => name.slice(name.indexOf(' ') + 1).startsWith(idPrefix)),
      ([name]) => name.slice(0, name.indexOf(' ')),
    );
    return [...byReplay]
      .map(([replay, counts]) => ({
        replay,
        events: counts.length,
        messages: counts.reduce((sum, [, times]) => sum + times, 0),
      }))
      .sort((a, b) => (a.replay < b.replay ? -1 : 1));
  }

  /** Has a consumer that is built with the kit handle each event of the EVENTS queue once. */
  consumeBy(behaviour: typeof consumer): void {
    consumer = behaviour;
  }

  /** Sets the receiver's clock ahead of the real one. */
  setClock(aheadMs: number): void {
    clock = () => Date.now() + aheadMs;
  }

  /** Stops the receiver's clock at a time. */
  stopClock(atMs: number): void {
    clock = () => atMs;
  }

  /** Runs the cron's tasks; gives the message of their failure, or `null`. */
  async runCron(): Promise<string | null> {
    try {
      await receiverOf(this.env).scheduled();
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Consumes messages as if the intake queue had delivered them; gives the outcome of each. */
  async consumeIntake(bodies: unknown[], attempts = 1): Promise<string[]> {
    return this.#consume('intake', bodies, attempts);
  }

  /** The same for a dead-letter queue. A message's id is made of its position and of the id that it holds. */
  async consumeDeadLetters(bodies: unknown[], attempts = 1, queue = 'consumers-dead'): Promise<string[]> {
    return this.#consume(queue, bodies, attempts);
  }

  /** The same for the dead-letter queue of the intake. */
  async consumeIntakeDeadLetters(bodies: unknown[], attempts = 1): Promise<string[]> {
    return this.#consume('instant-message-intake-dead', bodies, attempts);
  }

  async #consume(queue: string, bodies: unknown[], attempts: number): Promise<string[]> {
    const outcomes = bodies.map(() => 'none');
    const messages = bodies.map((body, index) => ({
      id: `message-${index} ${nameInQueue(body)}`.trimEnd(),
      timestamp: new Date('2026-03-01T02:00:00Z'),
      body,
      attempts,
      ack: () => {
        outcomes[index] = 'ack';
      },
      retry: ({ delaySeconds }: QueueRetryOptions = {}) => {
        outcomes[index] = `retry ${delaySeconds}`;
      },
    }));
    await receiverOf(this.env).queue({ queue, messages } as unknown as MessageBatch, lifetimeOf(this.ctx));
    return outcomes;
  }
}

/** As the receiver's own entry point has it. */
export class Payloads extends WorkerEntrypoint<Env> {
  override async fetch(request: Request): Promise<Response> {
    return receiverOf(this.env).fetchPayload(request);
  }
}

export default {
  async fetch(request, env, lifetime) {
    return receiverOf(env).fetch(request, lifetimeOf(lifetime));
  },

  async queue({ queue, messages }, env, lifetime) {
    const handling = untilAcknowledged(messages, async (watched) => {
      const batch = { queue, messages: watched } as unknown as MessageBatch;
      if (/^instant-message-(crm|desk)$/.test(queue)) return;
      if (queue !== 'instant-message-events') return receiverOf(env).queue(batch, lifetimeOf(lifetime));
      if (tally !== undefined) return;
      if (consumer !== 'none') await consumeOnce(batch, env);
      seen.consumed.push(...messages.map(({ body }) => seenEvent(body as CloudEvent)));
    });
    await untilDone(handling);
  },
} satisfies ExportedHandler<Env & { CONSUMER_STATE: D1Database }>;

const consumeOnce = consume<Env & { CONSUMER_STATE: D1Database }>({
  once: (env) => d1Once(env.CONSUMER_STATE),
  retry: { firstSeconds: 1, longestSeconds: 1 },
  onResponse(event) {
    if (consumer === 'fails') throw new Error('the consumer is broken');
    seen.handled.push(event.id);
  },
});

/** Pauses as long as the receiver asks for, or until `isIdle` is called. */
async function pause(ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => {
    pausing.delete(end);
    resolve();
  };
  pausing.add(end);
  setTimeout(end, ms);
  await promise;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function receiverOf(env: Env & { EVENTS_CRM?: Queue; EVENTS_DESK?: Queue }): Receiver {
  const { EVENTS_CRM: crm, EVENTS_DESK: desk, ...others } = env;
  receiver ??= createReceiver(
    {
      ...others,
      ...settings,
      ...(crm && bound.includes('crm') && { EVENTS_CRM: probedEvents(crm, 'crm', seen.further.crm) }),
      ...(desk && bound.includes('desk') && { EVENTS_DESK: probedEvents(desk, 'desk', seen.further.desk) }),
      DB: probedD1(env.DB),
      EVENTS: probedEvents(env.EVENTS, 'events', seen.batches),
      INTAKE: probedIntake(env.INTAKE),
      WEBHOOK_FAILURES: probedLimit(env.WEBHOOK_FAILURES),
      API_FAILURES: probedLimit(env.API_FAILURES),
    },
    { now: () => clock(), pause },
  );
  return receiver;
}

const CRON_LOOK_SQL = "SELECT (SELECT at FROM progress WHERE task = 'cron') AS at";

/** Makes a call of a binding as the injected fault has it. */
async function withFault<T>(binding: Binding, what: string, call: () => Promise<T>): Promise<T> {
  const fault = faults[binding];
  if (fault === undefined || (fault.on !== undefined && !what.includes(fault.on))) return call();
  if (fault.after !== undefined && fault.after-- > 0) return call();
  if (fault.times !== undefined && fault.times-- <= 0) return call();
  switch (fault.kind) {
    case 'reject':
      throw new Error(`${binding === 'd1' ? 'D1_ERROR' : 'Queue send failed'}: injected`);
    case 'overloaded':
      throw new Error('Queue sendBatch failed: Queue is overloaded. Please back off.');
    case 'hang':
      await isOver(binding, fault);
      throw new Error('Network connection lost.');
    case 'late':
      await isOver(binding, fault);
      return call();
    case 'late-answer': {
      const result = await call();
      await isOver(binding, fault);
      return result;
    }
    case 'lost-answer':
      await call();
      throw new Error('Network connection lost.');
  }
}

async function isOver(binding: Binding, fault: Fault): Promise<void> {
  heldBack++;
  while (faults[binding] === fault) await new Promise((resolve) => setTimeout(resolve, 10));
}

function probedD1(db: D1Database): D1Database {
  return watchedD1(db, {
    around: async (sql, call) => (sql === CRON_LOOK_SQL ? call() : withFault('d1', sql, call)),
    answered: ({ sql, bound }, { rows_read: rowsRead, rows_written: rowsWritten }) => {
      if (sql === CRON_LOOK_SQL) {
        seen.cronLooks++;
        return;
      }
      seen.statements.push({ sql, boundBytes: bound.map(bytesOf), rowsRead, rowsWritten });
    },
  });
}

function probedLimit(limiter: RateLimit): RateLimit {
  return { limit: async ({ key }) => limiter.limit({ key: `${resets} ${key}` }) };
}

function seenEvent(event: CloudEvent): SeenEvent {
  const bytes = bytesOf(JSON.stringify(event));
  return { ...event, bytes, ...(bytes > 10_000 && event.data !== undefined && { data: 'large' }) };
}

function bytesOf(value: unknown): number {
  return typeof value === 'string' ? new TextEncoder().encode(value).byteLength : 8;
}

/** @param taken is filled with the batches that the queue confirms. */
function probedEvents(queue: Queue, binding: Binding, taken: SeenEvent[][]): Queue {
  return intercept(queue, {
    sendBatch: async (messages: MessageSendRequest<CloudEvent>[]) =>
      withFault(binding, messages.map(({ body }) => body.id).join(), async () => {
        if (tally !== undefined) {
          for (const { body } of messages) count(tally, `${body.replay ?? 0} ${body.id}`);
          return;
        }
        const bodies = messages.map(({ body }) => body);
        const sent = await unlessRefused(bodies, queue.sendBatch(messages));
        taken.push(bodies.map(seenEvent));
        return sent;
      }),
  });
}

function probedIntake(queue: Queue): Queue {
  return intercept(queue, {
    send: async (body: unknown, options?: QueueSendOptions) =>
      withFault('intake', '', async () => {
        const sent = await unlessRefused([body], queue.send(body, options));
        seen.deferred.push(body);
        return sent;
      }),
  });
}

/** Watches the work that is given to `waitUntil`. */
function lifetimeOf(lifetime: ExecutionContext): ExecutionContext {
  return intercept(lifetime, {
    waitUntil: (work: Promise<unknown>) => lifetime.waitUntil(untilDone(work)),
  });
}

/** Counts work as under way until it has settled. */
async function untilDone<T>(work: Promise<T>): Promise<T> {
  underWay++;
  try {
    return await work;
  } finally {
    underWay--;
  }
}

/** Counts messages as unacknowledged while they are sent and afterwards, unless the queue refuses them. */
async function unlessRefused<T>(bodies: unknown[], sending: Promise<T>): Promise<T> {
  for (const body of bodies) count(unacknowledged, nameOf(body));
  try {
    return await sending;
  } catch (error) {
    for (const body of bodies) acknowledge(body);
    throw error;
  }
}

function acknowledge(body: unknown): void {
  const name = nameOf(body);
  const times = unacknowledged.get(name) ?? 0;
  if (times > 1) unacknowledged.set(name, times - 1);
  else unacknowledged.delete(name);
}

/** What makes a message's id unique in a batch. */
function nameInQueue(body: unknown): string {
  const { id, requestId = '' } = (body ?? {}) as Partial<CloudEvent> & { requestId?: string };
  return id ?? requestId;
}

/** What makes a message unique in our queues. */
function nameOf(body: unknown): string {
  const { requestId, source, id, replay } = body as Partial<CloudEvent> & { requestId?: string };
  return requestId ?? `${source} ${id} ${replay}`;
}

/** Calls a handler with messages, which are acknowledged one by one, or together when it ends. */
async function untilAcknowledged(
  messages: readonly Message[],
  handle: (messages: Message[]) => Promise<void>,
): Promise<void> {
  const undecided = new Set(messages);
  const watched = messages.map((message) =>
    intercept(message, {
      ack: () => {
        seen.acked++;
        if (undecided.delete(message)) acknowledge(message.body);
        message.ack();
      },
      retry: () => {
        seen.retried++;
        undecided.delete(message);
        message.retry({ delaySeconds: 1 }); // sooner than in production
      },
    }),
  );
  await handle(watched); // where it fails, the queue delivers them again
  for (const { body } of undecided) acknowledge(body);
}
