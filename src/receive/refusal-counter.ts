// What operators get to know of refused webhooks: every refusal passes here, of senders that are known and of anybody.
//
// Counting must not cost a write for each request that anybody can send: an isolate gathers what it refuses, and writes it
// at most every ten seconds, as one statement, behind an answer. That is the reason for the state that outlives a request
// here. It is bounded, and it is only counts: what an isolate had gathered when it dies is lost.

import { type RefusalReason, UNPROVEN_REASONS } from '../contract/refusals.ts';
import type { Lifetime } from '../runtime/group-commit.ts';
import { describeError, log } from '../runtime/log.ts';
import { addRefusals, type RefusalCount } from '../store/refusals.ts';

/** For so long refusals are gathered: `waitUntil` lasts 30 s after an answer. */
export const GATHER_MS = 10_000;
/** Whoever waited to write and has not begun by then never will: its request was ended in the middle. */
const OVERDUE_MS = 15_000;
/** One line of the log for each reason in so long. */
const LOG_EVERY_MS = 1_000;
/**
 * Integrations that are told apart of what came without a genuine token. With these and the reasons that have none, at
 * most ten rows are written of all that anybody sends in ten seconds; what is beyond counts under no integration.
 */
const MAX_UNPROVEN = 10 - UNPROVEN_REASONS.length;

/** A webhook that is refused. */
export interface RefusedWebhook {
  reason: RefusalReason;
  /** The one that it was for; `null`: there is no such integration, or it is not known. */
  integration: string | null;
  /** Whether it came with a genuine token. */
  isProven: boolean;
  requestId: string;
}

interface RefusalDeps {
  db: D1Database;
  now: () => number;
  /** Lets so many ms pass. */
  pause: (ms: number) => Promise<void>;
}

export interface Refusals {
  /** Counts and logs a refusal. */
  noteRefusal(refused: RefusedWebhook): void;
  /** Writes what is gathered behind an answer, once it was gathered for long enough. To be called for every request. */
  writeRefusals(lifetime: Lifetime): void;
}

/** Made once for each isolate. */
export function createRefusals({ db, now, pause }: RefusalDeps): Refusals {
  let gathered = new Map<string, RefusalCount>();
  let unproven = 0;
  /** Until when somebody waits to write what is gathered. */
  let awaitedUntilMs = Number.NEGATIVE_INFINITY;
  const logged = new Map<RefusalReason, { atMs: number; unlogged: number }>();

  function add(refusal: RefusalCount, isProven: boolean): void {
    const { integration, reason, count } = refusal;
    const key = `${reason} ${integration}`;
    const known = gathered.get(key);
    if (known !== undefined) {
      known.count += count;
    } else if (integration !== '' && !isProven && unproven === MAX_UNPROVEN) {
      add({ ...refusal, integration: '' }, isProven);
    } else {
      if (integration !== '' && !isProven) unproven++;
      gathered.set(key, { ...refusal });
    }
  }

  /** Never rejects: what D1 does not take is gathered again. Where only its answer is lost, that counts twice. */
  async function writeAfterGathering(): Promise<void> {
    await pause(GATHER_MS);
    awaitedUntilMs = Number.NEGATIVE_INFINITY; // what is refused from here on goes with the next
    const counts = [...gathered.values()];
    gathered = new Map();
    unproven = 0;
    try {
      await addRefusals(db, counts, now());
    } catch (error) {
      log('warn', 'refusals not counted yet', { error: describeError(error) });
      for (const one of counts) add(one, true);
    }
  }

  function logOnce({ reason, integration, requestId }: RefusedWebhook): void {
    const { atMs, unlogged } = logged.get(reason) ?? { atMs: Number.NEGATIVE_INFINITY, unlogged: 0 };
    const isDue = Math.abs(now() - atMs) >= LOG_EVERY_MS; // a clock can be set back
    logged.set(reason, isDue ? { atMs: now(), unlogged: 0 } : { atMs, unlogged: unlogged + 1 });
    if (!isDue) return;
    log('warn', 'webhook refused', {
      ...(integration !== null && { integration }),
      requestId,
      reason,
      ...(unlogged > 0 && { unlogged }),
    });
  }

  return {
    noteRefusal(refused) {
      const { reason, integration, isProven } = refused;
      add({ reason, integration: integration ?? '', count: 1 }, isProven);
      logOnce(refused);
    },

    writeRefusals(lifetime) {
      if (gathered.size === 0 || now() < awaitedUntilMs) return;
      awaitedUntilMs = now() + OVERDUE_MS;
      lifetime.waitUntil(writeAfterGathering());
    },
  };
}
