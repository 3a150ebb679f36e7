// Who sends a webhook: whether a registration lets it in. Used when it arrives, and for one that arrived while the
// registration could not be read, when it comes out of the intake queue. Pure but for the digests; no answer is made
// here, and no reason reaches the sender.

import type { ContractProblemCode } from '../contract/problems.ts';
import type { RefusalReason } from '../contract/refusals.ts';
import { type Integration, isGenerationValid, validPrevious } from '../store/integrations.ts';
import { isAddressAllowed } from './ip-ranges.ts';
import { isSignedAt, isSignedWith, type SignatureHeaders, signatureHeadersOf } from './webhook-signature.ts';
import type { WebhookTokens } from './webhook-token.ts';

/** What a request says of its sender. */
export interface Sender {
  /** Of its genuine token. */
  generation: number;
  /** Where it comes from; `null`: not known. */
  address: string | null;
  signature: SignatureHeaders | null;
  receivedAtMs: number;
}

/** Why a sender with a genuine token is not let in, for operators: counted as a refusal, kept as a problem. */
export type Objection = Extract<RefusalReason, ContractProblemCode>;

export function senderOf(request: Request, generation: number, receivedAtMs: number): Sender {
  return {
    generation,
    address: request.headers.get('cf-connecting-ip'),
    signature: signatureHeadersOf(request.headers),
    receivedAtMs,
  };
}

/** What speaks against a sender before its body is read; `null`: nothing. */
export function objectionTo(sender: Sender, integration: Integration | undefined): Objection | null {
  if (integration === undefined) return 'unknown-integration';
  if (!integration.isEnabled) return 'disabled';
  if (!isGenerationValid(integration, sender.generation, sender.receivedAtMs)) return 'old-token';
  if (integration.allowedIps !== null && !isAddressAllowed(sender.address, integration.allowedIps)) {
    return 'address';
  }
  const isSigned = sender.signature !== null && isSignedAt(sender.signature, sender.receivedAtMs);
  return integration.requireSignature && !isSigned ? 'signature' : null;
}

/** What an integration asks of somebody who delivers nothing: there is nothing to sign. */
export function withoutSignature(integration: Integration): Integration {
  return { ...integration, requireSignature: false };
}

/** What an integration asks of a sender whose address and signature are not known any more: they were checked on arrival. */
export function withoutArrivalChecks(integration: Integration): Integration {
  return { ...integration, allowedIps: null, requireSignature: false };
}

/** What speaks against a sender once its body is there; `null`: nothing. */
export async function objectionToBody(
  { signature, receivedAtMs }: Sender,
  integration: Integration,
  body: ArrayBuffer,
  tokens: WebhookTokens,
): Promise<Objection | null> {
  if (!integration.requireSignature) return null;
  const { slug, generation, previous } = integration;
  const valid = [generation, ...validPrevious(previous, receivedAtMs).map((one) => one.generation)];
  const secrets = await Promise.all(valid.map(async (one) => tokens.deriveSigningSecret(slug, one)));
  const isSigned = signature !== null && (await isSignedWith(secrets, signature, body));
  return isSigned ? null : 'signature';
}
