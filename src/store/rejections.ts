// The rejections table: authentic webhooks that became no event, kept with their reasons.

import type { RejectionReason } from '../contract/assess.ts';
import { decodePayload, encodePayload } from '../contract/payload.ts';
import { type ContractProblem, readProblems } from '../contract/problems.ts';
import { type AuditEntry, auditDone, changeAudited } from './audit.ts';
import {
  MAX_SCANNED_ROWS,
  nextSeqSql,
  type ScannedRow,
  scannedPage,
  seqRange,
  type TimeRange,
} from './keyset-paging.ts';

/** A webhook to be kept. */
export interface NewRejection {
  integration: string;
  /** Of the token that it came with. */
  generation: number;
  reason: RejectionReason;
  problems: ContractProblem[];
  /** Of the delivery: tells one from another. */
  requestId: string;
  receivedAtMs: number;
  /** Exactly as it came. */
  body: ArrayBuffer;
  /** Whether it was acknowledged: it came by way of the intake queue, differs, or is accepted. Never deleted to make room. */
  deferred?: boolean;
  /** Of one that repeats an event with another content: the event, and the SHA-256 of what it says, see content.ts. */
  differsFrom?: { eventId: string; digest: string };
}

/** Bodies that one batch records at most: D1 takes 100 MB in a request, and an isolate has 128 MB for all. */
export const MAX_REJECTION_BATCH_BYTES = 4_000_000;
export const MAX_REJECTION_BATCH = 50;

/** Text stays text, to be read and searched; other bytes are written in base64. */
export type BodyEncoding = 'utf-8' | 'base64';

/**
 * Keeps rejections, atomically. The same body again is counted, not kept again, and of those that differ from an event
 * also a body that says the same; the same delivery again, by way of the intake queue, is not even counted.
 */
export async function recordRejections(
  db: D1Database,
  rejections: readonly NewRejection[],
  nowMs: number,
): Promise<void> {
  const rows = await Promise.all(
    rejections.map(async (rejection) => {
      const { body, encoding } = writtenBody(rejection.body);
      return db
        .prepare(RECORD)
        .bind(
          nowMs,
          rejection.integration,
          rejection.generation,
          rejection.differsFrom?.digest ?? (await sha256Hex(rejection.body)),
          rejection.reason,
          JSON.stringify(rejection.problems),
          rejection.requestId,
          rejection.receivedAtMs,
          body,
          encoding,
          Number(rejection.deferred ?? false),
          rejection.differsFrom?.eventId ?? null,
        );
    }),
  );
  await db.batch(rows);
}

const RECORD = `
  INSERT INTO rejections (
    seq, integration, generation, body_hash, reason, problems, request_id, received_at, last_received_at, body,
    body_encoding, deferred, event_id
  )
  VALUES (
    ${nextSeqSql('rejections', '?1')}, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12
  )
  ON CONFLICT (integration, body_hash) DO UPDATE SET
    deliveries = deliveries + (request_id <> excluded.request_id),
    last_received_at = max(last_received_at, excluded.last_received_at),
    generation = excluded.generation,
    reason = excluded.reason,
    problems = excluded.problems,
    request_id = excluded.request_id,
    event_id = excluded.event_id,
    deferred = max(deferred, excluded.deferred)`;

/** A body as text. SQLite ends a text at a NUL for many purposes, so one that holds a NUL is written as bytes. */
function writtenBody(body: ArrayBuffer): { body: string; encoding: BodyEncoding } {
  const text = decodePayload(body);
  return text === null || text.includes('\0')
    ? { body: new Uint8Array(body).toBase64(), encoding: 'base64' }
    : { body: text, encoding: 'utf-8' };
}

/** The bytes of a body as it came. */
export function bodyBytes(body: string, encoding: BodyEncoding): ArrayBuffer {
  return encoding === 'base64' ? (Uint8Array.fromBase64(body).buffer as ArrayBuffer) : encodePayload(body);
}

async function sha256Hex(bytes: ArrayBuffer): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).toHex();
}

/** A rejection as operators see it, without its body. */
export interface Rejection {
  /** Place and time of the first delivery that was kept: microseconds since 1970. */
  seq: number;
  integration: string;
  /** Of the token that the last delivery came with. */
  generation: number;
  reason: RejectionReason;
  problems: ContractProblem[];
  /** Of the last delivery. */
  requestId: string;
  /** When it was first delivered, Unix ms. */
  receivedAtMs: number;
  /** Unix ms. */
  lastReceivedAtMs: number;
  deliveries: number;
  /** Size of the body as it came. */
  bodyBytes: number;
  /** Whether one of its deliveries was acknowledged: it came by way of the intake queue, differs, or was accepted. */
  isDeferred: boolean;
  /** The event that it repeats with another content; `null`: it was rejected for another reason. */
  eventId: string | null;
}

