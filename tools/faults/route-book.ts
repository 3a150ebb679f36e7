// The record of the routes and the replays: what they were at each time, by the rows that were committed, and what their
// queues took. What must never be is noted when it happens.

import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import type { Change, RouteRow } from './database.ts';
import type { Rule } from './rules.ts';
import type { RouteFilter } from './schedule.ts';

export interface StoredEvent {
  seq: number;
  id: string;
  integration: string;
  type: string;
  status: string | null;
  contact: string;
  isDeferred: boolean;
  storedNo: number;
  storedAtMs: number;
  deletedNo: number | null;
  deletedAtMs: number | null;
}

/** The whole record, see book.ts. */
interface Book {
  readonly nowMs: number;
  readonly no: number;
  readonly stored: ReadonlyMap<number, StoredEvent>;
  violated(rule: Rule, what: string): void;
  mayBeTaken(integration: string, key: string): boolean;
}

/** A filter and a state that a route had, from a time on. */
interface Phase {
  fromMs: number;
  filter: RouteFilter;
  isActive: boolean;
}

/** A route from when it is made until it is deleted. */
export interface RouteLife {
  route: string;
  began: number;
  madeNo: number;
  madeAtMs: number;
  goneAtMs: number | null;
  position: number;
  counted: number;
  phases: Phase[];
  /** When it gave up events that its queue never took, by their places. */
  givenUp: Map<number, number>;
  /** The places of the events that it wanted when its position passed them, and that were there. */
  passed: Set<number>;
}

/** A replay, and what the queue of its route took of it. */
export interface ReplayLife {
  id: number;
  route: string;
  filter: { integration?: string; type?: string; contact?: string };
  fromSeq: number;
  untilSeq: number;
  madeAtMs: number;
  endedAtMs: number | null;
  /** How many events it says that it has sent. */
  sent: number;
  taken: Set<number>;
}

/** The times at which the queue of a route took an event. */
export interface TakenEvent {
  no: number;
  atMs: number;
}

/** What was asked for before a change is under way for no longer than this. */
export const UNDER_WAY_MS = { usually: 60_000, whileSlow: 180_000 };

const SEQUENCE_LENGTH = 16;

export class RouteBook {
  readonly lives: RouteLife[] = [];
  readonly replays = new Map<number, ReplayLife>();
  /** Events that the queues of routes took, apart from replays, by route and place. */
  readonly taken = new Map<string, TakenEvent[]>();
  /** Events that consumers of routes acknowledged, by route and place. */
  readonly handled = new Set<string>();
  /** Messages that were dead letters once, by route, place and replay: operators send them again whatever the route is now. */
  readonly deadLetters = new Set<string>();
  /** How many events each route forwarded, by a count of its own, and how many its replays sent. */
  readonly forwarded = new Map<string, number>();
  readonly replayed = new Map<string, number>();
  readonly #book: Book;
  readonly #underWayMs: number;
  readonly #places: number[] = [];
  #lastVersion = 0;

  /** @param underWayMs how long something can be under way, see {@link UNDER_WAY_MS}. */
  constructor(book: Book, underWayMs: number) {
    this.#book = book;
    this.#underWayMs = underWayMs;
  }

  /** The route of a name that there is; `undefined`: there is none. */
  living(route: string): RouteLife | undefined {
    return this.lives.findLast((life) => life.route === route && life.goneAtMs === null);
  }

  /** Notes a change of a transaction. */
  changed(change: Change): void {
    switch (change.what) {
      case 'event stored':
        this.#places.push(change.seq);
        return;
      case 'event deleted':
        this.#deleted(change.seq);
        return;
      case 'route made':
        this.#made(change);
        return;
      case 'route changed':
        this.#changed(change);
        return;
      case 'route gone': {
        const life = this.living(change.route);
        if (life !== undefined) life.goneAtMs = this.#book.nowMs;
        return;
      }
      case 'stretch noted': {
        const life = this.living(change.route);
        if (life !== undefined) this.#requireTaken(life, change.after, change.last, 'a confirmed stretch');
        return;
      }
      case 'given up':
        this.living(change.route)?.givenUp.set(change.seq, this.#book.nowMs);
        if (this.#isThere(change.seq) && !this.deadLetters.has(messageKey(change.route, change.seq, null))) {
          this.#book.violated(
            'given up',
            `route ${change.route} gave up ${change.seq}, which is no dead letter`,
          );
        }
        return;
      case 'dead letter kept':
        if (change.sequence !== null && change.route !== null) {
          this.deadLetters.add(messageKey(change.route, Number(change.sequence), change.replay));
        }
        return;
      case 'replay made':
        this.replays.set(change.id, {
          ...change,
          filter: JSON.parse(change.filter) as ReplayLife['filter'],
          madeAtMs: this.#book.nowMs,
          endedAtMs: null,
          sent: 0,
          taken: new Set(),
        });
        return;
      case 'replay changed': {
        const replay = this.replays.get(change.id);
        if (replay === undefined) return;
        replay.sent += change.more;
        this.replayed.set(replay.route, (this.replayed.get(replay.route) ?? 0) + change.more);
        if (change.state !== 'running') replay.endedAtMs ??= this.#book.nowMs;
        if (change.state === 'done') this.#requireReplayed(replay);
        return;
      }
    }
  }

