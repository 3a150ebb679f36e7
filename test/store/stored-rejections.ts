// Rejections straight into D1: as the receiver would have kept them, and in bulk.

import { env } from 'cloudflare:workers';
import { problemAt } from '../../src/contract/problems.ts';
import { type NewRejection, recordRejections } from '../../src/store/rejections.ts';

const encoder = new TextEncoder();

/**
 * Keeps a body as a rejection, e.g. one that today's contract would take.
 *
 * @returns its id.
 */
export async function keepRejection(
  body: unknown,
  changes: Partial<Omit<NewRejection, 'body'>> & { nowMs?: number } = {},
): Promise<string> {
  const { nowMs = Date.now(), ...columns } = changes;
  const written = typeof body === 'string' ? body : JSON.stringify(body);
  const rejection: NewRejection = {
    integration: 'shop',
    generation: 1,
    reason: 'contract-broken',
    problems: [problemAt('message.to', 'other', { message: 'was not liked then' })],
    requestId: crypto.randomUUID(),
    receivedAtMs: nowMs,
    body: encoder.encode(written).buffer as ArrayBuffer,
    ...columns,
  };
  await recordRejections(env.DB, [rejection], nowMs);
  const seq = await env.DB.prepare('SELECT seq FROM rejections WHERE request_id = ?1')
    .bind(rejection.requestId)
    .first('seq');
  return String(seq);
}

export interface BulkRejections {
  count: number;
  integration?: string;
  /** Every n-th is another application's, the others break the contract. */
  everyNthIsWrongApplication?: number;
  firstSeq?: number;
  /** SQL of the body of the `i`-th. */
  body?: string;
  /** Whether they had been acknowledged. */
  isDeferred?: boolean;
}

const CHUNK = 5_000;

/** Stores `count` rejections, one a millisecond. */
export async function storeRejections({
  count,
  integration = 'shop',
  everyNthIsWrongApplication = 10,
  firstSeq = 1_000_000,
  body = '\'{"event":{}}\'',
  isDeferred = false,
}: BulkRejections): Promise<void> {
  for (let from = 0; from < count; from += CHUNK) {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO rejections (
         seq, integration, generation, body_hash, reason, problems, request_id, received_at, last_received_at, body,
         body_encoding, deferred
       )
       SELECT ?3 + i * 1000, ?4, 1, ?3 || '-' || i,
         iif(i % CAST(?5 AS INTEGER) = 0, 'wrong-application', 'contract-broken'), '[]', ?3 || ?4 || i,
         CAST(?3 AS INTEGER) / 1000 + i, CAST(?3 AS INTEGER) / 1000 + i, ${body}, 'utf-8', ?6
       FROM n`,
    )
      .bind(
        from,
        Math.min(from + CHUNK, count),
        firstSeq,
        integration,
        everyNthIsWrongApplication,
        Number(isDeferred),
      )
      .run();
  }
}
