// The filters of the list of events, and which of them the live stream and replays also take.

import type { FC } from 'hono/jsx';
import { eventFilters } from '../../api/events/routes.ts';
import { ChoiceFilter, FilterForm, type Filters, PeriodFilters, TextFilter } from '../frame/filters.tsx';
import { commonTexts, eventTypeTexts, statusTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { eventListTexts, eventTexts, oddityTexts } from './texts.ts';

const OF_STREAMS = Object.keys(eventFilters);
const OF_REPLAYS = [...OF_STREAMS, 'since', 'until'];

export const EVENT_FILTERS = [...OF_REPLAYS, 'forwarded', 'route', 'deferred', 'odd'];

/** The filters with which a list goes on live; `null`: the stream does not take them all. */
export function streamQuery({ query }: Filters): Record<string, string> | null {
  const { since: _, ...rest } = query; // what comes from now on is later in any case
  return Object.keys(rest).every((name) => OF_STREAMS.includes(name)) ? rest : null;
}

/** The filters of a replay of what is listed; `null`: a replay does not take them all. */
export function replayQuery({ query }: Filters): Record<string, string> | null {
  return Object.keys(query).every((name) => OF_REPLAYS.includes(name)) ? query : null;
}

/**
 * @param integrations the slugs that can be chosen.
 * @param routes the names of routes that can be.
 */
export const EventFilterForm: FC<{
  view: View;
  filters: Filters;
  integrations: readonly string[];
  routes: readonly string[];
}> = ({ view, filters, integrations, routes }) => {
  const t = eventListTexts(view.language);
  const facts = eventTexts(view.language);
  const common = commonTexts(view.language);
  const field = { view, filters };
  /** Those that there are, and the one that is asked for, as values and their words. */
  const named = (name: string, known: readonly string[]) =>
    [...new Set([...known, filters.query[name] ?? ''])]
      .filter((value) => value !== '')
      .map((value) => [value, value] as const);
  const yesOrNo = [
    ['true', common.yes],
    ['false', common.no],
  ] as const;
  return (
    <search aria-label={t.filters}>
      <FilterForm view={view} action="/events" filters={filters}>
        <TextFilter {...field} name="contact" />
        <ChoiceFilter {...field} name="type" options={Object.entries(eventTypeTexts(view.language))} />
        <ChoiceFilter {...field} name="status" options={Object.entries(statusTexts(view.language))} />
        <ChoiceFilter {...field} name="integration" options={named('integration', integrations)} />
        <TextFilter {...field} name="messageId" />
        <PeriodFilters {...field} />
        <ChoiceFilter {...field} name="forwarded" label={facts.forwarding} options={yesOrNo} />
        <ChoiceFilter {...field} name="route" label={facts.route} options={named('route', routes)} />
        <ChoiceFilter {...field} name="deferred" label={facts.deferral} options={yesOrNo} />
        <ChoiceFilter {...field} name="odd" label={oddityTexts(view.language).title} options={yesOrNo} />
      </FilterForm>
    </search>
  );
};
