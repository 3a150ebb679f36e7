// What consumers get: a CloudEvents 1.0 object for each event (https://github.com/cloudevents/spec, v1.0.2).

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
  /** Together with `source` what makes a repeat recognizable. */
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
  /** Whom it is about: a number in canonical form, or what names the customer instead. Absent where nothing does. */
  contact?: string;
  /** When it arrived, RFC 3339. */
  receivedtime: string;
  /** On a replay only: which one, from 1. */
  replay?: number;
  /** The body as the platform sent it. Absent where it is too large for a queue message: see `dataref`. */
  data?: unknown;
  /**
   * Where the payload can be read, when it is not in the message (CloudEvents dataref extension). Relative to the
   * receiver's address unless that is configured.
   */
  dataref?: string;
}

/**
 * The CloudEvent of an event, without its payload.
 *
 * @param publicUrl address of the receiver, without a slash at its end; empty: not known.
 */
export function cloudEventHead(event: EventHead, replay: number, publicUrl = ''): CloudEvent {
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
    ...(replay > 0 && { replay }),
  };
}

/** Where an event's payload can be read, relative to the receiver's address. */
export function payloadPath({ integration, id }: Pick<EventHead, 'integration' | 'id'>): string {
  return `/api/events/${integration}/${encodeURIComponent(id)}/payload`;
}

/** The schemas of {@link eventSchemas}: of the whole event, and of the `data` of each type. */
export type SchemaName = 'event' | EventType;

/**
 * The URI of a schema. `dataschema` names that of `data` with it, and CloudEvents asks for an absolute URI there
 * (spec 1.0.2, "Type System"): its SDKs refuse an event with a relative one. A receiver that does not know its own
 * address therefore names the schema by a tag URI (RFC 4151), which names and does not locate: the receiver serves
 * the schema of that `$id` at the path all the same.
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

/** The attributes of every event, whatever its type. */
const attributes = {
  specversion: z.literal('1.0'),
  id: z.string().min(1),
  source: z.string().min(1),
  subject: z.string().min(1),
  time: timestamp,
  datacontenttype: z.literal('application/json'),
  dataschema: z.string().min(1).optional(), // events of before it have none
  contact: z.string().min(1).optional(),
  receivedtime: timestamp,
  replay: z.int().min(1).optional(),
  dataref: z.string().min(1).optional(),
};

/** An event has its data with it or says where it is: JSON Schema says that with `anyOf`, zod with a check. */
const HAS_DATA_JSON_SCHEMA = { anyOf: [{ required: ['data'] }, { required: ['dataref'] }] };

function hasData({ data, dataref }: { data?: unknown; dataref?: unknown }): boolean {
  return data !== undefined || dataref !== undefined;
}
const NO_DATA = { path: ['data'], ...coded('no-data') };

const responseEvent = z
  .looseObject({
    ...attributes,
    type: z.literal(CLOUDEVENT_TYPES.response),
    data: responseWebhook.optional(),
  })
  .refine(hasData, NO_DATA)
  .meta(HAS_DATA_JSON_SCHEMA);

const statusEvent = z
  .looseObject({ ...attributes, type: z.literal(CLOUDEVENT_TYPES.status), data: statusWebhook.optional() })
  .refine(hasData, NO_DATA)
  .meta(HAS_DATA_JSON_SCHEMA);

/** What consumers parse with, and what is published as `/schemas/event.json`. Unknown attributes are let through. */
export const eventSchema = z.discriminatedUnion('type', [responseEvent, statusEvent]);

/** What stands in an event of either type. */
type Attributes = Omit<CloudEvent, 'type' | 'data' | 'dataschema'> & { dataschema?: string };

/** A customer wrote. */
export interface ResponseEvent extends Attributes {
  type: typeof CLOUDEVENT_TYPES.response;
  /** What there is in the payload: every field that the type names is checked, or absent. */
  data?: ResponseWebhook;
  /** The payload as it came, where `data` is not all of it. */
  rawData?: unknown;
}

/** A message that was sent took a step. `Word`: which one, in lower case. */
export interface StatusEvent<Word extends string = string> extends Attributes {
  type: typeof CLOUDEVENT_TYPES.status;
  /** What there is in the payload: every field that the type names is checked, or absent. */
  data?: StatusWebhook<Word>;
  /** The payload as it came, where `data` is not all of it. */
  rawData?: unknown;
}

export type ParsedEvent =
  | { ok: true; event: ResponseEvent | StatusEvent }
  | { ok: false; problems: ContractProblem[] };

/**
 * Checks a message of the events queue against the published schema; every problem is named, without a value. What is odd
 * about a payload is no problem: a field that does not hold what it should is absent from `data`; then `rawData` is the
 * payload as it came.
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
 * The schemas as JSON Schema 2020-12 documents, each complete by itself: that of the event holds the two others as
 * `$defs`. They leave out what JSON Schema cannot say (that an identifier has no control characters), so they accept no less.
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
