// How much waits in the queues, as the queues themselves tell.

import { withTimeoutOrNull } from '../runtime/deadline.ts';

/** Messages that were sent and that no consumer has acknowledged yet. Queues call the figures approximate. */
export interface Backlog {
  messages: number;
  bytes: number;
}

/** `null` where a queue does not tell. */
export interface Backlogs {
  /** By the name of the route. */
  routes: Record<string, Backlog | null>;
  intake: Backlog | null;
}

export interface BacklogDeps {
  queues: ReadonlyMap<string, Pick<Queue, 'metrics'>>;
  intake: Pick<Queue, 'metrics'>;
}

/** Reads the backlogs of all queues. Never rejects. */
export async function readBacklogs({ queues, intake }: BacklogDeps, timeoutMs: number): Promise<Backlogs> {
  const ofRoutes = Array.from(
    queues,
    async ([name, queue]) => [name, await readBacklog(queue, timeoutMs)] as const,
  );
  const [ofIntake, ...routes] = await Promise.all([readBacklog(intake, timeoutMs), ...ofRoutes]);
  return { routes: Object.fromEntries(routes), intake: ofIntake };
}

/** Reads the backlog of one queue. Never rejects. */
export async function readBacklog(queue: Pick<Queue, 'metrics'>, timeoutMs: number): Promise<Backlog | null> {
  return (await withTimeoutOrNull(timeoutMs, askForBacklog(queue))) ?? null;
}

/** Rejects where the runtime's binding has no metrics. */
async function askForBacklog(queue: Pick<Queue, 'metrics'>): Promise<Backlog> {
  const { backlogCount, backlogBytes } = await queue.metrics();
  return { messages: backlogCount, bytes: backlogBytes };
}
