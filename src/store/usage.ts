// The usage table: what is kept for each integration, in rows and bytes, by kind. Rejections and dead letters are summed
// by triggers, see migrations/0006_usage.sql and 0008. Events are summed by a reader of the log, a chunk at a time, and whoever
// deletes events subtracts them in the same transaction: a trigger would cost a row written for each event.

import { advanceSql, isUnmoved, progressSql } from './progress.ts';

/** Those that are told apart: rejections and dead letters that were acknowledged are not deleted to make room. */
export type UsageKind = 'event' | 'rejection' | 'deferred-rejection' | 'dead-letter' | 'unstored-webhook';

/** What is kept of a kind for an integration. */
export interface Usage {
  kind: UsageKind;
  /** Empty: of dead letters that are none of our events. */
  integration: string;
  items: number;
  /** What it takes of the database: its payloads or bodies, and {@link ROW_BYTES} for each. */
  bytes: number;
  /** Of events: the last search for its oldest got this far in the log. */
  walkedSeq: number;
}

/**
 * What a row takes of the database beside its payload or body, with its entries in indexes: an estimate. Without it,
 * whoever fills the database with many small ones would seem to hold little.
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
      `SELECT kind, integration, items, bytes + items * ${ROW_BYTES} AS bytes, walked FROM usage
       WHERE kind IN (SELECT value FROM json_each(?1)) AND items > 0`,
    )
    .bind(JSON.stringify(kinds))
    .run<Omit<Usage, 'walkedSeq'> & { walked: number }>();
  return results.map(({ walked, ...usage }) => ({ ...usage, walkedSeq: walked }));
}

/**
 * Sums the events that were stored since the last run. It stays behind the roll-up, behind whose place no event is ever
 * stored. As with the roll-up, every statement of a step asks whether the place is still where the step begins, so that
 * each event is summed once.
 */
export async function sumEvents(db: D1Database, nowMs: number): Promise<void> {
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const next = await db
      .prepare(NEXT_CHUNK)
      .bind(CHUNK_EVENTS)
      .first<{ after_seq: number; last_seq: number | null; events: number }>();
    if (next === null || next.last_seq === null) return;
    const { after_seq: afterSeq, last_seq: lastSeq, events } = next;
    await db.batch([
      db.prepare(SUM).bind(afterSeq, lastSeq),
      db.prepare(advanceSql('usage')).bind(afterSeq, lastSeq, nowMs),
    ]);
    if (events < CHUNK_EVENTS) return;
  }
}

const ADD =
  'ON CONFLICT (kind, integration) DO UPDATE SET items = items + excluded.items, bytes = bytes + excluded.bytes';

const NEXT_CHUNK = `
  SELECT ${progressSql('usage')} AS after_seq, max(seq) AS last_seq, count(*) AS events
  FROM (
    SELECT seq FROM events NOT INDEXED
    WHERE seq > ${progressSql('usage')} AND seq <= ${progressSql('counters')} ORDER BY seq LIMIT ?1
  )`;

/** Events after ?1, up to ?2. */
const SUM = `
  INSERT INTO usage (kind, integration, items, bytes)
  SELECT 'event', integration, count(*), sum(octet_length(payload)) FROM events NOT INDEXED
  WHERE seq > ?1 AND seq <= ?2 AND ${isUnmoved('usage')}
  GROUP BY integration
  ${ADD}`;

/**
 * The statement that subtracts events: it has to stand before the one that deletes them, in the same transaction.
 *
 * @param places SQL that selects the places of the events that are deleted.
 */
export function subtractEventsSql(places: string): string {
  return `
    INSERT INTO usage (kind, integration, items, bytes)
    SELECT 'event', integration, -count(*), -sum(octet_length(payload)) FROM events
    WHERE seq IN (${places}) AND +seq <= ${progressSql('usage')} -- +: the places are what leads to them
    GROUP BY integration
    ${ADD}`;
}