  /** Notes that the queue of a route took a message. */
  took(route: string, message: CloudEvent): void {
    const seq = Number(message.sequence);
    const event = this.#book.stored.get(seq);
    const isRight = message.sequence === String(seq).padStart(SEQUENCE_LENGTH, '0');
    if (
      event === undefined ||
      !isRight ||
      `/webhooks/${event.integration}` !== message.source ||
      event.id !== message.id
    ) {
      this.#book.violated(
        'sequence',
        `route ${route} got ${message.id} with the sequence ${message.sequence}`,
      );
      return;
    }
    const replay = message.replay === undefined ? null : this.replays.get(Number(message.replay));
    const key = messageKey(route, seq, message.replay ?? null);
    const isRedriven = this.deadLetters.has(key);
    if (message.replay !== undefined) {
      const wrong =
        replay?.route === route ? this.#flawOfReplayed(replay, event) : 'it is of no replay of that route';
      if (wrong !== null && !isRedriven) {
        this.#book.violated('replayed', `route ${route} got ${key} ${message.id}: ${wrong}`);
      }
      replay?.taken.add(seq);
      return;
    }
    const wrong = isRedriven ? null : this.#flawOf(route, event);
    if (wrong !== null) this.#book.violated('routed', `route ${route} got ${key} ${message.id}: ${wrong}`);
    const before = this.taken.get(placeKey(route, seq)) ?? [];
    this.taken.set(placeKey(route, seq), [...before, { no: this.#book.no, atMs: this.#book.nowMs }]);
  }

  /** The events at the places behind `after`, up to `last`, that are there. */
  *eventsWithin(after: number, last: number): Generator<StoredEvent> {
    let low = 0;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle] as number) > after) high = middle;
      else low = middle + 1;
    }
    for (let index = low; index < this.#places.length; index++) {
      const seq = this.#places[index] as number;
      if (seq > last) return;
      const event = this.#book.stored.get(seq);
      if (event !== undefined && event.deletedNo === null) yield event;
    }
  }

  #isThere(seq: number): boolean {
    return this.#book.stored.get(seq)?.deletedNo === null;
  }

  #made({ route, filter, state, version, began, position, counted }: RouteRow): void {
    if (version <= this.#lastVersion) {
      this.#book.violated(
        'places',
        `route ${route} has version ${version}, behind or at ${this.#lastVersion}`,
      );
    }
    this.#lastVersion = Math.max(this.#lastVersion, version);
    const { nowMs, no } = this.#book;
    this.lives.push({
      route,
      began,
      madeNo: no,
      madeAtMs: nowMs,
      goneAtMs: null,
      position,
      counted,
      phases: [{ fromMs: nowMs, filter: JSON.parse(filter) as RouteFilter, isActive: state === 'active' }],
      givenUp: new Map(),
      passed: new Set(),
    });
  }

  #changed({ route, filter, state, version, position, counted }: RouteRow): void {
    const life = this.living(route);
    const phase = life?.phases.at(-1);
    if (life === undefined || phase === undefined) return;
    if (position < life.position) {
      this.#book.violated('positions', `route ${route} went back from ${life.position} to ${position}`);
    }
    if (position > life.position) {
      const passed = this.#requireTaken(life, life.position, position, 'its position');
      for (const seq of passed) life.passed.add(seq);
      life.position = position;
    }
    if (counted > life.counted) {
      if (counted > life.position)
        this.#book.violated('counters', `route ${route} counted beyond its position`);
      for (const event of this.eventsWithin(life.counted, counted)) {
        if (!isWanted(phase.filter, event) || life.givenUp.has(event.seq)) continue;
        this.forwarded.set(route, (this.forwarded.get(route) ?? 0) + 1);
      }
      life.counted = counted;
    }
    const isActive = state === 'active';
    if (JSON.stringify(phase.filter) !== filter || phase.isActive !== isActive) {
      life.phases.push({ fromMs: this.#book.nowMs, filter: JSON.parse(filter) as RouteFilter, isActive });
    }
    this.#lastVersion = Math.max(this.#lastVersion, version);
  }

  /**
   * Notes events that a route wants by today's filter and that its queue never took, although what is said to be confirmed holds
   * them. Gives the places of all that it wants there.
   */
  #requireTaken(life: RouteLife, after: number, last: number, what: string): number[] {
    const filter = life.phases.at(-1)?.filter ?? {};
    const wanted = [...this.eventsWithin(after, last)].filter((event) => isWanted(filter, event));
    for (const { seq, id } of wanted) {
      const times = this.taken.get(placeKey(life.route, seq)) ?? [];
      if (times.some(({ no }) => no >= life.madeNo) || life.givenUp.has(seq)) continue;
      this.#book.violated(
        'positions',
        `${what} on route ${life.route} holds ${seq} ${id}, which its queue never took`,
      );
    }
    return wanted.map(({ seq }) => seq);
  }

  #deleted(seq: number): void {
    const event = this.#book.stored.get(seq);
    if (event === undefined || this.#book.mayBeTaken(event.integration, `${event.integration} ${event.id}`))
      return;
    for (const life of this.lives) {
      const phase = life.phases.at(-1);
      if (life.goneAtMs !== null || !phase?.isActive || seq <= life.position) continue;
      if (isWanted(phase.filter, event)) {
        this.#book.violated('purged', `${seq} was deleted before route ${life.route} had forwarded it`);
      }
    }
  }

  /** The phases of a route that may tell what is sent now. */
  #recentPhases(life: RouteLife): Phase[] {
    const sinceMs = this.#book.nowMs - this.#underWayMs;
    if (life.goneAtMs !== null && life.goneAtMs < sinceMs) return [];
    return life.phases.filter(
      (_, index) => (life.phases[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) >= sinceMs,
    );
  }

  /** Why an event is none that a route sends; `null`: it is one. */
  #flawOf(route: string, event: StoredEvent): string | null {
    const lives = this.lives.filter((life) => life.route === route && this.#recentPhases(life).length > 0);
    if (lives.length === 0) return 'there is no such route';
    const begun = lives.filter(({ began }) => event.seq > began);
    if (begun.length === 0) return 'it was stored before the route began';
    const phases = begun
      .flatMap((life) => this.#recentPhases(life))
      .filter(({ filter }) => isWanted(filter, event));
    if (phases.length === 0) return 'the filter of the route does not want it';
    return phases.some(({ isActive }) => isActive) ? null : 'the route is paused';
  }

  #flawOfReplayed(replay: ReplayLife, event: StoredEvent): string | null {
    if (!isAskedFor(replay, event)) return 'the replay was not asked for it';
    if (replay.endedAtMs !== null && replay.endedAtMs < this.#book.nowMs - this.#underWayMs)
      return 'the replay is over';
    const phases = this.lives
      .filter(({ route }) => route === replay.route)
      .flatMap((life) => this.#recentPhases(life));
    const wanting = phases.filter(({ filter }) => isWanted(filter, event));
    if (wanting.length === 0) return 'the filter of the route does not want it';
    return wanting.some(({ isActive }) => isActive) ? null : 'the route is paused';
  }

  /** Notes what a replay that is done did not send. */
  #requireReplayed(replay: ReplayLife): void {
    const life = this.living(replay.route);
    if (life === undefined || life.madeAtMs > replay.madeAtMs) return;
    const phases = life.phases.filter(
      (_, index) => (life.phases[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) >= replay.madeAtMs,
    );
    for (const event of this.eventsWithin(replay.fromSeq - 1, replay.untilSeq - 1)) {
      const isCertain = phases.every(({ filter }) => isWanted(filter, event));
      if (!isAskedFor(replay, event) || !isCertain || replay.taken.has(event.seq)) continue;
      if (this.deadLetters.has(messageKey(replay.route, event.seq, String(replay.id)))) continue;
      this.#book.violated(
        'replayed',
        `replay ${replay.id} on route ${replay.route} is done and did not send ${event.seq} ${event.id}`,
      );
    }
  }
}

/** Whether a filter wants an event. */
export function isWanted(
  { integrations, types, statuses }: RouteFilter,
  { integration, type, status }: StoredEvent,
): boolean {
  if (integrations !== undefined && !integrations.includes(integration)) return false;
  if (types !== undefined && !types.includes(type)) return false;
  return statuses === undefined || status === null || statuses.includes(status);
}

function isAskedFor({ filter, fromSeq, untilSeq }: ReplayLife, event: StoredEvent): boolean {
  return (
    event.seq >= fromSeq &&
    event.seq < untilSeq &&
    (filter.integration === undefined || filter.integration === event.integration) &&
    (filter.type === undefined || filter.type === event.type)
  );
}

/** Names an event on a route. */
export function placeKey(route: string, seq: number): string {
  return `${route} ${seq}`;
}

/** Names a message on a route. */
function messageKey(route: string, seq: number, replay: string | null): string {
  return `${placeKey(route, seq)} ${replay ?? ''}`;
}
