// The roll-up: counts what was stored into `counters` and `lags`, notes when something last came to each integration, sums
// hours up once they are over, and forgets what is too old. Each step is one batch, hence atomic, that goes on from where the one before ended and notes where it ends;
// every statement of it asks whether that is still the place. So two crons at once, a crash, or an answer that was lost
// leave each event counted once. It is exact because `seq` grows in commit order: nothing appears behind the place.

import { STATUSES } from '../contract/webhook.ts';
import { advanceSql, isUnmoved, progressSql } from './progress.ts';

/** Events counted by one batch: short enough to let webhooks in between. */
const CHUNK_EVENTS = 2_000;
/** Bounds one run, to some 1,600 events a second; what is left, the next run counts. */
const MAX_CHUNKS = 50;

/** Messages with more events than this, a hundred times the usual, are not timed: each new one would read them all. */
const MAX_TIMED_EVENTS = 400;

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** An hour is summed up so long after its end, when no statement of it can still be under way. */
const HOUR_GRACE_MS = 5 * MINUTE_MS;
/** Hours summed up by one run at most. */
const MAX_HOURS = 24;

/** For so long rows are kept: counters by minute, lags by hour. */
export const FINE_RETENTION_MS = 8 * DAY_MS;
/** Counters by hour, lags by day. */
export const COARSE_RETENTION_MS = 400 * DAY_MS;

/** What one run did. */
export interface RolledUp {
  /** How many events it counted. */
  events: number;
  /** How many hours it summed up. */
  hours: number;
}

/** Counts what has been stored since the last run. Its work depends on that alone. */
export async function rollUp(db: D1Database, nowMs: number): Promise<RolledUp> {
  const events = await countEvents(db, nowMs);
  const hours = await sumHours(db, nowMs);
  await purgeCounters(db, nowMs);
  return { events, hours };
}

async function countEvents(db: D1Database, nowMs: number): Promise<number> {
  let counted = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const next = await db
      .prepare(NEXT_CHUNK)
      .bind(CHUNK_EVENTS)
      .first<{ after_seq: number; last_seq: number | null; events: number }>();
    if (next === null) break;
    const { after_seq: afterSeq, last_seq: lastSeq, events } = next;
    const advance = db.prepare(advanceSql('counters')).bind(afterSeq, lastSeq ?? afterSeq, nowMs);
    if (lastSeq === null) {
      await advance.run();
      break;
    }
    const results = await db.batch([
      db.prepare(COUNT).bind(afterSeq, lastSeq),
      db.prepare(TIME).bind(afterSeq, lastSeq),
      db.prepare(NOTE_NEWEST).bind(afterSeq, lastSeq),
      advance,
    ]);
    if (results.at(-1)?.meta.changes) counted += events; // else another run counted them
    if (events < CHUNK_EVENTS) break;
  }
  return counted;
}

const NEXT_CHUNK = `
  SELECT ${progressSql('counters')} AS after_seq, max(seq) AS last_seq, count(*) AS events
  FROM (
    SELECT seq FROM events NOT INDEXED WHERE seq > ${progressSql('counters')} ORDER BY seq LIMIT ?1
  )`;

const ADD = 'DO UPDATE SET count = count + excluded.count';

/** The words of statuses that are counted by themselves. */
const KNOWN = STATUSES.map((status) => `'${status}'`).join();

