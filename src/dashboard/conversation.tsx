// A contact's conversation: who it is, whether one may still write freely, and the messages.

import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { conversationPage } from '../api/contacts/conversation.ts';
import { apiPath } from './api-client.ts';
import { Bubbles, messagesOf } from './bubbles.tsx';
import { ContactName, Page, Said, Time, withQuery } from './page.tsx';
import { contactsTexts } from './texts/contacts.ts';
import type { View } from './view.ts';

const MAX_NAME_CHARACTERS = 80;

export type Conversation = z.infer<typeof conversationPage>;

interface ConversationProps {
  view: View;
  conversation: Conversation;
}

/** @param isNewest whether it is the page that new messages belong to. */
export const ConversationPage: FC<ConversationProps & { isNewest: boolean }> = ({
  view,
  conversation,
  isNewest,
}) => {
  const t = contactsTexts(view.language);
  const { contact, name } = conversation;
  const path = apiPath`/contacts/${contact}`;
  const heading = (
    <>
      {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />} <ContactName contact={contact} />
    </>
  );
  return (
    <Page view={view} title={t.conversation} heading={heading}>
      <Standing view={view} conversation={conversation} />
      <div class="actions">
        <a href={`/events?${new URLSearchParams({ contact })}`}>{t.events}</a>
        {!isNewest && <a href={path}>{t.newest}</a>}
        {view.actor.mayChange && (
          <>
            <a href={`${path}/export`}>{t.exportData}</a>
            <a href={`${path}/erase`}>{t.eraseData}</a>
          </>
        )}
      </div>
      <Messages view={view} conversation={conversation} isNewest={isNewest} />
    </Page>
  );
};

/** Whether a message may be written freely, and for how long. */
const Standing: FC<ConversationProps> = ({ view, conversation: { window } }) => {
  const t = contactsTexts(view.language);
  if (window === null) {
    return (
      <p id="window" class="window closed">
        <strong>{t.window}:</strong> {t.windowNever}
      </p>
    );
  }
  const leftMs = Date.parse(window.closesAt) - view.nowMs;
  return (
    <p id="window" class={`window ${window.open ? 'open' : 'closed'}`}>
      <strong>{t.window}</strong>{' '}
      {window.open ? (
        <>
          <span class="while-open">{t.windowOpen} </span>
          <span data-closes-at={window.closesAt} data-closed={t.windowClosed}>
            {view.formats.duration(leftMs)}
          </span>{' '}
          <small class="while-open">
            {t.windowUntil} <Time view={view} at={window.closesAt} />
          </small>
        </>
      ) : (
        <>
          {t.windowClosed}{' '}
          <small>
            {t.windowSince} <Time view={view} at={window.closesAt} />
          </small>
        </>
      )}
    </p>
  );
};

/**
 * The messages, in a box that scrolls by itself. Older ones are fetched on top when its top comes into view, and where
 * there is no JavaScript by a link. New ones are fetched when the stream of events tells of any: a moment later, for many
 * that come together. (`throttle` of htmx would forget the last of them.)
 */
const Messages: FC<ConversationProps & { isNewest: boolean }> = ({ view, conversation, isNewest }) => {
  const t = contactsTexts(view.language);
  const { contact, data, next } = conversation;
  const older = next === null ? null : withQuery(view.address, { cursor: next });
  const since = new Date(view.nowMs).toISOString();
  const stream = `/live/events?${new URLSearchParams({ contact, since })}`;
  const isEmpty = data.length === 0;
  return (
    <div {...(isNewest && { 'hx-ext': 'sse', 'sse-connect': stream })}>
      <section class="bubbles" tabindex={0} aria-label={t.messages}>
        <ol id="bubbles">
          {older !== null && (
            <li
              class="older"
              hx-get={older}
              hx-trigger="intersect once"
              hx-select="#bubbles > li"
              hx-swap="outerHTML"
            >
              <a href={older}>{t.older}</a>
            </li>
          )}
          <Bubbles view={view} messages={messagesOf(data)} />
          {isEmpty && next === null && <li class="empty">{isNewest ? t.nothingKnown : t.nothingHere}</li>}
        </ol>
      </section>
      {isNewest && (
        <span
          hidden
          class="newer"
          hx-get={view.address}
          hx-trigger="sse:row delay:200ms"
          hx-target="#bubbles"
          hx-select="#bubbles > li:not(.older)"
          hx-select-oob="#window"
          hx-swap="beforeend"
        />
      )}
    </div>
  );
};
