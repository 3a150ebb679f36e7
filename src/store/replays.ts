// The replays table: readers of the log with an end, which send events to a route again. replay-pages.ts reads what they send.

import * as z from 'zod';
import { BLOTTED_CONTACT } from '../contract/contact.ts';
import type { EventHead } from '../contract/event.ts';
import { EVENT_TYPES } from '../contract/webhook.ts';
import { MAX_ROUTES } from './active-routes.ts';
import { type AuditEntry, auditChange, changeAudited } from './audit.ts';
import { addCountsSql, minuteSql } from './counters.ts';
import type { EventFilter } from './event-listing.ts';
import { pageRange } from './keyset-paging.ts';
import type { RowReader, TimeRange } from './places.ts';
import { storedJson } from './stored-json.ts';
import { deleteWithin, WorkBudget } from './work-budget.ts';

/** Replays that one run of the purge deletes at most. */
const MAX_PURGED = 200;

export type ReplayState = 'running' | 'paused' | 'done' | 'cancelled';

/** Events that are sent again to a route. */
export interface Replay {
  /** When it was made: microseconds since 1970, unique. Its messages carry it. */
  id: number;
  actor: string;
  route: string;
  /** The filter of the route holds besides. */
  filter: EventFilter;
  state: ReplayState;
  /** Where it begins. */
  fromSeq: number;
  /** Where it ends, exclusive: what arrives after it was made is not replayed. */
  untilSeq: number;
  /** Where it goes on: what lies before this place was sent. */
  nextSeq: number;
  /** How many events the queue has confirmed. */
  sent: number;
  /** Unix ms. */
  updatedAtMs: number;
}

/** Which events are replayed, and to which routes. */
export interface NewReplay {
  filter: EventFilter;
  /** Those of these places, within the times of the filter. */
  places: readonly [fromSeq: number, untilSeq: number];
  /** `null`: to all that there are, by a replay for each, so that none waits for another. */
  route: string | null;
}

/** The places of an event, for {@link NewReplay}; `null`: there is none. */
export async function findPlaces(
  db: D1Database,
  { integration, id }: Pick<EventHead, 'integration' | 'id'>,
): Promise<NewReplay['places'] | null> {
  const find = db.prepare('SELECT seq FROM events WHERE id = ?1 AND integration = ?2').bind(id, integration);
  const seq = await find.first<number>('seq');
  return seq === null ? null : [seq, seq + 1];
}

/**
 * Makes a replay for each of its routes, and records who did. Gives none where there is no such route.
 *
 * @param audit its object is the id of the first one, unless it has one.
 */
export async function createReplays(
  db: D1Database,
  { filter, places, route }: NewReplay,
  audit: Omit<AuditEntry, 'object'> & Partial<Pick<AuditEntry, 'object'>>,
): Promise<Replay[]> {
  for (;;) {
    const firstId = audit.atMs * 1000 + Math.floor(Math.random() * 1000);
    const [created] = await db.batch<ReplayRow>([
      db
        .prepare(
          `INSERT INTO replays (id, actor, route, filter, state, from_seq, until_seq, next_seq, updated_at)
           SELECT ?1 + row_number() OVER (ORDER BY name) - 1, ?2, name, ?3, 'running', first, max(first, last), first, ?6
           FROM (SELECT
             max(?4, coalesce((SELECT min(seq) FROM events), 0)) AS first,
             min(?5, coalesce((SELECT max(seq) FROM events), 0) + 1) AS last)
           CROSS JOIN routes WHERE (?7 IS NULL OR name = ?7)
             AND NOT EXISTS (SELECT 1 FROM replays WHERE id >= ?1 AND id < ?1 + ${MAX_ROUTES})
           RETURNING ${REPLAY_COLUMNS}`,
        )
        .bind(firstId, audit.actor, JSON.stringify(filter), ...places, audit.atMs, route),
      auditChange(db, { object: String(firstId), ...audit }),
    ]);
    const rows = created?.results ?? [];
    if (rows.length > 0) return rows.map(replayOf);
    const isTaken = await db
      .prepare(`SELECT 1 FROM replays WHERE id >= ?1 AND id < ?1 + ${MAX_ROUTES}`)
      .bind(firstId)
      .first();
    if (isTaken === null) return [];
  }
}

/** One replay, or `null`. */
export async function findReplay(db: D1Database, id: number): Promise<Replay | null> {
  const row = await db
    .prepare(`SELECT ${REPLAY_COLUMNS} FROM replays WHERE id = ?1`)
    .bind(id)
    .first<ReplayRow>();
  return row && replayOf(row);
}

/** Lists replays, newest first, at most `limit`. */
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

/** Ends a replay that is not over, and records who did. False: it is over. */
export async function cancelReplay(db: D1Database, id: number, audit: AuditEntry): Promise<boolean> {
  const cancellation = db
    .prepare(
      `UPDATE replays SET state = 'cancelled', filter = ${BLOTTED_FILTER}, updated_at = ?2
       WHERE id = ?1 AND state = 'running'`,
    )
    .bind(id, audit.atMs);
  return changeAudited(db, cancellation, audit, ...countSentSql(db, audit.atMs, 'r.id = ?2', id));
}

