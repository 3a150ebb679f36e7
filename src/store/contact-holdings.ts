// What is held on a contact: its own events, and whatever else holds its number, in any written form: events of others,
// rejections, dead letters. Owns how it is found; export and erasure are built on it, so that the one gives what the
// other takes.
//
// There is no index over texts, so the tables are walked by primary key, in steps that let webhooks in between. A step
// is told by SQL which texts could hold the number; those are read and looked at closely.

import {
  ASCII_SEPARATORS,
  OTHER_SEPARATORS,
  TELLING_ESCAPES,
  type WrittenNumber,
} from '../contract/written-number.ts';
import { cutGroups } from '../cut-groups.ts';
import { findDeadLetters, type KeptDeadLetter } from './dead-letters.ts';
import { findEventsAt, type ListedEvent } from './events.ts';
import { bodyBytes, findRejections, type KeptRejection } from './rejections.ts';

/** Rows, and bytes of text, that one statement searches: a few tenths of a second of D1's single thread. */
const STEP_ROWS = 5_000;
const STEP_BYTES = 6_000_000;
/** What is in memory at a time, in several forms. */
const GROUP_LIMITS = { maxItems: 100, maxBytes: 2_000_000 };
const PAGE_EVENTS = 1_000;

/** Whom it is about. */
export interface Person {
  /** Canonical. */
  contact: string;
  number: WrittenNumber;
}

/** Something that is held on a contact. */
export type Holding =
  | { kind: 'event'; seq: number; event: ListedEvent }
  | { kind: 'rejection'; seq: number; rejection: KeptRejection }
  | { kind: 'deadLetter'; seq: number; deadLetter: KeptDeadLetter };

export type HoldingKind = Holding['kind'];

/** A part of a table that was walked. */
export interface WalkedStep {
  /** What was found there, without reading it. */
  places: HeldPlace[];
  /** Walked up to here. */
  lastSeq: number;
  /** Whether nothing is behind it. */
  isLast: boolean;
}

export interface HeldPlace {
  seq: number;
  bytes: number;
  /** False where its text has yet to be looked at. */
  isCertain: boolean;
}

