// The hot path: POST /webhooks/:integration/:token. Checks run from cheap to dear; a 2xx is sent only once the event
// is in D1 or in the intake queue.

import { type Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import type { ByteBudget, Holding } from '../byte-budget.ts';
import type { CircuitBreaker } from '../circuit-breaker.ts';
import { assessBody, type Refused } from '../contract/assess.ts';
import type { NewEvent } from '../contract/event.ts';
import { MAX_BODY_BYTES } from '../contract/payload.ts';
import type { ContractProblem } from '../contract/webhook.ts';
import { within } from '../deadline.ts';
import { failureLimit } from '../failure-limit.ts';
import type { ForwardingDeps } from '../forward/events.ts';
import { type DeferredWebhook, deferWebhook } from '../forward/intake.ts';
import { describeError, log } from '../log.ts';
import { problem } from '../problem.ts';
import { objectionTo, objectionToBody, type Sender, senderOf } from '../sender.ts';
import type { Integration } from '../store/integrations.ts';
import { presentedToken, type WebhookTokens } from '../webhook-token.ts';
import { createPipeline, D1_TIMEOUT_MS } from './pipeline.ts';
import { BODY_TIMEOUT_MS, readBody } from './read-body.ts';
import { createRegistrations } from './registrations.ts';

/** An answer is promised within 3 s, whatever hangs. It has to be made and sent, too. */
const ANSWER_TIMEOUT_MS = 2_900;
/** When a sender that was answered 503 may try again. */
const RETRY_AFTER_SECONDS = 10;

export interface ReceiveDeps extends ForwardingDeps {
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

/** Why a webhook is not taken. One switch turns it into an answer: {@link refuse}. */
type Refusal =
  | Refused
  | { reason: 'unauthorized' }
  | { reason: 'encoded' }
  | { reason: 'too-large' }
  | { reason: 'too-slow' }
  | { reason: 'busy' }
  | { reason: 'unavailable' };

/** A webhook whose sender has a genuine token. */
interface Authenticated extends Sender {
  slug: string;
  /** `null` where D1 could not tell: the intake consumer asks again. */
  integration: Integration | null;
}

/** A webhook whose body was judged, on its way to be kept. */
interface Judged<Body extends ArrayBuffer | string> extends DeferredWebhook {
  body: Body;
  /** Its sender, where D1 could not tell whether it is let in. */
  unchecked: Sender | null;
}

interface WebhookEnv {
  Variables: { sender: Authenticated; requestId: string };
}

/** The webhook addresses, to be mounted at `/webhooks`. */
export function webhookRoutes(deps: ReceiveDeps): Hono<WebhookEnv> {
  const findRegistration = createRegistrations({ ...deps, workTimeoutMs: D1_TIMEOUT_MS });
  const { recordEvent, recordRejection } = createPipeline(deps);
  const limitFailures = failureLimit(deps.webhookFailures);
  const refuseSender = async (request: Request) =>
    limitFailures(request, () => refuse({ reason: 'unauthorized' }));

  const authenticate = createMiddleware<WebhookEnv>(async (c, next) => {
    const slug = c.req.param('integration') ?? '';
    const receivedAtMs = deps.now();
    const token = presentedToken(c.req.param('token'), c.req.header('authorization'));
    const verified = deps.tokens.verify(slug, token);
    const registration = await findRegistration(slug, verified, c.executionCtx, receivedAtMs + D1_TIMEOUT_MS);
    const generation = await verified;
    if (generation === null) return refuseSender(c.req.raw);
    const sender = senderOf(c.req.raw, generation, receivedAtMs);
    if (registration.kind === 'unverifiable') {
      c.set('sender', { ...sender, slug, integration: null });
      return next();
    }
    const integration = registration.kind === 'registered' ? registration.integration : undefined;
    if (integration === undefined || objectionTo(sender, integration) !== null)
      return refuseSender(c.req.raw);
    c.set('sender', { ...sender, slug, integration });
    return next();
  });

  const requirePlainBody = createMiddleware(async (c, next) => {
    const encoding = c.req.header('content-encoding') ?? 'identity';
    return encoding.toLowerCase() === 'identity' ? next() : refuse({ reason: 'encoded' });
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
    const { integration, slug, receivedAtMs, generation } = sender;
    const beganAtMs = deps.now();
    const read = await readBody(c.req.raw, holding);
    const readAtMs = deps.now();
    if (!read.ok) {
      const { reason } = read;
      if (reason !== 'too-large') log('warn', 'webhook not read', { integration: slug, reason });
      return refuse(read);
    }
    if (
      integration !== null &&
      (await objectionToBody(sender, integration, read.body, deps.tokens)) !== null
    ) {
      return refuseSender(c.req.raw);
    }
    const arrival = { integration: slug, requestId: c.get('requestId'), receivedAtMs };
    const judged = assessBody(read.body, { ...arrival, appId: integration?.appId ?? null });
    const deadline = deadlineOf({ receivedAtMs, beganAtMs, readAtMs });
    const webhook = { ...arrival, generation, unchecked: integration === null ? sender : null };
    // Not awaited here, so that of an event nothing but its text stays in memory.
    return judged.ok
      ? answerEvent(c, { ...webhook, body: judged.event.payload }, judged.event, deadline)
      : answerRefused(c, { ...webhook, body: read.body }, judged, deadline);
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
    if (kept === null) return refuse({ reason: 'unavailable' });
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
    const { unchecked: _, ...arrived } = webhook;
    const kept = await keep(webhook, deadline, async (timeoutMs) => {
      await recordRejection({ ...arrived, reason, problems }, c.executionCtx, timeoutMs);
      return 'rejected' as const;
    });
    log('warn', 'webhook rejected', {
      integration: webhook.integration,
      requestId: webhook.requestId,
      reason,
    });
    return refuse(kept === null ? { reason: 'unavailable' } : judged);
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

  const onlyPost = () =>
    problem('method-not-allowed', 'Webhooks are delivered with POST.', { headers: { allow: 'POST' } });

  return new Hono<WebhookEnv>({ strict: false })
    .on('POST', ADDRESSES, authenticate, requirePlainBody, receive)
    .on('ALL', ADDRESSES, onlyPost);
}

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

function refuse(refusal: Refusal): Response {
  switch (refusal.reason) {
    case 'unauthorized': // one wording for all: unknown, disabled, no token, wrong token
      return problem('unauthorized', 'The address or its token is not valid. Check the registered URL.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    case 'encoded':
      return problem('encoded-body', 'Send the body without Content-Encoding.');
    case 'too-large':
      return problem('body-too-large', `A webhook has at most ${MAX_BODY_BYTES} bytes.`);
    case 'too-slow':
      return problem('request-timeout', `The body took longer than ${BODY_TIMEOUT_MS / 1000} s to come.`);
    case 'busy':
      return problem('unavailable', 'Too much is being received at this moment. Send the webhook again.', {
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
    case 'not-utf8':
    case 'not-json':
      return problem(refusal.reason, `The body ${refusal.problems[0]?.message}.`);
    case 'contract-broken':
    case 'wrong-application':
      return problem(refusal.reason, `The webhook has ${countOf(refusal.problems)}; see errors.`, {
        errors: refusal.problems,
      });
    case 'unavailable':
      return problem('unavailable', 'The webhook could not be stored. Send it again.', {
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
  }
}

function countOf(problems: ContractProblem[]): string {
  return problems.length === 1 ? 'a problem' : `${problems.length} problems`;
}
