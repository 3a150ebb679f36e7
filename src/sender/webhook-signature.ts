// Signatures by Standard Webhooks (https://www.standardwebhooks.com, symmetric `v1`). Not by its reference library, which
// takes neither bytes nor a clock, and hashes in JavaScript.

import { HMAC_SHA_256 } from './webhook-token.ts';

/** How far the time of a signature may be from its arrival: the tolerance of the specification. */
const TOLERANCE_MS = 300_000;

export interface SignatureHeaders {
  /** `webhook-id` */
  id: string;
  /** `webhook-timestamp`, seconds since 1970. */
  timestamp: string;
  /** `webhook-signature`: one or more of `v1,<base64>`, separated by spaces. */
  signature: string;
}

/** The headers of a signed webhook; `null` where one is missing. */
export function signatureHeadersOf(headers: Headers): SignatureHeaders | null {
  const id = headers.get('webhook-id');
  const timestamp = headers.get('webhook-timestamp');
  const signature = headers.get('webhook-signature');
  return id && timestamp && signature ? { id, timestamp, signature } : null;
}

/** Whether the signature was made about then. */
export function isSignedAt({ timestamp }: SignatureHeaders, atMs: number): boolean {
  return /^\d{1,12}$/.test(timestamp) && Math.abs(Number(timestamp) * 1000 - atMs) <= TOLERANCE_MS;
}

/** Whether one of the signatures is for this body and one of the secrets. Constant time for each pair. */
export async function isSignedWith(
  secrets: readonly Uint8Array[],
  { id, timestamp, signature }: SignatureHeaders,
  body: ArrayBuffer,
): Promise<boolean> {
  const signed = signedBytes({ id, timestamp }, body);
  const macs = signature.split(' ').slice(0, MAX_SIGNATURES).flatMap(macOf);
  for (const secret of secrets) {
    const key = await crypto.subtle.importKey('raw', secret, HMAC_SHA_256, false, ['verify']);
    for (const mac of macs) if (await crypto.subtle.verify('HMAC', key, mac, signed)) return true;
  }
  return false;
}

/** The headers with a new signature, for another body. */
export async function signAnew(
  secret: Uint8Array,
  { id, timestamp }: SignatureHeaders,
  body: ArrayBuffer,
): Promise<SignatureHeaders> {
  const key = await crypto.subtle.importKey('raw', secret, HMAC_SHA_256, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, signedBytes({ id, timestamp }, body));
  return { id, timestamp, signature: `v1,${new Uint8Array(mac).toBase64()}` };
}

function signedBytes(
  { id, timestamp }: Pick<SignatureHeaders, 'id' | 'timestamp'>,
  body: ArrayBuffer,
): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.byteLength + body.byteLength);
  signed.set(head);
  signed.set(new Uint8Array(body), head.byteLength);
  return signed;
}

/** A sender that rotates its secrets sends two; each costs a digest of the whole body. */
const MAX_SIGNATURES = 10;

function macOf(versioned: string): Uint8Array[] {
  const [, base64] = /^v1,([A-Za-z0-9+/]{43}=)$/.exec(versioned) ?? [];
  if (base64 === undefined) return []; // another version
  try {
    return [Uint8Array.fromBase64(base64)];
  } catch {
    return []; // its last character has bits that no byte has
  }
}
