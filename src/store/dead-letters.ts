// The dead_letters table: messages that a consumer gave up on, out of its dead-letter queue.

import type { EventType } from '../contract/webhook.ts';
import { type AuditEntry, changeAudited } from './audit.ts';
import {
  MAX_SCANNED_ROWS,
  nextSeqSql,
  type ScannedRow,
  scannedPage,
  seqRange,
  type TimeRange,
} from './walk.ts';

/** Messages recorded in one batch: D1 takes 100 MB in a request, and an isolate has 128 MB for all. */
export const MAX_DEAD_LETTER_BATCH = 50;
export const MAX_DEAD_LETTER_BATCH_BYTES = 4_000_000;
/** Rows that one statement deletes: their bodies have up to 128 KB. */
const MAX_DELETED_ROWS = 200;
/** Bounds one run of the purge; the next comes a minute later. */
const MAX_PURGED_CHUNKS = 20;

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
  /** The queue's: a message that comes twice is kept once. */
  messageId: string;
  /** `null`: it is no event of ours. */
  event: LostEvent | null;
  /** How often the dead-letter queue delivered it. */
  attempts: number;
  /** When it was sent, as the queue says, Unix ms. */
  sentAtMs: number;
  /** JSON. */
  body: string;
}

export interface DeadLetter extends Omit<NewDeadLetter, 'body'> {
  /** When it was kept: microseconds since 1970, unique. */
  seq: number;
  bodyBytes: number;
}

export interface KeptDeadLetter extends DeadLetter {
  body: string;
}

/** Which dead letters, by when they were kept. Every filter that is absent lets all through. */
export interface DeadLetterFilter extends TimeRange {
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
       seq, message_id, event_id, integration, type, contact, attempts, received_at, body
     )
     VALUES (${nextSeqSql('dead_letters', '?1')}, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
     ON CONFLICT (message_id) DO NOTHING`,
  );
  await db.batch(
    letters.map(({ messageId, event, attempts, sentAtMs, body }) =>
      statement.bind(
        nowMs,
        messageId,
        event?.id ?? null,
        event?.integration ?? null,
        event?.type ?? null,
        event?.contact ?? null,
        attempts,
        sentAtMs,
        body,
      ),
    ),
  );
}

/** What is read of a dead letter, with `d` for dead_letters. */
const HEAD_COLUMNS = `
  d.seq, d.message_id, d.event_id, d.integration, d.type, d.contact, d.attempts, d.received_at,
  octet_length(d.body) AS body_bytes`;

/** What a walk of at most ?3 rows looks at. ?4 to ?6 choose. */
const MATCHES = `
  (?4 IS NULL OR integration = ?4) AND (?5 IS NULL OR type = ?5) AND (?6 IS NULL OR contact = ?6)`;

/**
 * Lists dead letters, newest first, at most `limit`. A filter scans at most {@link MAX_SCANNED_ROWS}: such a page can
 * hold fewer, even none, and still have a next one.
 */
export async function listDeadLetters(
  db: D1Database,
  filter: DeadLetterFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<{ letters: DeadLetter[]; nextBeforeSeq: number | null }> {
  const { integration = null, type = null, contact = null } = filter;
  const [fromSeq, untilSeq] = seqRange(filter);
  const isScan = integration !== null || type !== null || contact !== null;
  const maxScanned = isScan ? MAX_SCANNED_ROWS : page.limit;
  const { results } = await db
    .prepare(
      `SELECT ${HEAD_COLUMNS}, scan.scanned, scan.last_scanned
       FROM (
         SELECT count(*) AS scanned, min(seq) AS last_scanned,
           json_group_array(seq) FILTER (WHERE ${MATCHES}) AS matches
         FROM (
           SELECT seq, integration, type, contact FROM dead_letters NOT INDEXED
           WHERE seq >= ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3
         )
       ) AS scan
       LEFT JOIN json_each(scan.matches) AS found
       LEFT JOIN dead_letters AS d ON d.seq = found.value
       LIMIT ?7`,
    )
    .bind(
      fromSeq,
      Math.min(page.beforeSeq ?? untilSeq, untilSeq),
      maxScanned,
      integration,
      type,
      contact,
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
  isEvent: boolean;
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
  const { integration = null, type = null, contact = null } = filter;
  const [fromSeq, untilSeq] = seqRange(filter);
  const { results } = await db
    .prepare(
      `SELECT seq, octet_length(body) AS body_bytes, event_id IS NOT NULL AS is_event, ${MATCHES} AS matches
       FROM dead_letters NOT INDEXED WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3`,
    )
    .bind(Math.max(fromSeq, walk.afterSeq + 1), untilSeq, MAX_SCANNED_ROWS, integration, type, contact)
    .run<{ seq: number; body_bytes: number; is_event: number; matches: number }>();
  const matches = results.filter((row) => row.matches === 1);
  const places = matches.slice(0, walk.limit);
  const walkedTo = matches.length > walk.limit ? places.at(-1) : results.at(-1);
  const isEnd = matches.length <= walk.limit && results.length < MAX_SCANNED_ROWS;
  return {
    places: places.map((row) => ({
      seq: row.seq,
      bodyBytes: row.body_bytes,
      isEvent: row.is_event === 1,
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

/** Deletes dead letters; tells how many there were. */
export async function deleteDeadLetters(db: D1Database, seqs: readonly number[]): Promise<number> {
  let deleted = 0;
  for (let from = 0; from < seqs.length; from += MAX_DELETED_ROWS) {
    const { results } = await db
      .prepare('DELETE FROM dead_letters WHERE seq IN (SELECT value FROM json_each(?1)) RETURNING seq')
      .bind(JSON.stringify(seqs.slice(from, from + MAX_DELETED_ROWS)))
      .run();
    deleted += results.length; // `changes` counts what triggers write as well
  }
  return deleted;
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
    messageId: row.message_id,
    event: id === null || integration === null || type === null ? null : { id, integration, type, contact },
    attempts: row.attempts,
    sentAtMs: row.received_at,
    bodyBytes: row.body_bytes,
  };
}
