// A list of events in which new ones appear on top as they are stored.

import type { FC, PropsWithChildren } from 'hono/jsx';
import type { View } from '../frame/view.ts';
import type { EventAnswer } from './event-row.tsx';
import { eventRowTexts } from './texts.ts';

/**
 * The list `#rows`. What is stored after the newest of `events` is put on top, without a gap. While the reader has scrolled
 * down it waits behind a button, see browser/live-rows.ts.
 *
 * @param query the filters of the list, as `/api/tail` takes them; `null`: it does not go on live.
 * @param max so many items are kept, the newest.
 */
export const LiveRows: FC<
  PropsWithChildren<{
    view: View;
    events: readonly EventAnswer[];
    query: Record<string, string> | null;
    max?: number;
  }>
> = ({ view, events, query, max, children }) => {
  const t = eventRowTexts(view.language);
  if (query === null) {
    return (
      <ol id="rows" class="rows" aria-label={t.list}>
        {children}
      </ol>
    );
  }
  const since = events[0]?.place ?? new Date(view.nowMs).toISOString();
  const stream = `/live/events?${new URLSearchParams({ ...query, since })}`;
  return (
    <div class="live" hx-ext="sse" sse-connect={stream}>
      <button
        type="button"
        class="held"
        data-one={t.newEvent}
        data-many={t.newEvents}
        aria-live="polite"
        hidden
      />
      <ol
        id="rows"
        class="rows"
        aria-label={t.list}
        sse-swap="row"
        hx-swap="afterbegin"
        {...(max !== undefined && { 'data-max': String(max) })}
      >
        {children}
      </ol>
    </div>
  );
};
