// Taking messages out of a queue of our own into D1: when one is acknowledged, and when it is tried again.

import { describeError, log } from '../runtime/log.ts';
import { isAnswering } from '../store/database-health.ts';

/** First and longest delay before a message is tried again; 100 tries span about a day. */
const FIRST_RETRY_SECONDS = 5;
const LONGEST_RETRY_SECONDS = 900;

/** What a message holds, with the message, until its outcome is known. */
export interface Held<Content> {
  message: Message<unknown>;
  held: Content;
}

export interface RecordingOptions {
  /** No recording begins later, Unix ms: what is not recorded by then is retried. */
  untilMs?: number;
  /** Has a message come again later. */
  retry?: (message: Message<unknown>) => void;
}

/**
 * Records what messages hold, and acknowledges them; retries them later where D1 does not take it. Should one of them
 * be what D1 refuses, each is recorded by itself.
 *
 * @param untilMs nothing is begun after it, Unix ms: what is left then is retried later.
 */
export async function recordMessages<Content>(
  db: D1Database,
  messages: Held<Content>[],
  record: (contents: Content[]) => Promise<void>,
  { untilMs = Number.POSITIVE_INFINITY, retry = retryLater }: RecordingOptions = {},
): Promise<void> {
  if (Date.now() >= untilMs) {
    for (const { message } of messages) retry(message);
    return;
  }
  try {
    await record(messages.map(({ held }) => held));
    for (const { message } of messages) message.ack();
    return;
  } catch (error) {
    log('warn', 'messages not recorded', { events: messages.length, error: describeError(error) });
  }
  // During an outage a statement for each message would only add to it.
  if (messages.length > 1 && (await isAnswering(db))) {
    for (const message of messages) await recordMessages(db, [message], record, { untilMs, retry });
    return;
  }
  for (const { message } of messages) retry(message);
}

/** Retries a message, with delays that grow. */
export function retryLater(message: Message<unknown>, longestSeconds = LONGEST_RETRY_SECONDS): void {
  const delaySeconds = Math.min(
    FIRST_RETRY_SECONDS * 2 ** Math.min(message.attempts - 1, 10),
    longestSeconds,
  );
  message.retry({ delaySeconds });
}
