// The hot path: POST /webhooks/:integration/:token. The checks run from cheap to dear, and a 2xx is sent only once the event
// is in D1 or in the intake queue. Whatever is not taken passes `refuse`, so that no refusal goes uncounted.

import { type Context, Hono } from 'hono';
import { createMiddleware } from 'hono/factory';
import type * as z from 'zod';
import { assessBody, type RejectedBody, rejectBody } from '../contract/assess.ts';
import type { NewEvent } from '../contract/event.ts';
import { problemAt } from '../contract/problems.ts';
import type { ForwardingDeps } from '../forward/routes.ts';
import { failureLimit } from '../http/failure-limit.ts';
import type { ByteBudget, Holding } from '../runtime/byte-budget.ts';
import type { CircuitBreaker } from '../runtime/circuit-breaker.ts';
import { type ContentEncoding, contentEncodingOf } from '../runtime/decompression.ts';
import { log } from '../runtime/log.ts';
import {
  type Bodies,
  isBodySigned,
  type Sender,
  senderOf,
  signedOverUnpacked,
  verifySender,
  withoutSignature,
} from '../sender/verify-sender.ts';
import { presentedToken, type WebhookTokens } from '../sender/webhook-token.ts';
import type { Integration } from '../store/integrations.ts';
import {
  acceptedAnswer,
  refusalAnswer,
  type UnjudgedReason,
  type WebhookRefusal,
  type webhookAnswer,
} from './answers.ts';
import { createPipeline, D1_TIMEOUT_MS } from './pipeline.ts';
import { readBody, unpackBody } from './read-body.ts';
import { type Deadline, deadlineOf, type JudgedWebhook, recordOrDefer } from './record-or-defer.ts';
import type { RefusedWebhook } from './refusal-counter.ts';
import { createRegistrations, type Registration } from './registrations.ts';

export interface ReceiveDeps extends ForwardingDeps {
  intake: Queue<unknown>;
  tokens: WebhookTokens;
  /** Counts failed authentications by address. */
  webhookFailures: RateLimit;
  breaker: CircuitBreaker;
  /** For the bodies that are being received. */
  bodies: ByteBudget;
  noteRefusal(refused: RefusedWebhook): void;
  /** Is told when the cron last began, as often as registrations are read. */
  noteCronRun(atMs: number | null): void;
}

/** What the address of a request says. */
interface Caller {
  slug: string;
  receivedAtMs: number;
  registration: Registration;
  /** Of its genuine token; `null` where it has none. */
  generation: number | null;
  hasToken: boolean;
}

/** A sender with a genuine token that its integration accepts, as far as that is known. */
interface AcceptedSender extends Sender {
  slug: string;
  /** `null` where D1 did not tell: the intake consumer looks it up. */
  integration: Integration | null;
  encoding: ContentEncoding | null;
}

interface WebhookEnv {
  Variables: { caller: Caller; sender: AcceptedSender; requestId: string };
}

/** The token is in the URL, or, for `/webhooks/:integration` alone, in the Authorization header. */
const ADDRESSES = ['/:integration', '/:integration/:token'];

