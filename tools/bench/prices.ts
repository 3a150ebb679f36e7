// The price of a million events by Cloudflare's prices of November 2026, on Workers Paid and beyond what is included each month
// (10 M requests, 30 M ms of CPU, 25 G rows read, 50 M rows written, 1 M queue operations).

/** US dollars. */
export const PRICES = {
  /** https://developers.cloudflare.com/d1/platform/pricing/ */
  perMillionRowsWritten: 1.0,
  perMillionRowsRead: 0.001,
  /** https://developers.cloudflare.com/queues/platform/pricing/ */
  perMillionQueueOperations: 0.4,
  /** https://developers.cloudflare.com/workers/platform/pricing/ */
  perMillionRequests: 0.3,
  perMillionCpuMs: 0.02,
} as const;

/** Writing, reading and deleting a message of up to 64 KB is an operation each. Batches save calls, not operations. */
export const OPERATIONS_PER_MESSAGE = 3;

/** The average use of one event. */
export interface PerEvent {
  statements: number;
  rowsRead: number;
  rowsWritten: number;
  /** Messages written to queues. */
  messages: number;
  /** CPU time of the whole local runtime with its databases and queues, which is more than is billed. */
  cpuMs: number | null;
}

/** US dollars for a million events. */
export interface MillionEvents {
  rowsWritten: number;
  rowsRead: number;
  queueOperations: number;
  requests: number;
  /** An upper bound: see {@link PerEvent.cpuMs}. */
  cpu: number | null;
  total: number;
}

export function priceOfMillionEvents(perEvent: PerEvent): MillionEvents {
  const parts = {
    rowsWritten: perEvent.rowsWritten * PRICES.perMillionRowsWritten,
    rowsRead: perEvent.rowsRead * PRICES.perMillionRowsRead,
    queueOperations: perEvent.messages * OPERATIONS_PER_MESSAGE * PRICES.perMillionQueueOperations,
    requests: PRICES.perMillionRequests,
    cpu: perEvent.cpuMs === null ? null : perEvent.cpuMs * PRICES.perMillionCpuMs,
  };
  const total = Object.values(parts).reduce<number>((sum, part) => sum + (part ?? 0), 0);
  return { ...parts, total };
}
