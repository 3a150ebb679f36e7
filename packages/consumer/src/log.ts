// The kit's log lines, one JSON object each: the names of a message and of an event, and never what is in them.

interface LogFields {
  queue?: string;
  /** The queue's id of the message. */
  message?: string;
  attempt?: number;
  source?: string | undefined;
  id?: string | undefined;
  /** Where a message breaks the schema. */
  paths?: string[];
  /** Its kind only: messages of errors quote what they were given. */
  error?: unknown;
}

/** Writes one line. `what` names the occurrence. */
export function logError(what: string, { error, ...fields }: LogFields): void {
  const kind = error === undefined ? {} : { error: error instanceof Error ? error.name : typeof error };
  console.error(JSON.stringify({ level: 'error', what, ...fields, ...kind }));
}
