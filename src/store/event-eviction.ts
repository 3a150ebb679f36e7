// Making room among events, see eviction.ts. Events that are not forwarded yet are never deleted to make room. They count
// towards what their integration holds, as does what else was acknowledged and not stored: so the integration loses its
// other events for them, and no other one does.

import * as z from 'zod';
import { splitIntoBatches } from '../runtime/batching.ts';
import { heldOf, SHARES, type SharingKind, totalOf } from './eviction.ts';
import { excessOver } from './fair-shares.ts';
import { type BoundValue, scanOldestFirst } from './keyset-paging.ts';
import { GIVEN_PLACES, placesJson } from './places.ts';
import { storedJson } from './stored-json.ts';
import { DELETABLE_TO } from './stretches.ts';
import { deleteEventsSql, ROW_BYTES, readUsage, type Usage, type UsageKind } from './usage.ts';
import type { WorkBudget } from './work-budget.ts';

/** Was acknowledged and is never deleted to make room: its integration loses events for it. */
const ACKNOWLEDGED = ['deferred-rejection', 'unstored-webhook'] as const satisfies UsageKind[];

/** Events are not deleted early while they hold less than this share of the ceiling: then it is not they that fill it. */
const EVENTS_FLOOR = 0.5;
/** The sizes of rows are estimates, and whole pages are freed: what one round leaves over, the next ones take. */
const MAX_ROUNDS = 8;
/** With less to delete, how many pages are freed would be a matter of chance. */
const MIN_ROUND_BYTES = 256_000;
/** A round helps when it frees at least this share of what it deletes. */
const HELPFUL_SHARE = 0.25;
/** Events scanned by one statement. */
const STEP_EVENTS = 5_000;
/** Events deleted by one transaction: webhooks have to come in between. */
const CHUNK_LIMITS = { maxItems: 1_000, maxBytes: 20_000_000 };

/** What making room among the events did. */
export interface EvictedEvents {
  events: number;
  databaseBytes: number;
}

/**
 * Deletes forwarded events while the database is over its ceiling. What other kinds hold over their budgets is left to their
 * own eviction.
 *
 * The integrations that hold most lose their oldest events, as many bytes as the database is over its ceiling. That can free
 * too few pages, where rows of other integrations lie on the same ones: then the oldest events of all go, which lie together.
 */
export async function evictEvents(
  db: D1Database,
  databaseBytes: number,
  maxDatabaseBytes: number,
  budget: WorkBudget,
): Promise<EvictedEvents> {
  const run: EventEviction = {
    db,
    budget,
    events: 0,
    bytes: 0,
    databaseBytes,
    ceilingBytes: maxDatabaseBytes,
  };
  for (let round = 0; round < MAX_ROUNDS && !budget.isSpent(); round++) {
    const usage = await readUsage(db, ['event', 'rejection', 'dead-letter', ...ACKNOWLEDGED]);
    run.ceilingBytes = maxDatabaseBytes + excessOfOthers(usage, maxDatabaseBytes);
    const spare = totalOf(heldOf(usage, ['event'])) - EVENTS_FLOOR * maxDatabaseBytes;
    if (run.databaseBytes <= run.ceilingBytes || spare <= 0) break;
    const surplus = Math.max(run.databaseBytes - run.ceilingBytes, MIN_ROUND_BYTES);
    const held = heldOf(usage, ['event', ...ACKNOWLEDGED]);
    const excess = excessOver(totalOf(held) - surplus, held);

    const before = { ...run };
    await evictFairly(run, excess, spare, usage);
    const deleted = run.bytes - before.bytes;
    const freed = before.databaseBytes - run.databaseBytes;
    if (deleted > 0 && freed >= deleted * HELPFUL_SHARE) continue;
    const owed = totalOf(excess) - deleted; // by integrations that hold what may not be deleted
    const rest = Math.min(run.databaseBytes - run.ceilingBytes - owed, spare - deleted);
    if (rest > 0) await evictEventsWhere(run, { afterSeq: 0, integrations: null }, quotaOf(rest, null));
    break;
  }
  return run;
}

/** What rejections and dead letters hold over their budgets, and their own eviction has yet to delete. */
function excessOfOthers(usage: readonly Usage[], maxDatabaseBytes: number): number {
  const kinds: SharingKind[] = ['rejection', 'dead-letter'];
  return kinds.reduce(
    (sum, kind) => sum + Math.max(0, totalOf(heldOf(usage, [kind])) - SHARES[kind] * maxDatabaseBytes),
    0,
  );
}

/** A run under way. */
interface EventEviction extends EvictedEvents {
  db: D1Database;
  budget: WorkBudget;
  /** What was deleted, as {@link Usage} has it. */
  bytes: number;
  /** Below this nothing needs to go. */
  ceilingBytes: number;
}

/** Decides which events are deleted, one after the other, oldest first. */
interface Quota {
  /** Whether an event is deleted; if so, it is taken off the quota. */
  takes(integration: string, bytes: number): boolean;
  isSpent(): boolean;
}

