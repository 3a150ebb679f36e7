// The audit trail: every change that was made through the API or the command line. Append-only.

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

/** Records what was done, by itself. */
export async function recordAudit(db: D1Database, entry: AuditEntry): Promise<void> {
  await audit(db, entry, '').run();
}

function audit(db: D1Database, entry: AuditEntry, condition: string): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO audit (seq, actor, action, object, detail)
       SELECT max(?1 * 1000, coalesce((SELECT max(seq) FROM audit), 0) + 1), ?2, ?3, ?4, ?5 ${condition}`,
    )
    .bind(entry.atMs, entry.actor, entry.action, entry.object, JSON.stringify(entry.detail));
}

/** Which entries to list. Every filter that is absent lets all through. */
export interface AuditFilter {
  actor?: string | undefined;
  action?: AuditAction | undefined;
  object?: string | undefined;
  /** Done at or after this time, Unix ms. */
  sinceMs?: number | undefined;
  /** Done before this time, Unix ms. */
  untilMs?: number | undefined;
}

export interface ListedAuditEntry extends AuditEntry {
  seq: number;
}

export interface AuditPage {
  entries: ListedAuditEntry[];
  /** Entries older than this are on the next page; `null` when there are none. */
  nextBeforeSeq: number | null;
}

/** Entries that one listing with a filter scans at most: there is no index for one. */
export const MAX_SCANNED_ENTRIES = 5_000;

/**
 * Lists entries, newest first, at most `limit`. A page can hold fewer, even none, and still have a next one: that is
 * where the scan ended.
 */
export async function listAudit(
  db: D1Database,
  filter: AuditFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<AuditPage> {
  const untilSeq = filter.untilMs === undefined ? Number.MAX_SAFE_INTEGER : filter.untilMs * 1000;
  const isFiltered = filter.actor !== undefined || filter.action !== undefined || filter.object !== undefined;
  const maxScanned = isFiltered ? MAX_SCANNED_ENTRIES : page.limit;
  const { results } = await db
    .prepare(LIST)
    .bind(
      (filter.sinceMs ?? 0) * 1000,
      Math.min(page.beforeSeq ?? untilSeq, untilSeq),
      maxScanned,
      filter.actor ?? null,
      filter.action ?? null,
      filter.object ?? null,
      page.limit,
    )
    .run<(AuditRow | { seq: null }) & { scanned: number; last_scanned: number }>();
  const entries = results.filter((row) => row.seq !== null).map(auditEntryOf);
  const last = entries.at(-1);
  const [scan] = results;
  const scannedTo = scan?.scanned === maxScanned ? scan.last_scanned : null;
  return {
    entries,
    nextBeforeSeq: last !== undefined && entries.length === page.limit ? last.seq : scannedTo,
  };
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
