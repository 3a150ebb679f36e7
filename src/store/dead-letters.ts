// The dead_letters table: messages that a consumer gave up on, out of its dead-letter queue; webhooks that never came out
// of the intake queue; and events that no queue takes.

import type { EventType } from '../contract/webhook.ts';
import { type AuditEntry, auditMany, changeAudited } from './audit.ts';
import {
  MAX_SCANNED_ROWS,
  nextSeqSql,
  type ScannedRow,
  scannedPage,
  seqRange,
  type TimeRange,
} from './keyset-paging.ts';
import type { PendingEvent } from './outbox.ts';

/** Messages recorded in one batch: D1 takes 100 MB in a request, and an isolate has 128 MB for all. */
export const MAX_DEAD_LETTER_BATCH = 50;
export const MAX_DEAD_LETTER_BATCH_BYTES = 4_000_000;
/** Of one message: D1 takes 2,000,000 bytes in a bound value (https://developers.cloudflare.com/d1/platform/limits/). */
export const MAX_DEAD_LETTER_BYTES = 1_900_000;
/** What one transaction deletes, so that webhooks come in between. */
export const DELETION_LIMITS = { maxItems: 1_000, maxBytes: 20_000_000 };
/** Rows that one statement of the purge deletes: their bodies have up to 128 KB, a few of them more. */
const MAX_DELETED_ROWS = 200;
/** Bounds one run of the purge; the next comes a minute later. */
const MAX_PURGED_CHUNKS = 20;

/**
 * `given-up`: a consumer failed on it. `intake`: a webhook that was acknowledged and never stored. `never-sent`: an event
 * that no queue takes.
 */
export const DEAD_LETTER_KINDS = ['given-up', 'intake', 'never-sent'] as const;

export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];

/** `no-message`: none can be made of it. `refused`: the queue refused it again and again, and took others. */
export const NEVER_SENT_REASONS = ['no-message', 'refused'] as const;

export type NeverSentReason = (typeof NEVER_SENT_REASONS)[number];

/** What a message of the events queue says of itself. */
export interface LostEvent {
  id: string;
  integration: string;
  type: EventType;
  /** `null` where it is not in canonical form. */
  contact: string | null;
}

/** A message to be kept. */
export interface NewDeadLetter {
  kind: Exclude<DeadLetterKind, 'never-sent'>;
  /** The queue's: a message that comes twice is kept once. */
  messageId: string;
  /** `null`: it is no event of ours. */
  event: LostEvent | null;
  /** Of the event, or to which the webhook came; `null`: it is neither. */
  integration: string | null;
  /** How often the dead-letter queue delivered it. */
  attempts: number;
  /** When it was sent, as the queue says, Unix ms. */
  sentAtMs: number;
  /** JSON. */
  body: string;
}

/** An event that no queue takes. */
export interface NeverSent<Event extends PendingEvent = PendingEvent> {
  event: Event;
  reason: NeverSentReason;
  /** The message that it would be, as JSON. */
  body: string;
}

export interface DeadLetter extends Omit<NewDeadLetter, 'body' | 'kind'> {
  kind: DeadLetterKind;
  /** Why it was never sent; `null` for other kinds. */
  reason: NeverSentReason | null;
  /** When it was kept: microseconds since 1970, unique. */
  seq: number;
  bodyBytes: number;
}

export interface KeptDeadLetter extends DeadLetter {
  body: string;
}

/** Which dead letters, by when they were kept. Every filter that is absent lets all through. */
export interface DeadLetterFilter extends TimeRange {
  kind?: DeadLetterKind | undefined;
  integration?: string | undefined;
  type?: EventType | undefined;
  /** Canonical. */
  contact?: string | undefined;
}

/** Keeps messages, atomically; one that is kept already stays as it is. */
export async function recordDeadLetters(
  db: D1Database,
  letters: readonly NewDeadLetter[],
  nowMs: number,
): Promise<void> {
  const statement = db.prepare(
    `INSERT INTO dead_letters (
       seq, message_id, event_id, integration, type, contact, attempts, received_at, body, kind
     )
     VALUES (${nextSeqSql('dead_letters', '?1')}, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
     ON CONFLICT (message_id) DO NOTHING`,
  );
  await db.batch(
    letters.map(({ messageId, event, integration, attempts, sentAtMs, body, kind }) =>
      statement.bind(
        nowMs,
        messageId,
        event?.id ?? null,
        integration,
        event?.type ?? null,
        event?.contact ?? null,
        attempts,
        sentAtMs,
        body,
        kind,
      ),
    ),
  );
}

