// Counting refused webhooks: by reason and integration, beside all else that is counted. An isolate gathers them and writes
// them together; see receive/refusals.ts.

import type { RefusalReason } from '../contract/refusals.ts';
import type { CountedPeriod } from './counters.ts';
import { progressSql } from './progress.ts';

/** How often something was refused. */
export interface RefusalCount {
  /** Empty: of none that is known. */
  integration: string;
  reason: RefusalReason;
  count: number;
}

const HOUR_MS = 3_600_000;
const PREFIX = 'refused:';

/** The kinds of counters that refusals have, as a range: from `refused:` up to what follows the last of them. */
const IS_REFUSAL = `kind >= '${PREFIX}' AND kind < 'refused;'`;
const IS_EVENT = `(kind = 'response' OR kind >= 'status:' AND kind < 'status;')`;

/**
 * Adds to the counts, in one statement. They count for the minute in which they are written, not for that of the refusal:
 * an hour that is summed up gets nothing more.
 */
export async function addRefusals(
  db: D1Database,
  counts: readonly RefusalCount[],
  nowMs: number,
): Promise<void> {
  await db.prepare(ADD).bind(JSON.stringify(counts), nowMs).run();
}

const ADD = `
  INSERT INTO counters (step, start, integration, kind, count)
  SELECT
    60, CAST(?2 AS INTEGER) / 60000 * 60000, value ->> 'integration', '${PREFIX}' || (value ->> 'reason'), value ->> 'count'
  FROM json_each(?1) WHERE true
  ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count`;

/** What was refused in a period, the most frequent first. */
export async function readRefusals(
  db: D1Database,
  { sinceMs, untilMs, integration }: CountedPeriod,
): Promise<(RefusalCount & { lastMs: number })[]> {
  const { results } = await db
    .prepare(REFUSALS)
    .bind(sinceMs, untilMs, integration ?? null)
    .run<{ integration: string; reason: RefusalReason; count: number; last: number }>();
  return results.map(({ last, ...refusal }) => ({ ...refusal, lastMs: last }));
}

/** By hours as far as these are summed up, and by minutes behind. */
const REFUSALS = `
  WITH summed(until) AS (SELECT ${progressSql('hours')} / 1000)
  SELECT integration, substr(kind, ${PREFIX.length + 1}) AS reason, sum(count) AS count, max(start) AS last
  FROM (
    SELECT start, integration, kind, count FROM summed CROSS JOIN counters
    WHERE step = 3600 AND start >= ?1 AND start < min(?2, summed.until)
    UNION ALL
    SELECT start, integration, kind, count FROM summed CROSS JOIN counters
    WHERE step = 60 AND start >= max(?1, summed.until) AND start < ?2
  )
  WHERE ${IS_REFUSAL} AND (?3 IS NULL OR integration = ?3)
  GROUP BY 1, 2 ORDER BY count DESC, 1, 2`;

/** Requests in a period: how many were refused, of how many. */
export interface RefusedShare {
  /** `null`: of all together. */
  integration: string | null;
  refused: number;
  webhooks: number;
  /** The same share in the days before, from 0 to 1. */
  usualShare: number;
}

/** What is looked at for the share of the moment, and for the usual one. */
export const SHARE_MS = 10 * 60_000;
const USUAL_DAYS = 7;
/** Fewer refusals tell nothing, nor does a smaller share. */
const MIN_REFUSED = 20;
/** By so much a share must be above the usual one. */
const MIN_SHARE_ABOVE = 0.1;

/**
 * Of which integrations more was refused within ten minutes than is usual, those with most first; or of all together, where
 * it is that of none by itself. Reads the counters of these minutes,
 * and, only where there is a suspicion, those of the hours of a week.
 */
export async function findUnusualRefusals(db: D1Database, nowMs: number): Promise<RefusedShare[]> {
  const now = await readShares(db, 60, nowMs - SHARE_MS, nowMs);
  const suspects = now.filter(
    ({ refused, webhooks }) => refused >= MIN_REFUSED && refused > MIN_SHARE_ABOVE * webhooks,
  );
  if (suspects.length === 0) return [];
  const usual = await readShares(db, 3600, nowMs - USUAL_DAYS * 86_400_000, nowMs);
  const unusual = suspects
    .map((suspect) => {
      const before = usual.find(({ integration }) => integration === suspect.integration);
      return { ...suspect, usualShare: before?.webhooks ? before.refused / before.webhooks : 0 };
    })
    .filter(({ refused, webhooks, usualShare }) => refused / webhooks > usualShare + MIN_SHARE_ABOVE);
  const known = unusual.filter(({ integration }) => integration !== null);
  return known.length > 0 ? known : unusual;
}

