// Deleting an integration, and with it what came to it, in steps that let webhooks in between.
//
// Events have no index by integration: it would make every event dearer to write. They are searched by their primary key, from
// the time of the registration on. The covering index of UNIQUE (id, integration) would have as many
// rows to read, and took as long, with D1's cache warm and cold; but in its order an event that arrives can stand before the
// place that the search has come to, and would be missed. By primary key it stands behind it.
//
// What remains: for up to 30 s, until its cache asks again, an isolate can take a webhook for an integration that is
// gone. Its event is stored and forwarded as was promised, and stays until its retention ends.

import * as z from 'zod';
import { splitIntoBatches } from '../runtime/batching.ts';
import { auditChange, recordAudit } from './audit.ts';
import { forgetBusinessNumbersOf } from './business-numbers.ts';
import { type ChangeAuthor, findIntegrations } from './integrations.ts';
import { scanOldestFirst } from './keyset-paging.ts';
import { CLOCK_SKEW_MS, GIVEN_PLACES } from './places.ts';
import { readSingleRow } from './single-row.ts';
import { storedJson } from './stored-json.ts';
import { isWaitingSql } from './stretches.ts';
import { deleteEventsSql } from './usage.ts';
import {
  deleteWithin,
  REQUEST_STATEMENTS,
  repeatWithin,
  WorkBudget,
  type WorkLimits,
} from './work-budget.ts';

/** Events scanned by one statement. */
const STEP_EVENTS = 25_000;
/** Events deleted by one transaction: short enough to let webhooks in between, as with retention. */
const CHUNK_EVENTS = 1_000;
/** Rejections or dead letters deleted by one statement; each can have a body of 1 MiB. */
const CHUNK_KEPT = 100;
/** No more are counted to tell that an integration is not empty. */
const ENOUGH_EVENTS = 10_000;

/** Somebody waits for the answer. */
const REQUEST_LIMITS: WorkLimits = { statements: REQUEST_STATEMENTS, ms: 20_000 };

/** Who deletes. The clock is read again and again, since a deletion takes its time. */
export interface Deleter {
  actor: string;
  /** Unix ms. */
  now: () => number;
  budget?: WorkLimits;
}

/** What an integration has. */
export interface IntegrationContents {
  events: number;
  /** False where there may be more than were counted. */
  isEveryEventCounted: boolean;
  rejections: number;
  deadLetters: number;
}

/** How much was deleted. */
export interface DeletedCounts {
  events: number;
  /** How many of the events waited to be forwarded. */
  unforwarded: number;
  rejections: number;
  deadLetters: number;
}

/** What became of a deletion that is to delete nothing else. */
export type EmptyDeletion =
  | { outcome: 'deleted'; deleted: DeletedCounts }
  | { outcome: 'unknown' }
  | { outcome: 'holding'; holdings: IntegrationContents };

/** What became of a deletion with everything that came to the integration. */
export type FullDeletion =
  | { outcome: 'deleted'; deleted: DeletedCounts }
  | { outcome: 'unknown' }
  /** The budget is spent. A repeat finishes it; it can go on from `walkedSeq`. */
  | { outcome: 'unfinished'; deleted: DeletedCounts; walkedSeq: number }
  /** Somebody enabled the integration meanwhile. */
  | { outcome: 'enabled'; deleted: DeletedCounts };

