// Forgetting: events and rejections past their retention, the oldest events when the database grows towards its limit,
// and the oldest rejections of an integration that has too many. An event that is still in the outbox is never deleted.

/** Events deleted by one statement: short enough to let webhooks in between. */
const CHUNK_EVENTS = 1_000;

/** Bounds one run; the next comes a minute later. */
const MAX_CHUNKS = 50;

/** What is kept, and how much of it. */
export interface RetentionLimits {
  /** Events stored before this time go. Unix ms. */
  storedBeforeMs: number;
  /** Past this size of the database the oldest events go, whatever their age. */
  maxDatabaseBytes: number;
}

/** How many were deleted, for which reason. */
export interface Purged {
  expired: number;
  overflowing: number;
}

/** Deletes what is past its retention, then the oldest events while the database is too large. */
export async function purgeEvents(db: D1Database, limits: RetentionLimits): Promise<Purged> {
  const purged = { expired: 0, overflowing: 0 };
  let chunk: PurgedChunk;
  let chunks = 0;
  do {
    chunk = await purgeChunk(db, limits.storedBeforeMs);
    purged.expired += chunk.events;
    chunks++;
  } while (chunk.isFull && chunks < MAX_CHUNKS);

  let isShrinking = true; // not: nothing is left that may be deleted, or deleting does not help
  for (; chunk.databaseBytes > limits.maxDatabaseBytes && isShrinking && chunks < MAX_CHUNKS; chunks++) {
    const before = chunk.databaseBytes;
    chunk = await purgeChunk(db, Number.MAX_SAFE_INTEGER / 1000);
    purged.overflowing += chunk.events;
    isShrinking = chunk.databaseBytes < before;
  }
  return purged;
}

interface PurgedChunk {
  events: number;
  /** Size of the database afterwards, by D1's own word. */
  databaseBytes: number;
  /** Whether there may be more to delete. */
  isFull: boolean;
}

/** Deletes a chunk of the oldest forwarded events, of those stored before a time. */
async function purgeChunk(db: D1Database, storedBeforeMs: number): Promise<PurgedChunk> {
  const { results, meta } = await db
    .prepare(
      `DELETE FROM events WHERE seq IN (
         SELECT seq FROM events AS e
         WHERE seq < ?1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq)
         ORDER BY seq LIMIT ?2
       )
       RETURNING seq`,
    )
    .bind(storedBeforeMs * 1000, CHUNK_EVENTS)
    .run();
  const events = results.length; // D1's own count of changes has what triggers wrote as well
  return { events, databaseBytes: meta.size_after, isFull: events === CHUNK_EVENTS };
}

/** Kept for one integration at most: a sender that breaks the contract with every body does not fill the database. */
export const MAX_REJECTIONS_PER_INTEGRATION = 10_000;

/** Rejections deleted by one statement: their bodies have up to a megabyte. */
const CHUNK_REJECTIONS = 200;

/**
 * An integration that had no new rejection for so long is not counted again, since it cannot have come to have too
 * many. Ten runs of the cron: what one of them leaves undone, the next ones finish.
 */
const RECENT_MS = 10 * 60_000;

/**
 * Deletes rejections that were last delivered before a time, then the oldest of each integration that has too many.
 *
 * A run with nothing to do reads the rejections that are older than the time and were delivered again since, few, and
 * those of the last ten minutes; counting an integration reads all that it has, and is only done for these.
 */
export async function purgeRejections(
  db: D1Database,
  limits: { deliveredBeforeMs: number; nowMs: number },
): Promise<Purged> {
  const purged = { expired: 0, overflowing: 0 };
  let fullChunks = 0;
  const inChunks = async (deleteChunk: () => Promise<number>) => {
    let deleted = 0;
    while (fullChunks < MAX_CHUNKS) {
      const inChunk = await deleteChunk();
      deleted += inChunk;
      if (inChunk < CHUNK_REJECTIONS) break;
      fullChunks++;
    }
    return deleted;
  };
  purged.expired = await inChunks(async () => deleteExpiredRejections(db, limits.deliveredBeforeMs));
  for (const integration of await integrationsRejectingSince(db, limits.nowMs - RECENT_MS)) {
    purged.overflowing += await inChunks(async () => deleteOverflowingRejections(db, integration));
  }
  return purged;
}

/** Deletes a chunk. `seq` is the time of the first delivery or later, so those that are newer need not be looked at. */
async function deleteExpiredRejections(db: D1Database, deliveredBeforeMs: number): Promise<number> {
  const { results } = await db
    .prepare(
      `DELETE FROM rejections WHERE seq IN (
         SELECT seq FROM rejections NOT INDEXED
         WHERE seq < ?1 * 1000 AND last_received_at < ?1
         ORDER BY seq LIMIT ?2
       )
       RETURNING seq`,
    )
    .bind(deliveredBeforeMs, CHUNK_REJECTIONS)
    .run();
  return results.length;
}

async function integrationsRejectingSince(db: D1Database, sinceMs: number): Promise<string[]> {
  const { results } = await db
    .prepare('SELECT DISTINCT integration FROM rejections NOT INDEXED WHERE seq >= ?1 * 1000')
    .bind(sinceMs)
    .run<{ integration: string }>();
  return results.map(({ integration }) => integration);
}

/** Deletes a chunk of the oldest rejections of an integration, of those that are too many. */
async function deleteOverflowingRejections(db: D1Database, integration: string): Promise<number> {
  const { results } = await db
    .prepare(
      `DELETE FROM rejections WHERE seq IN (
         SELECT seq FROM rejections INDEXED BY rejections_by_integration
         WHERE integration = ?1
         ORDER BY seq LIMIT max(0, min(?3, (
           SELECT count(*) FROM rejections INDEXED BY rejections_by_integration WHERE integration = ?1
         ) - ?2))
       )
       RETURNING seq`,
    )
    .bind(integration, MAX_REJECTIONS_PER_INTEGRATION, CHUNK_REJECTIONS)
    .run();
  return results.length;
}
