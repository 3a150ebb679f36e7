// The usage table: what is kept for each integration, in rows and bytes, by kind. Rejections and dead letters are summed
// by triggers, see migrations/0006_usage.sql and 0008. A trigger for events would cost a row written for each of them: they
// are summed by a reader of the log, and whoever deletes events subtracts them in the same transaction.

import { advanceSql, isUnmoved, nextStretch, progressSql } from './progress.ts';
import { repeatWithin, WorkBudget } from './work-budget.ts';

/** `deferred-rejection` and `unstored-webhook` were acknowledged, and are not deleted to make room. */
export type UsageKind = 'event' | 'rejection' | 'deferred-rejection' | 'dead-letter' | 'unstored-webhook';

/** What is kept of a kind for an integration. */
export interface Usage {
  kind: UsageKind;
  /** Empty: of dead letters that belong to no integration. */
  integration: string;
  items: number;
  /** What it takes of the database: its payloads or bodies, and {@link ROW_BYTES} for each. */
  bytes: number;
  /** Of events: how far in the log the last search for the integration's oldest came. */
  walkedSeq: number;
}

/**
 * An estimate of what a row takes of the database beside its payload or body, with its entries in indexes. Without it,
 * an integration that fills the database with many small rows would seem to hold little.
 */
export const ROW_BYTES = 400;

/** Events summed by one step: short enough to let webhooks in between. */
const CHUNK_EVENTS = 10_000;
/** Bounds one run to as many events as the roll-up counts in one. What is left, the next run sums. */
const MAX_CHUNKS = 10;

/** What is kept of these kinds. Reads a row for each kind and integration. */
export async function readUsage(db: D1Database, kinds: readonly UsageKind[]): Promise<Usage[]> {
  const { results } = await db
    .prepare(
      `SELECT kind, integration, items, bytes + items * ${ROW_BYTES} AS bytes, walked AS walkedSeq FROM usage
       WHERE kind IN (SELECT value FROM json_each(?1)) AND items > 0`,
    )
    .bind(JSON.stringify(kinds))
    .run<Usage>();
  return results;
}

/** Sums the events that were counted since the last run: no event is ever stored before the place of the roll-up. */
export async function sumEvents(db: D1Database, nowMs: number): Promise<void> {
  await repeatWithin(new WorkBudget(MAX_CHUNKS), async () => {
    const { afterSeq, lastSeq, events } = await nextStretch(db, 'usage', CHUNK_EVENTS, 'counters');
    if (lastSeq === null) return false;
    await db.batch([
      db.prepare(SUM).bind(afterSeq, lastSeq),
      db.prepare(advanceSql('usage')).bind(afterSeq, lastSeq, nowMs),
    ]);
    return events === CHUNK_EVENTS;
  });
}

const ADD =
  'ON CONFLICT (kind, integration) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes';

/** Events after ?1, up to ?2. */
const SUM = `
  INSERT INTO usage (kind, integration, items, bytes)
  SELECT 'event', integration, count(*), sum(octet_length(payload)) FROM events NOT INDEXED
  WHERE seq > ?1 AND seq <= ?2 AND ${isUnmoved('usage')}
  GROUP BY integration
  ${ADD}`;

/**
 * The statements that delete events: the first subtracts them from what is summed, the last deletes them and returns their
 * places. `changes` of it counts what triggers write as well.
 *
 * @param isDeleted the condition that an event is one of them; it leads to them by their places.
 */
export function deleteEventsSql(isDeleted: string): [subtraction: string, deletion: string] {
  return [
    `INSERT INTO usage (kind, integration, items, bytes)
     SELECT 'event', integration, -count(*), -sum(octet_length(payload)) FROM events
     WHERE ${isDeleted} AND +seq <= ${progressSql('usage')} -- +: this one does not lead to them
     GROUP BY integration
     ${ADD}`,
    `DELETE FROM events WHERE ${isDeleted} RETURNING seq`,
  ];
}
