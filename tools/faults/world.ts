// Runs a schedule: senders, operators, the cron and the consumer with isolates, D1 and queues, all in virtual time.
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { consumersOf, receiverWith } from '../declared-routes.ts';
import { Random } from '../random.ts';
import { bindingsOf } from './bindings.ts';
import { Book } from './book.ts';
import { SimulatedDatabase } from './database.ts';
import { type End, Isolate } from './isolates.ts';
import { Loop } from './loop.ts';
import { type Delivery, SimulatedQueues } from './queues.ts';
import type { Realms } from './realm.ts';
import { placeKey, UNDER_WAY_MS } from './route-book.ts';
import type { Violation } from './rules.ts';
import {
  ACCEPTING,
  ALLOWED_ADDRESS,
  BOUND_APP,
  type Character,
  type FaultKind,
  type Operation,
  type RouteName,
  type Schedule,
  SLUGS,
  type Slug,
} from './schedule.ts';
import { ORIGIN, SECRETS, type Webhook, webhookOf } from './webhooks.ts';

/** How long a sender waits for an answer. */
const SENDER_TIMEOUT_MS = 15_000;
/** The promised time for an answer once the body is there. */
const ANSWER_MS = 3_000;
const MINUTE_MS = 60_000;
/** With these, something that was asked for can be done much later. */
const SLOW_KINDS: readonly FaultKind[] = ['hang', 'hang-done', 'slow', 'late-answer'];
/** When everything must be quiet. A message of the intake queue may wait for a quarter of an hour several times. */
const MAX_QUIET_MS = 5 * 3_600_000;

/** How many active routes have a gap. ?1 are the routes with a binding. */
export const BEHIND = `
  SELECT count(*) FROM routes WHERE state = 'active' AND name IN (SELECT value FROM json_each(?1))
    AND (position < coalesce((SELECT max(seq) FROM events), 0) OR name IN (SELECT route FROM forwarded))`;
/** How many replays are neither over nor paused, on active routes. ?1 are the routes with a binding. */
export const OPEN_REPLAYS = `
  SELECT count(*) FROM replays JOIN routes ON routes.name = replays.route
  WHERE replays.state = 'running' AND NOT paused AND routes.state = 'active'
    AND route IN (SELECT value FROM json_each(?1))`;

/** The result of a run. */
export interface Outcome {
  violations: Violation[];
  /** The digest of everything that happened, in order. */
  digest: string;
  steps: number;
  webhooks: number;
  requests: number;
  events: number;
  injected: Map<string, number>;
  character: Character;
  limits: Schedule['limits'];
  /** What operators did, and how often. */
  operations: Map<Operation['what'], number>;
  routes: number;
  /** How long webhooks waited for their answers, ms. */
  answeredInMs: number[];
}

/** What senders and operators do in the world; see run.ts. */
export interface Actors {
  send(webhook: Webhook): Promise<void>;
  operate(operation: Operation): Promise<void>;
  /** Asks the API once everything is over. */
  compare(): Promise<void>;
}

export class World {
  readonly schedule: Schedule;
  readonly loop = new Loop();
  readonly book: Book;
  readonly database: SimulatedDatabase;
  readonly queues: SimulatedQueues;
  readonly isolates: Isolate[];
  readonly webhooks: Webhook[];
  /** The payloads that are sent under each key. */
  readonly editions = new Map<string, Set<string>>();
  /** The generation of the token that senders have for each integration. */
  readonly generations = new Map<Slug, number>(SLUGS.map((slug) => [slug, 1]));
  readonly #random: Random;
  readonly #injected: Map<string, number>;
  readonly #answeredInMs: number[] = [];
  #requests = 0;
  #batches = 0;
  #openTasks = 0;
  #isOver: boolean = false;

