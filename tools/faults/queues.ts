// Queues in memory by the platform's rules: https://developers.cloudflare.com/queues/platform/limits/ and
// https://developers.cloudflare.com/queues/configuration/batching-retries/
import type { QueueConsumer } from '../declared-worker.ts';
import type { Random } from '../random.ts';
import type { Loop } from './loop.ts';

const MAX_BATCH_MESSAGES = 100;
const MAX_BATCH_BYTES = 256_000;
const MAX_MESSAGE_BYTES = 128_000;
/** The platform says "around 100 bytes" for each message. */
const METADATA_BYTES = 100;
/** https://github.com/cloudflare/workerd/issues/6053 */
export const QUEUE_OVERLOADED = 'Queue sendBatch failed: Queue is overloaded. Please back off.';
const MAX_DELAY_SECONDS = 43_200;
export const MAX_MESSAGES_A_SECOND = 5_000;
/** Batches of one queue that are consumed at the same time. */
const MAX_CONCURRENCY = 3;
/** When a batch is delivered again whose consumer died. */
const LOST_BATCH_MS = 30_000;

interface Queued {
  id: string;
  json: string;
  sentAtMs: number;
  attempts: number;
}

type Decision = { kind: 'ack' } | { kind: 'retry'; delaySeconds: number };