/** Deletes an integration that has neither events nor rejections nor dead letters. */
export async function deleteEmptyIntegration(
  db: D1Database,
  slug: string,
  { actor, now, budget = REQUEST_LIMITS }: Deleter,
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
 * If this is interrupted, the integration is disabled, and a repeat finishes the deletion.
 *
 * @param walkedSeq how far an unfinished deletion had come.
 */
export async function deleteIntegrationAndContents(
  db: D1Database,
  slug: string,
  { actor, now, budget = REQUEST_LIMITS, walkedSeq = 0 }: Deleter & { walkedSeq?: number | undefined },
): Promise<FullDeletion> {
  const createdAtMs = await beginDeletion(db, slug, { actor, nowMs: now() });
  if (createdAtMs === null) return { outcome: 'unknown' };
  const run = startRun(Math.max(seqAt(createdAtMs), walkedSeq), budget, now);
  const { deleted } = run;
  let isEnabled = false;
  while (!isEnabled && !run.budget.isSpent()) {
    await deleteEvents(db, slug, run);
    await deleteKept(db, 'rejections', slug, run);
    await deleteKept(db, 'deadLetters', slug, run);
    if (run.budget.isSpent()) break;
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
interface DeletionRun {
  deleted: DeletedCounts;
  /** The events up to here were scanned. */
  walkedSeq: number;
  /** Clocks differ: what was stored from here on is scanned again, until nothing comes any more. */
  recentSeq: number;
  budget: WorkBudget;
}

function startRun(fromSeq: number, limits: WorkLimits, now: () => number): DeletionRun {
  return {
    deleted: { events: 0, unforwarded: 0, rejections: 0, deadLetters: 0 },
    walkedSeq: Math.max(0, fromSeq - seqAt(CLOCK_SKEW_MS)),
    recentSeq: seqAt(now() - CLOCK_SKEW_MS),
    budget: WorkBudget.within(limits, now),
  };
}

function seqAt(ms: number): number {
  return ms * 1000;
}

/** Disables the integration, and records who deletes it. Gives when it was created; `null`: there is none. */
async function beginDeletion(
  db: D1Database,
  slug: string,
  { actor, nowMs }: ChangeAuthor,
): Promise<number | null> {
  const detail = { stage: 'begun' };
  const [disabled] = await db.batch<{ created_at: number }>([
    db.prepare('UPDATE integrations SET enabled = 0 WHERE slug = ?1 RETURNING created_at').bind(slug),
    auditChange(db, { actor, action: 'integration.delete', object: slug, detail, atMs: nowMs }),
  ]);
  return disabled?.results[0]?.created_at ?? null;
}

/** Counts what an integration has, its events up to {@link ENOUGH_EVENTS}. */
async function countHoldings(db: D1Database, slug: string, run: DeletionRun): Promise<IntegrationContents> {
  let events = 0;
  let isLast = false;
  await repeatWithin(run.budget, async () => {
    const step = await findEvents(db, slug, run.walkedSeq);
    events += step.seqs.length;
    ({ isLast, lastSeq: run.walkedSeq } = step);
    return !isLast && events < ENOUGH_EVENTS;
  });
  const kept = db
    .prepare(
      `SELECT
         (SELECT count(*) FROM rejections WHERE integration = ?1) AS rejections,
         (SELECT count(*) FROM dead_letters WHERE integration = ?1) AS deadLetters`,
    )
    .bind(slug);
  return { events, isEveryEventCounted: isLast, ...(await readSingleRow<KeptCounts>(kept)) };
}

type KeptCounts = Pick<IntegrationContents, 'rejections' | 'deadLetters'>;

/** Deletes the integration's events from where the run has come to, until the end or out of budget. */
async function deleteEvents(db: D1Database, slug: string, run: DeletionRun): Promise<void> {
  await repeatWithin(run.budget, async () => {
    const step = await findEvents(db, slug, run.walkedSeq);
    for (const seqs of splitIntoBatches(step.seqs, () => 0, { maxItems: CHUNK_EVENTS, maxBytes: 0 })) {
      if (run.budget.isSpent()) return true;
      await deleteChunk(db, slug, seqs, run);
    }
    run.walkedSeq = step.lastSeq;
    return !step.isLast;
  });
}

const PLACES = { sql: 'json_group_array(seq)', schema: storedJson(z.array(z.number())) };

/** The integration's events among the next {@link STEP_EVENTS}. */
async function findEvents(db: D1Database, slug: string, afterSeq: number) {
  const rows = 'SELECT seq, integration = ?1 AS is_match FROM events WHERE seq > ?2';
  const { found, scanned, lastSeq } = await scanOldestFirst(db, PLACES, rows, [slug, afterSeq], STEP_EVENTS);
  return { seqs: found, lastSeq: lastSeq ?? afterSeq, isLast: scanned < STEP_EVENTS };
}

/** Deletes events, and counts those that a route had yet to forward. */
async function deleteChunk(
  db: D1Database,
  slug: string,
  seqs: readonly number[],
  { deleted, budget }: DeletionRun,
): Promise<void> {
  const places = JSON.stringify(seqs);
  const isOwn = `seq IN (${GIVEN_PLACES}) AND integration = ?2`;
  budget.spend(3);
  const statements = [
    `SELECT count(*) AS n FROM events AS e WHERE ${isOwn} AND ${isWaitingSql()}`,
    ...deleteEventsSql(isOwn),
  ];
  const [unforwarded, , events] = await db.batch(statements.map((sql) => db.prepare(sql).bind(places, slug)));
  deleted.unforwarded += (unforwarded?.results[0] as { n: number } | undefined)?.n ?? 0;
  deleted.events += events?.results.length ?? 0;
}

/** Deletes what has an index by integration, oldest first, until nothing is left or out of budget. */
async function deleteKept(
  db: D1Database,
  kept: keyof KeptCounts,
  slug: string,
  { deleted, budget }: DeletionRun,
): Promise<void> {
  const table = kept === 'rejections' ? 'rejections' : 'dead_letters';
  deleted[kept] += await deleteWithin(budget, db, { table, condition: 'integration = ?2' }, CHUNK_KEPT, slug);
}

/** Whether an integration can be deleted: nothing is left of it, and nothing came since its events were scanned. */
const RETIRABLE = `
  slug = ?1 AND (enabled = 0 OR ?2)
  AND NOT EXISTS (SELECT 1 FROM events WHERE seq > ?3 AND integration = ?1)
  AND NOT EXISTS (SELECT 1 FROM dead_letters WHERE integration = ?1)
  AND NOT EXISTS (SELECT 1 FROM rejections WHERE integration = ?1)`;

/**
 * Deletes the integration itself if nothing has come to it meanwhile. Its generation is kept, so that none of its URLs opens
 * another integration that takes its slug. `held`: something came, and the deletion has to go on.
 */
async function retire(
  db: D1Database,
  slug: string,
  run: DeletionRun,
  { mayBeEnabled }: { mayBeEnabled: boolean },
  { actor, nowMs }: ChangeAuthor,
): Promise<'gone' | 'held' | 'enabled'> {
  run.budget.spend(5);
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
