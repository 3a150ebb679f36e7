// Stretches of the log, and which of them the queue of a route has confirmed: all up to the route's position, and those in
// the `forwarded` table. What lies between them is a gap, which the sweep forwards.
//
// Confirming a stretch twice changes nothing. One that was sent under another version of the route's filter than today's
// confirms nothing: so what its sender did not know of is sent by the sweep.

/** Places of the log: those behind `after`, up to and with `last`. */
export interface Stretch {
  after: number;
  last: number;
}

/** The places whose events a route wants were all confirmed by its queue. */
export interface ConfirmedStretch extends Stretch {
  route: string;
  /** The version of the route's filter that told which they were. */
  version: number;
}

/** The greatest place that was ever given to an event. No event will ever be stored at it or before it. */
export const LAST_PLACE = `max(
  coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT seq FROM last_places WHERE of_table = 'events'), 0)
)`;

/** The place up to which events may be deleted: every active route has forwarded and counted those that it wants. */
export const DELETABLE_TO = `coalesce((SELECT min(counted) FROM routes WHERE state = 'active'), ${Number.MAX_SAFE_INTEGER})`;

/** Joins stretches that touch or overlap. Gives them in order. */
export function joinStretches<Piece extends Stretch>(stretches: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const stretch of stretches.toSorted((a, b) => a.after - b.after)) {
    const before = joined.at(-1);
    if (before === undefined || stretch.after > before.last) joined.push({ ...stretch });
    else before.last = Math.max(before.last, stretch.last);
  }
  return joined;
}

/** Notes that stretches are confirmed. Those of one route that touch cost one row together. */
export async function confirmStretches(
  db: D1Database,
  confirmed: readonly ConfirmedStretch[],
): Promise<void> {
  const statements = confirmSql(db, confirmed);
  if (statements.length > 0) await db.batch(statements);
}

/** The statements of {@link confirmStretches}, for a batch. */
export function confirmSql(db: D1Database, confirmed: readonly ConfirmedStretch[]): D1PreparedStatement[] {
  const ofRoutes = Map.groupBy(confirmed, ({ route, version }) => `${route} ${version}`);
  const joined = [...ofRoutes.values()].flatMap(joinStretches);
  if (joined.length === 0) return [];
  const given = JSON.stringify(
    joined.map(({ route, version, after, last }) => [route, version, after, last]),
  );
  return [NOTE_BEYOND, MOVE_ON, FORGET].map((sql) => db.prepare(sql).bind(given));
}

/** ?1 are the stretches. */
const STRETCHES = `(
  SELECT value ->> 0 AS route, value ->> 1 AS version, value ->> 2 AS after, value ->> 3 AS last FROM json_each(?1)
) AS given`;

/** Those of a version that is not today's are left out. */
const GIVEN = `${STRETCHES} CROSS JOIN routes AS r ON r.name = given.route AND r.version = given.version`;

/** Notes stretches beyond the position: a stretch that one ends with or begins in is made longer. */
const NOTE_BEYOND = `
  INSERT INTO forwarded (route, after, last)
  SELECT
    given.route,
    coalesce(
      (
        SELECT iif(f.last >= given.after, f.after, NULL) FROM forwarded AS f
        WHERE f.route = given.route AND f.after <= given.after ORDER BY f.after DESC LIMIT 1
      ),
      given.after
    ),
    given.last
  FROM ${GIVEN}
  WHERE r.position < given.after
  ON CONFLICT (route, after) DO UPDATE SET last = excluded.last WHERE excluded.last > forwarded.last`;

/** Moves the position on where a stretch begins at it or before it, and over the noted ones that follow. */
const MOVE_ON = `
  UPDATE routes SET position = (
    WITH RECURSIVE reached (place) AS (
      SELECT given.last
      UNION ALL
      SELECT f.last FROM reached CROSS JOIN forwarded AS f
        ON f.route = routes.name AND f.after = (
          SELECT max(before.after) FROM forwarded AS before
          WHERE before.route = routes.name AND before.after <= reached.place
        )
      WHERE f.last > reached.place
    )
    SELECT max(place) FROM reached
  )
  FROM ${STRETCHES}
  WHERE routes.name = given.route AND routes.version = given.version
    AND routes.position >= given.after AND routes.position < given.last`;

/** Deletes the noted stretches that the position has passed, and those that lie within what was just confirmed. */
const FORGET = `
  DELETE FROM forwarded WHERE (route, after) IN (
    SELECT f.route, f.after FROM ${GIVEN} CROSS JOIN forwarded AS f ON f.route = given.route AND f.after <= r.position
    UNION ALL
    SELECT f.route, f.after FROM ${GIVEN} CROSS JOIN forwarded AS f
      ON f.route = given.route AND f.after > given.after AND f.after < given.last AND f.last <= given.last
  )`;

/** Where a gap ends that begins at a place: at the next noted stretch, or with the log. */
export function gapEndSql(route: string, place: string): string {
  return `coalesce(
    (SELECT min(f.after) FROM forwarded AS f WHERE f.route = ${route} AND f.after >= ${place}), ${LAST_PLACE}
  )`;
}

/**
 * The condition that the queue of a route has confirmed what lies at a place, or that the route does not want it.
 *
 * @param route the row of the route.
 */
export function isPassedSql(route: string, seq: string): string {
  return `iif(${seq} <= ${route}.position, 1, coalesce((
    SELECT f.last >= ${seq} FROM forwarded AS f
    WHERE f.route = ${route}.name AND f.after < ${seq} ORDER BY f.after DESC LIMIT 1
  ), 0))`;
}

/** The condition that a filter lets an event through, with `e` for events; see `wants` in contract/routes.ts. */
export function wantsSql(filter: string): string {
  return `iif(${filter} = '{}', 1, (
    (${filter} -> 'integrations' IS NULL OR e.integration IN (SELECT value FROM json_each(${filter}, '$.integrations')))
    AND (${filter} -> 'types' IS NULL OR e.type IN (SELECT value FROM json_each(${filter}, '$.types')))
    AND (
      e.status IS NULL OR ${filter} -> 'statuses' IS NULL
      OR e.status IN (SELECT value FROM json_each(${filter}, '$.statuses'))
    )
  ))`;
}

/**
 * The condition that a route has yet to forward an event that it wants, with `e` for events.
 *
 * @param chosen a condition on `r`, for the routes that are asked. Default: all.
 */
export function isWaitingSql(chosen = 'true'): string {
  return `EXISTS (
    SELECT 1 FROM routes AS r
    WHERE ${chosen} AND e.seq > r.position AND ${wantsSql('r.filter')} AND NOT ${isPassedSql('r', 'e.seq')}
  )`;
}

/**
 * The condition that a route has forwarded an event that it wants, with `e` for events.
 *
 * @param chosen a condition on `r`, for the routes that are asked.
 */
export function isForwardedOnSql(chosen: string): string {
  return `EXISTS (
    SELECT 1 FROM routes AS r
    WHERE ${chosen} AND e.seq > r.began AND ${wantsSql('r.filter')} AND ${isPassedSql('r', 'e.seq')}
  )`;
}
