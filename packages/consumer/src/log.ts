// The kit's log lines, one JSON object each, with ids of messages and events and never their content.

interface LogFields {
  queue?: string;
  /** The queue's id of the message. */
  message?: string;
  attempt?: number;
  source?: string | undefined;
  id?: string | undefined;
  /** The paths at which a message breaks the schema. */
  paths?: string[];
  /** The `sequence` of earlier events. */
  overtaken?: string[];
  /** Only its name is logged: messages of errors can quote personal data. */
  error?: unknown;
}

/** Writes one line. `what` names the occurrence. */
export function logError(what: string, { error, ...fields }: LogFields): void {
  const kind = error === undefined ? {} : { error: error instanceof Error ? error.name : typeof error };
  console.error(JSON.stringify({ level: 'error', what, ...fields, ...kind }));
}
