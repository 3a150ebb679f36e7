// What an isolate holds in memory of what others send it, counted in bytes and bounded: it has 128 MB for all
// (https://developers.cloudflare.com/workers/platform/limits/#memory), and one that exceeds them dies with every request
// that it serves. Nothing is measured; whoever holds something says how much it is at the most, before it is there.

/** Bounds of a budget, in bytes. */
export interface ByteLimits {
  maxBytes: number;
  /** What one owner may hold, so that none can take all. Absent: as much as there is. */
  maxBytesEach?: number;
}

/**
 * Nothing is held for longer: a body may take 30 s to come, and whatever is begun then ends within 30 s. What is older was
 * held by an invocation that died, which gives nothing back; without an end the budget would be spent for good.
 */
const MAX_HELD_MS = 90_000;

/** What one owner holds. */
export interface Holding {
  /**
   * Holds so many bytes more.
   *
   * @param sparedBytes of the budget that must stay free for others.
   * @returns false where there is no room: nothing has changed then.
   */
  take(bytes: number, sparedBytes?: number): boolean;
  /** Gives back all that was taken. */
  release(): void;
}

export interface ByteBudget {
  /** Begins a holding, of nothing yet. Must be released, whatever happens. Ends by itself after {@link MAX_HELD_MS}. */
  hold(owner: string): Holding;
  readonly heldBytes: number;
  /** The most that was ever held at once. */
  readonly peakBytes: number;
}

/** Makes a budget of which nothing is held. */
export function byteBudget({ maxBytes, maxBytesEach = maxBytes }: ByteLimits): ByteBudget {
  let heldBytes = 0;
  let peakBytes = 0;
  const heldByOwner = new Map<string, number>();
  /** In the order in which they began. */
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
