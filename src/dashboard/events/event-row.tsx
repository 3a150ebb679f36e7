// An event in a list: who, what and when, in words. The same row is in lists, on the overview and in the live stream.

import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type { eventAnswer } from '../../api/events/routes.ts';
import { type WebhookContent, webhookContent } from '../../contract/message-content.ts';
import { isStatus, type Status } from '../../contract/webhook.ts';
import { Badge, ContactLink, Said, Time } from '../frame/components.tsx';
import { type Language, textOfCode } from '../frame/language.ts';
import { pagePath } from '../frame/local-path.ts';
import { commonTexts, statusTexts } from '../frame/texts.ts';
import type { Visitor } from '../frame/view.ts';
import { eventRowTexts, happenedTexts, type MediaKind, mediaTexts, repliedTexts } from './texts.ts';

export type EventAnswer = z.infer<typeof eventAnswer>;

const MAX_EXCERPT_CHARACTERS = 160;
const MAX_NAME_CHARACTERS = 60;

interface EventWords {
  /** Follows the customer's name. */
  what: string;
  excerpt: string | null;
}

export function wordsOf(event: EventAnswer, language: Language): EventWords {
  return happenedWords(event.status, webhookContent(event.payload), language);
}

/** What happened, and an excerpt of what a reply says or why a message failed. @param status `null`: a reply. */
export function happenedWords(
  status: string | null,
  { kind, text, media, location, failure }: Omit<WebhookContent, 'name'>,
  language: Language,
): EventWords {
  const t = eventRowTexts(language);
  if (status !== null) {
    const reason = status === 'failed' && failure ? (failure.message ?? failure.code) : null;
    return {
      what: isStatus(status) ? happenedTexts(language)[status] : t.stepOther(status),
      excerpt: reason,
    };
  }
  if (kind === 'media' || kind === 'sticker') {
    const excerpt = text ?? media?.caption ?? media?.filename ?? null;
    return { what: t.sentMedia(mediaTexts(language)[mediaKindOf(media?.kind ?? kind)]), excerpt };
  }
  if (kind === 'reaction' && text === null) return { what: t.changedReaction, excerpt: null };
  const what = textOfCode(repliedTexts(language), kind) ?? t.sentNothing;
  return { what, excerpt: kind === 'location' ? (location?.name ?? location?.address ?? null) : text };
}

/** The kind of a medium. The platform may have any word for one. */
export function mediaKindOf(kind: string | null): MediaKind {
  const word = kind?.toLowerCase() ?? '';
  switch (word) {
    case 'image':
    case 'document':
    case 'audio':
    case 'video':
    case 'sticker':
      return word;
    case 'voice':
    case 'ptt':
      return 'audio';
    default:
      return 'file';
  }
}

/** What happened, with the excerpt in quotes. */
export const Happened: FC<{ words: EventWords }> = ({ words: { what, excerpt } }) => (
  <>
    {what}
    {excerpt !== null && (
      <>
        {': '}
        <q>
          <Said text={excerpt} max={MAX_EXCERPT_CHARACTERS} />
        </q>
      </>
    )}
  </>
);

/** An item of the list `#rows`. */
export const EventRow: FC<{ view: Visitor; event: EventAnswer }> = ({ view, event }) => {
  const t = eventRowTexts(view.language);
  const words = wordsOf(event, view.language);
  const { name } = webhookContent(event.payload);
  const { number } = view.formats;
  return (
    <li id={`event-${event.place}`} class={`row event ${stepClass(event.status)}`}>
      <span class="who">
        <Ticks status={event.status} />
        {event.contact === null ? (
          <span class="muted">{t.noContact}</span>
        ) : (
          <ContactLink contact={event.contact} />
        )}
        {name !== null && <Said text={name} max={MAX_NAME_CHARACTERS} />}
      </span>
      <a class="what" href={pagePath`/events/${event.integration}/${event.id}`}>
        <Happened words={words} />
      </a>
      <span class="marks">
        {!event.forwarded && <Badge tone="warn">{notForwardedWords(event, view.language)}</Badge>}
        {event.deferred && <Badge>{t.deferred}</Badge>}
        {event.oddities.length > 0 && <Badge>{t.odd}</Badge>}
        {event.deliveries > 1 && (
          <Badge>{commonTexts(view.language).deliveredTimes(number(event.deliveries))}</Badge>
        )}
        <span class="muted">{event.integration}</span>
      </span>
      <Time view={view} at={event.receivedAt} />
    </li>
  );
};

/** Names the routes on which an event waits, where there are others. */
function notForwardedWords({ routes }: EventAnswer, language: Language): string {
  const t = eventRowTexts(language);
  const waiting = routes.filter(({ state }) => state === 'waits').map(({ name }) => name);
  return routes.length === 1 ? t.notForwarded : t.notForwardedTo(waiting.join(', '));
}

const TICKS: Record<Status, string> = { sent: '✓', delivered: '✓✓', read: '✓✓', failed: '✕' };

/** A status as messengers draw it, next to words that say the same. `null`: a reply. */
export const Ticks: FC<{ status: string | null }> = ({ status }) => (
  <span class={`ticks ${stepClass(status)}`} aria-hidden="true">
    {status === null ? '↩' : isStatus(status) ? TICKS[status] : '•'}
  </span>
);

function stepClass(status: string | null): string {
  if (status === null) return 'response';
  return isStatus(status) ? status : 'other';
}

/** The name of a status; an unknown one is shown as it is. */
export function statusName(status: string, language: Language): Child {
  return isStatus(status) ? statusTexts(language)[status] : <bdi>{status}</bdi>;
}
