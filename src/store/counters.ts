// The counters and the lags: what they cost to read depends on the period and on how many integrations there are, never on
// how many events are stored. roll-up.ts, what forwards and the triggers of migrations/0003_operating.sql write them.

import * as z from 'zod';
import { ODDITY_CODES, type Oddity, type OddityCode } from '../contract/documented-fields.ts';
import type { RefusalReason } from '../contract/refusals.ts';
import type { Status } from '../contract/webhook.ts';
import { progressSql } from './progress.ts';

/**
 * What is counted:
 * - new events by type and status (`other`: a status that is not known); of these, those that came by way of the intake
 *   queue (`deferred`), those that differ from the documentation (`odd`), and each of their differences;
 * - deliveries that repeated an event (`duplicate`), and those that were kept as rejections (`rejected`);
 * - messages that the queue of a route confirmed: of new events (`forwarded`) and of events sent again (`replayed`);
 * - requests for webhook addresses that were refused, by reason; kept rejections are among them.
 */
export type CountedKind =
  | 'response'
  | `status:${Status | 'other'}`
  | 'deferred'
  | 'odd'
  | OddityKind
  | 'duplicate'
  | 'rejected'
  | RouteKind
  | `refused:${RefusalReason}`;

/** `forwarded:<route>` and `replayed:<route>`. */
type RouteKind = `${'forwarded' | 'replayed'}:${string}`;

/** Whether a kind counts messages of a route. */
export function isOfRoute(kind: CountedKind): kind is RouteKind {
  return kind.startsWith('forwarded:') || kind.startsWith('replayed:');
}

/** What a kind counts, and of which route. */
export function countedOfRoute(kind: RouteKind): { what: 'forwarded' | 'replayed'; route: string } {
  const [what, route = ''] = kind.split(':');
  return { what: what === 'replayed' ? what : 'forwarded', route };
}

/** `odd:<path>:<code>` of an oddity. */
type OddityKind = `odd:${string}:${OddityCode}`;

/** Whether a kind counts an oddity. */
export function isOddity(kind: CountedKind): kind is OddityKind {
  return kind.startsWith('odd:');
}

/** The oddity that a kind counts. */
export function countedOddity(kind: OddityKind): Oddity {
  const [, path = '', code] = kind.split(':');
  return { path, code: z.enum(ODDITY_CODES).parse(code) };
}

/** The minute that a time (Unix ms) is in. D1 binds numbers as reals: one that divides is made whole again. */
export function minuteSql(atMs: `?${number}`): string {
  return `CAST(${atMs} AS INTEGER) / 60000 * 60000`;
}

/** Adds to counters. @param select their step, start, integration, kind and count; it ends in WHERE or GROUP BY. */
export function addCountsSql(select: string): string {
  return `
    INSERT INTO counters (step, start, integration, kind, count) ${select}
    ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count`;
}

/** Two steps of a message that follow each other. */
export const LAG_STEPS = ['sent-delivered', 'delivered-read', 'read-response'] as const;

export type LagSteps = (typeof LAG_STEPS)[number];

/** From `sinceMs` up to but not including `untilMs`, Unix ms; of one integration, or of all. */
export interface CountedPeriod {
  sinceMs: number;
  untilMs: number;
  integration?: string | undefined;
}

/** How much of a kind was counted from `startMs` on, for one step of time. */
export interface PeriodCount {
  startMs: number;
  kind: CountedKind;
  count: number;
}

const HOUR_MS = 3_600_000;

/**
 * The counters from ?1 up to ?2: by hour until a time, which is at most that up to which hours are summed up, and by minute
 * from there on.
 */
export function countersSql(summedUntil = `${progressSql('hours')} / 1000`): string {
  return `
    WITH summed(until) AS (SELECT ${summedUntil})
    SELECT start, integration, kind, count FROM summed CROSS JOIN counters
    WHERE step = 3600 AND start >= ?1 AND start < min(?2, summed.until)
    UNION ALL
    SELECT start, integration, kind, count FROM summed CROSS JOIN counters
    WHERE step = 60 AND start >= max(?1, summed.until) AND start < ?2`;
}

/**
 * The counts of a period, by steps of time. Steps of whole hours are read from rows by hour, as far as hours are summed
 * up; shorter ones from rows by minute, which are kept for a few days only.
 */
export async function readCounts(
  db: D1Database,
  { sinceMs, untilMs, integration }: CountedPeriod,
  stepMs: number,
): Promise<PeriodCount[]> {
  const { results } = await db
    .prepare(COUNTS)
    .bind(sinceMs, untilMs, integration ?? null, stepMs, Number(stepMs % HOUR_MS === 0))
    .run<PeriodCount>();
  return results;
}

