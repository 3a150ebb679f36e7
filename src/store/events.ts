// The events table: recording events, counting repeats, and reading single ones. migrations/0001_events.sql says what its
// columns mean.

import * as z from 'zod';
import { ODDITY_CODES, type Oddity } from '../contract/documented-fields.ts';
import { type EventHead, messageIdOf, type NewEvent } from '../contract/event.ts';
import { STAMPED_TIMES } from '../contract/payload-comparison.ts';
import { ROUTED_STATES, type RoutedState } from '../contract/routes.ts';
import { ACTIVE_ROUTES, type ActiveRoute, activeRoutesOf } from './active-routes.ts';
import { nextSeqSql, type RowReader } from './places.ts';
import { storedJson } from './stored-json.ts';
import { isPassedSql, LAST_PLACE, type Stretch, wantsSql } from './stretches.ts';

/**
 * One statement records at most so many bytes of events: D1 takes 2,000,000 bytes in a bound value
 * (https://developers.cloudflare.com/d1/platform/limits/), and a row's JSON is measured exactly.
 */
export const MAX_RECORD_BYTES = 1_900_000;
/** One statement records at most so many events, so that D1's thread is free for others in between. */
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

/** Longer payloads are bound by themselves: escaped as JSON they could double and pass D1's limit. */
const LARGE_PAYLOAD_LENGTH = 300_000;

/** Stands for no value in columns that are NOT NULL because they were made when every event had one. */
const ABSENT = '';

const encoder = new TextEncoder();

/** Makes an event ready to be recorded: together with others, or alone where its payload is large. */
export function toRecordable(event: NewEvent): RecordableEvent {
  const isLarge = event.payload.length > LARGE_PAYLOAD_LENGTH;
  const { messageId: _, payload, ...head } = event;
  const columns = { ...head, contact: head.contact ?? ABSENT, appId: head.appId ?? ABSENT };
  const json = JSON.stringify(isLarge ? columns : { ...columns, payload });
  return { event, json, bytes: isLarge ? MAX_RECORD_BYTES : encoder.encode(json).byteLength + 1, isLarge };
}

export interface RecordedEvent {
  /** Its place among all events: microseconds since 1970, unique and growing in commit order. */
  seq: number;
  /** No other event lies between this place and its own, ever. */
  afterSeq: number;
  /** Whether this delivery stored it. False for the second of two in the same group. */
  isNew: boolean;
}

/** What became of a group of events. */
export interface RecordedGroup {
  /**
   * One for each event of the group, in order. `null`: nothing was done, since the event that is stored under that id is
   * written in another way. differing-repeats.ts tells whether it also says something else.
   */
  recorded: (RecordedEvent | null)[];
  /** The stretch of the log that the new ones are in, and nothing else ever will be; `null`: none is new. */
  stretch: Stretch | null;
  /** The active routes of that moment. */
  routes: ActiveRoute[];
}

/**
 * Records events in one statement, atomically: new ones are stored, repeated ones are counted. A delivery that comes again by way of the intake queue is not counted again: queues deliver at least once, and
 * D1 may have recorded what it did not confirm in time. An event remembers its last {@link REMEMBERED_DELIVERIES} for that.
 *
 * @param events within {@link MAX_RECORD_BYTES} together; a large one alone.
 */
