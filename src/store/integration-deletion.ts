// Deleting an integration, and with it what came to it, in steps that let webhooks in between: D1 has one writer.
//
// Events have no index by integration: it would make every event dearer to write. They are walked in the order of
// their primary key, from the time of the registration on. The covering index of UNIQUE (id, integration) would have
// as many rows to read, and took as long, with D1's cache warm and cold; but in its order an event that arrives can
// stand behind the walk, where by primary key it stands before it: what the walk has passed stays free.
//
// Dead letters have no index by integration either, and are walked as events are. So are those that an integration of
// the same slug left behind, in the days when they stayed.
//
// What remains: for up to 30 s, until its cache asks again, an isolate can take a webhook for an integration that is
// gone. Its event is stored and forwarded as was promised, and stays until its retention ends.

import { cutGroups } from '../runtime/batching.ts';
import { auditChange, recordAudit } from './audit.ts';
import { forgetBusinessNumbersOf } from './business-numbers.ts';
import { type Change, findIntegrations } from './integrations.ts';
import { subtractEventsSql } from './usage.ts';

/** Events looked at by one statement. */
const STEP_EVENTS = 25_000;
/** Events deleted by one transaction: short enough to let webhooks in between, as with retention. */
const CHUNK_EVENTS = 1_000;
/** Rejections or dead letters deleted by one statement; each can have a body of 1 MiB. */
const CHUNK_KEPT = 100;
/** Enough to know that an integration is not deleted by mistake. */
const ENOUGH_EVENTS = 10_000;

/** How far the clocks of isolates may be apart. An event's place is told by the clock of the one that stored it. */
const CLOCK_SKEW_MS = 60_000;

/** What one call may take. */
export interface DeletionBudget {
  statements: number;
  ms: number;
}

/**
 * For one request: D1 takes 1,000 statements in an invocation (https://developers.cloudflare.com/d1/platform/limits/),
 * and somebody waits for the answer.
 */
const REQUEST_BUDGET: DeletionBudget = { statements: 900, ms: 20_000 };

/** Who deletes, with a clock, for it takes its time. */
export interface Deleter {
  actor: string;
  /** Unix ms. */
  now: () => number;
  budget?: DeletionBudget;
}

/** What an integration has. */
export interface Holdings {
  events: number;
  /** False where there may be more than were counted. */
  isEveryEventCounted: boolean;
  rejections: number;
  deadLetters: number;
}

/** What went. */
export interface Deleted {
  events: number;
  /** Of the events, those that waited to be forwarded. */
  unforwarded: number;
  rejections: number;
  deadLetters: number;
}

/** What became of a deletion that is to take nothing else with it. */
export type EmptyDeletion =
  | { outcome: 'deleted'; deleted: Deleted }
  | { outcome: 'unknown' }
  | { outcome: 'holding'; holdings: Holdings };

/** What became of a deletion that is to take everything with it. */
export type FullDeletion =
  | { outcome: 'deleted'; deleted: Deleted }
  | { outcome: 'unknown' }
  /** The budget is spent. A repeat finishes it; it can go on from `walkedSeq`. */
  | { outcome: 'unfinished'; deleted: Deleted; walkedSeq: number }
  /** Somebody enabled it meanwhile. */
  | { outcome: 'enabled'; deleted: Deleted };

/** Deletes an integration that has neither events nor rejections nor dead letters. */
export async function deleteEmptyIntegration(
  db: D1Database,
  slug: string,
  { actor, now, budget = REQUEST_BUDGET }: Deleter,
): Promise<EmptyDeletion> {
  const [integration] = await findIntegrations(db, [slug]);
  if (integration === undefined) return { outcome: 'unknown' };
  const run = startRun(seqAt(integration.createdAtMs), budget, now);
  for (;;) {
    const holdings = await countHoldings(db, slug, run);
    const isEmpty = holdings.events + holdings.rejections + holdings.deadLetters === 0;
    if (!isEmpty || !holdings.isEveryEventCounted) return { outcome: 'holding', holdings };
    const end = await retire(db, slug, run, { mayBeEnabled: true }, { actor, nowMs: now() });
    if (end !== 'held') return { outcome: 'deleted', deleted: run.deleted };
  }
}

/**
 * Disables an integration, deletes its events, forwarded or not, its rejections and its dead letters, and then itself.
 * Left off in the middle, for whatever reason, it is disabled, and a repeat finishes it.
 *
 * @param walkedSeq how far an unfinished deletion had come.
 */
