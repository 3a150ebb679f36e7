// Bodies with oddities that senders are known for: other spellings of numbers and times, empty texts, other types, unknown words,
// compression. A receiver stores and forwards each as it came, and what it cannot read counts as absent. Each oddity says how
// it changes the event.
import type { EventType } from '../../src/contract/webhook.ts';
import type { Random } from '../random.ts';
import type { LooseBody, SimulatedEvent } from './conversations.ts';

interface Oddity {
  name: string;
  /** The type that can have it; absent: both. */
  type?: EventType;
  /** Whether the customer must have a phone number. */
  needsNumber?: true;
  /** Changes the body, and returns what that changes in the event. */
  change(body: LooseBody, event: SimulatedEvent, random: Random): Partial<SimulatedEvent>;
}

const HOUR_MS = 3_600_000;

/** An unknown status for each step, since one message can have several. */
const UNKNOWN_WORDS: Record<string, string> = {
  sent: 'accepted',
  delivered: 'played',
  read: 'seen',
  failed: 'deleted',
};

const ODDITIES: [Oddity, ...Oddity[]] = [
  oddTime('offset with a colon', (ms) => [local(ms, '-03:00'), ms]),
  oddTime('offset without a colon', (ms) => [local(ms, '-0300'), ms]),
  oddTime('offset of hours', (ms) => [local(ms, '-03'), ms]),
  oddTime('a blank in place of T', (ms) => [new Date(ms).toISOString().replace('T', ' '), ms]),
  oddTime('no seconds', (ms) => [`${new Date(ms).toISOString().slice(0, 16)}Z`, ms - (ms % 60_000)]),
  oddTime('RFC 2822', (ms) => [new Date(ms).toUTCString(), ms - (ms % 1_000)]),
  oddTime('Unix seconds', (ms) => [Math.floor(ms / 1_000), ms - (ms % 1_000)]),
  oddTime('Unix milliseconds', (ms) => [ms, ms]),
  oddTime('no zone', (ms) => [new Date(ms).toISOString().slice(0, -1), null]),
  oddTime('the unset date of .NET', () => ['0001-01-01T00:00:00Z', null]),
  oddTime('the end of time', () => ['9999-12-31T23:59:59Z', null]),
  oddTime('an empty time', () => ['', null]),
  oddNumber('separators', (digits) => `+${digits.slice(0, 4)} ${digits.slice(4, 8)}-${digits.slice(8)}`),
  oddNumber('invisible marks', (digits) => `\u202a+${digits}\u202c`),
  oddNumber('00 in place of +', (digits) => `00${digits}`),
  oddNumber('an address of WhatsApp', (digits) => `${digits}:3@s.whatsapp.net`),
  oddNumber('whatsapp:', (digits) => `whatsapp:+${digits}`),
  oddNumber('tel:', (digits) => `tel:+${digits}`),
  oddContact('a local id of WhatsApp', (random) => `1${random.text(14, '0123456789')}@lid`),
  oddContact('a user name in place of a number', (random) => `BR.${random.text(16, '123456789')}`),
  oddContact('no number', () => null),
  set('a sender that is a name', ({ message }) => (message.from = 'BOTICARIO')),
  set('an empty contextId', ({ message }) => (message.contextId = '')),
  set('an empty interactionsId', ({ message }) => (message.interactionsId = '')),
  set('a text for mediaData', ({ message }) => (message.mediaData = 'null')),
  set('a creation that is no time', ({ message }) => (message.createdAt = '02/03/2026 12:00')),
  set('an object for the state', ({ message }) => (message.status = { state: 'stored' })),
  set('a number for a text', ({ message }) => (message.message = 1)),
  set('a list for a text', ({ message }) => (message.message = ['Sim'])),
  set('a number for a name', ({ clientData }) => Object.assign(clientData ?? {}, { name: 7 }), 'response'),
  set(
    'a tapped button',
    ({ message }) =>
      Object.assign(message, {
        mediaType: 'interactive',
        message: { type: 'button_reply', id: 'op-1', title: 'Quero falar com alguém' },
      }),
    'response',
  ),
  set(
    'a reaction',
    ({ message }) => Object.assign(message, { mediaType: 'reaction', message: '👍🏽', mediaData: null }),
    'response',
  ),
  set('half of an emoji', ({ message }) => (message.message = 'oi \ud83d')),
  set('a type in capitals', ({ event }) => (event.type = String(event.type).toUpperCase())),
  set('a status in capitals', ({ event }) => (event.status = String(event.status).toUpperCase()), 'status'),
  {
    name: 'an unknown status',
    type: 'status',
    change(body, { id, status }) {
      const word = UNKNOWN_WORDS[status ?? ''] ?? 'deleted';
      body.event.status = word;
      return { status: word, id: `${id.slice(0, id.lastIndexOf(':'))}:${word}` };
    },
  },
  { name: 'gzip', change: () => ({ contentEncoding: 'gzip' }) },
  { name: 'deflate', change: () => ({ contentEncoding: 'deflate' }) },
];

export const ODDITY_NAMES: readonly string[] = ODDITIES.map(({ name }) => name);

/** The event with one oddity that its type can have. */
export function oddEvent(event: SimulatedEvent, random: Random): SimulatedEvent {
  const hasNumber = event.contact?.startsWith('+') ?? false;
  const fitting = ODDITIES.filter(
    ({ type, needsNumber }) => (type === undefined || type === event.type) && (hasNumber || !needsNumber),
  );
  const { name, change } = random.pick(fitting as [Oddity, ...Oddity[]]);
  const body: LooseBody = JSON.parse(event.body.toString('utf8'));
  const changed = change(body, event, random);
  return { ...event, ...changed, oddity: name, body: Buffer.from(JSON.stringify(body)) };
}

function set(name: string, change: (body: LooseBody) => unknown, type?: EventType): Oddity {
  return {
    name,
    ...(type !== undefined && { type }),
    change(body) {
      change(body);
      return {};
    },
  };
}

/** Spells the event's time in another way. `spell` returns what is written and what it means; `null`: the time of arrival. */
function oddTime(
  name: string,
  spell: (ms: number) => [written: string | number, occurredAtMs: number | null],
): Oddity {
  return {
    name: `time: ${name}`,
    change(body, { type, happenedAtMs }) {
      const [written, occurredAtMs] = spell(happenedAtMs);
      if (type === 'response') Object.assign(body.clientData ?? {}, { timeLastMessage: written });
      else body.message.updatedAt = written;
      return { occurredAtMs };
    },
  };
}

/** Spells the customer's number in another way. */
function oddNumber(name: string, spell: (digits: string) => string): Oddity {
  return {
    name: `number: ${name}`,
    needsNumber: true,
    change(body, event) {
      writeContact(body, event, spell(event.contact?.replace('+', '') ?? ''));
      return {};
    },
  };
}

/** Writes something else in place of the number. */
function oddContact(name: string, contactOf: (random: Random) => string | null): Oddity {
  return {
    name: `contact: ${name}`,
    change(body, event, random) {
      const contact = contactOf(random);
      writeContact(body, event, contact);
      return { contact };
    },
  };
}

function writeContact(body: LooseBody, { type }: SimulatedEvent, written: string | null): void {
  if (type === 'response') Object.assign(body.clientData ?? {}, { number: written });
  else body.message.to = written;
}

function local(ms: number, offset: string): string {
  return new Date(ms - 3 * HOUR_MS).toISOString().replace('Z', offset);
}
