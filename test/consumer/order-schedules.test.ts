// `ordered` in random schedules: batches in several invocations at the same time, over the real D1, whose statements and handlers
// go on one at a time in an order drawn from a seed, while handlers fail, D1 fails, invocations die and messages come again.

import { env } from 'cloudflare:workers';
import { consume, d1Once, type Status, statusRank } from 'instant-message-consumer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CLOUDEVENT_TYPES, type CloudEvent } from '../../src/contract/cloudevent.ts';
import { watchedD1 } from '../../tools/bench/workers/watched-d1.ts';
import { PROPERTY_TIMEOUT_MS, SEED } from '../seeded.ts';
import { responseEvent, statusEvent } from './events.ts';

const TABLE = 'ordered_schedules';
const ONCE_TABLE = 'once_in_ordered_schedules';
const MAX_WAIT_MS = 300_000;
const MAX_ATTEMPTS = 20;
/** Nothing waits longer for its turn in the schedule, so that no lease of a living invocation ends. */
const LONGEST_PAUSE_MS = 10_000;
/** What comes on top of the wait: a turn of another that was just begun, as long as a lease is; the delivery; the batch. */
const SLACK_MS = 240_000;
/** Of each kind. Each takes a second or two. */
const SCHEDULES = 3;

/** What may go wrong. */
interface Weather {
  handlersFail: number;
  databaseFails: number;
  invocationsDie: number;
  hasPoison: boolean;
  /** Whether repeats are kept away. */
  once: boolean;
}

interface Queued {
  event: CloudEvent;
  attempts: number;
  visibleAtMs: number;
  state: 'waiting' | 'delivered' | 'acknowledged' | 'dead';
}

/** A statement or a handler that goes on when it is its turn. */
interface Paused {
  sinceMs: number;
  goOn(): Promise<void>;
}

interface Invocation {
  paused: Set<Paused>;
  isOver: boolean;
  /** What dies with it. */
  running: Set<CloudEvent>;
  delivered: Queued[];
}

const db = env.KIT_STATE;
let nowMs: number;

