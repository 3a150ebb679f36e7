// Conversations as the platform reports them: a template is sent, delivered, read or fails; the customer answers; an attendant
// writes back. Bodies have the documented shape with the oddities that were seen beside it. Pure: everything follows from the
// conversation's number and the run's namespace.
import { eventId } from '../../src/contract/event.ts';
import type { EventType, Status, Webhook } from '../../src/contract/webhook.ts';
import { Random } from '../random.ts';
import type { Contact } from './contacts.ts';

/** An event of the run with its body. */
export interface SimulatedEvent {
  id: string;
  type: EventType;
  /** As the receiver reads it; any word in an odd body. */
  status: string | null;
  /** Canonical; `null` where the body names nobody. */
  contact: string | null;
  appId: string;
  messageId: string;
  /** `null` where the body does not tell. */
  occurredAtMs: number | null;
  /** When it happened in the story, whether the body tells or not. */
  happenedAtMs: number;
  body: Buffer;
  contentType: string | null;
  /** How the body is compressed; absent: not at all. */
  contentEncoding?: 'gzip' | 'deflate';
  /** The name of the oddity of odd-bodies.ts. */
  oddity?: string;
}

/** Fixed, so that the same seed gives the same bytes on every day. */
const STORY_BEGINS_MS = Date.parse('2026-03-02T12:00:00Z');
/** Conversations last minutes, so that many are under way at once. */
const CONVERSATION_SPACING_MS = 20_000;
const MAX_TURNS = 3;

/** The steps of messages as often as they are drawn. */
const STEPS = [
  ['sent', 'delivered', 'read'],
  ['sent', 'delivered', 'read'],
  ['sent', 'delivered', 'read'],
  ['sent', 'delivered', 'read'],
  ['sent', 'delivered'],
  ['sent', 'delivered'],
  ['sent', 'read'],
  ['sent'],
  ['sent', 'failed'],
  ['failed'],
] as const satisfies [Status[], ...Status[][]];

const STEP_TAKES_MS = {
  sent: [200, 2_000],
  delivered: [500, 6_000],
  read: [1_000, 600_000],
  failed: [1_000, 60_000],
} as const satisfies Record<Status, readonly [number, number]>;

const FAILURES = [
  [470, 'Message failed to send because more than 24 hours have passed since the customer last replied'],
  [131026, 'Message undeliverable'],
  [1013, 'Recipient is not a valid WhatsApp user'],
] as const satisfies [[number, string], ...[number, string][]];

const TEXTS = [
  'Mensagem de teste',
  'Oi! Meu pedido já saiu? 😀',
  'não recebi nada ainda…',
  'Obrigada 💛👩🏽‍🦱',
  'linha 1\nlinha 2\t"com aspas" e \\barra\\',
  'null',
  ' ',
  'Quero falar com um atendente',
  '<b>1 < 2 & 3</b> \u2028 fim',
  `texto longo ${'ção '.repeat(200)}`,
] as const;

/** The platform's three documented callers differ in content type and spelling. */
const SENDERS = [
  { contentType: 'application/json', write: (body: unknown) => JSON.stringify(body) },
  {
    contentType: 'application/x-www-form-urlencoded',
    write: (body: unknown) => JSON.stringify(body, null, 2),
  },
  { contentType: null, write: (body: unknown) => asciiOnly(JSON.stringify(body)) },
] as const;

interface Message extends Fields {
  messageId: string;
  updatedAt?: string;
}

/** What the messages of a conversation share. */
interface Scene {
  namespace: string;
  conversation: number;
  random: Random;
  contact: Contact;
  appId: string;
  business: string;
  contextId: string | null;
  interactionsId: string;
  nextMessage: number;
}

/** The members of an object of JSON. */
export type Fields = Record<string, unknown>;

/** A body of either type: a sender's members are bound by no type, and those of a broken body less so. */
export interface LooseBody extends Fields {
  event: Fields;
  message: Fields;
  clientData?: Fields;
}

/** The events of a conversation, in the order in which they happen. `namespace` begins every message id of the run. */
export function conversationOf(
  namespace: string,
  conversation: number,
  contacts: readonly [Contact, ...Contact[]],
): SimulatedEvent[] {
  const random = new Random(`${namespace}:conversation:${conversation}`);
  const scene: Scene = {
    namespace,
    conversation,
    random,
    contact: random.pick(contacts),
    appId: random.pick(['5e138ee5d53f5b001b96fa54', '5e138ee5d53f5b001b96fa55', '60b7c0ffee0000001b96fa56']),
    business: random.pick(['+554188956674', '554188956674', '+551140028922']),
    contextId: random.pick([random.hex(24), `wdad-${random.whole(100_000, 999_999)}`, 'atendente-123', null]),
    interactionsId: uuidOf(random),
    nextMessage: 0,
  };
  const events: SimulatedEvent[] = [];
  let nowMs =
    STORY_BEGINS_MS + conversation * CONVERSATION_SPACING_MS + random.whole(0, CONVERSATION_SPACING_MS);
  const turns = random.whole(1, MAX_TURNS);
  for (let turn = 0; turn < turns; turn++) {
    const steps = statusesOf(scene, nowMs);
    events.push(...steps);
    nowMs = steps.at(-1)?.happenedAtMs ?? nowMs;
    if (steps.at(-1)?.status === 'failed' || random.chance(0.15)) break;
    const replies = random.whole(1, 3);
    for (let reply = 0; reply < replies; reply++) {
      nowMs += random.whole(2_000, 300_000);
      events.push(responseOf(scene, nowMs));
    }
    nowMs += random.whole(5_000, 120_000);
  }
  return events.sort((a, b) => a.happenedAtMs - b.happenedAtMs);
}

