// How much waits in the queues, as the queues themselves tell.

import { withTimeoutOrNull } from '../runtime/deadline.ts';

/** Messages that were sent and that no consumer has acknowledged yet. Queues call the figures approximate. */
export interface Backlog {
  messages: number;
  bytes: number;
}

/** `null` where a queue does not tell. */
export interface Backlogs {
  events: Backlog | null;
  intake: Backlog | null;
}

export interface BacklogDeps {
  events: Pick<Queue, 'metrics'>;
  intake: Pick<Queue, 'metrics'>;
}

/** Reads the backlogs of both queues. Never rejects. */
export async function readBacklogs({ events, intake }: BacklogDeps, timeoutMs: number): Promise<Backlogs> {
  const [ofEvents, ofIntake] = await Promise.all(
    [events, intake].map(async (queue) => withTimeoutOrNull(timeoutMs, readBacklog(queue))),
  );
  return { events: ofEvents ?? null, intake: ofIntake ?? null };
}

/** Rejects where the runtime's binding has no metrics. */
async function readBacklog(queue: Pick<Queue, 'metrics'>): Promise<Backlog> {
  const { backlogCount, backlogBytes } = await queue.metrics();
  return { messages: backlogCount, bytes: backlogBytes };
}
