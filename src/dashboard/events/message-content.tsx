// What a message says: text, medium, location, and why it failed. All of it was written by somebody outside: only an address
// of the web becomes a link, and everything else is text.

import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { contentAnswer } from '../../api/messages/routes.ts';
import { Said, SaidCode } from '../frame/components.tsx';
import { textOfCode } from '../frame/language.ts';
import { beginningOf } from '../frame/text-cutting.ts';
import type { Visitor } from '../frame/view.ts';
import { mediaKindOf } from './event-row.tsx';
import { labelTexts, mediaTexts, messageContentTexts, openMediaTexts } from './texts.ts';

export type MessageContent = z.infer<typeof contentAnswer>;

const MAX_FIELD_CHARACTERS = 300;
const MAX_TEXT_CHARACTERS = 2_000;
/** So much more of a text can be unfolded. */
const MAX_REST_CHARACTERS = 20_000;
const MAP_ZOOM = 16;

/** @param isWhole whether long texts can be unfolded, for where there is one message. */
export const SaidContent: FC<{ view: Visitor; content: MessageContent; isWhole?: boolean }> = ({
  view,
  content,
  isWhole = false,
}) => {
  const t = messageContentTexts(view.language);
  const { kind, mediaType, text, media, location, failure, omitted } = content;
  if (omitted) return <p class="muted">{t.omitted}</p>;
  const label = textOfCode(labelTexts(view.language), kind) ?? null;
  const isEmpty = text === null && media === null && location === null && failure === null;
  if (isEmpty && label === null) return <NothingToRead view={view} mediaType={mediaType} />;
  return (
    <>
      {label !== null && (
        <p>
          <small>{label}</small>
        </p>
      )}
      {media !== null && <Medium view={view} media={media} />}
      {location !== null && <Location view={view} location={location} />}
      {text !== null && <LongText view={view} text={text} isWhole={isWhole} />}
      {failure !== null && <Failure view={view} failure={failure} />}
    </>
  );
};

const NothingToRead: FC<{ view: Visitor; mediaType: string | null }> = ({ view, mediaType }) => {
  const t = messageContentTexts(view.language);
  if (mediaType === null || mediaType.toLowerCase() === 'text') return <p class="muted">{t.nothing}</p>;
  return (
    <p class="muted">
      {t.unknownKind} <Said text={mediaType} max={MAX_FIELD_CHARACTERS} />
    </p>
  );
};

const LongText: FC<{ view: Visitor; text: string; isWhole: boolean }> = ({ view, text, isWhole }) => {
  const t = messageContentTexts(view.language);
  const shown = beginningOf(text, MAX_TEXT_CHARACTERS);
  const rest = text.slice(shown.length);
  const count = view.formats.number(rest.length);
  return (
    <>
      <p>
        <Said text={shown} />
      </p>
      {rest !== '' && !isWhole && <p class="muted">{t.restInEvent(count)}</p>}
      {rest !== '' && isWhole && (
        <details>
          <summary>{t.rest(count)}</summary>
          <Said text={rest} max={MAX_REST_CHARACTERS} />
        </details>
      )}
    </>
  );
};

const Medium: FC<{ view: Visitor; media: NonNullable<MessageContent['media']> }> = ({ view, media }) => {
  const t = messageContentTexts(view.language);
  const url = media.link === null ? null : webUrl(media.link);
  const kind = mediaKindOf(media.kind);
  return (
    <>
      <p class="medium">
        {url === null ? (
          <>
            {mediaTexts(view.language)[kind]} <small>{t.noLink}</small>
          </>
        ) : (
          <>
            <a href={url.href} rel="noopener noreferrer" target="_blank">
              {openMediaTexts(view.language)[kind]}
            </a>{' '}
            <small>
              <Said text={url.host} max={MAX_FIELD_CHARACTERS} />
            </small>
          </>
        )}
        {media.filename !== null && (
          <>
            {' '}
            <small>
              <Said text={media.filename} max={MAX_FIELD_CHARACTERS} />
            </small>
          </>
        )}
      </p>
      {url === null && media.link !== null && (
        <p>
          <SaidCode text={media.link} max={MAX_FIELD_CHARACTERS} />
        </p>
      )}
      {media.caption !== null && (
        <p>
          <Said text={media.caption} />
        </p>
      )}
    </>
  );
};

const Location: FC<{ view: Visitor; location: NonNullable<MessageContent['location']> }> = ({
  view,
  location,
}) => {
  const t = messageContentTexts(view.language);
  const map = mapOf(location);
  return (
    <p class="place">
      {map === null ? (
        <small>{t.noCoordinates}</small>
      ) : (
        <a href={map} rel="noopener noreferrer" target="_blank">
          {t.openMap}
        </a>
      )}
      {[location.name, location.address].map(
        (text) =>
          text !== null && (
            <>
              <br />
              <Said text={text} max={MAX_FIELD_CHARACTERS} />
            </>
          ),
      )}
    </p>
  );
};

const Failure: FC<{ view: Visitor; failure: NonNullable<MessageContent['failure']> }> = ({
  view,
  failure,
}) => {
  const t = messageContentTexts(view.language);
  return (
    <p class="failure">
      <strong>{t.failed}:</strong>{' '}
      {failure.message === null ? t.noReason : <Said text={failure.message} max={MAX_FIELD_CHARACTERS} />}
      {failure.code !== null && (
        <>
          {' '}
          <small>
            (<Said text={t.failureCode(failure.code)} max={MAX_FIELD_CHARACTERS} />)
          </small>
        </>
      )}
    </p>
  );
};

/** The address that a link leads to; `null` where it is none of the web, which a browser might run or read from the disk. */
export function webUrl(link: string): URL | null {
  const url = URL.parse(link);
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? url : null;
}

function mapOf({ latitude, longitude }: NonNullable<MessageContent['location']>): string | null {
  if (latitude === null || longitude === null) return null;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  const marker = new URLSearchParams({ mlat: String(latitude), mlon: String(longitude) });
  return `https://www.openstreetmap.org/?${marker}#map=${MAP_ZOOM}/${latitude}/${longitude}`;
}
