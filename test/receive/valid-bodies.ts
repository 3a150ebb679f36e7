// Bodies that are valid by construction: as the platform documents them, with fields missing, null or added where that is
// allowed, and with what the event of each must hold.

import fc from 'fast-check';
import type { EventHead } from '../../src/contract/event.ts';
import { STATUSES, type Status } from '../../src/contract/webhook.ts';
import { type Moment, moment, phone, style } from '../contract/written-forms.ts';
import { type Json, type JsonObject, type Member, shuffled, writeJson } from '../json-text.ts';
import { anyJson, anyKey, finiteNumber, freeText, identifier, KNOWN_KEYS } from './any-json.ts';

/** The parts of an event that its body determines. */
export interface ExpectedEvent extends Pick<EventHead, 'id' | 'type' | 'status' | 'contact' | 'appId'> {
  /** `null` for the time of arrival. */
  occurredAtMs: number | null;
}

export interface ValidBody {
  text: string;
  event: ExpectedEvent;
}

/** A field that may be missing or null. */
function optional<Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null | undefined> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: value },
  );
}

const label = freeText.map((text) => text || 'atendente-123');
const text = optional(freeText);
const numberOrText = optional(fc.oneof(finiteNumber, freeText));

/** The members of an object besides those that the contract names, and the order of all. */
interface Trimmings {
  extras: Member[];
  /** Members that do not count, since their key comes again later. */
  overruled: [which: number, value: Json][];
  order: number;
}

const trimmings: fc.Arbitrary<Trimmings> = fc.record({
  extras: fc.oneof(
    { weight: 2, arbitrary: fc.constant<Member[]>([]) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.tuple(anyKey, anyJson), { maxLength: 3 })
        .map((members) => members.filter(([key]) => !KNOWN_KEYS.includes(key))),
    },
  ),
  overruled: fc.oneof(
    { weight: 5, arbitrary: fc.constant<Trimmings['overruled']>([]) },
    { weight: 1, arbitrary: fc.array(fc.tuple(fc.nat(), anyJson), { minLength: 1, maxLength: 2 }) },
  ),
  order: style,
});

function objectOf(
  fields: Record<string, Json | undefined>,
  { extras, overruled, order }: Trimmings,
): JsonObject {
  const there = Object.entries(fields).filter((field): field is Member => field[1] !== undefined);
  const idle = overruled.flatMap(([which, value]): Member[] => {
    const overruler = there[which % there.length];
    return overruler === undefined ? [] : [[overruler[0], value]];
  });
  return { members: [...idle, ...shuffled([...there, ...extras], order)] };
}

const parts = fc.record({
  step: fc.constantFrom(null, ...STATUSES), // null: a response
  messageId: identifier,
  eventMessageId: identifier,
  appId: identifier,
  customer: phone,
  business: phone,
  happenedAt: optional(moment),
  otherTime: optional(moment),
  name: text,
  message: fc.record({
    contextId: optional(label),
    interactionsId: optional(label),
    mediaType: text,
    message: text,
    status: text,
    failCode: numberOrText,
    failMessage: text,
  }),
  mediaData: optional(fc.record({ link: text, id: text, caption: text, filename: text })),
  location: optional(
    fc.record({ address: text, latitude: numberOrText, longitude: numberOrText, name: text }),
  ),
  clientDataOfStatus: fc.constantFrom('absent', 'null', 'without a number', 'there'),
  trimmings: fc.record({
    body: trimmings,
    event: trimmings,
    message: trimmings,
    clientData: trimmings,
    media: trimmings,
  }),
});
type Parts = typeof parts extends fc.Arbitrary<infer Value> ? Value : never;

/** A valid body before it is written. */
export const validJson: fc.Arbitrary<{ json: JsonObject; event: ExpectedEvent }> = parts.map((made) => {
  const { step } = made;
  const kind = step === null ? 'response' : `status:${step}`;
  return {
    json: step === null ? responseOf(made) : statusOf(made, step),
    event: {
      id: `${escaped(made.messageId)}:${escaped(made.eventMessageId)}:${kind}`,
      type: step === null ? 'response' : 'status',
      status: step,
      contact: made.customer.canonical,
      appId: made.appId,
      occurredAtMs: believableMs(made.happenedAt),
    },
  };
});

const EARLIEST_MS = Date.UTC(2000, 0, 1);
const DAY_MS = 86_400_000;

/** Times before 2000, or more than a day ahead, count as missing. */
function believableMs(moment: Moment | null | undefined): number | null {
  const isBelievable = moment != null && moment.ms >= EARLIEST_MS && moment.ms <= Date.now() + DAY_MS;
  return isBelievable ? moment.ms : null;
}

function escaped(identifier: string): string {
  return identifier.replaceAll('%', '%25').replaceAll(':', '%3A');
}

function responseOf(made: Parts): JsonObject {
  const { trimmings: trim, customer, business } = made;
  return objectOf(
    {
      event: objectOf({ messageId: made.eventMessageId, type: 'response' }, trim.event),
      clientData: objectOf(
        { number: customer.written, name: made.name, timeLastMessage: written(made.happenedAt) },
        trim.clientData,
      ),
      message: messageOf(made, { from: customer.written, to: business.written, updatedAt: made.otherTime }),
    },
    trim.body,
  );
}

function statusOf(made: Parts, step: Status): JsonObject {
  const { trimmings: trim, customer, business } = made;
  const clientData = { name: made.name, timeLastMessage: written(made.otherTime) };
  const strayClientData = {
    absent: undefined,
    null: null,
    'without a number': objectOf(clientData, trim.clientData),
    there: objectOf({ ...clientData, number: business.written }, trim.clientData),
  };
  return objectOf(
    {
      event: objectOf({ messageId: made.eventMessageId, type: 'status', status: step }, trim.event),
      clientData: strayClientData[made.clientDataOfStatus],
      message: messageOf(made, { from: business.written, to: customer.written, updatedAt: made.happenedAt }),
    },
    trim.body,
  );
}

function messageOf(
  made: Parts,
  { from, to, updatedAt }: { from: string; to: string; updatedAt: Moment | null | undefined },
): JsonObject {
  const { trimmings: trim, mediaData, location } = made;
  return objectOf(
    {
      ...made.message,
      messageId: made.messageId,
      appId: made.appId,
      mediaData: mediaData && objectOf(mediaData, trim.media),
      location: location && objectOf(location, trim.media),
      from,
      to,
      createdAt: written(made.otherTime),
      updatedAt: written(updatedAt),
    },
    trim.message,
  );
}

function written(moment: Moment | null | undefined): string | null | undefined {
  return moment === null ? null : moment?.written;
}

/** Whether a byte order mark stands before the body. */
const isMarked = fc.oneof(
  { weight: 9, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);

export const validBody: fc.Arbitrary<ValidBody> = fc
  .tuple(validJson, style, isMarked)
  .map(([{ json, event }, manner, marked]) => ({
    text: `${marked ? '\ufeff' : ''}${writeJson(json, manner)}`,
    event,
  }));
