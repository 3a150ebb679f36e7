// Checks of the routes once faults are over and all is quiet. What must never be was noted when it happened, see route-book.ts.
import { messageIdOf } from '../../src/contract/event.ts';
import { isWanted, placeKey, type RouteLife, type StoredEvent } from './route-book.ts';
import { isPoison, ROUTES, type RouteName, USUAL_DATABASE_GB } from './schedule.ts';
import { keyOf } from './webhooks.ts';
import type { World } from './world.ts';

const MINUTE_MS = 60_000;
/** Where nothing fails, the queue has an event within this time after it was stored. */
const FRESH_MS = 5_000;
/** What was left behind is forwarded within this time in which nothing fails: the sweep's grace, and two runs of the cron. */
const SWEPT_MS = 4 * MINUTE_MS;
/** Where the cron does not fire, requests stand in for it once it is two minutes late. */
const SWEPT_WITHOUT_CRON_MS = 6 * MINUTE_MS;
/** An event is given up after ten runs of the cron. */
const GIVEN_UP_MS = 16 * MINUTE_MS;
/** What began while something failed can end so much later. */
const TAIL_MS = 90_000;

/** Notes every violation in the world's book. */
export function checkRoutes(world: World): void {
  for (const life of world.book.routes.lives) {
    checkHandled(world, life);
    checkOnce(world, life);
    checkInTime(world, life);
    checkGivenUp(world, life);
  }
  checkStretches(world);
}

/** A consumer was done in the end with what the queue took. */
function checkHandled({ book, schedule }: World, { route, passed }: RouteLife): void {
  // Dead letters may be purged, or evicted from a full database, before an operator redrives them.
  if (schedule.retentionDays < 1 || schedule.maxDatabaseGb < USUAL_DATABASE_GB) return;
  for (const seq of passed) {
    const { integration, id } = book.stored.get(seq) as StoredEvent;
    if (book.routes.handled.has(placeKey(route, seq)) || book.mayBeTaken(integration, keyOf(integration, id)))
      continue;
    book.violated('durable', `${seq} ${id} went to route ${route}, and no consumer was ever done with it`);
  }
}

/** Where nothing failed that concerns a route, its queue took each event once, whatever failed on other routes. */
function checkOnce({ book, schedule }: World, { route, phases }: RouteLife): void {
  const filters = new Set(phases.map(({ filter }) => JSON.stringify(filter)));
  const isOnlyLife = book.routes.lives.filter((life) => life.route === route).length === 1;
  if (!isOnlyLife || filters.size > 1 || disturbancesOf(schedule, book.deathsAtMs, route).length > 0) return;
  if (schedule.consumerFaults.length > 0 || schedule.poisons.length > 0) return; // what is given up is sent again
  for (const { seq, id } of book.stored.values()) {
    const times = book.routes.taken.get(placeKey(route, seq))?.length ?? 0;
    if (times > 1)
      book.violated('once', `route ${route} got ${seq} ${id} ${times} times although nothing failed`);
  }
}

/** A time in which something keeps events from coming out. */
interface Disturbance {
  fromMs: number;
  untilMs: number;
}

/** What can keep any event of a route: faults of the database and of its own queue, deaths, a cron that does not fire. */
function disturbancesOf(
  { faults, cronFaults }: World['schedule'],
  deathsAtMs: readonly number[],
  route: string,
): Disturbance[] {
  return [
    ...faults.filter(({ target }) => target === 'd1' || target === route),
    ...cronFaults,
    ...deathsAtMs.map((atMs) => ({ fromMs: atMs, untilMs: atMs })),
  ].map(withTail);
}

function withTail({ fromMs, untilMs }: Disturbance): Disturbance {
  return { fromMs, untilMs: untilMs + TAIL_MS };
}

/** How long an event was kept from the queue of a route that wants it. */
interface Wait extends Disturbance {
  event: StoredEvent;
  /** Times in which the route did not want it, or was paused. */
  unwanted: Disturbance[];
}

function* waitsFor({ book, loop }: World, life: RouteLife): Generator<Wait> {
  const { route, phases, givenUp } = life;
  for (const event of book.stored.values()) {
    const isDue = event.seq > life.began && (life.passed.has(event.seq) || event.seq > life.position);
    if (!isDue) continue;
    const times = book.routes.taken.get(placeKey(route, event.seq)) ?? [];
    const ends = [
      times.find(({ no }) => no >= life.madeNo)?.atMs,
      givenUp.get(event.seq),
      event.deletedAtMs,
      life.goneAtMs,
      loop.nowMs,
    ];
    const unwanted = phases.flatMap((phase, index): Disturbance[] => {
      if (phase.isActive && isWanted(phase.filter, event)) return [];
      return [{ fromMs: phase.fromMs, untilMs: phases[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY }];
    });
    yield {
      event,
      fromMs: Math.max(event.storedAtMs, life.madeAtMs),
      untilMs: Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY)),
      unwanted,
    };
  }
}

