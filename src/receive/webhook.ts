// The hot path: POST /webhooks/:integration/:token. Checks run from cheap to dear; a 2xx is sent only once the event
// is in D1 or in the intake queue. What is not taken passes `refuse`, whatever the reason: nothing is refused unseen.

import { type Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import { assessBody, type Refused, type RejectionReason, refused } from '../contract/assess.ts';
import type { NewEvent } from '../contract/event.ts';
import { MAX_BODY_BYTES } from '../contract/payload.ts';
import { type ContractProblem, problemAt } from '../contract/problems.ts';
import type { RefusalReason } from '../contract/refusals.ts';
import type { ForwardingDeps } from '../forward/events.ts';
import { type DeferredWebhook, deferWebhook } from '../forward/intake-consumer.ts';
import { PROBLEMS, problem, problemError } from '../problem-details.ts';
import type { ByteBudget, Holding } from '../runtime/byte-budget.ts';
import type { CircuitBreaker } from '../runtime/circuit-breaker.ts';
import { within } from '../runtime/deadline.ts';
import { type ContentEncoding, contentEncodingOf } from '../runtime/decompression.ts';
import { failureLimit } from '../runtime/failure-limit.ts';
import { describeError, log } from '../runtime/log.ts';
import {
  objectionTo,
  objectionToBody,
  type Sender,
  senderOf,
  withoutSignature,
} from '../sender/verify-sender.ts';
import { isSignedWith, signAnew } from '../sender/webhook-signature.ts';
import { presentedToken, type WebhookTokens } from '../sender/webhook-token.ts';
import type { Integration } from '../store/integrations.ts';
import { createPipeline, D1_TIMEOUT_MS } from './pipeline.ts';
import { BODY_TIMEOUT_MS, readBody, unpackBody } from './read-body.ts';
import type { Refusals } from './refusal-counter.ts';
import { createRegistrations, type Registration } from './registrations.ts';

/** An answer is promised within 3 s, whatever hangs. It has to be made and sent, too. */
const ANSWER_TIMEOUT_MS = 2_900;
/** When a sender that was answered 503 may try again. */
const RETRY_AFTER_SECONDS = 10;

export interface ReceiveDeps extends ForwardingDeps, Pick<Refusals, 'noteRefusal'> {
  intake: Queue<unknown>;
  tokens: WebhookTokens;
  /** Counts failed authentications by address. */
  webhookFailures: RateLimit;
  /** Around D1, for webhooks. */
  breaker: CircuitBreaker;
  /** Of the bodies that are being received. */
  bodies: ByteBudget;
  /** Gets to know when the cron last began, as often as registrations are read. */
  noteCronRun(atMs: number | null): void;
}

/** What a webhook that is taken is answered. */
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

/** What is answered 202 instead of being refused, where an integration accepts rejections: it is kept all the same. */
export const acceptedRejection = z
  .object({
    outcome: z.literal('rejected'),
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    detail: z.string(),
    errors: z.array(problemError),
  })
  .meta({ description: 'The webhook became no event, and is kept with what is wrong.' });

/** Why a webhook is not taken. One switch turns it into an answer: {@link answerOf}. */
type Refusal = Refused | { reason: RefusalReason };

/** What is known of a request for a webhook address. */
interface Caller {
  slug: string;
  receivedAtMs: number;
  registration: Registration;
  /** Of its genuine token; `null`: it has none. */
  generation: number | null;
  hasToken: boolean;
}

/** A webhook whose sender has a genuine token. */
interface Authenticated extends Sender {
  slug: string;
  /** `null` where D1 could not tell: the intake consumer asks again. */
  integration: Integration | null;
  encoding: ContentEncoding | null;
}

/** A webhook whose body was judged, on its way to be kept. */
interface Judged<Body extends ArrayBuffer | string> extends DeferredWebhook {
  body: Body;
  /** Its sender, where D1 could not tell whether it is let in. */
  unchecked: Sender | null;
}

interface WebhookEnv {
  Variables: { caller: Caller; sender: Authenticated; requestId: string };
}

/** The webhook addresses, to be mounted at `/webhooks`. */
export function webhookRoutes(deps: ReceiveDeps): Hono<WebhookEnv> {
  const findRegistration = createRegistrations({ ...deps, workTimeoutMs: D1_TIMEOUT_MS });
  const { recordEvent, recordRejection } = createPipeline(deps);
  const limitFailures = failureLimit(deps.webhookFailures);

  /** Every refusal of a webhook passes here, and is counted and logged by its reason, of which its sender is told less. */
  const refuse = (c: Context<WebhookEnv>, refusal: Refusal): Response => {
    const caller = c.get('caller');
    const isProven = caller !== undefined && caller.generation !== null;
    deps.noteRefusal({
      reason: refusal.reason,
      integration: isProven || caller?.registration.kind === 'registered' ? caller.slug : null,
      isProven,
      requestId: c.get('requestId'),
    });
    return answerOf(refusal);
  };

  const refuseSender = async (c: Context<WebhookEnv>, reason: RefusalReason) => {
    const answer = refuse(c, { reason });
    return limitFailures(c.req.raw, () => answer);
  };

  const lookUp = createMiddleware<WebhookEnv>(async (c, next) => {
    const slug = c.req.param('integration') ?? '';
    const receivedAtMs = deps.now();
    const token = presentedToken(c.req.param('token'), c.req.header('authorization'));
    const verified = deps.tokens.verify(slug, token);
    const registration = await findRegistration(slug, verified, c.executionCtx, receivedAtMs + D1_TIMEOUT_MS);
    const generation = await verified;
    c.set('caller', { slug, receivedAtMs, registration, generation, hasToken: token !== '' });
    return next();
  });

  /** Lets through who has a genuine token. What an integration asks of the sender of a webhook is asked where `isWebhook`. */
  const authenticate = (isWebhook: boolean) =>
    createMiddleware<WebhookEnv>(async (c, next) => {
      const { slug, receivedAtMs, registration, generation, hasToken } = c.get('caller');
      if (generation === null) {
        if (registration.kind === 'unknown') return refuseSender(c, 'unknown-integration');
        return refuseSender(c, hasToken ? 'wrong-token' : 'no-token');
      }
      const sender = { ...senderOf(c.req.raw, generation, receivedAtMs), slug, encoding: null };
      if (registration.kind === 'unverifiable') {
        c.set('sender', { ...sender, integration: null });
        return next();
      }
      const integration = registration.kind === 'registered' ? registration.integration : undefined;
      const asked = isWebhook || integration === undefined ? integration : withoutSignature(integration);
      const objection = objectionTo(sender, asked);
      if (integration === undefined || objection !== null) {
        return refuseSender(c, objection ?? 'unknown-integration');
      }
      c.set('sender', { ...sender, integration });
      return next();
    });

  const requireKnownEncoding = createMiddleware<WebhookEnv>(async (c, next) => {
    const encoding = contentEncodingOf(c.req.header('content-encoding'));
    if (encoding === 'unknown') return refuse(c, { reason: 'encoded' });
    if (encoding !== null) c.set('sender', { ...c.get('sender'), encoding });
    return next();
  });

  const receive = async (c: Context<WebhookEnv>): Promise<Response> => {
    const holding = deps.bodies.hold(c.get('sender').slug);
    try {
      return await receiveHeld(c, holding);
    } finally {
      holding.release();
    }
  };

  const receiveHeld = async (c: Context<WebhookEnv>, holding: Holding): Promise<Response> => {
    const sender = c.get('sender');
    const { integration, slug, receivedAtMs, generation, encoding } = sender;
    const beganAtMs = deps.now();
    const read = await readBody(c.req.raw, holding);
    const readAtMs = deps.now();
    if (!read.ok) return refuse(c, read);
    const unpacked =
      encoding === null ? read : await unpackBody(read.body, encoding, holding, deps.bodies.hold(slug));
    if (!unpacked.ok && unpacked.reason !== 'badly-encoded') return refuse(c, unpacked);
    const unpackedBody = unpacked.ok ? unpacked.body : read.body;
    if (integration !== null && !(await isSigned(sender, integration, [read.body, unpackedBody]))) {
      return refuseSender(c, 'signature');
    }
    const arrival = { integration: slug, requestId: c.get('requestId'), receivedAtMs };
    const judged = unpacked.ok
      ? assessBody(unpacked.body, { ...arrival, appId: integration?.appId ?? null })
      : refused('badly-encoded', problemAt('', 'badly-encoded'));
    const deadline = deadlineOf({ receivedAtMs, beganAtMs, readAtMs });
    const unchecked = integration === null ? await signedOverBody(sender, read.body, unpackedBody) : null;
    const webhook = { ...arrival, generation, unchecked };
    // Not awaited here, so that of an event nothing but its text stays in memory.
    return judged.ok
      ? answerEvent(c, { ...webhook, body: judged.event.payload }, judged.event, deadline)
      : answerRefused(c, { ...webhook, body: unpackedBody }, judged, deadline);
  };

  /**
   * Whether a sender's signature holds, where there has to be one. Standard Webhooks signs the body as it is sent; many
   * senders sign it before their HTTP client compresses it, so either is taken: who made it knows the secret.
   */
  const isSigned = async (sender: Sender, integration: Integration, [asItCame, unpacked]: Bodies) =>
    (await objectionToBody(sender, integration, asItCame, deps.tokens)) === null ||
    (asItCame !== unpacked && (await objectionToBody(sender, integration, unpacked, deps.tokens)) === null);

  /**
   * A sender whose signature is to be checked later, by who has only the unpacked body: one that holds over the body as it
   * came is made anew over that one.
   */
  const signedOverBody = async (
    { generation, address, signature, receivedAtMs, slug }: Authenticated,
    ...[asItCame, unpacked]: Bodies
  ): Promise<Sender> => {
    const sender = { generation, address, signature, receivedAtMs };
    if (asItCame === unpacked || signature === null) return sender;
    const secret = await deps.tokens.deriveSigningSecret(slug, generation);
    if (!(await isSignedWith([secret], signature, asItCame))) return sender;
    return { ...sender, signature: await signAnew(secret, signature, unpacked) };
  };

  const answerEvent = async (
    c: Context<WebhookEnv>,
    webhook: Judged<string>,
    event: NewEvent,
    deadline: Deadline,
  ): Promise<Response> => {
    const { integration, requestId, generation } = webhook;
    const kept = await keep(webhook, deadline, async (timeoutMs) =>
      recordEvent(event, generation, c.executionCtx, timeoutMs),
    );
    if (kept === null) return refuse(c, { reason: 'unavailable' });
    const taken = kept === 'deferred' ? { id: event.id, outcome: kept } : kept;
    if (taken.outcome === 'kept') {
      log('warn', 'webhook kept: it differs from the event that it repeats', { integration, requestId });
    }
    return c.json({ id: taken.id, outcome: taken.outcome } satisfies z.infer<typeof webhookAnswer>);
  };

  const answerRefused = async (
    c: Context<WebhookEnv>,
    webhook: Judged<ArrayBuffer>,
    judged: Refused,
    deadline: Deadline,
  ): Promise<Response> => {
    const { reason, problems } = judged;
    const { integration } = c.get('sender');
    const isAcknowledged = integration?.onRejection === 'accept';
    const { unchecked: _, ...arrived } = webhook;
    const kept = await keep(webhook, deadline, async (timeoutMs) => {
      const rejection = { ...arrived, reason, problems, deferred: isAcknowledged };
      await recordRejection(rejection, c.executionCtx, timeoutMs);
      return 'rejected' as const;
    });
    if (kept === null) return refuse(c, { reason: 'unavailable' });
    const answer = refuse(c, judged);
    return isAcknowledged ? acceptInstead(judged) : answer;
  };

  /** Records a webhook, or defers it when D1 does not answer in time. `null` when neither is possible. */
  const keep = async <Kept>(
    { unchecked, ...webhook }: Judged<ArrayBuffer | string>,
    deadline: Deadline,
    record: (timeoutMs: number) => Promise<Kept>,
  ): Promise<Kept | 'deferred' | null> => {
    const { integration } = webhook;
    const d1LeftMs = Math.min(deadline.d1UntilMs - deps.now(), D1_TIMEOUT_MS);
    if (unchecked === null && d1LeftMs > 0) {
      try {
        return await record(d1LeftMs);
      } catch (error) {
        log('warn', 'webhook not recorded, deferring it', { integration, error: describeError(error) });
      }
    }
    try {
      const leftMs = Math.min(deadline.answerByMs - deps.now(), ANSWER_TIMEOUT_MS);
      await within(leftMs, deferWebhook(deps.intake, webhook, unchecked));
      return 'deferred';
    } catch (error) {
      log('error', 'webhook neither recorded nor deferred', { integration, error: describeError(error) });
      return null;
    }
  };

  /** What a probe of an address is told: platforms ask for one before they register it. */
  const answerProbe = (c: Context<WebhookEnv>): Response => {
    const { slug, integration } = c.get('sender');
    if (integration === null) return refuse(c, { reason: 'unavailable' });
    return c.text(`This is the webhook address of the integration "${slug}". Deliver webhooks with POST.\n`);
  };

  return new Hono<WebhookEnv>({ strict: false })
    .on('POST', ADDRESSES, lookUp, authenticate(true), requireKnownEncoding, receive)
    .on('GET', ADDRESSES, lookUp, authenticate(false), answerProbe) // and HEAD
    .on('ALL', ADDRESSES, lookUp, (c) => refuse(c, { reason: 'wrong-method' }))
    .all('*', (c) => refuse(c, { reason: 'wrong-address' }));
}

/** A body as it came, and unpacked; the same where it came as it is. */
type Bodies = [asItCame: ArrayBuffer, unpacked: ArrayBuffer];

/** Moments by which a webhook must have got on, Unix ms. One for each request, whatever it waits for. */
interface Deadline {
  /** Until when D1 may take it. */
  d1UntilMs: number;
  /** Until when the intake queue may, for the answer to be in time. */
  answerByMs: number;
}

/**
 * The deadline of a request, as of the arrival of its body. D1 has its time once: what the look-up took of it is gone, but
 * for as long as the body kept us waiting. Had we not waited, it would have been there since the request arrived.
 */
function deadlineOf(at: { receivedAtMs: number; beganAtMs: number; readAtMs: number }): Deadline {
  const lookUpMs = at.beganAtMs - at.receivedAtMs;
  const bodyMs = at.readAtMs - at.beganAtMs;
  const arrivedAtMs = at.readAtMs - Math.max(0, lookUpMs - bodyMs);
  return { d1UntilMs: arrivedAtMs + D1_TIMEOUT_MS, answerByMs: arrivedAtMs + ANSWER_TIMEOUT_MS };
}

/** The token is in the URL, or, for `/webhooks/:integration` alone, in the Authorization header. */
const ADDRESSES = ['/:integration', '/:integration/:token'];

function answerOf(refusal: Refusal): Response {
  switch (refusal.reason) {
    case 'no-token': // one wording for all whose sender is not let in
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
      return problem('unavailable', 'Too much is being received at this moment. Send the webhook again.', {
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
    case 'badly-encoded':
    case 'not-utf8':
    case 'not-json':
    case 'contract-broken':
    case 'wrong-application': {
      const problems = problemsOf(refusal);
      const isListed = PROBLEMS[refusal.reason].status === 422;
      return problem(
        refusal.reason,
        detailOf(refusal.reason, problems),
        isListed ? { errors: problems } : {},
      );
    }
    case 'unavailable':
      return problem('unavailable', 'The webhook could not be stored. Send it again.', {
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
  }
}

/** What is kept as a rejection, answered as if it had been taken. */
function acceptInstead({ reason, problems }: Refused): Response {
  const code = reason === 'unauthorized' ? 'contract-broken' : reason; // no body is judged to be unauthorized
  const accepted: z.infer<typeof acceptedRejection> = {
    outcome: 'rejected',
    type: `/problems/${code}`,
    title: PROBLEMS[code].title,
    detail: detailOf(code, problems),
    errors: problems,
  };
  return Response.json(accepted, { status: 202 });
}

function problemsOf(refusal: Refusal): ContractProblem[] {
  return 'problems' in refusal ? refusal.problems : [];
}

function detailOf(reason: RejectionReason, problems: ContractProblem[]): string {
  if (reason !== 'contract-broken' && reason !== 'wrong-application')
    return `The body ${problems[0]?.message}.`;
  return `The webhook has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}; see errors.`;
}
