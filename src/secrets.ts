// What a secret must be like, wherever one is read: at start-up, before a deployment, from .dev.vars.

/** An HMAC key should be as long as the digest of SHA-256 (RFC 2104, section 3). */
export const MIN_WEBHOOK_SECRET_LENGTH = 32;
/** In random base64url these are 144 bits. */
export const MIN_API_TOKEN_LENGTH = 24;

/**
 * Why a secret would not work, as words to follow its name that quote nothing of it; `null` where it would.
 *
 * Senders and browsers change or refuse anything but visible ASCII in a header (RFC 9110, section 5.5), and programs that
 * read a secret from a file or an input differ in whether they keep the white space around it. A request with such a secret
 * would be turned away, and nothing would tell why.
 */
export function flawOfSecret(secret: string): string | null {
  if (secret.includes('\ufeff')) return 'must not have a byte order mark';
  if (/[\n\v\f\r\u0085\u2028\u2029]/.test(secret)) return 'must not have a line end';
  if (/\s/.test(secret)) return 'must not have a blank';
  if (!/^[\x21-\x7e]*$/.test(secret)) return 'must have visible ASCII characters only';
  return null;
}
