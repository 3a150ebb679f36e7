// Who may use the operators' API, and what each may do.

import type { MiddlewareHandler } from 'hono';
import type { AccessSettings } from '../../env.ts';
import { failureLimit } from '../../http/failure-limit.ts';
import { problem } from '../../http/problem-details.ts';
import { accessVerifier, type VerifyAccess } from './cloudflare-access.ts';
import { isCrossSite, isUnsafe } from './cross-site.ts';

const encoder = new TextEncoder();

/** When to ask again after the keys of Access could not be fetched. */
const RETRY_AFTER_SECONDS = 10;

/** The verified author of a request. */
export interface Actor {
  /** For the audit trail: `admin-token`, `read-token`, `access:<email>`, `access-service:<name>`. */
  name: string;
  /** Who may not change anything does not see tokens, URLs with tokens or signing secrets either, as these let webhooks in. */
  mayChange: boolean;
}

/** What the API's handlers find in their context. */
export interface ActorEnv {
  Variables: { actor: Actor; requestId: string };
}

export interface ActorDeps {
  adminToken: string;
  /** `null`: there is none. */
  readToken: string | null;
  /** `null`: Cloudflare Access does not stand in front. */
  access: AccessSettings | null;
  /** Empty: the address that the request came to. */
  publicUrl: string;
  /** The origins of the pages that may use the API. */
  allowedOrigins: readonly string[];
  /** Counts failed authentications by address. */
  apiFailures: RateLimit;
  now: () => number;
}

/** Why a request is not let through. One switch turns it into an answer: {@link refuse}. */
export type AccessRefusal = 'unauthorized' | 'unverifiable' | 'read-only' | 'cross-site';

export type Authentication = { ok: true; actor: Actor } | { ok: false; refusal: AccessRefusal };

/** Tells who makes a request. There is one for each isolate, as it caches the keys of Access. */
export interface Identities {
  /** The actor of a token; `null`: it is not valid. Takes the same time whatever is presented. */
  ofToken(presented: string): Promise<Actor | null>;
  /** The actor that Cloudflare Access names; `null`: it names none, or does not stand in front. */
  ofAccess(request: Request): Promise<Authentication | null>;
}

export function identities({ access, adminToken, readToken, now }: ActorDeps): Identities {
  const verifyAccess = access && accessVerifier(access, now);
  return {
    ofToken: async (presented) => authenticateToken(presented, adminToken, readToken),
    async ofAccess(request) {
      const assertion = request.headers.get('cf-access-jwt-assertion');
      return assertion === null || verifyAccess === null
        ? null
        : authenticateIdentity(assertion, verifyAccess);
    },
  };
}

/** The origins whose pages may change something: the receiver's own, where it is configured, and the allowed ones. */
export function trustedOriginsOf(publicUrl: string, allowedOrigins: readonly string[] = []): string[] {
  const publicOrigin = URL.parse(publicUrl)?.origin;
  return [...allowedOrigins, ...(publicOrigin ? [publicOrigin] : [])];
}

/**
 * Lets through whom a token or Cloudflare Access identifies, and tells handlers who it is.
 *
 * ```ts
 * app.use('/api/*', requireActor(deps, identities(deps)));
 * app.get('/api/me', (c) => c.json(c.get('actor')));
 * ```
 *
 * Where there is an `Authorization` header, it alone decides: so a program behind Access can be given less than its service
 * token allows, and a wrong token is noticed. Otherwise the identity of Access decides. Any page in an operator's browser
 * can have sent such a request, so one that changes something must come from a trusted origin.
 */
export function requireActor(
  deps: ActorDeps,
  { ofToken, ofAccess }: Identities,
): MiddlewareHandler<ActorEnv> {
  const answerFailure = failureLimit(deps.apiFailures);
  const trustedOrigins = trustedOriginsOf(deps.publicUrl, deps.allowedOrigins);

  return async function requireActor(c, next) {
    const request = c.req.raw;
    const authorization = request.headers.get('authorization');
    const byAccess = authorization === null ? await ofAccess(request) : null;
    const authentication = byAccess ?? authenticated(await ofToken(bearerToken(authorization)));
    if (!authentication.ok) {
      const answer = () => refuse(authentication.refusal);
      return authentication.refusal === 'unauthorized' ? answerFailure(request, answer) : answer();
    }
    if (byAccess !== null && isUnsafe(request) && isCrossSite(request, trustedOrigins)) {
      return refuse('cross-site');
    }
    c.set('actor', authentication.actor);
    return next();
  };
}

/** Keeps those who may only read from changing something. */
export const refuseReaders: MiddlewareHandler<ActorEnv> = async (c, next) => {
  if (isUnsafe(c.req.raw) && !c.get('actor').mayChange) return refuse('read-only');
  return next();
};

function bearerToken(authorization: string | null): string {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
}

function authenticated(actor: Actor | null): Authentication {
  return actor === null ? { ok: false, refusal: 'unauthorized' } : { ok: true, actor };
}

/** The actors that the tokens stand for. */
export const ADMIN: Actor = { name: 'admin-token', mayChange: true };
export const READER: Actor = { name: 'read-token', mayChange: false };

/** Makes the same digests and comparisons whatever is presented, so that the time taken tells nothing. */
async function authenticateToken(
  presented: string,
  adminToken: string,
  readToken: string | null,
): Promise<Actor | null> {
  const [actual, admin, reader] = await Promise.all([
    digest(presented),
    digest(adminToken),
    digest(readToken ?? ''),
  ]);
  const isAdmin = crypto.subtle.timingSafeEqual(actual, admin);
  const isReader = crypto.subtle.timingSafeEqual(actual, reader) && readToken !== null;
  return isAdmin ? ADMIN : isReader ? READER : null;
}

async function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', encoder.encode(text));
}

async function authenticateIdentity(assertion: string, verifyAccess: VerifyAccess): Promise<Authentication> {
  const identity = await verifyAccess(assertion);
  switch (identity.kind) {
    case 'verified':
      return { ok: true, actor: { name: identity.name, mayChange: true } };
    case 'refused':
      return { ok: false, refusal: 'unauthorized' };
    case 'unverifiable':
      return { ok: false, refusal: 'unverifiable' };
  }
}

function refuse(refusal: AccessRefusal): Response {
  switch (refusal) {
    case 'unauthorized':
      return problem('unauthorized', 'Send a valid token as `Authorization: Bearer <token>`.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    case 'unverifiable':
      return problem('unavailable', 'The keys of Cloudflare Access could not be fetched. Try again.', {
        headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
      });
    case 'read-only':
      return problem('forbidden', 'This token may read and change nothing. Changes need the admin token.');
    case 'cross-site':
      return problem(
        'forbidden',
        'A page of another origin sent this. Pages that may change something are named in ALLOWED_ORIGINS.',
      );
  }
}
