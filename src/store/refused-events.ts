// The refused table: events that the queue of a route refused by themselves, in runs in which it took others. Those that are
// refused again and again become dead letters of the route, so that they hold up nothing.

import type { ActiveRoute } from './active-routes.ts';
import { keepNeverSent, type NeverSent } from './dead-letters.ts';
import { GIVEN_PLACES, placesJson } from './places.ts';
import { confirmSql, isPassedSql, type Stretch } from './stretches.ts';

/** Notes that the queue of a route refused events in a run in which it took others. */
export async function noteRefusals(
  db: D1Database,
  route: string,
  events: readonly { seq: number }[],
): Promise<void> {
  await db
    .prepare(
      `INSERT INTO refused (route, seq, refusals) SELECT ?2, value, 1 FROM (${GIVEN_PLACES}) WHERE true
       ON CONFLICT (route, seq) DO UPDATE SET refusals = refusals + 1`,
    )
    .bind(placesJson(events), route)
    .run();
}

/**
 * Makes dead letters of events that no queue takes, and confirms their stretches, in one transaction. Nothing becomes of those
 * that were confirmed or deleted meanwhile, or are judged by an older filter than today's.
 */
export async function giveUp(
  db: D1Database,
  { name, version }: ActiveRoute,
  letters: readonly (NeverSent & { stretch: Stretch })[],
  nowMs: number,
): Promise<void> {
  const waits = `EXISTS (
    SELECT 1 FROM routes AS r CROSS JOIN events AS e ON e.seq = ?15
    WHERE r.name = ?13 AND r.version = ?14 AND NOT ${isPassedSql('r', 'e.seq')}
  )`;
  const places = placesJson(letters.map(({ event }) => event));
  await db.batch([
    ...letters.map((letter) =>
      keepNeverSent(db, letter, nowMs, { sql: waits, values: [name, version, letter.event.seq] }),
    ),
    db
      .prepare(
        `INSERT INTO refused (route, seq, refusals, given_up) SELECT ?2, value, 0, 1 FROM (${GIVEN_PLACES})
         WHERE EXISTS (SELECT 1 FROM routes AS r WHERE r.name = ?2 AND r.version = ?3 AND NOT ${isPassedSql('r', 'value')})
         ON CONFLICT (route, seq) DO UPDATE SET given_up = 1`,
      )
      .bind(places, name, version),
    ...confirmSql(
      db,
      letters.map(({ stretch }) => ({ route: name, version, ...stretch })),
    ),
  ]);
}
