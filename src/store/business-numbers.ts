// The numbers that messages are sent from, and that customers write to: nearly every event holds one of them, and who
// erases one by mistake erases nearly everything.
//
// They are noted as events come, by a reader of the log with a place of its own: a new event pays nothing for it, and a
// database from before there was such a reader is read from its beginning. What it has not come to yet is looked at
// when somebody asks.
//
// The business's side of an event is what its `from` and `to` name besides its contact: the platform's documentation
// leaves open which of the two is whose in a response. A customer's own number can stand there by a sender's slip, and
// a business's number can be written to by another. So a number that has conversations of its own, as a customer has,
// counts as the business's only once it was seen with several customers. So does a name or an identity, which can be a
// customer's as well. An event without a contact tells nothing: either number could be the customer's.

import { canonicalContact, isPhoneNumber } from '../contract/contact.ts';
import { advanceSql, isUnmoved, progressSql } from './progress.ts';

/** Events, and bytes of them, that one statement reads: a tenth of a second of D1's single thread. */
const STEP_EVENTS = 5_000;
const STEP_BYTES = 6_000_000;
/** Bounds one run of the cron, to some 4,000 events a second. */
const MAX_STEPS = 50;
/** Bounds what a question takes of the 1,000 statements that D1 takes in an invocation. */
const MAX_STATEMENTS = 80;

/** Seen in some events of an integration. */
interface Sighting {
  number: string;
  integration: string;
  /** Of one of the events. */
  seq: number;
  contacts: Set<string>;
}

/** A part of the log. */
interface Stretch {
  afterSeq: number;
  lastSeq: number;
  /** Whether nothing was behind it. */
  isLast: boolean;
}

/**
 * Notes the numbers of what has been counted since the last run: never of what was stored after that, so that the place
 * it comes to is never given again.
 *
 * @returns whether it came to the end.
 */
export async function noteBusinessNumbers(
  db: D1Database,
  nowMs: number,
  maxSteps = MAX_STEPS,
): Promise<boolean> {
  for (let step = 0; step < maxSteps; step++) {
    const stretch = await nextStretch(db, NEXT_TO_NOTE);
    if (stretch === null) return true;
    const rows = (await sightingsIn(db, stretch)).map(({ number, integration, seq, contacts }) => [
      number,
      integration,
      seq,
      Number(contacts.size > 1),
    ]);
    const advance = db.prepare(ADVANCE).bind(stretch.afterSeq, stretch.lastSeq, nowMs);
    const note = db.prepare(NOTE).bind(stretch.afterSeq, JSON.stringify(rows));
    await db.batch(rows.length === 0 ? [advance] : [note, advance]);
    if (stretch.isLast) return true;
  }
  return false;
}

/**
 * Whether a number is the business's.
 *
 * @param contact canonical.
 * @returns `null`: too much is not read yet to tell. What was read is noted; ask again.
 */
export async function isBusinessNumber(
  db: D1Database,
  contact: string,
  nowMs: number,
): Promise<boolean | null> {
  if (!(await noteBusinessNumbers(db, nowMs, MAX_STATEMENTS / 2 / STATEMENTS_OF_A_STEP))) return null;
  const { results } = await db.prepare(FIND).bind(contact).run<FoundRow>();
  const [first] = results;
  if (first === undefined) throw new Error('D1 returned no row for a number');
  const contacts = new Set(
    results.flatMap((row) => (row.seen_with === null || row.seen_with === contact ? [] : [row.seen_with])),
  );
  let isSeen = results.some(({ seq }) => seq !== null);
  let { noted_seq: afterSeq } = first;
  for (let statements = 0; statements < MAX_STATEMENTS / 2; statements += 2) {
    if (contacts.size > 1 || results.some((row) => row.has_several === 1)) return true;
    const stretch = await nextStretch(db, NEXT_BEHIND, afterSeq);
    if (stretch === null) return isSeen && isPhoneNumber(contact) && first.is_customer === 0;
    const sightings = (await sightingsIn(db, stretch)).filter(({ number }) => number === contact);
    for (const sighting of sightings) for (const other of sighting.contacts) contacts.add(other);
    isSeen ||= sightings.length > 0;
    afterSeq = stretch.lastSeq;
  }
  return null;
}

/** The statement that forgets a number, for who erases it. */
export function forgetBusinessNumber(db: D1Database, contact: string): D1PreparedStatement {
  return db.prepare('DELETE FROM business_numbers WHERE number = ?1').bind(contact);
}

