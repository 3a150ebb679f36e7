// Erasing a contact: everything that contact-holdings.ts finds, in steps that let webhooks in between, D1 having one
// writer. Every step is a transaction by itself and is found anew by the number alone: whatever interrupts an erasure,
// a repeat finishes it.
//
// What arrives while it runs is taken as well: it ends with a look at what was stored since it began, and goes on until
// that finds nothing. What waits in a queue by then cannot be searched; it is stored later, as what a person sends after
// the erasure is.

import { cutGroups } from '../runtime/batching.ts';
import { blotAuditEntries, recordAudit } from './audit.ts';
import { forgetBusinessNumber } from './business-numbers.ts';
import {
  type Holding,
  type HoldingKind,
  type Person,
  readHoldings,
  type WalkedStep,
  walkMentions,
  walkOwnEvents,
} from './contact-holdings.ts';
import { BLOTTED_CONTACT, blotReplayFilters, endReplaysOfContact } from './replays.ts';
import { subtractEventsSql } from './usage.ts';

/** Deleted by one transaction: short enough to let webhooks in between. */
const CHUNK_LIMITS = { maxItems: 500, maxBytes: 20_000_000 };
/** How far the clocks of isolates may be apart. A place is told by the clock of the one that stored it. */
const CLOCK_SKEW_MS = 60_000;

/** What one call may take. */
export interface ErasureBudget {
  statements: number;
  ms: number;
}

/**
 * For one request: D1 takes 1,000 statements in an invocation (https://developers.cloudflare.com/d1/platform/limits/),
 * and somebody waits for the answer. Enough to search a million events of the usual size.
 */
export const REQUEST_BUDGET: ErasureBudget = { statements: 900, ms: 45_000 };

/** How far each table was searched. */
export type Searched = Record<HoldingKind, number>;

export const NOT_SEARCHED: Searched = { event: 0, rejection: 0, deadLetter: 0, auditEntry: 0, replay: 0 };

/** How many went. */
export interface Erased {
  events: number;
  rejections: number;
  deadLetters: number;
  /** Entries of the audit trail, and filters of replays, in which the number gave way to a mark. */
  blotted: number;
}

export interface Erasure {
  erased: Erased;
  /** Where to go on; `null`: nothing is left. */
  searched: Searched | null;
}

/** Who erases, with a clock, for it takes its time. */
export interface Eraser {
  actor: string;
  /** Names the erasure in the audit trail. */
  receipt: string;
  /** Unix ms. */
  now: () => number;
  budget?: ErasureBudget;
}

/** A call under way. */
interface Run {
  db: D1Database;
  person: Person;
  receipt: string;
  now: () => number;
  erased: Erased;
  searched: Searched;
  spend(statements: number): void;
  isSpent(): boolean;
}

/**
 * Erases what is held on a contact, and records that it was done, without the number.
 *
 * @param from how far an unfinished erasure had come.
 */
