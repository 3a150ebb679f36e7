// What a webhook is answered: the shapes of the answers, and the status and wording of each refusal.

import * as z from 'zod';
import type { RejectedBody } from '../contract/assess.ts';
import { MAX_BODY_BYTES } from '../contract/payload.ts';
import type { RefusalReason } from '../contract/refusals.ts';
import { PROBLEMS, problem, problemError } from '../http/problem-details.ts';
import { BODY_TIMEOUT_MS } from './read-body.ts';

/** When a sender that was answered 503 may try again. */
const RETRY_AFTER_SECONDS = 10;

/** The answer to a webhook that is taken. */
export const webhookAnswer = z
  .object({
    id: z.string().meta({ description: 'Of the event.' }),
    outcome: z.enum(['stored', 'duplicate', 'kept', 'deferred']).meta({
      description:
        '`duplicate`: a repeat of a stored event. `kept`: it has the ids of a stored event and another content; kept ' +
        'as a rejection with the reason `differs`, for an operator to look at. `deferred`: held in the intake queue, ' +
        'because the database did not answer.',
    }),
  })
  .meta({ example: { id: '5e178088a88ad9001b6e1914:i3i4321d:response', outcome: 'stored' } });

/** The 202 that replaces the refusal of a kept webhook where its integration accepts rejections. */
export const acceptedRejection = z
  .object({
    outcome: z.literal('rejected'),
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    detail: z.string(),
    errors: z.array(problemError),
  })
  .meta({ description: 'The webhook became no event, and is kept with what is wrong.' });

/** A reason that has nothing to do with what the body says. */
export type UnjudgedReason = Exclude<RefusalReason, RejectedBody['reason']>;

export type WebhookRefusal = RejectedBody | { reason: UnjudgedReason };

/** Turns a refusal into its answer. All senders that are not let in are answered alike. */
export function refusalAnswer(refusal: WebhookRefusal): Response {
  switch (refusal.reason) {
    case 'no-token':
    case 'wrong-token':
    case 'old-token':
    case 'unknown-integration':
    case 'disabled':
    case 'address':
    case 'signature':
    case 'unauthorized':
      return problem('unauthorized', 'The address or its token is not valid. Check the registered URL.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    case 'wrong-address':
      return problem('not-found', 'There is no webhook at this address. Check the registered URL.');
    case 'wrong-method':
      return problem('method-not-allowed', 'Webhooks are delivered with POST.', {
        headers: { allow: 'GET, HEAD, POST' },
      });
    case 'encoded':
      return problem(
        'encoded-body',
        'Send the body without Content-Encoding, or with gzip or deflate alone.',
        {
          headers: { 'accept-encoding': 'gzip, deflate' },
        },
      );
    case 'too-large':
      return problem('body-too-large', `A webhook has at most ${MAX_BODY_BYTES} bytes.`);
    case 'too-slow':
      return problem('request-timeout', `The body took longer than ${BODY_TIMEOUT_MS / 1000} s to come.`);
    case 'busy':
      return unavailable('Too much is being received at this moment. Send the webhook again.');
    case 'unavailable':
      return unavailable('The webhook could not be stored. Send it again.');
    case 'badly-encoded':
    case 'not-utf8':
    case 'not-json':
      return problem(refusal.reason, detailOf(refusal));
    case 'contract-broken':
    case 'wrong-application':
      return problem(refusal.reason, detailOf(refusal), { errors: refusal.problems });
  }
}

/** The answer to a kept webhook whose integration accepts rejections. */
export function acceptedAnswer(refused: RejectedBody): Response {
  const code = refused.reason === 'unauthorized' ? 'contract-broken' : refused.reason; // no body is judged to be unauthorized
  const accepted: z.infer<typeof acceptedRejection> = {
    outcome: 'rejected',
    type: `/problems/${code}`,
    title: PROBLEMS[code].title,
    detail: detailOf(refused),
    errors: refused.problems,
  };
  return Response.json(accepted, { status: 202 });
}

function unavailable(detail: string): Response {
  return problem('unavailable', detail, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
}

function detailOf({ reason, problems }: RejectedBody): string {
  if (reason !== 'contract-broken' && reason !== 'wrong-application') {
    return `The body ${problems[0]?.message}.`;
  }
  return `The webhook has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}; see errors.`;
}
