// Replays: events that are forwarded again. What waits is in `replaying`, apart from the outbox; a job in `replays`
// walks the events it was asked for and puts them back, a chunk at a time.
//
// A chunk is put back in one transaction that also moves the job on, and only if the job is where it was when the chunk
// was read: whatever is interrupted or runs twice, no event is skipped, and none is put back twice.

import type { EventHead } from '../contract/event.ts';
import { type AuditEntry, auditChange, changeAudited } from './audit.ts';
import { keepNeverSent, type NeverSent } from './dead-letters.ts';
import { type EventFilter, matchedRows, walkBounds } from './event-listing.ts';
import { seqRange, type TimeRange } from './keyset-paging.ts';
import { minuteOf, PENDING_COLUMNS, type PendingRow, type WaitingEvent, waitingEventOf } from './outbox.ts';

/** Events that one statement of a job looks at. */
export const MAX_WALKED_ROWS = 10_000;
/** Events put back in one transaction, in less than 100 ms: short enough to let webhooks in between. */
export const MAX_PUT_BACK = 2_000;
/** Once so many wait, nothing more is put back: the queue does not take them. */
export const MAX_WAITING = 10_000;
/** Events that one statement counts, for a dry run. */
const MAX_COUNTED_ROWS = 25_000;
/** Rows that one statement of the purge deletes. */
const MAX_PURGED_JOBS = 200;

/** The job of an event that was replayed by itself. */
export const NO_JOB = 0;

/** What stands for a contact once the job that has it in its filter is over: nothing here outlives a person's data. */
export const BLOTTED_CONTACT = '***';

export type ReplayState = 'running' | 'done' | 'cancelled';

/** A replay of many events. */
export interface Replay {
  /** When it was made: microseconds since 1970, unique. */
  id: number;
  actor: string;
  filter: EventFilter;
  /** `running` until all was put back and has been forwarded. */
  state: ReplayState;
  /** The events from here on, */
  fromSeq: number;
  /** up to but not including this place: what arrives after the job was made is not replayed. */
  untilSeq: number;
  /** Walked up to here. */
  nextSeq: number;
  /** Events put back so far. */
  putBack: number;
  /** Of those, the ones that the queue confirmed. */
  forwarded: number;
  /** Of those, the ones that wait to be forwarded. */
  waiting: number;
  /** Unix ms. */
  updatedAtMs: number;
}

/** Puts one event back, and records who did. `null`: there is none. Put back while it waits it is one message still. */
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

/** Jobs, newest first, at most `limit`. */
export async function listReplays(
  db: D1Database,
  times: TimeRange,
  page: { limit: number; beforeId?: number | undefined },
): Promise<{ replays: Replay[]; nextBeforeId: number | null }> {
  const [fromId, untilId] = seqRange(times);
  const { results } = await db
    .prepare(
      `SELECT ${REPLAY_COLUMNS} FROM replays NOT INDEXED WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3`,
    )
    .bind(fromId, Math.min(page.beforeId ?? untilId, untilId), page.limit)
    .run<ReplayRow>();
  const last = results.at(-1);
  return {
    replays: results.map(replayOf),
    nextBeforeId: last !== undefined && results.length === page.limit ? last.id : null,
  };
}

/**
 * Ends a job that is running, and records who did: nothing more is put back, and what waits of it is not forwarded.
 * False where it is not running.
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

/** The statement that ends the jobs which have a contact in their filter, and forgets it: for who erases a contact. */
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

/** Those of the named jobs that exist. */
export async function findReplayFilters(db: D1Database, ids: readonly number[]): Promise<ReplayFilter[]> {
  const { results } = await db
    .prepare(
      `SELECT job.id, job.actor, job.filter
       FROM json_each(?1) AS wanted CROSS JOIN replays AS job ON job.id = wanted.value`,
    )
    .bind(JSON.stringify(ids))
    .run<Pick<ReplayRow, 'id' | 'actor' | 'filter'>>();
  return results.map((row) => ({ ...row, filter: JSON.parse(row.filter) }));
}

/**
 * The statements that give jobs another filter, for who erases a contact whose number is in them; those that are running
 * end: they would replay something else.
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
 * Takes the right to put back and forward, if there is anything to do and nobody else has it: two at once would forward
 * everything twice. It ends by itself after `forMs`, should its holder die.
 *
 * @returns what {@link releaseReplaying} gives back; `null`: nothing to do, or not now.
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

/** Gives the right back, unless it has ended and somebody else has it. */
export async function releaseReplaying(db: D1Database, claim: number): Promise<void> {
  await db.prepare("UPDATE progress SET at = 0 WHERE task = 'replays' AND at = ?1").bind(claim).run();
}

/** The job whose turn it is, and how many events wait of all, up to {@link MAX_WAITING}. */
export async function nextReplay(db: D1Database): Promise<{ replay: Replay; waitingOfAll: number } | null> {
  const row = await db
    .prepare(
      `SELECT ${REPLAY_COLUMNS},
         (SELECT count(*) FROM (SELECT 1 FROM replaying LIMIT ${MAX_WAITING})) AS waiting_of_all
       FROM replays INDEXED BY replays_running WHERE state = 'running' ORDER BY updated_at LIMIT 1`,
    )
    .first<ReplayRow & { waiting_of_all: number }>();
  return row && { replay: replayOf(row), waitingOfAll: row.waiting_of_all };
}