beforeEach(() => {
  nowMs = 1_800_000_000_000;
  vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

/** Random numbers, the same ones for the same seed (mulberry32). */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Choices extends readonly [unknown, ...unknown[]]>(choices: Choices): Choices[number] {
    return choices[this.whole(0, choices.length - 1)];
  }
}

class Schedule {
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #events: CloudEvent[];
  readonly #queue: Queued[];
  readonly #poison: CloudEvent | undefined;
  #invocations: Invocation[] = [];
  /** When an event was first noted in the database, by its sequence. */
  readonly #knownAtMs = new Map<number, number>();
  /** When its handler first began. */
  readonly #begunAtMs = new Map<CloudEvent, number>();
  readonly #handled = new Set<CloudEvent>();
  /** The sequences of events that were removed from the database, their statuses noted. */
  readonly #done = new Set<number>();
  readonly #skipped = new Set<CloudEvent>();
  readonly violations: string[] = [];
  died = 0;
  /** How many turns were given to events although an earlier one was known. */
  overtaking = 0;

  constructor(random: Random, weather: Weather) {
    this.#random = random;
    this.#weather = weather;
    const events = eventsOf(random);
    this.#events = events;
    this.#poison = weather.hasPoison ? random.pick(events as [CloudEvent]) : undefined;
    this.#queue = events
      .flatMap((event) => (random.chance(0.1) ? [event, event] : [event]))
      .map((event) => ({
        event,
        attempts: 0,
        visibleAtMs: nowMs + random.whole(0, 20_000),
        state: 'waiting' as const,
      }));
  }

  get skipped(): number {
    return this.#skipped.size;
  }

  async run(): Promise<void> {
    for (
      let step = 0;
      this.#queue.some(({ state }) => state === 'waiting' || state === 'delivered');
      step++
    ) {
      if (step > 20_000) throw new Error('the schedule does not come to its end');
      await this.#step();
    }
    await this.#finish();
    this.#checkEnd();
  }

  async #step(): Promise<void> {
    const random = this.#random;
    const visible = this.#queue.filter(
      ({ state, visibleAtMs }) => state === 'waiting' && visibleAtMs <= nowMs,
    );
    const paused = this.#paused();
    if (visible.length === 0 && paused.length === 0) {
      nowMs = Math.min(
        ...this.#queue.flatMap((queued) => (queued.state === 'waiting' ? queued.visibleAtMs : [])),
      );
      return;
    }
    nowMs += random.whole(0, 200);
    const oldest = paused.find(({ sinceMs }) => nowMs - sinceMs > LONGEST_PAUSE_MS);
    if (oldest !== undefined) {
      await oldest.goOn();
    } else if (visible.length > 0 && this.#invocations.length < 4 && random.chance(0.3)) {
      this.#deliver(visible);
    } else if (this.#invocations.length > 0 && random.chance(this.#weather.invocationsDie)) {
      this.#die(random.pick(this.#invocations as [Invocation]));
    } else if (paused.length > 0) {
      await random.pick(paused as [Paused]).goOn();
    }
    await this.#settled();
  }

  #paused(): Paused[] {
    return this.#invocations.flatMap(({ paused }) => [...paused]);
  }

  /** Waits until each invocation is paused or over: digests are made beside the schedule. */
  async #settled(): Promise<void> {
    do await new Promise((resolve) => setTimeout(resolve));
    while (this.#invocations.some(({ paused, isOver }) => !isOver && paused.size === 0));
    this.#invocations = this.#invocations.filter(({ isOver }) => !isOver);
  }

  async #finish(): Promise<void> {
    while (this.#invocations.length > 0) {
      await this.#paused()[0]?.goOn();
      await this.#settled();
    }
  }

  #deliver(visible: Queued[]): void {
    const random = this.#random;
    const delivered = visible.filter(() => random.chance(0.6)).slice(0, 6);
    if (random.chance(0.5)) delivered.reverse();
    const invocation: Invocation = { paused: new Set(), isOver: false, running: new Set(), delivered };
    this.#invocations.push(invocation);
    const database = this.#databaseOf(invocation);
    const queue = consume({
      ordered: {
        by: 'contact',
        db: () => database,
        table: TABLE,
        onSkipped: (event) => this.#skip(event),
      },
      once: () => (this.#weather.once ? d1Once(database, { table: ONCE_TABLE }) : undefined),
      concurrency: random.whole(1, 3),
      onResponse: async (event) => this.#handle(event, invocation),
      onStatus: async (event) => this.#handle(event, invocation),
    });
    const messages = delivered.map((queued, index) => {
      queued.state = 'delivered';
      queued.attempts++;
      return {
        id: `${index}`,
        body: queued.event,
        attempts: queued.attempts,
        ack: () => {
          queued.state = 'acknowledged';
        },
        retry: ({ delaySeconds }: { delaySeconds: number }) => comeAgain(queued, delaySeconds),
      };
    });
    void queue({ queue: 'events', messages }, undefined).then(() => (invocation.isOver = true));
  }

  /** The invocation's database. Each call waits for its turn, and some fail before or after they were carried out. */
  #databaseOf(invocation: Invocation): D1Database {
    return watchedD1(db, {
      around: async (_, call) => {
        await this.#pause(invocation);
        const fails = this.#random.chance(this.#weather.databaseFails);
        if (fails && this.#random.chance(0.5)) throw new Error('D1_ERROR');
        const results = await call();
        if (fails) throw new Error('D1_ERROR');
        return results;
      },
      answered: ({ sql, bound }, { changes }) => {
        if (changes > 0) this.#executed(sql, bound);
      },
    });
  }

  #executed(sql: string, bound: unknown[]): void {
    const [first, sequence, nowMsOfBegin] = bound;
    if (sql.includes('json_each')) {
      for (const [, place] of JSON.parse(String(first)) as [string, number][])
        this.#know(place, Number(sequence));
    } else if (sql.includes(`INTO ${TABLE} `)) {
      this.#know(Number(sequence), Number(nowMsOfBegin));
      this.#expectTurn(this.#eventAt(Number(sequence)), Number(nowMsOfBegin));
    } else if (sql.includes(`DELETE FROM ${TABLE} WHERE key = ?1 AND sequence = ?2`)) {
      this.#done.add(Number(sequence));
    }
  }

  #know(sequence: number, atMs: number): void {
    if (!this.#knownAtMs.has(sequence)) this.#knownAtMs.set(sequence, atMs);
  }

  /** Resolves when it is the turn of what waits here. What has died is never resolved. */
  async #pause(invocation: Invocation): Promise<void> {
    return new Promise((resolve) => {
      const paused: Paused = {
        sinceMs: nowMs,
        goOn: async () => {
          invocation.paused.delete(paused);
          resolve();
          // A statement is carried out now. Others of its invocation wait, so it is over when they all wait again.
          await new Promise((done) => setTimeout(done));
        },
      };
      invocation.paused.add(paused);
    });
  }

  /** What must hold when an event gets its turn. */
  #expectTurn(event: CloudEvent, grantedAtMs: number): void {
    const earlier = this.#events.filter(
      (other) =>
        other.contact === event.contact &&
        placeOf(other) < placeOf(event) &&
        this.#knownAtMs.has(placeOf(other)) &&
        !this.#handled.has(other) &&
        !this.#skipped.has(other),
    );
    if (earlier.length > 0) this.overtaking++;
    const inTime = (other: CloudEvent) =>
      Number(this.#knownAtMs.get(placeOf(other))) > grantedAtMs - MAX_WAIT_MS;
    const expected = inTime(event) ? earlier.filter(inTime) : [];
    if (expected.length > 0) this.#violated(event, `overtakes ${expected.map(({ id }) => id).join()}`);

    const ahead = this.#events.filter(
      (other) =>
        other.subject === event.subject && this.#done.has(placeOf(other)) && rankOf(other) > rankOf(event),
    );
    if (rankOf(event) >= 0 && ahead.length > 0) this.#violated(event, `is behind ${ahead[0]?.id}`);
  }

  async #handle({ sequence }: Sequenced, invocation: Invocation): Promise<void> {
    const event = this.#eventAt(Number(sequence));
    const running = this.#invocations
      .flatMap((other) => [...other.running])
      .filter(({ contact }) => contact === event.contact);
    if (running.length > 0) this.#violated(event, `is handled beside ${running.map(({ id }) => id).join()}`);
    if (!this.#begunAtMs.has(event)) this.#begunAtMs.set(event, nowMs);
    invocation.running.add(event);
    await this.#pause(invocation);
    invocation.running.delete(event);
    const fails = this.#random.chance(this.#weather.handlersFail);
    if (event === this.#poison || fails) throw new Error('told to fail');
    this.#handled.add(event);
  }

  #skip({ sequence }: Sequenced): void {
    const event = this.#eventAt(Number(sequence));
    this.#skipped.add(event);
    const isBehind = [...this.#handled].some(
      (other) => other.subject === event.subject && rankOf(other) > rankOf(event),
    );
    if (rankOf(event) < 0 || !isBehind) this.#violated(event, 'is skipped');
  }

  /** The invocation ends where it stands, and the queue gives what it did not settle to others. */
  #die(invocation: Invocation): void {
    this.died++;
    invocation.isOver = true;
    invocation.running.clear();
    for (const queued of invocation.delivered) if (queued.state === 'delivered') comeAgain(queued, 0);
  }

  /** What must hold in the end. */
  #checkEnd(): void {
    for (const { event, state } of this.#queue) {
      if (state === 'acknowledged' && !this.#handled.has(event) && !this.#skipped.has(event)) {
        this.#violated(event, 'is acknowledged and was not handled');
      }
      if (state === 'dead' && event !== this.#poison) this.#violated(event, 'is a dead letter');
    }
    const { databaseFails, invocationsDie } = this.#weather;
    if (databaseFails > 0 || invocationsDie > 0) return;
    for (const [event, begunAtMs] of this.#begunAtMs) {
      const waitedMs = begunAtMs - Number(this.#knownAtMs.get(placeOf(event)));
      if (waitedMs > MAX_WAIT_MS + SLACK_MS) this.#violated(event, `waited for ${waitedMs} ms`);
    }
  }

  #violated(event: CloudEvent, how: string): void {
    this.violations.push(`${event.id} of ${event.contact} ${how}`);
  }

  #eventAt(sequence: number): CloudEvent {
    const event = this.#events.find((one) => placeOf(one) === sequence);
    if (event === undefined) throw new Error(`there is no event at ${sequence}`);
    return event;
  }
}

