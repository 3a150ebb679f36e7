// Working off replays: a job scans the events that it was asked for, and puts them back a chunk at a time.
//
// A chunk is put back in one transaction that also moves the job on, and only if the job is still where it was when the
// chunk was read: whatever is interrupted or runs twice, no event is skipped, and none is put back twice.

import * as z from 'zod';
import { type EventFilter, matchedRows } from './event-listing.ts';
import { type BoundValue, scanOldestFirst, wantedSql } from './keyset-paging.ts';
import { seqRange } from './places.ts';
import { BLOTTED_FILTER, REPLAY_COLUMNS, type Replay, type ReplayRow, replayOf } from './replays.ts';
import { storedJson } from './stored-json.ts';

/** Events that one statement of a job scans. */
export const MAX_SCANNED_FOR_REPLAY = 10_000;
/** Events put back in one transaction, in less than 100 ms: short enough to let webhooks in between. */
export const MAX_PUT_BACK = 2_000;
/** While so many wait, nothing more is put back: the queue does not take them. */
export const MAX_WAITING = 10_000;
/** Events that one statement counts, for a dry run. */
const MAX_COUNTED_ROWS = 25_000;
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

/** Finds the next events that a job is to put back, at most {@link MAX_PUT_BACK} of the next {@link MAX_SCANNED_FOR_REPLAY}. */
export async function findEventsToReplay(
  db: D1Database,
  { filter, nextSeq: fromSeq, untilSeq }: Pick<Replay, 'filter' | 'nextSeq' | 'untilSeq'>,
): Promise<ReplayScan<number[]>> {
  const places = { sql: 'json_group_array(seq)', schema: storedJson(z.array(z.number())) };
  const scan = await scanEvents(db, places, filter, [fromSeq, untilSeq], MAX_SCANNED_FOR_REPLAY);
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
export async function putEventsBack(
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
