// The replays table: jobs that forward events again. replay-steps.ts works them off: it puts the events that they ask for into
// `replaying`, and waiting-replays.ts has what waits there.

import * as z from 'zod';
import { BLOTTED_CONTACT } from '../contract/contact.ts';
import type { EventHead } from '../contract/event.ts';
import { EVENT_TYPES } from '../contract/webhook.ts';
import { type AuditEntry, auditChange, changeAudited } from './audit.ts';
import type { EventFilter } from './event-listing.ts';
import { pageRange } from './keyset-paging.ts';
import { type RowReader, seqRange, type TimeRange } from './places.ts';
import { storedJson } from './stored-json.ts';
import type { ReplayPlace } from './waiting-replays.ts';
import { deleteWithin, WorkBudget } from './work-budget.ts';

/** Jobs that one run of the purge deletes at most. */
const MAX_PURGED_JOBS = 200;

/** The job of an event that was replayed by itself. */
const NO_JOB = 0;

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

export const BLOTTED_FILTER = `
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

/** Deletes jobs that were made before a time and are over. */
export async function purgeReplays(db: D1Database, madeBeforeMs: number): Promise<number> {
  const over = { table: 'replays', index: 'NOT INDEXED', condition: "id < ?2 AND state <> 'running'" };
  return deleteWithin(new WorkBudget(1), db, over, MAX_PURGED_JOBS, madeBeforeMs * 1000);
}

export const REPLAY_COLUMNS = `
  id, actor, filter, state, from_seq AS fromSeq, until_seq AS untilSeq, next_seq AS nextSeq, put_back AS putBack, forwarded,
  updated_at AS updatedAtMs, (SELECT count(*) FROM replaying WHERE replaying.job = replays.id) AS waiting`;

export type ReplayRow = Omit<Replay, 'filter'> & { filter: string };

export function replayOf(row: ReplayRow): Replay {
  return { ...row, filter: storedFilter.parse(row.filter) };
}

export const REPLAY_FILTERS: RowReader<Pick<ReplayRow, 'id' | 'actor' | 'filter'>, ReplayFilter> = {
  from: '(SELECT id AS seq, id, actor, filter FROM replays) AS job',
  columns: 'job.id, job.actor, job.filter',
  itemOf: (row) => ({ ...row, filter: storedFilter.parse(row.filter) }),
};

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