/** The statement that forgets the numbers of an integration that is gone. */
export function forgetBusinessNumbersOf(db: D1Database, slug: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM business_numbers
       WHERE integration = ?1 AND NOT EXISTS (SELECT 1 FROM integrations WHERE slug = ?1)`,
    )
    .bind(slug);
}

async function nextStretch(db: D1Database, sql: string, ...from: number[]): Promise<Stretch | null> {
  const next = await db
    .prepare(sql)
    .bind(STEP_EVENTS, STEP_BYTES, ...from)
    .first<{ after_seq: number; last_seq: number | null; is_last: number }>();
  if (next === null || next.last_seq === null) return null;
  return { afterSeq: next.after_seq, lastSeq: next.last_seq, isLast: next.is_last === 1 };
}

/** What {@link noteBusinessNumbers} asks for a stretch: where it ends, its numbers, and the batch that notes them. */
const STATEMENTS_OF_A_STEP = 4;

/** At most ?1 events with no more than ?2 bytes, but for one that has more by itself. */
function nextSql(afterSeq: string, untilSeq: string): string {
  return `
    SELECT ${afterSeq} AS after_seq, last_seq,
      NOT EXISTS (SELECT 1 FROM events WHERE seq > last_seq AND seq <= ${untilSeq}) AS is_last
    FROM (
      SELECT max(seq) AS last_seq
      FROM (
        SELECT seq, bytes, sum(bytes) OVER (ORDER BY seq) AS bytes_up_to
        FROM (
          SELECT seq, octet_length(payload) AS bytes FROM events NOT INDEXED
          WHERE seq > ${afterSeq} AND seq <= ${untilSeq} ORDER BY seq LIMIT ?1
        )
      )
      WHERE bytes_up_to - bytes < ?2
    )`;
}

const NEXT_TO_NOTE = nextSql(progressSql('business-numbers'), progressSql('counters'));
const NEXT_BEHIND = nextSql('?3', String(Number.MAX_SAFE_INTEGER));

async function sightingsIn(db: D1Database, { afterSeq, lastSeq }: Stretch): Promise<Sighting[]> {
  const { results } = await db.prepare(SIDES).bind(afterSeq, lastSeq).run<SideRow>();
  const sightings = new Map<string, Sighting>();
  for (const { integration, written, seq, least_contact, greatest_contact } of results) {
    const number = canonicalContact(written);
    const contacts = [least_contact, greatest_contact].filter((contact) => contact !== number);
    if (number === null || contacts.length === 0) continue;
    const key = `${integration} ${number}`;
    const sighting = sightings.get(key) ?? { number, integration, seq, contacts: new Set() };
    for (const contact of contacts) sighting.contacts.add(contact);
    sightings.set(key, sighting);
  }
  return [...sightings.values()];
}

interface SideRow {
  integration: string;
  /** As the sender writes it. */
  written: string;
  seq: number;
  /** Of the events that it was seen in: two are enough to know that there are several. */
  least_contact: string;
  greatest_contact: string;
}

/**
 * The numbers of events after ?1, up to ?2, without what is the contact in a form without separators, which nearly every
 * event names: what is left has few forms. A payload that SQLite does not read, being nested too deeply, tells none.
 */
const SIDES = `
  SELECT integration, written, min(seq) AS seq, min(contact) AS least_contact, max(contact) AS greatest_contact
  FROM (
    SELECT e.seq, e.integration, e.contact,
      CASE WHEN json_valid(e.payload) THEN
        CASE WHEN json_type(e.payload, side.path) = 'text' THEN e.payload ->> side.path END
      END AS written
    FROM events AS e NOT INDEXED
    CROSS JOIN (SELECT '$.message.from' AS path UNION ALL SELECT '$.message.to') AS side
    WHERE e.seq > ?1 AND e.seq <= ?2 AND e.contact <> ''
  )
  WHERE written IS NOT NULL AND ltrim(written, '+') <> substr(contact, 2)
    AND NOT (contact GLOB '+55??9[6-9]???????' AND ltrim(written, '+') = substr(contact, 2, 4) || substr(contact, 7))
  GROUP BY integration, written`;

/** ?2 the sightings. One whose event was erased meanwhile is none. A row is written only where there is something new. */
const NOTE = `
  INSERT INTO business_numbers (number, integration, seq, has_several)
  SELECT seen.value ->> 0, seen.value ->> 1, seen.value ->> 2, seen.value ->> 3
  FROM json_each(?2) AS seen
  WHERE ${isUnmoved('business-numbers')} AND EXISTS (SELECT 1 FROM events WHERE seq = seen.value ->> 2)
  ON CONFLICT (number, integration) DO UPDATE SET
    seq = excluded.seq,
    has_several = max(excluded.has_several, coalesce(${contactAt('excluded')} <> ${contactAt('business_numbers')}, 0))
  WHERE has_several = 0
    AND (excluded.has_several = 1 OR ${contactAt('excluded')} IS NOT ${contactAt('business_numbers')})`;

function contactAt(row: string): string {
  return `(SELECT contact FROM events WHERE events.seq = ${row}.seq)`;
}

const ADVANCE = advanceSql('business-numbers');

interface FoundRow {
  noted_seq: number;
  is_customer: number;
  /** `null` in the only row: it was not noted. */
  seq: number | null;
  has_several: number | null;
  seen_with: string | null;
}

/** What is noted of ?1, and whether it has conversations of its own. */
const FIND = `
  SELECT
    ${progressSql('business-numbers')} AS noted_seq,
    EXISTS (SELECT 1 FROM events INDEXED BY events_by_contact WHERE contact = ?1) AS is_customer,
    noted.seq, noted.has_several, ${contactAt('noted')} AS seen_with
  FROM (SELECT ?1 AS number) AS asked
  LEFT JOIN business_numbers AS noted ON noted.number = asked.number`;
