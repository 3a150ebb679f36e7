// The audit trail: every change that was made through the API or the command line. Append-only.

/** What was done, as `<object>.<verb>`. */
export type AuditAction =
  | 'integration.create'
  | 'integration.update'
  | 'integration.rotate'
  | 'integration.enable'
  | 'integration.disable'
  | 'integration.delete'
  | 'rejection.retry'
  | 'rejection.retry-many'
  | 'rejection.delete';

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
