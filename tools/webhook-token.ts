// Tokens and signing secrets as src/sender/webhook-token.ts derives them, for senders that know the receiver's secret.
import { createHmac } from 'node:crypto';

/** The token in an integration's URL. */
export function webhookToken(webhookSecret: string, slug: string, generation = 1): string {
  return `${generation}.${derived(webhookSecret, `webhook-token:${slug}:${generation}`).toString('base64url')}`;
}

/** The secret with which an integration's webhooks are signed (Standard Webhooks). */
export function signingSecret(webhookSecret: string, slug: string, generation: number): Buffer {
  return derived(webhookSecret, `signing-secret:${slug}:${generation}`);
}

function derived(webhookSecret: string, purpose: string): Buffer {
  return createHmac('sha256', webhookSecret).update(purpose).digest();
}
