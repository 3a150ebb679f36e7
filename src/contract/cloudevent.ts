// The CloudEvents that consumers get, and their schemas: https://github.com/cloudevents/spec, v1.0.2.

import * as z from 'zod';
import type { EventHead } from './event.ts';
import { type ContractProblem, coded, problemsIn } from './problems.ts';
import { rfc3339 } from './timestamp.ts';
import {
  checkedWebhook,
  type EventType,
  type ResponseWebhook,
  responseWebhook,
  type StatusWebhook,
  statusWebhook,
} from './webhook.ts';

export const CLOUDEVENT_TYPES = {
  response: 'digital.grupoboticario.instantmessage.response',
  status: 'digital.grupoboticario.instantmessage.status',
} as const satisfies Record<EventType, string>;

/** A CloudEvent as it stands in the queue, content type `json`. */
export interface CloudEvent {
  specversion: '1.0';
  /** Repeats have the same `id` and `source`. */
  id: string;
  /** `/webhooks/<integration>` */
  source: string;
  type: (typeof CLOUDEVENT_TYPES)[EventType];
  /** `message.messageId` of the payload. */
  subject: string;
  /** When it happened, RFC 3339. */
  time: string;
  datacontenttype: 'application/json';
  /** Which schema `data` follows, see {@link schemaUri}. */
  dataschema: string;
  /** The customer: a number in canonical form, or the identity in its place. Absent where the payload tells none. */
  contact?: string;
  /** When it arrived, RFC 3339. */
  receivedtime: string;
  /**
   * Its place in the receiver's log, which grows in the order in which events were stored (CloudEvents sequence extension).
   * Zero-padded, so that it sorts as text.
   */
  sequence: string;
  /** The id of the replay that sent it again; absent the first time. */
  replay?: string;
  /** The body as the platform sent it. Absent where it is too large for a queue message: see `dataref`. */
  data?: unknown;
  /**
   * Where the payload can be read, when it is not in the message (CloudEvents dataref extension). Relative to the
   * receiver's address unless that is configured.
   */
  dataref?: string;
}

/** How an event comes to be sent. */
export interface Sending {
  /** Its place in the log. */
  seq: number;
  /** The id of the replay that sends it again; `null` the first time. */
  replay: string | null;
}

/**
 * The CloudEvent of an event, without its payload.
 *
 * @param publicUrl address of the receiver, without a slash at its end; empty: not known.
 */
export function cloudEventHead(event: EventHead, { seq, replay }: Sending, publicUrl = ''): CloudEvent {
  return {
    specversion: '1.0',
    id: event.id,
    source: `/webhooks/${event.integration}`,
    type: CLOUDEVENT_TYPES[event.type],
    subject: event.messageId,
    time: rfc3339(event.occurredAtMs),
    datacontenttype: 'application/json',
    dataschema: schemaUri(event.type, publicUrl),
    ...(event.contact !== null && { contact: event.contact }),
    receivedtime: rfc3339(event.receivedAtMs),
    sequence: sequenceOf(seq),
    ...(replay !== null && { replay }),
  };
}

/** Digits of the greatest place, which is `Number.MAX_SAFE_INTEGER`. */
const SEQUENCE_LENGTH = 16;

/** The `sequence` of an event at a place. */
export function sequenceOf(seq: number): string {
  return String(seq).padStart(SEQUENCE_LENGTH, '0');
}

/** Where an event's payload can be read, relative to the receiver's address. */
export function payloadPath({ integration, id }: Pick<EventHead, 'integration' | 'id'>): string {
  return `/api/events/${integration}/${encodeURIComponent(id)}/payload`;
}

/** The names of the schemas: that of the whole event, and that of the `data` of each type. */
export type SchemaName = 'event' | EventType;

/**
 * The URI of a schema, which `dataschema` holds. CloudEvents asks for an absolute URI there (spec 1.0.2, "Type System"), and
 * its SDKs refuse an event with a relative one. A receiver that does not know its own address therefore uses a tag URI (RFC
 * 4151), which names the schema without locating it. It serves the schema at the same path all the same.
 */
export function schemaUri(name: SchemaName, publicUrl: string): string {
  return publicUrl === ''
    ? `tag:instantmessage.grupoboticario.digital,2026:${name}`
    : publicUrl + SCHEMA_PATHS[name];
}

/** Where the receiver serves its schemas. */
export const SCHEMA_PATHS = {
  event: '/schemas/event.json',
  response: '/schemas/response.json',
  status: '/schemas/status.json',
} as const satisfies Record<SchemaName, string>;

