// Making room: what goes before its retention has ended. Each kind of what is kept has a budget in bytes, a share of
// what the database may hold; a kind that is over its budget loses its own oldest and never another's. Within a kind the
// integrations that hold most lose theirs first, so that a small one keeps what it has beside one that floods.
//
// Never deleted to make room are events that are not forwarded yet, and rejections and webhooks not yet stored that were
// acknowledged. They count towards what their integration holds, so it loses its other events for them, and nobody else does.

import { cutGroups } from '../runtime/batching.ts';
import { excessOver } from './fair-shares.ts';
import { ROW_BYTES, readUsage, subtractEventsSql, type Usage, type UsageKind } from './usage.ts';

/** What these kinds may hold at most, as shares of the database's ceiling. Events have what is left. */
const SHARES = { rejection: 0.1, 'dead-letter': 0.1 } as const satisfies Partial<Record<UsageKind, number>>;
type SharingKind = keyof typeof SHARES;

/** What was acknowledged and never goes to make room: its integration loses events for it. */
const ACKNOWLEDGED = ['deferred-rejection', 'unstored-webhook'] as const satisfies UsageKind[];

/** Events are not deleted early while they hold less than this share of the ceiling: it is not they that fill it. */
const EVENTS_FLOOR = 0.5;
/** The sizes of rows are estimates, and whole pages are freed: what a first round leaves over, the next ones take. */
const MAX_ROUNDS = 8;
/** With less, what it frees would be a matter of chance. */
const MIN_ROUND_BYTES = 256_000;
/** A round helps when it frees at least this share of what it deletes. */
const HELPFUL_SHARE = 0.25;

/** Kept for one integration at most. More would be of no use to whoever has to look at them. */
export const MAX_REJECTIONS_PER_INTEGRATION = 10_000;

/** What one statement deletes: bodies have up to a megabyte, and webhooks have to come in between. */
const CHUNK_ROWS = 200;
const CHUNK_BYTES = 20_000_000;
/** Bounds one run over the dead letters. */
const MAX_DEAD_LETTER_CHUNKS = 20;
/** Events looked at by one statement, and deleted by one transaction. */
const STEP_EVENTS = 5_000;
const CHUNK_EVENTS = { maxItems: 1_000, maxBytes: CHUNK_BYTES };

/** What is left of the chunks that a run may delete. The next run comes a minute later. */
export interface ChunkAllowance {
  chunks: number;
}

/** Deletes the oldest rejections of integrations that have too many, then those of the kind's budget. */
export async function evictRejections(
  db: D1Database,
  maxDatabaseBytes: number,
  allowance: ChunkAllowance,
): Promise<number> {
  let evicted = 0;
  const usage = await readUsage(db, ['rejection']);
  for (const { integration, items } of usage) {
    const excess = { bytes: 0, items: items - MAX_REJECTIONS_PER_INTEGRATION };
    evicted += await evictOldest(db, 'rejection', integration, excess, allowance);
  }
  const left = evicted === 0 ? usage : await readUsage(db, ['rejection']);
  return evicted + (await evictOverBudget(db, 'rejection', left, maxDatabaseBytes, allowance));
}

/** Deletes the oldest dead letters over their budget. */
export async function evictDeadLetters(db: D1Database, maxDatabaseBytes: number): Promise<number> {
  const usage = await readUsage(db, ['dead-letter']);
  const allowance = { chunks: MAX_DEAD_LETTER_CHUNKS };
  return evictOverBudget(db, 'dead-letter', usage, maxDatabaseBytes, allowance);
}

async function evictOverBudget(
  db: D1Database,
  kind: SharingKind,
  usage: readonly Usage[],
  maxDatabaseBytes: number,
  allowance: ChunkAllowance,
): Promise<number> {
  let evicted = 0;
  for (const [integration, bytes] of excessOver(SHARES[kind] * maxDatabaseBytes, heldOf(usage, [kind]))) {
    evicted += await evictOldest(db, kind, integration, { bytes, items: 0 }, allowance);
  }
  return evicted;
}

/** What each integration holds of these kinds. */
function heldOf(usage: readonly Usage[], kinds: readonly UsageKind[]): Map<string, number> {
  const held = new Map<string, number>();
  for (const { kind, integration, bytes } of usage) {
    if (kinds.includes(kind)) held.set(integration, (held.get(integration) ?? 0) + bytes);
  }
  return held;
}

