// Takes messages out of our own queues into D1: decides when a message is acknowledged, and when it is retried.

import { describeError, log } from '../runtime/log.ts';
import { isDatabaseHealthy } from '../store/database-health.ts';

/** First and longest delay before a message is retried. 100 tries span about a day. */
const FIRST_RETRY_SECONDS = 5;
const LONGEST_RETRY_SECONDS = 900;

/** A message and what was read from it. */
export interface ReadMessage<Content> {
  message: Message<unknown>;
  content: Content;
}

/**
 * Records what messages hold and acknowledges them, or retries them later where D1 does not record them. Each message is
 * recorded by itself where D1 answers and only refuses them together, since one of them may be the reason.
 *
 * @param untilMs no recording begins later, Unix ms: what is not recorded by then is retried.
 */
export async function recordMessages<Content>(
  db: D1Database,
  messages: ReadMessage<Content>[],
  record: (contents: Content[]) => Promise<void>,
  {
    untilMs = Number.POSITIVE_INFINITY,
    retry = retryLater,
  }: { untilMs?: number; retry?: (message: Message<unknown>) => void } = {},
): Promise<void> {
  if (Date.now() < untilMs) {
    try {
      await record(messages.map(({ content }) => content));
      for (const { message } of messages) message.ack();
      return;
    } catch (error) {
      log('warn', 'messages not recorded', { events: messages.length, error: describeError(error) });
    }
    // A statement for each message would make an outage of D1 worse.
    if (messages.length > 1 && (await isDatabaseHealthy(db))) {
      for (const message of messages) await recordMessages(db, [message], record, { untilMs, retry });
      return;
    }
  }
  for (const { message } of messages) retry(message);
}

/** Retries a message, with delays that grow. */
export function retryLater(message: Message<unknown>, longestSeconds = LONGEST_RETRY_SECONDS): void {
  const doublings = Math.min(message.attempts - 1, 10);
  message.retry({ delaySeconds: Math.min(FIRST_RETRY_SECONDS * 2 ** doublings, longestSeconds) });
}
