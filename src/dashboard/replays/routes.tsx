// Replays: jobs that send events to consumers again.

import { type Context, Hono } from 'hono';
import { cancelReplay, createReplay, getReplay, listReplays } from '../../api/replays/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { EVENT_FILTERS } from '../events/event-filters.tsx';
import type { Problem } from '../frame/api-client.ts';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import { chosenBy, type Filters, filtersOf, pageQuery } from '../frame/filters.tsx';
import { pagePath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
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
      return answerPage(c, <ReplayList view={view} page={page} />);
    })
    .get('/new', forbidReaders, async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), EVENT_FILTERS, view);
      const counted = await view.api.attempt(createReplay, { body: { ...chosenBy(filters), dryRun: true } });
      if (!counted.ok) return answerUnfit(c, filters, counted.problem);
      const ofDryRun = counted.data as AnswerOf<typeof createReplay, 200>;
      return answerPage(c, <NewReplayPage view={view} filters={filters} counted={ofDryRun} />);
    })
    .post('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(await c.req.parseBody(), EVENT_FILTERS, view);
      const created = await view.api.attempt(createReplay, { body: chosenBy(filters) });
      if (!created.ok) return answerUnfit(c, filters, created.problem);
      const { id } = created.data as AnswerOf<typeof createReplay, 202>;
      return c.redirect(`${pagePath`/replays/${id}`}?done=created`, 303);
    })
    .get('/:id', async (c) => answerReplay(c, c.req.query('done'), 200))
    .post('/:id/cancel', async (c) => {
      const here = pagePath`/replays/${c.req.param('id')}`;
      const cancelled = await c.get('view').api.attempt(cancelReplay, { param: { job: c.req.param('id') } });
      if (cancelled.ok) return c.redirect(`${here}?done=cancelled`, 303);
      return cancelled.problem.status === 409
        ? answerReplay(c, 'over', 409)
        : problemPage(c, cancelled.problem);
    });
}

/** Answers with what the API cannot replay by. */
function answerUnfit(c: Context<DashboardEnv>, filters: Filters, problem: Problem): Response {
  if (problem.status !== 422) return problemPage(c, problem);
  return answerPage(c, <UnfitReplayPage view={c.get('view')} filters={filters} problem={problem} />, 422);
}

async function answerReplay(
  c: Context<DashboardEnv>,
  done: string | undefined,
  status: number,
): Promise<Response> {
  const view = c.get('view');
  const replay = await view.api.call(getReplay, { param: { job: c.req.param('id') ?? '' } });
  return answerPage(c, <ReplayPage view={view} replay={replay} done={done} />, status);
}
