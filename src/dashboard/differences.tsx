// What came under the ids of an event with another content: where it differs, and what else there is.

import type { Child, FC } from 'hono/jsx';
import { differencesBetween } from '../contract/content.ts';
import { apiPath } from './api-client.ts';
import { EventLink, Facts } from './page.tsx';
import { valueTree } from './payload-tree.tsx';
import { ProblemPath } from './problem-words.tsx';
import { differenceTexts } from './texts/differences.ts';
import type { View } from './view.ts';

/** The event that a rejection repeats, and what both have in the places in which they differ. */
export const Differences: FC<{
  view: View;
  integration: string;
  eventId: string;
  /** The payload of the event; `null`: it is not there any more. */
  stored: string | null;
  repeated: string;
}> = ({ view, integration, eventId, stored, repeated }) => {
  const t = differenceTexts(view.language);
  const differences = stored === null ? [] : differencesBetween(stored, repeated);
  const shown = differences.filter((one) => 'stored' in one || 'repeated' in one);
  return (
    <section class="panel" aria-labelledby="differences">
      <h2 id="differences">{t.title}</h2>
      <p>
        {stored === null ? t.gone : t.repeats} <EventLink integration={integration} id={eventId} />
      </p>
      {shown.map(({ path, ...sides }) => (
        <>
          <h3>{path === '' ? t.whole : <ProblemPath path={path} />}</h3>
          <Facts
            facts={[
              [t.inEvent, sideOf(view, sides, 'stored')],
              [t.here, sideOf(view, sides, 'repeated')],
            ]}
          />
        </>
      ))}
    </section>
  );
};

type Sides = Omit<ReturnType<typeof differencesBetween>[number], 'path'>;

/** What one of them has in a place. */
function sideOf(view: View, sides: Sides, side: keyof Sides): Child {
  return side in sides ? (
    valueTree(view, sides[side])
  ) : (
    <span class="muted">{differenceTexts(view.language).nothing}</span>
  );
}

/** Links to what else came under the ids of an event; nothing where there is none. */
export const Versions: FC<{
  view: View;
  integration: string;
  versions: { events: string[]; rejections: string[] };
}> = ({ view, integration, versions: { events, rejections } }) => {
  const t = differenceTexts(view.language);
  if (events.length + rejections.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="versions">
      <h2 id="versions">{t.versions}</h2>
      <p>{t.versionsAre}</p>
      <ul>
        {events.map((id) => (
          <li>
            {t.event} <EventLink integration={integration} id={id} />
          </li>
        ))}
        {rejections.map((id) => (
          <li>
            <a href={apiPath`/rejections/${id}`}>{t.rejection(id)}</a>
          </li>
        ))}
      </ul>
    </section>
  );
};