type Sequenced = { sequence?: string };

function placeOf({ sequence }: CloudEvent): number {
  return Number(sequence);
}

/** Of a response -1. */
function rankOf({ id, type }: CloudEvent): number {
  return type === CLOUDEVENT_TYPES.status ? statusRank(id.split(':').at(-1) as Status) : -1;
}

function comeAgain(queued: Queued, delaySeconds: number): void {
  queued.visibleAtMs = nowMs + delaySeconds * 1000;
  queued.state = queued.attempts < MAX_ATTEMPTS ? 'waiting' : 'dead';
}

/** Events of two contacts, in the order of the log, in which the steps of a message are in any order. */
function eventsOf(random: Random): CloudEvent[] {
  const kinds = ['a', 'b'].flatMap((contact) => [
    ...['sent', 'delivered', 'read', 'failed'].map((step) => ({ contact, name: `${contact}-message`, step })),
    ...['1', '2', '3'].map((name) => ({ contact, name: `${contact}-${name}`, step: undefined })),
  ]);
  const drawn = kinds
    .map((kind) => ({ kind, at: random.fraction() }))
    .sort((one, other) => one.at - other.at);
  return drawn.map(({ kind: { contact, name, step } }) => {
    const event =
      step === undefined
        ? responseEvent((body) => (body.message.messageId = name))
        : statusEvent((body) => {
            body.message.messageId = name;
            body.event.status = step;
          });
    return { ...event, contact: `${contact}@lid` };
  });
}

