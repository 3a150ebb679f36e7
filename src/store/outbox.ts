// The outbox: events that are stored and not yet confirmed as forwarded. A trigger on events adds its rows.

import { addCountsSql, minuteSql } from './counters.ts';
import { keepNeverSent, type NeverSent } from './dead-letters.ts';
import { eventHeadOf, HEAD_COLUMNS, type HeadRow, type PendingEvent, payloadUpTo } from './events.ts';
import { GIVEN_PLACES, placesJson } from './places.ts';

/** An event that waits in a table. */
export interface WaitingEvent extends PendingEvent {
  /** In so many runs the queue refused this event and took others. */
  refusals: number;
}

/** {@link PENDING_COLUMNS}, and which replay it is. */
export interface PendingRow extends HeadRow {
  replay: number;
  refusals: number;
  payload: string | null;
}

/** Younger events are left to the requests that brought them, whose `waitUntil` ends 30 s after the answer. */
export const SWEEP_GRACE_MS = 30_000;

/** What forwarding reads of an event, with `e` for events. ?1: larger payloads are left out. */
export const PENDING_COLUMNS = `${HEAD_COLUMNS}, ${payloadUpTo('?1')}`;

/**
 * The oldest pending events behind a place, in order, that have been stored for {@link SWEEP_GRACE_MS}. Their places tell
 * that; where a clock that was ahead told the place, the event counts as well if it was there when a sweep last ended.
 *
 * @param maxPayloadBytes larger payloads are left out, so that a page fits in memory.
 */
export async function listPending(
  db: D1Database,
  page: { afterSeq: number; nowMs: number; limit: number; maxPayloadBytes: number },
): Promise<WaitingEvent[]> {
  const storedBeforeMs = page.nowMs - SWEEP_GRACE_MS;
  const { results } = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS}, 0 AS replay, o.refusals FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
       WHERE o.seq > ?2 AND o.seq < max(
         ?3 * 1000, coalesce((SELECT seq + 1 FROM progress WHERE task = 'sweep' AND at <= ?3), 0)
       )
       ORDER BY o.seq LIMIT ?4`,
    )
    .bind(page.maxPayloadBytes, page.afterSeq, storedBeforeMs, page.limit)
    .run<PendingRow>();
  return results.map(waitingEventOf);
}

/** Those of the given events that are still pending. */
export async function findPending(
  db: D1Database,
  seqs: readonly number[],
  maxPayloadBytes: number,
): Promise<WaitingEvent[]> {
  const { results } = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS}, 0 AS replay, o.refusals FROM (SELECT DISTINCT value FROM json_each(?2)) AS wanted
       CROSS JOIN outbox AS o ON o.seq = wanted.value CROSS JOIN events AS e ON e.seq = o.seq`,
    )
    .bind(maxPayloadBytes, JSON.stringify(seqs))
    .run<PendingRow>();
  return results.map(waitingEventOf);
}

/** An event that the queue has taken: the last one before all that wait, or one of the newest. `null`: none is known. */
export async function findForwarded(db: D1Database, maxPayloadBytes: number): Promise<PendingEvent | null> {
  const row = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS}, 0 AS replay FROM events AS e WHERE e.seq = coalesce(
         (SELECT max(seq) FROM events WHERE seq < (SELECT min(seq) FROM outbox)),
         (SELECT max(seq) FROM (SELECT seq FROM events ORDER BY seq DESC LIMIT 100) AS newest
          WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = newest.seq))
       )`,
    )
    .bind(maxPayloadBytes)
    .first<Omit<PendingRow, 'refusals'>>();
  return row && pendingEventOf(row);
}

/** Notes that the queue refused events in a run in which it took others. */
export async function noteRefusals(db: D1Database, events: readonly PendingEvent[]): Promise<void> {
  await db
    .prepare(`UPDATE outbox SET refusals = refusals + 1 WHERE seq IN (${GIVEN_PLACES})`)
    .bind(placesJson(events))
    .run();
}

/** Makes dead letters of pending events that no queue takes, and takes them out of the outbox, in one transaction. */
export async function giveUpPending(
  db: D1Database,
  letters: readonly NeverSent[],
  nowMs: number,
): Promise<void> {
  await db.batch(
    letters.flatMap((letter) => [
      keepNeverSent(db, letter, nowMs, {
        sql: 'EXISTS (SELECT 1 FROM outbox WHERE seq = ?12)',
        values: [letter.event.seq],
      }),
      db.prepare('DELETE FROM outbox WHERE seq = ?1').bind(letter.event.seq),
    ]),
  );
}

/**
 * Takes events out of the outbox once the queue has confirmed them, and counts those that were still in it: what is forwarded
 * twice is counted once.
 */
export async function confirmForwarded(
  db: D1Database,
  forwarded: readonly PendingEvent[],
  nowMs: number,
): Promise<void> {
  const places = placesJson(forwarded);
  await db.batch([
    db
      .prepare(
        addCountsSql(`
          SELECT 60, ${minuteSql('?2')}, e.integration, 'forwarded', count(*)
          FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
          WHERE o.seq IN (${GIVEN_PLACES})
          GROUP BY e.integration`),
      )
      .bind(places, nowMs),
    db.prepare(`DELETE FROM outbox WHERE seq IN (${GIVEN_PLACES})`).bind(places),
  ]);
}

export function waitingEventOf({ refusals, ...row }: PendingRow): WaitingEvent {
  return { ...pendingEventOf(row), refusals };
}

function pendingEventOf({ replay, payload, ...row }: Omit<PendingRow, 'refusals'>): PendingEvent {
  const { seq, ...head } = eventHeadOf(row);
  return { seq, replay, head, payload };
}
