// Whether an integration accepts the sender of a webhook. Used when a webhook arrives, and again when it leaves the intake
// queue, for one whose registration could not be read on arrival. Pure but for digests: makes no answer.

import { type Integration, isGenerationValid, validPrevious } from '../store/integrations.ts';
import { isAddressAllowed } from './ip-ranges.ts';
import {
  isSignedAt,
  isSignedWith,
  type SignatureHeaders,
  signAnew,
  signatureHeadersOf,
} from './webhook-signature.ts';
import type { WebhookTokens } from './webhook-token.ts';

/** The sender of a request with a genuine token. */
export interface Sender {
  /** Of its token. */
  generation: number;
  /** The IP address; `null` where it is not known. */
  address: string | null;
  signature: SignatureHeaders | null;
  receivedAtMs: number;
}

/** Why a sender with a genuine token is not accepted. Operators are told; the sender is not. */
export type SenderRefusal = 'unknown-integration' | 'disabled' | 'old-token' | 'address' | 'signature';

/** A body as it came and as it was before it was compressed: the same buffer where it was not. */
export type Bodies = [asItCame: ArrayBuffer, unpacked: ArrayBuffer];

export function senderOf(request: Request, generation: number, receivedAtMs: number): Sender {
  return {
    generation,
    address: request.headers.get('cf-connecting-ip'),
    signature: signatureHeadersOf(request.headers),
    receivedAtMs,
  };
}

/** Checks what can be checked before the body is read; `null` where nothing is wrong. */
export function verifySender(sender: Sender, integration: Integration | undefined): SenderRefusal | null {
  if (integration === undefined) return 'unknown-integration';
  if (!integration.isEnabled) return 'disabled';
  if (!isGenerationValid(integration, sender.generation, sender.receivedAtMs)) return 'old-token';
  if (integration.allowedIps !== null && !isAddressAllowed(sender.address, integration.allowedIps)) {
    return 'address';
  }
  const isSigned = sender.signature !== null && isSignedAt(sender.signature, sender.receivedAtMs);
  return integration.requireSignature && !isSigned ? 'signature' : null;
}

/** The integration without its demand for a signature: a probe of its address has nothing to sign. */
export function withoutSignature(integration: Integration): Integration {
  return { ...integration, requireSignature: false };
}

/** The integration without what was checked when the webhook arrived, and cannot be checked later. */
export function requiringTokenOnly(integration: Integration): Integration {
  return { ...integration, allowedIps: null, requireSignature: false };
}

/**
 * Whether the body is signed, where the integration demands it. Standard Webhooks signs the body as it is sent, but many
 * senders sign it before their HTTP client compresses it: a signature over either proves that its maker knows the secret.
 */
export async function isBodySigned(
  { signature, receivedAtMs }: Sender,
  { slug, generation, previous, requireSignature }: Integration,
  [asItCame, unpacked]: Bodies,
  tokens: WebhookTokens,
): Promise<boolean> {
  if (!requireSignature) return true;
  if (signature === null) return false;
  const valid = [generation, ...validPrevious(previous, receivedAtMs).map((one) => one.generation)];
  const secrets = await Promise.all(valid.map(async (one) => tokens.deriveSigningSecret(slug, one)));
  if (await isSignedWith(secrets, signature, asItCame)) return true;
  return asItCame !== unpacked && isSignedWith(secrets, signature, unpacked);
}

/**
 * The sender with a signature that can be checked later, when only the unpacked body is left: one that is good for the
 * body as it came is replaced by one for the unpacked body.
 */
export async function signedOverUnpacked(
  sender: Sender,
  slug: string,
  [asItCame, unpacked]: Bodies,
  tokens: WebhookTokens,
): Promise<Sender> {
  const { signature, generation } = sender;
  if (asItCame === unpacked || signature === null) return sender;
  const secret = await tokens.deriveSigningSecret(slug, generation);
  if (!(await isSignedWith([secret], signature, asItCame))) return sender;
  return { ...sender, signature: await signAnew(secret, signature, unpacked) };
}
