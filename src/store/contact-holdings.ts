// What is held on a contact: its own events, and whatever else holds its number, in any written form: events of others,
// rejections, dead letters, and what operators asked for by an id in which the number is: audit entries and replays. Owns how it is found; export and erasure are built on it, so that the one gives what the
// other takes.
//
// There is no index over texts, so the tables are walked by primary key, in steps that let webhooks in between. A step
// is told by SQL which texts could hold the number; those are read and looked at closely.

import type { WrittenNumber } from '../contract/contact-search.ts';
import { ASCII_SEPARATORS, OTHER_SEPARATORS } from '../contract/number-separators.ts';
import { TELLING_ENTITIES, TELLING_ESCAPES, TELLING_PERCENTS } from '../contract/text-encodings.ts';
import { cutGroups } from '../runtime/batching.ts';
import { unpack } from '../runtime/decompression.ts';
import { findAuditEntriesAt, type ListedAuditEntry } from './audit.ts';
import { findDeadLetters, type KeptDeadLetter } from './dead-letters.ts';
import { findEventsAt, type ListedEvent } from './events.ts';
import { bodyBytes, findRejections, type KeptRejection } from './rejections.ts';
import { findReplayFilters, type ReplayFilter } from './replays.ts';

/** Rows, and bytes of text, that one statement searches: a few tenths of a second of D1's single thread. */
const STEP_ROWS = 5_000;
const STEP_BYTES = 6_000_000;
/** What is in memory at a time, in several forms. */
const GROUP_LIMITS = { maxItems: 100, maxBytes: 2_000_000 };
const PAGE_EVENTS = 1_000;

/** Whom it is about. */
export interface Person {
  /** Canonical: a number or an identity. */
  contact: string;
  number: WrittenNumber;
}

/** Something that is held on a contact. */
export type Holding =
  | { kind: 'event'; seq: number; event: ListedEvent }
  | { kind: 'rejection'; seq: number; rejection: KeptRejection }
  | { kind: 'deadLetter'; seq: number; deadLetter: KeptDeadLetter }
  | { kind: 'auditEntry'; seq: number; entry: ListedAuditEntry }
  | { kind: 'replay'; seq: number; replay: ReplayFilter };

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
  const step = await db
    .prepare(WALKS[kind])
    .bind(afterSeq, STEP_ROWS, STEP_BYTES, contact, number.digits)
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
    const held: Holding[] = [];
    for (const holding of read) {
      // One after the other: what is unpacked is in memory once.
      if (certain.has(holding.seq) || (await textsOf(holding)).some(number.isIn)) held.push(holding);
    }
    yield held;
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
    case 'auditEntry':
      return (await findAuditEntriesAt(db, seqs)).map((entry) => ({ kind, seq: entry.seq, entry }));
    case 'replay':
      return (await findReplayFilters(db, seqs)).map((replay) => ({ kind, seq: replay.id, replay }));
  }
}

/** What is searched of something that could hold the number. */
async function textsOf(holding: Holding): Promise<string[]> {
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

/** The body of a webhook that was never stored is looked into as it came, not only as it stands in JSON. */
async function deadLetterTexts({ kind, body }: KeptDeadLetter): Promise<string[]> {
  if (kind !== 'intake') return [body];
  const { payload = '', base64 } = JSON.parse(body) as { payload?: string; base64?: string };
  const came =
    base64 === undefined ? [payload] : await rejectedTexts({ body: base64, bodyEncoding: 'base64' });
  return [body, ...came];
}

/** The texts in a value of JSON. Its numbers are counts and places: no number of anybody. */
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
  const unpacked = await unpack(bytes);
  return [...textsOfBytes(bytes), ...(unpacked === null ? [] : textsOfBytes(unpacked))];
}

/**
 * Bytes that are no UTF-8 have their digits where ASCII has them, in UTF-16 between NULs. Where only some of them are
 * none, what is between the digits may still be UTF-8.
 */
function textsOfBytes(bytes: Uint8Array): string[] {
  return [new TextDecoder('latin1').decode(bytes).replaceAll('\0', ''), new TextDecoder().decode(bytes)];
}

/** What the separators that are not ASCII begin with, in UTF-8. */
const OTHER_BEGINNINGS = [
  ...new Set(OTHER_SEPARATORS.map((letter) => new TextEncoder().encode(letter).slice(0, 2).toHex())),
];

/** What full-width digits and signs begin with. They are too rare to be undone in SQL. */
const FULL_WIDTH_BEGINNING = 'efbc';

/**
 * A text without its separators, and without `+`, which is a blank in forms. Every letter to be taken out is another
 * pass over the text, of which most hold few of them, so the rare ones are only taken out where there are some.
 *
 * @param isJson in which no number is broken by a line or a tab, but for their escapes.
 */
function strippedSql(text: string, isJson: boolean): string {
  const unescaped = withoutParts(text, ['\\n', '\\r', '\\t', '\\']);
  const plain = `CASE WHEN instr(${text}, '\\') > 0 THEN ${unescaped} ELSE ${text} END`;
  const common = ASCII_SEPARATORS.filter((letter) => letter !== '\\' && (!isJson || letter >= ' '));
  const stripped = withoutLetters(plain, [...common, '+']);
  return `CASE WHEN ${hasOthersSql(text)} THEN ${withoutLetters(stripped, OTHER_SEPARATORS)} ELSE ${stripped} END`;
}