const CALM = { handlersFail: 0, databaseFails: 0, invocationsDie: 0, hasPoison: false, once: false };

describe('ordered, in random schedules', () => {
  it.each<[string, Partial<Weather>]>([
    ['in which nothing fails', {}],
    ['in which handlers fail', { handlersFail: 0.3 }],
    ['with an event that always fails', { hasPoison: true, handlersFail: 0.1 }],
    ['in which invocations die', { invocationsDie: 0.03, handlersFail: 0.1 }],
    ['in which the database fails', { databaseFails: 0.05, handlersFail: 0.1 }],
    [
      'in which everything fails, beside once',
      {
        handlersFail: 0.1,
        databaseFails: 0.03,
        invocationsDie: 0.01,
        hasPoison: true,
        once: true,
      },
    ],
  ])(
    '%s, handles events in their order, one at a time, and loses none',
    async (_, weather) => {
      const seen = { skipped: 0, overtaking: 0, died: 0 };
      for (let index = 0; index < SCHEDULES; index++) {
        for (const table of [TABLE, `${TABLE}_statuses`, ONCE_TABLE]) {
          await db.exec(`DROP TABLE IF EXISTS ${table}`);
        }
        const schedule = new Schedule(new Random(SEED + index), { ...CALM, ...weather });
        await schedule.run();
        expect(schedule.violations, `with the seed ${SEED + index}`).toEqual([]);
        for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += schedule[key];
      }
      expect(seen.skipped).toBeGreaterThan(0);
      expect(seen.died > 0).toBe(Boolean(weather.invocationsDie));
      if (weather.hasPoison) expect(seen.overtaking).toBeGreaterThan(0);
    },
    PROPERTY_TIMEOUT_MS,
  );
});
