// The messages of a conversation as a messenger draws them: one bubble for each that was sent, with what became of it,
// and one for each reply, the oldest first.

import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { conversationEntry } from '../api/contacts/conversation.ts';
import type { Status } from '../contract/webhook.ts';
import { apiPath } from './api-client.ts';
import { stepName, Ticks } from './event-row.tsx';
import { localTimeOf } from './formats.ts';
import { type MessageContent, SaidContent } from './message-content.tsx';
import { Time } from './page.tsx';
import { commonTexts } from './texts/common.ts';
import { contactsTexts } from './texts/contacts.ts';
import type { Visitor } from './view.ts';

export type Entry = z.infer<typeof conversationEntry>;

/** A message of a conversation. */
export interface Message {
  /** Names it within the conversation, whichever of its events are known. */
  key: string;
  direction: Entry['direction'];
  /** When it was written, or its first step that is known was taken. Unix ms. */
  atMs: number;
  /** The effective status of what was sent; `null`: a reply. */
  status: Status | null;
  /** Its events, as they occurred. */
  entries: readonly [Entry, ...Entry[]];
  content: MessageContent;
}

/** The messages that entries tell of, oldest first. */
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
  const failed = readable.findLast(({ status }) => status === 'failed');
  const last = readable.at(-1) ?? entries[0];
  // A failure tells its reason, and that only counts for as long as the message has failed.
  const content =
    effectiveStatus === 'failed'
      ? { ...last.content, failure: failed?.content.failure ?? { code: null, message: null } }
      : { ...last.content, failure: null };
  return { key, direction, atMs: Date.parse(occurredAt), status: effectiveStatus, entries, content };
}

/** Items of a list: the messages, and before the first of each day its date. */
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
        <a href={apiPath`/events/${newest.integration}/${newest.id}`} aria-label={t.eventAt(time)}>
          <time datetime={new Date(atMs).toISOString()} title={view.formats.dateTime(atMs)}>
            {time}
          </time>
        </a>
      </div>
    </li>
  );
};

/** The status of what was sent; unfolded, when each step that is known was taken. */
const Steps: FC<{ view: Visitor; status: Status; entries: readonly Entry[] }> = ({
  view,
  status,
  entries,
}) => {
  const common = commonTexts(view.language);
  return (
    <details>
      <summary>
        <Ticks status={status} /> {common[status]}
      </summary>
      <ul>
        {entries.map(({ integration, id, status: step, occurredAt }) => (
          <li>
            <a href={apiPath`/events/${integration}/${id}`}>
              {step !== null && stepName(step, view.language)}
            </a>{' '}
            <Time view={view} at={occurredAt} whole />
          </li>
        ))}
      </ul>
    </details>
  );
};
