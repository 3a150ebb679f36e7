// The audit trail: every change that was made through the API or the command line. It is append-only, but for the number
// of a contact that is erased: the id of an event can hold one, and so can a filter.

import * as z from 'zod';
import { listNewestFirst, type Page, type PageRequest } from './keyset-paging.ts';
import { nextSeqSql, type RowReader, type TimeRange } from './places.ts';
import { storedJson } from './stored-json.ts';

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
  'replay.pause',
  'replay.resume',
  'replay.cancel',
  'route.create',
  'route.update',
  'route.pause',
  'route.resume',
  'route.delete',
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

/** A statement for a `db.batch` that records a change, unless the statement before it changed nothing. */
export function auditChange(db: D1Database, entry: AuditEntry): D1PreparedStatement {
  return audit(db, entry, '?5', 'WHERE changes() > 0');
}

/** The same for a change of many things; how many the statement before it changed is recorded as `done`. */
export function auditChanges(db: D1Database, entry: AuditEntry): D1PreparedStatement {
  return audit(db, entry, "json_set(?5, '$.done', changes())", 'WHERE changes() > 0');
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

/** A statement for a `db.batch` that records what was done, whether or not that changed anything. */
export function auditDone(db: D1Database, entry: AuditEntry): D1PreparedStatement {
  return audit(db, entry, '?5', '');
}

/** Records what was done, by itself: what is no change, or how a change that takes several steps went on. */
export async function recordAudit(db: D1Database, entry: AuditEntry): Promise<void> {
  await auditDone(db, entry).run();
}

function audit(
  db: D1Database,
  { atMs, actor, action, object, detail }: AuditEntry,
  detailSql: string,
  condition: string,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO audit (seq, actor, action, object, detail)
       SELECT ${nextSeqSql('audit', '?1')}, ?2, ?3, ?4, ${detailSql} ${condition}`,
    )
    .bind(atMs, actor, action, object, JSON.stringify(detail));
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

/** Lists entries, newest first. */
export async function listAudit(
  db: D1Database,
  { actor, action, object, ...times }: AuditFilter,
  page: PageRequest,
): Promise<Page<ListedAuditEntry>> {
  const listing = { index: 'NOT INDEXED', scanned: { actor, action, object } };
  return listNewestFirst(db, AUDIT_ENTRIES, listing, times, page);
}

/**
 * A statement that gives entries another object and detail. Only for the erasure of a contact whose number is in them:
 * nothing else changes an entry.
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

type AuditRow = Omit<ListedAuditEntry, 'detail'> & { detail: string };

export const AUDIT_ENTRIES: RowReader<AuditRow, ListedAuditEntry> = {
  from: 'audit AS entry',
  columns: 'entry.seq, entry.actor, entry.action, entry.object, entry.detail, entry.seq / 1000 AS atMs',
  itemOf: (row) => ({ ...row, detail: storedDetail.parse(row.detail) }),
};

const storedDetail = storedJson(z.record(z.string(), z.unknown()));
