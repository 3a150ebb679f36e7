// Compares what the API tells of routes with what became of them.

import { isDeepStrictEqual } from 'node:util';
import { isWanted } from './route-book.ts';
import type { World } from './world.ts';

const PAGE_EVENTS = 200;
/** With small limits a page looks at few gaps. */
const MAX_PAGES = 1_000;

interface ToldRoute {
  name: string;
  bound: boolean;
  state: string;
  position: string;
  waiting: number;
  forwarded: number;
}

interface ToldEvent {
  place: string;
  forwarded: boolean;
  routes: { name: string; state: string }[];
}

/** Asks the API once nothing happens any more, and notes what is not so. */
export async function compareWithApi(world: World): Promise<void> {
  const { book } = world;
  const told = await world.api('told routes', 'GET', '/api/routes');
  const events = await listed(world, 'told events', '');
  const unforwarded = await listed(world, 'told unforwarded', '&forwarded=false');
  if (told?.status !== 200 || events === null || unforwarded === null) {
    book.violated('told', 'the API does not tell of routes and events although nothing fails');
    return;
  }
  const rows = [...book.stored.values()].filter(({ deletedNo }) => deletedNo === null);
  const lives = book.routes.lives
    .filter(({ goneAtMs }) => goneAtMs === null)
    .toSorted((a, b) => (a.route < b.route ? -1 : 1));
  const expected = new Map(
    rows.map((event) => [
      String(event.seq),
      lives.map((life) => {
        const isTaken = event.seq > life.began && isWanted(life.phases.at(-1)?.filter ?? {}, event);
        const state = !isTaken
          ? 'not-wanted'
          : isPassed(world, life.route, event.seq)
            ? 'forwarded'
            : 'waits';
        return { name: life.route, state };
      }),
    ]),
  );
  for (const { place, routes, forwarded } of events) {
    const should = expected.get(place);
    const isRight =
      isDeepStrictEqual(routes, should) && forwarded === !should?.some(({ state }) => state === 'waits');
    if (!isRight) {
      book.violated(
        'told',
        `${place} is ${JSON.stringify(routes)}, forwarded ${forwarded}; it is ${JSON.stringify(should)}`,
      );
    }
  }
  const waiting = [...expected].flatMap(([place, routes]) =>
    routes.some(({ state }) => state === 'waits') ? [place] : [],
  );
  const listedWaiting = unforwarded.map(({ place }) => place).toReversed();
  if (events.length !== rows.length || !isDeepStrictEqual(listedWaiting, waiting)) {
    const found = `${events.length} of ${rows.length} events are listed, and as not forwarded ${listedWaiting}`;
    book.violated('told', `${found}; these are not forwarded: ${waiting}`);
  }
  const shown = (told.answer.data as ToldRoute[]).map(
    ({ name, bound, state, position, waiting, forwarded }) => ({
      name,
      bound,
      state,
      position,
      waiting,
      forwarded,
    }),
  );
  const right = lives.map(({ route, position, phases }) => ({
    name: route,
    bound: world.schedule.boundRoutes.some((bound) => bound === route),
    state: phases.at(-1)?.isActive ? 'active' : 'paused',
    position: String(position),
    waiting: [...expected.values()].flat().filter(({ name, state }) => name === route && state === 'waits')
      .length,
    forwarded: book.routes.forwarded.get(route) ?? 0,
  }));
  if (!isDeepStrictEqual(shown, right)) {
    book.violated('told', `the routes are ${JSON.stringify(shown)}; they are ${JSON.stringify(right)}`);
  }
}

/** Lists events, newest first; `null`: the API does not. */
async function listed(world: World, name: string, filter: string): Promise<ToldEvent[] | null> {
  const events: ToldEvent[] = [];
  let cursor = '';
  for (let page = 0; page < MAX_PAGES; page++) {
    const answered = await world.api(
      `${name} ${page}`,
      'GET',
      `/api/events?limit=${PAGE_EVENTS}${filter}${cursor}`,
    );
    if (answered?.status !== 200) return null;
    events.push(...(answered.answer.data as ToldEvent[]));
    const { next } = answered.answer;
    if (typeof next !== 'string') return events;
    cursor = `&cursor=${next}`;
  }
  return null;
}

function isPassed({ database }: World, route: string, seq: number): boolean {
  const [found] = database.ask(
    `SELECT 1 FROM routes WHERE name = ?1 AND position >= ?2
     UNION ALL SELECT 1 FROM forwarded WHERE route = ?1 AND after < ?2 AND last >= ?2`,
    route,
    seq,
  );
  return found !== undefined;
}
