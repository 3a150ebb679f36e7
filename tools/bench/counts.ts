// What a counted Worker tells of itself: see workers/counted.ts.

/** What was asked of D1 and Queues since the count began. */
export interface Counts {
  statements: number;
  rowsRead: number;
  rowsWritten: number;
  /** Messages written to queues, of up to 64 KB each. */
  messages: number;
  /** Calls that wrote them. */
  sends: number;
}

/** Where a counted Worker shows its counts, and forgets them. */
export const COUNTS_PATH = '/bench/counts';