/** Events after ?1, up to ?2. They are read a second time where one of them is odd. */
const COUNT = `
  WITH counted AS MATERIALIZED (
    SELECT
      seq / 60000000 * ${MINUTE_MS} AS start,
      integration,
      iif(type = 'response', 'response', 'status:' || iif(status IN (${KNOWN}), status, 'other')) AS kind,
      count(*) AS events,
      sum(deferred) AS deferred,
      count(oddities) AS odd
    FROM events NOT INDEXED
    WHERE seq > ?1 AND seq <= ?2 AND ${isUnmoved('counters')}
    GROUP BY 1, 2, 3
  )
  INSERT INTO counters (step, start, integration, kind, count)
  SELECT 60, start, integration, kind, events FROM counted
  UNION ALL
  SELECT 60, start, integration, 'deferred', sum(deferred) FROM counted
  WHERE deferred > 0 GROUP BY start, integration
  UNION ALL
  SELECT 60, start, integration, 'odd', sum(odd) FROM counted
  WHERE odd > 0 GROUP BY start, integration
  UNION ALL
  SELECT
    60, seq / 60000000 * ${MINUTE_MS} AS start, integration,
    'odd:' || (oddity.value ->> 'path') || ':' || (oddity.value ->> 'code') AS kind, count(*)
  FROM events NOT INDEXED CROSS JOIN json_each(events.oddities) AS oddity
  WHERE seq > ?1 AND seq <= ?2 AND EXISTS (SELECT 1 FROM counted WHERE odd > 0)
  GROUP BY 2, 3, 4
  ON CONFLICT (step, start, integration, kind) ${ADD}`;

/**
 * For every message with events after ?1, up to ?2: the places of the first event of each step. Two steps make a pair
 * with the later of them, whichever that is, so a pair belongs to the one chunk that the later lies in.
 */
const TIME = `
  WITH
    touched AS MATERIALIZED (
      SELECT DISTINCT integration, substr(id, 1, instr(id, ':')) AS prefix
      FROM events NOT INDEXED
      WHERE seq > ?1 AND seq <= ?2 AND ${isUnmoved('counters')}
    ),
    timed AS MATERIALIZED (
      SELECT touched.integration, (
        SELECT json_array(
          min(seq) FILTER (WHERE step = 'status:sent'), min(seq) FILTER (WHERE step = 'status:delivered'),
          min(seq) FILTER (WHERE step = 'status:read'), min(seq) FILTER (WHERE step = 'response')
        )
        FROM (
          SELECT
            seq, iif(integration = touched.integration AND seq <= ?2, type || coalesce(':' || status, ''), NULL) AS step
          FROM events INDEXED BY sqlite_autoindex_events_1
          WHERE id >= touched.prefix AND id < rtrim(touched.prefix, ':') || ';'
          LIMIT ${MAX_TIMED_EVENTS + 1}
        )
        HAVING count(*) <= ${MAX_TIMED_EVENTS}
      ) AS firsts
      FROM touched
    ),
    pairs AS (
      SELECT integration, 'sent-delivered' AS steps, firsts ->> 0 AS earlier, firsts ->> 1 AS later FROM timed
      UNION ALL
      SELECT integration, 'delivered-read', firsts ->> 1, firsts ->> 2 FROM timed
      UNION ALL
      SELECT integration, 'read-response', firsts ->> 2, firsts ->> 3 FROM timed
    )
  INSERT INTO lags (step, start, integration, steps, bucket, count)
  SELECT
    3600,
    max(pairs.earlier, pairs.later) / 3600000000 * ${HOUR_MS} AS start,
    pairs.integration,
    pairs.steps,
    CAST(8 * log2(max(later.occurred_at - earlier.occurred_at, 1)) AS INTEGER) AS bucket,
    count(*)
  FROM pairs
  CROSS JOIN events AS earlier ON earlier.seq = pairs.earlier
  CROSS JOIN events AS later ON later.seq = pairs.later
  WHERE max(pairs.earlier, pairs.later) > ?1
  GROUP BY 2, 3, 4, 5
  ON CONFLICT (step, start, integration, steps, bucket) ${ADD}`;

/** Of each integration that has events after ?1, up to ?2: one row each, whatever their number. */
const NOTE_NEWEST = `
  UPDATE integrations SET last_event_at = newest.seq / 1000
  FROM (
    SELECT integration, max(seq) AS seq FROM events NOT INDEXED
    WHERE seq > ?1 AND seq <= ?2 AND ${isUnmoved('counters')}
    GROUP BY integration
  ) AS newest
  WHERE integrations.slug = newest.integration`;

