// Pages of payloads: what an answer holds of them is bounded in bytes, whatever their number and sizes.

import { firstGroupLength } from '../runtime/batching.ts';

/**
 * What a page holds of payloads. They are in memory in several forms, of the 128 MB that an isolate has for all its
 * requests (https://developers.cloudflare.com/workers/platform/limits/): a page ends early rather than pass it.
 */
export const MAX_PAGE_BYTES = 4_000_000;

/** Larger payloads are read once it is known how many of them the page has room for. */
export const MAX_READ_AT_ONCE_BYTES = 16_000;

/** As many of the first events as a page has room for; one at least. */
export function fittingOf<Event>(events: readonly Event[], bytesOf: (event: Event) => number): Event[] {
  const limits = { maxItems: Number.POSITIVE_INFINITY, maxBytes: MAX_PAGE_BYTES };
  return events.slice(0, firstGroupLength(events, bytesOf, limits));
}

/** The payloads at these places. One that is missing was erased just now. */
export async function readPayloads(db: D1Database, seqs: readonly number[]): Promise<Map<number, string>> {
  if (seqs.length === 0) return new Map();
  const { results } = await db
    .prepare(
      'SELECT e.seq, e.payload FROM json_each(?1) AS wanted CROSS JOIN events AS e ON e.seq = wanted.value',
    )
    .bind(JSON.stringify(seqs))
    .run<{ seq: number; payload: string }>();
  return new Map(results.map(({ seq, payload }) => [seq, payload]));
}
