// Consumes a queue over HTTP: pulls a batch, handles its messages one after the other, and acknowledges or retries each. A pulled
// message is leased: nobody else gets it until the lease ends.

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
  /** Handles an event. Where it rejects, the event is retried later. */
  onEvent(event: ResponseEvent | StatusEvent): Promise<void>;
  /** Ends the consumer after the event under way. The others of the batch go back to the queue. */
  stop: AbortSignal;
  batchSize?: number;
  /** Longer than a batch takes to handle. */
  leaseMs?: number;
  /** How long to wait when there was nothing to pull, since a pull answers at once. */
  idleMs?: number;
}

const RETRY = { firstSeconds: 5, longestSeconds: 900 };
/** Events are begun only in this part of their lease, so that there is time left to handle the last one. */
const USED_LEASE = 0.5;

/** Consumes until it is stopped. Rejects where the API refuses the calls, which does not pass by itself. */
export async function consumeByPull(options: PullOptions): Promise<void> {
  const { messages, accountId, queueId, stop, batchSize = 10, leaseMs = 60_000, idleMs = 2_000 } = options;
  while (!stop.aborted) {
    const params = { account_id: accountId, batch_size: batchSize, visibility_timeout_ms: leaseMs };
    const beginUntilMs = Date.now() + leaseMs * USED_LEASE;
    try {
      // A stop does not abort the pull: messages leased by an unread answer would have to wait for the end of their leases.
      const { messages: batch = [] } = await messages.pull(queueId, params);
      if (batch.length > 0) await handleBatch(options, batch, beginUntilMs);
      else await pause(idleMs, stop);
    } catch (error) {
      if (isRefusal(error)) throw error;
      // Events that were handled but not acknowledged come again when their leases end.
      console.error(`the queue cannot be reached: ${error instanceof Error ? error.message : error}`);
      await pause(idleMs, stop);
    }
  }
}

/** Whether the API will refuse again: a wrong token, no such queue, a queue that a Worker consumes. */
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

/** Returns whether it was handled. Logs why not, without a value of the event. */
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
