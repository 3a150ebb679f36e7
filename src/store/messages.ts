// The events of one message, found by the prefix of their ids.

import { type EventHead, messageIdRange } from '../contract/event.ts';
import { STATUSES, type Status } from '../contract/webhook.ts';
import { eventHeadOf, HEAD_COLUMNS, payloadUpTo } from './events.ts';
import { MAX_SCANNED_ROWS } from './keyset-paging.ts';
import { MAX_PAGE_BYTES, readFitting } from './payload-pages.ts';
import { findAt, type RowReader } from './places.ts';

/** At most so many events of one message are shown: a hundred times what one usually has. */
export const MAX_MESSAGE_EVENTS = 400;

/** Larger payloads are read by themselves, once it is known which of them are shown. All smaller ones fit on a page. */
const MAX_READ_AT_ONCE_BYTES = MAX_PAGE_BYTES / MAX_MESSAGE_EVENTS;

/** Larger payloads are not shown in a list. It is many times what WhatsApp's longest text takes. */
const MAX_SHOWN_PAYLOAD_BYTES = 65_536;

/** An event as timelines and conversations show it. */
export interface ReadableEvent extends EventHead {
  seq: number;
  deliveries: number;
  /** `null` where it is too large to be shown in a list. */
  payload: string | null;
}

/** An event whose payload may still have to be read, see {@link readShownPayloads}. */
export interface UnreadEvent extends ReadableEvent {
  payloadBytes: number;
}

/** What is read of such an event, with `e` for events. Larger payloads are left out. */
export function readableColumns(maxPayloadBytes: number): string {
  return `
    ${HEAD_COLUMNS}, e.deliveries, octet_length(e.payload) AS payloadBytes,
    ${payloadUpTo(Math.min(maxPayloadBytes, MAX_SHOWN_PAYLOAD_BYTES))}`;
}

/** {@link readableColumns} */
export type ReadableRow = Omit<UnreadEvent, 'messageId'>;

/** The first events, as many as an answer has room for, with those of their payloads that lists show. */
export async function readShownPayloads<Event extends UnreadEvent>(
  db: D1Database,
  events: readonly Event[],
): Promise<Event[]> {
  return readFitting(db, events, shownBytes);
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
 * The events of a message, of all integrations or of one. Reads three rows for each of them. Of a message that has too many
 * it looks at {@link MAX_SCANNED_ROWS} events, and gives the first report of every step, which decide its status, and the
 * newest besides.
 */
export async function findMessageEvents(
  db: D1Database,
  messageId: string,
  integration?: string | undefined,
): Promise<MessageEvents> {
  const { results } = await db
    .prepare(
      `SELECT seq, id, integration FROM events INDEXED BY sqlite_autoindex_events_1
       WHERE id >= ?1 AND id < ?2 LIMIT ?3`,
    )
    .bind(...messageIdRange(messageId), MAX_SCANNED_ROWS)
    .run<EventPlace & { integration: string }>();
  const places = results.filter((place) => integration === undefined || place.integration === integration);
  const chosen = mostTelling(places);
  return {
    events: await findAt(
      db,
      MESSAGE_EVENTS,
      chosen.map(({ seq }) => seq),
    ),
    isEveryEvent: chosen.length === places.length && results.length < MAX_SCANNED_ROWS,
  };
}

const MESSAGE_EVENTS: RowReader<ReadableRow, UnreadEvent> = {
  from: 'events AS e',
  columns: readableColumns(MAX_READ_AT_ONCE_BYTES),
  itemOf: eventHeadOf,
};

interface EventPlace {
  seq: number;
  id: string;
}

/** The places of the events that tell most about the message, where there are too many. */
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
