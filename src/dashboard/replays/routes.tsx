// Replays: jobs that send events to consumers again, how far they are, and what is asked before one begins.

import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type * as z from 'zod';
import type { dryRunAnswer, replayAnswer, replayPage } from '../../api/replays/routes.ts';
import { apiPath, type Problem } from '../frame/api-client.ts';
import { forbidReaders, refusalPage } from '../frame/errors.tsx';
import { type Filters, filtersOf, pageQuery } from '../frame/filters.tsx';
import { html } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { NewReplayPage, ReplayList, ReplayPage, UnfitReplayPage } from './pages.tsx';

/** What the list of events may be filtered by. The API refuses what it cannot replay by: it must not replay more. */
const FILTERS = [
  'type',
  'status',
  'contact',
  'integration',
  'messageId',
  'deferred',
  'forwarded',
  'since',
  'until',
];

type Replay = z.infer<typeof replayAnswer>;

/** To be mounted at `/replays`. */
export function replayPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const period = filtersOf(c.req.query(), ['since', 'until'], view);
      const page = await view.api.get<z.infer<typeof replayPage>>('/replay', pageQuery(c, period));
      return c.html(html(<ReplayList view={view} page={page} />));
    })
    .get('/new', forbidReaders, async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const dryRun = { ...chosenBy(filters), dryRun: true };
      const counted = await view.api.send<z.infer<typeof dryRunAnswer>>('POST', '/replay', dryRun);
      if (counted.ok) {
        return c.html(html(<NewReplayPage view={view} filters={filters} counted={counted.data} />));
      }
      return unfit(c, filters, counted.problem);
    })
    .post('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(await c.req.parseBody(), FILTERS, view);
      const created = await view.api.send<Replay>('POST', '/replay', chosenBy(filters));
      if (created.ok) return c.redirect(`${apiPath`/replays/${created.data.id}`}?done=created`, 303);
      return unfit(c, filters, created.problem);
    })
    .get('/:id', async (c) => onePage(c, c.req.query('done'), 200))
    .post('/:id/cancel', async (c) => {
      const here = apiPath`/replays/${c.req.param('id')}`;
      const path = apiPath`/replay/${c.req.param('id')}/cancel`;
      const cancelled = await c.get('view').api.send<Replay>('POST', path);
      if (cancelled.ok) return c.redirect(`${here}?done=cancelled`, 303);
      return cancelled.problem.status === 409 ? onePage(c, 'over', 409) : refusalPage(c, cancelled.problem);
    });
}

/** What a replay is asked for with: filters, or in so many words all. */
function chosenBy({ query, isAny }: Filters): Record<string, unknown> {
  return isAny ? query : { all: true };
}

function unfit(c: Context<DashboardEnv>, filters: Filters, problem: Problem): Response {
  if (problem.status !== 422) return refusalPage(c, problem);
  const page = <UnfitReplayPage view={c.get('view')} filters={filters} problem={problem} />;
  return c.html(html(page), 422) as Response;
}

async function onePage(
  c: Context<DashboardEnv>,
  done: string | undefined,
  status: ContentfulStatusCode,
): Promise<Response> {
  const view = c.get('view');
  const replay = await view.api.get<Replay>(apiPath`/replay/${c.req.param('id') ?? ''}`);
  return c.html(html(<ReplayPage view={view} replay={replay} done={done} />), status) as Response;
}
