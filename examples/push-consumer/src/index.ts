// A consumer of the events queue: prints one line an event. A queue delivers at least once, so a consumer whose
// work must not be done twice drops events whose `source` + `id` it has already seen.
//
// These lines hold personal data (numbers, texts). That is fine on your own machine and only there: in production,
// log the event's id and nothing of its content.

const MAX_TEXT_CHARACTERS = 80;

/** What of an event is printed (CloudEvents 1.0, https://github.com/cloudevents/spec). */
interface Event {
  id: string;
  type: string;
  subject: string;
  time: string;
  contact: string;
  /** The webhook's body. Absent when it is too large for a queue: `dataref` says where to read it. */
  data?: {
    event?: { status?: unknown };
    message?: { message?: unknown; mediaType?: unknown; location?: unknown };
  };
  dataref?: string;
}

export default {
  async queue(batch) {
    for (const message of batch.messages) {
      if (isEvent(message.body)) {
        console.log(describeEvent(message.body));
        message.ack();
      } else {
        console.warn(
          `message ${message.id} is not an event; it goes to the dead letters after its last retry`,
        );
        message.retry();
      }
    }
  },
} satisfies ExportedHandler;

function isEvent(body: unknown): body is Event {
  if (typeof body !== 'object' || body === null) return false;
  const event = body as Record<string, unknown>;
  const hasData = typeof event.data === 'object' && event.data !== null;
  return (
    ['id', 'type', 'subject', 'time', 'contact'].every((name) => typeof event[name] === 'string') &&
    !Number.isNaN(Date.parse(event.time as string)) &&
    (hasData || typeof event.dataref === 'string')
  );
}

/** E.g. `17:07:51  response   +5544999999999  text  "Bom dia"`; the time is UTC. */
function describeEvent(event: Event): string {
  const time = new Date(event.time).toISOString().slice(11, 19);
  const kind = event.type.endsWith('.response')
    ? 'response'
    : printable(event.data?.event?.status ?? 'status');
  return `${time}  ${kind.padEnd(9)}  ${printable(event.contact)}  ${describeContent(event)}`;
}

function describeContent(event: Event): string {
  if (event.data === undefined)
    return `too large for the queue, read it at ${printable(event.dataref, Infinity)}`;
  if (!event.type.endsWith('.response')) return `message ${printable(event.subject)}`;
  const { message, location, mediaType = location ? 'location' : 'text' } = event.data.message ?? {};
  const text = typeof message === 'string' && message !== '' ? `  "${printable(message)}"` : '';
  return printable(mediaType ?? 'text') + text;
}

/**
 * What a customer wrote can hold anything, terminal commands included: control characters, line ends and marks
 * that turn the direction of writing become spaces, and what is long is cut.
 */
function printable(value: unknown, maxCharacters = MAX_TEXT_CHARACTERS): string {
  const characters = [...String(value).replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, ' ')];
  if (characters.length <= maxCharacters) return characters.join('');
  return `${characters.slice(0, maxCharacters - 1).join('')}…`;
}
