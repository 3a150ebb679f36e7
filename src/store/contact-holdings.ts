// What is held on a contact: its own events, and whatever else holds its number in any written form, which are events of
// other contacts, rejections, dead letters, and audit entries and replays that somebody asked for by an id with the number in
// it. Owns how it is found; export and erasure are built on it, so that the one gives what the other deletes.
//
// There is no index over texts, so the tables are searched by primary key, in steps that let webhooks in between. In each
// step SQL tells which texts could hold the number, see number-search.ts; those are read and looked at closely.

import * as z from 'zod';
import type { ContactMatcher } from '../contract/contact-search.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { decompress } from '../runtime/decompression.ts';
import { AUDIT_ENTRIES, type ListedAuditEntry } from './audit.ts';
import { findDeadLetters, type KeptDeadLetter } from './dead-letters.ts';
import { EVENTS, type ListedEvent } from './events.ts';
import { MENTION_SEARCHES, STEP_BYTES, STEP_ROWS } from './number-search.ts';
import { findAt } from './places.ts';
import { bodyBytes, findRejections, type KeptRejection } from './rejections.ts';
import { REPLAY_FILTERS, type ReplayFilter } from './replays.ts';
import { readSingleRow } from './single-row.ts';
import { storedJson } from './stored-json.ts';

/** What is in memory at a time, in several forms. */
const GROUP_LIMITS = { maxItems: 100, maxBytes: 2_000_000 };
const PAGE_EVENTS = 1_000;

/** Whom a search is about. */
export interface Person {
  /** Canonical: a number or an identity. */
  contact: string;
  number: ContactMatcher;
}

/** Something that is held on a contact. */
export type ContactHolding =
  | { kind: 'event'; seq: number; event: ListedEvent }
  | { kind: 'rejection'; seq: number; rejection: KeptRejection }
  | { kind: 'deadLetter'; seq: number; deadLetter: KeptDeadLetter }
  | { kind: 'auditEntry'; seq: number; entry: ListedAuditEntry }
  | { kind: 'replay'; seq: number; replay: ReplayFilter };

export type ContactHoldingKind = ContactHolding['kind'];

/** A part of a table that was searched. */
export interface SearchStep {
  /** What was found there, not read yet. */
  places: HeldPlace[];
  /** Searched up to here. */
  lastSeq: number;
  /** Whether nothing is behind it. */
  isLast: boolean;
}

export interface HeldPlace {
  seq: number;
  bytes: number;
  /** False: whether its text holds the number is still to be seen. */
  isCertain: boolean;
}

/** Finds the contact's own events behind a place, by their index. */
export async function findOwnEvents(db: D1Database, contact: string, afterSeq: number): Promise<SearchStep> {
  const { results } = await db
    .prepare(
      `SELECT seq, octet_length(payload) AS bytes FROM events INDEXED BY events_by_contact
       WHERE contact = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3`,
    )
    .bind(contact, afterSeq, PAGE_EVENTS)
    .run<{ seq: number; bytes: number }>();
  return {
    places: results.map((row) => ({ ...row, isCertain: true })),
    lastSeq: results.at(-1)?.seq ?? afterSeq,
    isLast: results.length < PAGE_EVENTS,
  };
}

/**
 * Finds in the next part of a table what could hold the number. Of events it finds only those of other contacts: the
 * contact's own are found by {@link findOwnEvents}.
 */
export async function findMentions(
  db: D1Database,
  kind: ContactHoldingKind,
  { contact, number }: Person,
  afterSeq: number,
): Promise<SearchStep> {
  const search = db
    .prepare(MENTION_SEARCHES[kind])
    .bind(afterSeq, STEP_ROWS, STEP_BYTES, contact, number.digits);
  const { scanned, lastSeq, found } = await readSingleRow<SearchRow>(search);
  return { places: foundPlaces.parse(found), lastSeq: lastSeq ?? afterSeq, isLast: scanned === 0 };
}

interface SearchRow {
  scanned: number;
  lastSeq: number | null;
  found: string;
}