export interface Delivery {
  id: string;
  timestamp: Date;
  attempts: number;
  body: unknown;
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

/** How the handling of a batch ended. */
export type BatchEnd = 'returned' | 'threw' | 'died';

export type Handler = (batch: { queue: string; messages: Delivery[] }) => Promise<BatchEnd>;

export interface QueueOptions {
  loop: Loop;
  random: Random;
  /** The share of messages that are delivered again although they were acknowledged. */
  duplicateRate: number;
  onLost: (queue: string, body: unknown) => void;
}

/** All queues, by name. */
export class SimulatedQueues {
  readonly #options: QueueOptions;
  readonly #queues = new Map<string, SimulatedQueue>();

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  named(name: string): SimulatedQueue {
    let queue = this.#queues.get(name);
    if (queue === undefined) {
      queue = new SimulatedQueue(name, this.#options, (dead, messages) => this.named(dead).take(messages));
      this.#queues.set(name, queue);
    }
    return queue;
  }

  /** Messages that wait or are being consumed, by queue. */
  waiting(): Record<string, number> {
    return Object.fromEntries([...this.#queues].map(([name, queue]) => [name, queue.waiting]));
  }
}

/** How many messages a queue takes in a second. */
export class QueueRate {
  readonly #loop: Loop;
  #second = 0;
  #taken = 0;

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** Takes so many. Throws where they are more than the queue takes, and then takes none of them. */
  take(count: number): void {
    const second = Math.floor(this.#loop.nowMs / 1000);
    if (second !== this.#second) this.#taken = 0;
    this.#second = second;
    if (this.#taken + count > MAX_MESSAGES_A_SECOND) throw new Error(QUEUE_OVERLOADED);
    this.#taken += count;
  }
}

export class SimulatedQueue {
  readonly name: string;
  waiting = 0;
  readonly #options: QueueOptions;
  readonly #giveUp: (queue: string, messages: string[]) => void;
  #ready: Queued[] = [];
  #consumer: { config: QueueConsumer; handle: Handler } | null = null;
  #underWay = 0;
  #isGathering: boolean = false;
  #lastId = 0;
  readonly #rate: QueueRate;

  constructor(name: string, options: QueueOptions, giveUp: (queue: string, messages: string[]) => void) {
    this.name = name;
    this.#options = options;
    this.#rate = new QueueRate(options.loop);
    this.#giveUp = giveUp;
  }

  consume(config: QueueConsumer, handle: Handler): void {
    this.#consumer = { config, handle };
  }

  /** Why the queue's rules refuse these messages; `null` where they do not. */
  static refusal(messages: readonly string[]): string | null {
    const bytes = messages.map((json) => Buffer.byteLength(json) + METADATA_BYTES);
    if (messages.length === 0) return 'Queue sendBatch failed: Bad Request (empty batch)';
    if (messages.length > MAX_BATCH_MESSAGES) return 'Queue sendBatch failed: Too many messages';
    if (bytes.some((size) => size > MAX_MESSAGE_BYTES)) return 'Queue send failed: message too large';
    return bytes.reduce((sum, size) => sum + size, 0) > MAX_BATCH_BYTES
      ? 'Queue sendBatch failed: Payload Too Large'
      : null;
  }

  /** Takes messages, written as JSON. Throws where they are more than the queue takes in a second. */
  take(messages: readonly string[]): void {
    this.#rate.take(messages.length);
    for (const json of messages) {
      this.waiting++;
      this.#enter({
        id: `${this.name}-${++this.#lastId}`,
        json,
        sentAtMs: this.#options.loop.nowMs,
        attempts: 1,
      });
    }
  }

  #enter(message: Queued, delayMs = 0): void {
    if (delayMs > 0) {
      this.#options.loop.after(delayMs, () => this.#enter(message));
      return;
    }
    this.#ready.push(message);
    this.#gather();
  }

  /** Delivers a batch when it is full, or when its first message has waited for the timeout. */
  #gather(): void {
    if (this.#consumer === null || this.#ready.length === 0 || this.#underWay >= MAX_CONCURRENCY) return;
    const { maxBatchSize, maxBatchTimeoutSeconds } = this.#consumer.config;
    if (this.#ready.length >= maxBatchSize) {
      void this.#deliver();
      return;
    }
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#options.loop.after(maxBatchTimeoutSeconds * 1000 + 1, () => {
      this.#isGathering = false;
      if (this.#ready.length > 0 && this.#underWay < MAX_CONCURRENCY) void this.#deliver();
    });
  }

  async #deliver(): Promise<void> {
    const { random, loop } = this.#options;
    const { config, handle } = this.#consumer as { config: QueueConsumer; handle: Handler };
    const batch: Queued[] = [];
    let bytes = 0;
    while (batch.length < config.maxBatchSize && this.#ready.length > 0) {
      const index = random.whole(0, this.#ready.length - 1); // queues promise no order
      const message = this.#ready[index] as Queued;
      bytes += Buffer.byteLength(message.json);
      if (batch.length > 0 && bytes > MAX_BATCH_BYTES) break;
      this.#ready[index] = this.#ready.at(-1) as Queued;
      this.#ready.pop();
      batch.push(message);
    }
    this.#underWay++;
    const decisions = new Map<Queued, Decision>();
    const messages = batch.map((message): Delivery => {
      const decide = (decision: Decision) => {
        if (!decisions.has(message)) decisions.set(message, decision);
      };
      return {
        id: message.id,
        timestamp: new Date(message.sentAtMs),
        attempts: message.attempts,
        body: JSON.parse(message.json),
        ack: () => decide({ kind: 'ack' }),
        retry: ({ delaySeconds = 0 } = {}) => decide({ kind: 'retry', delaySeconds }),
      };
    });
    loop.note(`queue ${this.name} delivers ${batch.length}`);
    const end = await handle({ queue: this.name, messages });
    this.#underWay--;
    loop.note(`queue ${this.name} batch of ${batch.length} ${end}`);
    for (const message of batch) {
      // A consumer's decisions count only where its invocation did not die.
      const said: Decision = { kind: end === 'returned' ? 'ack' : 'retry', delaySeconds: 0 };
      const decision = end === 'died' ? said : (decisions.get(message) ?? said);
      const isRepeated = decision.kind === 'ack' && random.chance(this.#options.duplicateRate);
      if (decision.kind === 'ack' && !isRepeated) this.waiting--;
      else if (isRepeated) this.#enter(message, random.whole(1, 60_000));
      else this.#again(message, config, end === 'died' ? LOST_BATCH_MS : delayOf(decision));
    }
    this.#gather();
  }

  #again(message: Queued, { maxRetries, deadLetterQueue }: QueueConsumer, delayMs: number): void {
    if (message.attempts <= maxRetries) {
      this.#enter({ ...message, attempts: message.attempts + 1 }, delayMs);
      return;
    }
    this.waiting--;
    if (deadLetterQueue === undefined) this.#options.onLost(this.name, JSON.parse(message.json));
    else this.#giveUp(deadLetterQueue, [message.json]);
  }
}

function delayOf(decision: Decision): number {
  return decision.kind === 'retry' ? Math.min(decision.delaySeconds, MAX_DELAY_SECONDS) * 1000 : 0;
}
