// The events table: recording, listing, reading. See migrations/0001_events.sql for what its columns mean.

import { type EventHead, messageIdOf, messageIdRange, type NewEvent } from '../contract/event.ts';
import type { EventType, Status } from '../contract/webhook.ts';
import {
  MAX_SCANNED_ROWS,
  nextBeforeSeq,
  type ScannedRow,
  scannedPage,
  seqRange,
  type TimeRange,
} from './walk.ts';

/**
 * Most bytes of events recorded by one statement: D1 takes 2,000,000 bytes in a bound value
 * (https://developers.cloudflare.com/d1/platform/limits/), and a row's JSON is measured exactly.
 */
export const MAX_RECORD_BYTES = 1_900_000;
/** Keeps the D1 thread free for others between two statements. */
export const MAX_RECORD_EVENTS = 500;

/** An event made ready for {@link recordEvents}. */
export interface RecordableEvent {
  event: NewEvent;
  /** The row as JSON; without the payload where that is bound by itself. */
  json: string;
  /** What it takes of a statement's {@link MAX_RECORD_BYTES}. */
  bytes: number;
  isLarge: boolean;
}

/** From here on a payload is bound by itself: escaped as JSON it could double and pass D1's limit. */
const LARGE_PAYLOAD_LENGTH = 300_000;

const encoder = new TextEncoder();

/** Makes an event ready to be recorded, together with others or, when its payload is large, alone. */
export function recordable(event: NewEvent): RecordableEvent {
  const isLarge = event.payload.length > LARGE_PAYLOAD_LENGTH;
  const { messageId: _, payload, ...columns } = event;
  const json = JSON.stringify(isLarge ? columns : { ...columns, payload });
  return { event, json, bytes: isLarge ? MAX_RECORD_BYTES : encoder.encode(json).byteLength + 1, isLarge };
}

export interface RecordedEvent {
  /** Its place among all events: microseconds since 1970, unique and growing in commit order. */
  seq: number;
  /** Whether it was this delivery that stored it. False for the second of two in the same group. */
  isNew: boolean;
}

/**
 * Records events in one statement, atomically: new ones are stored and put in the outbox (by trigger), repeated
 * ones counted. The delivery that stored an event is not counted again when it comes a second time, by way of the
 * intake queue: queues deliver at least once, and D1 may have recorded what it did not confirm in time.
 *
 * @param events within {@link MAX_RECORD_BYTES} together; a large one alone.
 * @returns one for each of `events`, in order.
 */
export async function recordEvents(
  db: D1Database,
  events: readonly RecordableEvent[],
  nowMs: number,
): Promise<RecordedEvent[]> {
  const rows = new Map<string, { json: string; requestIds: Set<string> }>();
  for (const { event, json } of events) {
    const row = rows.get(rowKey(event)) ?? { json, requestIds: new Set() };
    row.requestIds.add(event.requestId);
    rows.set(rowKey(event), row);
  }
  const largePayload = events[0]?.isLarge ? events[0].event.payload : null;
  const { results } = await db
    .prepare(RECORD)
    .bind(
      `[${Array.from(rows.values(), ({ json }) => json).join()}]`,
      JSON.stringify(Array.from(rows.values(), ({ requestIds }) => requestIds.size)),
      nowMs,
      largePayload,
    )
    .run<{ seq: number; id: string; integration: string; request_id: string }>();
  const recorded = new Map(results.map((row) => [rowKey(row), row]));
  return events.map(({ event }) => {
    const row = recorded.get(rowKey(event));
    if (row === undefined) throw new Error('D1 returned no row for a recorded event');
    return { seq: row.seq, isNew: row.request_id === event.requestId };
  });
}

function rowKey({ integration, id }: { integration: string; id: string }): string {
  return `${integration} ${id}`;
}

/**
 * ?1 rows, ?2 the deliveries of each, ?3 now, ?4 the payload of a large one. `seq` is assigned here, by D1's single
 * writer, so that it grows in commit order: a reader that has seen one never finds a smaller one appear later.
 */
const RECORD = `
  INSERT INTO events (
    seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, deliveries,
    deferred
  )
  SELECT
    next.seq + event.key,
    event.value ->> 'id', event.value ->> 'integration', event.value ->> 'type', event.value ->> 'status',
    event.value ->> 'contact', event.value ->> 'appId', event.value ->> 'requestId', event.value ->> 'receivedAtMs',
    event.value ->> 'occurredAtMs', coalesce(?4, event.value ->> 'payload'), ?2 ->> event.key,
    coalesce(event.value ->> 'deferred', 0)
  FROM
    (
      SELECT max(
        ?3 * 1000,
        coalesce((SELECT max(seq) FROM events), 0) + 1,
        coalesce((SELECT seq FROM progress WHERE task = 'counters'), 0) + 1 -- the newest may have been erased
      ) AS seq
    ) AS next,
    json_each(?1) AS event
  WHERE true
  ON CONFLICT (id, integration) DO UPDATE
    SET deliveries = deliveries + excluded.deliveries - (request_id = excluded.request_id)
  RETURNING seq, id, integration, request_id`;