/** Pauses a replay that is not over, or has it go on, and records who did. False: it is over, or was so already. */
export async function setReplayPaused(
  db: D1Database,
  id: number,
  isPaused: boolean,
  audit: AuditEntry,
): Promise<boolean> {
  const change = db
    .prepare(
      "UPDATE replays SET paused = ?2, updated_at = ?3 WHERE id = ?1 AND state = 'running' AND paused <> ?2",
    )
    .bind(id, Number(isPaused), audit.atMs);
  return changeAudited(db, change, audit);
}

/** The statements that end the replays of a route, where it is gone. */
export function endReplaysOfRoute(db: D1Database, route: string, nowMs: number): D1PreparedStatement[] {
  const isGone = (name: string) => `NOT EXISTS (SELECT 1 FROM routes WHERE name = ${name})`;
  return [
    ...countSentSql(db, nowMs, `${IS_OPEN} AND r.route = ?2 AND ${isGone('?2')}`, route),
    db
      .prepare(
        `UPDATE replays SET state = 'cancelled', filter = ${BLOTTED_FILTER}, updated_at = ?2
         WHERE route = ?1 AND state = 'running' AND ${isGone('?1')}`,
      )
      .bind(route, nowMs),
  ];
}

/**
 * The statements that count what replays have sent since they were last counted.
 *
 * @param condition on `r`, for replays; its parameters are numbered from ?2 on.
 */
export function countSentSql(
  db: D1Database,
  nowMs: number,
  condition: string,
  ...values: (string | number)[]
): D1PreparedStatement[] {
  return [
    db
      .prepare(
        addCountsSql(`
          SELECT 60, ${minuteSql('?1')}, given.key, 'replayed:' || r.route,
            sum(given.value - coalesce(r.counted ->> given.key, 0))
          FROM replays AS r CROSS JOIN json_each(r.sent) AS given
          WHERE ${condition} AND r.counted <> r.sent
          GROUP BY given.key, r.route`),
      )
      .bind(nowMs, ...values),
    db
      .prepare(`UPDATE replays AS r SET counted = sent WHERE ?1 AND ${condition} AND counted <> sent`)
      .bind(nowMs, ...values),
  ];
}

/** The condition of {@link countSentSql} for those that are not over: the others were counted when they ended. */
export const IS_OPEN = "r.state = 'running'";

export const BLOTTED_FILTER = `
  iif(filter ->> 'contact' IS NULL, filter, json_set(filter, '$.contact', '${BLOTTED_CONTACT}'))`;

/** The statements for the erasure of a contact: end the replays that have it in their filter, and blot it out there. */
export function endReplaysOfContact(db: D1Database, contact: string, nowMs: number): D1PreparedStatement[] {
  return [
    ...countSentSql(db, nowMs, `${IS_OPEN} AND r.filter ->> 'contact' = ?2`, contact),
    db
      .prepare(
        `UPDATE replays SET state = 'cancelled', filter = ${BLOTTED_FILTER}, updated_at = ?2
         WHERE state = 'running' AND filter ->> 'contact' = ?1`,
      )
      .bind(contact, nowMs),
  ];
}

/** What a replay was asked for, and by whom. */
export type ReplayFilter = Pick<Replay, 'id' | 'actor' | 'filter'>;

/**
 * Statements that give replays another filter, for the erasure of a contact whose number is in them. Those that are not over
 * end, since they would send something else.
 */
export function blotReplayFilters(
  db: D1Database,
  blotted: readonly { id: number; filter: unknown }[],
  nowMs: number,
): D1PreparedStatement[] {
  const rows = JSON.stringify(blotted.map(({ id, filter }) => ({ id, filter: JSON.stringify(filter) })));
  return [
    ...countSentSql(db, nowMs, "r.id IN (SELECT value ->> 'id' FROM json_each(?2))", rows),
    db
      .prepare(
        `UPDATE replays SET filter = blotted.value ->> 'filter',
           state = iif(state = 'running', 'cancelled', state), updated_at = iif(state = 'running', ?2, updated_at)
         FROM json_each(?1) AS blotted WHERE replays.id = blotted.value ->> 'id'`,
      )
      .bind(rows, nowMs),
  ];
}

/** Deletes replays that were made before a time and are over. */
export async function purgeReplays(db: D1Database, madeBeforeMs: number): Promise<number> {
  const over = { table: 'replays', index: 'NOT INDEXED', condition: "id < ?2 AND state <> 'running'" };
  return deleteWithin(new WorkBudget(1), db, over, MAX_PURGED, madeBeforeMs * 1000);
}

export const REPLAY_COLUMNS = `
  id, actor, route, filter, iif(state = 'running' AND paused, 'paused', state) AS state, from_seq AS fromSeq,
  until_seq AS untilSeq, next_seq AS nextSeq, forwarded AS sent, updated_at AS updatedAtMs`;

export type ReplayRow = Omit<Replay, 'filter'> & { filter: string };

export function replayOf(row: ReplayRow): Replay {
  return { ...row, filter: storedFilter.parse(row.filter) };
}

export const REPLAY_FILTERS: RowReader<Pick<ReplayRow, 'id' | 'actor' | 'filter'>, ReplayFilter> = {
  from: '(SELECT id AS seq, id, actor, filter FROM replays) AS replay',
  columns: 'replay.id, replay.actor, replay.filter',
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
