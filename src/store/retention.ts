// Retention: deletes events and rejections that are past it, and then what is over its budget, see eviction.ts. An event that
// an active route has yet to forward is never deleted.

import { evictEvents } from './event-eviction.ts';
import { evictRejections } from './eviction.ts';
import { DELETABLE_TO } from './stretches.ts';
import { deleteEventsSql } from './usage.ts';
import { deleteWithin, repeatWithin, WorkBudget } from './work-budget.ts';

/** Events deleted by one statement: short enough to let webhooks in between. */
const CHUNK_EVENTS = 1_000;
/** Rejections deleted by one statement: their bodies have up to a megabyte. */
const CHUNK_REJECTIONS = 200;
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

export interface PurgedEvents extends Purged {
  /** Size of the database afterwards, by D1's own word. */
  databaseBytes: number;
}

/** Deletes what is past its retention, then events while the database is too large. */
export async function purgeEvents(
  db: D1Database,
  { storedBeforeMs, maxDatabaseBytes }: RetentionLimits,
): Promise<PurgedEvents> {
  const budget = new WorkBudget(MAX_CHUNKS);
  let expired = 0;
  let databaseBytes = 0;
  await repeatWithin(budget, async () => {
    const chunk = await purgeChunk(db, storedBeforeMs);
    expired += chunk.events;
    ({ databaseBytes } = chunk);
    return chunk.events === CHUNK_EVENTS;
  });
  if (databaseBytes <= maxDatabaseBytes) return { expired, overflowing: 0, databaseBytes };
  const evicted = await evictEvents(db, databaseBytes, maxDatabaseBytes, budget);
  return { expired, overflowing: evicted.events, databaseBytes: evicted.databaseBytes };
}

/** The oldest ?2 events that may be deleted, of those stored before ?1. */
const EXPIRED = `SELECT seq FROM events WHERE seq < ?1 AND seq <= ${DELETABLE_TO} ORDER BY seq LIMIT ?2`;

async function purgeChunk(db: D1Database, storedBeforeMs: number) {
  const chunk = [storedBeforeMs * 1000, CHUNK_EVENTS];
  const [, deleted] = await db.batch(
    deleteEventsSql(`seq IN (${EXPIRED})`).map((sql) => db.prepare(sql).bind(...chunk)),
  );
  if (deleted === undefined) throw new Error('D1 returned no result for a deletion');
  // `changes` would count what triggers write as well. The size is that without the pages that are free.
  return { events: deleted.results.length, databaseBytes: deleted.meta.size_after };
}

/**
 * Deletes rejections that were last delivered before a time, then what is over its budget.
 *
 * A run with nothing to do reads a row for each integration, and the few rejections that are older than that time and were
 * delivered again since.
 */
export async function purgeRejections(
  db: D1Database,
  { deliveredBeforeMs, maxDatabaseBytes }: { deliveredBeforeMs: number; maxDatabaseBytes: number },
): Promise<Purged> {
  const budget = new WorkBudget(MAX_CHUNKS);
  // `seq` is the time of the first delivery or later, so what is newer need not be looked at.
  const condition = 'seq < ?2 * 1000 AND last_received_at < ?2';
  const old = { table: 'rejections', index: 'NOT INDEXED', condition };
  const expired = await deleteWithin(budget, db, old, CHUNK_REJECTIONS, deliveredBeforeMs);
  return { expired, overflowing: await evictRejections(db, maxDatabaseBytes, budget) };
}
