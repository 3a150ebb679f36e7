// The hot path: POST /webhooks/:integration/:token. Checks run from cheap to dear; a 2xx is sent only once the event
// is in D1 or in the intake queue.

import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { eventOf, type NewEvent } from '../contract/event.ts';
import { decodePayload, parsePayload } from '../contract/payload.ts';
import { type ContractProblem, parseWebhook } from '../contract/webhook.ts';
import type { ForwardingDeps } from '../forward/events.ts';
import { deferWebhook } from '../forward/intake.ts';
import type { Lifetime } from '../group-commit.ts';
import { describeError, log } from '../log.ts';
import { problem } from '../problem.ts';
import { presentedToken, type WebhookTokens } from '../webhook-token.ts';
import { createPipeline, D1_TIMEOUT_MS } from './pipeline.ts';
import { createRegistrations, type Registration } from './registrations.ts';

/** Bodies of the platform have about 1 KB. */
export const MAX_BODY_BYTES = 1_048_576;
/** When a sender that was answered 503 may try again. */
const RETRY_AFTER_SECONDS = 10;

export interface ReceiveDeps extends ForwardingDeps {
  intake: Queue<unknown>;
  tokens: WebhookTokens;
  now: () => number;
}

/** Why a webhook is not taken. One switch turns it into an answer: {@link refuse}. */
type Refusal =
  | { reason: 'unauthorized' }
  | { reason: 'encoded' }
  | { reason: 'too-large' }
  | { reason: 'empty' }
  | { reason: 'not-utf8' }
  | { reason: 'not-json' }
  | { reason: 'contract'; problems: ContractProblem[] }
  | { reason: 'unavailable' };

/** A webhook whose sender has a genuine token. */
interface Authenticated {
  slug: string;
  generation: number;
  receivedAtMs: number;
  /** False where D1 could not tell whether the registration stands: the intake consumer asks again. */
  isRegistrationKnown: boolean;
}

interface WebhookEnv {
  Variables: { sender: Authenticated; requestId: string };
}

/** The webhook addresses, to be mounted at `/webhooks`. */
export function webhookRoutes(deps: ReceiveDeps): Hono<WebhookEnv> {
  const findRegistration = createRegistrations({ ...deps, workTimeoutMs: D1_TIMEOUT_MS });
  const recordEvent = createPipeline(deps);

  const authenticate = createMiddleware<WebhookEnv>(async (c, next) => {
    const slug = c.req.param('integration') ?? '';
    const receivedAtMs = deps.now();
    const token = presentedToken(c.req.param('token'), c.req.header('authorization'));
    const generation = await deps.tokens.verify(slug, token);
    if (generation === null) return refuse({ reason: 'unauthorized' });
    const registration = await findRegistration(slug, c.executionCtx, D1_TIMEOUT_MS);
    if (!isOpenTo(registration, generation)) return refuse({ reason: 'unauthorized' });
    const isRegistrationKnown = registration.kind === 'registered';
    c.set('sender', { slug, generation, isRegistrationKnown, receivedAtMs });
    return next();
  });

  const requirePlainBody = createMiddleware(async (c, next) => {
    const encoding = c.req.header('content-encoding') ?? 'identity';
    return encoding.toLowerCase() === 'identity' ? next() : refuse({ reason: 'encoded' });
  });

  const limitBody = bodyLimit({ maxSize: MAX_BODY_BYTES, onError: () => refuse({ reason: 'too-large' }) });

  const receive = async (c: Context<WebhookEnv>): Promise<Response> => {
    const sender = c.get('sender');
    const read = readEvent(await c.req.raw.arrayBuffer(), { ...sender, requestId: c.get('requestId') });
    if (!read.ok) return refuse(read.refusal);
    const outcome = await take(read.event, sender, c.executionCtx);
    return outcome === null ? refuse({ reason: 'unavailable' }) : c.json({ id: read.event.id, outcome });
  };

  /** Records the event, or defers it when D1 does not answer in time. `null` when neither is possible. */
  async function take(
    event: NewEvent,
    { generation, isRegistrationKnown }: Authenticated,
    lifetime: Lifetime,
  ): Promise<'stored' | 'duplicate' | 'deferred' | null> {
    const { integration, requestId, receivedAtMs, payload } = event;
    const remainingMs = receivedAtMs + D1_TIMEOUT_MS - deps.now();
    if (isRegistrationKnown && remainingMs > 0) {
      try {
        const { isNew } = await recordEvent(event, lifetime, remainingMs);
        return isNew ? 'stored' : 'duplicate';
      } catch (error) {
        log('warn', 'event not recorded, deferring it', { integration, error: describeError(error) });
      }
    }
    try {
      await deferWebhook(deps.intake, { integration, generation, requestId, receivedAtMs, payload });
      return 'deferred';
    } catch (error) {
      log('error', 'event neither recorded nor deferred', { integration, error: describeError(error) });
      return null;
    }
  }

  const onlyPost = () =>
    problem('method-not-allowed', 'Webhooks are delivered with POST.', { headers: { allow: 'POST' } });

  return new Hono<WebhookEnv>({ strict: false })
    .on('POST', ADDRESSES, authenticate, requirePlainBody, limitBody, receive)
    .on('ALL', ADDRESSES, onlyPost);
}

/** The token is in the URL, or, for `/webhooks/:integration` alone, in the Authorization header. */
const ADDRESSES = ['/:integration', '/:integration/:token'];

/** Whether a genuine token of a generation opens the address; where D1 cannot tell, it does for now. */
function isOpenTo(registration: Registration, generation: number): boolean {
  switch (registration.kind) {
    case 'registered':
      return registration.integration.isEnabled && registration.integration.generation === generation;
    case 'unknown':
      return false;
    case 'unverifiable':
      return true;
  }
}

type ReadEvent = { ok: true; event: NewEvent } | { ok: false; refusal: Refusal };

/** The event of a body. */
function readEvent(
  body: ArrayBuffer,
  { slug, requestId, receivedAtMs }: Authenticated & { requestId: string },
): ReadEvent {
  if (body.byteLength === 0) return { ok: false, refusal: { reason: 'empty' } };
  const payload = decodePayload(body);
  if (payload === null) return { ok: false, refusal: { reason: 'not-utf8' } };
  let value: unknown;
  try {
    value = parsePayload(payload);
  } catch {
    return { ok: false, refusal: { reason: 'not-json' } };
  }
  const parsed = parseWebhook(value);
  if (!parsed.ok) return { ok: false, refusal: { reason: 'contract', problems: parsed.problems } };
  return {
    ok: true,
    event: eventOf(parsed.webhook, { integration: slug, payload, requestId, receivedAtMs }),
  };
}

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
    case 'empty':
      return problem('not-json', 'The body is empty.');
    case 'not-utf8':
      return problem('not-utf8', 'JSON is exchanged in UTF-8 (RFC 8259, section 8.1).');
    case 'not-json':
      return problem('not-json', 'The body cannot be parsed as JSON (RFC 8259).');
    case 'contract':
      return problem('contract-broken', `The webhook has ${countOf(refusal.problems)}; see errors.`, {
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
