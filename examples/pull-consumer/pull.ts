// Consuming a queue over HTTP: pull a batch, handle its messages one after the other, tell the queue what became of
// each. A pulled message is leased: until the lease ends nobody else gets it, and afterwards everybody can.

import {
  CLOUDEVENT_TYPES,
  parseEvent,
  type ResponseEvent,
  retryDelaySeconds,
  type StatusEvent,
} from 'instant-message-consumer';

/** A message as the API gives it, https://developers.cloudflare.com/queues/configuration/pull-consumers/ */
interface PulledMessage {
  id?: string;
  body?: string;
  attempts?: number;
  lease_id?: string;
}

/** The part of Cloudflare's SDK that this needs: `client.queues.messages`. */
export interface QueueMessages {
  pull(
    queueId: string,
    params: { account_id: string; batch_size: number; visibility_timeout_ms: number },
  ): PromiseLike<{ messages?: PulledMessage[] }>;
  ack(
    queueId: string,
    params: {
      account_id: string;
      acks: { lease_id: string }[];
      retries: { lease_id: string; delay_seconds: number }[];
    },
  ): PromiseLike<unknown>;
}

export interface PullOptions {
  messages: QueueMessages;
  accountId: string;
  queueId: string;
  /** What to do with an event. One that fails is retried later. */
  onEvent(event: ResponseEvent | StatusEvent): Promise<void>;
  /** Ends the consumer: the event under way is handled to its end, the others of the batch go back. */
  stop: AbortSignal;
  batchSize?: number;
  /** Longer than a batch takes to handle. */
  leaseMs?: number;
  /** How long to wait when there was nothing to pull: a pull answers at once. */
  idleMs?: number;
}

const RETRY = { firstSeconds: 5, longestSeconds: 900 };
/** Events are begun in this part of their lease only, so that there is time left to handle the last. */
const USED_LEASE = 0.5;

/** Consumes until it is stopped. Rejects where the API refuses the calls: that does not pass by itself. */
export async function consumeByPull(options: PullOptions): Promise<void> {
  const { messages, accountId, queueId, stop, batchSize = 10, leaseMs = 60_000, idleMs = 2_000 } = options;
  while (!stop.aborted) {
    const params = { account_id: accountId, batch_size: batchSize, visibility_timeout_ms: leaseMs };
    const beginUntilMs = Date.now() + leaseMs * USED_LEASE;
    try {
      // Not cut short when it is stopped: messages that are leased to an answer nobody reads would wait for nothing.
      const { messages: batch = [] } = await messages.pull(queueId, params);
      if (batch.length > 0) await handleBatch(options, batch, beginUntilMs);
      else await pause(idleMs, stop);
    } catch (error) {
      if (isRefusal(error)) throw error;
      // What was handled and could not be acknowledged comes again when its lease ends.
      console.error(`the queue cannot be reached: ${error instanceof Error ? error.message : error}`);
      await pause(idleMs, stop);
    }
  }
}

/** Whether the API will answer the same the next time: a wrong token, no such queue, a queue that a Worker consumes. */
function isRefusal(error: unknown): boolean {
  const { status } = error as { status?: number };
  return status !== undefined && status >= 400 && status < 500 && ![408, 409, 429].includes(status);
}

/** Handles the messages of a batch and tells the queue in one call. */
async function handleBatch(
  { messages, accountId, queueId, onEvent, stop }: PullOptions,
  batch: PulledMessage[],
  beginUntilMs: number,
): Promise<void> {
  const acks: { lease_id: string }[] = [];
  const retries: { lease_id: string; delay_seconds: number }[] = [];
  for (const { id = '', body = '', attempts = 1, lease_id } of batch) {
    if (lease_id === undefined) continue;
    if (stop.aborted || Date.now() > beginUntilMs) {
      retries.push({ lease_id, delay_seconds: 0 }); // back at once: others need not wait for the lease
    } else if (await handleMessage(id, body, onEvent)) {
      acks.push({ lease_id });
    } else {
      retries.push({ lease_id, delay_seconds: retryDelaySeconds(attempts, RETRY) });
    }
  }
  await messages.ack(queueId, { account_id: accountId, acks, retries });
}

/** Whether it was handled. Logs what went wrong, without a value of the event. */
async function handleMessage(id: string, body: string, onEvent: PullOptions['onEvent']): Promise<boolean> {
  try {
    const parsed = parseEvent(decodeBody(body));
    if (parsed.ok) {
      await onEvent(parsed.event);
      return true;
    }
    const paths = parsed.problems.map(({ path }) => path).join(', ');
    console.error(`message ${id} breaks the schema at ${paths}`);
  } catch (error) {
    console.error(
      `message ${id} could not be handled: ${error instanceof Error ? error.name : typeof error}`,
    );
  }
  return false;
}

/** Messages of the content type `json`, which the receiver sends, come base64-encoded. */
function decodeBody(body: string): unknown {
  return JSON.parse(Buffer.from(body, 'base64').toString('utf8'));
}

/** A line for a terminal that shows no personal data. */
export function describeEvent(event: ResponseEvent | StatusEvent): string {
  const kind = event.type === CLOUDEVENT_TYPES.response ? 'response' : (event.data?.event.status ?? 'status');
  return `${event.time}  ${kind.padEnd(9)}  ${event.id}`;
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
