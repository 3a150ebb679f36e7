// The queues of a route: their names, and what goes into wrangler.toml for them.

import { bindingOf } from './routes.ts';

const QUEUE_PREFIX = 'instant-message-';
/** Keeps what the receiver could not take out of a dead-letter queue. */
const LAST_QUEUE = `${QUEUE_PREFIX}intake-dead`;

/** The queue of a route, as the commands and the pages of this receiver name it. */
export function queueOfRoute(route: string): string {
  return QUEUE_PREFIX + route.replaceAll('_', '-');
}

/** Where consumers of a route put what they give up on. By the end of its name a dead letter's route is known. */
export function deadLetterQueueOfRoute(route: string): string {
  return `${queueOfRoute(route)}-dead`;
}

/** The comments that the queues of a route have in the wrangler.toml of the receiver. */
export function queueComments(route: string): Record<'producers' | 'consumers', string> {
  return {
    producers: `# The queue of the route ${route}.`,
    consumers: `# Keeps what the consumers of the route ${route} give up on.`,
  };
}

/** What the wrangler.toml of the receiver has for a route: it sends to the queue, and keeps what consumers give up on. */
export function receiverToml(route: string): string {
  const comments = queueComments(route);
  return `${comments.producers}
[[queues.producers]]
binding = "${bindingOf(route)}"
queue = "${queueOfRoute(route)}"

${comments.consumers}
[[queues.consumers]]
queue = "${deadLetterQueueOfRoute(route)}"
max_batch_size = 100
max_batch_timeout = 5
max_retries = 100
dead_letter_queue = "${LAST_QUEUE}"
`;
}

/** What the wrangler.toml of the consumer of a queue has. */
export function consumerToml(queue: string, deadLetterQueue: string): string {
  return `[[queues.consumers]]
queue = ${JSON.stringify(queue)}
max_retries = 10
dead_letter_queue = ${JSON.stringify(deadLetterQueue)}
`;
}