export async function recordEvents(
  db: D1Database,
  events: readonly RecordableEvent[],
  nowMs: number,
): Promise<RecordedGroup> {
  const rows = new Map<string, { json: string; payload: string; requestIds: Set<string> }>();
  const isRecorded = events.map(({ event, json }) => {
    const { payload } = event;
    const row = rows.get(rowKey(event)) ?? { json, payload, requestIds: new Set() };
    if (row.payload !== payload) return false; // of two in a group that differ, the first is recorded
    row.requestIds.add(event.requestId);
    rows.set(rowKey(event), row);
    return true;
  });
  const largePayload = events[0]?.isLarge ? events[0].event.payload : null;
  const recording = db
    .prepare(RECORD)
    .bind(
      `[${Array.from(rows.values(), ({ json }) => json).join()}]`,
      JSON.stringify(Array.from(rows.values(), ({ requestIds }) => requestIds.size)),
      nowMs,
      largePayload,
      JSON.stringify(Array.from(rows.values(), ({ requestIds }) => [...requestIds].join(' '))),
    );
  const [before, after] = await db.batch([db.prepare(BEFORE), recording]);
  const [log] = (before?.results ?? []) as { lastPlace: number; routes: string }[];
  if (log === undefined) throw new Error('D1 returned no row for the end of the log');
  const { lastPlace } = log;
  const rowsInOrder = ((after?.results ?? []) as StoredRow[]).toSorted((a, b) => a.seq - b.seq);
  const stored = new Map<string, Omit<RecordedEvent, 'isNew'> & { storedBy: string }>();
  let lastSeq = lastPlace;
  for (const { seq, request_id: storedBy, ...row } of rowsInOrder) {
    const isBehindLast = seq > lastPlace;
    stored.set(rowKey(row), { seq, afterSeq: isBehindLast ? lastSeq : seq - 1, storedBy });
    if (isBehindLast) lastSeq = seq;
  }
  const recorded = events.map(({ event }, index) => {
    const row = isRecorded[index] ? stored.get(rowKey(event)) : undefined;
    if (row === undefined) return null;
    const { seq, afterSeq, storedBy } = row;
    return { seq, afterSeq, isNew: storedBy === event.requestId };
  });
  const stretch = lastSeq > lastPlace ? { after: lastPlace, last: lastSeq } : null;
  return { recorded, stretch, routes: activeRoutesOf(log.routes) };
}

interface StoredRow {
  seq: number;
  id: string;
  integration: string;
  request_id: string;
}

/** Read in the transaction that records: what is recorded lies behind the last place. */
const BEFORE = `SELECT ${LAST_PLACE} AS lastPlace, ${ACTIVE_ROUTES} AS routes`;

function rowKey({ integration, id }: { integration: string; id: string }): string {
  return `${integration} ${id}`;
}

/** So many deliveries an event remembers, so as not to count one of them twice. */
const REMEMBERED_DELIVERIES = 20;
/** The length of a UUID with the blank behind it. */
const REQUEST_ID_LENGTH = 37;

/**
 * The delivery that stored an event. `request_id` holds the ids of the deliveries that were counted, separated by blanks:
 * first this one, then the latest ones. They stand in a row that counting writes anyway.
 */
export const STORED_BY = "substr(request_id, 1, instr(request_id || ' ', ' ') - 1)";

/** The ids of deliveries that an event remembers, without the oldest but one where they are as many as they may be. */
const REMEMBERED = `iif(
  length(request_id) < ${(REMEMBERED_DELIVERIES - 1) * REQUEST_ID_LENGTH},
  request_id,
  ${STORED_BY} || ' ' || substr(request_id, ${1 - REQUEST_ID_LENGTH * (REMEMBERED_DELIVERIES - 2)})
)`;

/** Counts the given deliveries that an event does not remember. @param requestIds separated by blanks. */
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

/** Keeps an event out of the outbox of earlier versions, see migrations/0014_log.sql. */
const NOT_IN_OUTBOX = -1;

/**
 * ?1 are the rows, ?2 how many deliveries each has and ?5 the ids of these, ?3 is now, ?4 the payload of a large event. `seq`
 * is assigned here, by D1's single writer, so that it grows in commit order: a reader that has seen one never finds a smaller
 * one appear later.
 */
