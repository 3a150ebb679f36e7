// Pages of payloads: an answer holds at most so many bytes of them, whatever their number and sizes.

import { firstGroupLength } from '../runtime/batching.ts';
import { findAt, type RowReader } from './places.ts';

/**
 * A page ends before its payloads have more bytes. They are in memory in several forms, and an isolate has 128 MB for all its
 * requests (https://developers.cloudflare.com/workers/platform/limits/).
 */
export const MAX_PAGE_BYTES = 4_000_000;

/** Larger payloads are read by themselves, once it is known for how many of them the page has room. */
export const MAX_READ_AT_ONCE_BYTES = 16_000;

/** The first events, as many as a page has room for, at least one. */
export function fittingOf<Event>(events: readonly Event[], bytesOf: (event: Event) => number): Event[] {
  const limits = { maxItems: Number.POSITIVE_INFINITY, maxBytes: MAX_PAGE_BYTES };
  return events.slice(0, firstGroupLength(events, bytesOf, limits));
}

/** The payloads at these places. Those of events that were erased just now are missing. */
export async function readPayloads(db: D1Database, seqs: readonly number[]): Promise<Map<number, string>> {
  return new Map(await findAt(db, PAYLOADS, seqs));
}

const PAYLOADS: RowReader<{ seq: number; payload: string }, [seq: number, payload: string]> = {
  from: 'events AS e',
  columns: 'e.seq, e.payload',
  itemOf: ({ seq, payload }) => [seq, payload],
};
