// Making room: what is deleted before its retention has ended. Each kind of what is kept has a budget in bytes, a share of
// what the database may hold; a kind that is over its budget loses its own oldest and never another's. Within a kind the
// integrations that hold most lose theirs first, so that a small one keeps what it has beside one that floods.
//
// This file has the budgets, and makes room among rejections and dead letters; event-eviction.ts does among events. Rejections
// and webhooks not yet stored that were acknowledged are never deleted to make room.

import { excessOver } from './fair-shares.ts';
import { ROW_BYTES, readUsage, type Usage, type UsageKind } from './usage.ts';
import { repeatWithin, WorkBudget } from './work-budget.ts';

/** What these kinds may hold at most, as shares of the database's ceiling. Events have what is left. */
export const SHARES = { rejection: 0.1, 'dead-letter': 0.1 } as const satisfies Partial<
  Record<UsageKind, number>
>;
export type SharingKind = keyof typeof SHARES;

/** Kept for one integration at most. Nobody looks through more. */
export const MAX_REJECTIONS_PER_INTEGRATION = 10_000;

/** What one statement deletes: bodies have up to a megabyte, and webhooks have to come in between. */
const CHUNK_ROWS = 200;
const CHUNK_BYTES = 20_000_000;
/** Bounds one run over the dead letters. */
const MAX_DEAD_LETTER_CHUNKS = 20;

/** Deletes the oldest rejections of integrations that have too many, then those of the kind's budget. */
export async function evictRejections(
  db: D1Database,
  maxDatabaseBytes: number,
  budget: WorkBudget,
): Promise<number> {
  let evicted = 0;
  const usage = await readUsage(db, ['rejection']);
  for (const { integration, items } of usage) {
    const excess = { bytes: 0, items: items - MAX_REJECTIONS_PER_INTEGRATION };
    evicted += await evictOldest(db, 'rejection', integration, excess, budget);
  }
  const left = evicted === 0 ? usage : await readUsage(db, ['rejection']);
  return evicted + (await evictOverBudget(db, 'rejection', left, maxDatabaseBytes, budget));
}

/** Deletes the oldest dead letters over their budget. */
export async function evictDeadLetters(db: D1Database, maxDatabaseBytes: number): Promise<number> {
  const usage = await readUsage(db, ['dead-letter']);
  const budget = new WorkBudget(MAX_DEAD_LETTER_CHUNKS);
  return evictOverBudget(db, 'dead-letter', usage, maxDatabaseBytes, budget);
}

async function evictOverBudget(
  db: D1Database,
  kind: SharingKind,
  usage: readonly Usage[],
  maxDatabaseBytes: number,
  budget: WorkBudget,
): Promise<number> {
  let evicted = 0;
  for (const [integration, bytes] of excessOver(SHARES[kind] * maxDatabaseBytes, heldOf(usage, [kind]))) {
    evicted += await evictOldest(db, kind, integration, { bytes, items: 0 }, budget);
  }
  return evicted;
}

/** What each integration holds of these kinds. */
export function heldOf(usage: readonly Usage[], kinds: readonly UsageKind[]): Map<string, number> {
  const held = new Map<string, number>();
  for (const { kind, integration, bytes } of usage) {
    if (kinds.includes(kind)) held.set(integration, (held.get(integration) ?? 0) + bytes);
  }
  return held;
}

export function totalOf(held: ReadonlyMap<string, number>): number {
  return held.values().reduce((sum, bytes) => sum + bytes, 0);
}

/** Deletes the oldest of an integration, until so many bytes and so many items are gone. */
async function evictOldest(
  db: D1Database,
  kind: SharingKind,
  integration: string,
  excess: { bytes: number; items: number },
  budget: WorkBudget,
): Promise<number> {
  let { bytes, items } = excess;
  let evicted = 0;
  if (bytes <= 0 && items <= 0) return 0;
  await repeatWithin(budget, async () => {
    const { results } = await db
      .prepare(EVICT[kind])
      .bind(integration || null, CHUNK_ROWS, bytes, items, CHUNK_BYTES)
      .run<{ bytes: number }>();
    evicted += results.length;
    items -= results.length;
    bytes -= results.reduce((sum, row) => sum + row.bytes, 0);
    return results.length > 0 && (bytes > 0 || items > 0);
  });
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

/** Deletes at most the oldest ?2: until ?3 bytes and ?4 items are gone, but no more than ?5 bytes. */
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
