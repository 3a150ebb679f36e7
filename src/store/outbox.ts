// The outbox: what is stored and not yet confirmed as forwarded. Rows come in by the trigger on events.

import type { EventHead } from '../contract/event.ts';
import { eventHeadOf, type HeadRow } from './events.ts';

/** An event that waits to be forwarded. */
export interface PendingEvent {
  seq: number;
  /** 0 for the first time, otherwise which replay it is. */
  replay: number;
  head: EventHead;
  /** `null` where it was too large to be asked for, see {@link listPending}. */
  payload: string | null;
}

/** Columns of {@link PENDING_COLUMNS}, and which replay it is. */
export interface PendingRow extends HeadRow {
  replay: number;
  payload: string | null;
}

/** What forwarding reads of an event, with `e` for events. ?1: larger payloads are left out. */
export const PENDING_COLUMNS = `
  e.seq, e.id, e.integration, e.type, e.status, e.contact, e.app_id, e.received_at, e.occurred_at,
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
      `SELECT ${PENDING_COLUMNS}, 0 AS replay FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
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
      `SELECT ${PENDING_COLUMNS}, 0 AS replay FROM (SELECT DISTINCT value FROM json_each(?2)) AS wanted
       CROSS JOIN outbox AS o ON o.seq = wanted.value CROSS JOIN events AS e ON e.seq = o.seq`,
    )
    .bind(maxPayloadBytes, JSON.stringify(seqs))
    .run<PendingRow>();
  return results.map(pendingEventOf);
}

/**
 * Takes events out of the outbox once the queue has confirmed them, and counts them: those that were still in it, so
 * that what is forwarded twice is counted once.
 */
export async function confirmForwarded(
  db: D1Database,
  forwarded: readonly PendingEvent[],
  nowMs: number,
): Promise<void> {
  const seqs = JSON.stringify([...new Set(forwarded.map(({ seq }) => seq))]);
  await db.batch([
    db
      .prepare(
        `INSERT INTO counters (step, start, integration, kind, count)
         SELECT 60, ?1, e.integration, 'forwarded', count(*)
         FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
         WHERE o.seq IN (SELECT value FROM json_each(?2))
         GROUP BY e.integration
         ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count`,
      )
      .bind(minuteOf(nowMs), seqs),
    db.prepare('DELETE FROM outbox WHERE seq IN (SELECT value FROM json_each(?1))').bind(seqs),
  ]);
}

/** The minute that a time is in, Unix ms, as the counters have it. */
export function minuteOf(nowMs: number): number {
  return Math.floor(nowMs / 60_000) * 60_000;
}

export function pendingEventOf(row: PendingRow): PendingEvent {
  const { seq, ...head } = eventHeadOf(row);
  return { seq, replay: row.replay, head, payload: row.payload };
}