/** A rejection with its body, to be read by {@link bodyBytes}. */
export interface KeptRejection extends Rejection {
  body: string;
  bodyEncoding: BodyEncoding;
}

/** Which rejections, by when they were first kept. Every filter that is absent lets all through. */
export interface RejectionFilter extends TimeRange {
  integration?: string | undefined;
  reason?: RejectionReason | undefined;
}

export interface RejectionPage {
  rejections: Rejection[];
  /** Rejections older than this are on the next page; `null` when there are none. */
  nextBeforeSeq: number | null;
}

/** What is read of a rejection, with `r` for rejections. Three bytes are four letters of base64, less the padding. */
const HEAD_COLUMNS = `
  r.seq, r.integration, r.generation, r.reason, r.problems, r.request_id, r.received_at, r.last_received_at,
  r.deliveries, r.deferred, r.event_id,
  iif(r.body_encoding = 'base64', octet_length(rtrim(r.body, '=')) * 3 / 4, octet_length(r.body)) AS body_bytes`;

/**
 * Lists rejections, newest first, at most `limit`. The cost does not depend on how many are stored: a listing reads
 * what it returns, and one by reason, which has no index, scans at most {@link MAX_SCANNED_ROWS}. Such a page can hold
 * fewer, even none, and still have a next one: that is where the scan ended.
 */
