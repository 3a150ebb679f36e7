// The audit trail: every change that was made through the API or the command line. Append-only, but for the number of
// somebody who is erased: what is done to an event is recorded with its id, and message ids can hold a number.

import {
  MAX_SCANNED_ROWS,
  nextSeqSql,
  type ScannedRow,
  scannedPage,
  seqRange,
  type TimeRange,
} from './keyset-paging.ts';

/** What was done, as `<object>.<verb>`. */
export const AUDIT_ACTIONS = [
  'integration.create',
  'integration.update',
  'integration.rotate',
  'integration.enable',
  'integration.disable',
  'integration.delete',
  'rejection.retry',
  'rejection.retry-many',
  'rejection.delete',
  'event.replay',
  'replay.create',
  'replay.cancel',
  'dead-letter.redrive',
  'dead-letter.redrive-many',
  'dead-letter.discard',
  'dead-letter.discard-many',
  'contact.erase',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export interface AuditEntry {
  /** Who: `admin-token`, `access:<email>`, `access-service:<name>`, `command-line:<user>`. */
  actor: string;
  action: AuditAction;
  /** On what: a slug, an id. Never personal data. */
  object: string;
  /** What else tells what was done. Never personal data, never a secret. */
  detail: Record<string, unknown>;
  /** Unix ms. */
  atMs: number;
}

/**
 * The statement that records a change, to go into one `db.batch` behind the statement that makes it: it records
 * nothing where that one changed nothing.
 */
export function auditChange(db: D1Database, entry: AuditEntry): D1PreparedStatement {
  return audit(db, entry, 'WHERE changes() > 0');
}

/**
 * Makes a change and records it, in one transaction.
 *
 * @param more statements that go with the change.
 * @returns whether it changed anything; where it did not, nothing is recorded.
 */
export async function changeAudited(
  db: D1Database,
  change: D1PreparedStatement,
  entry: AuditEntry,
  ...more: D1PreparedStatement[]
): Promise<boolean> {
  const [changed] = await db.batch([change, auditChange(db, entry), ...more]);
  return changed !== undefined && changed.meta.changes > 0;
}

/**
 * The statement that records a change of many things, to go into one `db.batch` before the statement that makes it: how
 * many there are to change is recorded as `done`, and nothing where there are none.
 *
 * @param count a query that counts them, with its parameter ?6.
 */
export function auditMany(
  db: D1Database,
  entry: AuditEntry,
  count: { sql: string; value: string },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO audit (seq, actor, action, object, detail)
       SELECT ${nextSeqSql('audit', '?1')}, ?2, ?3, ?4, json_set(?5, '$.done', counted.n)
       FROM (SELECT (${count.sql}) AS n) AS counted WHERE counted.n > 0`,
    )
    .bind(...valuesOf(entry), count.value);
}

/** The statement that records what was done, whether or not that changed anything: to go with it into one `db.batch`. */
export function auditDone(db: D1Database, entry: AuditEntry): D1PreparedStatement {
  return audit(db, entry, '');
}

/** Records what was done, by itself: for what is no change, or begins with a change that is recorded. */
export async function recordAudit(db: D1Database, entry: AuditEntry): Promise<void> {
  await audit(db, entry, '').run();
}

function audit(db: D1Database, entry: AuditEntry, condition: string): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO audit (seq, actor, action, object, detail)
       SELECT ${nextSeqSql('audit', '?1')}, ?2, ?3, ?4, ?5 ${condition}`,
    )
    .bind(...valuesOf(entry));
}

function valuesOf({ atMs, actor, action, object, detail }: AuditEntry) {
  return [atMs, actor, action, object, JSON.stringify(detail)];
}

/** Which entries to list, by when it was done. Every filter that is absent lets all through. */
export interface AuditFilter extends TimeRange {
  actor?: string | undefined;
  action?: AuditAction | undefined;
  object?: string | undefined;
}

export interface ListedAuditEntry extends AuditEntry {
  seq: number;
}

export interface AuditPage {
  entries: ListedAuditEntry[];
  /** Entries older than this are on the next page; `null` when there are none. */
  nextBeforeSeq: number | null;
}

/**
 * Lists entries, newest first, at most `limit`. A page can hold fewer, even none, and still have a next one: that is
 * where the scan ended.
 */
export async function listAudit(
  db: D1Database,
  filter: AuditFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<AuditPage> {
  const [fromSeq, untilSeq] = seqRange(filter);
  const isFiltered = filter.actor !== undefined || filter.action !== undefined || filter.object !== undefined;
  const maxScanned = isFiltered ? MAX_SCANNED_ROWS : page.limit;
  const { results } = await db
    .prepare(LIST)
    .bind(
      fromSeq,
      Math.min(page.beforeSeq ?? untilSeq, untilSeq),
      maxScanned,
      filter.actor ?? null,
      filter.action ?? null,
      filter.object ?? null,
      page.limit,
    )
    .run<ScannedRow<AuditRow>>();
  const { rows, nextBeforeSeq } = scannedPage(results, { limit: page.limit, maxScanned });
  return { entries: rows.map(auditEntryOf), nextBeforeSeq };
}

/** A walk of at most ?3 rows, summed up as the places that match and how far it came, as in the listing of events. */
const LIST = `
  SELECT entry.seq, entry.actor, entry.action, entry.object, entry.detail, scan.scanned, scan.last_scanned
  FROM (
    SELECT
      count(*) AS scanned,
      min(seq) AS last_scanned,
      json_group_array(seq) FILTER (WHERE
        (?4 IS NULL OR actor = ?4) AND (?5 IS NULL OR action = ?5) AND (?6 IS NULL OR object = ?6)
      ) AS matches
    FROM (
      SELECT seq, actor, action, object FROM audit WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3
    )
  ) AS scan
  LEFT JOIN json_each(scan.matches) AS found
  LEFT JOIN audit AS entry ON entry.seq = found.value
  LIMIT ?7`;

/** Those of the entries at these places that exist. */
export async function findAuditEntriesAt(
  db: D1Database,
  seqs: readonly number[],
): Promise<ListedAuditEntry[]> {
  const { results } = await db
    .prepare(
      `SELECT entry.seq, entry.actor, entry.action, entry.object, entry.detail
       FROM json_each(?1) AS wanted CROSS JOIN audit AS entry ON entry.seq = wanted.value`,
    )
    .bind(JSON.stringify(seqs))
    .run<AuditRow>();
  return results.map(auditEntryOf);
}

/**
 * The statement that gives entries another object and detail: only for who erases a contact whose number is in them.
 * Nothing else changes an entry.
 */
export function blotAuditEntries(
  db: D1Database,
  blotted: readonly Pick<ListedAuditEntry, 'seq' | 'object' | 'detail'>[],
): D1PreparedStatement {
  const rows = blotted.map(({ seq, object, detail }) => ({ seq, object, detail: JSON.stringify(detail) }));
  return db
    .prepare(
      `UPDATE audit SET object = blotted.value ->> 'object', detail = blotted.value ->> 'detail'
       FROM json_each(?1) AS blotted WHERE audit.seq = blotted.value ->> 'seq'`,
    )
    .bind(JSON.stringify(rows));
}

interface AuditRow {
  seq: number;
  actor: string;
  action: AuditAction;
  object: string;
  detail: string;
}

function auditEntryOf({ seq, actor, action, object, detail }: AuditRow): ListedAuditEntry {
  return { seq, actor, action, object, detail: JSON.parse(detail), atMs: Math.floor(seq / 1000) };
}
