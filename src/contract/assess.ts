// Makes an event of a body, or tells why it is none: the same for a webhook that arrives, for one that waited in the intake
// queue, and for a rejection that is tried again. Pure.

import { eventOf, type NewEvent } from './event.ts';
import { decodePayload, parsePayload } from './payload.ts';
import { type ContractProblem, problemAt } from './problems.ts';
import { parseWebhook } from './webhook.ts';

/**
 * Why an authentic webhook became no event. `badly-encoded`: its Content-Encoding cannot be undone. `unauthorized`: it was
 * taken while the registration could not be read, which then did not let it in. `differs`: it has the ids of a stored event
 * and another content.
 */
export const REJECTION_REASONS = [
  'badly-encoded',
  'not-utf8',
  'not-json',
  'contract-broken',
  'wrong-application',
  'unauthorized',
  'differs',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** Why a body is no event, with every problem named. */
export interface RejectedBody {
  ok: false;
  /** The body alone cannot tell that it differs from a stored event. */
  reason: Exclude<RejectionReason, 'differs'>;
  problems: ContractProblem[];
}

export type Assessment = { ok: true; event: NewEvent } | RejectedBody;

/** When a body arrived, in which request and for which integration. */
export interface Arrival extends Pick<NewEvent, 'integration' | 'requestId' | 'receivedAtMs'> {
  /** Only events of this application are taken; `null`: events of all. */
  appId: string | null;
}

export function assessBody(body: ArrayBuffer, { appId, ...arrival }: Arrival): Assessment {
  if (body.byteLength === 0) return rejectBody('not-json', problemAt('', 'body-empty'));
  const payload = decodePayload(body);
  if (payload === null) return rejectBody('not-utf8', problemAt('', 'not-utf8'));
  let value: unknown;
  try {
    value = parsePayload(payload);
  } catch {
    return rejectBody('not-json', problemAt('', 'not-json'));
  }
  const parsed = parseWebhook(value, arrival.receivedAtMs);
  if (!parsed.ok) return { ok: false, reason: 'contract-broken', problems: parsed.problems };
  if (appId !== null && parsed.webhook.message.appId !== appId) {
    return rejectBody('wrong-application', problemAt('message.appId', 'other-application'));
  }
  return { ok: true, event: eventOf(parsed, { ...arrival, payload }) };
}

export function rejectBody(reason: RejectedBody['reason'], problem: ContractProblem): RejectedBody {
  return { ok: false, reason, problems: [problem] };
}
