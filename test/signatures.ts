// Signatures of webhooks, as a sender makes them.

import { env } from 'cloudflare:workers';
import { Webhook } from 'standardwebhooks';
import { webhookTokens } from '../src/sender/webhook-token.ts';

/** The headers of a signed webhook: of a text by the reference library, of bytes by the specification. */
export async function signatureHeaders(
  body: string | Uint8Array,
  { slug = 'shop', generation = 1, atMs = Date.now() } = {},
): Promise<Record<string, string>> {
  const secret = await webhookTokens(env.WEBHOOK_SECRET).deriveSigningSecret(slug, generation);
  const seconds = Math.floor(atMs / 1000);
  const signature =
    typeof body === 'string'
      ? new Webhook(secret, { format: 'raw' }).sign('msg_1', new Date(atMs), body)
      : `v1,${await hmacBase64(secret, [...new TextEncoder().encode(`msg_1.${seconds}.`), ...body])}`;
  return { 'webhook-id': 'msg_1', 'webhook-timestamp': String(seconds), 'webhook-signature': signature };
}

async function hmacBase64(secret: Uint8Array<ArrayBuffer>, bytes: number[]): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, new Uint8Array(bytes));
  return Buffer.from(mac).toString('base64');
}
