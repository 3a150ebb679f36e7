// Replays: events that are sent to consumers again, to one route each.

import { type Context, Hono } from 'hono';
import {
  cancelReplay,
  createReplay,
  getReplay,
  listReplays,
  pauseReplay,
  resumeReplay,
} from '../../api/replays/routes.ts';
import { listRoutes } from '../../api/routes/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { EVENT_FILTERS } from '../events/event-filters.tsx';
import type { Answer, Problem } from '../frame/api-client.ts';
import { countsOf } from '../frame/bulk-actions.tsx';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import { chosenBy, type Filters, filtersOf, pageQuery } from '../frame/filters.tsx';
import { pagePath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { NewReplayPage, ReplayList, ReplayPage, UnfitReplayPage } from './pages.tsx';

/**
 * To be mounted at `/replays`. All filters of the list of events go to the API, which refuses those that it cannot replay
 * by: one that was left out here would replay more than was asked for.
 */
export function replayPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const period = filtersOf(c.req.query(), ['since', 'until'], view);
      const page = await view.api.call(listReplays, { query: pageQuery(c, period) });
      const { begun } = countsOf(c.req.query(), ['begun']);
      return answerPage(c, <ReplayList view={view} page={page} begun={begun} />);
    })
    .get('/new', forbidReaders, async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), EVENT_FILTERS, view);
      const [counted, routes] = await Promise.all([
        view.api.attempt(createReplay, { body: { ...chosenEvents(filters), dryRun: true } }),
        routeNames(view),
      ]);
      if (!counted.ok) return answerUnfit(c, filters, counted.problem, routes);
      const ofDryRun = counted.data as AnswerOf<typeof createReplay, 200>;
      return answerPage(c, <NewReplayPage {...{ view, filters, routes, counted: ofDryRun }} />);
    })
    .post('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(await c.req.parseBody(), EVENT_FILTERS, view);
      const created = await view.api.attempt(createReplay, { body: chosenEvents(filters) });
      if (!created.ok) return answerUnfit(c, filters, created.problem, await routeNames(view));
      const { data } = created.data as AnswerOf<typeof createReplay, 202>;
      const [first, second] = data;
      return first === undefined || second !== undefined
        ? c.redirect(`/replays?begun=${data.length}`, 303)
        : c.redirect(`${pagePath`/replays/${first.id}`}?done=created`, 303);
    })
    .get('/:id', async (c) => answerReplay(c, c.req.query('done') ?? '', 200))
    .post('/:id/cancel', async (c) =>
      answerChange(c, 'cancelled', await c.get('view').api.attempt(cancelReplay, paramOf(c))),
    )
    .post('/:id/pause', async (c) =>
      answerChange(c, 'paused', await c.get('view').api.attempt(pauseReplay, paramOf(c))),
    )
    .post('/:id/resume', async (c) =>
      answerChange(c, 'resumed', await c.get('view').api.attempt(resumeReplay, paramOf(c))),
    );
}

function paramOf(c: Context<DashboardEnv>) {
  return { param: { job: c.req.param('id') ?? '' } };
}

/** The body that asks the API for a replay. A route is no filter: without one, all events must be asked for. */
function chosenEvents({ query: { route, ...query } }: Filters): Record<string, unknown> {
  return { ...chosenBy({ query, isAny: Object.keys(query).length > 0 }), route };
}

async function routeNames(view: View): Promise<string[]> {
  const { data } = await view.api.call(listRoutes);
  return data.map(({ name }) => name);
}

/** Answers with what the API cannot replay by. */
function answerUnfit(
  c: Context<DashboardEnv>,
  filters: Filters,
  problem: Problem,
  routes: readonly string[],
): Response {
  if (problem.status !== 422) return problemPage(c, problem);
  return answerPage(c, <UnfitReplayPage {...{ view: c.get('view'), filters, problem, routes }} />, 422);
}

/** Answers with the replay after a change, or with why it came too late. */
async function answerChange(
  c: Context<DashboardEnv>,
  done: string,
  answer: Answer<unknown>,
): Promise<Response> {
  if (answer.ok) return c.redirect(`${pagePath`/replays/${paramOf(c).param.job}`}?done=${done}`, 303);
  const { problem } = answer;
  if (problem.status !== 409) return problemPage(c, problem);
  return answerReplay(c, problem.reason === 'state-already' ? 'already' : 'over', 409);
}

async function answerReplay(c: Context<DashboardEnv>, done: string, status: number): Promise<Response> {
  const view = c.get('view');
  const replay = await view.api.call(getReplay, paramOf(c));
  return answerPage(c, <ReplayPage view={view} replay={replay} done={done} />, status);
}
