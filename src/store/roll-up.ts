// The roll-up, a reader of the log: counts what was stored into `counters` and `lags`, notes when something last came to each
// integration, sums hours up once they are over, and deletes what is too old.

import { STATUSES } from '../contract/webhook.ts';
import { addCountsSql } from './counters.ts';
import { advanceSql, isUnmoved, nextStretch, progressSql } from './progress.ts';
import { repeatWithin, WorkBudget } from './work-budget.ts';

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
  await repeatWithin(new WorkBudget(MAX_CHUNKS), async () => {
    const { afterSeq, lastSeq, events } = await nextStretch(db, 'counters', CHUNK_EVENTS);
    const advance = db.prepare(advanceSql('counters')).bind(afterSeq, lastSeq ?? afterSeq, nowMs);
    if (lastSeq === null) {
      await advance.run();
      return false;
    }
    const results = await db.batch([
      db.prepare(COUNT).bind(afterSeq, lastSeq),
      db.prepare(TIME).bind(afterSeq, lastSeq),
      db.prepare(NOTE_NEWEST).bind(afterSeq, lastSeq),
      advance,
    ]);
    if (results.at(-1)?.meta.changes) counted += events; // otherwise another run counted them
    return events === CHUNK_EVENTS;
  });
  return counted;
}

/** The statuses that are counted by themselves. */
const KNOWN = STATUSES.map((status) => `'${status}'`).join();

/** Events after ?1, up to ?2. They are read a second time only where one of them is odd. */
const COUNT = addCountsSql(`
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
  GROUP BY 2, 3, 4`);

/**
 * Finds the first event of each step of every message with events after ?1, up to ?2. Two steps are timed by the chunk that
 * the later of the two events is in, whichever step that is: so each pair is timed once.
 */
const TIME = addLagsSql(`
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
  GROUP BY 2, 3, 4, 5`);

/** Writes one row for each integration that has events after ?1, up to ?2, whatever their number. */
const NOTE_NEWEST = `
  UPDATE integrations SET last_event_at = newest.seq / 1000
  FROM (
    SELECT integration, max(seq) AS seq FROM events NOT INDEXED
    WHERE seq > ?1 AND seq <= ?2 AND ${isUnmoved('counters')}
    GROUP BY integration
  ) AS newest
  WHERE integrations.slug = newest.integration`;

async function sumHours(db: D1Database, nowMs: number): Promise<number> {
  let summed = 0;
  await repeatWithin(new WorkBudget(MAX_HOURS), async () => {
    const next = await db.prepare(NEXT_HOUR).first<{ fromSeq: number; start: number | null }>();
    if (next === null || next.start === null) return false;
    const { fromSeq, start } = next;
    const end = start + HOUR_MS;
    if (end + HOUR_GRACE_MS > nowMs) return false;
    const day = Math.floor(start / DAY_MS) * DAY_MS;
    const results = await db.batch([
      db.prepare(SUM_COUNTERS).bind(fromSeq, end * 1000, start),
      db.prepare(SUM_LAGS).bind(fromSeq, end * 1000, start, day),
      db.prepare(advanceSql('hours', IS_HOUR_COUNTED)).bind(fromSeq, end * 1000, nowMs),
    ]);
    // Otherwise another run summed it, or not all of it is counted yet.
    const isSummed = Boolean(results.at(-1)?.meta.changes);
    if (isSummed) summed++;
    return isSummed;
  });
  return summed;
}

/** The next hour in which something happened. */
const NEXT_HOUR = `
  SELECT
    ${progressSql('hours')} AS fromSeq,
    (
      SELECT min(start) / ${HOUR_MS} * ${HOUR_MS} FROM counters
      WHERE step = 60 AND start >= ${progressSql('hours')} / 1000
    ) AS start`;

/** Whether every event of the hour that ends at the place ?2 is counted. */
const IS_HOUR_COUNTED = `
  ${isUnmoved('hours')}
  AND NOT EXISTS (SELECT 1 FROM events WHERE seq > ${progressSql('counters')} AND seq < ?2)`;

/** ?3 is the beginning of the hour. */
const SUM_COUNTERS = addCountsSql(`
  SELECT level.step, level.start, minute.integration, minute.kind, sum(minute.count)
  FROM counters AS minute
  CROSS JOIN (SELECT 3600 AS step, ?3 AS start UNION ALL SELECT 0, 0) AS level
  WHERE minute.step = 60 AND minute.start >= ?3 AND minute.start < ?2 / 1000 AND ${IS_HOUR_COUNTED}
  GROUP BY 1, 2, 3, 4`);

/** ?3 is the beginning of the hour, ?4 of its day. */
const SUM_LAGS = addLagsSql(`
  SELECT level.step, level.start, hour.integration, hour.steps, hour.bucket, hour.count
  FROM lags AS hour
  CROSS JOIN (SELECT 86400 AS step, ?4 AS start UNION ALL SELECT 0, 0) AS level
  WHERE hour.step = 3600 AND hour.start = ?3 AND ${IS_HOUR_COUNTED}`);

function addLagsSql(select: string): string {
  return `
    INSERT INTO lags (step, start, integration, steps, bucket, count) ${select}
    ON CONFLICT (step, start, integration, steps, bucket) DO UPDATE SET count = count + excluded.count`;
}

/** Deletes the oldest hour or day of each kind of row that is past its retention: every minute some of it. */
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

/** Deletes nothing of an hour that is not summed up yet. */
function purgeSql(table: 'counters' | 'lags', step: number, periodMs: number): string {
  return `
    DELETE FROM ${table}
    WHERE step = ${step}
      AND start < min(?1, (SELECT min(start) FROM ${table} WHERE step = ${step}) / ${periodMs} * ${periodMs} + ${periodMs})
      AND start < ${progressSql('hours')} / 1000`;
}
