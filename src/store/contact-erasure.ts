// Erasing a contact: deletes everything that contact-holdings.ts finds. Every step is a transaction by itself, and finds what
// it deletes by the number alone: whatever interrupts an erasure, a repeat finishes it.
//
// What arrives while it runs is deleted as well: it searches what was stored since it began, again and again until it finds
// nothing. What waits in a queue by then cannot be searched; it is stored later, like what a person sends after the erasure.

import { BLOTTED_CONTACT } from '../contract/contact.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { blotAuditEntries, recordAudit } from './audit.ts';
import { forgetBusinessNumber } from './business-numbers.ts';
import {
  type ContactHolding,
  type ContactHoldingKind,
  findMentions,
  findOwnEvents,
  type Person,
  readContactHoldings,
} from './contact-holdings.ts';
import { CLOCK_SKEW_MS, GIVEN_PLACES, placesJson } from './places.ts';
import { blotReplayFilters, endReplaysOfContact } from './replays.ts';
import { deleteEventsSql } from './usage.ts';
import { REQUEST_STATEMENTS, repeatWithin, WorkBudget } from './work-budget.ts';

/** Deleted by one transaction: short enough to let webhooks in between. */
const CHUNK_LIMITS = { maxItems: 500, maxBytes: 20_000_000 };
/** Enough to search a million events of the usual size. Somebody waits for the answer. */
const REQUEST_LIMITS = { statements: REQUEST_STATEMENTS, ms: 45_000 };

/** How far each table was searched. */
export type SearchedPlaces = Record<ContactHoldingKind, number>;

export const NOTHING_SEARCHED: SearchedPlaces = {
  event: 0,
  rejection: 0,
  deadLetter: 0,
  auditEntry: 0,
  replay: 0,
};

/** How much was erased. */
export interface ErasedCounts {
  events: number;
  rejections: number;
  deadLetters: number;
  /** Entries of the audit trail, and filters of replays, in which the number gave way to a mark. */
  blotted: number;
}

export interface ErasureOutcome {
  erased: ErasedCounts;
  /** Where a repeat goes on; `null`: nothing is left. */
  searched: SearchedPlaces | null;
}

/** Who erases. The clock is read again and again, since an erasure takes its time. */
export interface Eraser {
  actor: string;
  /** Names the erasure in the audit trail. */
  receipt: string;
  /** Unix ms. */
  now: () => number;
}

/** An erasure under way. */
interface ErasureRun {
  db: D1Database;
  person: Person;
  receipt: string;
  now: () => number;
  erased: ErasedCounts;
  searched: SearchedPlaces;
  budget: WorkBudget;
}

/**
 * Erases what is held on a contact, and records that it was done, without the number.
 *
 * @param from how far an unfinished erasure had come.
 */
export async function eraseContact(
  db: D1Database,
  person: Person,
  from: SearchedPlaces,
  { actor, receipt, now }: Eraser,
): Promise<ErasureOutcome> {
  const audit = async (detail: Record<string, unknown>) =>
    recordAudit(db, { actor, action: 'contact.erase', object: receipt, detail, atMs: now() });
  const recentSeq = (now() - CLOCK_SKEW_MS) * 1000;
  const run: ErasureRun = {
    db,
    person,
    receipt,
    now,
    erased: { events: 0, rejections: 0, deadLetters: 0, blotted: 0 },
    searched: { ...from },
    budget: WorkBudget.within(REQUEST_LIMITS, now),
  };
  await audit({ stage: 'begun' });
  for (;;) {
    const before = total(run.erased);
    await db.batch(endReplaysOfContact(db, person.contact, now()));
    for (const kind of MENTIONING) await eraseMentions(run, kind);
    // Last, since they tell that the number is a customer's and not the business's own: the repeat of an erasure that
    // was interrupted is not refused.
    await eraseOwnEvents(run);
    await forgetBusinessNumber(db, person.contact).run();
    if (run.budget.isSpent()) {
      await audit({ stage: 'unfinished', ...countsOf(run.erased) });
      return { erased: run.erased, searched: run.searched };
    }
    if (total(run.erased) === before) {
      await audit({ stage: 'finished', ...countsOf(run.erased) });
      return { erased: run.erased, searched: null };
    }
    run.searched = rewound(run.searched, recentSeq);
  }
}

/** What can mention the number, in the order in which it is searched. */
const MENTIONING = [
  'replay',
  'deadLetter',
  'rejection',
  'event',
  'auditEntry',
] as const satisfies ContactHoldingKind[];

/** The counts that the audit trail has of an erasure. */
function countsOf({ blotted, ...gone }: ErasedCounts): Record<string, number> {
  return blotted === 0 ? gone : { ...gone, blotted };
}

function total({ events, rejections, deadLetters, blotted }: ErasedCounts): number {
  return events + rejections + deadLetters + blotted;
}