function totalOf(held: ReadonlyMap<string, number>): number {
  return held.values().reduce((sum, bytes) => sum + bytes, 0);
}

/** Deletes the oldest of an integration, until so many bytes and so many items are gone. */
async function evictOldest(
  db: D1Database,
  kind: SharingKind,
  integration: string,
  excess: { bytes: number; items: number },
  allowance: ChunkAllowance,
): Promise<number> {
  let { bytes, items } = excess;
  let evicted = 0;
  while ((bytes > 0 || items > 0) && allowance.chunks > 0) {
    allowance.chunks--;
    const { results } = await db
      .prepare(EVICT[kind])
      .bind(integration || null, CHUNK_ROWS, bytes, items, CHUNK_BYTES)
      .run<{ bytes: number }>();
    if (results.length === 0) break;
    evicted += results.length;
    items -= results.length;
    bytes -= results.reduce((sum, row) => sum + row.bytes, 0);
  }
  return evicted;
}

const EVICT = {
  rejection: evictSql('rejections', 'INDEXED BY rejections_evictable', 'integration = ?1 AND deferred = 0'),
  'dead-letter': evictSql(
    'dead_letters',
    'INDEXED BY dead_letters_by_integration',
    "integration IS ?1 AND kind <> 'intake'",
  ),
} as const satisfies Record<SharingKind, string>;

/** The oldest ?2 at most, until ?3 bytes or ?4 items are gone, whichever is more, but no more than ?5 bytes. */
function evictSql(table: string, index: string, where: string): string {
  return `
    DELETE FROM ${table} WHERE seq IN (
      SELECT seq FROM (
        SELECT seq, row_number() OVER oldest_first AS nth, sum(bytes) OVER oldest_first - bytes AS older_bytes
        FROM (
          SELECT seq, octet_length(body) + ${ROW_BYTES} AS bytes FROM ${table} ${index}
          WHERE ${where} ORDER BY seq LIMIT ?2
        )
        WINDOW oldest_first AS (ORDER BY seq ROWS UNBOUNDED PRECEDING)
      )
      WHERE (older_bytes < ?3 OR nth <= ?4) AND older_bytes < ?5
    )
    RETURNING octet_length(body) + ${ROW_BYTES} AS bytes`;
}

/** What making room among the events did. */
export interface EvictedEvents {
  events: number;
  databaseBytes: number;
}

/**
 * Deletes forwarded events while the database is over its ceiling, but for what other kinds hold over their budgets:
 * those lose it themselves.
 *
 * The integrations that hold most lose their oldest, as many bytes as the database is over its ceiling. As long as that
 * helps: where it frees too few pages, since rows of others lie on the same, the oldest of all go, which lie together.
 */
export async function evictEvents(
  db: D1Database,
  databaseBytes: number,
  maxDatabaseBytes: number,
  allowance: ChunkAllowance,
): Promise<EvictedEvents> {
  const run: EventRun = { db, allowance, events: 0, bytes: 0, databaseBytes, ceilingBytes: maxDatabaseBytes };
  for (let round = 0; round < MAX_ROUNDS && allowance.chunks > 0; round++) {
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
    const owed = totalOf(excess) - deleted; // by those who hold what may not be deleted
    const rest = Math.min(run.databaseBytes - run.ceilingBytes - owed, spare - deleted);
    if (rest > 0) await evictEventsWhere(run, { afterSeq: 0, integrations: null }, quotaOf(rest, null));
    break;
  }
  return run;
}

/** What rejections and dead letters hold over their budgets, which a run of their own has yet to delete. */
function excessOfOthers(usage: readonly Usage[], maxDatabaseBytes: number): number {
  const kinds = Object.keys(SHARES) as SharingKind[];
  return kinds.reduce(
    (sum, kind) => sum + Math.max(0, totalOf(heldOf(usage, [kind])) - SHARES[kind] * maxDatabaseBytes),
    0,
  );
}

interface EventRun extends EvictedEvents {
  db: D1Database;
  allowance: ChunkAllowance;
  /** What was deleted, as {@link Usage} has it. */
  bytes: number;
  /** Below this nothing needs to go. */
  ceilingBytes: number;
}

