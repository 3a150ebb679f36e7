// What an isolate knows of the registered integrations: a cache in front of D1, so that the warm hot path asks
// nothing, a change takes effect within 30 s, and the last known registration serves while D1 is down.

import { groupCommit, type Lifetime } from '../group-commit.ts';
import { describeError, log } from '../log.ts';
import { findIntegrations, type Integration } from '../store/integrations.ts';

/** A registration older than this is asked for again before it is believed. */
const MAX_AGE_MS = 30_000;
/** From this age on it is refreshed in the background, so that no webhook waits for it. */
const REFRESH_AGE_MS = 15_000;
const MAX_CACHED = 1_000;

/** What is known of a slug. `unverifiable`: D1 does not answer, and nothing is known from before. */
export type Registration =
  | { kind: 'registered'; integration: Integration }
  | { kind: 'unknown' }
  | { kind: 'unverifiable' };

interface Entry {
  integration: Integration | null;
  readAtMs: number;
  isBeingRefreshed: boolean;
}

/** Looks registrations up. Made once for each isolate: what it caches is the same for every request. */
export function createRegistrations(deps: { db: D1Database; now: () => number; workTimeoutMs: number }) {
  const entries = new Map<string, Entry>();

  const lookUp = groupCommit<string, Integration | null>({
    maxItems: MAX_CACHED,
    maxBytes: Number.POSITIVE_INFINITY,
    bytesOf: () => 0,
    workTimeoutMs: deps.workTimeoutMs,
    work: async (slugs) => {
      const readAtMs = deps.now();
      const found = await findIntegrations(deps.db, [...new Set(slugs)]);
      const bySlug = new Map(found.map((integration) => [integration.slug, integration]));
      return slugs.map((slug) => {
        const integration = bySlug.get(slug) ?? null;
        remember(slug, { integration, readAtMs, isBeingRefreshed: false });
        return integration;
      });
    },
  });

  function remember(slug: string, entry: Entry): void {
    entries.delete(slug); // a Map keeps the order of insertion: the newest goes last
    entries.set(slug, entry);
    const [oldest] = entries.keys();
    if (entries.size > MAX_CACHED && oldest !== undefined) entries.delete(oldest);
  }

  /** The registration of a slug; answers within `timeoutMs`, whatever D1 does. */
  return async function findRegistration(
    slug: string,
    lifetime: Lifetime,
    timeoutMs: number,
  ): Promise<Registration> {
    const known = entries.get(slug);
    const ageMs = known === undefined ? Number.POSITIVE_INFINITY : deps.now() - known.readAtMs;
    if (known !== undefined && ageMs < MAX_AGE_MS) {
      if (ageMs >= REFRESH_AGE_MS && !known.isBeingRefreshed) {
        known.isBeingRefreshed = true; // if it fails, the age of the entry asks again
        lifetime.waitUntil(lookUp(slug, lifetime, timeoutMs).catch(() => undefined));
      }
      return registrationOf(known.integration);
    }
    try {
      return registrationOf(await lookUp(slug, lifetime, timeoutMs));
    } catch (error) {
      log('warn', 'registration not read', { integration: slug, error: describeError(error) });
      return known === undefined ? { kind: 'unverifiable' } : registrationOf(known.integration);
    }
  };
}

function registrationOf(integration: Integration | null): Registration {
  return integration === null ? { kind: 'unknown' } : { kind: 'registered', integration };
}
