// Deadlines: whatever waits for a binding waits for a limited time.

/** A call was not answered in time. It may still take effect. */
export class NotAnsweredInTime extends Error {
  override name = 'NotAnsweredInTime';
  constructor(timeoutMs: number) {
    super(`not answered within ${timeoutMs} ms`);
  }
}

/** Waits for `work`, and rejects with {@link NotAnsweredInTime} when that takes longer. */
export async function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const timedOut = Promise.withResolvers<never>();
  const timer = setTimeout(() => timedOut.reject(new NotAnsweredInTime(timeoutMs)), timeoutMs);
  try {
    return await Promise.race([work, timedOut.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for `work`, and gives `null` when that fails or takes longer. Never rejects. */
export async function withTimeoutOrNull<T>(ms: number, work: Promise<T>): Promise<T | null> {
  return withTimeout(ms, work).catch(() => null);
}