const RECORD = `
  INSERT INTO events (
    seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, deliveries,
    deferred, oddities, replays
  )
  SELECT
    next.seq + event.key,
    event.value ->> 'id', event.value ->> 'integration', event.value ->> 'type', event.value ->> 'status',
    event.value ->> 'contact', event.value ->> 'appId', ?5 ->> event.key, event.value ->> 'receivedAtMs',
    event.value ->> 'occurredAtMs', coalesce(?4, event.value ->> 'payload'), ?2 ->> event.key,
    coalesce(event.value ->> 'deferred', 0), event.value ->> 'oddities', ${NOT_IN_OUTBOX}
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

/** A delivery that repeats the event at a place. */
export interface Repeat {
  seq: number;
  requestId: string;
}

/**
 * Counts deliveries that say the same as a stored event in another writing, each once.
 *
 * @returns the places of the events that are still stored.
 */
export async function countRepeats(db: D1Database, repeats: readonly Repeat[]): Promise<Set<number>> {
  if (repeats.length === 0) return new Set();
  const given = Array.from(
    Map.groupBy(repeats, ({ seq }) => seq),
    ([seq, ofEvent]) => ({ seq, requestIds: ofEvent.map(({ requestId }) => requestId).join(' ') }),
  );
  const { results } = await db.prepare(COUNT_REPEATS).bind(JSON.stringify(given)).run<{ seq: number }>();
  return new Set(results.map(({ seq }) => seq));
}

const COUNT_REPEATS = `
  UPDATE events SET ${countSql("repeat.value ->> 'requestIds'")}
  FROM json_each(?1) AS repeat
  WHERE events.seq = repeat.value ->> 'seq'
  RETURNING events.seq`;

/** What became of an event on a route. */
export interface RoutedEvent {
  name: string;
  state: RoutedState;
}

/** An event as operators see it. */
export interface ListedEvent extends EventHead {
  seq: number;
  payload: string;
  deliveries: number;
  /** What became of it on each route, by name. */
  routes: RoutedEvent[];
  /** Whether it came by way of the intake queue. */
  isDeferred: boolean;
  /** Where its payload differs from the documentation. */
  oddities: Oddity[];
}

/** One event, or `null`. */
export async function findEvent(
  db: D1Database,
  integration: string,
  id: string,
): Promise<ListedEvent | null> {
  const row = await db
    .prepare(`SELECT ${EVENTS.columns} FROM ${EVENTS.from} WHERE e.id = ?1 AND e.integration = ?2`)
    .bind(id, integration)
    .first<ListedRow & { payload: string }>();
  return row && listedEventOf(row);
}

/** What identifies and routes an event, with `e` for events. */
export const HEAD_COLUMNS = `
  e.seq, e.id, e.integration, e.type, e.status, nullif(e.contact, '${ABSENT}') AS contact,
  nullif(e.app_id, '${ABSENT}') AS appId, e.received_at AS receivedAtMs, e.occurred_at AS occurredAtMs`;

/** {@link HEAD_COLUMNS} */
export type HeadRow = Omit<EventHead, 'messageId'> & { seq: number };

export function eventHeadOf<Row extends HeadRow>(row: Row): Row & EventHead {
  return { ...row, messageId: messageIdOf(row.id) };
}

/** The payload of an event, or NULL where it is larger. @param maxBytes a number, or the parameter that is bound to it. */
export function payloadUpTo(maxBytes: number | `?${number}`): string {
  return `CASE WHEN octet_length(e.payload) <= ${maxBytes} THEN e.payload END AS payload`;
}

/** What operators see of an event beside its payload, with `e` for events. A row of no event reads no routes. */
export const LISTED_COLUMNS = `
  ${HEAD_COLUMNS}, e.deliveries, e.deferred AS isDeferred, e.oddities, iif(e.seq IS NULL, NULL, (
    SELECT json_group_array(json_object('name', r.name, 'state', CASE
      WHEN e.seq <= r.began OR NOT ${wantsSql('r.filter')} THEN 'not-wanted'
      WHEN ${isPassedSql('r', 'e.seq')} THEN 'forwarded'
      ELSE 'waits'
    END)) FROM routes AS r
  )) AS routes`;

/** {@link LISTED_COLUMNS} */
export interface ListedRow extends HeadRow {
  deliveries: number;
  isDeferred: number;
  oddities: string | null;
  routes: string;
}

export function listedEventOf<Row extends ListedRow>(row: Row) {
  return {
    ...eventHeadOf(row),
    routes: storedRoutes.parse(row.routes),
    isDeferred: row.isDeferred === 1,
    oddities: row.oddities === null ? [] : storedOddities.parse(row.oddities),
  };
}

const storedOddities = storedJson(z.array(z.object({ path: z.string(), code: z.enum(ODDITY_CODES) })));

const storedRoutes = storedJson(z.array(z.object({ name: z.string(), state: z.enum(ROUTED_STATES) })));

export const EVENTS: RowReader<ListedRow & { payload: string }, ListedEvent> = {
  from: 'events AS e',
  columns: `${LISTED_COLUMNS}, e.payload`,
  itemOf: listedEventOf,
};
