// The dead_letters table: messages that a consumer gave up on, out of its dead-letter queue; webhooks that never came out
// of the intake queue; and events that no queue takes.

import type { DeadLetterKind, NeverSentReason } from '../contract/dead-letters.ts';
import type { EventType } from '../contract/webhook.ts';
import { type AuditEntry, auditChanges, changeAudited } from './audit.ts';
import {
  findOldest,
  type Listing,
  listNewestFirst,
  type OldestFound,
  type Page,
  type PageRequest,
} from './keyset-paging.ts';
import type { PendingEvent } from './pending-events.ts';
import { findAt, GIVEN_PLACES, nextSeqSql, type RowReader, type TimeRange } from './places.ts';
import { deleteWithin, WorkBudget } from './work-budget.ts';

/** What one batch records at most: D1 takes 100 MB in a request, and an isolate has 128 MB for all. */
export const MAX_DEAD_LETTER_BATCH = 50;
export const MAX_DEAD_LETTER_BATCH_BYTES = 4_000_000;
/** Of one message. D1 takes 2,000,000 bytes in a bound value (https://developers.cloudflare.com/d1/platform/limits/). */
export const MAX_DEAD_LETTER_BYTES = 1_900_000;
/** One transaction deletes no more, so that webhooks come in between. */
export const DELETION_LIMITS = { maxItems: 1_000, maxBytes: 20_000_000 };
/** Rows that one statement of the purge deletes: their bodies have up to 128 KB, a few of them more. */
const MAX_DELETED_ROWS = 200;
/** Bounds one run of the purge; the next comes a minute later. */
const MAX_PURGED_CHUNKS = 20;

/** The event of a message, as the message names it. */
export interface LostEvent {
  id: string;
  integration: string;
  type: EventType;
  /** `null` where it is not in canonical form. */
  contact: string | null;
}

/** A message to be kept. */
export interface NewDeadLetter {
  kind: Exclude<DeadLetterKind, 'never-sent'>;
  /** The route that it was sent on, or could not be; `null`: it is a webhook, or there was only one route. */
  route: string | null;
  /** The queue gives it: a message that comes twice is kept once. */
  messageId: string;
  /** `null`: it is no event of ours. */
  event: LostEvent | null;
  /** Of the event or the webhook; `null`: it is neither. */
  integration: string | null;
  /** How often the dead-letter queue delivered it. */
  attempts: number;
  /** When it was sent, as the queue says, Unix ms. */
  sentAtMs: number;
  /** JSON. */
  body: string;
}

/** An event that the queue of a route does not take. */
export interface NeverSent {
  event: Pick<PendingEvent, 'seq' | 'head'>;
  route: string;
  /** The id of the replay that would send it; `null`: it is sent for the first time. */
  replay: string | null;
  reason: NeverSentReason;
  /** The message that it would be, as JSON. */
  body: string;
}

export interface DeadLetter extends Omit<NewDeadLetter, 'body' | 'kind'> {
  kind: DeadLetterKind;
  /** Why it was never sent; `null` for other kinds. */
  reason: NeverSentReason | null;
  /** When it was kept: microseconds since 1970, unique. */
  seq: number;
  bodyBytes: number;
}

export interface KeptDeadLetter extends DeadLetter {
  body: string;
}

/** Which dead letters, by when they were kept. Every filter that is absent lets all through. */
export interface DeadLetterFilter extends TimeRange {
  kind?: DeadLetterKind | undefined;
  route?: string | undefined;
  integration?: string | undefined;
  type?: EventType | undefined;
  /** Canonical. */
  contact?: string | undefined;
}

/** Keeps messages, atomically; one that is kept already stays as it is. */
export async function recordDeadLetters(
  db: D1Database,
  letters: readonly NewDeadLetter[],
  nowMs: number,
): Promise<void> {
  await db.batch(letters.map((letter) => insertSql(db, { ...letter, reason: null }, nowMs)));
}

/** A condition for a statement, with the values of its parameters: they begin with ?13. */
interface Condition {
  sql: string;
  values: readonly (string | number)[];
}

/**
 * A statement that keeps an event that no queue takes, once for each replay of it, if it still waits. It goes into one
 * batch with the statement that takes the event out of where it waits.
 */
export function keepNeverSent(
  db: D1Database,
  { event: { seq, head }, route, replay, reason, body }: NeverSent,
  nowMs: number,
  isWaiting: Condition,
): D1PreparedStatement {
  const { integration } = head;
  const letter = {
    kind: 'never-sent',
    route,
    messageId: `never-sent-${route}-${seq}-${replay ?? 0}`,
    event: head,
    integration,
  } as const;
  return insertSql(db, { ...letter, reason, body, attempts: 0, sentAtMs: nowMs }, nowMs, isWaiting);
}

/** Keeps events that no queue takes, those that are still stored. */
export async function recordNeverSent(
  db: D1Database,
  letters: readonly NeverSent[],
  nowMs: number,
): Promise<void> {
  const isStored = 'EXISTS (SELECT 1 FROM events WHERE seq = ?13)';
  await db.batch(
    letters.map((letter) => keepNeverSent(db, letter, nowMs, { sql: isStored, values: [letter.event.seq] })),
  );
}