export async function listRejections(
  db: D1Database,
  filter: RejectionFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<RejectionPage> {
  const [fromSeq, untilSeq] = seqRange(filter);
  const maxScanned = filter.reason === undefined ? page.limit : MAX_SCANNED_ROWS;
  const { results } = await db
    .prepare(listSql(filter))
    .bind(
      fromSeq,
      Math.min(page.beforeSeq ?? untilSeq, untilSeq),
      filter.integration ?? null,
      maxScanned,
      filter.reason ?? null,
      page.limit,
    )
    .run<ScannedRow<HeadRow>>();
  const { rows, nextBeforeSeq } = scannedPage(results, { limit: page.limit, maxScanned });
  return { rejections: rows.map(rejectionOf), nextBeforeSeq };
}

/** A walk of at most ?4 rows, summed up as the places that match and how far it came, as in the listing of events. */
function listSql(filter: RejectionFilter): string {
  return `
    SELECT ${HEAD_COLUMNS}, scan.scanned, scan.last_scanned
    FROM (
      SELECT
        count(*) AS scanned,
        min(seq) AS last_scanned,
        json_group_array(seq) FILTER (WHERE ${filter.reason === undefined ? '?5 IS NULL' : 'reason = ?5'}) AS matches
      FROM (
        SELECT seq, reason FROM rejections${indexFor(filter)}
        WHERE seq >= ?1 AND seq < ?2 AND ${filter.integration === undefined ? '?3 IS NULL' : 'integration = ?3'}
        ORDER BY seq DESC LIMIT ?4
      )
    ) AS scan
    LEFT JOIN json_each(scan.matches) AS found
    LEFT JOIN rejections AS r ON r.seq = found.value
    LIMIT ?6`;
}

function indexFor(filter: RejectionFilter): string {
  return filter.integration === undefined ? ' NOT INDEXED' : ' INDEXED BY rejections_by_integration';
}

/** Where a rejection is, and how much of it there is to read. */
export interface RejectionPlace {
  seq: number;
  /** Of the body as it is stored. */
  storedBytes: number;
}

export interface RejectionWalk {
  /** Oldest first. Can be more than were asked for, where a reason was. */
  places: RejectionPlace[];
  /** There may be more behind this one; `null`: there are none. */
  walkedToSeq: number | null;
}

/**
 * Finds rejections, oldest first, without reading their bodies: `limit` of them, or, by reason, those among the next
 * {@link MAX_SCANNED_ROWS}.
 */
export async function walkRejections(
  db: D1Database,
  filter: RejectionFilter,
  walk: { limit: number; afterSeq: number },
): Promise<RejectionWalk> {
  const [fromSeq, untilSeq] = seqRange(filter);
  const maxScanned = filter.reason === undefined ? walk.limit : MAX_SCANNED_ROWS;
  const { results } = await db
    .prepare(
      `SELECT seq, reason, octet_length(body) AS stored_bytes FROM rejections${indexFor(filter)}
       WHERE seq >= ?1 AND seq < ?2 AND ${filter.integration === undefined ? '?3 IS NULL' : 'integration = ?3'}
       ORDER BY seq LIMIT ?4`,
    )
    .bind(Math.max(walk.afterSeq + 1, fromSeq), untilSeq, filter.integration ?? null, maxScanned)
    .run<{ seq: number; reason: RejectionReason; stored_bytes: number }>();
  const matches = results.filter(({ reason }) => filter.reason === undefined || reason === filter.reason);
  return {
    places: matches.map((row) => ({ seq: row.seq, storedBytes: row.stored_bytes })),
    walkedToSeq: results.length === maxScanned ? (results.at(-1)?.seq ?? null) : null,
  };
}

/** Those of the named rejections that exist, with their bodies, in the order in which they are named. */
export async function findRejections(db: D1Database, seqs: readonly number[]): Promise<KeptRejection[]> {
  const { results } = await db
    .prepare(
      `SELECT ${HEAD_COLUMNS}, r.body, r.body_encoding
       FROM json_each(?1) AS wanted CROSS JOIN rejections AS r ON r.seq = wanted.value`,
    )
    .bind(JSON.stringify(seqs))
    .run<HeadRow & { body: string; body_encoding: BodyEncoding }>();
  return results.map((row) => ({
    ...rejectionOf(row),
    body: row.body,
    bodyEncoding: row.body_encoding,
  }));
}

/** Rejections that were tried again, as they were read: one that was delivered again meanwhile was not looked at. */
export interface TriedRejections {
  /** Those that became events. */
  letIn: readonly Pick<Rejection, 'seq' | 'requestId'>[];
  /** Those that stay, with the reasons that they have now. */
  rejectedAgain: readonly Pick<Rejection, 'seq' | 'requestId' | 'reason' | 'problems' | 'eventId'>[];
}

/**
 * Deletes what became events, gives what stays its new reasons, and records who tried them, in one transaction. What was
 * delivered again since it was read stays as it is.
 *
 * @returns the places of those that were deleted.
 */
export async function settleRejections(
  db: D1Database,
  { letIn, rejectedAgain }: TriedRejections,
  audit: AuditEntry,
): Promise<Set<number>> {
  const deletion = db
    .prepare(
      `DELETE FROM rejections WHERE seq IN (
         SELECT r.seq FROM json_each(?1) AS read
         CROSS JOIN rejections AS r ON r.seq = read.value ->> 'seq' AND r.request_id = read.value ->> 'requestId'
       )
       RETURNING seq`,
    )
    .bind(JSON.stringify(letIn.map(({ seq, requestId }) => ({ seq, requestId }))));
  const judged = rejectedAgain.map(({ problems, ...rejection }) => ({
    ...rejection,
    problems: JSON.stringify(problems),
  }));
  const newReasons = db
    .prepare(
      `UPDATE rejections SET
         reason = judged.value ->> 'reason', problems = judged.value ->> 'problems',
         event_id = judged.value ->> 'eventId'
       FROM json_each(?1) AS judged
       WHERE rejections.seq = judged.value ->> 'seq' AND rejections.request_id = judged.value ->> 'requestId'`,
    )
    .bind(JSON.stringify(judged));
  const results = await db.batch<{ seq: number }>([
    ...(letIn.length > 0 ? [deletion] : []),
    ...(rejectedAgain.length > 0 ? [newReasons] : []),
    auditDone(db, audit),
  ]);
  return new Set(results.flatMap(({ results: deleted }) => deleted.map(({ seq }) => seq)));
}

/** Deletes a rejection, and records who did. False where there was none. */
export async function deleteRejection(db: D1Database, seq: number, audit: AuditEntry): Promise<boolean> {
  return changeAudited(db, db.prepare('DELETE FROM rejections WHERE seq = ?1').bind(seq), audit);
}

/** Columns of {@link HEAD_COLUMNS}. */
interface HeadRow {
  seq: number;
  integration: string;
  generation: number;
  reason: RejectionReason;
  problems: string;
  request_id: string;
  received_at: number;
  last_received_at: number;
  deliveries: number;
  deferred: number;
  event_id: string | null;
  body_bytes: number;
}

function rejectionOf(row: HeadRow): Rejection {
  return {
    seq: row.seq,
    integration: row.integration,
    generation: row.generation,
    reason: row.reason,
    problems: readProblems(row.problems),
    requestId: row.request_id,
    receivedAtMs: row.received_at,
    lastReceivedAtMs: row.last_received_at,
    deliveries: row.deliveries,
    bodyBytes: row.body_bytes,
    isDeferred: row.deferred === 1,
    eventId: row.event_id,
  };
}
