// A cache of all registered integrations, which are few: src/api bounds them. A warm isolate asks D1 for nothing, not even for
// made-up addresses; a change takes effect within 30 s; and while D1 is down the last known registrations serve.
//
// A genuine token that is newer than its cached registration was made a moment ago. D1 is then asked once more before it is
// refused, unless the cache was read after the request arrived. Only holders of a genuine token can cause that, and they
// share one statement at a time.

import { type CircuitBreaker, CircuitOpen } from '../runtime/circuit-breaker.ts';
import { groupCommit, type Lifetime } from '../runtime/group-commit.ts';
import { describeError, log } from '../runtime/log.ts';
import { type Integration, readRegistrations } from '../store/integrations.ts';

/** Older registrations are read again before they are used. */
const MAX_AGE_MS = 30_000;
/** Older registrations are refreshed in the background, so that no webhook waits for it. */
const REFRESH_AGE_MS = 15_000;

/** The registration of a slug. `unverifiable`: D1 does not answer, and the cache cannot tell. */
export type Registration =
  | { kind: 'registered'; integration: Integration }
  | { kind: 'unknown' }
  | { kind: 'unverifiable' };

interface Snapshot {
  integrations: Map<string, Integration>;
  readAtMs: number;
  /** Readings are numbered from 1 in the order in which they began. */
  reading: number;
  isBeingRefreshed: boolean;
}

interface LookUp {
  snapshot: Snapshot | undefined;
  /** Whether D1 answered, now or a moment ago. */
  isCurrent: boolean;
}

interface RegistrationsDeps {
  db: D1Database;
  now: () => number;
  workTimeoutMs: number;
  breaker: CircuitBreaker;
  /** Is told when the cron last began, as often as registrations are read. */
  noteCronRun: (atMs: number | null) => void;
}

/** Makes the look-up. Once for each isolate: requests share its cache. */
export function createRegistrations(deps: RegistrationsDeps) {
  let cached: Snapshot | undefined;
  let readings = 0;

  const read = groupCommit<null, Snapshot>({
    maxItems: Number.POSITIVE_INFINITY,
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
      const snapshot = { integrations, readAtMs, reading, isBeingRefreshed: false };
      if (cached === undefined || cached.reading < reading) cached = snapshot; // an earlier reading may answer later
      return waiting.map(() => snapshot);
    },
  });

  /** The cached registrations where they are recent, otherwise those that D1 tells. */
  async function recentRegistrations(lifetime: Lifetime, untilMs: number): Promise<LookUp> {
    const ageMs = cached === undefined ? Number.POSITIVE_INFINITY : deps.now() - cached.readAtMs;
    if (cached === undefined || ageMs >= MAX_AGE_MS) return askForRegistrations(lifetime, untilMs);
    if (ageMs >= REFRESH_AGE_MS && !cached.isBeingRefreshed) {
      cached.isBeingRefreshed = true; // where it fails, MAX_AGE_MS has them read again
      lifetime.waitUntil(read(null, lifetime, deps.workTimeoutMs).catch(() => undefined));
    }
    return { snapshot: cached, isCurrent: true };
  }

  /** Asks D1, and gives what is cached where it does not answer in time. */
  async function askForRegistrations(lifetime: Lifetime, untilMs: number): Promise<LookUp> {
    try {
      const leftMs = Math.min(untilMs - deps.now(), deps.workTimeoutMs);
      return { snapshot: await read(null, lifetime, leftMs), isCurrent: true };
    } catch (error) {
      if (!(error instanceof CircuitOpen)) {
        log('warn', 'registrations not read', { error: describeError(error) });
      }
      return { snapshot: cached, isCurrent: false };
    }
  }

  /**
   * The registration of a slug, whatever D1 does, until `untilMs` by `deps.now`. While the breaker is open, the cache serves
   * at any age.
   *
   * @param generation of the genuine token of the request, `null` without one. Such a request costs the same, so that its
   *   timing tells nothing.
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
    const isNewer = ({ snapshot }: LookUp) =>
      presented !== null && presented > (snapshot?.integrations.get(slug)?.generation ?? 0);
    const wasReadBefore = recent.snapshot !== undefined && recent.snapshot.reading <= readingsBefore;
    const isStale = recent.isCurrent && wasReadBefore && isNewer(recent);
    const latest = isStale ? await askForRegistrations(lifetime, untilMs) : recent;
    if (!latest.isCurrent && (latest.snapshot === undefined || isNewer(latest))) {
      return { kind: 'unverifiable' };
    }
    const integration = latest.snapshot?.integrations.get(slug);
    return integration === undefined ? { kind: 'unknown' } : { kind: 'registered', integration };
  };
}
