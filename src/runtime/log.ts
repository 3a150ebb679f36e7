// The Worker's own log: a JSON object for each line, which Workers Logs indexes by field. Only the fields named here are
// written: no phone number, name, message text, token or URL. Errors are written by `describeError`.

export interface LogFields {
  integration?: string;
  route?: string;
  requestId?: string;
  task?: string;
  events?: number;
  attempts?: number;
  rejections?: number;
  reason?: string;
  /** How many others of the same reason had no line of their own since the line before. */
  unlogged?: number;
  seq?: number;
  problem?: string;
  error?: string;
}

/** Writes a line. `what` names the occurrence, in the past tense: `forwarding failed`. */
export function log(level: 'info' | 'warn' | 'error', what: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, what, ...fields }));
}

/**
 * Describes an error without personal data. Messages of D1 and Queues name statements, constraints and limits but no
 * values, and are given. Any other error may quote what it was given (`JSON.parse` does): only its name is given.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  // D1_TYPE_ERROR is the exception: it quotes the value that could not be bound.
  const ofBinding =
    /^(D1_(?!TYPE_)|Queue |Network connection|internal error|Too many requests|not answered)/i;
  return ofBinding.test(error.message) ? `${error.name}: ${error.message.slice(0, 200)}` : error.name;
}
