// The conversation window: WhatsApp lets an application write freely for a day after the customer's last message,
// and afterwards by template only. Pure; the clock is passed in.

/** https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows */
export const WINDOW_HOURS = 24;
const WINDOW_MS = WINDOW_HOURS * 3_600_000;

export interface ConversationWindow {
  /** Whether a free-form message may be sent. */
  open: boolean;
  /** The first moment at which it is closed. */
  closesAt: Date;
}

/**
 * The window that a customer's message opens.
 *
 * @param lastCustomerMessageAt the `time` of a response; a text is RFC 3339, a number Unix milliseconds.
 * @throws RangeError where the time is none.
 * @example conversationWindow(event.time, Date.now()).open
 */
export function conversationWindow(
  lastCustomerMessageAt: Date | string | number,
  now: Date | number,
): ConversationWindow {
  const closesAt = new Date(new Date(lastCustomerMessageAt).getTime() + WINDOW_MS);
  if (Number.isNaN(closesAt.getTime())) throw new RangeError('the time of the last message is no time');
  return { open: new Date(now) < closesAt, closesAt };
}
