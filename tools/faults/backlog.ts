// A scenario that is not random: a route is far behind, since its queue was down or it was paused. The cron, and what it has go
// on, forward what waits to a queue that takes 5,000 messages a second and answers "overloaded" beyond.

import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { queueOf } from '../declared-routes.ts';
import { RECEIVER } from '../declared-worker.ts';
import { Random } from '../random.ts';
import { bindingsOf } from './bindings.ts';
import { SimulatedDatabase } from './database.ts';
import { type Invocation, Isolate } from './isolates.ts';
import { Loop } from './loop.ts';
import { QueueRate, SimulatedQueues } from './queues.ts';
import type { Lifetime, Realms, SimulatedReceiver } from './realm.ts';
import { SECRETS } from './webhooks.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 2, 1, 12);
/** Microseconds from one event to the next. */
const EVENTS_APART = 1_000;
const MAX_MINUTES = 60;

/** What was done between one run of the cron and the next, by that run and by those that it had go on. */
export interface BacklogMinute {
  forwarded: number;
  invocations: number;
  /** The most of one invocation, where a batch of D1 is one. */
  subrequests: number;
  /** The most statements of D1 and messages to queues of one invocation. */
  spent: number;
  /** How often the queue said that it is overloaded. */
  refusals: number;
}

export interface BacklogOutcome {
  minutes: BacklogMinute[];
  /** From the first run of the cron until the queue had taken the last event, by the simulation's clock. */
  tookMs: number;
  /** Events that the queue never took. */
  missing: number;
  /** Events that the queue took more than once. */
  repeated: number;
  violations: string[];
}

/** Lets time pass until so many events are forwarded, or for an hour. */
export async function runBacklog(
  events: number,
  realms: Realms,
  onMinute: (minute: BacklogMinute, left: number) => void = () => undefined,
): Promise<BacklogOutcome> {
  const loop = new Loop();
  const database = new SimulatedDatabase(() => START_MS + loop.nowMs);
  const firstSeq = START_MS * 1000 - (events + 1) * EVENTS_APART - MINUTE_MS * 1000;
  fill(database, events, firstSeq);
  const taken = new Uint8Array(events);
  const rate = new QueueRate(loop);
  const violations: string[] = [];
  let forwarded = 0;
  let refusals = 0;
  let lastTakenAtMs = 0;
  const queues = new SimulatedQueues({
    loop,
    random: new Random('backlog'),
    duplicateRate: 0,
    onLost: (queue) => violations.push(`${queue} lost a message`),
  });
  // Nobody consumes what the route's queue took: it would fill the memory.
  const take = (messages: readonly string[]) => {
    try {
      rate.take(messages.length);
    } catch (error) {
      refusals++;
      throw error;
    }
  };
  const { bindings } = bindingsOf({
    loop,
    faults: [],
    poisons: [],
    routes: ['events'],
    database,
    queues: {
      named: (name) => (name === queueOf('events') ? { take } : queues.named(name)),
    },
    onTaken: (target, body) => {
      if (target === 'intake') return;
      const index = (Number((body as CloudEvent).sequence) - firstSeq) / EVENTS_APART;
      if (taken[index] === 0) forwarded++;
      taken[index] = Math.min((taken[index] ?? 0) + 1, 2);
      lastTakenAtMs = loop.nowMs;
    },
    onViolation: (what) => violations.push(what),
  });
  const isolate = new Isolate({
    index: 0,
    skewMs: 0,
    seed: 1,
    startMs: START_MS,
    loop,
    env: { ...bindings, ...SECRETS, PUBLIC_URL: '', ASSETS: {} },
    createReceiver: realms.receiver(0),
    log: (line) => loop.note(line),
    onDeath: () => undefined,
  });
  realms.lend(0, isolate.host);

  let invocations: Invocation[] = [];
  const invoke = async (
    name: string,
    work: (receiver: SimulatedReceiver, lifetime: Lifetime) => Promise<void>,
  ) => {
    const { invocation, ended } = isolate.invoke(name, 'event', work);
    invocations.push(invocation);
    const end = await ended;
    if (end.end === 'threw') violations.push(`${name}: ${end.error}`);
    return end.end;
  };
  for (const config of RECEIVER.consumes) {
    queues
      .named(config.queue)
      .consume(config, async (batch) =>
        invoke(`${config.queue} at ${loop.nowMs}`, async (receiver, lifetime) =>
          receiver.queue(batch, lifetime),
        ),
      );
  }

  const minutes: BacklogMinute[] = [];
  try {
    while (forwarded < events && minutes.length < MAX_MINUTES) {
      const before = { forwarded, refusals };
      invocations = [];
      void invoke(`cron ${minutes.length}`, async (receiver, lifetime) => receiver.scheduled(lifetime));
      await loop.runUntil((minutes.length + 1) * MINUTE_MS);
      const minute = {
        forwarded: forwarded - before.forwarded,
        invocations: invocations.length,
        subrequests: Math.max(...invocations.map(({ subrequests }) => subrequests)),
        spent: Math.max(...invocations.map(({ spent }) => spent)),
        refusals: refusals - before.refusals,
      };
      minutes.push(minute);
      onMinute(minute, events - forwarded);
    }
  } finally {
    database.close();
  }
  return {
    minutes,
    tookMs: lastTakenAtMs,
    missing: events - forwarded,
    repeated: taken.filter((times) => times > 1).length,
    violations,
  };
}

/** Stores small events that the first route has yet to forward, and that everything else has counted. */
function fill(database: SimulatedDatabase, events: number, firstSeq: number): void {
  const lastSeq = firstSeq + (events - 1) * EVENTS_APART;
  database.ask(
    `WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?1)
     INSERT INTO events (
       seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, deliveries, replays
     )
     SELECT
       ?2 + n * ?3, 'm' || n || ':e:status:sent', 'shop', 'status', 'sent', '', '', '', (?2 + n * ?3) / 1000,
       (?2 + n * ?3) / 1000, '{"event":{"type":"status"}}', 1, -1
     FROM numbers`,
    events,
    firstSeq,
    EVENTS_APART,
  );
  for (const reader of ['counters', 'hours', 'usage', 'business-numbers']) {
    database.ask('INSERT INTO progress (task, seq, at) VALUES (?, ?, ?)', reader, lastSeq, START_MS);
  }
  database.ask(
    "UPDATE routes SET began = ?1, position = ?1, counted = ?1 WHERE name = 'events'",
    firstSeq - 1,
  );
}
