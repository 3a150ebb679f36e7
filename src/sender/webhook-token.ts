// The tokens of registered URLs, and the secrets that senders sign with: derived from a secret, never stored. Whoever
// reads the database gets in nowhere, a URL can be shown again, and an isolate can verify a token without asking D1.

const encoder = new TextEncoder();
const HMAC = { name: 'HMAC', hash: 'SHA-256' };

/** A token is `<generation>.<base64url HMAC-SHA-256>`; rotation raises the generation. */
const TOKEN = /^([1-9]\d{0,8})\.([\w-]{42}[AEIMQUYcgkosw048])$/; // the last two of 258 bits are no bits of the digest

/** Derives and verifies the tokens of one secret. */
export interface WebhookTokens {
  /** The token of an integration's generation, to stand in its URL. */
  derive(slug: string, generation: number): Promise<string>;
  /**
   * The generation that a token is genuine for, `null` for any other text. Constant time: a malformed token costs
   * the same digest as a forged one.
   */
  verify(slug: string, token: string): Promise<number | null>;
  /** The 32 bytes that webhooks of an integration's generation are signed with, where they are. */
  deriveSigningSecret(slug: string, generation: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Tokens under WEBHOOK_SECRET. */
export function webhookTokens(secret: string): WebhookTokens {
  let imported: CryptoKey | undefined;
  const key = async () => {
    imported ??= await crypto.subtle.importKey('raw', encoder.encode(secret), HMAC, false, [
      'sign',
      'verify',
    ]);
    return imported;
  };
  return {
    async derive(slug, generation) {
      const mac = await crypto.subtle.sign(HMAC, await key(), signedText('webhook-token', slug, generation));
      return `${generation}.${base64(new Uint8Array(mac)).replaceAll('+', '-').replaceAll('/', '_').replace('=', '')}`;
    },

    async verify(slug, token) {
      const [, generationText = '0', macText = 'A'.repeat(43)] = TOKEN.exec(token) ?? [];
      const generation = Number(generationText);
      const mac = Uint8Array.fromBase64(macText, { alphabet: 'base64url' });
      const text = signedText('webhook-token', slug, generation);
      const isGenuine = await crypto.subtle.verify(HMAC, await key(), mac, text);
      return isGenuine && generation > 0 ? generation : null;
    },

    async deriveSigningSecret(slug, generation) {
      const text = signedText('signing-secret', slug, generation);
      return new Uint8Array(await crypto.subtle.sign(HMAC, await key(), text));
    },
  };
}

/** The purpose is part of what is signed, so that no use of the secret yields what another one asks for. */
function signedText(purpose: 'webhook-token' | 'signing-secret', slug: string, generation: number) {
  return encoder.encode(`${purpose}:${slug}:${generation}`);
}

/**
 * A signing secret as it is given to senders: `whsec_` and base64.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
 */
export function writtenSigningSecret(secret: Uint8Array): string {
  return `whsec_${base64(secret)}`;
}

/** By what Node has as well, where the command line writes tokens: `toBase64` begins with Node 25. */
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
