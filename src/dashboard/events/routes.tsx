// Events: their list, one of them, its payload, and sending it again.

import { Hono } from 'hono';
import { getEvent, getPayload, listEvents } from '../../api/events/routes.ts';
import { listIntegrations } from '../../api/integrations/routes.ts';
import { replayEvent } from '../../api/replays/routes.ts';
import { listRoutes } from '../../api/routes/routes.ts';
import { messageIdOf } from '../../contract/event.ts';
import { ApiRefusal, type Problem } from '../frame/api-client.ts';
import { problemPage } from '../frame/errors.tsx';
import { filtersOf, findList } from '../frame/filters.tsx';
import { pagePath } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { findOtherVersions } from './differences.tsx';
import { EVENT_FILTERS } from './event-filters.tsx';
import type { EventAnswer } from './event-row.tsx';
import { findTimeline } from './message-timeline.tsx';
import { EventList, EventPage } from './pages.tsx';

/** To be mounted at `/events`. */
export function eventPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), EVENT_FILTERS, view);
      const isPart = c.req.header('hx-request') !== undefined; // nothing of the answer but the rows is used
      const [found, integrations] = await Promise.all([
        findList(c, listEvents, filters),
        isPart ? null : view.api.attempt(listIntegrations),
      ]);
      const slugs = integrations?.ok ? integrations.data.data.map(({ slug }) => slug) : [];
      const routes = isPart ? [] : await routeNames(view, found.ok ? found.data.data : []);
      const isDeep = Boolean(c.req.query('cursor'));
      const page = <EventList {...{ view, filters, integrations: slugs, routes, found, isDeep }} />;
      return answerPage(c, page, found.ok ? 200 : 400);
    })
    .get('/:integration/:id', async (c) => {
      const view = c.get('view');
      const { integration, id } = c.req.param();
      const [event, payload, timeline] = await Promise.all([
        view.api.call(getEvent, { param: { integration, id } }),
        payloadText(view, integration, id),
        findTimeline(view, messageIdOf(id), integration),
      ]);
      const versions = await findOtherVersions(view, event.versions);
      const isReplayed = c.req.query('done') === 'replayed';
      return answerPage(c, <EventPage {...{ view, event, payload, versions, timeline, isReplayed }} />);
    })
    .get('/:integration/:id/payload', async (c) => {
      const payload = await c.get('view').api.open(getPayload, { param: c.req.param() });
      if (!payload.ok) return problemPage(c, await payload.json());
      // A download, of a type that no browser shows: it must not take for a page what somebody outside wrote.
      return new Response(payload.body, {
        headers: {
          'content-type': 'application/octet-stream',
          'content-disposition': 'attachment; filename="payload.json"',
        },
      });
    })
    .post('/:integration/:id/replay', async (c) => {
      const { integration, id } = c.req.param();
      const { route } = await c.req.parseBody();
      const body = typeof route === 'string' && route !== '' ? { route } : {};
      await c.get('view').api.call(replayEvent, { param: { integration, id }, body });
      return c.redirect(`${pagePath`/events/${integration}/${id}`}?done=replayed`, 303);
    });
}

/** The names of all routes. Each event has them; the API is asked only where there is none. */
async function routeNames(view: View, [event]: readonly EventAnswer[]): Promise<string[]> {
  if (event !== undefined) return event.routes.map(({ name }) => name);
  const routes = await view.api.attempt(listRoutes);
  return routes.ok ? routes.data.data.map(({ name }) => name) : [];
}

async function payloadText(view: View, integration: string, id: string): Promise<string> {
  const payload = await view.api.open(getPayload, { param: { integration, id } });
  if (payload.ok) return payload.text();
  throw new ApiRefusal(await payload.json<Problem>());
}
