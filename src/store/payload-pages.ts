// Pages of payloads: an answer holds at most so many bytes of them, whatever their number and sizes.

import { firstBatchLength } from '../runtime/batching.ts';
import { findAt, type RowReader } from './places.ts';

/**
 * A page ends before its payloads have more bytes. They are in memory in several forms, and an isolate has 128 MB for all its
 * requests (https://developers.cloudflare.com/workers/platform/limits/).
 */
export const MAX_PAGE_BYTES = 4_000_000;

/** Larger payloads are read by themselves, once it is known for how many of them the page has room. */
export const MAX_READ_AT_ONCE_BYTES = 16_000;

/** Something with a payload, which is `null` where it was too large to be read at once. */
interface WithPayload {
  seq: number;
  payload: string | null;
}

/**
 * The first events, as many as a page has room for, at least one, with the payloads that were left out. Those of events that
 * were erased just now stay `null`.
 *
 * @param bytesOf the size of the payload; 0 where it is not wanted.
 */
export async function readFitting<Event extends WithPayload>(
  db: D1Database,
  events: readonly Event[],
  bytesOf: (event: Event) => number,
): Promise<Event[]> {
  const limits = { maxItems: Number.POSITIVE_INFINITY, maxBytes: MAX_PAGE_BYTES };
  const fitting = events.slice(0, firstBatchLength(events, bytesOf, limits));
  const unread = fitting.filter((event) => event.payload === null && bytesOf(event) > 0);
  const read = await findAt(
    db,
    PAYLOADS,
    unread.map(({ seq }) => seq),
  );
  const payloads = new Map(read.map(({ seq, payload }) => [seq, payload]));
  return fitting.map((event) => ({ ...event, payload: event.payload ?? payloads.get(event.seq) ?? null }));
}

const PAYLOADS: RowReader<WithPayload, WithPayload> = {
  from: 'events AS e',
  columns: 'e.seq, e.payload',
  itemOf: (row) => row,
};