export async function deleteIntegrationAndContents(
  db: D1Database,
  slug: string,
  { actor, now, budget = REQUEST_BUDGET, walkedSeq = 0 }: Deleter & { walkedSeq?: number | undefined },
): Promise<FullDeletion> {
  const createdAtMs = await beginDeletion(db, slug, { actor, nowMs: now() });
  if (createdAtMs === null) return { outcome: 'unknown' };
  const run = startRun(Math.max(seqAt(createdAtMs), walkedSeq), budget, now);
  const { deleted } = run;
  let isEnabled = false;
  while (!isEnabled && !run.isSpent()) {
    await deleteEvents(db, slug, run);
    await deleteKept(db, 'rejections', slug, run);
    await deleteKept(db, 'deadLetters', slug, run);
    if (run.isSpent()) break;
    const end = await retire(db, slug, run, { mayBeEnabled: false }, { actor, nowMs: now() });
    if (end === 'gone') return { outcome: 'deleted', deleted };
    isEnabled = end === 'enabled';
  }
  const detail = { stage: 'unfinished', ...deleted };
  await recordAudit(db, { actor, action: 'integration.delete', object: slug, detail, atMs: now() });
  return isEnabled
    ? { outcome: 'enabled', deleted }
    : { outcome: 'unfinished', deleted, walkedSeq: run.walkedSeq };
}

/** A deletion under way. */
interface Run {
  deleted: Deleted;
  /** The events up to here were looked at. */
  walkedSeq: number;
  /** What was stored from here on is looked at again until nothing comes any more: clocks differ. */
  recentSeq: number;
  spend(statements: number): void;
  isSpent(): boolean;
}

function startRun(fromSeq: number, budget: DeletionBudget, now: () => number): Run {
  const startedMs = now();
  let { statements: left } = budget;
  return {
    deleted: { events: 0, unforwarded: 0, rejections: 0, deadLetters: 0 },
    walkedSeq: Math.max(0, fromSeq - seqAt(CLOCK_SKEW_MS)),
    recentSeq: seqAt(startedMs - CLOCK_SKEW_MS),
    spend: (statements) => {
      left -= statements;
    },
    isSpent: () => left <= 0 || now() - startedMs >= budget.ms,
  };
}

function seqAt(ms: number): number {
  return ms * 1000;
}

/** Disables the integration, and leaves word of who is deleting it. Gives when it was created; `null`: there is none. */
async function beginDeletion(db: D1Database, slug: string, { actor, nowMs }: Change): Promise<number | null> {
  const detail = { stage: 'begun' };
  const [disabled] = await db.batch<{ created_at: number }>([
    db.prepare('UPDATE integrations SET enabled = 0 WHERE slug = ?1 RETURNING created_at').bind(slug),
    auditChange(db, { actor, action: 'integration.delete', object: slug, detail, atMs: nowMs }),
  ]);
  return disabled?.results[0]?.created_at ?? null;
}

/** Counts what an integration has, or enough of it to know that it is not deleted by mistake. */
async function countHoldings(db: D1Database, slug: string, run: Run): Promise<Holdings> {
  let events = 0;
  let isLast = false;
  while (!isLast && events < ENOUGH_EVENTS && !run.isSpent()) {
    const step = await walkEvents(db, slug, run);
    events += step.seqs.length;
    isLast = step.isLast;
    run.walkedSeq = step.lastSeq;
  }
  const kept = await db
    .prepare(
      `SELECT
         (SELECT count(*) FROM rejections WHERE integration = ?1) AS rejections,
         (SELECT count(*) FROM dead_letters WHERE integration = ?1) AS deadLetters`,
    )
    .bind(slug)
    .first<{ rejections: number; deadLetters: number }>();
  return { events, isEveryEventCounted: isLast, rejections: 0, deadLetters: 0, ...kept };
}

/** Walks the events from where the run has come to and deletes the integration's, until the end or out of budget. */
async function deleteEvents(db: D1Database, slug: string, run: Run): Promise<void> {
  for (let isLast = false; !isLast && !run.isSpent(); ) {
    const step = await walkEvents(db, slug, run);
    for (const seqs of cutGroups(step.seqs, () => 0, { maxItems: CHUNK_EVENTS, maxBytes: 0 })) {
      if (run.isSpent()) return;
      await deleteChunk(db, slug, seqs, run);
    }
    isLast = step.isLast;
    run.walkedSeq = step.lastSeq;
  }
}

/** A step of the walk. */
interface Step {
  /** What is the integration's. */
  seqs: number[];
  lastSeq: number;
  /** Whether nothing was stored after this step. */
  isLast: boolean;
}

