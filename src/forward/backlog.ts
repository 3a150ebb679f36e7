// What waits in the queues, by their own word.

import { withinMs } from '../runtime/deadline.ts';

/** Messages that were sent and not yet acknowledged by a consumer. Queues call it approximate. */
export interface Backlog {
  messages: number;
  bytes: number;
}

/** `null`: not to be known. */
export interface Backlogs {
  events: Backlog | null;
  intake: Backlog | null;
}

export interface BacklogDeps {
  events: Pick<Queue, 'metrics'>;
  intake: Pick<Queue, 'metrics'>;
}

/** The backlogs of both queues. Never fails, and takes no longer than that. */
export async function readBacklogs({ events, intake }: BacklogDeps, timeoutMs: number): Promise<Backlogs> {
  const [ofEvents, ofIntake] = await Promise.all([
    withinMs(timeoutMs, readBacklog(events)),
    withinMs(timeoutMs, readBacklog(intake)),
  ]);
  return { events: ofEvents, intake: ofIntake };
}

/** Rejects where the runtime's binding has no metrics. */
async function readBacklog(queue: Pick<Queue, 'metrics'>): Promise<Backlog> {
  const { backlogCount, backlogBytes } = await queue.metrics();
  return { messages: backlogCount, bytes: backlogBytes };
}
