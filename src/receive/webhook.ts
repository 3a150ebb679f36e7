// The hot path: POST /webhooks/:integration/:token. Checks run from cheap to dear; a 2xx is sent only once the event
// is in D1 or in the intake queue.

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import * as z from 'zod';
import { assessBody, type Refused } from '../contract/assess.ts';
import type { ContractProblem } from '../contract/webhook.ts';
import { failureLimit } from '../failure-limit.ts';
import type { ForwardingDeps } from '../forward/events.ts';
import { deferWebhook } from '../forward/intake.ts';
import { describeError, log } from '../log.ts';
import { problem } from '../problem.ts';
import { objectionTo, objectionToBody, type Sender, senderOf } from '../sender.ts';
import type { Integration } from '../store/integrations.ts';
import { presentedToken, type WebhookTokens } from '../webhook-token.ts';
import { createPipeline, D1_TIMEOUT_MS } from './pipeline.ts';
import { createRegistrations } from './registrations.ts';

/** Bodies of the platform have about 1 KB. */
export const MAX_BODY_BYTES = 1_048_576;
/** When a sender that was answered 503 may try again. */
const RETRY_AFTER_SECONDS = 10;

export interface ReceiveDeps extends ForwardingDeps {
  intake: Queue<unknown>;
  tokens: WebhookTokens;
  /** Counts failed authentications by address. */
  webhookFailures: RateLimit;
  /** Gets to know when the cron last began, as often as registrations are read. */
  noteCronRun(atMs: number | null): void;
}

/** What a webhook that is taken is answered. */
export const webhookAnswer = z
  .object({
    id: z.string().meta({ description: 'Of the event.' }),
    outcome: z.enum(['stored', 'duplicate', 'deferred']).meta({
      description: '`deferred`: held in the intake queue, because the database did not answer.',
    }),
  })
  .meta({ example: { id: '5e178088a88ad9001b6e1914:i3i4321d:response', outcome: 'stored' } });

/** Why a webhook is not taken. One switch turns it into an answer: {@link refuse}. */
type Refusal =
  | Refused
  | { reason: 'unauthorized' }
  | { reason: 'encoded' }
  | { reason: 'too-large' }
  | { reason: 'unavailable' };

/** A webhook whose sender has a genuine token. */
interface Authenticated extends Sender {
  slug: string;
  /** `null` where D1 could not tell: the intake consumer asks again. */
  integration: Integration | null;
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
    const registration = await findRegistration(slug, verified, c.executionCtx, D1_TIMEOUT_MS);
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

  const limitBody = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: () => refuse({ reason: 'too-large' }) });

  const receive = async (c: Context<WebhookEnv>): Promise<Response> => {
    const sender = c.get('sender');
    const body = await c.req.raw.arrayBuffer();
    const { integration, slug, receivedAtMs, generation } = sender;
    if (integration !== null && (await objectionToBody(sender, integration, body, deps.tokens)) !== null) {
      return refuseSender(c.req.raw);
    }
    const arrival = { integration: slug, requestId: c.get('requestId'), receivedAtMs };
    const judged = assessBody(body, { ...arrival, appId: integration?.appId ?? null });
    const webhook = { ...arrival, generation, body };

    /** Records the webhook, or defers it when D1 does not answer in time. `null` when neither is possible. */
    const keep = async <Kept>(
      record: (timeoutMs: number) => Promise<Kept>,
    ): Promise<Kept | 'deferred' | null> => {
      const remainingMs = receivedAtMs + D1_TIMEOUT_MS - deps.now();
      if (integration !== null && remainingMs > 0) {
        try {
          return await record(remainingMs);
        } catch (error) {
          log('warn', 'webhook not recorded, deferring it', {
            integration: slug,
            error: describeError(error),
          });
        }
      }
      try {
        await deferWebhook(deps.intake, webhook, integration === null ? sender : null);
        return 'deferred';
      } catch (error) {
        log('error', 'webhook neither recorded nor deferred', {
          integration: slug,
          error: describeError(error),
        });
        return null;
      }
    };

    if (!judged.ok) {
      const { reason, problems } = judged;
      const kept = await keep(async (timeoutMs) => {
        await recordRejection({ ...webhook, reason, problems }, c.executionCtx, timeoutMs);
        return 'rejected' as const;
      });
      log('warn', 'webhook rejected', { integration: slug, requestId: arrival.requestId, reason });
      return refuse(kept === null ? { reason: 'unavailable' } : judged);
    }
    const outcome = await keep(async (timeoutMs) => {
      const { isNew } = await recordEvent(judged.event, c.executionCtx, timeoutMs);
      return isNew ? ('stored' as const) : ('duplicate' as const);
    });
    if (outcome === null) return refuse({ reason: 'unavailable' });
    return c.json({ id: judged.event.id, outcome } satisfies z.infer<typeof webhookAnswer>);
  };

  const onlyPost = () =>
    problem('method-not-allowed', 'Webhooks are delivered with POST.', { headers: { allow: 'POST' } });

  return new Hono<WebhookEnv>({ strict: false })
    .on('POST', ADDRESSES, authenticate, requirePlainBody, limitBody, receive)
    .on('ALL', ADDRESSES, onlyPost);
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