/** The contact's own events behind a place, by their index. */
export async function walkOwnEvents(db: D1Database, contact: string, afterSeq: number): Promise<WalkedStep> {
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
 * The next step of a walk over a table: what could hold the number. Of events only those of others: the contact's own
 * are found by {@link walkOwnEvents}.
 */
export async function walkMentions(
  db: D1Database,
  kind: HoldingKind,
  { contact, number }: Person,
  afterSeq: number,
): Promise<WalkedStep> {
  const [digits, otherDigits = digits] = number.digits;
  const step = await db
    .prepare(WALKS[kind])
    .bind(afterSeq, STEP_ROWS, STEP_BYTES, contact, digits, otherDigits)
    .first<{ walked: number; last_seq: number | null; found: string }>();
  const found: [seq: number, bytes: number, isCertain: number][] = JSON.parse(step?.found ?? '[]');
  return {
    places: found.map(([seq, bytes, isCertain]) => ({ seq, bytes, isCertain: isCertain === 1 })),
    lastSeq: step?.last_seq ?? afterSeq,
    isLast: step === null || step.walked === 0,
  };
}

/** Reads what was found, in groups that fit in memory, and gives what does hold the number. */
export async function* readHoldings(
  db: D1Database,
  kind: HoldingKind,
  places: readonly HeldPlace[],
  number: WrittenNumber,
): AsyncGenerator<Holding[]> {
  for (const group of cutGroups(places, ({ bytes }) => bytes, GROUP_LIMITS)) {
    const certain = new Set(group.filter(({ isCertain }) => isCertain).map(({ seq }) => seq));
    const read = await readAt(
      db,
      kind,
      group.map(({ seq }) => seq),
    );
    yield read.filter((holding) => certain.has(holding.seq) || number.isIn(textOf(holding)));
  }
}

async function readAt(db: D1Database, kind: HoldingKind, seqs: number[]): Promise<Holding[]> {
  switch (kind) {
    case 'event':
      return (await findEventsAt(db, seqs)).map((event) => ({ kind, seq: event.seq, event }));
    case 'rejection':
      return (await findRejections(db, seqs)).map((rejection) => ({ kind, seq: rejection.seq, rejection }));
    case 'deadLetter':
      return (await findDeadLetters(db, seqs)).map((deadLetter) => ({
        kind,
        seq: deadLetter.seq,
        deadLetter,
      }));
  }
}

function textOf(holding: Holding): string {
  switch (holding.kind) {
    case 'event':
      return holding.event.payload;
    case 'rejection':
      return rejectedText(holding.rejection);
    case 'deadLetter':
      return deadLetterText(holding.deadLetter);
  }
}

/** The body of a webhook that was never stored is looked into as it came, not only as it stands in JSON. */
function deadLetterText({ kind, body }: KeptDeadLetter): string {
  if (kind !== 'intake') return body;
  const { payload = '', base64 } = JSON.parse(body) as { payload?: string; base64?: string };
  const came = base64 === undefined ? payload : rejectedText({ body: base64, bodyEncoding: 'base64' });
  return `${body} ${came}`;
}

/** Bytes that are no UTF-8 have their digits where ASCII has them, in UTF-16 between NULs. */
function rejectedText({ body, bodyEncoding }: Pick<KeptRejection, 'body' | 'bodyEncoding'>): string {
  if (bodyEncoding === 'utf-8') return body;
  return new TextDecoder('latin1').decode(bodyBytes(body, bodyEncoding)).replaceAll('\0', '');
}

/** What the separators that are not ASCII begin with, in UTF-8. */
const OTHER_BEGINNINGS = [
  ...new Set(OTHER_SEPARATORS.map((letter) => new TextEncoder().encode(letter).slice(0, 2).toHex())),
];

/**
 * A text without its separators. Every letter to be taken out is another pass over the text, of which most hold few of
 * them, so the rare ones are only taken out where there are some.
 *
 * @param isJson in which no number is broken by a line or a tab, but for their escapes.
 */
function strippedSql(text: string, isJson: boolean): string {
  const unescaped = ['\\n', '\\r', '\\t', '\\'].reduce(
    (sql, begin) => `replace(${sql}, '${begin}', '')`,
    text,
  );
  const plain = `CASE WHEN instr(${text}, '\\') > 0 THEN ${unescaped} ELSE ${text} END`;
  const common = ASCII_SEPARATORS.filter((letter) => letter !== '\\' && (!isJson || letter >= ' '));
  const stripped = withoutLetters(plain, common);
  const hasOthers = OTHER_BEGINNINGS.map((begin) => `instr(CAST(${text} AS BLOB), x'${begin}') > 0`);
  return `CASE WHEN octet_length(${text}) > length(${text}) AND (${hasOthers.join(' OR ')})
    THEN ${withoutLetters(stripped, OTHER_SEPARATORS)} ELSE ${stripped} END`;
}

function withoutLetters(sql: string, letters: readonly string[]): string {
  return letters.reduce((inner, letter) => `replace(${inner}, char(${letter.charCodeAt(0)}), '')`, sql);
}

/** Whether SQL could miss the number for the escapes in which it may be written. */
function isEscapedSql(text: string): string {
  const telling = TELLING_ESCAPES.map((begin) => `instr(${text}, '${begin}') > 0`);
  return `instr(${text}, '\\u') > 0 AND (${telling.join(' OR ')})`;
}

/**
 * A walk behind ?1 of at most ?2 rows, and no more of them than have ?3 bytes of text, but for one that has more by
 * itself. ?4 the contact, ?5 and ?6 the digits.
 */
function walkSql(
  table: string,
  text: string,
  {
    isCertain = 'false',
    isUnclear = 'false',
    isJson = true,
    where = '?4 = ?4',
  }: { isCertain?: string; isUnclear?: string; isJson?: boolean; where?: string },
): string {
  return `
    SELECT count(*) AS walked, max(seq) AS last_seq,
      json_group_array(json_array(seq, bytes, is_certain)) FILTER (WHERE is_searched AND (
        is_certain OR is_unclear OR instr(stripped, ?5) > 0 OR instr(stripped, ?6) > 0
      )) AS found
    FROM (
      SELECT seq, octet_length(${text}) AS bytes, ${where} AS is_searched, ${isCertain} AS is_certain,
        ${isUnclear} OR ${isEscapedSql(text)} AS is_unclear, ${strippedSql(text, isJson)} AS stripped
      FROM ${table} NOT INDEXED
      WHERE seq > ?1 AND seq <= (
        SELECT max(seq) FROM (
          SELECT seq, bytes, sum(bytes) OVER (ORDER BY seq) AS bytes_up_to FROM (
            SELECT seq, octet_length(${text}) AS bytes FROM ${table} NOT INDEXED WHERE seq > ?1 ORDER BY seq LIMIT ?2
          )
        )
        WHERE bytes_up_to - bytes < ?3
      )
      ORDER BY seq LIMIT ?2
    )`;
}

const WALKS = {
  event: walkSql('events', 'payload', { where: 'contact <> ?4' }),
  rejection: walkSql('rejections', 'body', { isUnclear: "body_encoding = 'base64'", isJson: false }),
  deadLetter: walkSql('dead_letters', 'body', {
    isCertain: 'coalesce(contact = ?4, false)',
    isUnclear: `kind = 'intake' AND instr(body, '"base64":') > 0`,
  }),
} as const satisfies Record<HoldingKind, string>;