const foundPlaces = storedJson(
  z.array(
    z
      .tuple([z.number(), z.number(), z.number()])
      .transform(([seq, bytes, isCertain]): HeldPlace => ({ seq, bytes, isCertain: isCertain === 1 })),
  ),
);

/** Reads what was found, in groups that fit in memory, and gives what really holds the number. */
export async function* readContactHoldings(
  db: D1Database,
  kind: ContactHoldingKind,
  places: readonly HeldPlace[],
  number: ContactMatcher,
): AsyncGenerator<ContactHolding[]> {
  for (const group of splitIntoBatches(places, ({ bytes }) => bytes, GROUP_LIMITS)) {
    const certain = new Set(group.filter(({ isCertain }) => isCertain).map(({ seq }) => seq));
    const read = await readAt(
      db,
      kind,
      group.map(({ seq }) => seq),
    );
    const held: ContactHolding[] = [];
    for (const holding of read) {
      // One after the other, so that only one unpacked body is in memory.
      if (certain.has(holding.seq) || (await textsOf(holding)).some(number.matches)) held.push(holding);
    }
    yield held;
  }
}

async function readAt(db: D1Database, kind: ContactHoldingKind, seqs: number[]): Promise<ContactHolding[]> {
  switch (kind) {
    case 'event':
      return (await findAt(db, EVENTS, seqs)).map((event) => ({ kind, seq: event.seq, event }));
    case 'rejection':
      return (await findRejections(db, seqs)).map((rejection) => ({ kind, seq: rejection.seq, rejection }));
    case 'deadLetter':
      return (await findDeadLetters(db, seqs)).map((deadLetter) => ({
        kind,
        seq: deadLetter.seq,
        deadLetter,
      }));
    case 'auditEntry':
      return (await findAt(db, AUDIT_ENTRIES, seqs)).map((entry) => ({ kind, seq: entry.seq, entry }));
    case 'replay':
      return (await findAt(db, REPLAY_FILTERS, seqs)).map((replay) => ({ kind, seq: replay.id, replay }));
  }
}

/** The texts in which the number is looked for. */
async function textsOf(holding: ContactHolding): Promise<string[]> {
  switch (holding.kind) {
    case 'event':
      return [holding.event.payload];
    case 'rejection':
      return rejectedTexts(holding.rejection);
    case 'deadLetter':
      return deadLetterTexts(holding.deadLetter);
    case 'auditEntry':
      return textsIn([holding.entry.object, holding.entry.detail]);
    case 'replay':
      return textsIn(holding.replay.filter);
  }
}

/** The message in which a webhook waited in the intake queue, as far as it is searched. */
const keptWebhook = storedJson(z.object({ payload: z.string().optional(), base64: z.string().optional() }));

/** The body of a webhook that was never stored is looked into as it came, not only as it stands in JSON. */
async function deadLetterTexts({ kind, body }: KeptDeadLetter): Promise<string[]> {
  if (kind !== 'intake') return [body];
  const { payload = '', base64 } = keptWebhook.parse(body);
  const came =
    base64 === undefined ? [payload] : await rejectedTexts({ body: base64, bodyEncoding: 'base64' });
  return [body, ...came];
}

/** The texts in a value of JSON. Its numbers are counts and places, not phone numbers. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

async function rejectedTexts({
  body,
  bodyEncoding,
}: Pick<KeptRejection, 'body' | 'bodyEncoding'>): Promise<string[]> {
  if (bodyEncoding === 'utf-8') return [body];
  const bytes = new Uint8Array(bodyBytes(body, bodyEncoding));
  const unpacked = await decompress(bytes);
  return [...textsOfBytes(bytes), ...(unpacked === null ? [] : textsOfBytes(unpacked))];
}

/**
 * Bytes that are not UTF-8 are read in two ways. Their digits are mostly those of ASCII, in UTF-16 with NULs between them.
 * Where only some bytes are not UTF-8, what stands between the digits can still be.
 */
function textsOfBytes(bytes: Uint8Array): string[] {
  return [new TextDecoder('latin1').decode(bytes).replaceAll('\0', ''), new TextDecoder().decode(bytes)];
}
