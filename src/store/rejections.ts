// The rejections table: authentic webhooks that became no event, kept with their reasons.

import type { RejectionReason } from '../contract/assess.ts';
import { decodePayload, encodePayload } from '../contract/payload.ts';
import { type ContractProblem, readProblems } from '../contract/problems.ts';
import { type AuditEntry, auditDone, changeAudited } from './audit.ts';
import {
  findOldest,
  type Listing,
  listNewestFirst,
  type OldestFound,
  type Page,
  type PageRequest,
} from './keyset-paging.ts';
import { findAt, nextSeqSql, type RowReader, type TimeRange } from './places.ts';
import { sha256Hex } from './sha256.ts';

/** A webhook to be kept. */
export interface NewRejection {
  integration: string;
  /** Of the token that it came with. */
  generation: number;
  reason: RejectionReason;
  problems: ContractProblem[];
  /** Tells one delivery from another. */
  requestId: string;
  receivedAtMs: number;
  /** Exactly as it came. */
  body: ArrayBuffer;
  /** Whether it was acknowledged: it came by way of the intake queue, differs, or is accepted. Never deleted to make room. */
  deferred?: boolean;
  /** Of one that repeats an event with another content: the event, and the SHA-256 of what it says, see content.ts. */
  differsFrom?: { eventId: string; digest: string };
}

/** What one batch records at most: D1 takes 100 MB in a request, and an isolate has 128 MB for all. */
export const MAX_REJECTION_BATCH_BYTES = 4_000_000;
export const MAX_REJECTION_BATCH = 50;

/** Text stays text, to be read and searched; other bytes are written in base64. */
export type BodyEncoding = 'utf-8' | 'base64';

/**
 * Keeps rejections, atomically. A body that is kept already is counted instead, as is, for those that differ from an event,
 * a body that says the same. A delivery that comes again by way of the intake queue is not even counted.
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

/** A body as it is stored. SQLite ends a text at a NUL for many purposes, so one that holds a NUL is stored as bytes. */
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

/**
 * A rejection as operators see it, without its body. Its `generation` and `requestId` are those of the last delivery,
 * `receivedAtMs` is that of the first.
 */
export interface Rejection extends Omit<NewRejection, 'body' | 'deferred' | 'differsFrom'> {
  /** Place and time of the first delivery that was kept: microseconds since 1970. */
  seq: number;
  /** Unix ms. */
  lastReceivedAtMs: number;
  deliveries: number;
  /** Size of the body as it came. */
  bodyBytes: number;
  /** Whether a delivery was acknowledged: it came by way of the intake queue, differs, or was accepted. */
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

/** Lists rejections, newest first. Only the reason has no index. */
export async function listRejections(
  db: D1Database,
  filter: RejectionFilter,
  page: PageRequest,
): Promise<Page<Rejection>> {
  return listNewestFirst(db, REJECTIONS, listingOf(filter), filter, page);
}

function listingOf({ integration, reason }: RejectionFilter): Listing {
  const index = integration === undefined ? 'NOT INDEXED' : 'INDEXED BY rejections_by_integration';
  return { index, indexed: { integration }, scanned: { reason } };
}

/** Where a rejection is, and how much of it there is to read. */
export interface RejectionPlace {
  seq: number;
  /** Of the body as it is stored. */
  storedBytes: number;
}

/** Finds the oldest rejections behind a place, at most `limit`, without reading their bodies. */
export async function findOldestRejections(
  db: D1Database,
  filter: RejectionFilter,
  search: { limit: number; afterSeq: number },
): Promise<OldestFound<RejectionPlace>> {
  const columns = 'octet_length(body) AS storedBytes';
  return findOldest(db, 'rejections', columns, listingOf(filter), filter, search);
}

/** Those of the named rejections that exist, with their bodies, in the order in which they are named. */
export async function findRejections(db: D1Database, seqs: readonly number[]): Promise<KeptRejection[]> {
  return findAt(db, KEPT_REJECTIONS, seqs);
}

/** Rejections that were tried again, as they were read. */
export interface TriedRejections {
  /** Those that became events. */
  letIn: readonly Pick<Rejection, 'seq' | 'requestId'>[];
  /** Those that stay, with the reasons that they have now. */
  rejectedAgain: readonly Pick<Rejection, 'seq' | 'requestId' | 'reason' | 'problems' | 'eventId'>[];
}

/**
 * Deletes the rejections that became events, gives the others their new reasons, and records who tried them, in one
 * transaction. One that was delivered again since it was read stays as it is.
 *
 * @returns the places of those that became events, except for those that another request has deleted.
 */
export async function settleRejections(
  db: D1Database,
  { letIn, rejectedAgain }: TriedRejections,
  audit: AuditEntry,
): Promise<Set<number>> {
  const read = JSON.stringify(letIn.map(({ seq, requestId }) => ({ seq, requestId })));
  const deletion = db
    .prepare(
      `DELETE FROM rejections WHERE seq IN (
         SELECT r.seq FROM json_each(?1) AS read
         CROSS JOIN rejections AS r ON r.seq = read.value ->> 'seq' AND r.request_id = read.value ->> 'requestId'
       )
       RETURNING seq`,
    )
    .bind(read);
  const deliveredAgain = db
    .prepare(
      `SELECT r.seq FROM json_each(?1) AS read CROSS JOIN rejections AS r ON r.seq = read.value ->> 'seq'`,
    )
    .bind(read);
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
    ...(letIn.length > 0 ? [deletion, deliveredAgain] : []),
    ...(rejectedAgain.length > 0 ? [newReasons] : []),
    auditDone(db, audit),
  ]);
  return new Set(results.flatMap(({ results: rows }) => rows.map(({ seq }) => seq)));
}

/** Deletes a rejection, and records who did. False where there was none. */
export async function deleteRejection(db: D1Database, seq: number, audit: AuditEntry): Promise<boolean> {
  return changeAudited(db, db.prepare('DELETE FROM rejections WHERE seq = ?1').bind(seq), audit);
}

type RejectionRow = Omit<Rejection, 'problems' | 'isDeferred'> & { problems: string; isDeferred: number };

/** Three bytes are four letters of base64, less the padding. */
const REJECTIONS: RowReader<RejectionRow, Rejection> = {
  from: 'rejections AS r',
  columns: `
    r.seq, r.integration, r.generation, r.reason, r.problems, r.request_id AS requestId, r.received_at AS receivedAtMs,
    r.last_received_at AS lastReceivedAtMs, r.deliveries, r.deferred AS isDeferred, r.event_id AS eventId,
    iif(r.body_encoding = 'base64', octet_length(rtrim(r.body, '=')) * 3 / 4, octet_length(r.body)) AS bodyBytes`,
  itemOf: rejectionOf,
};

type KeptRejectionRow = RejectionRow & Pick<KeptRejection, 'body' | 'bodyEncoding'>;

const KEPT_REJECTIONS: RowReader<KeptRejectionRow, KeptRejection> = {
  from: REJECTIONS.from,
  columns: `${REJECTIONS.columns}, r.body, r.body_encoding AS bodyEncoding`,
  itemOf: rejectionOf,
};

function rejectionOf<Row extends RejectionRow>(row: Row) {
  return { ...row, problems: readProblems(row.problems), isDeferred: row.isDeferred === 1 };
}
