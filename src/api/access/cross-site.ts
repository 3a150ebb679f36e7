// Cross-site request forgery: a page of somebody else has an operator's browser send a request, to which the browser
// adds the operator's cookies, and so Access its identity.

/** They change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request may change something. */
export function isUnsafe({ method }: Request): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * Whether a page of another origin than the request's own and the trusted ones had it sent, as the browser says.
 * Browsers say so with every unsafe request, and no page can make them say otherwise; what says nothing is a program,
 * which has no cookies but its own.
 *
 * These are the rules of Go's `net/http.CrossOriginProtection`. `hono/csrf` passes every content type that no form
 * has, because a preflight goes before those. Access can be set to answer preflights itself, for whatever origin, so
 * here the content type makes no difference.
 */
export function isCrossSite({ url, headers }: Request, trustedOrigins: readonly string[]): boolean {
  const origin = headers.get('origin');
  if (origin !== null && trustedOrigins.includes(origin)) return false;
  const site = headers.get('sec-fetch-site');
  if (site !== null) return site !== 'same-origin' && site !== 'none';
  return origin !== null && origin !== new URL(url).origin;
}
