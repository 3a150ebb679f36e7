// Forgetting: events and rejections past their retention, and then what is over its budget, see eviction.ts. An event
// that is still in the outbox is never deleted.

import { type ChunkAllowance, evictEvents, evictRejections } from './eviction.ts';
import { subtractEventsSql } from './usage.ts';

/** Events deleted by one statement: short enough to let webhooks in between. */
const CHUNK_EVENTS = 1_000;

/** Bounds one run; the next comes a minute later. */
const MAX_CHUNKS = 50;

/** What is kept, and how much of it. */
export interface RetentionLimits {
  /** Events stored before this time go. Unix ms. */
  storedBeforeMs: number;
  /** Past this size of the database events go early. */
  maxDatabaseBytes: number;
}

/** How many were deleted, for which reason. */
export interface Purged {
  expired: number;
  /** To make room. */
  overflowing: number;
}

/** What became of the events. */
export interface PurgedEvents extends Purged {
  /** Size of the database afterwards, by D1's own word. */
  databaseBytes: number;
}

/** Deletes what is past its retention, then events while the database is too large. */
export async function purgeEvents(
  db: D1Database,
  { storedBeforeMs, maxDatabaseBytes }: RetentionLimits,
): Promise<PurgedEvents> {
  const allowance: ChunkAllowance = { chunks: MAX_CHUNKS };
  let expired = 0;
  let chunk: PurgedChunk;
  do {
    chunk = await purgeChunk(db, storedBeforeMs);
    expired += chunk.events;
    allowance.chunks--;
  } while (chunk.isFull && allowance.chunks > 0);
  if (chunk.databaseBytes <= maxDatabaseBytes) return { expired, overflowing: 0, ...chunk };
  const { events, databaseBytes } = await evictEvents(db, chunk.databaseBytes, maxDatabaseBytes, allowance);
  return { expired, overflowing: events, databaseBytes };
}

interface PurgedChunk {
  events: number;
  /** Size of the database afterwards, by D1's own word: without the pages that are free. */
  databaseBytes: number;
  /** Whether there may be more to delete. */
  isFull: boolean;
}

/** The oldest ?2 forwarded events, of those stored before ?1. */
const EXPIRED = `
  SELECT seq FROM events AS e
  WHERE seq < ?1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq)
  ORDER BY seq LIMIT ?2`;

async function purgeChunk(db: D1Database, storedBeforeMs: number): Promise<PurgedChunk> {
  const chunk = [storedBeforeMs * 1000, CHUNK_EVENTS];
  const [, deleted] = await db.batch([
    db.prepare(subtractEventsSql(EXPIRED)).bind(...chunk),
    db.prepare(`DELETE FROM events WHERE seq IN (${EXPIRED}) RETURNING seq`).bind(...chunk),
  ]);
  if (deleted === undefined) throw new Error('D1 returned no result for a deletion');
  const events = deleted.results.length; // `changes` counts what triggers write as well
  return { events, databaseBytes: deleted.meta.size_after, isFull: events === CHUNK_EVENTS };
}

/** Rejections deleted by one statement: their bodies have up to a megabyte. */
const CHUNK_REJECTIONS = 200;

/**
 * Deletes rejections that were last delivered before a time, then what is over its budget.
 *
 * A run with nothing to do reads the rejections that are older than the time and were delivered again since, few, and
 * a row for each integration.
 */
export async function purgeRejections(
  db: D1Database,
  { deliveredBeforeMs, maxDatabaseBytes }: { deliveredBeforeMs: number; maxDatabaseBytes: number },
): Promise<Purged> {
  const allowance: ChunkAllowance = { chunks: MAX_CHUNKS };
  let expired = 0;
  let inChunk: number;
  do {
    inChunk = await deleteExpiredRejections(db, deliveredBeforeMs);
    expired += inChunk;
    if (inChunk === CHUNK_REJECTIONS) allowance.chunks--;
  } while (inChunk === CHUNK_REJECTIONS && allowance.chunks > 0);
  return { expired, overflowing: await evictRejections(db, maxDatabaseBytes, allowance) };
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
       RETURNING seq`, // `changes` counts what triggers write as well
    )
    .bind(deliveredBeforeMs, CHUNK_REJECTIONS)
    .run();
  return results.length;
}
