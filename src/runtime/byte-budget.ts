// A budget for what an isolate holds in memory of what others send it. An isolate has 128 MB
// (https://developers.cloudflare.com/workers/platform/limits/#memory), and one that exceeds them dies with every request
// that it serves. Nothing is measured: callers reserve the most that they can come to hold, before they hold it.

/**
 * The most that a byte of a webhook's body takes in memory: one for the body and two for a character of its text, or two
 * for the text and one for what is compressed of it.
 */
export const HELD_PER_BODY_BYTE = 3;

export interface ByteLimits {
  maxBytes: number;
  /** The share of one owner, so that none can take everything. Default: `maxBytes`. */
  maxBytesEach?: number;
}

/**
 * A holding ends by itself after this time, since an invocation that died releases nothing and the budget would shrink for
 * good. No living one is as old: a body may take 30 s to come, and whatever is begun then ends within 30 s.
 */
const MAX_HELD_MS = 90_000;

export interface Holding {
  /**
   * Reserves more bytes.
   *
   * @param sparedBytes what must stay free for others.
   * @returns false where there is no room; nothing is reserved then.
   */
  take(bytes: number, sparedBytes?: number): boolean;
  /** Gives back everything that was taken. */
  release(): void;
}

export interface ByteBudget {
  /** Begins an empty holding, which the caller must release. */
  hold(owner: string): Holding;
  readonly heldBytes: number;
  /** The most that was ever held at once. */
  readonly peakBytes: number;
}

export function byteBudget({ maxBytes, maxBytesEach = maxBytes }: ByteLimits): ByteBudget {
  let heldBytes = 0;
  let peakBytes = 0;
  const heldByOwner = new Map<string, number>();
  /** Oldest first. */
  const holdings = new Set<{ endsAtMs: number; release(): void }>();

  function endOverdue(): void {
    for (const holding of holdings) {
      if (holding.endsAtMs > Date.now()) return;
      holding.release();
    }
  }

  return {
    get heldBytes() {
      return heldBytes;
    },
    get peakBytes() {
      return peakBytes;
    },
    hold(owner) {
      let mine = 0;
      const fits = (bytes: number, sparedBytes: number) =>
        heldBytes + bytes <= maxBytes - sparedBytes && (heldByOwner.get(owner) ?? 0) + bytes <= maxBytesEach;
      const holding = {
        endsAtMs: Date.now() + MAX_HELD_MS,
        take(bytes: number, sparedBytes = 0) {
          if (!fits(bytes, sparedBytes)) endOverdue();
          if (!fits(bytes, sparedBytes)) return false;
          holdings.add(holding);
          heldByOwner.set(owner, (heldByOwner.get(owner) ?? 0) + bytes);
          mine += bytes;
          heldBytes += bytes;
          peakBytes = Math.max(peakBytes, heldBytes);
          return true;
        },
        release() {
          if (mine === 0) return;
          const owned = (heldByOwner.get(owner) ?? 0) - mine;
          if (owned > 0) heldByOwner.set(owner, owned);
          else heldByOwner.delete(owner);
          heldBytes -= mine;
          mine = 0;
          holdings.delete(holding);
        },
      };
      return holding;
    },
  };
}
