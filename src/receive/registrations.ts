// What an isolate knows of the registered integrations: all of them, read together. The warm hot path asks nothing, a
// made-up address is answered from here without D1, a change takes effect within 30 s, and what was known last serves
// while D1 is down. There are few: src/api bounds them.
//
// A genuine token that is newer than what is known was made a moment ago: D1 is asked once more rather than refusing it,
// unless it was asked after the request arrived. Only what holds a genuine token can cause that, and however many do,
// they share the readings: one statement at a time is under way.

import { type CircuitBreaker, CircuitOpen } from '../runtime/circuit-breaker.ts';
import { groupCommit, type Lifetime } from '../runtime/group-commit.ts';
import { describeError, log } from '../runtime/log.ts';
import { type Integration, readRegistrations } from '../store/integrations.ts';

/** Registrations older than this are asked for again before they are believed. */
const MAX_AGE_MS = 30_000;
/** From this age on they are refreshed in the background, so that no webhook waits for it. */
const REFRESH_AGE_MS = 15_000;
/** Requests that can wait for one reading together. */
const MAX_WAITING = 10_000;

/** What is known of a slug. `unverifiable`: D1 does not answer, and what is known does not say. */
export type Registration =
  | { kind: 'registered'; integration: Integration }
  | { kind: 'unknown' }
  | { kind: 'unverifiable' };

interface Known {
  integrations: Map<string, Integration>;
  readAtMs: number;
  /** Which reading it is of, from 1: how many had begun with it. */
  reading: number;
  isBeingRefreshed: boolean;
}

interface RegistrationsDeps {
  db: D1Database;
  now: () => number;
  workTimeoutMs: number;
  breaker: CircuitBreaker;
  /** Gets to know when the cron last began, as often as registrations are read. */
  noteCronRun: (atMs: number | null) => void;
}

/** Looks registrations up. Made once for each isolate: what it keeps is the same for every request. */
export function createRegistrations(deps: RegistrationsDeps) {
  let known: Known | undefined;
  let readings = 0;

  const read = groupCommit<null, Known>({
    maxItems: MAX_WAITING,
    maxBytes: Number.POSITIVE_INFINITY,
    bytesOf: () => 0,
    workTimeoutMs: deps.workTimeoutMs,
    breaker: deps.breaker,
    work: async (waiting) => {
      const reading = ++readings;
      const readAtMs = deps.now();
      const { integrations: listed, cronRunMs } = await readRegistrations(deps.db);
      deps.noteCronRun(cronRunMs);
      const integrations = new Map(listed.map((integration) => [integration.slug, integration]));
      const read = { integrations, readAtMs, reading, isBeingRefreshed: false };
      if (known === undefined || known.reading < reading) known = read; // the one before may answer late
      return waiting.map(() => read);
    },
  });

  /** Registrations that are recent; older ones where D1 does not answer in time, `undefined` without any. */
  async function recentRegistrations(lifetime: Lifetime, untilMs: number): Promise<Looked> {
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : deps.now() - known.readAtMs;
    if (known === undefined || ageMs >= MAX_AGE_MS) return askForRegistrations(lifetime, untilMs);
    if (ageMs >= REFRESH_AGE_MS && !known.isBeingRefreshed) {
      known.isBeingRefreshed = true; // if it fails, their age asks again
      lifetime.waitUntil(read(null, lifetime, deps.workTimeoutMs).catch(() => undefined));
    }
    return { known, isCurrent: true };
  }

  /** Asks D1. What is known already, where that does not answer in time. */
  async function askForRegistrations(lifetime: Lifetime, untilMs: number): Promise<Looked> {
    try {
      const leftMs = Math.min(untilMs - deps.now(), deps.workTimeoutMs);
      return { known: await read(null, lifetime, leftMs), isCurrent: true };
    } catch (error) {
      if (!(error instanceof CircuitOpen)) {
        log('warn', 'registrations not read', { error: describeError(error) });
      }
      return { known, isCurrent: false };
    }
  }

  /**
   * The registration of a slug, whatever D1 does, by a moment: Unix ms by `deps.now`. While the breaker is open, what is
   * known serves at any age.
   *
   * @param generation of the genuine token that was presented, `null` for any other: such a request costs the same,
   *   and learns nothing by its timing either.
   */
  return async function findRegistration(
    slug: string,
    generation: Promise<number | null>,
    lifetime: Lifetime,
    untilMs: number,
  ): Promise<Registration> {
    const readingsBefore = readings;
    const recent = await recentRegistrations(lifetime, untilMs);
    const presented = await generation;
    const isNews = (given: Known | undefined) =>
      presented !== null && presented > (given?.integrations.get(slug)?.generation ?? 0);
    const wasReadBefore = recent.known !== undefined && recent.known.reading <= readingsBefore;
    const latest =
      recent.isCurrent && wasReadBefore && isNews(recent.known)
        ? await askForRegistrations(lifetime, untilMs)
        : recent;
    const integration = latest.known?.integrations.get(slug);
    if (!latest.isCurrent && (latest.known === undefined || isNews(latest.known)))
      return { kind: 'unverifiable' };
    return integration === undefined ? { kind: 'unknown' } : { kind: 'registered', integration };
  };
}

interface Looked {
  known: Known | undefined;
  /** Whether D1 answered, now or a moment ago. */
  isCurrent: boolean;
}
