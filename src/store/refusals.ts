// Refused webhooks, as the counters have them: how many by reason and integration, and where they are more than usual.
// receive/refusals.ts gathers them in an isolate and writes them together. Also finds what is amiss the other way round:
// integrations that nothing comes to any more.

import type { RefusalReason } from '../contract/refusals.ts';
import { addCountsSql, type CountedPeriod, countersSql, minuteSql } from './counters.ts';

/** How often something was refused. */
export interface RefusalCount {
  /** Empty: the address is of no integration. */
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
 * Adds to the counts, in one statement. They count for the minute in which they are written, not for that of the refusal,
 * since an hour that is summed up must get nothing more.
 */
export async function addRefusals(
  db: D1Database,
  counts: readonly RefusalCount[],
  nowMs: number,
): Promise<void> {
  await db.prepare(ADD).bind(JSON.stringify(counts), nowMs).run();
}

const ADD = addCountsSql(`
  SELECT 60, ${minuteSql('?2')}, value ->> 'integration', '${PREFIX}' || (value ->> 'reason'), value ->> 'count'
  FROM json_each(?1) WHERE true`);

/** What was refused in a period, the most frequent first. */
export async function readRefusals(
  db: D1Database,
  { sinceMs, untilMs, integration }: CountedPeriod,
): Promise<(RefusalCount & { lastMs: number })[]> {
  const { results } = await db
    .prepare(REFUSALS)
    .bind(sinceMs, untilMs, integration ?? null)
    .run<RefusalCount & { lastMs: number }>();
  return results;
}

const REFUSALS = `
  SELECT integration, substr(kind, ${PREFIX.length + 1}) AS reason, sum(count) AS count, max(start) AS lastMs
  FROM (${countersSql()})
  WHERE ${IS_REFUSAL} AND (?3 IS NULL OR integration = ?3)
  GROUP BY 1, 2 ORDER BY count DESC, 1, 2`;

/** How many of the requests of a period were refused. */
export interface RefusedShare {
  /** `null`: of all integrations together. */
  integration: string | null;
  refused: number;
  webhooks: number;
  /** What share of them was refused in the days before, from 0 to 1. */
  usualShare: number;
}

/** The share of the moment is that of the last ten minutes. The usual one is that of the last days. */
export const SHARE_MS = 10 * 60_000;
const USUAL_DAYS = 7;
/** Fewer refusals tell nothing. */
const MIN_REFUSED = 20;
/** A share is unusual when it is above the usual one by more than this. */
const MIN_SHARE_ABOVE = 0.1;

/**
 * Finds the integrations of whose requests more were refused within {@link SHARE_MS} than is usual, those with most refusals
 * first. Where there is none, but more than usual was refused of all together, that is the answer. Reads the counters of
 * these minutes, and those of the hours of a week only where there is a suspicion.
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
export interface SilentIntegration {
  integration: string;
  lastEventAtMs: number;
  /** The longest time between two events in the days before its last one, to the hour. */
  longestMs: number;
}

/** What is shorter is no silence. */
const MIN_SILENCE_MS = 3 * 3_600_000;
/** Nobody waits any more for an integration that is silent for longer. */
const MAX_SILENCE_MS = 30 * 86_400_000;
/** What is usual is told by so many hours before the last event. */
const KNOWN_HOURS = 8 * 24;
/** An integration that had events in fewer of these hours is not known well enough. */
const MIN_HOURS = 24;
/** So many integrations are looked at, those first that fell silent last. */
const MAX_SILENT = 5;

/**
 * Finds enabled integrations that are silent for longer than they ever were in the {@link KNOWN_HOURS} before their last
 * event. Reads the integrations, and of at most {@link MAX_SILENT} of them some rows for each of those hours.
 */
export async function findSilentIntegrations(db: D1Database, nowMs: number): Promise<SilentIntegration[]> {
  const { results } = await db.prepare(SILENCES).bind(nowMs).run<SilentIntegration>();
  return results;
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
  SELECT slug AS integration, last_event_at AS lastEventAtMs, max(gap) AS longestMs FROM gaps
  GROUP BY slug HAVING count(*) >= ${MIN_HOURS} AND ?1 - last_event_at > max(gap)
  ORDER BY last_event_at DESC, slug`;
