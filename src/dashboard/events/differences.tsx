// Other webhooks with the ids of an event and another content: how they differ from it.

import type { Child, FC } from 'hono/jsx';
import type { getEvent } from '../../api/events/routes.ts';
import { getRejection } from '../../api/rejections/routes.ts';
import { differencesBetween } from '../../contract/payload-comparison.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { EventLink, Facts, Panel } from '../frame/components.tsx';
import { pagePath } from '../frame/local-path.ts';
import { valueTree } from '../frame/payload-tree.tsx';
import { ProblemPath } from '../frame/problem-words.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { differenceTexts } from './texts.ts';

/** The event that a rejection repeats, and how the two differ. */
export const Differences: FC<{
  view: View;
  integration: string;
  eventId: string;
  /** The payload of the event; `null`: the event is gone. */
  stored: string | null;
  repeated: string;
}> = ({ view, integration, eventId, stored, repeated }) => {
  const t = differenceTexts(view.language);
  return (
    <Panel id="differences" title={t.title}>
      <p>
        {stored === null ? t.gone : t.repeats} <EventLink integration={integration} id={eventId} />
      </p>
      {stored !== null && <Places view={view} stored={stored} repeated={repeated} />}
    </Panel>
  );
};

/** Where two payloads differ, and what each of them has there. */
const Places: FC<{ view: View; stored: string; repeated: string }> = ({ view, stored, repeated }) => {
  const t = differenceTexts(view.language);
  const places = differencesBetween(stored, repeated).filter((one) => 'stored' in one || 'repeated' in one);
  return (
    <>
      {places.map(({ path, ...sides }) => (
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

function sideOf(view: View, sides: Sides, side: keyof Sides): Child {
  return side in sides ? (
    valueTree(view, sides[side])
  ) : (
    <span class="muted">{differenceTexts(view.language).nothing}</span>
  );
}

/** So many versions are read to be compared, since each can have a megabyte. */
const MAX_COMPARED_VERSIONS = 3;

/** The other versions of an event. */
export interface OtherVersions {
  /** Ids of versions that were let in as events. */
  events: string[];
  /** Rejections, newest first. `body`: `null` where it is not compared. */
  kept: { id: string; body: string | null }[];
}

export async function findOtherVersions(
  { api }: View,
  { events, rejections }: AnswerOf<typeof getEvent>['versions'],
): Promise<OtherVersions> {
  const kept = rejections.map(async (id, index) => {
    if (index >= MAX_COMPARED_VERSIONS) return { id, body: null };
    const found = await api.attempt(getRejection, { param: { id } });
    return { id, body: found.ok ? found.data.body : null };
  });
  return { events, kept: await Promise.all(kept) };
}

/** Lists the other versions of an event, the newest with how they differ. */
export const Versions: FC<{
  view: View;
  integration: string;
  payload: string;
  versions: OtherVersions;
}> = ({ view, integration, payload, versions: { events, kept } }) => {
  const t = differenceTexts(view.language);
  if (events.length + kept.length === 0) return null;
  return (
    <Panel id="versions" title={t.versions}>
      <p>{t.versionsAre}</p>
      <ul>
        {events.map((id) => (
          <li>
            {commonTexts(view.language).event} <EventLink integration={integration} id={id} />
          </li>
        ))}
        {kept.map(({ id, body }) => (
          <li>
            <a href={pagePath`/rejections/${id}`}>{t.rejection(id)}</a>
            {body !== null && <Places view={view} stored={payload} repeated={body} />}
          </li>
        ))}
      </ul>
    </Panel>
  );
};