async function walkEvents(db: D1Database, slug: string, run: Run): Promise<Step> {
  run.spend(1);
  const step = await db
    .prepare(
      `SELECT count(*) AS walked, max(seq) AS last_seq, json_group_array(seq) FILTER (WHERE integration = ?1) AS seqs
       FROM (SELECT seq, integration FROM events WHERE seq > ?2 ORDER BY seq LIMIT ?3)`,
    )
    .bind(slug, run.walkedSeq, STEP_EVENTS)
    .first<{ walked: number; last_seq: number | null; seqs: string }>();
  return {
    seqs: JSON.parse(step?.seqs ?? '[]'),
    lastSeq: step?.last_seq ?? run.walkedSeq,
    isLast: step?.walked !== STEP_EVENTS,
  };
}

/** Deletes events with their places in the outbox. */
async function deleteChunk(
  db: D1Database,
  slug: string,
  seqs: readonly number[],
  { deleted, spend }: Run,
): Promise<void> {
  const places = JSON.stringify(seqs);
  const own = 'SELECT seq FROM events WHERE seq IN (SELECT value FROM json_each(?1)) AND integration = ?2';
  spend(3);
  const [unforwarded, , events] = await db.batch([
    db.prepare(`DELETE FROM outbox WHERE seq IN (${own})`).bind(places, slug),
    db.prepare(subtractEventsSql(own)).bind(places, slug),
    db
      .prepare(
        'DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?1)) AND integration = ?2 RETURNING seq',
      )
      .bind(places, slug),
  ]);
  deleted.unforwarded += unforwarded?.meta.changes ?? 0;
  deleted.events += events?.results.length ?? 0;
}

/** Deletes what has an index by integration, oldest first, until nothing is left or out of budget. */
async function deleteKept(
  db: D1Database,
  kept: 'rejections' | 'deadLetters',
  slug: string,
  { deleted, spend, isSpent }: Run,
): Promise<void> {
  const table = kept === 'rejections' ? 'rejections' : 'dead_letters';
  for (let isLast = false; !isLast && !isSpent(); ) {
    spend(1);
    const { results } = await db
      .prepare(
        `DELETE FROM ${table} WHERE seq IN (
           SELECT seq FROM ${table} WHERE integration = ?1 ORDER BY seq LIMIT ?2
         )
         RETURNING seq`, // `changes` counts what triggers write as well
      )
      .bind(slug, CHUNK_KEPT)
      .run();
    deleted[kept] += results.length;
    isLast = results.length < CHUNK_KEPT;
  }
}

/** What an integration may not have when it goes. Webhooks and dead letters may have come since the walk. */
const RETIRABLE = `
  slug = ?1 AND (enabled = 0 OR ?2)
  AND NOT EXISTS (SELECT 1 FROM events WHERE seq > ?3 AND integration = ?1)
  AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE integration = ?1)
  AND NOT EXISTS (SELECT 1 FROM rejections WHERE integration = ?1)`;

/**
 * Deletes the integration itself if nothing has come to it since the walk, and keeps its generation, so that none of
 * its URLs opens one that takes its slug. `held`: something came, and the walk has to go on.
 */
async function retire(
  db: D1Database,
  slug: string,
  run: Run,
  { mayBeEnabled }: { mayBeEnabled: boolean },
  { actor, nowMs }: Change,
): Promise<'gone' | 'held' | 'enabled'> {
  run.spend(5);
  run.walkedSeq = Math.min(run.walkedSeq, run.recentSeq);
  const condition = [slug, Number(mayBeEnabled), run.walkedSeq];
  const detail = { stage: 'finished', ...run.deleted };
  const [, , , left] = await db.batch<{ enabled: number }>([
    db
      .prepare(
        `INSERT INTO retired_integrations (slug, generation)
         SELECT slug, generation FROM integrations WHERE ${RETIRABLE}
         ON CONFLICT (slug) DO UPDATE SET generation = excluded.generation`,
      )
      .bind(...condition),
    db.prepare(`DELETE FROM integrations WHERE ${RETIRABLE}`).bind(...condition),
    auditChange(db, { actor, action: 'integration.delete', object: slug, detail, atMs: nowMs }),
    db.prepare('SELECT enabled FROM integrations WHERE slug = ?1').bind(slug),
    forgetBusinessNumbersOf(db, slug),
  ]);
  const [row] = left?.results ?? [];
  if (row === undefined) return 'gone';
  return row.enabled === 1 && !mayBeEnabled ? 'enabled' : 'held';
}
