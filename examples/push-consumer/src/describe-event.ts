// Describes an event in a line, which holds personal data (numbers, texts). That is fine on your own machine only: in production,
// log the event's id and nothing of its content.

import {
  CLOUDEVENT_TYPES,
  type ResponseEvent,
  type StatusEvent,
  type WithData,
} from 'instant-message-consumer';

const MAX_TEXT_CHARACTERS = 80;

/** E.g. `17:07:51  response   +5544999999999  text  "Bom dia"`; the time is UTC. */
export function describeEvent(event: WithData<ResponseEvent> | WithData<StatusEvent>): string {
  const time = new Date(event.time).toISOString().slice(11, 19);
  const [kind, content] =
    event.type === CLOUDEVENT_TYPES.response
      ? ['response', describeMessage(event.data.message)]
      : [event.data.event.status, `message ${printable(event.subject)}`];
  return `${time}  ${kind.padEnd(9)}  ${printable(event.contact ?? 'somebody')}  ${content}`;
}

function describeMessage(message: WithData<ResponseEvent>['data']['message']): string {
  const mediaType = message.mediaType ?? (message.location ? 'location' : 'text');
  const text = message.message ? `  "${printable(message.message)}"` : '';
  return printable(mediaType) + text;
}

/**
 * Makes a customer's text safe for a terminal: control characters, line ends and marks that change the direction of text become
 * spaces, and long texts are cut.
 */
function printable(text: string): string {
  const characters = [...text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')];
  if (characters.length <= MAX_TEXT_CHARACTERS) return characters.join('');
  return `${characters.slice(0, MAX_TEXT_CHARACTERS - 1).join('')}…`;
}
