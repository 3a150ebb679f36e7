// Replays: events that are forwarded again. A job in `replays` scans the events that it was asked for and puts them back, a
// chunk at a time, into `replaying`; waiting-replays.ts has what waits there.
//
// A chunk is put back in one transaction that also moves the job on, and only if the job is still where it was when the
// chunk was read: whatever is interrupted or runs twice, no event is skipped, and none is put back twice.

import * as z from 'zod';
import type { EventHead } from '../contract/event.ts';
import { EVENT_TYPES } from '../contract/webhook.ts';
import { type AuditEntry, auditChange, changeAudited } from './audit.ts';
import { type EventFilter, matchedRows } from './event-listing.ts';
import { type BoundValue, pageRange, scanOldestFirst, wantedSql } from './keyset-paging.ts';
import { seqRange, type TimeRange } from './places.ts';
import { storedJson } from './stored-json.ts';
import type { ReplayPlace } from './waiting-replays.ts';
import { deleteWithin, WorkBudget } from './work-budget.ts';

/** Events that one statement of a job scans. */
export const MAX_WALKED_ROWS = 10_000;
/** Events put back in one transaction, in less than 100 ms: short enough to let webhooks in between. */
export const MAX_PUT_BACK = 2_000;
/** While so many wait, nothing more is put back: the queue does not take them. */
export const MAX_WAITING = 10_000;
/** Events that one statement counts, for a dry run. */
const MAX_COUNTED_ROWS = 25_000;
/** Jobs that one run of the purge deletes at most. */
const MAX_PURGED_JOBS = 200;

/** The job of an event that was replayed by itself. */
export const NO_JOB = 0;

/** Stands for the contact in the filter of a job that is over: no filter may outlive what is held on a person. */
export const BLOTTED_CONTACT = '***';

export type ReplayState = 'running' | 'done' | 'cancelled';

/** A replay of many events. */
export interface Replay {
  /** When it was made: microseconds since 1970, unique. */
  id: number;
  actor: string;
  filter: EventFilter;
  /** `running` until all is put back and forwarded. */
  state: ReplayState;
  /** Where the job begins. */
  fromSeq: number;
  /** Where it ends, exclusive: what arrives after it was made is not replayed. */
  untilSeq: number;
  /** Where it goes on: events before this place were looked at. */
  nextSeq: number;
  /** How many events were put back so far. */
  putBack: number;
  /** How many of those the queue confirmed. */
  forwarded: number;
  /** How many of those wait to be forwarded. */
  waiting: number;
  /** Unix ms. */
  updatedAtMs: number;
}

/** Puts one event back, and records who did. `null`: there is none. An event that still waits is sent once nevertheless. */
export async function replayEvent(
  db: D1Database,
  { integration, id }: Pick<EventHead, 'integration' | 'id'>,
  audit: AuditEntry,
): Promise<ReplayPlace | null> {
  const [updated] = await db.batch<{ seq: number; replays: number }>([
    db
      .prepare(
        'UPDATE events SET replays = replays + 1 WHERE id = ?1 AND integration = ?2 RETURNING seq, replays',
      )
      .bind(id, integration),
    auditChange(db, audit),
    db
      .prepare(
        `INSERT INTO replaying (job, seq, replay)
         SELECT ${NO_JOB}, seq, replays FROM events WHERE id = ?1 AND integration = ?2
         ON CONFLICT (job, seq) DO UPDATE SET replay = excluded.replay`,
      )
      .bind(id, integration),
  ]);
  const [row] = updated?.results ?? [];
  return row === undefined ? null : { job: NO_JOB, seq: row.seq, replay: row.replays };
}

