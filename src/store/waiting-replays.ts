// The replaying table: events that wait to be sent again, apart from the outbox, so that no new event waits behind them.

import { addCountsSql, minuteSql } from './counters.ts';
import { keepNeverSent, type NeverSent } from './dead-letters.ts';
import { PENDING_COLUMNS, type PendingRow, type WaitingEvent, waitingEventOf } from './outbox.ts';

/** An event that waits to be forwarded again. */
export interface ReplayPlace {
  job: number;
  seq: number;
  /** Counts the replays of the event, from 1. */
  replay: number;
}

export interface SizedReplayPlace extends ReplayPlace {
  /** `null`: the event was deleted meanwhile. */
  payloadBytes: number | null;
}

/** A replay with the event that it forwards. */
export interface PendingReplay extends WaitingEvent {
  job: number;
}

/** The first that wait: single events, then those of one job after the other, oldest first. */
export async function listWaiting(db: D1Database, limit: number): Promise<SizedReplayPlace[]> {
  const { results } = await db
    .prepare(
      `SELECT r.job, r.seq, r.replay, octet_length(e.payload) AS payloadBytes
       FROM replaying AS r LEFT JOIN events AS e ON e.seq = r.seq ORDER BY r.job, r.seq LIMIT ?1`,
    )
    .bind(limit)
    .run<SizedReplayPlace>();
  return results;
}

/** Those of the given replays that still wait, with their events. */
export async function findWaiting(
  db: D1Database,
  places: readonly ReplayPlace[],
  maxPayloadBytes: number,
): Promise<PendingReplay[]> {
  const { results } = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS}, r.replay, r.job, r.refusals ${stillWaiting('?2')} CROSS JOIN events AS e ON e.seq = r.seq`,
    )
    .bind(maxPayloadBytes, placesJson(places))
    .run<PendingRow & { job: number }>();
  return results.map(({ job, ...row }) => ({ ...waitingEventOf(row), job }));
}

/** Joins the given places to what waits there, if it is still the same replay: another can have been asked for meanwhile. */
function stillWaiting(places: '?1' | '?2'): string {
  return `
    FROM json_each(${places}) AS place
    CROSS JOIN replaying AS r
      ON r.job = place.value ->> 0 AND r.seq = place.value ->> 1 AND r.replay = place.value ->> 2`;
}

function deleteWaiting(db: D1Database, places: string): D1PreparedStatement {
  return db
    .prepare(`DELETE FROM replaying WHERE (job, seq) IN (SELECT r.job, r.seq ${stillWaiting('?1')})`)
    .bind(places);
}

function placesJson(places: readonly ReplayPlace[]): string {
  return JSON.stringify(places.map(({ job, seq, replay }) => [job, seq, replay]));
}

/** Takes replays out once the queue has confirmed them, and counts those that still waited. */
export async function confirmReplayed(
  db: D1Database,
  replayed: readonly PendingReplay[],
  nowMs: number,
): Promise<void> {
  const places = placesJson(replayed);
  await db.batch([
    db
      .prepare(
        addCountsSql(`
          SELECT 60, ${minuteSql('?1')}, e.integration, 'replayed', count(*) ${stillWaiting('?2')}
          CROSS JOIN events AS e ON e.seq = r.seq
          GROUP BY e.integration`),
      )
      .bind(nowMs, places),
    db
      .prepare(
        `UPDATE replays SET forwarded = forwarded + confirmed.n
         FROM (SELECT r.job, count(*) AS n ${stillWaiting('?1')} GROUP BY r.job) AS confirmed
         WHERE replays.id = confirmed.job`,
      )
      .bind(places),
    deleteWaiting(db, places),
  ]);
}

/** Notes that the queue refused replays in a run in which it took others. */
export async function noteReplayRefusals(db: D1Database, places: readonly ReplayPlace[]): Promise<void> {
  await db
    .prepare(
      `UPDATE replaying SET refusals = refusals + 1
       WHERE (job, seq) IN (SELECT r.job, r.seq ${stillWaiting('?1')})`,
    )
    .bind(placesJson(places))
    .run();
}

/** Makes dead letters of replays that no queue takes, and takes them out, in one transaction. */
export async function giveUpReplays(
  db: D1Database,
  letters: readonly NeverSent<PendingReplay>[],
  nowMs: number,
): Promise<void> {
  await db.batch(
    letters.flatMap((letter) => {
      const { job, seq, replay } = letter.event;
      const isWaiting = 'EXISTS (SELECT 1 FROM replaying WHERE job = ?12 AND seq = ?13 AND replay = ?14)';
      return [
        keepNeverSent(db, letter, nowMs, { sql: isWaiting, values: [job, seq, replay] }),
        deleteWaiting(db, placesJson([letter.event])),
      ];
    }),
  );
}

/** Takes replays out whose events were deleted meanwhile. */
export async function dropReplays(db: D1Database, places: readonly ReplayPlace[]): Promise<void> {
  await deleteWaiting(db, placesJson(places)).run();
}
