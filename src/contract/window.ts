// The conversation window: WhatsApp lets an application write freely for a day after the customer's last message, and
// afterwards only by template. Pure.

/** https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-messages#customer-service-windows */
export const WINDOW_HOURS = 24;
const WINDOW_MS = WINDOW_HOURS * 3_600_000;

export interface ConversationWindow {
  /** Whether a free-form message may be sent. */
  open: boolean;
  /** The first moment at which it is closed. */
  closesAt: Date;
}

/** When a customer wrote, as a response event tells. A text is RFC 3339, a number Unix milliseconds. */
export interface WrittenAt {
  /** By the sender's clock. */
  time: Date | string | number;
  /** When it arrived. */
  receivedtime: Date | string | number;
}

/**
 * The window that a customer's message opens. It never ends later than 24 hours after the message arrived, however far the
 * sender's clock is ahead.
 *
 * @param message the customer's last response event.
 * @throws RangeError where one of its times is invalid.
 * @example conversationWindow(event, Date.now()).open
 */
export function conversationWindow(
  { time, receivedtime }: WrittenAt,
  now: Date | number,
): ConversationWindow {
  const writtenAtMs = Math.min(new Date(time).getTime(), new Date(receivedtime).getTime());
  const closesAt = new Date(writtenAtMs + WINDOW_MS);
  if (Number.isNaN(closesAt.getTime())) throw new RangeError('the time of the last message is no time');
  return { open: new Date(now) < closesAt, closesAt };
}
