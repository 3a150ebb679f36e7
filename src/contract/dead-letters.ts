// The kinds of dead letters, and why an event was never sent.

/**
 * `given-up`: a consumer failed on it. `intake`: a webhook that was acknowledged and never stored. `never-sent`: an event
 * that no queue takes.
 */
export const DEAD_LETTER_KINDS = ['given-up', 'intake', 'never-sent'] as const;

export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number];

/** `no-message`: none can be made of it. `refused`: the queue refused it again and again, and took others. */
export const NEVER_SENT_REASONS = ['no-message', 'refused'] as const;

export type NeverSentReason = (typeof NEVER_SENT_REASONS)[number];
