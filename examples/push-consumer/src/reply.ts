// Answers to customers, through the platform.

import type { ResponseWebhook } from 'instant-message-receiver/consumer';

/** Where answers are sent, and the JWT that the platform asks for. */
export interface Platform {
  url: string;
  token: string;
}

/**
 * Sends an answer to a customer's message: `POST /v1/messages`. Rejects when the platform does not take it, or with
 * `signal`'s reason; the latter leaves open whether it was sent.
 */
export async function reply(
  { url, token }: Platform,
  { clientData, message }: ResponseWebhook,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const answer = await fetch(new URL('/v1/messages', url), {
    method: 'POST',
    headers: { authorization: token, 'content-type': 'application/json' },
    redirect: 'manual', // the token goes nowhere else
    body: JSON.stringify({
      provider: 'whatsapp',
      type: 'interaction',
      contact: { phone: clientData.number }, // as the platform wrote it: it may know the customer by no other form
      message: text,
      ...(message.contextId != null && { contextId: message.contextId }),
    }),
    signal,
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the platform answered ${answer.status}`);
}