type Share = Omit<RefusedShare, 'usualShare'>;

async function readShares(
  db: D1Database,
  step: 60 | 3600,
  sinceMs: number,
  untilMs: number,
): Promise<Share[]> {
  const { results } = await db.prepare(SHARES).bind(step, sinceMs, untilMs).run<Share>();
  const all: Share = { integration: null, refused: 0, webhooks: 0 };
  for (const { refused, webhooks } of results) {
    all.refused += refused;
    all.webhooks += webhooks;
  }
  const known = results.filter(({ integration, refused }) => integration !== '' && refused > 0);
  return [all, ...known.toSorted((a, b) => b.refused - a.refused)];
}

const SHARES = `
  SELECT
    integration,
    sum(iif(${IS_REFUSAL}, count, 0)) AS refused,
    sum(count) AS webhooks
  FROM counters
  WHERE step = ?1 AND start > ?2 AND start <= ?3 AND (${IS_REFUSAL} OR ${IS_EVENT} OR kind = 'duplicate')
  GROUP BY 1`;

/** An integration that nothing comes to any more. */
export interface Silence {
  integration: string;
  lastEventAtMs: number;
  /** The longest time between two events in the days before its last one, to the hour. */
  longestMs: number;
}

/** Shorter ones are no silence. */
const MIN_SILENCE_MS = 3 * 3_600_000;
/** After so long nobody waits for it any more. */
const MAX_SILENCE_MS = 30 * 86_400_000;
/** How far back from its last event an integration is known. */
const KNOWN_HOURS = 8 * 24;
/** With events in fewer of these hours it is not known well enough. */
const MIN_HOURS = 24;
/** How many are looked at, the latest first. */
const MAX_SILENT = 5;

/**
 * Enabled integrations that were never silent for so long, by the hours with events in the eight days before their last one.
 * Reads the integrations, and of at most {@link MAX_SILENT} of them some rows for each of those hours.
 */
export async function findSilences(db: D1Database, nowMs: number): Promise<Silence[]> {
  const { results } = await db
    .prepare(SILENCES)
    .bind(nowMs)
    .run<{ integration: string; last_event_at: number; longest: number }>();
  return results.map(({ integration, last_event_at, longest }) => ({
    integration,
    lastEventAtMs: last_event_at,
    longestMs: longest,
  }));
}

/** ?1 now. Events of an hour can be nearly two hours away from those of the next: an hour is added to every gap. */
const SILENCES = `
  WITH RECURSIVE
    back(hours) AS (SELECT 0 UNION ALL SELECT hours + 1 FROM back WHERE hours < ${KNOWN_HOURS}),
    silent AS MATERIALIZED (
      SELECT slug, last_event_at FROM integrations
      WHERE enabled = 1 AND last_event_at < ?1 - ${MIN_SILENCE_MS} AND last_event_at > ?1 - ${MAX_SILENCE_MS}
      ORDER BY last_event_at DESC LIMIT ${MAX_SILENT}
    ),
    hours AS MATERIALIZED (
      SELECT slug, last_event_at, last_event_at / ${HOUR_MS} * ${HOUR_MS} - hours * ${HOUR_MS} AS start
      FROM silent CROSS JOIN back
    ),
    heard AS MATERIALIZED (
      SELECT slug, last_event_at, start FROM hours
      WHERE EXISTS (
        SELECT 1 FROM counters
        WHERE step = 3600 AND start = hours.start AND integration = slug AND kind = 'response'
      ) OR EXISTS (
        SELECT 1 FROM counters
        WHERE step = 3600 AND start = hours.start AND integration = slug AND kind >= 'status:' AND kind < 'status;'
      )
    ),
    gaps AS (
      SELECT slug, last_event_at, start - lag(start) OVER (PARTITION BY slug ORDER BY start) + ${HOUR_MS} AS gap FROM heard
    )
  SELECT slug AS integration, last_event_at, max(gap) AS longest FROM gaps
  GROUP BY slug HAVING count(*) >= ${MIN_HOURS} AND ?1 - last_event_at > max(gap)
  ORDER BY last_event_at DESC, slug`;
