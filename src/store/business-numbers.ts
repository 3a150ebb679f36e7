// The business's own numbers, which messages are sent from and customers write to. Nearly every event holds one of them, so
// who erases one by mistake erases nearly everything.
//
// A reader of the log notes them: a new event costs nothing more, and a database from before there was this reader is read
// from its beginning. What the reader has not come to yet is looked at when somebody asks.
//
// The business's side of an event is what its `from` and `to` name besides its contact: the platform's documentation
// leaves open which of the two is whose in a response. A customer's own number can stand there by a sender's slip, and
// another integration can write to a business's number. So a number that has conversations of its own, as a customer has,
// counts as the business's only once it was seen with several customers. So does a name or an identity, which can be a
// customer's as well. An event without a contact tells nothing: either number could be the customer's.

import { canonicalContact, isPhoneNumber } from '../contract/contact.ts';
import { lastSeqWithinSql } from './places.ts';
import { advanceSql, isUnmoved, progressSql } from './progress.ts';
import { readSingleRow } from './single-row.ts';
import { repeatWithin, WorkBudget } from './work-budget.ts';

/** Events, and bytes of them, that one statement reads: a tenth of a second of D1's single thread. */
const STEP_EVENTS = 5_000;
const STEP_BYTES = 6_000_000;
/** Bounds one run of the cron, to some 4,000 events a second. */
const MAX_STEPS = 50;
/**
 * Bounds what a question takes of the 1,000 statements that D1 takes in an invocation: a step that notes takes four of them
 * (where it ends, its numbers, and the batch that notes them), one that only looks takes two.
 */
const MAX_NOTING_STEPS = 10;
const MAX_LOOKING_STEPS = 20;

/** A number that was seen on the business's side of events of an integration. */
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
  /** Whether nothing is behind it. */
  isLast: boolean;
}

/**
 * Notes the numbers of the events that were counted since the last run. What is stored later is left out, so that the place
 * that the reader comes to is never given again.
 *
 * @returns whether it came to the end.
 */
export async function noteBusinessNumbers(
  db: D1Database,
  nowMs: number,
  maxSteps = MAX_STEPS,
): Promise<boolean> {
  return repeatWithin(new WorkBudget(maxSteps), async () => {
    const stretch = await nextStretch(db, NEXT_TO_NOTE);
    if (stretch === null) return false;
    const rows = (await sightingsIn(db, stretch)).map(({ contacts, ...sighting }) => ({
      ...sighting,
      hasSeveral: Number(contacts.size > 1),
    }));
    const advance = db.prepare(ADVANCE).bind(stretch.afterSeq, stretch.lastSeq, nowMs);
    const note = db.prepare(NOTE).bind(stretch.afterSeq, JSON.stringify(rows));
    await db.batch(rows.length === 0 ? [advance] : [note, advance]);
    return !stretch.isLast;
  });
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
  if (!(await noteBusinessNumbers(db, nowMs, MAX_NOTING_STEPS))) return null;
  const { results } = await db.prepare(FIND).bind(contact).run<FoundRow>();
  const [first] = results;
  if (first === undefined) throw new Error('D1 returned no row for a number');
  const contacts = new Set(results.flatMap(({ seenWith }) => seenWith ?? []));
  contacts.delete(contact);
  let isSeen = results.some(({ seq }) => seq !== null);
  let afterSeq = first.notedSeq;
  for (let step = 0; step < MAX_LOOKING_STEPS; step++) {
    if (contacts.size > 1 || results.some(({ hasSeveral }) => hasSeveral === 1)) return true;
    const stretch = await nextStretch(db, NEXT_BEHIND, afterSeq);
    if (stretch === null) return isSeen && isPhoneNumber(contact) && first.isCustomer === 0;
    for (const sighting of await sightingsIn(db, stretch)) {
      if (sighting.number !== contact) continue;
      isSeen = true;
      for (const other of sighting.contacts) contacts.add(other);
    }
    afterSeq = stretch.lastSeq;
  }
  return null;
}

