// What became of a message, as a picture: its steps one after the other, and how long each took.

import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { messageTimeline } from '../../api/messages/routes.ts';
import type { Status } from '../../contract/webhook.ts';
import { type Answer, apiPath } from '../frame/api-client.ts';
import { Badge, Time } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View, Visitor } from '../frame/view.ts';
import { stepName, Ticks } from './event-row.tsx';
import { eventTexts } from './texts.ts';

export type MessageTimeline = z.infer<typeof messageTimeline>;

/** The steps that a message goes when all goes well. */
const COURSE = ['sent', 'delivered', 'read'] as const satisfies Status[];

/** The timeline of a message; `null` where there is none to be had. */
export async function findTimeline(
  { api }: View,
  messageId: string,
  integration?: string,
): Promise<MessageTimeline | null> {
  const found = await findMessage(api, messageId, integration);
  return found?.ok ? found.data : null;
}

/** What the API knows of a message; `null`: its id cannot be asked for. */
export async function findMessage(
  api: View['api'],
  messageId: string,
  integration?: string,
): Promise<Answer<MessageTimeline> | null> {
  if (messageId === '.' || messageId === '..') return null; // parts of a path that URLs resolve, encoded or not
  return api.find<MessageTimeline>(apiPath`/messages/${messageId}`, { integration });
}

/** The picture. Without colour and lines it is a list of sentences. */
export const Stepper: FC<{ view: Visitor; timeline: MessageTimeline }> = ({ view, timeline }) => {
  const t = eventTexts(view.language);
  const { steps } = timeline;
  const replies = timeline.events.filter(({ type }) => type === 'response'); // `replies` may be the first of them only
  const taken = new Map(steps.map(({ status, at }) => [status, at]));
  const shown = steps.map(({ status }) => status);
  // What is still to come is shown as well, but for a message that failed.
  const open = timeline.status === 'failed' ? [] : COURSE.filter((step) => !taken.has(step));
  const [firstReply] = replies;
  return (
    <ol class="stepper">
      {timeline.status !== null &&
        [...shown, ...open].map((step) => (
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

/** @param at `undefined`: not taken; `null`: implied. */
const Step: FC<{
  view: Visitor;
  step: Status;
  at: string | null | undefined;
  timeline: MessageTimeline;
}> = ({ view, step, at, timeline }) => {
  const t = eventTexts(view.language);
  const lag = timeline.lags.find(({ to, ms }) => to === step && ms !== null);
  const isDisordered = timeline.events.some(({ status, disorder }) => status === step && disorder.length > 0);
  const kind = at === undefined ? 'open' : at === null ? 'implied' : 'taken';
  return (
    <li class={`step ${kind} ${step}`}>
      <span class="dot">{at !== undefined && <Ticks status={step} />}</span>
      <div>
        <strong>{t[step]}</strong>
        {at === undefined && <small>{t.notYet}</small>}
        {at === null && <small>{t.implied}</small>}
        {typeof at === 'string' && <Time view={view} at={at} whole />}
        {lag !== undefined && lag.ms !== null && (
          <small>
            {(lag.ms < 0 ? t.negativeLag : t.lag)(view.formats.duration(lag.ms), t[lag.from].toLowerCase())}
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
  const common = commonTexts(view.language);
  return (
    <ol class="message-events">
      {timeline.events.map(({ id, integration, status, occurredAt, deliveries, disorder }) => (
        <li>
          <Ticks status={status} />
          <a
            href={apiPath`/events/${integration}/${id}`}
            {...(id === current && { 'aria-current': 'page' as const })}
          >
            {status === null ? common.response : stepName(status, view.language)}
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