const timestamp = z.iso.datetime({ offset: true });

const attributes = {
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  subject: z.string().min(1),
  time: timestamp,
  datacontenttype: z.literal('application/json'),
  dataschema: z.string().min(1).optional(), // absent in events of early versions
  contact: z.string().min(1).optional(),
  receivedtime: timestamp,
  sequence: z.string().min(1).optional(), // absent in events of early versions
  replay: z.union([z.string().min(1), z.int().min(1)]).optional(), // a number in events of early versions
  dataref: z.string().min(1).optional(),
};

/** An event has `data` or `dataref`, which JSON Schema expresses with `anyOf` and zod with a check. */
function eventOfType<Type extends string, Data extends z.ZodType>(type: Type, data: Data) {
  return z
    .looseObject({ ...attributes, type: z.literal(type), data: data.optional() })
    .refine((event) => event.data !== undefined || event.dataref !== undefined, {
      path: ['data'],
      ...coded('no-data'),
    })
    .meta({ anyOf: [{ required: ['data'] }, { required: ['dataref'] }] });
}

/** The schema that consumers parse with, published as `/schemas/event.json`. It allows unknown attributes. */
export const eventSchema = z.discriminatedUnion('type', [
  eventOfType(CLOUDEVENT_TYPES.response, responseWebhook),
  eventOfType(CLOUDEVENT_TYPES.status, statusWebhook),
]);

/** The attributes of either type. */
type Attributes = Omit<CloudEvent, 'type' | 'data' | 'dataschema' | 'sequence' | 'replay'> & {
  dataschema?: string;
  /** Absent in events of early versions. */
  sequence?: string;
  /** A number in events of early versions, which counted the replays of an event. */
  replay?: string | number;
  /** The payload as it came, where `data` is not all of it. */
  rawData?: unknown;
};

/** A customer wrote. */
export interface ResponseEvent extends Attributes {
  type: typeof CLOUDEVENT_TYPES.response;
  /** The payload; each field that the type names is checked, or absent. */
  data?: ResponseWebhook;
}

/** A message that was sent took a step. `Word`: which one, in lower case. */
export interface StatusEvent<Word extends string = string> extends Attributes {
  type: typeof CLOUDEVENT_TYPES.status;
  /** The payload; each field that the type names is checked, or absent. */
  data?: StatusWebhook<Word>;
}

export type ParsedEvent =
  | { ok: true; event: ResponseEvent | StatusEvent }
  | { ok: false; problems: ContractProblem[] };

/**
 * Checks a message of the events queue against the published schema. Every problem is named, without a value. An odd payload
 * is no problem: a field with an unexpected value is absent from `data`, and `rawData` is then the payload as it came.
 */
export function parseEvent(body: unknown): ParsedEvent {
  const result = eventSchema.safeParse(body);
  if (!result.success) return { ok: false, problems: problemsIn(result.error, body) };
  const event = body as z.infer<typeof eventSchema>; // as it came, not as zod rebuilt it
  if (event.data === undefined) return { ok: true, event: event as ResponseEvent | StatusEvent };
  const type = event.type === CLOUDEVENT_TYPES.response ? 'response' : 'status';
  const { webhook } = checkedWebhook(type, event.data, Date.parse(event.receivedtime));
  const checked = webhook === event.data ? event : { ...event, data: webhook, rawData: event.data };
  return { ok: true, event: checked as ResponseEvent | StatusEvent };
}

/**
 * The schemas as JSON Schema 2020-12 documents, each complete by itself: that of the event holds the two others as `$defs`.
 * They accept everything that the checks accept, and more: JSON Schema cannot say that an identifier has no control
 * characters.
 */
export function eventSchemas(publicUrl: string): Record<SchemaName, object> {
  const registry = z.registry<{ id: SchemaName; title: string }>();
  registry.add(eventSchema, { id: 'event', title: 'An event of the Instant Message receiver' });
  registry.add(responseWebhook, { id: 'response', title: 'A customer wrote' });
  registry.add(statusWebhook, { id: 'status', title: 'A message that was sent took a step' });
  const { schemas } = z.toJSONSchema(registry, { uri: (name) => schemaUri(name as SchemaName, publicUrl) });
  const { event, response, status } = schemas as unknown as Record<SchemaName, object>;
  return { event: { ...event, $defs: { response, status } }, response, status };
}
