// Who may use the operators' API, and what they may do.

import type { MiddlewareHandler } from 'hono';
import type { AccessSettings } from '../../env.ts';
import { problem } from '../../problem-details.ts';
import { failureLimit } from '../../runtime/failure-limit.ts';
import { accessVerifier, type VerifyAccess } from './cloudflare-access.ts';
import { isCrossSite, isUnsafe } from './cross-site.ts';

const encoder = new TextEncoder();

/** When to ask again for what the keys of Access are needed for. */
const RETRY_AFTER_SECONDS = 10;

/** Who makes a request, once that has been verified. */
export interface Actor {
  /** For the audit trail: `admin-token`, `read-token`, `access:<email>`, `access-service:<name>`. */
  name: string;
  /** Readers see no token, no URL that holds one and no signing secret: with those one can deliver webhooks. */
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
  /** Whose pages may use the API. */
  allowedOrigins: readonly string[];
  /** Counts failed authentications by address. */
  apiFailures: RateLimit;
  now: () => number;
}

/** Why a request is not let through. One switch turns it into an answer: {@link refuse}. */
export type AccessRefusal = 'unauthorized' | 'unverifiable' | 'read-only' | 'cross-site';

export type Authentication = { ok: true; actor: Actor } | { ok: false; refusal: AccessRefusal };

/** Tells who makes a request. Made once for each isolate: it keeps the keys of Access. */
export interface Identities {
  /** Whose a token is; `null`: nobody's. Costs the same whatever is presented. */
  ofToken(presented: string): Promise<Actor | null>;
  /** Whom Cloudflare Access says a request is of; `null`: it says nothing, or does not stand in front. */
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

/** Origins whose pages may change something: one's own public one, and those that are named besides. */
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
 * An `Authorization` header alone decides where there is one, so that a program behind Access can do less than its
 * service token would let it, and a token that is wrong is noticed. Without one, the identity of Access decides. What
 * comes with that may have been sent by any page in an operator's browser, so to change something it must come from a
 * page of one's own.
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

/** The same digests and comparisons whatever is presented. */
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
