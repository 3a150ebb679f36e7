// How far a route has come, in words.

import type { Child, FC } from 'hono/jsx';
import { MAX_COUNTED } from '../../api/fields.ts';
import type { getRoute } from '../../api/routes/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { Badge, Time, type Tone } from '../frame/components.tsx';
import { withQuery } from '../frame/local-path.ts';
import type { View } from '../frame/view.ts';
import { routeStateTexts } from './state-texts.ts';
import { routeTexts } from './texts.ts';

export type ShownRoute = AnswerOf<typeof getRoute>;

const TONES: Record<ShownRoute['state'], Tone> = { active: 'good', paused: 'warn' };

export const StateBadge: FC<{ view: View; route: ShownRoute }> = ({ view, route: { state } }) => (
  <Badge tone={TONES[state]}>{routeStateTexts(view.language)[state]}</Badge>
);

/** How many events wait, and the oldest for how long. */
export const Behind: FC<{ view: View; route: Pick<ShownRoute, 'waiting' | 'oldestWaiting' | 'name'> }> = ({
  view,
  route: { waiting, oldestWaiting, name },
}) => {
  const t = routeTexts(view.language);
  const { duration } = view.formats;
  if (oldestWaiting === null) return <span>{t.upToDate}</span>;
  return (
    <>
      <a id={`waiting-${name}`} href={withQuery('/events', { forwarded: 'false', route: name })}>
        {waitingWords(waiting, view)}
      </a>
      , {t.waitingFor(duration(oldestWaiting.ageMs))}
    </>
  );
};

export function waitingWords(waiting: number, { language, formats }: View): string {
  const t = routeTexts(language);
  const written = formats.number(waiting);
  return waiting >= MAX_COUNTED ? t.waitingAtLeast(written) : t.waiting(waiting, written);
}

/** A count that ends where the API stops counting. */
export function countWords(count: number, { language, formats }: View): string {
  const written = formats.number(count);
  return count >= MAX_COUNTED ? routeTexts(language).atLeast(written) : written;
}

export const DeadLetterCount: FC<{ view: View; route: ShownRoute }> = ({
  view,
  route: { deadLetters, name },
}) =>
  deadLetters === 0 ? (
    <span>{countWords(deadLetters, view)}</span>
  ) : (
    <a id={`dead-letters-${name}`} href={withQuery('/dead-letters', { route: name })}>
      {countWords(deadLetters, view)}
    </a>
  );

/** What waits in the queue of a route for its consumer. */
export function backlogWords({ backlog, bound }: ShownRoute, { language, formats }: View): string {
  const t = routeTexts(language);
  if (!bound) return t.noQueue;
  if (backlog === null) return t.backlogUnknown;
  return t.backlog(backlog.messages, formats.number(backlog.messages), formats.bytes(backlog.bytes));
}

/** When a route was at a place; a word in its stead where there is none. */
export function momentOr(at: string | null, words: string, view: View): Child {
  return at === null ? words : <Time view={view} at={at} whole />;
}
