// Bounds what may hang: a binding that does not answer must not keep others from being answered.

/** An answer did not come in time. What was asked for may still happen. */
export class NotAnsweredInTime extends Error {
  override name = 'NotAnsweredInTime';
  constructor(timeoutMs: number) {
    super(`not answered within ${timeoutMs} ms`);
  }
}

/** What `work` gives, or a rejection with {@link NotAnsweredInTime} when that takes longer. */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const timedOut = Promise.withResolvers<never>();
  const timer = setTimeout(() => timedOut.reject(new NotAnsweredInTime(timeoutMs)), timeoutMs);
  try {
    return await Promise.race([work, timedOut.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** What `work` gives, or `null` where it fails or is not done after so long. */
export async function withinMs<T>(ms: number, work: Promise<T>): Promise<T | null> {
  return within(ms, work).catch(() => null);
}
