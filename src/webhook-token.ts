// The tokens of registered URLs: derived from a secret, never stored. Whoever reads the database gets in nowhere,
// a URL can be shown again, and an isolate can verify a token without asking D1.

const encoder = new TextEncoder();
const HMAC = { name: 'HMAC', hash: 'SHA-256' };

/** A token is `<generation>.<base64url HMAC-SHA-256>`; rotation raises the generation. */
const TOKEN = /^([1-9]\d{0,8})\.([\w-]{43})$/;

/** Derives and verifies the tokens of one secret. */
export interface WebhookTokens {
  /** The token of an integration's generation, to stand in its URL. */
  derive(slug: string, generation: number): Promise<string>;
  /**
   * The generation that a token is genuine for, `null` for any other text. Constant time: a malformed token costs
   * the same digest as a forged one.
   */
  verify(slug: string, token: string): Promise<number | null>;
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
      const mac = await crypto.subtle.sign('HMAC', await key(), signedText(slug, generation));
      return `${generation}.${new Uint8Array(mac).toBase64({ alphabet: 'base64url', omitPadding: true })}`;
    },

    async verify(slug, token) {
      const [, generationText = '0', macText = 'A'.repeat(43)] = TOKEN.exec(token) ?? [];
      const generation = Number(generationText);
      const mac = Uint8Array.fromBase64(macText, { alphabet: 'base64url' });
      const isGenuine = await crypto.subtle.verify('HMAC', await key(), mac, signedText(slug, generation));
      return isGenuine && generation > 0 ? generation : null;
    },
  };
}

/** The purpose is part of what is signed, so that no other use of the secret can yield a token. */
function signedText(slug: string, generation: number) {
  return encoder.encode(`webhook-token:${slug}:${generation}`);
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
