// Single webhooks as the platform documents them, for cases that the simulator does not send.
import { readFileSync } from 'node:fs';
import type { Body } from '../loose-body.ts';

const RESPONSE = readFileSync(new URL('../samples/response.json', import.meta.url), 'utf8');
const STATUS = readFileSync(new URL('../samples/status.json', import.meta.url), 'utf8');

let numbered = 0;

/** A reply with ids of its own. */
export function responseBody({ text, from }: { text: string; from?: string }): Body {
  const body = JSON.parse(RESPONSE);
  const number = ++numbered;
  body.event.messageId = `reply-${number}`;
  body.message.messageId = `message-${number}`;
  body.message.message = text;
  body.clientData.timeLastMessage = new Date().toISOString();
  if (from !== undefined) body.clientData.number = from;
  return body;
}

/** A status with ids of its own. */
export function statusBody({ status, to }: { status: string; to?: string }): Body {
  const body = JSON.parse(STATUS);
  const number = ++numbered;
  body.event.messageId = `step-${number}`;
  body.event.status = status;
  body.message.messageId = `message-${number}`;
  if (to !== undefined) body.message.to = to;
  return body;
}