/** What a walk over events found. */
interface Walked<Found> {
  found: Found;
  /** To be gone on with from here; the end of the range where there is no more. */
  nextSeq: number;
}

/** The next events that a job is to put back, at most {@link MAX_PUT_BACK} of the next {@link MAX_WALKED_ROWS}. */
export async function walkReplay(
  db: D1Database,
  { filter, nextSeq: fromSeq, untilSeq }: Pick<Replay, 'filter' | 'nextSeq' | 'untilSeq'>,
): Promise<Walked<number[]>> {
  const walked = await db
    .prepare(walkSql('json_group_array(seq)', filter))
    .bind(...walkOf(filter, fromSeq, untilSeq, MAX_WALKED_ROWS))
    .first<WalkRow<string>>();
  const found: number[] = JSON.parse(walked?.found ?? '[]');
  const seqs = found.toSorted((a, b) => a - b).slice(0, MAX_PUT_BACK);
  const last = seqs.at(-1);
  return last !== undefined && found.length > MAX_PUT_BACK
    ? { found: seqs, nextSeq: last + 1 }
    : { found: seqs, nextSeq: nextSeqOf(walked, MAX_WALKED_ROWS, untilSeq) };
}

/** Counts what a replay would put back, as far as one statement goes. */
export async function countReplay(
  db: D1Database,
  filter: EventFilter,
  fromSeq: number,
): Promise<Walked<number>> {
  const [sinceSeq, untilSeq] = seqRange(filter);
  const walked = await db
    .prepare(walkSql('count(*)', filter))
    .bind(...walkOf(filter, Math.max(fromSeq, sinceSeq), untilSeq, MAX_COUNTED_ROWS))
    .first<WalkRow<number>>();
  return { found: walked?.found ?? 0, nextSeq: nextSeqOf(walked, MAX_COUNTED_ROWS, untilSeq) };
}

interface WalkRow<Found> {
  walked: number;
  last_seq: number | null;
  found: Found;
}

/** A walk of at most ?9 rows, summed up as what matches and how far it came, as in the listing of events. */
function walkSql(found: string, filter: EventFilter): string {
  return `
    SELECT count(*) AS walked, max(seq) AS last_seq, ${found} FILTER (WHERE
      (?6 IS NULL OR type = ?6) AND (?7 IS NULL OR status = ?7) AND (?8 IS NULL OR integration = ?8)
    ) AS found
    FROM (SELECT seq, type, status, integration ${matchedRows(filter)} ORDER BY seq LIMIT ?9)`;
}

function walkOf(filter: EventFilter, fromSeq: number, untilSeq: number, maxRows: number) {
  const { type = null, status = null, integration = null } = filter;
  return [...walkBounds(filter, fromSeq, untilSeq), type, status, integration, maxRows];
}

function nextSeqOf(walked: WalkRow<unknown> | null, maxRows: number, untilSeq: number): number {
  return walked?.walked === maxRows && walked.last_seq !== null ? walked.last_seq + 1 : untilSeq;
}