/** A statement for the erasure of a contact: forgets its number. */
export function forgetBusinessNumber(db: D1Database, contact: string): D1PreparedStatement {
  return db.prepare('DELETE FROM business_numbers WHERE number = ?1').bind(contact);
}

/** A statement for the deletion of an integration: forgets its numbers once it is gone. */
export function forgetBusinessNumbersOf(db: D1Database, slug: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM business_numbers
       WHERE integration = ?1 AND NOT EXISTS (SELECT 1 FROM integrations WHERE slug = ?1)`,
    )
    .bind(slug);
}

async function nextStretch(db: D1Database, sql: string, ...from: number[]): Promise<Stretch | null> {
  const next = db.prepare(sql).bind(STEP_EVENTS, STEP_BYTES, ...from);
  const row = await readSingleRow<{ afterSeq: number; lastSeq: number | null; isLast: number }>(next);
  return row.lastSeq === null ? null : { ...row, lastSeq: row.lastSeq, isLast: row.isLast === 1 };
}

/** The next stretch, of at most ?1 events with at most ?2 bytes, or one event that has more by itself. */
function nextSql(afterSeq: string, untilSeq: string): string {
  const events = `
    SELECT seq, octet_length(payload) AS bytes FROM events NOT INDEXED
    WHERE seq > ${afterSeq} AND seq <= ${untilSeq} ORDER BY seq LIMIT ?1`;
  return `
    SELECT ${afterSeq} AS afterSeq, lastSeq,
      NOT EXISTS (SELECT 1 FROM events WHERE seq > lastSeq AND seq <= ${untilSeq}) AS isLast
    FROM (SELECT (${lastSeqWithinSql(events, '?2')}) AS lastSeq)`;
}

const NEXT_TO_NOTE = nextSql(progressSql('business-numbers'), progressSql('counters'));
const NEXT_BEHIND = nextSql('?3', String(Number.MAX_SAFE_INTEGER));

async function sightingsIn(db: D1Database, { afterSeq, lastSeq }: Stretch): Promise<Sighting[]> {
  const { results } = await db.prepare(SIDES).bind(afterSeq, lastSeq).run<SideRow>();
  const sightings = new Map<string, Sighting>();
  for (const { integration, written, seq, leastContact, greatestContact } of results) {
    const number = canonicalContact(written);
    const contacts = [leastContact, greatestContact].filter((contact) => contact !== number);
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
  /** Of the contacts that it was seen with, these two tell whether there are several. */
  leastContact: string;
  greatestContact: string;
}

/**
 * What `from` and `to` of the events after ?1, up to ?2, name. Left out is the contact itself where it is written without
 * separators: nearly every event names it so. A payload that is nested too deeply for SQLite tells nothing.
 */
const SIDES = `
  SELECT integration, written, min(seq) AS seq, min(contact) AS leastContact, max(contact) AS greatestContact
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

/** Notes the sightings ?2 whose events were not erased meanwhile. Writes a row only where there is something new. */
const NOTE = `
  INSERT INTO business_numbers (number, integration, seq, has_several)
  SELECT seen.value ->> 'number', seen.value ->> 'integration', seen.value ->> 'seq', seen.value ->> 'hasSeveral'
  FROM json_each(?2) AS seen
  WHERE ${isUnmoved('business-numbers')} AND EXISTS (SELECT 1 FROM events WHERE seq = seen.value ->> 'seq')
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
  notedSeq: number;
  isCustomer: number;
  /** `null` in the only row: the number is not noted. */
  seq: number | null;
  hasSeveral: number | null;
  seenWith: string | null;
}

/** What is noted of the number ?1, and whether it has conversations of its own. */
const FIND = `
  SELECT
    ${progressSql('business-numbers')} AS notedSeq,
    EXISTS (SELECT 1 FROM events INDEXED BY events_by_contact WHERE contact = ?1) AS isCustomer,
    noted.seq, noted.has_several AS hasSeveral, ${contactAt('noted')} AS seenWith
  FROM (SELECT ?1 AS number) AS asked
  LEFT JOIN business_numbers AS noted ON noted.number = asked.number`;