function insertSql(
  db: D1Database,
  letter: Omit<KeptDeadLetter, 'seq' | 'bodyBytes'>,
  nowMs: number,
  { sql, values }: Condition = { sql: 'true', values: [] },
): D1PreparedStatement {
  const { messageId, event, integration, reason, body, attempts, sentAtMs, kind, route } = letter;
  const ofEvent = [event?.id ?? null, integration, event?.type ?? null, event?.contact ?? null];
  return db
    .prepare(
      `INSERT INTO dead_letters (
         seq, message_id, event_id, integration, type, contact, reason, body, attempts, received_at, kind, route
       )
       SELECT ${nextSeqSql('dead_letters', '?1')}, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 WHERE ${sql}
       ON CONFLICT (message_id) DO NOTHING`,
    )
    .bind(nowMs, messageId, ...ofEvent, reason, body, attempts, sentAtMs, kind, route, ...values);
}

/** Lists dead letters, newest first. No filter has an index. */
export async function listDeadLetters(
  db: D1Database,
  filter: DeadLetterFilter,
  page: PageRequest,
): Promise<Page<DeadLetter>> {
  return listNewestFirst(db, DEAD_LETTERS, listingOf(filter), filter, page);
}

function listingOf({ integration, type, contact, kind, route }: DeadLetterFilter): Listing {
  return { index: 'NOT INDEXED', scanned: { integration, type, contact, kind, route } };
}

/** Where a dead letter is, and how much of it there is to read. */
export interface DeadLetterPlace {
  seq: number;
  bodyBytes: number;
  /** Whether it can be sent again: it is an event or a webhook of ours. */
  isOurs: boolean;
  kind: DeadLetterKind;
  /** `null`: it is a webhook, or there was only one route. */
  route: string | null;
}

/** Finds the oldest dead letters behind a place, at most `limit`, without reading their bodies. */
export async function findOldestDeadLetters(
  db: D1Database,
  filter: DeadLetterFilter,
  search: { limit: number; afterSeq: number },
): Promise<OldestFound<DeadLetterPlace>> {
  const columns =
    "kind, route, octet_length(body) AS bodyBytes, event_id IS NOT NULL OR kind = 'intake' AS isOurs";
  const { places, searchedToSeq } = await findOldest<PlaceRow>(
    db,
    'dead_letters',
    columns,
    listingOf(filter),
    filter,
    search,
  );
  return {
    places: places.map((place) => ({ ...place, isOurs: place.isOurs === 1 })),
    searchedToSeq,
  };
}

type PlaceRow = Omit<DeadLetterPlace, 'isOurs'> & { isOurs: number };

/** Those of the named ones that exist, with their bodies. */
export async function findDeadLetters(db: D1Database, seqs: readonly number[]): Promise<KeptDeadLetter[]> {
  return findAt(db, KEPT_DEAD_LETTERS, seqs);
}

/** Deletes a dead letter, and records who did. False where there was none. */
export async function deleteDeadLetter(db: D1Database, seq: number, audit: AuditEntry): Promise<boolean> {
  return changeAudited(db, db.prepare('DELETE FROM dead_letters WHERE seq = ?1').bind(seq), audit);
}

/** Deletes dead letters, and records who did, in one transaction. Tells how many there were. */
export async function deleteDeadLetters(
  db: D1Database,
  seqs: readonly number[],
  audit: AuditEntry,
): Promise<number> {
  const [deleted] = await db.batch([
    db
      .prepare(`DELETE FROM dead_letters WHERE seq IN (${GIVEN_PLACES}) RETURNING seq`)
      .bind(JSON.stringify(seqs)),
    auditChanges(db, audit),
  ]);
  return deleted?.results.length ?? 0; // `changes` would count what triggers write as well
}

/** Deletes those that were kept before a time, as many as one run may. */
export async function purgeDeadLetters(db: D1Database, keptBeforeMs: number): Promise<number> {
  const old = { table: 'dead_letters', index: 'NOT INDEXED', condition: 'seq < ?2' };
  return deleteWithin(new WorkBudget(MAX_PURGED_CHUNKS), db, old, MAX_DELETED_ROWS, keptBeforeMs * 1000);
}

/** The columns of the event are `null` where the message is none of ours. */
type DeadLetterRow = Omit<DeadLetter, 'event'> & {
  eventId: string | null;
  type: EventType | null;
  contact: string | null;
};

const DEAD_LETTERS: RowReader<DeadLetterRow, DeadLetter> = {
  from: 'dead_letters AS d',
  columns: `
    d.seq, d.kind, d.route, d.message_id AS messageId, d.event_id AS eventId, d.integration, d.type, d.contact, d.reason,
    d.attempts, d.received_at AS sentAtMs, octet_length(d.body) AS bodyBytes`,
  itemOf: deadLetterOf,
};

const KEPT_DEAD_LETTERS: RowReader<DeadLetterRow & { body: string }, KeptDeadLetter> = {
  from: DEAD_LETTERS.from,
  columns: `${DEAD_LETTERS.columns}, d.body`,
  itemOf: deadLetterOf,
};

function deadLetterOf<Row extends DeadLetterRow>({ eventId: id, type, contact, ...letter }: Row) {
  const { integration } = letter;
  const event =
    id === null || integration === null || type === null ? null : { id, integration, type, contact };
  return { ...letter, event };
}
