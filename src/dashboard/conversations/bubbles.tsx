// The messages of a conversation as a messenger draws them, the oldest first: a bubble for each that was sent, with its
// steps, and one for each reply.

import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { conversationEntry } from '../../api/contacts/conversation.ts';
import type { Status } from '../../contract/webhook.ts';
import { statusName, Ticks } from '../events/event-row.tsx';
import { type MessageContent, SaidContent } from '../events/message-content.tsx';
import { Time } from '../frame/components.tsx';
import { localTimeOf } from '../frame/formats.ts';
import { pagePath } from '../frame/local-path.ts';
import { statusTexts } from '../frame/texts.ts';
import type { Visitor } from '../frame/view.ts';
import { contactsTexts } from './texts.ts';

export type Entry = z.infer<typeof conversationEntry>;

/** A message of a conversation. */
export interface Message {
  /** Identifies it within the conversation, whichever of its events are known. */
  key: string;
  direction: Entry['direction'];
  /** When a reply was written, or the first known step was taken. Unix ms. */
  atMs: number;
  /** The effective status of a sent message; `null`: a reply. */
  status: Status | null;
  /** Its events, in the order in which they occurred. */
  entries: readonly [Entry, ...Entry[]];
  content: MessageContent;
}

/** Groups events into messages, oldest first. */
export function messagesOf(entries: readonly Entry[]): Message[] {
  const groups = Map.groupBy(entries.toReversed(), keyOf); // entries are newest first
  return [...groups].map(([key, [first, ...later]]) => messageOf(key, [first as Entry, ...later]));
}

function keyOf({ direction, integration, messageId, id }: Entry): string {
  return direction === 'out' ? `out ${integration} ${messageId}` : `in ${integration} ${id}`;
}

function messageOf(key: string, entries: readonly [Entry, ...Entry[]]): Message {
  const [{ direction, effectiveStatus, occurredAt }] = entries;
  const readable = entries.filter(({ content }) => !content.omitted);
  const last = readable.at(-1) ?? entries[0];
  // The reason of a failure is in its own event, and is shown only while the message counts as failed.
  const failed = readable.findLast(({ status }) => status === 'failed');
  const failure =
    effectiveStatus === 'failed' ? (failed?.content.failure ?? { code: null, message: null }) : null;
  const content = { ...last.content, failure };
  return { key, direction, atMs: Date.parse(occurredAt), status: effectiveStatus, entries, content };
}

/** Items of a list: the messages, and the date before the first of each day. */
export const Bubbles: FC<{ view: Visitor; messages: readonly Message[] }> = ({ view, messages }) => {
  const days = messages.map(({ atMs }) => localTimeOf(atMs, view.timeZone).slice(0, 'YYYY-MM-DD'.length));
  return (
    <>
      {messages.map((message, index) => (
        <>
          {days[index] !== days[index - 1] && (
            <li class="day" data-day={days[index] ?? ''}>
              <span>{view.formats.longDay(message.atMs)}</span>
            </li>
          )}
          <Bubble view={view} message={message} />
        </>
      ))}
    </>
  );
};

const Bubble: FC<{ view: Visitor; message: Message }> = ({ view, message }) => {
  const t = contactsTexts(view.language);
  const { key, direction, status, entries, content, atMs } = message;
  const newest = entries.at(-1) ?? entries[0];
  const time = view.formats.time(atMs);
  return (
    <li class={`bubble ${direction} ${status ?? ''}`} data-message={encodeURIComponent(key)}>
      <span class="unseen">{t[direction]}</span>
      <SaidContent view={view} content={content} />
      <div class="foot">
        {status !== null && <Steps view={view} status={status} entries={entries} />}
        <a href={pagePath`/events/${newest.integration}/${newest.id}`} aria-label={t.eventAt(time)}>
          <time datetime={new Date(atMs).toISOString()} title={view.formats.dateTime(atMs)}>
            {time}
          </time>
        </a>
      </div>
    </li>
  );
};

/** The status of a sent message, which unfolds to the known steps. */
const Steps: FC<{ view: Visitor; status: Status; entries: readonly Entry[] }> = ({
  view,
  status,
  entries,
}) => {
  return (
    <details>
      <summary>
        <Ticks status={status} /> {statusTexts(view.language)[status]}
      </summary>
      <ul>
        {entries.map(({ integration, id, status: step, occurredAt }) => (
          <li>
            <a href={pagePath`/events/${integration}/${id}`}>
              {step !== null && statusName(step, view.language)}
            </a>{' '}
            <Time view={view} at={occurredAt} whole />
          </li>
        ))}
      </ul>
    </details>
  );
};
