// The outbox: what is stored and not yet confirmed as forwarded. Rows come in by the trigger on events.

import type { EventHead } from '../contract/event.ts';
import { eventHeadOf, type HeadRow } from './events.ts';

/** An event that waits to be forwarded. */
export interface PendingEvent {
  seq: number;
  /** 0 the first time, counted up by each replay. */
  replay: number;
  head: EventHead;
  /** `null` where it was too large to be asked for, see {@link listPending}. */
  payload: string | null;
}

interface PendingRow extends HeadRow {
  replay: number;
  payload: string | null;
}

const PENDING_COLUMNS = `
  o.seq, o.replay, e.id, e.integration, e.type, e.status, e.contact, e.app_id, e.received_at, e.occurred_at,
  CASE WHEN octet_length(e.payload) <= ?1 THEN e.payload END AS payload`;

/**
 * The oldest pending events between two places, exclusive, in order.
 *
 * @param maxPayloadBytes larger payloads are left out, so that a page fits in memory.
 */
export async function listPending(
  db: D1Database,
  range: { afterSeq: number; beforeSeq: number; limit: number; maxPayloadBytes: number },
): Promise<PendingEvent[]> {
  const { results } = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS} FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
       WHERE o.seq > ?2 AND o.seq < ?3 ORDER BY o.seq LIMIT ?4`,
    )
    .bind(range.maxPayloadBytes, range.afterSeq, range.beforeSeq, range.limit)
    .run<PendingRow>();
  return results.map(pendingEventOf);
}

/** Those of the given events that are still pending. */
export async function findPending(
  db: D1Database,
  seqs: readonly number[],
  maxPayloadBytes: number,
): Promise<PendingEvent[]> {
  const { results } = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS} FROM json_each(?2) AS wanted
       CROSS JOIN outbox AS o ON o.seq = wanted.value CROSS JOIN events AS e ON e.seq = o.seq`,
    )
    .bind(maxPayloadBytes, JSON.stringify(seqs))
    .run<PendingRow>();
  return results.map(pendingEventOf);
}

/**
 * Takes events out of the outbox once the queue has confirmed them. One that was put back meanwhile, to be
 * replayed, stays.
 */
export async function confirmForwarded(
  db: D1Database,
  forwarded: readonly Pick<PendingEvent, 'seq' | 'replay'>[],
): Promise<void> {
  for (const [replay, events] of Map.groupBy(forwarded, (event) => event.replay)) {
    await db
      .prepare('DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?1)) AND replay = ?2')
      .bind(JSON.stringify(events.map(({ seq }) => seq)), replay)
      .run();
  }
}

function pendingEventOf(row: PendingRow): PendingEvent {
  const { seq: _, ...head } = eventHeadOf(row);
  return { seq: row.seq, replay: row.replay, head, payload: row.payload };
}
