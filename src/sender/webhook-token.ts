// The tokens of registered URLs, and the secrets that senders sign with. Both are derived from one secret and never stored:
// reading the database gives nobody access, a URL can be shown again, and a token is verified without asking D1.

const encoder = new TextEncoder();
export const HMAC_SHA_256 = { name: 'HMAC', hash: 'SHA-256' };

/**
 * A token is `<generation>.<base64url HMAC-SHA-256>`; rotation raises the generation. The 43 letters have two bits more than
 * the digest, which must be 0 in the last letter.
 */
const TOKEN = /^([1-9]\d{0,8})\.([\w-]{42}[AEIMQUYcgkosw048])$/;

export interface WebhookTokens {
  /** The token of an integration's generation, for its URL. */
  derive(slug: string, generation: number): Promise<string>;
  /**
   * The generation of a genuine token; `null` for any other text. Constant time: a malformed token costs the same digest
   * as a forged one.
   */
  verify(slug: string, token: string): Promise<number | null>;
  /** The 32 bytes that a sender can sign its webhooks with. */
  deriveSigningSecret(slug: string, generation: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Tokens under WEBHOOK_SECRET. */
export function webhookTokens(secret: string): WebhookTokens {
  let imported: CryptoKey | undefined;
  const key = async () => {
    imported ??= await crypto.subtle.importKey('raw', encoder.encode(secret), HMAC_SHA_256, false, [
      'sign',
      'verify',
    ]);
    return imported;
  };
  return {
    async derive(slug, generation) {
      const mac = await crypto.subtle.sign(
        HMAC_SHA_256,
        await key(),
        signedText('webhook-token', slug, generation),
      );
      return `${generation}.${base64(new Uint8Array(mac)).replaceAll('+', '-').replaceAll('/', '_').replace('=', '')}`;
    },

    async verify(slug, token) {
      const [, generationText = '0', macText = 'A'.repeat(43)] = TOKEN.exec(token) ?? [];
      const generation = Number(generationText);
      const mac = Uint8Array.fromBase64(macText, { alphabet: 'base64url' });
      const text = signedText('webhook-token', slug, generation);
      const isGenuine = await crypto.subtle.verify(HMAC_SHA_256, await key(), mac, text);
      return isGenuine && generation > 0 ? generation : null;
    },

    async deriveSigningSecret(slug, generation) {
      const text = signedText('signing-secret', slug, generation);
      return new Uint8Array(await crypto.subtle.sign(HMAC_SHA_256, await key(), text));
    },
  };
}

/** The purpose is part of the text, so that a token is never a signing secret. */
function signedText(purpose: 'webhook-token' | 'signing-secret', slug: string, generation: number) {
  return encoder.encode(`${purpose}:${slug}:${generation}`);
}

/**
 * A signing secret as senders are given it: `whsec_` and base64.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
 */
export function writtenSigningSecret(secret: Uint8Array): string {
  return `whsec_${base64(secret)}`;
}

/** The command line runs this in Node, which has `toBase64` only from version 25 on. */
function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** The token that a request carries: in the URL, as Bearer, or as the password of Basic (RFC 7617). */
export function presentedToken(inUrl: string | undefined, authorization: string | undefined): string {
  if (inUrl) return inUrl;
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return credentials;
    case 'basic':
      return basicPassword(credentials);
    default:
      return '';
  }
}

function basicPassword(credentials: string): string {
  try {
    const pair = atob(credentials);
    return pair.slice(pair.indexOf(':') + 1);
  } catch {
    return ''; // not base64
  }
}
