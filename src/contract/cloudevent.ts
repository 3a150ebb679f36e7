// What consumers get: a CloudEvents 1.0 object for each event (https://github.com/cloudevents/spec, v1.0.2).

import type { EventHead } from './event.ts';
import type { EventType } from './webhook.ts';

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
  /** The customer's number in canonical form. */
  contact: string;
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

/** The CloudEvent of an event, without its payload. */
export function cloudEventHead(event: EventHead, replay: number): CloudEvent {
  return {
    specversion: '1.0',
    id: event.id,
    source: `/webhooks/${event.integration}`,
    type: CLOUDEVENT_TYPES[event.type],
    subject: event.messageId,
    time: new Date(event.occurredAtMs).toISOString(),
    datacontenttype: 'application/json',
    contact: event.contact,
    receivedtime: new Date(event.receivedAtMs).toISOString(),
    ...(replay > 0 && { replay }),
  };
}

/** Where an event's payload can be read, relative to the receiver's address. */
export function payloadPath({ integration, id }: Pick<EventHead, 'integration' | 'id'>): string {
  return `/api/events/${integration}/${encodeURIComponent(id)}/payload`;
}
