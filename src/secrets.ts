// What makes a secret fit for use, wherever one is read: at start-up, before a deployment, from .dev.vars.

/** As many characters as SHA-256 has bytes: RFC 2104, section 3, for the key of an HMAC. */
export const MIN_WEBHOOK_SECRET_LENGTH = 32;
/** Of the tokens that open the API: 144 bits where it is random base64url. */
export const MIN_API_TOKEN_LENGTH = 24;

/**
 * What keeps a secret from working, in words that follow its name and hold nothing of it; `null`: nothing. Senders and
 * browsers change or refuse other characters than visible ASCII in a header (RFC 9110, section 5.5), and programs that
 * read a secret from a file or an input differ in whether they keep the white space around it. Whoever presents such a
 * secret is turned away, and nothing tells why.
 */
export function flawOfSecret(secret: string): string | null {
  if (secret.includes('\ufeff')) return 'must not have a byte order mark';
  if (/[\n\v\f\r\u0085\u2028\u2029]/.test(secret)) return 'must not have a line end';
  if (/\s/.test(secret)) return 'must not have a blank';
  if (!/^[\x21-\x7e]*$/.test(secret)) return 'must have visible ASCII characters only';
  return null;
}