/** @param each the most that these integrations lose; `null`: the oldest events go, of whatever integration. */
function quotaOf(total: number, each: ReadonlyMap<string, number> | null): Quota {
  let left = total;
  const leftOf = each && new Map(each);
  return {
    takes: (integration, bytes) => {
      const own = leftOf?.get(integration);
      if (left <= 0 || (leftOf !== null && own === undefined)) return false;
      left -= bytes;
      if (own !== undefined && own > bytes) leftOf?.set(integration, own - bytes);
      else leftOf?.delete(integration);
      return true;
    },
    isSpent: () => left <= 0 || leftOf?.size === 0,
  };
}

/** Deletes the oldest of those integrations that have too much, `total` bytes at most. */
async function evictFairly(
  run: EventEviction,
  excess: ReadonlyMap<string, number>,
  total: number,
  usage: readonly Usage[],
): Promise<void> {
  const cut = usage.filter(({ kind, integration }) => kind === 'event' && excess.has(integration));
  if (cut.length === 0) return;
  const integrations = cut.map(({ integration }) => integration);
  const own = new Map(integrations.map((integration) => [integration, excess.get(integration) ?? 0]));
  // Events have no index by integration. An earlier search has left none of them before this place.
  const afterSeq = Math.min(...cut.map(({ walkedSeq }) => walkedSeq));
  const search = await evictEventsWhere(run, { afterSeq, integrations }, quotaOf(total, own));
  await run.db
    .prepare(
      `UPDATE usage SET walked = ?2
       WHERE kind = 'event' AND integration IN (SELECT value FROM json_each(?1)) AND (walked < ?2 OR ?2 = 0)`,
    )
    // From the end of the log the next search begins anew: what was not forwarded then may be now.
    .bind(JSON.stringify(integrations), search.isAtEnd ? 0 : search.walkedSeq)
    .run();
}

/** Goes through the log and deletes what the quota takes, until that is spent or the database is below its ceiling. */
async function evictEventsWhere(
  run: EventEviction,
  { afterSeq, integrations }: { afterSeq: number; integrations: readonly string[] | null },
  quota: Quota,
): Promise<{ walkedSeq: number; isAtEnd: boolean }> {
  let walkedSeq = afterSeq;
  const isDone = () => quota.isSpent() || run.budget.isSpent() || run.databaseBytes <= run.ceilingBytes;
  while (!isDone()) {
    run.budget.spend(1);
    const step = await findForwardedEvents(run.db, walkedSeq, integrations);
    const taken = step.found.filter(({ integration, bytes }) => quota.takes(integration, bytes));
    for (const group of splitIntoBatches(taken, ({ bytes }) => bytes, CHUNK_LIMITS)) {
      if (run.budget.isSpent() || run.databaseBytes <= run.ceilingBytes) {
        return { walkedSeq, isAtEnd: false };
      }
      await deleteEvents(run, group);
      walkedSeq = group.at(-1)?.seq ?? walkedSeq;
    }
    if (quota.isSpent()) break;
    walkedSeq = step.lastSeq;
    if (step.isLast) return { walkedSeq, isAtEnd: true };
  }
  return { walkedSeq, isAtEnd: false };
}

interface FoundEvent {
  seq: number;
  integration: string;
  bytes: number;
}

const FOUND = {
  sql: "json_group_array(json_object('seq', seq, 'integration', integration, 'bytes', bytes))",
  schema: storedJson(z.array(z.object({ seq: z.number(), integration: z.string(), bytes: z.number() }))),
};

/** The next forwarded events behind a place, of these integrations or of all. */
async function findForwardedEvents(
  db: D1Database,
  afterSeq: number,
  integrations: readonly string[] | null,
): Promise<{ found: FoundEvent[]; lastSeq: number; isLast: boolean }> {
  const values: BoundValue[] = [afterSeq, integrations && JSON.stringify(integrations)];
  const { found, scanned, lastSeq } = await scanOldestFirst(db, FOUND, FORWARDED, values, STEP_EVENTS);
  return { found, lastSeq: lastSeq ?? afterSeq, isLast: scanned < STEP_EVENTS };
}

const FORWARDED = `
  SELECT e.seq, e.integration, octet_length(e.payload) + ${ROW_BYTES} AS bytes,
    ?2 IS NULL OR e.integration IN (SELECT value FROM json_each(?2)) AS is_match
  FROM events AS e NOT INDEXED WHERE e.seq > ?1 AND e.seq <= ${DELETABLE_TO}`;

/** Deletes those of the events that may still be deleted: a route may have been resumed, or made, since they were found. */
async function deleteEvents(run: EventEviction, found: readonly FoundEvent[]): Promise<void> {
  run.budget.spend(1);
  const places = placesJson(found);
  const statements = deleteEventsSql(`seq IN (${GIVEN_PLACES}) AND seq <= ${DELETABLE_TO}`).map((sql) =>
    run.db.prepare(sql).bind(places),
  );
  const [, deleted] = await run.db.batch(statements);
  run.events += deleted?.results.length ?? 0;
  run.bytes += found.reduce((sum, { bytes }) => sum + bytes, 0);
  run.databaseBytes = deleted?.meta.size_after ?? run.databaseBytes;
}