function checkInTime(world: World, life: RouteLife): void {
  const { book, schedule } = world;
  const { route } = life;
  if (!isBound(world, route)) return;
  const disturbances = disturbancesOf(schedule, book.deathsAtMs, route);
  const sweptMs = schedule.character === 'cronless' ? SWEPT_WITHOUT_CRON_MS : SWEPT_MS;
  const poisons = schedule.poisons.filter((poison) => poison.route === route);
  for (const { event, fromMs, untilMs, unwanted } of waitsFor(world, life)) {
    const own = poisons.filter((poison) => isPoison(poison, messageIdOf(event.id))).map(withTail);
    const late = longestCalmMs(fromMs, untilMs, [...disturbances, ...unwanted, ...own]);
    // Whoever stored the event forwards it if the route was there, and wanted it. Poison in its batch leaves it to the sweep.
    const isFresh =
      event.storedAtMs >= life.madeAtMs &&
      ![...disturbances, ...unwanted, ...poisons.map(withTail)].some((one) =>
        overlaps(one, event.storedAtMs, event.storedAtMs + FRESH_MS),
      );
    if (late > (isFresh ? FRESH_MS : sweptMs)) {
      const waited = ((untilMs - fromMs) / 1000).toFixed(0);
      book.violated(
        'apart',
        `${event.seq} ${event.id} waited ${waited} s for route ${route}, to which nothing happened`,
      );
    }
  }
}

/** What a queue refused for long enough was given up, where it took another event before: otherwise it may be down. */
function checkGivenUp(world: World, life: RouteLife): void {
  const { book, schedule } = world;
  if (schedule.character === 'cronless' || !isBound(world, life.route)) return;
  const disturbances = disturbancesOf(schedule, book.deathsAtMs, life.route);
  for (const poison of schedule.poisons.filter(({ route }) => route === life.route)) {
    for (const { event, unwanted, ...wait } of waitsFor(world, life)) {
      if (!isPoison(poison, messageIdOf(event.id))) continue;
      const fromMs = Math.max(wait.fromMs, poison.fromMs);
      const untilMs = Math.min(wait.untilMs, poison.untilMs);
      const tookAnother = [...life.passed].some((seq) => {
        const other = book.stored.get(seq) as StoredEvent;
        const [first] = book.routes.taken.get(placeKey(life.route, seq)) ?? [];
        return (
          first !== undefined && first.atMs < fromMs && other.deletedAtMs === null && !life.givenUp.has(seq)
        );
      });
      if (tookAnother && longestCalmMs(fromMs, untilMs, [...disturbances, ...unwanted]) > GIVEN_UP_MS) {
        book.violated('given up', `route ${life.route} never gave up ${event.seq} ${event.id}`);
      }
    }
  }
}

function overlaps({ fromMs, untilMs }: Disturbance, sinceMs: number, endMs: number): boolean {
  return fromMs < endMs && untilMs > sinceMs;
}

/** The longest time between two moments in which nothing is disturbed. */
function longestCalmMs(fromMs: number, untilMs: number, disturbances: readonly Disturbance[]): number {
  let longest = 0;
  let calmSinceMs = fromMs;
  for (const one of disturbances.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (!overlaps(one, fromMs, untilMs)) continue;
    longest = Math.max(longest, one.fromMs - calmSinceMs);
    calmSinceMs = Math.max(calmSinceMs, one.untilMs);
  }
  return Math.max(longest, untilMs - calmSinceMs);
}

/** Noted stretches lie beyond the position, and none within another. They may touch. */
function checkStretches({ book, database }: World): void {
  const wrong = database.ask<{ route: string; after: number }>(`
    SELECT f.route, f.after FROM forwarded AS f JOIN routes AS r ON r.name = f.route
    WHERE f.after <= r.position OR f.last <= f.after OR EXISTS (
      SELECT 1 FROM forwarded AS other
      WHERE other.route = f.route AND other.after < f.after AND other.last >= f.last
    )`);
  for (const { route, after } of wrong) {
    book.violated(
      'positions',
      `the stretch behind ${after} of route ${route} lies in what is confirmed anyway`,
    );
  }
}

function isBound({ schedule }: World, route: string): boolean {
  return ROUTES.includes(route as RouteName) && schedule.boundRoutes.includes(route as RouteName);
}
