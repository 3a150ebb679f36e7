// The pages of events: the list, which goes on live, and one event with its message and its payload.

import type { FC } from 'hono/jsx';
import type { listEvents } from '../../api/events/routes.ts';
import { webhookContent } from '../../contract/message-content.ts';
import { readableText } from '../../contract/message-text.ts';
import type { AnswerOf } from '../../http/operation.ts';
import type { Answer } from '../frame/api-client.ts';
import {
  ContactLink,
  Copyable,
  Facts,
  More,
  Notice,
  Panel,
  Said,
  SaidCode,
  Time,
} from '../frame/components.tsx';
import { FilterProblems, type Filters } from '../frame/filters.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { payloadTree } from '../frame/payload-tree.tsx';
import { beginningOf } from '../frame/text-cutting.ts';
import { commonTexts, filterTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { type OtherVersions, Versions } from './differences.tsx';
import { EventFilterForm, replayQuery, streamQuery } from './event-filters.tsx';
import { EventReplayForm, EventRoutes } from './event-routes.tsx';
import { type EventAnswer, EventRow, Ticks, wordsOf } from './event-row.tsx';
import { LiveRows } from './live-rows.tsx';
import { SaidContent } from './message-content.tsx';
import { MessageEvents, type MessageTimeline, Stepper } from './message-timeline.tsx';
import { eventListTexts, eventRouteTexts, eventTexts, oddityTexts } from './texts.ts';

export type EventListAnswer = AnswerOf<typeof listEvents>;

const MAX_NAME_CHARACTERS = 60;
/** So many UTF-16 code units of the payload are shown; the download has all. */
const MAX_RAW_CHARACTERS = 65_536;

interface ListProps {
  view: View;
  filters: Filters;
  /** Whether it begins further down than at the newest event. */
  isDeep: boolean;
}

/**
 * @param integrations the slugs that can be filtered by.
 * @param routes the names of routes that can be.
 */
export const EventList: FC<
  ListProps & { integrations: readonly string[]; routes: readonly string[]; found: Answer<EventListAnswer> }
> = ({ view, filters, integrations, routes, found, isDeep }) => {
  const form = <EventFilterForm {...{ view, filters, integrations, routes }} />;
  return (
    <Page view={view} title={commonTexts(view.language).events}>
      {found.ok ? (
        <>
          {form}
          <Events view={view} filters={filters} isDeep={isDeep} events={found.data} />
        </>
      ) : (
        <>
          <FilterProblems view={view} problem={found.problem} />
          {form}
        </>
      )}
    </Page>
  );
};

const Events: FC<ListProps & { events: EventListAnswer }> = ({
  view,
  filters,
  isDeep,
  events: { data, next },
}) => {
  const t = eventListTexts(view.language);
  const common = commonTexts(view.language);
  const stream = isDeep ? null : streamQuery(filters);
  return (
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
  );
};

/** Leads to a replay of everything that matches, where there can be one. */
const ReplayLink: FC<{ view: View; filters: Filters }> = ({ view, filters }) => {
  const t = eventListTexts(view.language);
  const query = replayQuery(filters);
  if (query === null || !view.actor.mayChange) return null;
  return (
    <a href={`/replays/new?${new URLSearchParams(query)}`}>{filters.isAny ? t.replayThese : t.replayAll}</a>
  );
};

interface EventProps {
  view: View;
  event: EventAnswer;
}

/** @param isReplayed whether it was just sent again. */
export const EventPage: FC<
  EventProps & {
    payload: string;
    versions: OtherVersions;
    timeline: MessageTimeline | null;
    isReplayed: boolean;
  }
> = ({ view, event, payload, versions, timeline, isReplayed }) => {
  const t = eventTexts(view.language);
  const again = eventRouteTexts(view.language);
  const path = pagePath`/events/${event.integration}/${event.id}`;
  const { name, ...said } = webhookContent(event.payload);
  const { what } = wordsOf(event, view.language);
  const heading = (
    <>
      <Ticks status={event.status} /> {event.contact !== null && <ContactLink contact={event.contact} />}{' '}
      {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />} {what}
    </>
  );
  return (
    <Page view={view} title={commonTexts(view.language).event} heading={heading}>
      {isReplayed && (
        <Notice>
          {again.replayed} <a href="/replays">{again.itsReplays}</a>
        </Notice>
      )}
      <div class="actions">
        {event.contact !== null && (
          <a class="button secondary" href={pagePath`/contacts/${event.contact}`}>
            {t.conversation}
          </a>
        )}
        {view.actor.mayChange && event.routes.length > 0 && (
          <EventReplayForm view={view} path={path} routes={event.routes} />
        )}
      </div>
      <Panel id="said" title={t.said} class="said-content">
        <SaidContent view={view} content={{ ...said, omitted: false }} isWhole />
      </Panel>
      <Versions view={view} integration={event.integration} payload={payload} versions={versions} />
      <Course view={view} event={event} timeline={timeline} />
      <Oddities view={view} event={event} />
      <EventRoutes view={view} routes={event.routes} />
      <EventFacts view={view} event={event} />
      <Payload view={view} payload={payload} path={`${path}/payload`} />
    </Page>
  );
};

const Course: FC<EventProps & { timeline: MessageTimeline | null }> = ({ view, event, timeline }) => {
  const t = eventTexts(view.language);
  return (
    <Panel id="course" title={t.course}>
      {timeline === null ? (
        <p class="muted">{t.courseUnknown}</p>
      ) : (
        <>
          <Stepper view={view} timeline={timeline} />
          <h3>{t.events}</h3>
          <MessageEvents view={view} timeline={timeline} current={event.id} />
          {!timeline.complete && (
            <p class="muted">
              {t.incomplete}{' '}
              <a href={`/events?${new URLSearchParams({ messageId: event.messageId })}`}>{t.listed}</a>
            </p>
          )}
        </>
      )}
    </Panel>
  );
};

/** How the payload differs from the documentation. */
const Oddities: FC<EventProps> = ({ view, event }) => {
  const t = oddityTexts(view.language);
  if (event.oddities.length === 0) return null;
  return (
    <Panel id="oddities" title={t.title}>
      <p>{t.meaning}</p>
      <ul>
        {event.oddities.map(({ path, code }) => (
          <li>
            <code>{path}</code> {t[code]}
          </li>
        ))}
      </ul>
    </Panel>
  );
};

const EventFacts: FC<EventProps> = ({ view, event }) => {
  const t = eventTexts(view.language);
  const common = commonTexts(view.language);
  const { number } = view.formats;
  const contextId = readableText(event.payload?.message?.contextId); // an old payload can hold anything there
  return (
    <Panel id="facts" title={t.facts}>
      <Facts
        facts={[
          [t.occurredAt, <Time view={view} at={event.occurredAt} whole />],
          [t.receivedAt, <Time view={view} at={event.receivedAt} whole />],
          [t.deliveries, t.times(event.deliveries, number(event.deliveries))],
          [t.deferral, event.deferred ? t.deferred : t.notDeferred],
          [filterTexts(view.language).integration, <code>{event.integration}</code>],
          [t.appId, event.appId === null ? common.unknown : <SaidCode text={event.appId} />],
          contextId !== null && [t.contextId, <Said text={contextId} />],
        ]}
      />
      <h3>{t.eventId}</h3>
      <Copyable view={view} value={event.id} label={t.eventId} />
      <h3>{t.messageId}</h3>
      <Copyable view={view} value={event.messageId} label={t.messageId} />
    </Panel>
  );
};

const Payload: FC<{ view: View; payload: string; path: string }> = ({ view, payload, path }) => {
  const t = eventTexts(view.language);
  const { bytes } = view.formats;
  const download = (
    <p>
      <small>{t.payloadSize(bytes(new TextEncoder().encode(payload).byteLength))}</small>{' '}
      <a href={path} download>
        {commonTexts(view.language).download}
      </a>
    </p>
  );
  return (
    <Panel id="payload" title={t.payload} beside={download}>
      {payloadTree(view, payload) ?? <p>{t.unreadable}</p>}
      <details>
        <summary>{t.raw}</summary>
        {payload.length > MAX_RAW_CHARACTERS && <p>{t.rawCut(bytes(MAX_RAW_CHARACTERS))}</p>}
        <section tabindex={0} aria-label={t.raw}>
          <pre>
            <code>
              <bdi>{beginningOf(payload, MAX_RAW_CHARACTERS)}</bdi>
            </code>
          </pre>
        </section>
      </details>
    </Panel>
  );
};