  constructor(schedule: Schedule, realms: Realms) {
    this.schedule = schedule;
    const { seed, startMs, skewsMs, faults, poisons, boundRoutes } = schedule;
    const { loop } = this;
    this.#random = new Random(`${seed} world`);
    const isSlow = faults.some(({ kind }) => SLOW_KINDS.includes(kind));
    this.book = new Book(() => loop.nowMs, isSlow ? UNDER_WAY_MS.whileSlow : UNDER_WAY_MS.usually);
    this.database = new SimulatedDatabase(
      () => startMs + loop.nowMs,
      (changes) => this.book.changed(changes),
    );
    this.queues = new SimulatedQueues({
      loop,
      random: new Random(`${seed} queues`),
      duplicateRate: schedule.duplicateRate,
      onLost: (queue, body) =>
        this.book.violated('durable', `queue ${queue} lost ${JSON.stringify(body).slice(0, 200)}`),
    });
    const { bindings, injected } = bindingsOf({
      loop,
      faults,
      poisons,
      routes: boundRoutes,
      database: this.database,
      queues: this.queues,
      onTaken: (target, body) => this.#taken(target, body),
      onViolation: (what) => this.book.violated('limits', what),
    });
    this.#injected = injected;
    const env = {
      ...bindings,
      ...SECRETS,
      RETENTION_DAYS: String(schedule.retentionDays),
      MAX_DATABASE_GB: String(schedule.maxDatabaseGb),
      PUBLIC_URL: '',
      ASSETS: { fetch: async () => new Response(null, { status: 404 }) },
    };
    this.isolates = skewsMs.map((skewMs, index) => {
      const createReceiver = realms.receiver(index, schedule.limits);
      const isolate = new Isolate({
        index,
        skewMs,
        seed,
        startMs,
        loop,
        env,
        createReceiver,
        log: (line) => loop.note(`log ${index} ${line}`),
        onDeath: () => this.book.deathsAtMs.push(loop.nowMs),
      });
      realms.lend(index, isolate.host);
      return isolate;
    });
    this.webhooks = schedule.sendings.map((sending) => webhookOf(seed, sending));
    for (const { event } of this.webhooks) {
      if (event === null) continue;
      const { key, people, payload } = event;
      this.book.people.set(key, [...new Set([...(this.book.people.get(key) ?? []), ...people])]);
      this.editions.set(key, (this.editions.get(key) ?? new Set()).add(payload));
    }
    this.#register();
    this.#consume();
  }

  outcome(): Outcome {
    return {
      violations: this.book.violations,
      digest: this.loop.digest(),
      steps: this.loop.steps,
      webhooks: this.webhooks.length,
      requests: this.#requests,
      events: this.book.stored.size,
      injected: this.#injected,
      character: this.schedule.character,
      limits: this.schedule.limits,
      operations: countOf(this.schedule.operations.map(({ what }) => what)),
      routes: this.schedule.boundRoutes.length,
      answeredInMs: this.#answeredInMs,
    };
  }

