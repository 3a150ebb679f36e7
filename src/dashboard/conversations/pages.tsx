// The page of all conversations, with the search for one, and a contact's conversation: who it is, whether one may write
// freely, and the messages.

import type { FC } from 'hono/jsx';
import type { getConversation } from '../../api/contacts/conversation.ts';
import type { listContacts } from '../../api/contacts/listing.ts';
import { lacksAreaCode, MAX_IDENTITY_LENGTH } from '../../contract/contact.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { Happened, happenedWords, Ticks } from '../events/event-row.tsx';
import { ContactLink, ContactName, Notice, Said, Time } from '../frame/components.tsx';
import { ListPanel } from '../frame/list-page.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { beginningOf } from '../frame/text-cutting.ts';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { Bubbles, messagesOf } from './bubbles.tsx';
import { contactsTexts } from './texts.ts';

/** No number and no identity is longer. */
const MAX_TYPED_CHARACTERS = MAX_IDENTITY_LENGTH;
const MAX_NAME_CHARACTERS = 80;

export type Conversation = AnswerOf<typeof getConversation>;
type Contacts = AnswerOf<typeof listContacts>;

/**
 * @param refused what was typed and is no contact.
 * @param contacts a page of the listing; absent: only the search is shown.
 */
export const ContactsPage: FC<{ view: View; refused?: string; contacts?: Contacts }> = ({
  view,
  refused,
  contacts,
}) => {
  const t = contactsTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).conversations}>
      {refused !== undefined && (
        <Notice tone="bad">{lacksAreaCode(refused) ? t.noAreaCode : t.notANumber}</Notice>
      )}
      <search aria-label={t.number}>
        <form action="/contacts" class="narrow">
          <label>
            {t.number}
            <input
              type="text"
              name="number"
              value={beginningOf(refused ?? '', MAX_TYPED_CHARACTERS)}
              placeholder={t.numberHint}
              required
            />
          </label>
          <p class="muted">{t.searchHint}</p>
          <button type="submit">{t.open}</button>
        </form>
      </search>
      {contacts !== undefined && (
        <ListPanel
          view={view}
          label={t.list}
          next={contacts.next}
          isEmpty={contacts.data.length === 0}
          empty={t.none}
        >
          {contacts.data.map((contact) => (
            <ContactRow view={view} contact={contact} />
          ))}
        </ListPanel>
      )}
    </Page>
  );
};

const ContactRow: FC<{ view: View; contact: Contacts['data'][number] }> = ({ view, contact: listed }) => {
  const { contact, name, newest, storedAt } = listed;
  return (
    <li class="row">
      <span class="who">
        <Ticks status={newest.status} />
        <ContactLink contact={contact} />
        {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />}
      </span>
      <a class="what" href={pagePath`/contacts/${contact}`}>
        <Happened words={happenedWords(newest.status, newest.content, view.language)} />
      </a>
      <span class="marks">
        <span class="muted">{newest.integration}</span>
      </span>
      <Time view={view} at={storedAt} />
    </li>
  );
};

interface ConversationProps {
  view: View;
  conversation: Conversation;
}

/** @param isNewest whether it is the newest page, on which new messages appear. */
export const ConversationPage: FC<ConversationProps & { isNewest: boolean }> = ({
  view,
  conversation,
  isNewest,
}) => {
  const t = contactsTexts(view.language);
  const { contact, name } = conversation;
  const path = pagePath`/contacts/${contact}`;
  const heading = (
    <>
      {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />} <ContactName contact={contact} />
    </>
  );
  return (
    <Page view={view} title={commonTexts(view.language).conversation} heading={heading}>
      <Window view={view} conversation={conversation} />
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

/** Whether messages may be written freely, and for how long. */
const Window: FC<ConversationProps> = ({ view, conversation: { window } }) => {
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
 * The messages, in a box that scrolls by itself. Older ones are fetched when its top comes into view, or by a link where
 * there is no JavaScript. New ones are fetched 200 ms after an event of the stream, together with those that came
 * meanwhile. (The `throttle` of htmx would leave out the last of them.)
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
