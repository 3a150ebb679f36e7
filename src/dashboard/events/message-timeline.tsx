// What became of a message: its steps one after the other, how long each took, and its events.

import type { FC } from 'hono/jsx';
import { getMessage } from '../../api/messages/routes.ts';
import type { Status } from '../../contract/webhook.ts';
import type { AnswerOf } from '../../http/operation.ts';
import type { Answer } from '../frame/api-client.ts';
import { Badge, Time } from '../frame/components.tsx';
import { pagePath } from '../frame/local-path.ts';
import { eventTypeTexts } from '../frame/texts.ts';
import type { View, Visitor } from '../frame/view.ts';
import { statusName, Ticks } from './event-row.tsx';
import { eventTexts, stepTexts } from './texts.ts';

export type MessageTimeline = AnswerOf<typeof getMessage>;

/** The steps of a message with which all goes well. */
const COURSE = ['sent', 'delivered', 'read'] as const satisfies Status[];

/** The timeline of a message; `null` where it cannot be read. */
export async function findTimeline(
  { api }: View,
  messageId: string,
  integration?: string,
): Promise<MessageTimeline | null> {
  const found = await findMessage(api, messageId, integration);
  return found?.ok ? found.data : null;
}

/** The timeline of a message, or the problem; `null`: no path can have this id. */
export async function findMessage(
  api: View['api'],
  messageId: string,
  integration?: string,
): Promise<Answer<MessageTimeline> | null> {
  if (messageId === '.' || messageId === '..') return null; // URLs resolve these, encoded or not
  return api.attempt(getMessage, { param: { messageId }, query: { integration } });
}

/** The steps, as a picture that reads as a list of sentences. */
export const Stepper: FC<{ view: Visitor; timeline: MessageTimeline }> = ({ view, timeline }) => {
  const t = eventTexts(view.language);
  const { steps } = timeline;
  const replies = timeline.events.filter(({ type }) => type === 'response'); // the API's `replies` can be incomplete
  const taken = new Map(steps.map(({ status, at }) => [status, at]));
  // The steps to come are shown as well, unless the message has failed.
  const open = timeline.status === 'failed' ? [] : COURSE.filter((step) => !taken.has(step));
  const [firstReply] = replies;
  return (
    <ol class="stepper">
      {timeline.status !== null &&
        [...steps.map(({ status }) => status), ...open].map((step) => (
          <Step view={view} step={step} at={taken.get(step)} timeline={timeline} />
        ))}
      {firstReply !== undefined && (
        <li class="step replied">
          <span class="dot">
            <Ticks status={null} />
          </span>
          <div>
            <strong>{t.replied}</strong>
            <Time view={view} at={firstReply.occurredAt} whole />
            {replies.length > 1 && <small>{t.replies(view.formats.number(replies.length))}</small>}
          </div>
        </li>
      )}
    </ol>
  );
};

/** @param at when it was taken; `undefined`: it was not; `null`: a later step implies it. */
const Step: FC<{
  view: Visitor;
  step: Status;
  at: string | null | undefined;
  timeline: MessageTimeline;
}> = ({ view, step, at, timeline }) => {
  const t = eventTexts(view.language);
  const names = stepTexts(view.language);
  const lag = timeline.lags.find(({ to, ms }) => to === step && ms !== null);
  const isDisordered = timeline.events.some(({ status, disorder }) => status === step && disorder.length > 0);
  const kind = at === undefined ? 'open' : at === null ? 'implied' : 'taken';
  return (
    <li class={`step ${kind} ${step}`}>
      <span class="dot">{at !== undefined && <Ticks status={step} />}</span>
      <div>
        <strong>{names[step]}</strong>
        {at === undefined && <small>{t.notYet}</small>}
        {at === null && <small>{t.implied}</small>}
        {typeof at === 'string' && <Time view={view} at={at} whole />}
        {lag !== undefined && lag.ms !== null && (
          <small>
            {(lag.ms < 0 ? t.negativeLag : t.lag)(
              view.formats.duration(lag.ms),
              names[lag.from].toLowerCase(),
            )}
          </small>
        )}
        {isDisordered && <Badge tone="warn">{t.outOfOrder}</Badge>}
      </div>
    </li>
  );
};

/** Every event of a message, as links. */
export const MessageEvents: FC<{ view: Visitor; timeline: MessageTimeline; current: string }> = ({
  view,
  timeline,
  current,
}) => {
  const t = eventTexts(view.language);
  return (
    <ol class="message-events">
      {timeline.events.map(({ id, integration, status, occurredAt, deliveries, disorder }) => (
        <li>
          <Ticks status={status} />
          <a
            href={pagePath`/events/${integration}/${id}`}
            {...(id === current && { 'aria-current': 'page' as const })}
          >
            {status === null ? eventTypeTexts(view.language).response : statusName(status, view.language)}
          </a>
          <Time view={view} at={occurredAt} whole />
          {id === current && <Badge>{t.thisEvent}</Badge>}
          {deliveries > 1 && <Badge>{t.times(deliveries, view.formats.number(deliveries))}</Badge>}
          {disorder.includes('stored') && <Badge tone="warn">{t.storedLate}</Badge>}
          {disorder.includes('occurred') && <Badge tone="warn">{t.occurredLate}</Badge>}
        </li>
      ))}
    </ol>
  );
};
