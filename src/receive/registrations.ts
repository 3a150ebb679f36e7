// What an isolate knows of the registered integrations: all of them, read together. The warm hot path asks nothing, a
// made-up address is answered from here without D1, a change takes effect within 30 s, and what was known last serves
// while D1 is down. There are few: src/operate bounds them.

import { groupCommit, type Lifetime } from '../group-commit.ts';
import { describeError, log } from '../log.ts';
import { type Integration, readRegistrations } from '../store/integrations.ts';

/** Registrations older than this are asked for again before they are believed. */
const MAX_AGE_MS = 30_000;
/** From this age on they are refreshed in the background, so that no webhook waits for it. */
const REFRESH_AGE_MS = 15_000;
/**
 * A genuine token that is newer than what is known was made a moment ago: it is asked for at once rather than
 * refused, but not more often than this. Only what holds a genuine token can cause it.
 */
const MIN_AGE_MS = 1_000;
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
  isBeingRefreshed: boolean;
}

/** Looks registrations up. Made once for each isolate: what it keeps is the same for every request. */
export function createRegistrations(deps: {
  db: D1Database;
  now: () => number;
  workTimeoutMs: number;
  noteCronRun: (atMs: number | null) => void;
}) {
  let known: Known | undefined;

  const read = groupCommit<null, Known>({
    maxItems: MAX_WAITING,
    maxBytes: Number.POSITIVE_INFINITY,
    bytesOf: () => 0,
    workTimeoutMs: deps.workTimeoutMs,
    work: async (waiting) => {
      const readAtMs = deps.now();
      const { integrations: listed, cronRunMs } = await readRegistrations(deps.db);
      deps.noteCronRun(cronRunMs);
      const integrations = new Map(listed.map((integration) => [integration.slug, integration]));
      const read = { integrations, readAtMs, isBeingRefreshed: false };
      known = read;
      return waiting.map(() => read);
    },
  });

  /** Registrations read within `maxAgeMs`; older ones where D1 does not answer in time, `undefined` without any. */
  async function registrationsOf(
    maxAgeMs: number,
    lifetime: Lifetime,
    timeoutMs: number,
  ): Promise<{ known: Known | undefined; isCurrent: boolean }> {
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : deps.now() - known.readAtMs;
    if (known !== undefined && ageMs < maxAgeMs) {
      if (ageMs >= REFRESH_AGE_MS && !known.isBeingRefreshed) {
        known.isBeingRefreshed = true; // if it fails, their age asks again
        lifetime.waitUntil(read(null, lifetime, timeoutMs).catch(() => undefined));
      }
      return { known, isCurrent: true };
    }
    try {
      return { known: await read(null, lifetime, timeoutMs), isCurrent: true };
    } catch (error) {
      log('warn', 'registrations not read', { error: describeError(error) });
      return { known, isCurrent: false };
    }
  }

  /**
   * The registration of a slug, within `timeoutMs`, whatever D1 does.
   *
   * @param generation of the genuine token that was presented, `null` for any other: such a request costs the same,
   *   and learns nothing by its timing either.
   */
  return async function findRegistration(
    slug: string,
    generation: Promise<number | null>,
    lifetime: Lifetime,
    timeoutMs: number,
  ): Promise<Registration> {
    const answer = await registrationsOf(MAX_AGE_MS, lifetime, timeoutMs);
    const presented = await generation;
    const isNews = (given: Known | undefined) =>
      presented !== null && presented > (given?.integrations.get(slug)?.generation ?? 0);
    const latest =
      answer.isCurrent && isNews(answer.known)
        ? await registrationsOf(MIN_AGE_MS, lifetime, timeoutMs)
        : answer;
    const integration = latest.known?.integrations.get(slug);
    if (!latest.isCurrent && (latest.known === undefined || isNews(latest.known)))
      return { kind: 'unverifiable' };
    return integration === undefined ? { kind: 'unknown' } : { kind: 'registered', integration };
  };
}