/** Whether a text has separators that are not ASCII, or what looks like them. */
function hasOthersSql(text: string): string {
  const has = OTHER_BEGINNINGS.map((begin) => `instr(CAST(${text} AS BLOB), x'${begin}') > 0`);
  return ifSql(`octet_length(${text}) > length(${text})`, has.join(' OR '));
}

/** A text that may be percent-encoded without its separators, be they encoded or not; its digits undone. */
function percentStrippedSql(text: string): string {
  const letters = [...ASCII_SEPARATORS, '+'];
  const encoded = letters.map(
    (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
  const lines = ['N', 'R', 'T'].flatMap((letter) => [`%5C${letter}`, `\\${letter}`]);
  return withoutLetters(withoutParts(`upper(${text})`, [...lines, ...encoded, '%3']), letters);
}

function withoutParts(sql: string, parts: readonly string[]): string {
  return parts.reduce((inner, part) => `replace(${inner}, '${part}', '')`, sql);
}

function withoutLetters(sql: string, letters: readonly string[]): string {
  return letters.reduce((inner, letter) => `replace(${inner}, char(${letter.charCodeAt(0)}), '')`, sql);
}

/** Whether SQL could miss the number for the encodings in which it may be written. */
function isEncodedSql(text: string): string {
  // Only what has the first byte of one is written in capitals to be looked at for all of it.
  const percents = Array.from(
    Map.groupBy(TELLING_PERCENTS, (part) => part.slice(0, '%XX'.length)),
    ([byte, parts]) => ifSql(hasAnySql(text, casesOf(byte)), hasAnySql(`upper(${text})`, parts)),
  );
  return `(
    ${ifSql(hasAnySql(text, ['\\u']), hasAnySql(text, TELLING_ESCAPES))}
    OR ${ifSql(hasAnySql(text, ['&']), hasAnySql(text, TELLING_ENTITIES))}
    OR ${ifSql(hasPercentsSql(text), `${hasOthersSql(text)} OR ${percents.join(' OR ')}`)}
    OR ${ifSql(`octet_length(${text}) > length(${text})`, `instr(CAST(${text} AS BLOB), x'${FULL_WIDTH_BEGINNING}') > 0`)}
  )`;
}

/**
 * Whether something percent-encoded could break a number: where it stands behind a digit or what is between digits. In
 * most addresses it stands behind letters.
 */
function hasPercentsSql(text: string): string {
  return ifSql(hasAnySql(text, ['%']), `${text} GLOB '*[^A-Za-z"''=&?:,_<>{}%]%*'`);
}

function hasAnySql(text: string, parts: readonly string[]): string {
  return `(${parts.map((part) => `instr(${text}, '${part}') > 0`).join(' OR ')})`;
}

/** Both conditions. Of `AND` SQLite computes both sides, of `CASE` the second only where the first holds. */
function ifSql(first: string, second: string): string {
  return `CASE WHEN ${first} THEN ${second} ELSE false END`;
}

/** A percent-encoded byte in capitals and in small letters. */
function casesOf(byte: string): string[] {
  return Array.from(byte).reduce(
    (begins, letter) =>
      [...new Set([letter, letter.toLowerCase()])].flatMap((one) => begins.map((begin) => begin + one)),
    [''],
  );
}

/**
 * A walk behind ?1 of at most ?2 rows, and no more of them than have ?3 bytes of text, but for one that has more by
 * itself. ?4 the contact, ?5 the digits.
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
        is_certain OR is_unclear OR instr(stripped, ?5) > 0 OR instr(percent_stripped, ?5) > 0
      )) AS found
    FROM (
      SELECT seq, octet_length(${text}) AS bytes, ${where} AS is_searched, ${isCertain} AS is_certain,
        ${isUnclear} OR ${isEncodedSql(text)} AS is_unclear,
        ${strippedSql(text, isJson)} AS stripped,
        CASE WHEN ${hasPercentsSql(text)} THEN ${percentStrippedSql(text)} ELSE '' END AS percent_stripped
      FROM ${table}
      WHERE seq > ?1 AND seq <= (
        SELECT max(seq) FROM (
          SELECT seq, bytes, sum(bytes) OVER (ORDER BY seq) AS bytes_up_to FROM (
            SELECT seq, octet_length(${text}) AS bytes FROM ${table} WHERE seq > ?1 ORDER BY seq LIMIT ?2
          )
        )
        WHERE bytes_up_to - bytes < ?3
      )
      ORDER BY seq LIMIT ?2
    )`;
}

const WALKS = {
  event: walkSql('events NOT INDEXED', 'payload', { where: 'contact <> ?4' }),
  rejection: walkSql('rejections NOT INDEXED', 'body', {
    isUnclear: "body_encoding = 'base64'",
    isJson: false,
  }),
  deadLetter: walkSql('dead_letters NOT INDEXED', 'body', {
    isCertain: 'coalesce(contact = ?4, false)',
    isUnclear: `kind = 'intake' AND instr(body, '"base64":') > 0`,
  }),
  auditEntry: walkSql('audit NOT INDEXED', "(object || ' ' || detail)", {}),
  replay: walkSql('(SELECT id AS seq, filter FROM replays)', 'filter', {}),
} as const satisfies Record<HoldingKind, string>;