/** Makes a job, and records who did. */
export async function createReplay(
  db: D1Database,
  filter: EventFilter,
  audit: Omit<AuditEntry, 'object'>,
): Promise<Replay> {
  for (;;) {
    const id = audit.atMs * 1000 + Math.floor(Math.random() * 1000);
    const [created] = await db.batch<ReplayRow>([
      db
        .prepare(
          `INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
           SELECT ?1, ?2, ?3, 'running', first, max(first, last), first, ?6
           FROM (SELECT
             max(?4, coalesce((SELECT min(seq) FROM events), 0)) AS first,
             min(?5, coalesce((SELECT max(seq) FROM events), 0) + 1) AS last)
           WHERE true
           ON CONFLICT (id) DO NOTHING
           RETURNING ${REPLAY_COLUMNS}`,
        )
        .bind(id, audit.actor, JSON.stringify(filter), ...seqRange(filter), audit.atMs),
      auditChange(db, { ...audit, object: String(id) }),
    ]);
    const [row] = created?.results ?? [];
    if (row !== undefined) return replayOf(row); // otherwise another one has the same microsecond
  }
}

/** One job, or `null`. */
export async function findReplay(db: D1Database, id: number): Promise<Replay | null> {
  const row = await db
    .prepare(`SELECT ${REPLAY_COLUMNS} FROM replays WHERE id = ?1`)
    .bind(id)
    .first<ReplayRow>();
  return row && replayOf(row);
}

/** Lists jobs, newest first, at most `limit`. */
export async function listReplays(
  db: D1Database,
  times: TimeRange,
  page: { limit: number; beforeId?: number | undefined },
): Promise<{ replays: Replay[]; nextBeforeId: number | null }> {
  const [fromId, untilId] = pageRange(times, { limit: page.limit, beforeSeq: page.beforeId });
  const { results } = await db
    .prepare(
      `SELECT ${REPLAY_COLUMNS} FROM replays NOT INDEXED WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3`,
    )
    .bind(fromId, untilId, page.limit)
    .run<ReplayRow>();
  const last = results.at(-1);
  return {
    replays: results.map(replayOf),
    nextBeforeId: last !== undefined && results.length === page.limit ? last.id : null,
  };
}

/**
 * Ends a job that is running, and records who did: nothing more is put back, and what waits of it is not forwarded. False:
 * it is not running.
 */
export async function cancelReplay(db: D1Database, id: number, audit: AuditEntry): Promise<boolean> {
  const cancellation = db
    .prepare(
      `UPDATE replays SET state = 'cancelled', filter = ${BLOTTED_FILTER}, updated_at = ?2
       WHERE id = ?1 AND state = 'running'`,
    )
    .bind(id, audit.atMs);
  const forgetting = db.prepare('DELETE FROM replaying WHERE job = ?1').bind(id);
  return changeAudited(db, cancellation, audit, forgetting);
}

const BLOTTED_FILTER = `
  iif(filter ->> 'contact' IS NULL, filter, json_set(filter, '$.contact', '${BLOTTED_CONTACT}'))`;

