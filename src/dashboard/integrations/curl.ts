// A cURL command that delivers the documented response to an integration.

import { signAnew } from '../../sender/webhook-signature.ts';
import { phone } from '../frame/formats.ts';

/** From the documented examples. */
const CUSTOMER = '+5544999999999';
const BUSINESS = '+554188956674';
const APPLICATION = '5e138ee5d53f5b001b96fa54';

export interface Trial {
  /** Holds the token. */
  url: string;
  /** `null`: any. */
  appId: string | null;
  /** As `whsec_…`; `null`: it need not be signed. */
  signingSecret: string | null;
  nowMs: number;
}

/** The command, on one line. Each has ids of its own, since the same body twice would be a duplicate. */
export async function curlFor({ url, appId, signingSecret, nowMs }: Trial): Promise<string> {
  const body = JSON.stringify(responseOf(appId ?? APPLICATION, nowMs));
  const headers = ['Content-Type: application/json'];
  if (signingSecret !== null) headers.push(...(await signatureOf(body, signingSecret, nowMs)));
  const options = headers.map((header) => `-H ${shellQuoted(header)}`).join(' ');
  return `curl ${shellQuoted(url)} ${options} --data ${shellQuoted(body)}`;
}

/** A text as one word of a POSIX shell, in which no character has a special meaning. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function responseOf(appId: string, nowMs: number) {
  const now = new Date(nowMs).toISOString();
  return {
    event: { messageId: hexId(4), type: 'response' },
    clientData: { number: CUSTOMER, name: 'Maria da Silva', timeLastMessage: now },
    message: {
      messageId: hexId(12),
      contextId: hexId(12),
      interactionsId: crypto.randomUUID(),
      mediaType: 'text',
      message: `Mensagem de teste de ${phone(CUSTOMER)}`,
      to: BUSINESS,
      from: CUSTOMER,
      appId,
      status: 'stored',
      createdAt: now,
      updatedAt: now,
    },
  };
}

function hexId(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

/** The headers of Standard Webhooks. */
async function signatureOf(body: string, secret: string, nowMs: number): Promise<string[]> {
  const bytes = Uint8Array.fromBase64(secret.replace(/^whsec_/, ''));
  const unsigned = { id: `msg_${hexId(8)}`, timestamp: String(Math.floor(nowMs / 1000)), signature: '' };
  const signed = await signAnew(bytes, unsigned, new Uint8Array(new TextEncoder().encode(body)).buffer);
  return Object.entries(signed).map(([name, value]) => `webhook-${name}: ${value}`);
}
