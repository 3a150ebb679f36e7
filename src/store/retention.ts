// Forgetting: events past their retention, and the oldest ones when the database grows towards its limit. What is
// still in the outbox is never deleted.

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

/** How many events were deleted, for which reason. */
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
  const { meta } = await db
    .prepare(
      `DELETE FROM events WHERE seq IN (
         SELECT seq FROM events AS e
         WHERE seq < ?1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq)
         ORDER BY seq LIMIT ?2
       )`,
    )
    .bind(storedBeforeMs * 1000, CHUNK_EVENTS)
    .run();
  return { events: meta.changes, databaseBytes: meta.size_after, isFull: meta.changes >= CHUNK_EVENTS };
}