/** An event as operators see it. */
export interface ListedEvent extends EventHead {
  seq: number;
  payload: string;
  deliveries: number;
  /** Whether the queue has confirmed it. */
  isForwarded: boolean;
  /** Whether it came by way of the intake queue. */
  isDeferred: boolean;
  /** How often it was put back to be forwarded again. */
  replays: number;
}

/** Which events are meant. Every filter that is absent lets all through. */
export interface EventFilter extends TimeRange {
  type?: EventType | undefined;
  status?: Status | undefined;
  integration?: string | undefined;
  /** Canonical. */
  contact?: string | undefined;
  messageId?: string | undefined;
}

/** Which events to list. */
export interface ListingFilter extends EventFilter {
  isForwarded?: boolean | undefined;
  isDeferred?: boolean | undefined;
}

export interface EventPage {
  events: ListedEvent[];
  /** Events older than this are on the next page; `null` when there are none. */
  nextBeforeSeq: number | null;
}

/** Messages with more events than this, a hundred times the usual, are sorted by D1. */
const MAX_SORTED_EVENTS = 400;

/** Events that one listing looks at where each is two rows to read: its own, and its place in the outbox. */
const MAX_SCANNED_IN_BOTH = MAX_SCANNED_ROWS / 2;

/** What is shown of an event beside its payload, with `e` for events. */
export const SHOWN_COLUMNS = `
  e.seq, e.id, e.integration, e.type, e.status, e.contact, e.app_id, e.received_at, e.occurred_at, e.deliveries,
  NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq) AS is_forwarded, e.deferred, e.replays`;

const LISTED_COLUMNS = `${SHOWN_COLUMNS}, e.payload`;

/**
 * Lists events, newest first, at most `limit`. The cost does not depend on how many are stored: a listing by
 * contact, message or time, or of all that are not forwarded, reads what it returns. One by type, status, integration,
 * deferral or forwarding scans at most {@link MAX_SCANNED_ROWS} besides: of the outbox for what is not forwarded, whatever
 * else is asked for.
 */