  /** Lets everything happen, and then the queues become empty. */
  async run({ send, operate, compare }: Actors): Promise<void> {
    const { loop, schedule } = this;
    for (const webhook of this.webhooks) this.#task(async () => send(webhook));
    for (const operation of schedule.operations) this.#task(async () => operate(operation));
    for (const death of schedule.deaths) {
      loop.after(death.atMs, () => {
        const isolate = this.isolates[death.isolate];
        if (isolate !== undefined) isolate.doom = death.what;
      });
    }
    if (schedule.character === 'cronless') void this.#look();
    else void this.#cron();
    await loop.runUntil(schedule.endMs + 1);
    for (const isolate of this.isolates) isolate.doom = null;
    await loop.runUntil(schedule.endMs + MAX_QUIET_MS, () => this.#openTasks === 0);
    // Once the consumer works again, an operator redrives the dead letters.
    await this.#untilQuiet();
    this.#task(async () => operate({ name: 'end', what: 'redrive', atMs: 0 }));
    await loop.runUntil(loop.nowMs + MAX_QUIET_MS, () => this.#openTasks === 0);
    await this.#untilQuiet();
    this.#task(compare);
    await loop.runUntil(loop.nowMs + MAX_QUIET_MS, () => this.#openTasks === 0);
    this.#isOver = true;
  }

  /** Sends a request to one of the isolates; `null` where there was no answer. */
  async request(
    name: string,
    makeRequest: () => Request,
    { hangUpAfterMs = null, uploadMs = 0 }: { hangUpAfterMs?: number | null; uploadMs?: number } = {},
  ): Promise<{ status: number; requestId: string; text: string } | null> {
    const { loop } = this;
    const random = new Random(`${this.schedule.seed} way of ${name}`);
    const isolate = this.#isolateOf(random);
    this.#requests++;
    await loop.sleep(1 + random.fraction() * 20); // the network
    const sent = loop.nowMs;
    const { invocation, ended } = isolate.invoke(name, 'request', async (receiver, lifetime) => {
      const response = await receiver.fetch(makeRequest(), lifetime);
      const text = await response.text();
      return { status: response.status, requestId: response.headers.get('x-request-id') ?? '', text };
    });
    loop.note(`${name} begins on isolate ${isolate.index}`);
    const isWebhook = name.startsWith('w');
    const watch = loop.after(uploadMs + ANSWER_MS, () => {
      if (isWebhook && invocation.isAlive && !invocation.hasAnswered) {
        this.book.violated('prompt', `${name} has no answer ${ANSWER_MS} ms after its body was there`);
      }
    });
    const patienceMs = hangUpAfterMs ?? (isWebhook ? SENDER_TIMEOUT_MS + uploadMs : 60_000);
    const goneAway = loop.sleep(patienceMs).then(() => {
      isolate.hangUp(invocation);
      return null;
    });
    const end = await Promise.race([ended, goneAway]);
    watch();
    if (end === null || end.end === 'died') {
      loop.note(`${name} got no answer`);
      return null;
    }
    if (end.end === 'threw') {
      this.book.violated('answers', `${name} threw ${end.error}`);
      return null;
    }
    if (isWebhook) this.#answeredInMs.push(loop.nowMs - sent);
    loop.note(`${name} is answered ${end.value.status} after ${(loop.nowMs - sent).toFixed(0)} ms`);
    if (end.value.status >= 500 && end.value.status !== 503) {
      this.book.violated(
        'answers',
        `${name} was answered ${end.value.status}: ${end.value.text.slice(0, 300)}`,
      );
    }
    return end.value;
  }

  /** Asks the API, and repeats that while it answers 503 or not at all; `null` where it never answered. */
  async api(
    name: string,
    method: string,
    path: string,
    body?: unknown,
    tries = 12,
  ): Promise<{ status: number; answer: Record<string, unknown> } | null> {
    for (let attempt = 1; attempt <= tries; attempt++) {
      const answered = await this.request(
        `${name}.${attempt}`,
        () =>
          new Request(`${ORIGIN}${path}`, {
            method,
            headers: {
              authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
              ...(body !== undefined && { 'content-type': 'application/json' }),
            },
            ...(body !== undefined && { body: JSON.stringify(body) }),
          }),
      );
      if (answered !== null && answered.status !== 503) {
        const isJson = answered.text.startsWith('{');
        return { status: answered.status, answer: isJson ? JSON.parse(answered.text) : {} };
      }
      await this.loop.sleep(5_000 * attempt);
    }
    return null;
  }

  pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.#random.whole(0, choices.length - 1)];
  }

  /** Starts something that the run waits for. */
  #task(work: () => Promise<void>): void {
    this.#openTasks++;
    void work().finally(() => {
      this.#openTasks--;
    });
  }

  #isolateOf(random: Random): Isolate {
    return this.isolates[random.whole(0, this.isolates.length - 1)] as Isolate;
  }