/** Goes back to what was stored since the erasure began. */
function rewound(searched: SearchedPlaces, recentSeq: number): SearchedPlaces {
  const rewind = (kind: ContactHoldingKind) => Math.min(searched[kind], recentSeq);
  return {
    event: rewind('event'),
    rejection: rewind('rejection'),
    deadLetter: rewind('deadLetter'),
    auditEntry: rewind('auditEntry'),
    replay: rewind('replay'),
  };
}

async function eraseOwnEvents(run: ErasureRun): Promise<void> {
  let afterSeq = 0;
  await repeatWithin(run.budget, async () => {
    const step = await findOwnEvents(run.db, run.person.contact, afterSeq);
    for (const group of splitIntoBatches(step.places, ({ bytes }) => bytes, CHUNK_LIMITS)) {
      await deleteChunk(run, 'event', group);
    }
    afterSeq = step.lastSeq;
    return !step.isLast;
  });
}

/** Erases what mentions the number in a table, from where the table was searched up to. */
async function eraseMentions(run: ErasureRun, kind: ContactHoldingKind): Promise<void> {
  const { db, person, searched, budget } = run;
  await repeatWithin(budget, async () => {
    const step = await findMentions(db, kind, person, searched[kind]);
    for await (const holdings of readContactHoldings(db, kind, step.places, person.number)) {
      budget.spend(1);
      await eraseChunk(run, kind, holdings);
    }
    searched[kind] = step.lastSeq;
    return !step.isLast;
  });
}

async function eraseChunk(
  run: ErasureRun,
  kind: ContactHoldingKind,
  held: readonly ContactHolding[],
): Promise<void> {
  switch (kind) {
    case 'event':
    case 'rejection':
    case 'deadLetter':
      return deleteChunk(run, kind, held);
    case 'auditEntry':
    case 'replay':
      return blotChunk(run, held);
  }
}

/** Puts a mark in place of the number: what was done stays on record, without the person's data. */
async function blotChunk(
  { db, person, receipt, now, erased, budget }: ErasureRun,
  held: readonly ContactHolding[],
): Promise<void> {
  if (held.length === 0) return;
  const blotText = (text: string) => person.number.redact(text, BLOTTED_CONTACT);
  const entries = held.flatMap((holding) => (holding.kind === 'auditEntry' ? [holding.entry] : []));
  const replays = held.flatMap((holding) => (holding.kind === 'replay' ? [holding.replay] : []));
  const blottedEntries = entries.map(({ seq, object, detail }) => ({
    seq,
    object: blotText(object),
    detail: { ...withTexts(detail, blotText), blottedBy: receipt },
  }));
  const blottedReplays = replays.map(({ id, filter }) => ({ id, filter: withTexts(filter, blotText) }));
  budget.spend(3);
  await db.batch([blotAuditEntries(db, blottedEntries), ...blotReplayFilters(db, blottedReplays, now())]);
  erased.blotted += held.length;
}

/** An object of JSON with its texts changed. */
function withTexts(object: object, change: (text: string) => string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, withText(value, change)]));
}

function withText(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map((item) => withText(item, change)) : withTexts(value, change);
}

async function deleteChunk(
  { db, erased, budget }: ErasureRun,
  kind: keyof typeof DELETIONS,
  held: readonly { seq: number }[],
): Promise<void> {
  if (held.length === 0) return;
  const deletions = DELETIONS[kind];
  budget.spend(deletions.length);
  const places = placesJson(held);
  const answers = await db.batch(deletions.map(({ sql }) => db.prepare(sql).bind(places)));
  for (const [index, { counted }] of deletions.entries()) {
    if (counted !== null) erased[counted] += answers[index]?.results.length ?? 0;
  }
}

interface Deletion {
  /** Deletes what is at ?1. */
  sql: string;
  /** What the rows that it returns count as. */
  counted: keyof ErasedCounts | null;
}

const AT_PLACES = `seq IN (${GIVEN_PLACES})`;
const [SUBTRACT_EVENTS, DELETE_EVENTS] = deleteEventsSql(AT_PLACES);

/** With an event goes what only makes sense beside it. */
const DELETIONS: Record<'event' | 'rejection' | 'deadLetter', readonly Deletion[]> = {
  event: [
    {
      sql: `
        DELETE FROM dead_letters WHERE seq IN (
          SELECT d.seq FROM json_each(?1) AS place
          CROSS JOIN events AS e ON e.seq = place.value
          CROSS JOIN dead_letters AS d INDEXED BY dead_letters_by_event
            ON d.event_id = e.id AND d.integration = e.integration
        )
        RETURNING seq`,
      counted: 'deadLetters',
    },
    { sql: SUBTRACT_EVENTS, counted: null },
    { sql: DELETE_EVENTS, counted: 'events' },
  ],
  rejection: [{ sql: `DELETE FROM rejections WHERE ${AT_PLACES} RETURNING seq`, counted: 'rejections' }],
  deadLetter: [{ sql: `DELETE FROM dead_letters WHERE ${AT_PLACES} RETURNING seq`, counted: 'deadLetters' }],
};
