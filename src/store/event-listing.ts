// Listing events, newest first. What it costs does not depend on how many are stored, nor what it holds in memory on how
// large they are.

import * as z from 'zod';
import { messageIdRange } from '../contract/event.ts';
import type { EventType } from '../contract/webhook.ts';
import { LISTED_COLUMNS, type ListedEvent, type ListedRow, listedEventOf, payloadUpTo } from './events.ts';
import { listGaps } from './gaps.ts';
import {
  type BoundValue,
  isWanted,
  MAX_SCANNED_ROWS,
  nextBeforeSeq,
  type Page,
  type PageRequest,
  pageRange,
  scanNewestFirst,
  type Wanted,
  wantedSql,
} from './keyset-paging.ts';
import { MAX_READ_AT_ONCE_BYTES, readFitting } from './payload-pages.ts';
import { findAt, type RowReader, type TimeRange } from './places.ts';
import { storedJson } from './stored-json.ts';
import { isForwardedOnSql, isWaitingSql } from './stretches.ts';

/** Which events are meant. Every filter that is absent lets all through. */
export interface EventFilter extends TimeRange {
  type?: EventType | undefined;
  status?: string | undefined;
  integration?: string | undefined;
  /** Canonical. */
  contact?: string | undefined;
  messageId?: string | undefined;
}

/** Which events to list. */
export interface ListingFilter extends EventFilter {
  /** On all routes that want it, or on the one that is named, which then has to want it. */
  isForwarded?: boolean | undefined;
  /** Whether it was forwarded on this route; only with `isForwarded`. */
  route?: string | undefined;
  isDeferred?: boolean | undefined;
  /** Whether its payload differs from the documentation. */
  isOdd?: boolean | undefined;
}

/** Messages with more events than this, a hundred times the usual, are sorted by D1. */
const MAX_SORTED_EVENTS = 400;

/** Events that one listing scans at most where it reads more rows for each: those of the routes. */
const MAX_SCANNED_BY_ROUTE = MAX_SCANNED_ROWS / 5;

/** An event whose payload is `null` where it is larger than {@link MAX_READ_AT_ONCE_BYTES}. */
type UnreadEvent = Omit<ListedEvent, 'payload'> & { payload: string | null; payloadBytes: number };

const UNREAD_EVENTS: RowReader<ListedRow & Pick<UnreadEvent, 'payload' | 'payloadBytes'>, UnreadEvent> = {
  from: 'events AS e',
  columns: `${LISTED_COLUMNS}, octet_length(e.payload) AS payloadBytes, ${payloadUpTo(MAX_READ_AT_ONCE_BYTES)}`,
  itemOf: listedEventOf,
};

/**
 * Lists events, newest first. A listing by contact, message or time reads what it returns. One by type, status, integration,
 * oddity, deferral or forwarding scans at most {@link MAX_SCANNED_ROWS} besides; of what is not forwarded it scans the gaps
 * of the routes, whatever else is asked for.
 */
export async function listEvents(
  db: D1Database,
  filter: ListingFilter,
  page: PageRequest,
): Promise<Page<ListedEvent>> {
  const { limit } = page;
  const { type, status, integration, messageId, isForwarded } = filter;
  const scanned = {
    type,
    status,
    integration,
    deferred: numberOf(filter.isDeferred),
    '(oddities IS NOT NULL)': numberOf(filter.isOdd),
  };
  if (isForwarded === false) return listUnforwarded(db, filter, scanned, page);
  if (isWanted(scanned) || isForwarded === true) {
    const values: BoundValue[] = pageRange(filter, page);
    const maxScanned = isForwarded === undefined ? MAX_SCANNED_ROWS : MAX_SCANNED_BY_ROUTE;
    // iif() asks last, and only where it matters, for what is dear: what lies behind the payload, and the routes.
    const isMatch = [wantedSql(scanned, values)];
    if (isForwarded === true) isMatch.push(isForwardedSql(filter.route, values));
    const rows = `
      SELECT e.seq, iif(${isMatch.join(' AND ')}, 1, 0) AS is_match ${newestFirstSql(filter, values)}`;
    return withPayloads(db, await scanNewestFirst(db, UNREAD_EVENTS, { rows, values, maxScanned }, limit));
  }
  const read = async (order: typeof matchedRows, maxRows: number) => {
    const values: BoundValue[] = pageRange(filter, page);
    const { results } = await db
      .prepare(`SELECT ${UNREAD_EVENTS.columns} ${order(filter, values)} LIMIT ?${values.length + 1}`)
      .bind(...values, maxRows)
      .run<Parameters<typeof UNREAD_EVENTS.itemOf>[0]>();
    return results.map(UNREAD_EVENTS.itemOf);
  };
  const pageOf = (items: UnreadEvent[]) => ({ items, nextBeforeSeq: nextBeforeSeq(items, limit) });
  if (messageId !== undefined) {
    // By its index alone, a message's events are in no order: D1 would count the rows that it sorts a second time.
    const events = await read(matchedRows, MAX_SORTED_EVENTS + 1);
    if (events.length <= MAX_SORTED_EVENTS) {
      return withPayloads(db, pageOf(events.toSorted((a, b) => b.seq - a.seq).slice(0, limit)));
    }
  }
  return withPayloads(db, pageOf(await read(newestFirstSql, limit)));
}

