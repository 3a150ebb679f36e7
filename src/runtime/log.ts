// The Worker's own log: one JSON object a line, which Workers Logs indexes by field. Only what is named here gets
// in: no phone number, name, message text, token or URL. Errors are given by `errorFields`, never by spreading.

export interface LogFields {
  integration?: string;
  requestId?: string;
  task?: string;
  events?: number;
  attempts?: number;
  rejections?: number;
  reason?: string;
  /** Others of the same reason since the line before, which have no line of their own. */
  unlogged?: number;
  seq?: number;
  problem?: string;
  error?: string;
}

/** Writes one line. `what` names the occurrence, in the past tense: `forwarding failed`. */
export function log(level: 'info' | 'warn' | 'error', what: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, what, ...fields }));
}

/**
 * An error of a binding, for the log. Messages of D1 and Queues name statements, constraints and limits, and no
 * values; those of any other error may quote what they were given (`JSON.parse` does), so only their kind is told.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  // D1_TYPE_ERROR is the exception: it quotes the value that could not be bound.
  const ofBinding =
    /^(D1_(?!TYPE_)|Queue |Network connection|internal error|Too many requests|not answered)/i;
  return ofBinding.test(error.message) ? `${error.name}: ${error.message.slice(0, 200)}` : error.name;
}