/** Puts a chunk back, and moves the job on. Nothing happens where it was moved on, or ended, meanwhile. */
export async function putBack(
  db: D1Database,
  { id, nextSeq: walkedFrom }: Pick<Replay, 'id' | 'nextSeq'>,
  { found, nextSeq }: Walked<number[]>,
  nowMs: number,
): Promise<void> {
  const isHere = "id = ?1 AND next_seq = ?2 AND state = 'running'";
  const here = [id, walkedFrom];
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

/** Ends a job that has walked its range, once nothing waits of it; otherwise its next turn comes later. */
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

/** An event that waits to be forwarded again. */
export interface ReplayPlace {
  job: number;
  seq: number;
  /** Which replay of the event it is, from 1. */
  replay: number;
}

/** The same, with how large its payload is; `null`: the event was deleted meanwhile. */
export interface SizedReplayPlace extends ReplayPlace {
  payloadBytes: number | null;
}

/** A replay with the event that it forwards. */
export interface PendingReplay extends WaitingEvent {
  job: number;
}

/** The first of those that wait: single events, then job by job, oldest first. */
export async function listWaiting(db: D1Database, limit: number): Promise<SizedReplayPlace[]> {
  const { results } = await db
    .prepare(
      `SELECT r.job, r.seq, r.replay, octet_length(e.payload) AS payloadBytes
       FROM replaying AS r LEFT JOIN events AS e ON e.seq = r.seq ORDER BY r.job, r.seq LIMIT ?1`,
    )
    .bind(limit)
    .run<SizedReplayPlace>();
  return results;
}

/** Those of the given replays that still wait, with their events. */
export async function findWaiting(
  db: D1Database,
  places: readonly ReplayPlace[],
  maxPayloadBytes: number,
): Promise<PendingReplay[]> {
  const { results } = await db
    .prepare(
      `SELECT ${PENDING_COLUMNS}, r.replay, r.job, r.refusals ${stillWaiting('?2')} CROSS JOIN events AS e ON e.seq = r.seq`,
    )
    .bind(maxPayloadBytes, placesJson(places))
    .run<PendingRow & { job: number }>();
  return results.map((row) => ({ ...waitingEventOf(row), job: row.job }));
}

/** Of some places, those at which the same replay still waits: another can have been asked for meanwhile. */
function stillWaiting(places: '?1' | '?2'): string {
  return `
    FROM json_each(${places}) AS place
    CROSS JOIN replaying AS r
      ON r.job = place.value ->> 0 AND r.seq = place.value ->> 1 AND r.replay = place.value ->> 2`;
}

function deleteWaiting(db: D1Database, places: string): D1PreparedStatement {
  return db
    .prepare(`DELETE FROM replaying WHERE (job, seq) IN (SELECT r.job, r.seq ${stillWaiting('?1')})`)
    .bind(places);
}

function placesJson(places: readonly ReplayPlace[]): string {
  return JSON.stringify(places.map(({ job, seq, replay }) => [job, seq, replay]));
}

/** Takes replays out once the queue has confirmed them, and counts those that were still there. */
export async function confirmReplayed(
  db: D1Database,
  replayed: readonly PendingReplay[],
  nowMs: number,
): Promise<void> {
  const places = placesJson(replayed);
  await db.batch([
    db
      .prepare(
        `INSERT INTO counters (step, start, integration, kind, count)
         SELECT 60, ?1, e.integration, 'replayed', count(*) ${stillWaiting('?2')}
         CROSS JOIN events AS e ON e.seq = r.seq
         GROUP BY e.integration
         ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count`,
      )
      .bind(minuteOf(nowMs), places),
    db
      .prepare(
        `UPDATE replays SET forwarded = forwarded + confirmed.n
         FROM (SELECT r.job, count(*) AS n ${stillWaiting('?1')} GROUP BY r.job) AS confirmed
         WHERE replays.id = confirmed.job`,
      )
      .bind(places),
    deleteWaiting(db, places),
  ]);
}

/** Notes that the queue refused replays in a run in which it took others: a row for each of them. */
export async function noteReplayRefusals(db: D1Database, places: readonly ReplayPlace[]): Promise<void> {
  await db
    .prepare(
      `UPDATE replaying SET refusals = refusals + 1
       WHERE (job, seq) IN (SELECT r.job, r.seq ${stillWaiting('?1')})`,
    )
    .bind(placesJson(places))
    .run();
}

/** Makes dead letters of replays that no queue takes: they wait no longer, in the same transaction. */
export async function giveUpReplays(
  db: D1Database,
  letters: readonly NeverSent<PendingReplay>[],
  nowMs: number,
): Promise<void> {
  await db.batch(
    letters.flatMap((letter) => {
      const { job, seq, replay } = letter.event;
      const condition = 'SELECT 1 FROM replaying WHERE job = ?9 AND seq = ?10 AND replay = ?11';
      return [
        keepNeverSent(db, letter, nowMs, { sql: condition, values: [job, seq, replay] }),
        deleteWaiting(db, placesJson([letter.event])),
      ];
    }),
  );
}

/** Drops replays whose events were deleted meanwhile. */
export async function dropReplays(db: D1Database, places: readonly ReplayPlace[]): Promise<void> {
  await deleteWaiting(db, placesJson(places)).run();
}

/** Deletes jobs that ended, of those made before a time. */
export async function purgeReplays(db: D1Database, madeBeforeMs: number): Promise<number> {
  const { meta } = await db
    .prepare(
      `DELETE FROM replays WHERE id IN (
         SELECT id FROM replays NOT INDEXED WHERE id < ?1 AND state <> 'running' ORDER BY id LIMIT ${MAX_PURGED_JOBS}
       )`,
    )
    .bind(madeBeforeMs * 1000)
    .run();
  return meta.changes;
}

const REPLAY_COLUMNS = `
  id, actor, filter, state, from_seq, until_seq, next_seq, put_back, forwarded, updated_at,
  (SELECT count(*) FROM replaying WHERE replaying.job = replays.id) AS waiting`;

interface ReplayRow {
  id: number;
  actor: string;
  filter: string;
  state: ReplayState;
  from_seq: number;
  until_seq: number;
  next_seq: number;
  put_back: number;
  forwarded: number;
  waiting: number;
  updated_at: number;
}

function replayOf(row: ReplayRow): Replay {
  return {
    id: row.id,
    actor: row.actor,
    filter: JSON.parse(row.filter),
    state: row.state,
    fromSeq: row.from_seq,
    untilSeq: row.until_seq,
    nextSeq: row.next_seq,
    putBack: row.put_back,
    forwarded: row.forwarded,
    waiting: row.waiting,
    updatedAtMs: row.updated_at,
  };
}
