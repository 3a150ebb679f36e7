// What came under the ids of an event with another content: where it differs, and what else there is.

import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type { wholeEventAnswer } from '../../api/events/routes.ts';
import type { keptRejectionAnswer } from '../../api/rejections/routes.ts';
import { differencesBetween } from '../../contract/content.ts';
import { apiPath } from '../frame/api-client.ts';
import { EventLink, Facts } from '../frame/page.tsx';
import { valueTree } from '../frame/payload-tree.tsx';
import { ProblemPath } from '../frame/problem-words.tsx';
import type { View } from '../frame/view.ts';
import { differenceTexts } from './differences-texts.ts';

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
  return (
    <section class="panel" aria-labelledby="differences">
      <h2 id="differences">{t.title}</h2>
      <p>
        {stored === null ? t.gone : t.repeats} <EventLink integration={integration} id={eventId} />
      </p>
      {stored !== null && <Places view={view} stored={stored} repeated={repeated} />}
    </section>
  );
};

/** Where two payloads differ, and what each has there. */
const Places: FC<{ view: View; stored: string; repeated: string }> = ({ view, stored, repeated }) => {
  const t = differenceTexts(view.language);
  const shown = differencesBetween(stored, repeated).filter((one) => 'stored' in one || 'repeated' in one);
  return (
    <>
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
    </>
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

/** So many of an event's other versions are shown with what differs: each can have a megabyte. */
const MAX_SHOWN_VERSIONS = 3;

/** What else came under the ids of an event. */
export interface OtherVersions {
  /** Ids of events that were let in. */
  events: string[];
  /** Those that are kept, newest first. `body`: `null` where it is not shown. */
  kept: { id: string; body: string | null }[];
}

/** Reads of an event's other versions what is shown of them. */
export async function findOtherVersions(
  { api }: View,
  { events, rejections }: z.infer<typeof wholeEventAnswer>['versions'],
): Promise<OtherVersions> {
  const kept = rejections.map(async (id, index) => {
    if (index >= MAX_SHOWN_VERSIONS) return { id, body: null };
    const found = await api.find<z.infer<typeof keptRejectionAnswer>>(apiPath`/rejections/${id}`);
    return { id, body: found.ok ? found.data.body : null };
  });
  return { events, kept: await Promise.all(kept) };
}

/** What else came under the ids of an event, the newest with what differs; nothing where there is none. */
export const Versions: FC<{
  view: View;
  integration: string;
  /** Of the event. */
  payload: string;
  versions: OtherVersions;
}> = ({ view, integration, payload, versions: { events, kept } }) => {
  const t = differenceTexts(view.language);
  if (events.length + kept.length === 0) return null;
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
        {kept.map(({ id, body }) => (
          <li>
            <a href={apiPath`/rejections/${id}`}>{t.rejection(id)}</a>
            {body !== null && <Places view={view} stored={payload} repeated={body} />}
          </li>
        ))}
      </ul>
    </section>
  );
};
