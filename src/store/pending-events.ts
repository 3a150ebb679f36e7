// Events on their way out: what forwarding reads of them.

import type { EventHead } from '../contract/event.ts';
import { eventHeadOf, HEAD_COLUMNS, type HeadRow, payloadUpTo } from './events.ts';
import { findAt, type RowReader } from './places.ts';

/** An event that is to be sent. */
export interface PendingEvent {
  seq: number;
  head: EventHead;
  /** `null` where it was too large to be asked for. */
  payload: string | null;
}

/** {@link pendingColumns} */
export interface PendingRow extends HeadRow {
  payload: string | null;
}

/** What is read of an event to send it, with `e` for events. @param maxPayloadBytes larger payloads are left out. */
export function pendingColumns(maxPayloadBytes: number | `?${number}`): string {
  return `${HEAD_COLUMNS}, ${payloadUpTo(maxPayloadBytes)}`;
}

/** Those of the events at these places that are still there, in the order in which the places are named. */
export async function findPending(
  db: D1Database,
  seqs: readonly number[],
  maxPayloadBytes: number,
): Promise<PendingEvent[]> {
  const reader: RowReader<PendingRow, PendingEvent> = {
    from: 'events AS e',
    columns: pendingColumns(maxPayloadBytes),
    itemOf: pendingEventOf,
  };
  return findAt(db, reader, seqs);
}

export function pendingEventOf({ payload, ...row }: PendingRow): PendingEvent {
  const { seq, ...head } = eventHeadOf(row);
  return { seq, head, payload };
}
