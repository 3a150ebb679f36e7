// Replays: jobs that send events to consumers again.

import { type Context, Hono } from 'hono';
import type * as z from 'zod';
import type { dryRunAnswer, replayAnswer, replayPage } from '../../api/replays/routes.ts';
import { EVENT_FILTERS } from '../events/event-filters.tsx';
import { apiPath, type Problem } from '../frame/api-client.ts';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import { chosenBy, type Filters, filtersOf, pageQuery } from '../frame/filters.tsx';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { NewReplayPage, ReplayList, ReplayPage, UnfitReplayPage } from './pages.tsx';

type Replay = z.infer<typeof replayAnswer>;

/**
 * To be mounted at `/replays`. All filters of the list of events go to the API, which refuses those that it cannot replay
 * by: one that was left out here would replay more than was asked for.
 */
export function replayPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const period = filtersOf(c.req.query(), ['since', 'until'], view);
      const page = await view.api.get<z.infer<typeof replayPage>>('/replay', pageQuery(c, period));
      return answerPage(c, <ReplayList view={view} page={page} />);
    })
    .get('/new', forbidReaders, async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), EVENT_FILTERS, view);
      const dryRun = { ...chosenBy(filters), dryRun: true };
      const counted = await view.api.send<z.infer<typeof dryRunAnswer>>('POST', '/replay', dryRun);
      return counted.ok
        ? answerPage(c, <NewReplayPage view={view} filters={filters} counted={counted.data} />)
        : answerUnfit(c, filters, counted.problem);
    })
    .post('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(await c.req.parseBody(), EVENT_FILTERS, view);
      const created = await view.api.send<Replay>('POST', '/replay', chosenBy(filters));
      return created.ok
        ? c.redirect(`${apiPath`/replays/${created.data.id}`}?done=created`, 303)
        : answerUnfit(c, filters, created.problem);
    })
    .get('/:id', async (c) => answerReplay(c, c.req.query('done'), 200))
    .post('/:id/cancel', async (c) => {
      const here = apiPath`/replays/${c.req.param('id')}`;
      const path = apiPath`/replay/${c.req.param('id')}/cancel`;
      const cancelled = await c.get('view').api.send<Replay>('POST', path);
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
  const replay = await view.api.get<Replay>(apiPath`/replay/${c.req.param('id') ?? ''}`);
  return answerPage(c, <ReplayPage view={view} replay={replay} done={done} />, status);
}
