// Events: their list, one of them, its payload, and sending it again.

import { Hono } from 'hono';
import type * as z from 'zod';
import type { wholeEventAnswer } from '../../api/events/routes.ts';
import type { integrationList } from '../../api/integrations/routes.ts';
import { messageIdOf } from '../../contract/event.ts';
import { ApiRefusal, apiPath, type Problem } from '../frame/api-client.ts';
import { problemPage } from '../frame/errors.tsx';
import { filtersOf, findList } from '../frame/filters.tsx';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { findOtherVersions } from './differences.tsx';
import { EVENT_FILTERS } from './event-filters.tsx';
import type { EventAnswer } from './event-row.tsx';
import { findTimeline } from './message-timeline.tsx';
import { EventList, type EventListAnswer, EventPage } from './pages.tsx';

type WholeEvent = EventAnswer & Pick<z.infer<typeof wholeEventAnswer>, 'versions'>;

/** To be mounted at `/events`. */
export function eventPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), EVENT_FILTERS, view);
      const isPart = c.req.header('hx-request') !== undefined; // nothing of the answer but the rows is used
      const [found, integrations] = await Promise.all([
        findList<EventListAnswer>(c, '/events', filters),
        isPart ? null : view.api.find<z.infer<typeof integrationList>>('/integrations'),
      ]);
      const slugs = integrations?.ok ? integrations.data.data.map(({ slug }) => slug) : [];
      const isDeep = Boolean(c.req.query('cursor'));
      const page = <EventList {...{ view, filters, integrations: slugs, found, isDeep }} />;
      return answerPage(c, page, found.ok ? 200 : 400);
    })
    .get('/:integration/:id', async (c) => {
      const view = c.get('view');
      const { integration, id } = c.req.param();
      const [event, payload, timeline] = await Promise.all([
        view.api.get<WholeEvent>(apiPath`/events/${integration}/${id}`),
        payloadText(view, integration, id),
        findTimeline(view, messageIdOf(id), integration),
      ]);
      const versions = await findOtherVersions(view, event.versions);
      const isReplayed = c.req.query('done') === 'replayed';
      return answerPage(c, <EventPage {...{ view, event, payload, versions, timeline, isReplayed }} />);
    })
    .get('/:integration/:id/payload', async (c) => {
      const { integration, id } = c.req.param();
      const payload = await c.get('view').api.stream(apiPath`/events/${integration}/${id}/payload`);
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
      const replayed = await c.get('view').api.send('POST', apiPath`/events/${integration}/${id}/replay`);
      if (!replayed.ok) throw new ApiRefusal(replayed.problem);
      return c.redirect(`${apiPath`/events/${integration}/${id}`}?done=replayed`, 303);
    });
}

async function payloadText(view: View, integration: string, id: string): Promise<string> {
  const payload = await view.api.stream(apiPath`/events/${integration}/${id}/payload`);
  if (payload.ok) return payload.text();
  throw new ApiRefusal(await payload.json<Problem>());
}
