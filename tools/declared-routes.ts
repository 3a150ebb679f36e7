// The receiver and its consumers with more routes than wrangler.toml declares, for the tools that try several.
import { bindingOf, FIRST_ROUTE } from '../src/contract/routes.ts';
import { type DeclaredWorker, EXAMPLE_CONSUMER, type QueueConsumer, RECEIVER } from './declared-worker.ts';

/** The queue of a route. */
export function queueOf(route: string): string {
  const first = RECEIVER.queues[bindingOf(FIRST_ROUTE)] ?? '';
  return route === FIRST_ROUTE ? first : `${first}-${route.replaceAll('_', '-')}`;
}

/** The receiver with a queue for each of these routes, and the consumers of their dead-letter queues. */
export function receiverWith(routes: readonly string[]): DeclaredWorker {
  const others = routes.filter((route) => route !== FIRST_ROUTE);
  const keepsDead = RECEIVER.consumes.filter(({ queue }) => queue === `${queueOf(FIRST_ROUTE)}-dead`);
  return {
    ...RECEIVER,
    queues: {
      ...RECEIVER.queues,
      ...Object.fromEntries(others.map((route) => [bindingOf(route), queueOf(route)])),
    },
    consumes: [
      ...RECEIVER.consumes,
      ...others.flatMap((route) =>
        keepsDead.map((consumer) => ({ ...consumer, queue: `${queueOf(route)}-dead` })),
      ),
    ],
  };
}

/** The consumers of a route, as the example declares them. */
export function consumersOf(route: string): QueueConsumer[] {
  const queue = queueOf(route);
  return EXAMPLE_CONSUMER.consumes
    .filter((consumer) => consumer.queue === queueOf(FIRST_ROUTE))
    .map((consumer) => ({ ...consumer, queue, deadLetterQueue: `${queue}-dead` }));
}