async function sumHours(db: D1Database, nowMs: number): Promise<number> {
  for (let hours = 0; hours < MAX_HOURS; hours++) {
    const next = await db.prepare(NEXT_HOUR).first<{ from_seq: number; start: number | null }>();
    if (next === null || next.start === null) return hours;
    const { from_seq: fromSeq, start } = next;
    const end = start + HOUR_MS;
    if (end + HOUR_GRACE_MS > nowMs) return hours;
    const day = Math.floor(start / DAY_MS) * DAY_MS;
    const results = await db.batch([
      db.prepare(SUM_COUNTERS).bind(fromSeq, end * 1000, start),
      db.prepare(SUM_LAGS).bind(fromSeq, end * 1000, start, day),
      db.prepare(advanceSql('hours', IS_HOUR_COUNTED)).bind(fromSeq, end * 1000, nowMs),
    ]);
    if (!results.at(-1)?.meta.changes) return hours; // another run summed it, or not all of it is counted yet
  }
  return MAX_HOURS;
}

/** The next hour in which something happened. */
const NEXT_HOUR = `
  SELECT
    ${progressSql('hours')} AS from_seq,
    (
      SELECT min(start) / ${HOUR_MS} * ${HOUR_MS} FROM counters
      WHERE step = 60 AND start >= ${progressSql('hours')} / 1000
    ) AS start`;

/** ?2 is its end, as a place among the events. */
const IS_HOUR_COUNTED = `
  ${isUnmoved('hours')}
  AND NOT EXISTS (SELECT 1 FROM events WHERE seq > ${progressSql('counters')} AND seq < ?2)`;

/** ?3 is the beginning of the hour. */
const SUM_COUNTERS = `
  INSERT INTO counters (step, start, integration, kind, count)
  SELECT level.step, level.start, minute.integration, minute.kind, sum(minute.count)
  FROM counters AS minute
  CROSS JOIN (SELECT 3600 AS step, ?3 AS start UNION ALL SELECT 0, 0) AS level
  WHERE minute.step = 60 AND minute.start >= ?3 AND minute.start < ?2 / 1000 AND ${IS_HOUR_COUNTED}
  GROUP BY 1, 2, 3, 4
  ON CONFLICT (step, start, integration, kind) ${ADD}`;

/** ?3 is the beginning of the hour, ?4 of its day. */
const SUM_LAGS = `
  INSERT INTO lags (step, start, integration, steps, bucket, count)
  SELECT level.step, level.start, hour.integration, hour.steps, hour.bucket, hour.count
  FROM lags AS hour
  CROSS JOIN (SELECT 86400 AS step, ?4 AS start UNION ALL SELECT 0, 0) AS level
  WHERE hour.step = 3600 AND hour.start = ?3 AND ${IS_HOUR_COUNTED}
  ON CONFLICT (step, start, integration, steps, bucket) ${ADD}`;

/** Deletes the oldest hour or day of what is past its retention, of each kind of row: every minute some of it. */
async function purgeCounters(db: D1Database, nowMs: number): Promise<void> {
  const fine = nowMs - FINE_RETENTION_MS;
  const coarse = nowMs - COARSE_RETENTION_MS;
  await db.batch([
    db.prepare(purgeSql('counters', 60, HOUR_MS)).bind(fine),
    db.prepare(purgeSql('counters', 3600, DAY_MS)).bind(coarse),
    db.prepare(purgeSql('lags', 3600, HOUR_MS)).bind(fine),
    db.prepare(purgeSql('lags', 86400, DAY_MS)).bind(coarse),
  ]);
}

/** Never of an hour that is not summed up yet. */
function purgeSql(table: 'counters' | 'lags', step: number, periodMs: number): string {
  return `
    DELETE FROM ${table}
    WHERE step = ${step}
      AND start < min(?1, (SELECT min(start) FROM ${table} WHERE step = ${step}) / ${periodMs} * ${periodMs} + ${periodMs})
      AND start < ${progressSql('hours')} / 1000`;
}