function numberOf(flag: boolean | undefined): number | undefined {
  return flag === undefined ? undefined : Number(flag);
}

/** As many of the events as there is room for, with their payloads. */
async function withPayloads(
  db: D1Database,
  { items, nextBeforeSeq }: Page<UnreadEvent>,
): Promise<Page<ListedEvent>> {
  const fitting = await readFitting(db, items, ({ payloadBytes }) => payloadBytes);
  const isCut = fitting.length < items.length;
  return {
    items: fitting.flatMap(({ payloadBytes: _, payload, ...event }) =>
      payload === null ? [] : [{ ...event, payload }],
    ),
    nextBeforeSeq: isCut ? (fitting.at(-1)?.seq ?? null) : nextBeforeSeq,
  };
}

/**
 * The events between the places ?1 and ?2 that a filter's index leads to. A message has few events, a contact some, a time
 * range many: the narrowest index is used.
 */
export function matchedRows(filter: EventFilter, values: BoundValue[]): string {
  let index = 'NOT INDEXED';
  if (filter.contact !== undefined) index = 'INDEXED BY events_by_contact';
  if (filter.messageId !== undefined) index = 'INDEXED BY sqlite_autoindex_events_1';
  return `FROM events AS e ${index} WHERE ${indexedSql(filter, values)} AND seq >= ?1 AND seq < ?2`;
}

/** The condition of the filters that have an index. */
function indexedSql({ contact, messageId }: EventFilter, values: BoundValue[]): string {
  return `${wantedSql({ contact }, values)} AND ${ofMessageSql(messageId, values)}`;
}

/** The condition that an event is of a message, if one is wanted. */
export function ofMessageSql(messageId: string | undefined, values: BoundValue[]): string {
  if (messageId === undefined) return 'true';
  const [fromId, untilId] = messageIdRange(messageId);
  return `id >= ?${values.push(fromId)} AND id < ?${values.push(untilId)}`;
}

function newestFirstSql(filter: EventFilter, values: BoundValue[]): string {
  return `${matchedRows(filter, values)} ORDER BY e.seq DESC`;
}

function isWaitingOnSql(route: string | undefined, values: BoundValue[]): string {
  return isWaitingSql(route === undefined ? 'true' : `r.name = ?${values.push(route)}`);
}

function isForwardedSql(route: string | undefined, values: BoundValue[]): string {
  return route === undefined ? `NOT ${isWaitingSql()}` : isForwardedOnSql(`r.name = ?${values.push(route)}`);
}

/** The newest events of each gap: their places, and whether they match. */
const scannedGaps = storedJson(z.array(z.tuple([z.int(), z.int()])));

/** Lists what is not forwarded: scans the newest gaps, all at once. */
async function listUnforwarded(
  db: D1Database,
  filter: ListingFilter,
  scanned: Wanted,
  page: PageRequest,
): Promise<Page<ListedEvent>> {
  const [fromSeq, untilSeq] = pageRange(filter, page);
  const { gaps, moreBeforeSeq } = await listGaps(db, filter.route, {
    after: fromSeq - 1,
    last: untilSeq - 1,
  });
  if (gaps.length === 0) return { items: [], nextBeforeSeq: moreBeforeSeq };
  const maxOfEach = Math.floor(MAX_SCANNED_BY_ROUTE / gaps.length);
  const values: BoundValue[] = [JSON.stringify(gaps.map(({ after, last }) => [after, last])), maxOfEach];
  const isMatch = [
    indexedSql(filter, values),
    wantedSql(scanned, values),
    isWaitingOnSql(filter.route, values),
  ];
  const { results } = await db
    .prepare(
      `SELECT (
         SELECT json_group_array(json_array(seq, isMatch)) FROM (
           SELECT e.seq, iif(${isMatch.join(' AND ')}, 1, 0) AS isMatch FROM events AS e NOT INDEXED
           WHERE e.seq > gap.value ->> 0 AND e.seq <= gap.value ->> 1 ORDER BY e.seq DESC LIMIT ?2
         )
       ) AS events
       FROM json_each(?1) AS gap`,
    )
    .bind(...values)
    .run<{ events: string }>();
  const found: number[] = [];
  let nextBeforeSeq = moreBeforeSeq;
  for (const { events } of results) {
    const inGap = scannedGaps.parse(events).toSorted(([a], [b]) => b - a);
    found.push(...inGap.flatMap(([seq, matches]) => (matches === 1 ? [seq] : [])));
    if (inGap.length < maxOfEach && found.length < page.limit) continue;
    const isPageFull = found.length >= page.limit;
    nextBeforeSeq = (isPageFull ? found[page.limit - 1] : inGap.at(-1)?.[0]) ?? null;
    break;
  }
  const items = await findAt(db, UNREAD_EVENTS, found.slice(0, page.limit));
  return withPayloads(db, { items, nextBeforeSeq });
}