export async function listEvents(
  db: D1Database,
  filter: ListingFilter,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<EventPage> {
  const [fromSeq, untilSeq] = seqRange(filter);
  const beforeSeq = Math.min(page.beforeSeq ?? untilSeq, untilSeq);
  const walk = [...walkBounds(filter, fromSeq, beforeSeq), page.limit];
  const { type, status, integration, contact, messageId, isDeferred, isForwarded } = filter;
  const unindexed = [type, status, integration, isDeferred];
  if (isForwarded === false) unindexed.push(contact, messageId);
  const isScan = isForwarded === true || unindexed.some((wanted) => wanted !== undefined);
  if (messageId !== undefined && !isScan) {
    const { results } = await db
      .prepare(messageSql(filter))
      .bind(...walk.with(-1, MAX_SORTED_EVENTS + 1))
      .run<EventRow>();
    if (results.length <= MAX_SORTED_EVENTS) {
      const newestFirst = results.toSorted((a, b) => b.seq - a.seq).slice(0, page.limit);
      return pageOf(newestFirst, nextBeforeSeq(newestFirst, page.limit));
    }
  }
  if (!isScan) {
    const { results } = await db
      .prepare(walkSql(filter))
      .bind(...walk)
      .run<EventRow>();
    return pageOf(results, nextBeforeSeq(results, page.limit));
  }
  const maxScanned = isForwarded === undefined ? MAX_SCANNED_ROWS : MAX_SCANNED_IN_BOTH;
  const { results } = await db
    .prepare(scanSql(filter))
    .bind(
      ...walk,
      type ?? null,
      status ?? null,
      integration ?? null,
      isDeferred === undefined ? null : Number(isDeferred),
      maxScanned,
    )
    .run<ScannedRow<EventRow>>();
  const found = scannedPage(results, { limit: page.limit, maxScanned });
  return pageOf(found.rows, found.nextBeforeSeq);
}

/** What {@link matchedRows} is bound to, from a place up to but not including another. */
export function walkBounds(
  { contact, messageId }: EventFilter,
  fromSeq: number,
  untilSeq: number,
): (number | string | null)[] {
  const idRange = messageId === undefined ? [null, null] : messageIdRange(messageId);
  return [fromSeq, untilSeq, contact ?? null, ...idRange];
}

function pageOf(rows: EventRow[], nextBeforeSeq: number | null): EventPage {
  return { events: rows.map(listedEventOf), nextBeforeSeq };
}

/** The events that a filter's index leads to. ?1 to ?5 bound the walk, see {@link walkBounds}. */
export function matchedRows(filter: EventFilter): string {
  return `
    FROM events AS e${indexFor(filter)}
    WHERE seq >= ?1 AND seq < ?2
      AND ${filter.contact === undefined ? '?3 IS NULL' : 'contact = ?3'}
      AND ${filter.messageId === undefined ? '?4 IS NULL AND ?5 IS NULL' : 'id >= ?4 AND id < ?5'}`;
}

/** A message's events by its index alone, in no order: D1 counts the rows that it sorts a second time. */
function messageSql(filter: EventFilter): string {
  return `SELECT ${LISTED_COLUMNS} ${matchedRows(filter)} LIMIT ?6`;
}

function walkSql(filter: ListingFilter): string {
  return `SELECT ${LISTED_COLUMNS} ${walkedRows(filter)} LIMIT ?6`;
}

/** The events to walk, newest first. Those that are not forwarded are found by the outbox, and by nothing else. */
function walkedRows(filter: ListingFilter): string {
  if (filter.isForwarded !== false) return `${matchedRows(filter)} ORDER BY e.seq DESC`;
  return `
    FROM outbox AS o CROSS JOIN events AS e ON e.seq = o.seq
    WHERE o.seq >= ?1 AND o.seq < ?2
    ORDER BY o.seq DESC`;
}

/**
 * For filters without an index: a walk of at most ?11 events is summed up as the places that match, in order, and how
 * far it came. The joins keep to the order in which they are written, so that LIMIT ends the reading; and iif() asks
 * last, and only where it matters, for what is dear: what lies behind the payload, and what is in the outbox.
 */
function scanSql(filter: ListingFilter): string {
  return `
    SELECT ${LISTED_COLUMNS}, scan.scanned, scan.last_scanned
    FROM (
      SELECT
        count(*) AS scanned,
        min(seq) AS last_scanned,
        json_group_array(seq) FILTER (WHERE is_match) AS matches
      FROM (
        SELECT e.seq, iif(
          (?3 IS NULL OR e.contact = ?3) AND (?4 IS NULL OR e.id >= ?4 AND e.id < ?5)
          AND (?7 IS NULL OR e.type = ?7) AND (?8 IS NULL OR e.status = ?8) AND (?9 IS NULL OR e.integration = ?9)
          AND (?10 IS NULL OR e.deferred = ?10)
          ${filter.isForwarded === true ? 'AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq)' : ''},
          1, 0
        ) AS is_match
        ${walkedRows(filter)} LIMIT ?11
      )
    ) AS scan
    LEFT JOIN json_each(scan.matches) AS found
    LEFT JOIN events AS e ON e.seq = found.value
    LIMIT ?6`;
}

/** A message has few events, a contact some, a time range many: the narrowest index is walked. */
function indexFor(filter: EventFilter): string {
  if (filter.messageId !== undefined) return ' INDEXED BY sqlite_autoindex_events_1';
  if (filter.contact !== undefined) return ' INDEXED BY events_by_contact';
  return ' NOT INDEXED';
}

/** One event, or `null`. */
export async function findEvent(
  db: D1Database,
  integration: string,
  id: string,
): Promise<ListedEvent | null> {
  const row = await db
    .prepare(`SELECT ${LISTED_COLUMNS} FROM events AS e WHERE e.id = ?1 AND e.integration = ?2`)
    .bind(id, integration)
    .first<EventRow>();
  return row && listedEventOf(row);
}

/** Those of the events at these places that exist, in the order in which they are named. */
export async function findEventsAt(db: D1Database, seqs: readonly number[]): Promise<ListedEvent[]> {
  const { results } = await db
    .prepare(
      `SELECT ${LISTED_COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN events AS e ON e.seq = wanted.value`,
    )
    .bind(JSON.stringify(seqs))
    .run<EventRow>();
  return results.map(listedEventOf);
}

/** Columns of {@link SHOWN_COLUMNS}. */
export interface ShownRow extends HeadRow {
  deliveries: number;
  is_forwarded: number;
  deferred: number;
  replays: number;
}

interface EventRow extends ShownRow {
  payload: string;
}

/** The columns that every reader of events selects. */
export interface HeadRow {
  seq: number;
  id: string;
  integration: string;
  type: EventType;
  status: Status | null;
  contact: string;
  app_id: string;
  received_at: number;
  occurred_at: number;
}

/** The domain's view of a row, without the payload. */
export function eventHeadOf(row: HeadRow): EventHead & { seq: number } {
  return {
    seq: row.seq,
    id: row.id,
    integration: row.integration,
    type: row.type,
    status: row.status,
    contact: row.contact,
    appId: row.app_id,
    messageId: messageIdOf(row.id),
    occurredAtMs: row.occurred_at,
    receivedAtMs: row.received_at,
  };
}

/** What is shown of an event beside its payload. */
export function shownEventOf(row: ShownRow): Omit<ListedEvent, 'payload'> {
  return {
    ...eventHeadOf(row),
    deliveries: row.deliveries,
    isForwarded: row.is_forwarded === 1,
    isDeferred: row.deferred === 1,
    replays: row.replays,
  };
}

function listedEventOf(row: EventRow): ListedEvent {
  return { ...shownEventOf(row), payload: row.payload };
}
