// The events of one message, found by the prefix of their ids.

import { type EventHead, messageIdRange } from '../contract/event.ts';
import { STATUSES, type Status } from '../contract/webhook.ts';
import { eventHeadOf, type HeadRow } from './events.ts';
import { MAX_SCANNED_ROWS } from './keyset-paging.ts';
import { fittingOf, MAX_PAGE_BYTES, readPayloads } from './payload-pages.ts';

/** Shown of one message at most: a hundred times what one usually has. */
export const MAX_MESSAGE_EVENTS = 400;

/** Larger payloads are read once it is known which of them are shown: the others together fit on a page. */
const MAX_READ_AT_ONCE_BYTES = MAX_PAGE_BYTES / MAX_MESSAGE_EVENTS;

/** Larger payloads are not shown in a list: many times what WhatsApp's longest text takes. */
const MAX_SHOWN_PAYLOAD_BYTES = 65_536;

/** An event as timelines and conversations show it. */
export interface ReadableEvent extends EventHead {
  seq: number;
  deliveries: number;
  /** `null` where it is too large to be shown in a list. */
  payload: string | null;
}

/** An event whose payload may still have to be read, see {@link readShown}. */
export interface UnreadEvent extends ReadableEvent {
  payloadBytes: number;
}

/** What is read of such an event, with `e` for events, and of its payload where that is not larger. */
export function readableColumns(maxPayloadBytes: number): string {
  return `
    e.seq, e.id, e.integration, e.type, e.status, e.contact, e.app_id, e.received_at, e.occurred_at, e.deliveries,
    octet_length(e.payload) AS payload_bytes,
    CASE WHEN octet_length(e.payload) <= ${Math.min(maxPayloadBytes, MAX_SHOWN_PAYLOAD_BYTES)} THEN e.payload END AS payload`;
}

/** The columns of {@link readableColumns}. */
export interface ReadableRow extends HeadRow {
  deliveries: number;
  payload_bytes: number;
  payload: string | null;
}

export function unreadEventOf(row: ReadableRow): UnreadEvent {
  const { deliveries, payload, payload_bytes: payloadBytes } = row;
  return { ...eventHeadOf(row), deliveries, payload, payloadBytes };
}

/** As many of the first events as an answer has room for, with those of their payloads that lists show. */
export async function readShown<Event extends UnreadEvent>(
  db: D1Database,
  events: readonly Event[],
): Promise<Event[]> {
  const fitting = fittingOf(events, shownBytes);
  const unread = fitting.filter((event) => event.payload === null && shownBytes(event) > 0);
  const payloads = await readPayloads(
    db,
    unread.map(({ seq }) => seq),
  );
  return fitting.map((event) => ({ ...event, payload: event.payload ?? payloads.get(event.seq) ?? null }));
}

function shownBytes({ payloadBytes }: UnreadEvent): number {
  return payloadBytes <= MAX_SHOWN_PAYLOAD_BYTES ? payloadBytes : 0;
}

export interface MessageEvents {
  /** In no order, and without their large payloads. */
  events: UnreadEvent[];
  /** False where there are more than {@link MAX_MESSAGE_EVENTS}. */
  isEveryEvent: boolean;
}

/**
 * The events of a message, of all integrations or of one. Reads three rows for each of them. Of a message that has too
 * many it gives the first report of every step, which decide its status, and the newest besides; it then looks at
 * {@link MAX_SCANNED_ROWS} of them at most.
 */
export async function findMessageEvents(
  db: D1Database,
  messageId: string,
  integration?: string | undefined,
): Promise<MessageEvents> {
  const walk = await db
    .prepare(
      `SELECT seq, id, integration FROM events INDEXED BY sqlite_autoindex_events_1
       WHERE id >= ?1 AND id < ?2 LIMIT ?3`,
    )
    .bind(...messageIdRange(messageId), MAX_SCANNED_ROWS)
    .run<{ seq: number; id: string; integration: string }>();
  const places = walk.results.filter(
    (place) => integration === undefined || place.integration === integration,
  );
  const chosen = mostTelling(places);
  if (chosen.length === 0) return { events: [], isEveryEvent: true };
  const { results } = await db
    .prepare(
      `SELECT ${readableColumns(MAX_READ_AT_ONCE_BYTES)} FROM json_each(?1) AS wanted CROSS JOIN events AS e ON e.seq = wanted.value`,
    )
    .bind(JSON.stringify(chosen.map(({ seq }) => seq)))
    .run<ReadableRow>();
  return {
    events: results.map(unreadEventOf),
    isEveryEvent: chosen.length === places.length && walk.results.length < MAX_SCANNED_ROWS,
  };
}

interface EventPlace {
  seq: number;
  id: string;
}

function mostTelling(places: EventPlace[]): EventPlace[] {
  if (places.length <= MAX_MESSAGE_EVENTS) return places;
  const newestFirst = places.toSorted((a, b) => b.seq - a.seq);
  const firstReports = STATUSES.flatMap((status) => {
    const first = newestFirst.findLast(({ id }) => stepOf(id) === status);
    return first === undefined ? [] : [first];
  });
  const others = newestFirst.filter((place) => !firstReports.includes(place));
  return [...firstReports, ...others.slice(0, MAX_MESSAGE_EVENTS - firstReports.length)];
}

/** The step that an event's id names, see `eventId`; `null` for a reply. */
function stepOf(id: string): Status | null {
  const [, , , step] = id.split(':');
  return STATUSES.find((status) => status === step) ?? null;
}