/** An outgoing message and its steps. */
function statusesOf(scene: Scene, startMs: number): SimulatedEvent[] {
  const { random, contact } = scene;
  const message = messageOf(scene, startMs);
  const eventMessageId = eventMessageIdOf(random);
  const steps: readonly Status[] = random.pick(STEPS);
  let nowMs = startMs;
  return steps.map((status) => {
    const [fromMs, toMs] = STEP_TAKES_MS[status];
    nowMs += random.whole(fromMs, toMs);
    const [failCode, failMessage] = random.pick(FAILURES);
    const body = {
      event: { messageId: eventMessageId, type: 'status' as const, status },
      message: {
        ...message,
        to: random.pick(contact.written), // the platform does not write a number the same way twice
        ...(message.updatedAt !== undefined && { updatedAt: new Date(nowMs).toISOString() }),
        ...(status === 'failed' && { failCode, failMessage }),
      },
    };
    return simulatedEvent(scene, body, nowMs, message.updatedAt === undefined ? null : nowMs);
  });
}

/** The customer writes. */
function responseOf(scene: Scene, nowMs: number): SimulatedEvent {
  const { random, contact } = scene;
  const message = messageOf(scene, nowMs);
  const writtenAtMs = random.chance(0.95) ? nowMs : null;
  const body = {
    event: { messageId: eventMessageIdOf(random), type: 'response' as const },
    clientData: {
      number: random.pick(contact.written),
      ...(random.chance(0.9) && { name: random.chance(0.95) ? contact.name : null }),
      ...(writtenAtMs !== null && { timeLastMessage: new Date(writtenAtMs).toISOString() }),
    },
    message: { ...message, to: random.pick(contact.written) },
  };
  return simulatedEvent(scene, body, nowMs, writtenAtMs);
}

function messageOf(scene: Scene, nowMs: number): Message {
  const { random } = scene;
  const createdAt = new Date(nowMs).toISOString();
  return {
    messageId: messageIdIn(scene.namespace, scene.conversation, scene.nextMessage++, random),
    ...(scene.contextId !== null && { contextId: scene.contextId }),
    interactionsId: scene.interactionsId,
    ...contentOf(random),
    from: scene.business,
    appId: scene.appId,
    status: 'stored',
    ...(random.chance(0.95) && { createdAt, updatedAt: createdAt }),
  };
}

/** Says a text, shows a medium or names a place. */
function contentOf(random: Random): Fields {
  const mediaType = random.pick([
    ...(['text', 'text', 'text', 'text', 'location'] as const),
    ...(['document', 'audio', 'image', 'video', 'sticker'] as const),
  ]);
  if (mediaType === 'location') {
    const [latitude, longitude] = [
      random.whole(-339_999, 52_000) / 1e4,
      -random.whole(340_000, 739_999) / 1e4,
    ];
    const asText = random.chance(0.3);
    return {
      mediaType,
      location: {
        address: 'Av. República Argentina, 1234, Curitiba',
        latitude: asText ? String(latitude) : latitude,
        longitude: asText ? String(longitude) : longitude,
        ...(random.chance(0.5) && { name: 'Loja do Portão' }),
      },
    };
  }
  if (mediaType === 'text') {
    const nulls = { link: 'null', id: 'null', caption: 'null', filename: 'null' };
    return {
      ...(random.chance(0.6) && { mediaType }),
      message: random.pick(TEXTS),
      ...(random.chance(0.5) && { mediaData: random.pick([nulls, null, {}]) }),
    };
  }
  return {
    mediaType,
    ...(random.chance(0.3) && { message: random.pick(TEXTS) }),
    mediaData: {
      ...(random.chance(0.9) && {
        link: random.pick(['http://linkteste.com/doc.pdf', 'media/1234', 'null', '']),
      }),
      ...(random.chance(0.7) && { id: uuidOf(random) }),
      ...(random.chance(0.5) && { caption: random.pick(['Descrição da mídia', 'null']) }),
      ...(random.chance(0.5) && { filename: 'nome-arquivo (1).pdf' }),
    },
  };
}

function simulatedEvent(
  { random, contact, appId }: Scene,
  body: LooseBody & { event: { type: EventType; status?: string }; message: Message },
  happenedAtMs: number,
  occurredAtMs: number | null,
): SimulatedEvent {
  const sender = random.pick(SENDERS);
  return {
    id: eventId(body as unknown as Webhook),
    type: body.event.type,
    status: body.event.status ?? null,
    contact: contact.canonical,
    appId,
    messageId: body.message.messageId,
    occurredAtMs,
    happenedAtMs,
    body: Buffer.from(sender.write(body)),
    contentType: sender.contentType,
  };
}

/** 24 hex digits as the platform's ids: the run's namespace, then the place of the message, which is unique in the run. */
export function messageIdIn(
  namespace: string,
  conversation: number,
  message: number,
  random: Random,
): string {
  const place = conversation.toString(16).padStart(6, '0') + message.toString(16).padStart(2, '0');
  return namespace + place + random.hex(24 - namespace.length - place.length);
}

/** As documented (`i3i4321d`), or sometimes in WhatsApp's form, or with characters that an event id has to escape. */
function eventMessageIdOf(random: Random): string {
  const plain = random.text(8, 'abcdefghijklmnopqrstuvwxyz0123456789');
  const kind = random.fraction();
  if (kind < 0.05) return `wamid.${Buffer.from(plain).toString('base64')}`;
  return kind < 0.07 ? `${plain.slice(0, 4)}:50%` : plain;
}

function uuidOf(random: Random): string {
  return `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-a${random.hex(3)}-${random.hex(12)}`;
}

/** As Python's `json.dumps` writes it. */
function asciiOnly(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
