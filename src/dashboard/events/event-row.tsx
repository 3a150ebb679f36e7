// An event in a list: who, what and when, in words. The same in lists, on the overview and as it comes in live.

import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type { eventAnswer } from '../../api/events/routes.ts';
import { saidBy } from '../../contract/conversation.ts';
import { isStatus, type Status } from '../../contract/webhook.ts';
import { apiPath } from '../frame/api-client.ts';
import type { Language } from '../frame/language.ts';
import { Badge, Contact, Said, Time } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { Visitor } from '../frame/view.ts';
import { eventRowTexts } from './event-row-texts.ts';

export type ShownEvent = z.infer<typeof eventAnswer>;

const MAX_EXCERPT_CHARACTERS = 160;
const MAX_NAME_CHARACTERS = 60;

/** What happened, in words that follow the customer's name, and of a reply what it says. */
export function wordsOf(event: ShownEvent, language: Language): { what: string; excerpt: string | null } {
  const t = eventRowTexts(language);
  const { kind, text, media, location, failure } = saidBy(event.payload);
  if (event.status !== null) {
    const reason = event.status === 'failed' && failure ? (failure.message ?? failure.code) : null;
    return { what: stepWords(event.status, language), excerpt: reason };
  }
  switch (kind) {
    case 'text':
      return { what: t.wrote, excerpt: text };
    case 'media':
    case 'sticker': {
      const excerpt = text ?? media?.caption ?? media?.filename ?? null;
      return { what: t.sentMedia(mediaWords(media?.kind ?? kind, language)), excerpt };
    }
    case 'location':
      return { what: t.sentLocation, excerpt: location?.name ?? location?.address ?? null };
    case 'contact':
      return { what: t.sentContact, excerpt: text };
    case 'reaction':
      return { what: text === null ? t.changedReaction : t.reacted, excerpt: text };
    case 'button':
      return { what: t.repliedByButton, excerpt: text };
    case 'list':
      return { what: t.repliedFromList, excerpt: text };
    case 'reply':
    case 'unknown':
      return { what: t.sentNothing, excerpt: text };
  }
}

function stepWords(status: string, language: Language): string {
  const t = eventRowTexts(language);
  if (!isStatus(status)) return t.stepOther(status);
  switch (status) {
    case 'sent':
      return t.stepSent;
    case 'delivered':
      return t.stepDelivered;
    case 'read':
      return t.stepRead;
    case 'failed':
      return t.stepFailed;
  }
}

/** A medium with its article. The platform may have any word for one. */
export function mediaWords(kind: string | null, language: Language): string {
  const t = eventRowTexts(language);
  switch (kind?.toLowerCase()) {
    case 'image':
      return t.image;
    case 'document':
      return t.document;
    case 'audio':
    case 'voice':
    case 'ptt':
      return t.audio;
    case 'video':
      return t.video;
    case 'sticker':
      return t.sticker;
    default:
      return t.file;
  }
}

/** An item of the list `#rows`. */
export const EventRow: FC<{ view: Visitor; event: ShownEvent }> = ({ view, event }) => {
  const t = eventRowTexts(view.language);
  const { what, excerpt } = wordsOf(event, view.language);
  const { name } = saidBy(event.payload);
  const count = view.formats.number;
  return (
    <li id={`event-${event.place}`} class={`row event ${stepClass(event.status)}`}>
      <span class="who">
        <Ticks status={event.status} />
        {event.contact === null ? (
          <span class="muted">{t.noContact}</span>
        ) : (
          <Contact number={event.contact} />
        )}
        {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />}
      </span>
      <a class="what" href={apiPath`/events/${event.integration}/${event.id}`}>
        {what}
        {excerpt !== null && (
          <>
            {': '}
            <q>
              <Said text={excerpt} max={MAX_EXCERPT_CHARACTERS} />
            </q>
          </>
        )}
      </a>
      <span class="marks">
        {!event.forwarded && <Badge tone="warn">{t.notForwarded}</Badge>}
        {event.deferred && <Badge>{t.deferred}</Badge>}
        {event.oddities.length > 0 && <Badge>{t.odd}</Badge>}
        {event.deliveries > 1 && <Badge>{t.repeated(count(event.deliveries))}</Badge>}
        {event.replays > 0 && <Badge>{t.replayed(count(event.replays))}</Badge>}
        <span class="muted">{event.integration}</span>
      </span>
      <Time view={view} at={event.receivedAt} />
    </li>
  );
};

const TICKS: Record<Status, string> = { sent: '✓', delivered: '✓✓', read: '✓✓', failed: '✕' };

/** As messengers draw them. The words beside them say the same. `null`: a reply. */
export const Ticks: FC<{ status: string | null }> = ({ status }) => (
  <span class={`ticks ${stepClass(status)}`} aria-hidden="true">
    {status === null ? '↩' : isStatus(status) ? TICKS[status] : '•'}
  </span>
);

function stepClass(status: string | null): string {
  if (status === null) return 'response';
  return isStatus(status) ? status : 'other';
}

/** What a step is called; a word that is not known, as it is. */
export function stepName(status: string, language: Language): Child {
  return isStatus(status) ? commonTexts(language)[status] : <bdi>{status}</bdi>;
}
