// How long a message waits before it is tried again.

/** The bounds of the delay, in whole seconds. */
export interface RetryDelay {
  /** After the first failure; each further one doubles it. */
  firstSeconds: number;
  longestSeconds: number;
}

/** https://developers.cloudflare.com/queues/platform/limits/: a message can be delayed for 24 hours. */
export const MAX_DELAY_SECONDS = 86_400;

/**
 * Exponential backoff with an upper bound, and with jitter over its upper half, so that messages that failed together do not
 * come back together.
 *
 * @param attempt the number of the failed attempt, from 1.
 * @param random gives a number from 0 up to but not including 1.
 */
export function retryDelaySeconds(
  attempt: number,
  { firstSeconds, longestSeconds }: RetryDelay,
  random: () => number = Math.random,
): number {
  const full = Math.min(firstSeconds * 2 ** (attempt - 1), longestSeconds);
  return Math.max(1, Math.round(full * (0.5 + random() / 2)));
}
