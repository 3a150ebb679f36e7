// A command that delivers the documented response to an integration, to be pasted into a shell.

import { phone } from '../frame/formats.ts';

/** Of the documented examples. */
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

/** The cURL, on one line; the same body twice would be a duplicate, so each has ids of its own. */
export async function curlFor({ url, appId, signingSecret, nowMs }: Trial): Promise<string> {
  const body = JSON.stringify(responseOf(appId ?? APPLICATION, nowMs));
  const headers = ['Content-Type: application/json'];
  if (signingSecret !== null) headers.push(...(await signatureOf(body, signingSecret, nowMs)));
  const options = headers.map((header) => `-H ${shellQuoted(header)}`).join(' ');
  return `curl ${shellQuoted(url)} ${options} --data ${shellQuoted(body)}`;
}

/** A text as one word of a POSIX shell, in which nothing has a meaning. */
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

/** The headers that Standard Webhooks asks for. */
async function signatureOf(body: string, secret: string, nowMs: number): Promise<string[]> {
  const id = `msg_${hexId(8)}`;
  const timestamp = String(Math.floor(nowMs / 1000));
  const bytes = Uint8Array.fromBase64(secret.replace(/^whsec_/, ''));
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${id}.${timestamp}.${body}`));
  const signature = `v1,${new Uint8Array(mac).toBase64()}`;
  return [`webhook-id: ${id}`, `webhook-timestamp: ${timestamp}`, `webhook-signature: ${signature}`];
}
