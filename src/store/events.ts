// The events table: recording and reading. See migrations/0001_events.sql for what its columns mean, and
// event-listing.ts for what lists and walks it.

import * as z from 'zod';
import { ODDITY_CODES, type Oddity } from '../contract/documented-fields.ts';
import { type EventHead, messageIdOf, type NewEvent } from '../contract/event.ts';
import { STAMPED_TIMES } from '../contract/payload-comparison.ts';
import type { EventType } from '../contract/webhook.ts';
import { nextSeqSql } from './keyset-paging.ts';

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

/** What stands for no value in a column that was made when every event had one. */
const ABSENT = '';

const encoder = new TextEncoder();

/** Makes an event ready to be recorded, together with others or, when its payload is large, alone. */
export function recordable(event: NewEvent): RecordableEvent {
  const isLarge = event.payload.length > LARGE_PAYLOAD_LENGTH;
  const { messageId: _, payload, ...head } = event;
  const columns = { ...head, contact: head.contact ?? ABSENT, appId: head.appId ?? ABSENT };
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
 * Records events in one statement, atomically: new ones are stored and put in the outbox (by trigger), repeated ones
 * counted. A delivery that was counted is not counted again when it comes a second time, by way of the intake queue:
 * queues deliver at least once, and D1 may have recorded what it did not confirm in time. The last
 * {@link REMEMBERED_DELIVERIES} of an event are told apart so.
 *
 * @param events within {@link MAX_RECORD_BYTES} together; a large one alone.
 * @returns one for each of `events`, in order. `null`: nothing was done, since an event of that id is stored and was
 *   written otherwise; differing-repeats.ts tells whether it says something else.
 */
export async function recordEvents(
  db: D1Database,
  events: readonly RecordableEvent[],
  nowMs: number,
): Promise<(RecordedEvent | null)[]> {
  const rows = new Map<string, { json: string; payload: string; requestIds: Set<string> }>();
  const isRecorded = events.map(({ event, json }) => {
    const { payload } = event;
    const row = rows.get(rowKey(event)) ?? { json, payload, requestIds: new Set() };
    if (row.payload !== payload) return false; // of two that differ the first is recorded
    row.requestIds.add(event.requestId);
    rows.set(rowKey(event), row);
    return true;
  });
  const largePayload = events[0]?.isLarge ? events[0].event.payload : null;
  const { results } = await db
    .prepare(RECORD)
    .bind(
      `[${Array.from(rows.values(), ({ json }) => json).join()}]`,
      JSON.stringify(Array.from(rows.values(), ({ requestIds }) => requestIds.size)),
      nowMs,
      largePayload,
      JSON.stringify(Array.from(rows.values(), ({ requestIds }) => [...requestIds].join(' '))),
    )
    .run<{ seq: number; id: string; integration: string; request_id: string }>();
  const recorded = new Map(results.map((row) => [rowKey(row), row]));
  return events.map(({ event }, index) => {
    const row = isRecorded[index] ? recorded.get(rowKey(event)) : undefined;
    return row === undefined ? null : { seq: row.seq, isNew: row.request_id === event.requestId };
  });
}

function rowKey({ integration, id }: { integration: string; id: string }): string {
  return `${integration} ${id}`;
}

/** Deliveries that an event remembers, so as not to count one of them twice. */
const REMEMBERED_DELIVERIES = 20;
/** Of an id with the blank behind it: they are UUIDs. */
const REQUEST_ID_LENGTH = 37;

/**
 * `request_id` holds the ids of the deliveries that were counted, parted by blanks: first that of the one that stored the
 * event, then the latest ones. They stand in a row that counting writes anyway.
 */
export const STORED_BY = "substr(request_id, 1, instr(request_id || ' ', ' ') - 1)";

/** What an event remembers, shortened where it is as much as it may be. */
const REMEMBERED = `iif(
  length(request_id) < ${(REMEMBERED_DELIVERIES - 1) * REQUEST_ID_LENGTH},
  request_id,
  ${STORED_BY} || ' ' || substr(request_id, ${1 - REQUEST_ID_LENGTH * (REMEMBERED_DELIVERIES - 2)})
)`;

/** Counts those of the given deliveries, whose ids are parted by blanks, that an event does not remember. */
function countSql(requestIds: string): string {
  const uncounted = `
    FROM json_each('["' || replace(${requestIds}, ' ', '","') || '"]') AS given
    WHERE instr(' ' || events.request_id || ' ', ' ' || given.value || ' ') = 0`;
  return `
    deliveries = deliveries + (SELECT count(*) ${uncounted}),
    request_id = ${REMEMBERED} || coalesce((SELECT group_concat(' ' || given.value, '') ${uncounted}), '')`;
}

/** A payload without the times that the platform stamps anew when it sends the same again. */
function unstampedSql(payload: string): string {
  return `json_remove(${payload}, ${STAMPED_TIMES.map((path) => `'$.${path.join('.')}'`).join(', ')})`;
}

/**
 * ?1 rows, ?2 the deliveries of each and ?5 their ids, ?3 now, ?4 the payload of a large one. `seq` is assigned here, by D1's single
 * writer, so that it grows in commit order: a reader that has seen one never finds a smaller one appear later.
 */
const RECORD = `
  INSERT INTO events (
    seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, deliveries,
    deferred, oddities
  )
  SELECT
    next.seq + event.key,
    event.value ->> 'id', event.value ->> 'integration', event.value ->> 'type', event.value ->> 'status',
    event.value ->> 'contact', event.value ->> 'appId', ?5 ->> event.key, event.value ->> 'receivedAtMs',
    event.value ->> 'occurredAtMs', coalesce(?4, event.value ->> 'payload'), ?2 ->> event.key,
    coalesce(event.value ->> 'deferred', 0), event.value ->> 'oddities'
  FROM
    (SELECT ${nextSeqSql('events', '?3')} AS seq) AS next,
    json_each(?1) AS event
  WHERE true
  ON CONFLICT (id, integration) DO UPDATE SET ${countSql('excluded.request_id')}
    WHERE payload = excluded.payload OR iif(
      json_valid(payload) AND json_valid(excluded.payload),
      ${unstampedSql('payload')} = ${unstampedSql('excluded.payload')},
      0
    )
  RETURNING seq, id, integration, ${STORED_BY} AS request_id`;

/** Deliveries of a stored event. */
export interface Repeats {
  seq: number;
  requestIds: readonly string[];
}

/**
 * Counts deliveries of events that were written otherwise and say the same, each once.
 *
 * @param repeats one for each event.
 * @returns the places of those that are stored.
 */
export async function countRepeats(db: D1Database, repeats: readonly Repeats[]): Promise<Set<number>> {
  const given = repeats.map(({ seq, requestIds }) => ({ seq, requestIds: requestIds.join(' ') }));
  const { results } = await db.prepare(COUNT_REPEATS).bind(JSON.stringify(given)).run<{ seq: number }>();
  return new Set(results.map(({ seq }) => seq));
}

const COUNT_REPEATS = `
  UPDATE events SET ${countSql("repeat.value ->> 'requestIds'")}
  FROM json_each(?1) AS repeat
  WHERE events.seq = repeat.value ->> 'seq'
  RETURNING events.seq`;

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
  /** In what its payload differs from the documentation. */
  oddities: Oddity[];
}

