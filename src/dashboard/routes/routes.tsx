// Routes: the ways out, how far each has come, and adding and changing them.

import { type Context, Hono } from 'hono';
import { listIntegrations } from '../../api/integrations/routes.ts';
import { MAX_PAGE_ENTRIES } from '../../api/query-parameters.ts';
import { listReplays } from '../../api/replays/routes.ts';
import { routeName } from '../../api/routes/route.ts';
import {
  createRoute,
  deleteRoute,
  getRoute,
  listRoutes,
  pauseRoute,
  resumeRoute,
  updateRoute,
} from '../../api/routes/routes.ts';
import { problemsIn } from '../../contract/problems.ts';
import { bindingOf } from '../../contract/routes.ts';
import type { Answer, Problem } from '../frame/api-client.ts';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import type { Language } from '../frame/language.ts';
import { pagePath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { filterIn } from './filter-fields.tsx';
import {
  beginningOf,
  NewRoutePage,
  type NewRoutePageProps,
  RouteNamePage,
  type TypedRoute,
  typedRoute,
} from './new-route.tsx';
import { DeleteRoutePage, RouteList, RoutePage, type RoutePageProps } from './pages.tsx';
import { newRouteTexts } from './texts.ts';

/** So many replays are shown on the page of their route. */
const SHOWN_REPLAYS = 5;

/** To be mounted at `/routes`. No route has the underscore at the beginning of `/_new`. */
export function routePages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const routes = await view.api.call(listRoutes);
      return answerPage(c, <RouteList view={view} routes={routes} done={c.req.query('done') ?? ''} />);
    })
    .get('/_new', forbidReaders, async (c) => answerNewRoute(c, c.req.query('name')?.trim() ?? null))
    .post('/_new', forbidReaders, async (c) => {
      const view = c.get('view');
      const typed = typedRoute(await c.req.parseBody({ all: true }));
      const { name, filter } = typed;
      const created = await view.api.attempt(createRoute, {
        body: { name, filter, from: beginningOf(typed, view) },
      });
      if (created.ok) return c.redirect(`${pagePath`/routes/${name}`}?done=created`, 303);
      const { problem } = created;
      if (problem.status !== 422 && problem.status !== 409) return problemPage(c, problem);
      const conflict = conflictWords(problem, view.language);
      return answerDetails(c, typed, { errors: problem.errors ?? [], conflict }, problem.status);
    })
    .get('/:name', async (c) => answerRoute(c))
    .post('/:name', async (c) => {
      const filter = filterIn(await c.req.parseBody({ all: true }));
      const updated = await c
        .get('view')
        .api.attempt(updateRoute, { param: c.req.param(), body: { filter } });
      return updated.ok || updated.problem.status !== 422
        ? answerChange(c, 'saved', updated)
        : answerRoute(c, { ticked: filter, errors: updated.problem.errors ?? [] }, 422);
    })
    .post('/:name/pause', async (c) =>
      answerChange(c, 'paused', await c.get('view').api.attempt(pauseRoute, { param: c.req.param() })),
    )
    .post('/:name/resume', async (c) =>
      answerChange(c, 'resumed', await c.get('view').api.attempt(resumeRoute, { param: c.req.param() })),
    )
    .get('/:name/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const route = await view.api.call(getRoute, { param: c.req.param() });
      return answerPage(c, <DeleteRoutePage view={view} route={route} />);
    })
    .post('/:name/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const param = c.req.param();
      const { confirm } = await c.req.parseBody();
      if (typeof confirm !== 'string' || confirm.trim() !== param.name) {
        const route = await view.api.call(getRoute, { param });
        return answerPage(c, <DeleteRoutePage view={view} route={route} isMistyped />, 422);
      }
      await view.api.call(deleteRoute, { param });
      return c.redirect('/routes?done=deleted', 303);
    });
}

/** Asks for a name, or with one that is fit for the rest. @param name `null`: none was typed. */
async function answerNewRoute(c: Context<DashboardEnv>, name: string | null): Promise<Response> {
  const view = c.get('view');
  if (name === null) return answerPage(c, <RouteNamePage view={view} name="" error={null} />);
  const checked = routeName.safeParse(name);
  if (!checked.success) {
    const [error = null] = problemsIn(checked.error, name);
    return answerPage(c, <RouteNamePage view={view} name={name} error={error} />, 422);
  }
  return answerDetails(c, typedRoute({ name }));
}

/** Asks for what a new route needs besides its name. */
async function answerDetails(
  c: Context<DashboardEnv>,
  typed: TypedRoute,
  refused: Pick<NewRoutePageProps, 'errors' | 'conflict'> = {},
  status = 200,
): Promise<Response> {
  const view = c.get('view');
  const [{ data, unrouted }, integrations] = await Promise.all([view.api.call(listRoutes), slugsOf(view)]);
  if (data.some(({ name }) => name === typed.name)) {
    return answerPage(c, <RouteNamePage view={view} name={typed.name} error="route-exists" />, 409);
  }
  const isBound = unrouted.includes(bindingOf(typed.name));
  return answerPage(c, <NewRoutePage {...{ view, typed, isBound, integrations, ...refused }} />, status);
}

/** Why a route cannot be added as things stand; `null`: something is wrong with what was filled in. */
function conflictWords({ reason }: Problem, language: Language): string | null {
  const t = newRouteTexts(language);
  if (reason === 'route-exists') return t.taken;
  return reason === 'too-many-routes' ? t.full : null;
}

async function slugsOf(view: View): Promise<string[]> {
  const { data } = await view.api.call(listIntegrations);
  return data.map(({ slug }) => slug);
}

/** Answers with the route after a change. One that had the state already is shown as it is. */
async function answerChange(
  c: Context<DashboardEnv>,
  done: string,
  answer: Answer<unknown>,
): Promise<Response> {
  const here = pagePath`/routes/${c.req.param('name') ?? ''}`;
  if (answer.ok) return c.redirect(`${here}?done=${done}`, 303);
  if (answer.problem.reason === 'state-already') return c.redirect(`${here}?done=already`, 303);
  return problemPage(c, answer.problem);
}

async function answerRoute(
  c: Context<DashboardEnv>,
  refused: Partial<Pick<RoutePageProps, 'ticked' | 'errors'>> = {},
  status = 200,
): Promise<Response> {
  const view = c.get('view');
  const [route, { data }, integrations] = await Promise.all([
    view.api.call(getRoute, { param: { name: c.req.param('name') ?? '' } }),
    view.api.call(listReplays, { query: { limit: MAX_PAGE_ENTRIES } }),
    view.actor.mayChange ? slugsOf(view) : [],
  ]);
  const replays = data.filter((replay) => replay.route === route.name).slice(0, SHOWN_REPLAYS);
  const done = c.req.query('done') ?? '';
  const page = (
    <RoutePage
      {...{ view, route, replays, integrations, done, ticked: route.filter, errors: [], ...refused }}
    />
  );
  return answerPage(c, page, status);
}
