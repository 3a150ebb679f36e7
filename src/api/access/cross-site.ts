// Guards against cross-site request forgery: a foreign page has an operator's browser send a request, to which the browser
// adds the operator's cookies, and Access therefore the operator's identity.

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a request may change something. */
export function isUnsafe({ method }: Request): boolean {
  return !SAFE_METHODS.has(method);
}

/**
 * Whether a page of an origin that is neither the request's own nor trusted had the request sent. Browsers tell with every
 * unsafe request, and no page can make them tell otherwise; a request that does not tell is of a program, which has no
 * cookies but its own.
 *
 * These are the rules of Go's `net/http.CrossOriginProtection`. `hono/csrf` lets every content type pass that no form can
 * send, because browsers send a preflight before those. Access can be configured to answer preflights itself, for any
 * origin, so here the content type makes no difference.
 */
export function isCrossSite({ url, headers }: Request, trustedOrigins: readonly string[]): boolean {
  const origin = headers.get('origin');
  if (origin !== null && trustedOrigins.includes(origin)) return false;
  const site = headers.get('sec-fetch-site');
  if (site !== null) return site !== 'same-origin' && site !== 'none';
  return origin !== null && origin !== new URL(url).origin;
}
