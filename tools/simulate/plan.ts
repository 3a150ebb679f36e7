// Plans what a run sends and in which order. Pure: the same options give the same bytes.
import { createHash } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { Random } from '../random.ts';
import { type BrokenBody, brokenBody } from './broken-bodies.ts';
import { contactsOf } from './contacts.ts';
import { conversationOf, type SimulatedEvent } from './conversations.ts';
import { oddEvent } from './odd-bodies.ts';

export interface PlanOptions {
  /** How many different events. */
  events: number;
  seed: number;
  /** Changes every id, and so distinguishes runs of the same seed. */
  run: string;
  contacts: number;
  /** Shares from 0 to 1: of the status events that come late, of the events that come again, … */
  disorder: number;
  duplicates: number;
  /** … of the events whose bodies are odd, … */
  odd: number;
  /** … of broken bodies for each event, and of the deliveries whose sender hangs up before the answer. */
  invalid: number;
  abandoned: number;
}

/** One arrival at the receiver, to be sent until it is acknowledged or refused. */
export interface Delivery {
  /** Its turn. Deliveries of one slot are sent at the same instant. */
  slot: number;
  /** Whether the sender hangs up on the first attempt as soon as the body is sent. */
  abandon: boolean;
  /** `null` where the body breaks the contract. */
  event: SimulatedEvent | null;
  /** What is wrong with the body; `null` where nothing is. */
  flaw: string | null;
  /** As it is sent, which may be compressed. */
  body: Buffer;
  contentType: string | null;
  contentEncoding?: 'gzip' | 'deflate';
}

export interface Plan {
  /** The beginning of every message id of the run. */
  namespace: string;
  /** The canonical contacts of this run. */
  contacts: Set<string>;
  events: Map<string, SimulatedEvent>;
  deliveries: Delivery[];
  /** A digest of all deliveries in order, which is the same for the same options. */
  fingerprint: string;
}

const NAMESPACE_DIGITS = 8;
const TRANSIT_MS = 300;
/** By how much late events are late in the time of the story: behind the next steps, or even behind the next turns. */
const LATE_MS = [1_000, 1_200_000] as const;
const AGAIN_MS = [500, 1_800_000] as const;

/** The plan of a run. */
export function planOf(options: PlanOptions): Plan {
  const { run, seed, events: count, contacts: contactCount, odd } = options;
  // Everything that changes contents changes the ids, so that an id never has two contents.
  const namespace = digest(`${run}:${seed}:${count}:${contactCount}:${odd}`).slice(0, NAMESPACE_DIGITS);
  const contacts = contactsOf(new Random(`${namespace}:contacts`), contactCount);

  const ordinary: SimulatedEvent[] = [];
  for (let conversation = 0; ordinary.length < count; conversation++) {
    ordinary.push(...conversationOf(namespace, conversation, contacts));
  }
  ordinary.length = count;
  const oddness = new Random(`${namespace}:odd`);
  const events = ordinary.map((event) => (oddness.chance(odd) ? oddEvent(event, oddness) : event));

  const deliveries = inOrderOfArrival(arrivalsOf(namespace, events, options));
  return {
    namespace,
    contacts: new Set(contacts.map(({ canonical }) => canonical)),
    events: new Map(events.map((event) => [event.id, event])),
    deliveries,
    fingerprint: digest(deliveries.map(deliveryLine).join('\n')).slice(0, 16),
  };
}

interface Arrival extends Omit<Delivery, 'slot'> {
  atMs: number;
  /** The index of its event; -1 for a broken body. Arrivals of one event at the same time share a slot. */
  origin: number;
}

function arrivalsOf(namespace: string, events: SimulatedEvent[], options: PlanOptions): Arrival[] {
  const order = new Random(`${namespace}:order`);
  const repeat = new Random(`${namespace}:repeats`);
  const breakage = new Random(`${namespace}:broken`);
  const hangUp = new Random(`${namespace}:abandoned`);
  const arrivals: Arrival[] = [];
  const add = (origin: number, atMs: number, what: SimulatedEvent | BrokenBody) =>
    arrivals.push({
      atMs,
      origin,
      abandon: hangUp.chance(options.abandoned),
      event: 'flaw' in what ? null : what,
      flaw: 'flaw' in what ? what.flaw : null,
      body: wireBodyOf(what),
      contentType: what.contentType,
      ...('contentEncoding' in what && { contentEncoding: what.contentEncoding }),
    });
  let broken = 0;
  for (const [index, event] of events.entries()) {
    const transitMs = order.whole(0, TRANSIT_MS);
    const delayMs = order.whole(...LATE_MS);
    const isLate = order.chance(options.disorder) && event.type === 'status';
    const atMs = event.happenedAtMs + transitMs + (isLate ? delayMs : 0);
    add(index, atMs, event);
    if (repeat.chance(options.duplicates)) {
      const times = repeat.pick([1, 1, 1, 2]);
      for (let time = 0; time < times; time++) {
        add(index, repeat.chance(0.5) ? atMs : atMs + repeat.whole(...AGAIN_MS), event);
      }
    }
    if (breakage.chance(options.invalid)) add(-1, atMs, brokenBody(namespace, broken++, breakage));
  }
  return arrivals;
}

function wireBodyOf(what: SimulatedEvent | BrokenBody): Buffer {
  const encoding = 'contentEncoding' in what ? what.contentEncoding : undefined;
  if (encoding === undefined) return what.body;
  return encoding === 'gzip' ? gzipSync(what.body) : deflateSync(what.body);
}

function inOrderOfArrival(arrivals: Arrival[]): Delivery[] {
  const sorted = arrivals.sort((a, b) => a.atMs - b.atMs || a.origin - b.origin);
  let slot = 0;
  return sorted.map(({ atMs, origin, ...delivery }, index) => {
    const before = sorted[index - 1];
    const isSameInstant =
      before !== undefined && before.atMs === atMs && before.origin === origin && origin >= 0;
    if (!isSameInstant) slot = index;
    return { slot, ...delivery };
  });
}

/** A delivery in one line of JSON; the body in base64 where it is not text. */
export function deliveryLine({ event, body, contentEncoding, ...delivery }: Delivery): string {
  const { slot, abandon, flaw, contentType } = delivery;
  const text = body.toString('utf8');
  const isText = Buffer.from(text).equals(body);
  return JSON.stringify({
    slot,
    id: event?.id ?? null,
    flaw,
    abandon,
    contentType,
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(event?.oddity !== undefined && { oddity: event.oddity }),
    ...(isText ? { body: text } : { bodyBase64: body.toString('base64') }),
  });
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
