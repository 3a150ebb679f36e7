// Changes of routes, and what was forwarded until then.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { countAllForwarded } from '../../src/store/forwarded-counts.ts';
import { changeRouteFilter, deleteRoute } from '../../src/store/routes.ts';
import { reset } from '../webhooks.ts';
import { storeEvents } from './stored-events.ts';

const AUDIT = { actor: 'tests', action: 'route.update', object: 'events', detail: {}, atMs: 1_000 } as const;
/** More than one transaction counts. */
const EVENTS = 25_000;

beforeEach(async () => reset());

describe('a route whose position moves on while it is changed', () => {
  it.each([
    [
      'gets another filter',
      async (db: D1Database) => changeRouteFilter(db, 'events', { types: ['response'] }, AUDIT),
    ],
    ['is deleted', async (db: D1Database) => deleteRoute(db, 'events', AUDIT)],
  ])('%s once everything is counted that it forwarded', async (_, change) => {
    await storeEvents({ count: EVENTS });
    await env.DB.prepare('UPDATE routes SET began = 0, position = 0, counted = 0').run();

    expect(await change(movingOn())).toBe(true);
    await countAllForwarded(env.DB, 2_000);
    const counted = env.DB.prepare("SELECT sum(count) AS n FROM counters WHERE kind = 'forwarded:events'");
    expect(await counted.first('n')).toBe(EVENTS);
  });
});

/** The database, in which a gap before everything is filled once the route seems to be counted. */
function movingOn(): D1Database {
  let batches = 0;
  return {
    prepare: (sql: string) => env.DB.prepare(sql),
    batch: async (statements: D1PreparedStatement[]) => {
      if (++batches === 2)
        await env.DB.prepare('UPDATE routes SET position = (SELECT max(seq) FROM events)').run();
      return env.DB.batch(statements);
    },
  } as D1Database;
}
