// The counts that a counted Worker shows: see workers/counted.ts.

/** The requests to D1 and Queues since the count began. */
export interface Counts {
  statements: number;
  /** Those of the statements that stored events: one for each group. */
  recordings: number;
  rowsRead: number;
  rowsWritten: number;
  /** Messages written to queues, of up to 64 KB each. */
  messages: number;
  /** The calls that wrote them. */
  sends: number;
}

/** Where a counted Worker shows its counts and resets them. */
export const COUNTS_PATH = '/bench/counts';