/** What is shown of an event beside its payload, with `e` for events. */
export const SHOWN_COLUMNS = `
  e.seq, e.id, e.integration, e.type, e.status, e.contact, e.app_id, e.received_at, e.occurred_at, e.deliveries,
  NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = e.seq) AS is_forwarded, e.deferred, e.replays, e.oddities`;

const WHOLE_COLUMNS = `${SHOWN_COLUMNS}, e.payload`;

/** One event, or `null`. */
export async function findEvent(
  db: D1Database,
  integration: string,
  id: string,
): Promise<ListedEvent | null> {
  const row = await db
    .prepare(`SELECT ${WHOLE_COLUMNS} FROM events AS e WHERE e.id = ?1 AND e.integration = ?2`)
    .bind(id, integration)
    .first<EventRow>();
  return row && listedEventOf(row);
}

/** Those of the events at these places that exist, in the order in which they are named. */
export async function findEventsAt(db: D1Database, seqs: readonly number[]): Promise<ListedEvent[]> {
  const { results } = await db
    .prepare(
      `SELECT ${WHOLE_COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN events AS e ON e.seq = wanted.value`,
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
  oddities: string | null;
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
  status: string | null;
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
    contact: row.contact === ABSENT ? null : row.contact,
    appId: row.app_id === ABSENT ? null : row.app_id,
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
    oddities: row.oddities === null ? [] : storedOddities.parse(JSON.parse(row.oddities)),
  };
}

const storedOddities = z.array(z.object({ path: z.string(), code: z.enum(ODDITY_CODES) }));

function listedEventOf(row: EventRow): ListedEvent {
  return { ...shownEventOf(row), payload: row.payload };
}
