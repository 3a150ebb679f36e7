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

/** What the wrangler.toml of the receiver has for a route: it sends to the queue, and keeps what consumers give up on. */
export function receiverToml(route: string): string {
  return `# The queue of the route ${route}.
[[queues.producers]]
binding = "${bindingOf(route)}"
queue = "${queueOfRoute(route)}"

# Keeps what the consumers of the route ${route} give up on.
[[queues.consumers]]
queue = "${deadLetterQueueOfRoute(route)}"
max_batch_size = 100
max_batch_timeout = 5
max_retries = 100
dead_letter_queue = "${LAST_QUEUE}"
`;
}

/** What the wrangler.toml of the consumer of a route has. */
export function consumerToml(route: string): string {
  return `[[queues.consumers]]
queue = "${queueOfRoute(route)}"
max_retries = 10
dead_letter_queue = "${deadLetterQueueOfRoute(route)}"
`;
}