/** A statement for the erasure of a contact: ends the jobs that have it in their filter, and blots it out there. */
export function endReplaysOfContact(db: D1Database, contact: string, nowMs: number): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE replays SET state = 'cancelled', filter = ${BLOTTED_FILTER}, updated_at = ?2
       WHERE state = 'running' AND filter ->> 'contact' = ?1`,
    )
    .bind(contact, nowMs);
}

/** What a job was asked for, and by whom. */
export type ReplayFilter = Pick<Replay, 'id' | 'actor' | 'filter'>;

/** Reads what was asked of the named jobs, as far as they exist. */
export async function findReplayFilters(db: D1Database, ids: readonly number[]): Promise<ReplayFilter[]> {
  const { results } = await db
    .prepare(
      `SELECT job.id, job.actor, job.filter
       FROM json_each(?1) AS wanted CROSS JOIN replays AS job ON job.id = wanted.value`,
    )
    .bind(JSON.stringify(ids))
    .run<Pick<ReplayRow, 'id' | 'actor' | 'filter'>>();
  return results.map((row) => ({ ...row, filter: storedFilter.parse(row.filter) }));
}

/**
 * Statements that give jobs another filter, for the erasure of a contact whose number is in them. Those that are running
 * end, since they would replay something else.
 */
export function blotReplayFilters(
  db: D1Database,
  blotted: readonly { id: number; filter: unknown }[],
  nowMs: number,
): D1PreparedStatement[] {
  const rows = JSON.stringify(blotted.map(({ id, filter }) => ({ id, filter: JSON.stringify(filter) })));
  return [
    db
      .prepare(
        `UPDATE replays SET filter = blotted.value ->> 'filter',
           state = iif(state = 'running', 'cancelled', state), updated_at = iif(state = 'running', ?2, updated_at)
         FROM json_each(?1) AS blotted WHERE replays.id = blotted.value ->> 'id'`,
      )
      .bind(rows, nowMs),
    db.prepare("DELETE FROM replaying WHERE job IN (SELECT value ->> 'id' FROM json_each(?1))").bind(rows),
  ];
}

/**
 * Takes the right to put back and forward, if there is anything to do: two runs at once would forward everything twice. It
 * ends by itself after `forMs`, should the isolate that holds it die.
 *
 * @returns names the right for {@link releaseReplaying}; `null`: there is nothing to do, or another run is at it.
 */
export async function claimReplaying(db: D1Database, nowMs: number, forMs: number): Promise<number | null> {
  const claim = nowMs + forMs;
  const { meta } = await db
    .prepare(
      `INSERT INTO progress (task, seq, at)
       SELECT 'replays', 0, ?2
       WHERE EXISTS (SELECT 1 FROM replaying)
         OR EXISTS (SELECT 1 FROM replays INDEXED BY replays_running WHERE state = 'running')
       ON CONFLICT (task) DO UPDATE SET at = excluded.at WHERE at <= ?1`,
    )
    .bind(nowMs, claim)
    .run();
  return meta.changes > 0 ? claim : null;
}

/** Gives the right back, unless it has ended and another run has it. */
export async function releaseReplaying(db: D1Database, claim: number): Promise<void> {
  await db.prepare("UPDATE progress SET at = 0 WHERE task = 'replays' AND at = ?1").bind(claim).run();
}

/** The job whose turn it is, and how many events of all jobs wait, counted up to {@link MAX_WAITING}. */
export async function nextReplay(db: D1Database): Promise<{ replay: Replay; waitingOfAll: number } | null> {
  const row = await db
    .prepare(
      `SELECT ${REPLAY_COLUMNS},
         (SELECT count(*) FROM (SELECT 1 FROM replaying LIMIT ${MAX_WAITING})) AS waitingOfAll
       FROM replays INDEXED BY replays_running WHERE state = 'running' ORDER BY updated_at LIMIT 1`,
    )
    .first<ReplayRow & { waitingOfAll: number }>();
  if (row === null) return null;
  const { waitingOfAll, ...replay } = row;
  return { replay: replayOf(replay), waitingOfAll };
}

/** What a scan of events found. */
interface ReplayScan<Found> {
  found: Found;
  /** Where to go on; the end of the range where there is no more. */
  nextSeq: number;
}

/** Finds the next events that a job is to put back, at most {@link MAX_PUT_BACK} of the next {@link MAX_WALKED_ROWS}. */
export async function walkReplay(
  db: D1Database,
  { filter, nextSeq: fromSeq, untilSeq }: Pick<Replay, 'filter' | 'nextSeq' | 'untilSeq'>,
): Promise<ReplayScan<number[]>> {
  const places = { sql: 'json_group_array(seq)', schema: storedJson(z.array(z.number())) };
  const scan = await scanEvents(db, places, filter, [fromSeq, untilSeq], MAX_WALKED_ROWS);
  const found = scan.found.toSorted((a, b) => a - b).slice(0, MAX_PUT_BACK);
  const last = found.at(-1);
  return last !== undefined && scan.found.length > MAX_PUT_BACK
    ? { found, nextSeq: last + 1 }
    : { found, nextSeq: scan.nextSeq };
}

/** Counts what a replay would put back, as far as one statement goes. */
export async function countReplay(
  db: D1Database,
  filter: EventFilter,
  fromSeq: number,
): Promise<ReplayScan<number>> {
  const [sinceSeq, untilSeq] = seqRange(filter);
  const count = { sql: 'count(*)', schema: z.number() };
  return scanEvents(db, count, filter, [Math.max(fromSeq, sinceSeq), untilSeq], MAX_COUNTED_ROWS);
}

async function scanEvents<Found>(
  db: D1Database,
  found: { sql: string; schema: z.ZodType<Found> },
  filter: EventFilter,
  range: [fromSeq: number, untilSeq: number],
  maxRows: number,
): Promise<ReplayScan<Found>> {
  const values: BoundValue[] = [...range];
  const { type, status, integration } = filter;
  const isMatch = wantedSql({ type, status, integration }, values);
  const rows = `SELECT seq, ${isMatch} AS is_match ${matchedRows(filter, values)}`;
  const { scanned, lastSeq, ...scan } = await scanOldestFirst(db, found, rows, values, maxRows);
  return { ...scan, nextSeq: scanned === maxRows && lastSeq !== null ? lastSeq + 1 : range[1] };
}

/** Puts a chunk back, and moves the job on. Does nothing if the job was moved on, or ended, meanwhile. */
export async function putBack(
  db: D1Database,
  { id, nextSeq: scannedFrom }: Pick<Replay, 'id' | 'nextSeq'>,
  { found, nextSeq }: ReplayScan<number[]>,
  nowMs: number,
): Promise<void> {
  const isHere = "id = ?1 AND next_seq = ?2 AND state = 'running'";
  const here = [id, scannedFrom];
  const seqs = JSON.stringify(found);
  await db.batch([
    db
      .prepare(
        `INSERT INTO replaying (job, seq, replay)
         SELECT ?1, e.seq, e.replays + 1 FROM json_each(?3) AS found CROSS JOIN events AS e ON e.seq = found.value
         WHERE EXISTS (SELECT 1 FROM replays WHERE ${isHere})`,
      )
      .bind(...here, seqs),
    db
      .prepare(
        `UPDATE events SET replays = replays + 1
         WHERE seq IN (SELECT value FROM json_each(?3)) AND EXISTS (SELECT 1 FROM replays WHERE ${isHere})`,
      )
      .bind(...here, seqs),
    db
      .prepare(
        `UPDATE replays SET next_seq = ?3, put_back = put_back + changes(), updated_at = ?4 WHERE ${isHere}`,
      )
      .bind(...here, nextSeq, nowMs),
  ]);
}

/** Ends a job that has come to the end of its range, once nothing waits of it; otherwise its next turn comes later. */
export async function endReplay(db: D1Database, id: number, nowMs: number): Promise<'done' | 'running'> {
  const row = await db
    .prepare(
      `UPDATE replays SET
         state = iif(waits, 'running', 'done'), filter = iif(waits, filter, ${BLOTTED_FILTER}), updated_at = ?2
       FROM (SELECT EXISTS (SELECT 1 FROM replaying WHERE job = ?1) AS waits)
       WHERE id = ?1 AND state = 'running' AND next_seq >= until_seq
       RETURNING state`,
    )
    .bind(id, nowMs)
    .first<{ state: 'done' | 'running' }>();
  return row?.state ?? 'running';
}

/** Deletes jobs that were made before a time and are over. */
export async function purgeReplays(db: D1Database, madeBeforeMs: number): Promise<number> {
  const over = { table: 'replays', index: 'NOT INDEXED', condition: "id < ?2 AND state <> 'running'" };
  return deleteWithin(new WorkBudget(1), db, over, MAX_PURGED_JOBS, madeBeforeMs * 1000);
}

const REPLAY_COLUMNS = `
  id, actor, filter, state, from_seq AS fromSeq, until_seq AS untilSeq, next_seq AS nextSeq, put_back AS putBack, forwarded,
  updated_at AS updatedAtMs, (SELECT count(*) FROM replaying WHERE replaying.job = replays.id) AS waiting`;

type ReplayRow = Omit<Replay, 'filter'> & { filter: string };

function replayOf(row: ReplayRow): Replay {
  return { ...row, filter: storedFilter.parse(row.filter) };
}

/** Loose, so that an erasure finds also what nothing else reads. */
const storedFilter = storedJson(
  z.looseObject({
    type: z.enum(EVENT_TYPES).optional(),
    status: z.string().optional(),
    integration: z.string().optional(),
    contact: z.string().optional(),
    messageId: z.string().optional(),
    sinceMs: z.number().optional(),
    untilMs: z.number().optional(),
  }),
);