  #register(): void {
    for (const slug of SLUGS) {
      this.database.ask(
        `INSERT INTO integrations (slug, app_id, allowed_ips, require_signature, on_rejection, created_at)
         VALUES (?, ?, ?, ?, ?, 0)`,
        slug,
        slug === 'mail' ? BOUND_APP : null,
        slug === 'fixed' ? JSON.stringify([ALLOWED_ADDRESS]) : null,
        slug === 'signed' ? 1 : 0,
        slug === ACCEPTING ? 'accept' : 'refuse',
      );
    }
    const statements = this.schedule.routes.map(({ route, filter }, index) => ({
      sql: `INSERT INTO routes (name, filter, version, began, position, counted, created_at, state_at)
        VALUES (?1, ?2, 2 + ?3, 0, 0, 0, 0, 0) ON CONFLICT (name) DO UPDATE SET filter = excluded.filter`,
      values: [route, JSON.stringify(filter), index],
    }));
    this.database.tellRoutes();
    if (statements.length > 0) this.database.transact(statements);
  }

  #taken(target: RouteName | 'intake', body: unknown): void {
    if (target === 'intake') this.book.deferred.add((body as { requestId: string }).requestId);
    else this.book.routes.took(target, body as CloudEvent);
  }

  #consume(): void {
    const { boundRoutes } = this.schedule;
    for (const config of receiverWith(boundRoutes).consumes) {
      this.queues.named(config.queue).consume(config, async (batch) => {
        const name = `${config.queue} batch ${++this.#batches}`;
        const isolate = this.#isolateOf(new Random(`${this.schedule.seed} way of ${name}`));
        const { ended } = isolate.invoke(name, 'event', async (receiver, lifetime) =>
          receiver.queue(batch, lifetime),
        );
        return endOf(await ended);
      });
    }
    for (const route of boundRoutes) {
      for (const config of consumersOf(route)) {
        this.queues.named(config.queue).consume(config, async ({ messages }) => {
          await this.loop.sleep(5 + this.#random.fraction() * 200);
          for (const message of messages) this.#consumeEvent(route, message);
          return 'returned';
        });
      }
    }
  }

  #consumeEvent(route: RouteName, message: Delivery): void {
    const { nowMs } = this.loop;
    const event = message.body as CloudEvent;
    this.book.consumed.push({ route, event, atMs: nowMs, no: this.book.no });
    const fault = this.schedule.consumerFaults.find(
      (one) => one.route === route && nowMs >= one.fromMs && nowMs < one.untilMs,
    );
    if (fault !== undefined && this.#random.chance(fault.rate)) message.retry({ delaySeconds: 1 });
    else {
      this.book.routes.handled.add(placeKey(route, Number(event.sequence)));
      message.ack();
    }
  }

  /** Sends a request now and then, since without the cron only requests do the maintenance. */
  async #look(): Promise<void> {
    for (let look = 1; !this.#isOver; look++) {
      await this.loop.sleep(MINUTE_MS / 2);
      await this.api(`look ${look}`, 'GET', '/api/health', undefined, 1);
    }
  }

  /** Fires the cron every minute in one of the isolates. */
  async #cron(): Promise<void> {
    const { loop, schedule } = this;
    let minute = 0;
    await loop.sleep(MINUTE_MS - (schedule.startMs % MINUTE_MS));
    while (!this.#isOver) {
      const faults = schedule.cronFaults.filter(
        ({ fromMs, untilMs }) => loop.nowMs >= fromMs && loop.nowMs < untilMs,
      );
      const times = faults.some(({ kind }) => kind === 'missing')
        ? 0
        : faults.some(({ kind }) => kind === 'twice')
          ? 2
          : 1;
      const lateMs = faults.some(({ kind }) => kind === 'late') ? this.#random.fraction() * 55_000 : 0;
      for (let time = 0; time < times; time++) {
        const name = `cron ${++minute}.${time}`;
        const random = new Random(`${schedule.seed} way of ${name}`);
        loop.after(lateMs + random.fraction() * 1_000, () => {
          const isolate = this.#isolateOf(random);
          loop.note(`${name} on isolate ${isolate.index}`);
          isolate.invoke(name, 'event', async (receiver, lifetime) => receiver.scheduled(lifetime));
        });
      }
      await loop.sleep(MINUTE_MS);
    }
  }

  /** Lets at least two minutes pass, until the queues are empty and nothing waits in D1. */
  async #untilQuiet(): Promise<void> {
    const { loop } = this;
    const from = loop.nowMs;
    await loop.runUntil(from + 2 * MINUTE_MS);
    while (!this.#isQuiet() && loop.nowMs < from + MAX_QUIET_MS) await loop.runUntil(loop.nowMs + MINUTE_MS);
    await loop.runUntil(loop.nowMs + 1.5 * MINUTE_MS); // the roll-up counts what came last
  }

  #isQuiet(): boolean {
    const isWaiting = Object.values(this.queues.waiting()).some((count) => count > 0);
    return (
      !isWaiting &&
      this.isolates.every(({ invocations }) => invocations.size === 0) &&
      this.#waitingInD1() === 0
    );
  }

  #waitingInD1(): number {
    const [row] = this.database.ask<{ n: number }>(
      `SELECT (${BEHIND}) + (${OPEN_REPLAYS}) AS n`,
      JSON.stringify(this.schedule.boundRoutes),
    );
    return row?.n ?? 0;
  }
}

function countOf<T>(items: readonly T[]): Map<T, number> {
  return new Map([...Map.groupBy(items, (item) => item)].map(([item, all]) => [item, all.length]));
}

function endOf({ end }: End<unknown>) {
  return end;
}