export async function eraseContact(
  db: D1Database,
  person: Person,
  from: Searched,
  { actor, receipt, now, budget = REQUEST_BUDGET }: Eraser,
): Promise<Erasure> {
  const audit = async (detail: Record<string, unknown>) =>
    recordAudit(db, { actor, action: 'contact.erase', object: receipt, detail, atMs: now() });
  const startedMs = now();
  const recentSeq = (startedMs - CLOCK_SKEW_MS) * 1000;
  let { statements: left } = budget;
  const run: Run = {
    db,
    person,
    receipt,
    now,
    erased: { events: 0, rejections: 0, deadLetters: 0, blotted: 0 },
    searched: { ...from },
    spend: (statements) => {
      left -= statements;
    },
    isSpent: () => left <= 0 || now() - startedMs >= budget.ms,
  };
  await audit({ stage: 'begun' });
  for (;;) {
    const before = total(run.erased);
    await endReplaysOfContact(db, person.contact, now()).run();
    for (const kind of MENTIONING) await eraseMentions(run, kind);
    // Last, for they are what tells a customer from a number that messages are sent from: whatever interrupts an
    // erasure, its repeat is let through.
    await eraseOwnEvents(run);
    await forgetBusinessNumber(db, person.contact).run();
    if (run.isSpent()) {
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

/** What is searched, in this order. */
const MENTIONING = [
  'replay',
  'deadLetter',
  'rejection',
  'event',
  'auditEntry',
] as const satisfies HoldingKind[];

/** As the audit trail has them: what was blotted only where there was something. */
function countsOf({ blotted, ...gone }: Erased): Record<string, number> {
  return blotted === 0 ? gone : { ...gone, blotted };
}

function total({ events, rejections, deadLetters, blotted }: Erased): number {
  return events + rejections + deadLetters + blotted;
}

/** Back to what was stored since the erasure began. */
function rewound(searched: Searched, recentSeq: number): Searched {
  const back = Object.entries(searched).map(([kind, seq]) => [kind, Math.min(seq, recentSeq)]);
  return Object.fromEntries(back) as Searched;
}

async function eraseOwnEvents(run: Run): Promise<void> {
  for (let step: WalkedStep | undefined; !step?.isLast && !run.isSpent(); ) {
    run.spend(1);
    step = await walkOwnEvents(run.db, run.person.contact, step?.lastSeq ?? 0);
    for (const group of cutGroups(step.places, ({ bytes }) => bytes, CHUNK_LIMITS)) {
      await deleteChunk(run, 'event', group);
    }
  }
}

/** Walks a table from where it was searched up to, to its end or out of budget. */
async function eraseMentions(run: Run, kind: HoldingKind): Promise<void> {
  const { db, person, searched } = run;
  for (let isLast = false; !isLast && !run.isSpent(); ) {
    run.spend(1);
    const step = await walkMentions(db, kind, person, searched[kind]);
    for await (const holdings of readHoldings(db, kind, step.places, person.number)) {
      run.spend(1);
      await eraseChunk(run, kind, holdings);
    }
    searched[kind] = step.lastSeq;
    isLast = step.isLast;
  }
}

async function eraseChunk(run: Run, kind: HoldingKind, held: readonly Holding[]): Promise<void> {
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

/** Puts a mark in place of the number: what was done stays on record, and what it was done to, as far as it is no one's. */
async function blotChunk(
  { db, person, receipt, now, erased, spend }: Run,
  held: readonly Holding[],
): Promise<void> {
  if (held.length === 0) return;
  const blot = (value: unknown): unknown =>
    blotTexts(value, (text) => person.number.blotIn(text, BLOTTED_CONTACT));
  const entries = held.flatMap((holding) => (holding.kind === 'auditEntry' ? [holding.entry] : []));
  const replays = held.flatMap((holding) => (holding.kind === 'replay' ? [holding.replay] : []));
  const blottedEntries = entries.map(({ seq, object, detail }) => ({
    seq,
    object: person.number.blotIn(object, BLOTTED_CONTACT),
    detail: { ...(blot(detail) as typeof detail), blottedBy: receipt },
  }));
  const blottedReplays = replays.map(({ id, filter }) => ({ id, filter: blot(filter) }));
  spend(3);
  await db.batch([blotAuditEntries(db, blottedEntries), ...blotReplayFilters(db, blottedReplays, now())]);
  erased.blotted += held.length;
}

/** A value of JSON with its texts changed. */
function blotTexts(value: unknown, blot: (text: string) => string): unknown {
  if (typeof value === 'string') return blot(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => blotTexts(item, blot));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, blotTexts(item, blot)]));
}

type DeletedKind = keyof typeof DELETIONS;

async function deleteChunk(run: Run, kind: DeletedKind, held: readonly { seq: number }[]): Promise<void> {
  if (held.length === 0) return;
  const { db, erased } = run;
  const deletions = DELETIONS[kind];
  run.spend(deletions.length);
  const places = JSON.stringify(held.map(({ seq }) => seq));
  const answers = await db.batch<{ seq: number }>(deletions.map((sql) => db.prepare(sql).bind(places)));
  const counts = answers.map(({ results }) => results.length);
  switch (kind) {
    case 'event': {
      const [deadLetters = 0, events = 0] = [counts[0], counts.at(-1)];
      erased.deadLetters += deadLetters;
      erased.events += events;
      return;
    }
    case 'rejection':
      erased.rejections += counts[0] ?? 0;
      return;
    case 'deadLetter':
      erased.deadLetters += counts[0] ?? 0;
      return;
  }
}

const AT_PLACES = 'seq IN (SELECT value FROM json_each(?1))';

/** The statements that delete what is at ?1. An event takes with it what only makes sense beside it. */
const DELETIONS = {
  event: [
    `DELETE FROM dead_letters WHERE seq IN (
       SELECT d.seq FROM json_each(?1) AS place
       CROSS JOIN events AS e ON e.seq = place.value
       CROSS JOIN dead_letters AS d INDEXED BY dead_letters_by_event
         ON d.event_id = e.id AND d.integration = e.integration
     )
     RETURNING seq`,
    `DELETE FROM replaying WHERE ${AT_PLACES}`,
    `DELETE FROM outbox WHERE ${AT_PLACES}`,
    subtractEventsSql('SELECT value FROM json_each(?1)'),
    `DELETE FROM events WHERE ${AT_PLACES} RETURNING seq`,
  ],
  rejection: [`DELETE FROM rejections WHERE ${AT_PLACES} RETURNING seq`],
  deadLetter: [`DELETE FROM dead_letters WHERE ${AT_PLACES} RETURNING seq`],
} as const satisfies Partial<Record<HoldingKind, readonly string[]>>;