/**
 * The statement that keeps an event that no queue takes, once for each replay of it. To go into one batch with the
 * statement that takes it out of where it waits.
 *
 * @param where it waits still: a query, whose parameters begin with ?9.
 */
export function keepNeverSent(
  db: D1Database,
  { event: { seq, replay, head }, reason, body }: NeverSent,
  nowMs: number,
  where: { sql: string; values: readonly number[] },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO dead_letters (
         seq, message_id, event_id, integration, type, contact, reason, body, attempts, received_at, kind
       )
       SELECT ${nextSeqSql('dead_letters', '?1')}, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?1, 'never-sent'
       WHERE EXISTS (${where.sql})
       ON CONFLICT (message_id) DO NOTHING`,
    )
    .bind(
      nowMs,
      `never-sent-${seq}-${replay}`,
      head.id,
      head.integration,
      head.type,
      head.contact,
      reason,
      body,
      ...where.values,
    );
}

/** What is read of a dead letter, with `d` for dead_letters. */
const HEAD_COLUMNS = `
  d.seq, d.kind, d.message_id, d.event_id, d.integration, d.type, d.contact, d.reason, d.attempts, d.received_at,
  octet_length(d.body) AS body_bytes`;

/** What a walk of at most ?3 rows looks at. ?4 to ?7 choose. */
const MATCHES = `
  (?4 IS NULL OR integration = ?4) AND (?5 IS NULL OR type = ?5) AND (?6 IS NULL OR contact = ?6)
  AND (?7 IS NULL OR kind = ?7)`;

/**
 * Lists dead letters, newest first, at most `limit`. A filter scans at most {@link MAX_SCANNED_ROWS}: such a page can
 * hold fewer, even none, and still have a next one.
 */
export async function listDeadLetters(
  db: D1Database,
  filter: DeadLetterFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<{ letters: DeadLetter[]; nextBeforeSeq: number | null }> {
  const { integration = null, type = null, contact = null, kind = null } = filter;
  const [fromSeq, untilSeq] = seqRange(filter);
  const isScan = [integration, type, contact, kind].some((wanted) => wanted !== null);
  const maxScanned = isScan ? MAX_SCANNED_ROWS : page.limit;
  const { results } = await db
    .prepare(
      `SELECT ${HEAD_COLUMNS}, scan.scanned, scan.last_scanned
       FROM (
         SELECT count(*) AS scanned, min(seq) AS last_scanned,
           json_group_array(seq) FILTER (WHERE ${MATCHES}) AS matches
         FROM (
           SELECT seq, kind, integration, type, contact FROM dead_letters NOT INDEXED
           WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3
         )
       ) AS scan
       LEFT JOIN json_each(scan.matches) AS found
       LEFT JOIN dead_letters AS d ON d.seq = found.value
       LIMIT ?8`,
    )
    .bind(
      fromSeq,
      Math.min(page.beforeSeq ?? untilSeq, untilSeq),
      maxScanned,
      integration,
      type,
      contact,
      kind,
      page.limit,
    )
    .run<ScannedRow<HeadRow>>();
  const { rows, nextBeforeSeq } = scannedPage(results, { limit: page.limit, maxScanned });
  return { letters: rows.map(deadLetterOf), nextBeforeSeq };
}

/** Where a dead letter is, and how much of it there is to read. */
export interface DeadLetterPlace {
  seq: number;
  bodyBytes: number;
  /** Whether it can be sent again: it is an event or a webhook of ours. */
  isOurs: boolean;
}

export interface DeadLetterWalk {
  /** Oldest first. */
  places: DeadLetterPlace[];
  /** There may be more behind this one; `null`: there are none. */
  walkedToSeq: number | null;
}

/** Finds those that match among the next {@link MAX_SCANNED_ROWS}, oldest first, at most `limit`. */
export async function walkDeadLetters(
  db: D1Database,
  filter: DeadLetterFilter,
  walk: { limit: number; afterSeq: number },
): Promise<DeadLetterWalk> {
  const { integration = null, type = null, contact = null, kind = null } = filter;
  const [fromSeq, untilSeq] = seqRange(filter);
  const { results } = await db
    .prepare(
      `SELECT seq, octet_length(body) AS body_bytes, event_id IS NOT NULL OR kind = 'intake' AS is_ours, ${MATCHES} AS matches
       FROM dead_letters NOT INDEXED WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3`,
    )
    .bind(Math.max(fromSeq, walk.afterSeq + 1), untilSeq, MAX_SCANNED_ROWS, integration, type, contact, kind)
    .run<{ seq: number; body_bytes: number; is_ours: number; matches: number }>();
  const matches = results.filter((row) => row.matches === 1);
  const places = matches.slice(0, walk.limit);
  const walkedTo = matches.length > walk.limit ? places.at(-1) : results.at(-1);
  const isEnd = matches.length <= walk.limit && results.length < MAX_SCANNED_ROWS;
  return {
    places: places.map((row) => ({
      seq: row.seq,
      bodyBytes: row.body_bytes,
      isOurs: row.is_ours === 1,
    })),
    walkedToSeq: isEnd ? null : (walkedTo?.seq ?? null),
  };
}

/** Those of the named ones that exist, with their bodies. */
export async function findDeadLetters(db: D1Database, seqs: readonly number[]): Promise<KeptDeadLetter[]> {
  const { results } = await db
    .prepare(
      `SELECT ${HEAD_COLUMNS}, d.body
       FROM json_each(?1) AS wanted CROSS JOIN dead_letters AS d ON d.seq = wanted.value`,
    )
    .bind(JSON.stringify(seqs))
    .run<HeadRow & { body: string }>();
  return results.map((row) => ({ ...deadLetterOf(row), body: row.body }));
}

/** Deletes a dead letter, and records who did. False where there was none. */
export async function deleteDeadLetter(db: D1Database, seq: number, audit: AuditEntry): Promise<boolean> {
  return changeAudited(db, db.prepare('DELETE FROM dead_letters WHERE seq = ?1').bind(seq), audit);
}

/**
 * Deletes dead letters, and records who did, in one transaction; tells how many there were. Where there were none, nothing
 * is recorded.
 */
export async function deleteDeadLetters(
  db: D1Database,
  seqs: readonly number[],
  audit: AuditEntry,
): Promise<number> {
  const there = 'SELECT count(*) FROM dead_letters WHERE seq IN (SELECT value FROM json_each(?6))';
  const [, deleted] = await db.batch([
    auditMany(db, audit, { sql: there, value: JSON.stringify(seqs) }),
    db
      .prepare('DELETE FROM dead_letters WHERE seq IN (SELECT value FROM json_each(?1)) RETURNING seq')
      .bind(JSON.stringify(seqs)),
  ]);
  return deleted?.results.length ?? 0; // `changes` counts what triggers write as well
}

/** Deletes those that were kept before a time, as many as one run may. */
export async function purgeDeadLetters(db: D1Database, keptBeforeMs: number): Promise<number> {
  let deleted = 0;
  for (let chunk = 0; chunk < MAX_PURGED_CHUNKS; chunk++) {
    const { results } = await db
      .prepare(
        `DELETE FROM dead_letters WHERE seq IN (
           SELECT seq FROM dead_letters NOT INDEXED WHERE seq < ?1 ORDER BY seq LIMIT ?2
         )
         RETURNING seq`,
      )
      .bind(keptBeforeMs * 1000, MAX_DELETED_ROWS)
      .run();
    deleted += results.length;
    if (results.length < MAX_DELETED_ROWS) break;
  }
  return deleted;
}

/** Columns of {@link HEAD_COLUMNS}. */
interface HeadRow {
  seq: number;
  kind: DeadLetterKind;
  reason: NeverSentReason | null;
  message_id: string;
  event_id: string | null;
  integration: string | null;
  type: EventType | null;
  contact: string | null;
  attempts: number;
  received_at: number;
  body_bytes: number;
}

function deadLetterOf(row: HeadRow): DeadLetter {
  const { event_id: id, integration, type, contact } = row;
  return {
    seq: row.seq,
    kind: row.kind,
    reason: row.reason,
    messageId: row.message_id,
    integration,
    event: id === null || integration === null || type === null ? null : { id, integration, type, contact },
    attempts: row.attempts,
    sentAtMs: row.received_at,
    bodyBytes: row.body_bytes,
  };
}