/** Decides on one event after the other, oldest first. */
interface Quota {
  /** Whether it goes; if so, it is taken off. */
  takes(integration: string, bytes: number): boolean;
  isSpent(): boolean;
}

/** @param each the most that these integrations lose; `null`: of all, whoever has the oldest. */
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
  run: EventRun,
  excess: ReadonlyMap<string, number>,
  total: number,
  usage: readonly Usage[],
): Promise<void> {
  const cut = usage.filter(({ kind, integration }) => kind === 'event' && excess.has(integration));
  if (cut.length === 0) return;
  const integrations = cut.map(({ integration }) => integration);
  const own = new Map(integrations.map((integration) => [integration, excess.get(integration) ?? 0]));
  // Events have no index by integration. What an earlier search has walked holds no more of them.
  const afterSeq = Math.min(...cut.map(({ walkedSeq }) => walkedSeq));
  const walk = await evictEventsWhere(run, { afterSeq, integrations }, quotaOf(total, own));
  await run.db
    .prepare(
      `UPDATE usage SET walked = ?2
       WHERE kind = 'event' AND integration IN (SELECT value FROM json_each(?1)) AND (walked < ?2 OR ?2 = 0)`,
    )
    // At the end of the log the next search begins anew: what was not forwarded then may be now.
    .bind(JSON.stringify(integrations), walk.isAtEnd ? 0 : walk.walkedSeq)
    .run();
}

/** Walks the log and deletes what the quota takes, until that is spent or the database is below its ceiling. */
async function evictEventsWhere(
  run: EventRun,
  { afterSeq, integrations }: { afterSeq: number; integrations: readonly string[] | null },
  quota: Quota,
): Promise<{ walkedSeq: number; isAtEnd: boolean }> {
  let walkedSeq = afterSeq;
  const isDone = () => quota.isSpent() || run.allowance.chunks <= 0 || run.databaseBytes <= run.ceilingBytes;
  while (!isDone()) {
    run.allowance.chunks--;
    const step = await walkEvents(run.db, walkedSeq, integrations);
    const taken = step.found.filter(({ integration, bytes }) => quota.takes(integration, bytes));
    for (const group of cutGroups(taken, ({ bytes }) => bytes, CHUNK_EVENTS)) {
      if (run.allowance.chunks <= 0 || run.databaseBytes <= run.ceilingBytes) {
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

/** The next forwarded events behind a place, of these integrations or of all. */
async function walkEvents(db: D1Database, afterSeq: number, integrations: readonly string[] | null) {
  const step = await db
    .prepare(WALK)
    .bind(afterSeq, STEP_EVENTS, integrations && JSON.stringify(integrations))
    .first<{ walked: number; last_seq: number | null; found: string }>();
  const found: [seq: number, integration: string, bytes: number][] = JSON.parse(step?.found ?? '[]');
  return {
    found: found.map(([seq, integration, bytes]): FoundEvent => ({ seq, integration, bytes })),
    lastSeq: step?.last_seq ?? afterSeq,
    isLast: step?.walked !== STEP_EVENTS,
  };
}

const WALK = `
  SELECT count(*) AS walked, max(seq) AS last_seq,
    json_group_array(json_array(seq, integration, bytes)) FILTER (WHERE is_wanted) AS found
  FROM (
    SELECT e.seq, e.integration, octet_length(e.payload) + ${ROW_BYTES} AS bytes, iif(
      ?3 IS NULL OR e.integration IN (SELECT value FROM json_each(?3)),
      NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq),
      0
    ) AS is_wanted
    FROM events AS e NOT INDEXED WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2
  )`;

/** What has left the outbox is never in it again. */
async function deleteEvents(run: EventRun, found: readonly FoundEvent[]): Promise<void> {
  run.allowance.chunks--;
  const places = JSON.stringify(found.map(({ seq }) => seq));
  const [, deleted] = await run.db.batch([
    run.db.prepare(subtractEventsSql(AT_PLACES)).bind(places),
    run.db.prepare(`DELETE FROM events WHERE seq IN (${AT_PLACES})`).bind(places),
  ]);
  run.events += found.length;
  run.bytes += found.reduce((sum, { bytes }) => sum + bytes, 0);
  run.databaseBytes = deleted?.meta.size_after ?? run.databaseBytes;
}

const AT_PLACES = 'SELECT value FROM json_each(?1)';
