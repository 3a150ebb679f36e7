// One event: who, what and when, what became of its message, and the payload as it came.

import type { FC } from 'hono/jsx';
import { saidBy } from '../../contract/conversation.ts';
import { wordsIn } from '../../contract/message-words.ts';
import { apiPath } from '../frame/api-client.ts';
import { ActionButton, Badge, Contact, Copyable, Facts, Notice, Page, Said, Time } from '../frame/page.tsx';
import { payloadTree } from '../frame/payload-tree.tsx';
import { beginningOf } from '../frame/text-cutting.ts';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { type OtherVersions, Versions } from './differences.tsx';
import { type ShownEvent, Ticks, wordsOf } from './event-row.tsx';
import { SaidContent } from './message-content.tsx';
import { MessageEvents, type MessageTimeline, Stepper } from './message-timeline.tsx';
import { oddityTexts } from './oddity-texts.ts';
import { eventTexts } from './texts.ts';

const MAX_NAME_CHARACTERS = 60;
/** Of the payload as it came, UTF-16 code units; the download has all. */
const MAX_RAW_CHARACTERS = 65_536;

interface EventProps {
  view: View;
  event: ShownEvent;
}

export const EventPage: FC<{
  view: View;
  event: ShownEvent;
  payload: string;
  versions: OtherVersions;
  timeline: MessageTimeline | null;
  isReplayed: boolean;
}> = ({ view, event, payload, versions, timeline, isReplayed }) => {
  const t = eventTexts(view.language);
  const path = apiPath`/events/${event.integration}/${event.id}`;
  const { name, ...said } = saidBy(event.payload);
  const { what } = wordsOf(event, view.language);
  const heading = (
    <>
      <Ticks status={event.status} /> {event.contact !== null && <Contact number={event.contact} />}{' '}
      {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />} {what}
    </>
  );
  return (
    <Page view={view} title={t.title} heading={heading}>
      {isReplayed && <Notice>{t.replayed}</Notice>}
      <div class="actions">
        {event.contact !== null && (
          <a class="button secondary" href={apiPath`/contacts/${event.contact}`}>
            {t.conversation}
          </a>
        )}
        {view.actor.mayChange && <ActionButton action={`${path}/replay`}>{t.replay}</ActionButton>}
      </div>
      <section class="panel said-content" aria-labelledby="said">
        <h2 id="said">{t.said}</h2>
        <SaidContent view={view} content={{ ...said, omitted: false }} isWhole />
      </section>
      <Versions view={view} integration={event.integration} payload={payload} versions={versions} />
      <Course view={view} event={event} timeline={timeline} />
      <Oddities view={view} event={event} />
      <EventFacts view={view} event={event} />
      <Payload view={view} payload={payload} path={`${path}/payload`} />
    </Page>
  );
};

const Course: FC<EventProps & { timeline: MessageTimeline | null }> = ({ view, event, timeline }) => {
  const t = eventTexts(view.language);
  return (
    <section class="panel" aria-labelledby="course">
      <h2 id="course">{t.course}</h2>
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
    </section>
  );
};

/** In what the payload differs from the documentation, and what that means for the event. */
const Oddities: FC<EventProps> = ({ view, event }) => {
  const t = oddityTexts(view.language);
  if (event.oddities.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="oddities">
      <h2 id="oddities">{t.title}</h2>
      <p>{t.meaning}</p>
      <ul>
        {event.oddities.map(({ path, code }) => (
          <li>
            <code>{path}</code> {t[code]}
          </li>
        ))}
      </ul>
    </section>
  );
};

const EventFacts: FC<EventProps> = ({ view, event }) => {
  const t = eventTexts(view.language);
  const common = commonTexts(view.language);
  const { number } = view.formats;
  const contextId = wordsIn(event.payload?.message?.contextId); // stored payloads of any age: there may be anything
  return (
    <section class="panel" aria-labelledby="facts">
      <h2 id="facts">{t.facts}</h2>
      <Facts
        facts={[
          [t.occurredAt, <Time view={view} at={event.occurredAt} whole />],
          [t.receivedAt, <Time view={view} at={event.receivedAt} whole />],
          [t.deliveries, t.times(event.deliveries, number(event.deliveries))],
          [
            t.forwarding,
            event.forwarded ? (
              <Badge tone="good">{t.forwarded}</Badge>
            ) : (
              <Badge tone="warn">{t.notForwarded}</Badge>
            ),
          ],
          [t.deferral, event.deferred ? t.deferred : t.notDeferred],
          [t.replays, event.replays === 0 ? t.notReplayed : t.times(event.replays, number(event.replays))],
          [common.integration, <code>{event.integration}</code>],
          [
            t.appId,
            event.appId === null ? (
              common.unknown
            ) : (
              <code>
                <Said text={event.appId} />
              </code>
            ),
          ],
          ...(contextId !== null ? [[t.contextId, <Said text={contextId} />] as const] : []),
        ]}
      />
      <h3>{t.eventId}</h3>
      <Copyable view={view} value={event.id} label={t.eventId} />
      <h3>{t.messageId}</h3>
      <Copyable view={view} value={event.messageId} label={t.messageId} />
    </section>
  );
};

const Payload: FC<{ view: View; payload: string; path: string }> = ({ view, payload, path }) => {
  const t = eventTexts(view.language);
  const { bytes } = view.formats;
  const tree = payloadTree(view, payload);
  const isCut = payload.length > MAX_RAW_CHARACTERS;
  return (
    <section class="panel" aria-labelledby="payload">
      <div class="panel-head">
        <h2 id="payload">{t.payload}</h2>
        <p>
          <small>{t.payloadSize(bytes(new TextEncoder().encode(payload).byteLength))}</small>{' '}
          <a href={path} download>
            {t.download}
          </a>
        </p>
      </div>
      {tree ?? <p>{t.unreadable}</p>}
      <details>
        <summary>{t.raw}</summary>
        {isCut && <p>{t.rawCut(bytes(MAX_RAW_CHARACTERS))}</p>}
        <section tabindex={0} aria-label={t.raw}>
          <pre>
            <code>
              <bdi>{beginningOf(payload, MAX_RAW_CHARACTERS)}</bdi>
            </code>
          </pre>
        </section>
      </details>
    </section>
  );
};
