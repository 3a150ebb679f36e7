// What becomes of a body: an event, or the reasons why it is none. One judgment for a webhook that arrives, for one
// that waited in the intake queue, and for a rejection that is tried again. Pure.

import { eventOf, type NewEvent } from './event.ts';
import { decodePayload, parsePayload } from './payload.ts';
import { type ContractProblem, problemAt } from './problems.ts';
import { parseWebhook } from './webhook.ts';

/**
 * Why an authentic webhook became no event. `badly-encoded`: its Content-Encoding cannot be undone. `unauthorized`: taken in
 * good faith while the registration could not be read, and not let in once it could. `differs`: it has the ids of a stored
 * event, and another content.
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

/** A judgment against a body, with every problem named. */
export interface Refused {
  ok: false;
  reason: Exclude<RejectionReason, 'differs'>; // which is not told by the body alone
  problems: ContractProblem[];
}

export type Assessment = { ok: true; event: NewEvent } | Refused;

/** How a body came, and to whom. */
export interface Arrival extends Pick<NewEvent, 'integration' | 'requestId' | 'receivedAtMs'> {
  /** Only events of this application are taken; `null`: of any. */
  appId: string | null;
}

/** The event of a body, or why there is none. */
export function assessBody(body: ArrayBuffer, { appId, ...arrival }: Arrival): Assessment {
  if (body.byteLength === 0) return refused('not-json', problemAt('', 'body-empty'));
  const payload = decodePayload(body);
  if (payload === null) return refused('not-utf8', problemAt('', 'not-utf8'));
  let value: unknown;
  try {
    value = parsePayload(payload);
  } catch {
    return refused('not-json', problemAt('', 'not-json'));
  }
  const parsed = parseWebhook(value, arrival.receivedAtMs);
  if (!parsed.ok) return { ok: false, reason: 'contract-broken', problems: parsed.problems };
  if (appId !== null && parsed.webhook.message.appId !== appId) {
    return refused('wrong-application', problemAt('message.appId', 'other-application'));
  }
  return { ok: true, event: eventOf(parsed, { ...arrival, payload }) };
}

/** A judgment with a single problem. */
export function refused(reason: Refused['reason'], problem: ContractProblem): Refused {
  return { ok: false, reason, problems: [problem] };
}
