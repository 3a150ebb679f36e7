// Counts refused webhooks for operators. A request that anybody can send must not cost a write, so an isolate gathers its
// counts and writes them at most every ten seconds, in one statement and without any answer waiting for it. What is gathered
// is bounded, and it is lost when the isolate dies.

import { type RefusalReason, UNPROVEN_REASONS } from '../contract/refusals.ts';
import type { Lifetime } from '../runtime/group-commit.ts';
import { describeError, log } from '../runtime/log.ts';
import { addRefusals, type RefusalCount } from '../store/refusals.ts';

/** How long counts are gathered. `waitUntil` lasts 30 s after an answer. */
const GATHER_MS = 10_000;
/** A request that should write the counts and has not begun by then has died. */
const OVERDUE_MS = 15_000;
/** Each reason has at most one log line in this time. */
const LOG_EVERY_MS = 1_000;
/**
 * How many integrations are told apart among requests without a genuine token; the rest counts under no integration. With
 * one more row for each reason, what anybody sends costs at most ten rows in ten seconds.
 */
const MAX_UNPROVEN = 10 - UNPROVEN_REASONS.length;

export interface RefusedWebhook {
  reason: RefusalReason;
  /** The integration that it was for; `null` where there is no such one, or it is not known. */
  integration: string | null;
  /** Whether it came with a genuine token. */
  isProven: boolean;
  requestId: string;
}

/** Makes the counter. Once for each isolate. */
export function createRefusals({
  db,
  now,
  pause,
}: {
  db: D1Database;
  now: () => number;
  pause: (ms: number) => Promise<void>;
}) {
  let gathered = new Map<string, RefusalCount>();
  let unproven = 0;
  /** Until when a request is expected to write the counts. */
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

  /** Never rejects: what D1 does not take is gathered again. It counts twice where only D1's answer was lost. */
  async function writeAfterGathering(): Promise<void> {
    await pause(GATHER_MS);
    awaitedUntilMs = Number.NEGATIVE_INFINITY; // what is refused from here on is for the next writer
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
    /** Counts and logs a refusal. */
    noteRefusal(refused: RefusedWebhook): void {
      const { reason, integration, isProven } = refused;
      add({ reason, integration: integration ?? '', count: 1 }, isProven);
      logOnce(refused);
    },

    /** Has the gathered counts written when it is time. To be called for every request. */
    writeRefusals(lifetime: Lifetime): void {
      if (gathered.size === 0 || now() < awaitedUntilMs) return;
      awaitedUntilMs = now() + OVERDUE_MS;
      lifetime.waitUntil(writeAfterGathering());
    },
  };
}
