// Writes an event as one line for the terminal.
import { styleText } from 'node:util';
import {
  checkedWebhook,
  type EventType,
  isStatus,
  type ResponseWebhook,
  type Status,
  type Webhook,
} from '../../src/contract/webhook.ts';
import { printable, shortened } from '../terminal-text.ts';

/** The part of an event of GET /api/tail that a line shows. */
interface TailEvent {
  integration: string;
  type: EventType;
  status: string | null;
  contact: string | null;
  messageId: string;
  receivedAt: string;
  payload: Parameters<typeof checkedWebhook>[1];
}

type Style = Parameters<typeof styleText>[0];
type Paint = (style: Style, text: string) => string;

const STATUS_STYLES: Record<Status, Style> = {
  sent: 'gray',
  delivered: 'blue',
  read: 'green',
  failed: 'red',
};
const MAX_TEXT_CHARACTERS = 80;
const MAX_NAME_CHARACTERS = 24;
const CONTACT_WIDTH = 14;
/** Longer texts are cut before they are divided into characters, which takes time. */
const MAX_READ_LENGTH = 1_000;

/** The line of an event, without anything that a terminal would act on but for the colours. */
export function eventLine(json: string, hasColors: boolean): string {
  const event = JSON.parse(json) as TailEvent;
  const { webhook } = checkedWebhook(event.type, event.payload, Date.parse(event.receivedAt));
  const paint: Paint = (style, text) =>
    hasColors && text !== '' ? styleText(style, text, { validateStream: false }) : text;
  return [
    paint('dim', new Date(event.receivedAt).toLocaleString('sv')), // 2026-03-01 09:05:07, local time
    paint('dim', shown(event.integration)),
    shown(event.contact).padEnd(CONTACT_WIDTH),
    event.status === null
      ? responseText(webhook as ResponseWebhook, paint)
      : statusText(event.status, webhook, paint),
    paint('dim', shown(event.messageId)),
  ].join('  ');
}

function responseText({ clientData, message }: ResponseWebhook, paint: Paint): string {
  const { mediaType, mediaData, location } = message;
  const name = shown(clientData?.name, MAX_NAME_CHARACTERS);
  const kind = mediaType == null || mediaType === 'text' ? '' : `[${shown(mediaType, MAX_NAME_CHARACTERS)}]`;
  const place = [location?.name, location?.address].filter(Boolean).join(', ') || coordinates(location);
  const texts = [message.message, mediaData?.caption, mediaData?.filename, place].filter(Boolean).join(' · ');
  return [
    paint('cyan', name === '' ? '←' : `← ${name}:`),
    paint('yellow', kind),
    paint('bold', shown(texts, MAX_TEXT_CHARACTERS)),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function coordinates(location: ResponseWebhook['message']['location']): string {
  return [location?.latitude, location?.longitude].filter((part) => part != null).join(' ');
}

function statusText(status: string, { message }: Webhook, paint: Paint): string {
  const { failCode, failMessage } = message;
  const why = [failCode, failMessage].filter((part) => part != null && part !== '').join(' ');
  const step = paint(isStatus(status) ? STATUS_STYLES[status] : 'gray', `→ ${shown(status)}`);
  return why === '' ? step : `${step} ${paint('red', shown(why, MAX_TEXT_CHARACTERS))}`;
}

/** Makes a text of a customer harmless and short enough. */
function shown(text: string | null | undefined, maxCharacters = MAX_READ_LENGTH): string {
  return shortened(printable((text ?? '').slice(0, MAX_READ_LENGTH)).trim(), maxCharacters);
}
