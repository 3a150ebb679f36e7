// Answers to customers, through the platform.

import type { ResponseEvent, WithData } from 'instant-message-consumer';

/** Where answers are sent, and the JWT that the platform asks for. */
export interface Platform {
  url: string;
  token: string;
}

/**
 * Sends an answer to a customer's message: `POST /v1/messages`. Rejects where the platform refuses it, or with the reason of
 * `signal`, in which case it may have been sent.
 *
 * @returns false where the message does not tell whom to answer.
 */
export async function reply(
  { url, token }: Platform,
  { contact, data: { clientData, message } }: WithData<ResponseEvent>,
  text: string,
  signal: AbortSignal,
): Promise<boolean> {
  const phone = clientData?.number ?? contact; // as the platform wrote it, since it may know no other form
  if (phone === undefined) return false;
  const answer = await fetch(new URL('/v1/messages', url), {
    method: 'POST',
    headers: { authorization: token, 'content-type': 'application/json' },
    redirect: 'manual', // so that the token goes nowhere else
    body: JSON.stringify({
      provider: 'whatsapp',
      type: 'interaction',
      contact: { phone },
      message: text,
      ...(message.contextId != null && { contextId: message.contextId }),
    }),
    signal,
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the platform answered ${answer.status}`);
  return true;
}
