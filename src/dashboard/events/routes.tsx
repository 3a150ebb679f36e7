// The events: their list, one of them, and sending one again.

import { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { eventPage, wholeEventAnswer } from '../../api/events/routes.ts';
import type { integrationList } from '../../api/integrations/routes.ts';
import { messageIdOf } from '../../contract/event.ts';
import { ApiRefusal, apiPath, type Problem } from '../frame/api-client.ts';
import { refusalPage } from '../frame/errors.tsx';
import { FilterProblems, type Filters, filtersOf, findList } from '../frame/filters.tsx';
import { html, More, Page, withQuery } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { DashboardEnv, View } from '../frame/view.ts';
import { findOtherVersions } from './differences.tsx';
import { EVENT_FILTERS, EventFilterForm, replayQuery, streamQuery } from './event-filters.tsx';
import { EventRow, type ShownEvent } from './event-row.tsx';
import { eventsTexts } from './list-texts.ts';
import { LiveRows } from './live-rows.tsx';
import { findTimeline } from './message-timeline.tsx';
import { EventPage } from './pages.tsx';

type Events = z.infer<typeof eventPage>;
type WholeEvent = ShownEvent & Pick<z.infer<typeof wholeEventAnswer>, 'versions'>;

/** To be mounted at `/events`. */
export function eventPages(): Hono<DashboardEnv> {
  const pages = new Hono<DashboardEnv>();

  pages.get('/', async (c) => {
    const view = c.get('view');
    const filters = filtersOf(c.req.query(), EVENT_FILTERS, view);
    const isPart = c.req.header('hx-request') !== undefined; // the rows alone are taken of the answer
    const [events, integrations] = await Promise.all([
      findList<Events>(c, '/events', filters),
      isPart ? null : view.api.find<z.infer<typeof integrationList>>('/integrations'),
    ]);
    const slugs = integrations?.ok ? integrations.data.data.map(({ slug }) => slug) : [];
    if (events.ok) {
      const isDeep = Boolean(c.req.query('cursor'));
      const shown = { view, filters, integrations: slugs, events: events.data, isDeep };
      return c.html(html(<EventList {...shown} />));
    }
    const refused = { view, filters, integrations: slugs, problem: events.problem };
    return c.html(html(<RefusedList {...refused} />), 400);
  });

  pages.get('/:integration/:id', async (c) => {
    const view = c.get('view');
    const { integration, id } = c.req.param();
    const [event, payload, timeline] = await Promise.all([
      view.api.get<WholeEvent>(apiPath`/events/${integration}/${id}`),
      payloadText(view, integration, id),
      findTimeline(view, messageIdOf(id), integration),
    ]);
    const versions = await findOtherVersions(view, event.versions);
    const isReplayed = c.req.query('done') === 'replayed';
    return c.html(html(<EventPage {...{ view, event, payload, versions, timeline, isReplayed }} />));
  });

  // To be kept, never to be shown: a browser is not to read as a page what somebody outside wrote.
  pages.get('/:integration/:id/payload', async (c) => {
    const { integration, id } = c.req.param();
    const payload = await c.get('view').api.stream(apiPath`/events/${integration}/${id}/payload`);
    if (!payload.ok) return refusalPage(c, await payload.json());
    return new Response(payload.body, {
      headers: {
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment; filename="payload.json"',
      },
    });
  });

  pages.post('/:integration/:id/replay', async (c) => {
    const { integration, id } = c.req.param();
    const replayed = await c.get('view').api.send('POST', apiPath`/events/${integration}/${id}/replay`);
    if (!replayed.ok) throw new ApiRefusal(replayed.problem);
    return c.redirect(`${apiPath`/events/${integration}/${id}`}?done=replayed`, 303);
  });

  return pages;
}

async function payloadText(view: View, integration: string, id: string): Promise<string> {
  const payload = await view.api.stream(apiPath`/events/${integration}/${id}/payload`);
  if (payload.ok) return payload.text();
  throw new ApiRefusal(await payload.json<Problem>());
}

interface ListProps {
  view: View;
  filters: Filters;
  integrations: readonly string[];
}

/** @param isDeep whether it begins further down than at the newest event. */
const EventList: FC<ListProps & { events: Events; isDeep: boolean }> = ({
  view,
  filters,
  integrations,
  events: { data, next },
  isDeep,
}) => {
  const t = eventsTexts(view.language);
  const common = commonTexts(view.language);
  const stream = isDeep ? null : streamQuery(filters);
  return (
    <Page view={view} title={common.events}>
      <EventFilterForm view={view} filters={filters} integrations={integrations} />
      <section class="panel" aria-label={common.events}>
        <div class="panel-head">
          <p class="muted">{stream !== null ? t.live : isDeep ? t.deep : t.notLive}</p>
          <p>
            {isDeep ? (
              <a href={withQuery(view.address, { cursor: null })}>{t.fromTop}</a>
            ) : (
              <ReplayLink view={view} filters={filters} />
            )}
          </p>
        </div>
        <LiveRows view={view} events={data} query={stream}>
          {data.map((event) => (
            <EventRow view={view} event={event} />
          ))}
          {data.length === 0 && next === null && (
            <li class="empty">{filters.isAny || isDeep ? common.nothingFound : t.none}</li>
          )}
          <More view={view} cursor={next} isEmpty={data.length === 0} />
        </LiveRows>
      </section>
    </Page>
  );
};

const RefusedList: FC<ListProps & { problem: Problem }> = ({ view, filters, integrations, problem }) => (
  <Page view={view} title={commonTexts(view.language).events}>
    <FilterProblems view={view} problem={problem} />
    <EventFilterForm view={view} filters={filters} integrations={integrations} />
  </Page>
);

/** To where everything that matches is sent again, for those who may. */
const ReplayLink: FC<{ view: View; filters: Filters }> = ({ view, filters }) => {
  const t = eventsTexts(view.language);
  const query = replayQuery(filters);
  if (query === null || !view.actor.mayChange) return null;
  return (
    <a href={`/replays/new?${new URLSearchParams(query)}`}>{filters.isAny ? t.replayThese : t.replayAll}</a>
  );
};