/** ?4 the step, ?5 whether it is of whole hours. */
const COUNTS = `
  SELECT start / CAST(?4 AS INTEGER) * CAST(?4 AS INTEGER) AS startMs, kind, sum(count) AS count
  FROM (${countersSql(`iif(?5, ${progressSql('hours')} / 1000, 0)`)})
  WHERE ?3 IS NULL OR integration = ?3
  GROUP BY 1, 2`;

/** How many of the times between two steps fall into a bucket. */
export interface LagCount {
  steps: LagSteps;
  bucket: number;
  count: number;
}

/** The times between steps, by the whole hours or, for the distant past, the whole days that the period touches. */
export async function readLags(
  db: D1Database,
  { sinceMs, untilMs, integration }: CountedPeriod,
  unit: 'hour' | 'day',
): Promise<LagCount[]> {
  const unitMs = unit === 'hour' ? HOUR_MS : 24 * HOUR_MS;
  const { results } = await db
    .prepare(unit === 'hour' ? LAGS_BY_HOUR : LAGS_BY_DAY)
    .bind(Math.floor(sinceMs / unitMs) * unitMs, untilMs, integration ?? null)
    .run<LagCount>();
  return results;
}

const LAGS_BY_HOUR = `
  SELECT steps, bucket, sum(count) AS count FROM lags
  WHERE step = 3600 AND start >= ?1 AND start < ?2 AND (?3 IS NULL OR integration = ?3)
  GROUP BY 1, 2`;

/** Days hold the hours that are summed up. */
const LAGS_BY_DAY = `
  SELECT steps, bucket, sum(count) AS count
  FROM (
    SELECT integration, steps, bucket, count FROM lags WHERE step = 86400 AND start >= ?1 AND start < ?2
    UNION ALL
    SELECT integration, steps, bucket, count FROM lags
    WHERE step = 3600 AND start >= max(?1, ${progressSql('hours')} / 1000) AND start < ?2
  )
  WHERE ?3 IS NULL OR integration = ?3
  GROUP BY 1, 2`;

/** All that was ever counted of an integration and a kind. */
export interface CounterTotal {
  integration: string;
  kind: CountedKind;
  count: number;
}

/** What was counted since the beginning, in one statement, so that no total ever goes back. */
export async function readTotals(db: D1Database): Promise<CounterTotal[]> {
  const { results } = await db.prepare(totalsSql('counters', 60, 'kind')).run<CounterTotal>();
  return results;
}

/** How many of the times between two steps ever fell into a bucket, by integration. */
export interface LagTotal extends LagCount {
  integration: string;
}

/** As {@link readTotals}. */
export async function readLagTotals(db: D1Database): Promise<LagTotal[]> {
  const { results } = await db.prepare(totalsSql('lags', 3600, 'steps, bucket')).run<LagTotal>();
  return results;
}

/** The rows since the beginning (step 0) hold the hours that are summed up; the finest rows hold what came since. */
function totalsSql(table: 'counters' | 'lags', finestStep: number, columns: string): string {
  return `
    SELECT integration, ${columns}, sum(count) AS count
    FROM (
      SELECT integration, ${columns}, count FROM ${table} WHERE step = 0
      UNION ALL
      SELECT integration, ${columns}, count FROM ${table}
      WHERE step = ${finestStep} AND start >= ${progressSql('hours')} / 1000
    )
    GROUP BY integration, ${columns} ORDER BY integration, ${columns}`;
}

/** Buckets an octave. A time told from its bucket is at most 4.5 % off. */
const BUCKETS_PER_OCTAVE = 8;

/** The time that stands for a bucket, ms: its geometric middle. */
export function bucketMs(bucket: number): number {
  return 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE);
}

/** The first bucket whose times are all of 2^`exponent` ms or more. */
export function firstBucketFrom(exponent: number): number {
  return exponent * BUCKETS_PER_OCTAVE;
}

/** The time that a share of all times does not exceed, e.g. 0.5 for the median; ms, `null` where there are none. */
export function percentileMs(lags: readonly Omit<LagCount, 'steps'>[], share: number): number | null {
  const ordered = lags.toSorted((a, b) => a.bucket - b.bucket);
  const rank = share * ordered.reduce((sum, { count }) => sum + count, 0);
  let reached = 0;
  for (const { bucket, count } of ordered) {
    reached += count;
    if (reached >= rank) return Math.round(bucketMs(bucket));
  }
  return null;
}