/** The webhook addresses, to be mounted at `/webhooks`. */
export function webhookRoutes(deps: ReceiveDeps): Hono<WebhookEnv> {
  const findRegistration = createRegistrations({ ...deps, workTimeoutMs: D1_TIMEOUT_MS });
  const { recordEvent, recordRejection } = createPipeline(deps);
  const limitFailures = failureLimit(deps.webhookFailures);

  /** Counts and logs a refusal by its reason, of which the sender is told less. */
  const refuse = (c: Context<WebhookEnv>, refusal: WebhookRefusal): Response => {
    const caller = c.get('caller');
    const isProven = caller !== undefined && caller.generation !== null;
    deps.noteRefusal({
      reason: refusal.reason,
      integration: isProven || caller?.registration.kind === 'registered' ? caller.slug : null,
      isProven,
      requestId: c.get('requestId'),
    });
    return refusalAnswer(refusal);
  };

  const refuseSender = async (c: Context<WebhookEnv>, reason: UnjudgedReason) => {
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

  const authenticate = (purpose: 'deliver' | 'probe') =>
    createMiddleware<WebhookEnv>(async (c, next) => {
      const { slug, receivedAtMs, registration, generation, hasToken } = c.get('caller');
      if (generation === null) {
        if (registration.kind === 'unknown') return refuseSender(c, 'unknown-integration');
        return refuseSender(c, hasToken ? 'wrong-token' : 'no-token');
      }
      const sender = senderOf(c.req.raw, generation, receivedAtMs);
      const integration = registration.kind === 'registered' ? registration.integration : null;
      if (registration.kind !== 'unverifiable') {
        const asked = purpose === 'probe' && integration ? withoutSignature(integration) : integration;
        const objection = verifySender(sender, asked ?? undefined);
        if (objection !== null) return refuseSender(c, objection);
      }
      c.set('sender', { ...sender, slug, integration, encoding: null });
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
    if (!unpacked.ok && unpacked.reason !== 'badly-encoded') return refuse(c, { reason: unpacked.reason });
    const bodies: Bodies = [read.body, unpacked.ok ? unpacked.body : read.body];
    if (integration !== null && !(await isBodySigned(sender, integration, bodies, deps.tokens))) {
      return refuseSender(c, 'signature');
    }
    const arrival = { integration: slug, requestId: c.get('requestId'), receivedAtMs };
    const judged = unpacked.ok
      ? assessBody(unpacked.body, { ...arrival, appId: integration?.appId ?? null })
      : rejectBody('badly-encoded', problemAt('', 'badly-encoded'));
    const deadline = deadlineOf({ receivedAtMs, beganAtMs, readAtMs });
    const unchecked =
      integration === null ? await signedOverUnpacked(sender, slug, bodies, deps.tokens) : null;
    const webhook = { ...arrival, generation, unchecked };
    // Not awaited here, so that only the text of an event stays in memory.
    return judged.ok
      ? answerEvent(c, { ...webhook, body: judged.event.payload }, judged.event, deadline)
      : answerRefused(c, { ...webhook, body: bodies[1] }, judged, deadline);
  };

  const answerEvent = async (
    c: Context<WebhookEnv>,
    webhook: JudgedWebhook<string>,
    event: NewEvent,
    deadline: Deadline,
  ): Promise<Response> => {
    const { integration, requestId, generation } = webhook;
    const recorded = await recordOrDefer(deps, webhook, deadline, async (timeoutMs) =>
      recordEvent(event, generation, c.executionCtx, timeoutMs),
    );
    if (recorded === null) return refuse(c, { reason: 'unavailable' });
    const { id, outcome } = recorded === 'deferred' ? { id: event.id, outcome: recorded } : recorded;
    if (outcome === 'kept') {
      log('warn', 'webhook kept: it differs from the event that it repeats', { integration, requestId });
    }
    return c.json({ id, outcome } satisfies z.infer<typeof webhookAnswer>);
  };

  const answerRefused = async (
    c: Context<WebhookEnv>,
    webhook: JudgedWebhook<ArrayBuffer>,
    judged: RejectedBody,
    deadline: Deadline,
  ): Promise<Response> => {
    const isAcknowledged = c.get('sender').integration?.onRejection === 'accept';
    const { unchecked: _, ...arrived } = webhook;
    const { reason, problems } = judged;
    const rejection = { ...arrived, reason, problems, deferred: isAcknowledged };
    const kept = await recordOrDefer(deps, webhook, deadline, async (timeoutMs) =>
      recordRejection(rejection, c.executionCtx, timeoutMs),
    );
    if (kept === null) return refuse(c, { reason: 'unavailable' });
    const answer = refuse(c, judged);
    return isAcknowledged ? acceptedAnswer(judged) : answer;
  };

  /** Platforms probe an address before they register it. */
  const answerProbe = (c: Context<WebhookEnv>): Response => {
    const { slug, integration } = c.get('sender');
    if (integration === null) return refuse(c, { reason: 'unavailable' });
    return c.text(`This is the webhook address of the integration "${slug}". Deliver webhooks with POST.\n`);
  };

  return new Hono<WebhookEnv>({ strict: false })
    .on('POST', ADDRESSES, lookUp, authenticate('deliver'), requireKnownEncoding, receive)
    .on('GET', ADDRESSES, lookUp, authenticate('probe'), answerProbe) // and HEAD
    .on('ALL', ADDRESSES, lookUp, (c) => refuse(c, { reason: 'wrong-method' }))
    .all('*', (c) => refuse(c, { reason: 'wrong-address' }));
}
