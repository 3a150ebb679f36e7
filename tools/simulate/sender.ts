// Sends a plan's deliveries as the platform would: each in its turn, independent of the others, and again until it is
// acknowledged, refused for good, or given up.
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type AttemptEnd, isContractRefusal, type Ledger, OUTCOMES, type Outcome } from './ledger.ts';
import type { Delivery } from './plan.ts';

export interface SendOptions {
  /** The webhook URL, which may change when the receiver restarts. */
  url: () => URL;
  /** Deliveries a second, independent of the answers; 0: as fast as the connections allow. */
  rate: number;
  connections: number;
  /** The timeout of one attempt. */
  timeoutMs: number;
  /** When a delivery is given up. */
  retryForMs: number;
}

export interface Sending {
  /** Resolves once every delivery that was begun has ended. */
  done: Promise<void>;
  /** Changes the rate, where it began with one. */
  setRate(rate: number): void;
  /** Begins no further deliveries. */
  stop(): void;
  inFlight(): number;
}

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;
/** The precision of timers. Deliveries that become due within it are sent together. */
const TICK_MS = 1;
const MAX_ANSWER_BYTES = 65_536;

/** A delivery on its way. */
interface Errand {
  delivery: Delivery;
  attempts: number;
  firstAtMs: number;
  /** When this attempt is due. Its latency begins here, so that waiting for a connection counts. */
  dueAtMs: number;
}

/** Begins to send, and records every attempt in the ledger. */
export function startSending(deliveries: readonly Delivery[], options: SendOptions, ledger: Ledger): Sending {
  const isTls = options.url().protocol === 'https:';
  const agent = new (isTls ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: options.connections });
  const ready: Errand[] = [];
  const finished = Promise.withResolvers<void>();
  let { rate } = options;
  /** The slot and the time from which the rate counts. */
  let since = { slot: 0, atMs: performance.now() };
  let next = 0;
  let last = deliveries.length;
  let inFlight = 0;
  let isOver = false;
  let retriesWaiting = 0;

  const clock = setInterval(pump, TICK_MS);

  function pump(): void {
    if (isOver) return;
    const nowMs = performance.now();
    if (rate > 0) {
      for (let due = next < last; due; due = due && next < last) {
        const slots = (deliveries[next]?.slot ?? 0) - since.slot;
        const dueAtMs = since.atMs + (slots / rate) * 1000;
        due = dueAtMs <= nowMs;
        if (due) begin(dueAtMs);
      }
    }
    while (inFlight < options.connections) {
      // Retries keep their places, so that not the whole plan is begun while the receiver is away.
      const isFree = inFlight + retriesWaiting < options.connections;
      if (ready.length === 0 && rate === 0 && next < last && isFree) begin(nowMs);
      const errand = ready.shift();
      if (errand === undefined) break;
      void attempt(errand);
    }
    if (next >= last && inFlight === 0 && ready.length === 0 && retriesWaiting === 0) {
      isOver = true;
      clearInterval(clock);
      agent.destroy();
      finished.resolve();
    }
  }

  function begin(dueAtMs: number): void {
    const delivery = deliveries[next++];
    if (delivery !== undefined) ready.push({ delivery, attempts: 0, firstAtMs: dueAtMs, dueAtMs });
  }

  async function attempt(errand: Errand): Promise<void> {
    inFlight++;
    const { delivery } = errand;
    if (errand.attempts === 0) ledger.begin(delivery);
    ledger.attempt(delivery);
    const end = await post(delivery, delivery.abandon && errand.attempts === 0, options, agent, isTls);
    errand.attempts++;
    inFlight--;
    const nowMs = performance.now();
    ledger.end(delivery, end, nowMs - errand.dueAtMs);
    if (end.kind === 'rebuffed' || end.kind === 'unanswered') {
      const waitMs = Math.max(backoffMs(errand.attempts), end.kind === 'rebuffed' ? end.retryAfterMs : 0);
      if (nowMs + waitMs - errand.firstAtMs > options.retryForMs) ledger.giveUp(delivery);
      else sendLater(errand, waitMs);
    }
    pump();
  }

  function sendLater(errand: Errand, waitMs: number): void {
    retriesWaiting++;
    errand.dueAtMs = performance.now() + waitMs;
    setTimeout(() => {
      retriesWaiting--;
      ready.push(errand);
      pump();
    }, waitMs);
  }

  return {
    done: finished.promise,
    setRate: (newRate) => {
      since = { slot: deliveries[next]?.slot ?? 0, atMs: performance.now() };
      rate = newRate;
    },
    stop: () => {
      last = next;
    },
    inFlight: () => inFlight,
  };
}

/** Exponential backoff up to a bound, with jitter. */
function backoffMs(attempts: number): number {
  const wholeMs = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LONGEST_RETRY_MS);
  return wholeMs * (0.5 + Math.random() / 2);
}

/** One attempt. Never rejects. */
function post(
  { body, contentType, contentEncoding }: Delivery,
  hangUp: boolean,
  { url, timeoutMs }: SendOptions,
  agent: HttpAgent | HttpsAgent,
  isTls: boolean,
): Promise<AttemptEnd> {
  return new Promise((resolve) => {
    const headers = {
      'content-length': body.byteLength,
      ...(contentType !== null && { 'content-type': contentType }),
      ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
    };
    const request = (isTls ? httpsRequest : httpRequest)(url(), { method: 'POST', agent, headers });
    const timer = setTimeout(() => fail('timeout'), timeoutMs);
    const settle = (end: AttemptEnd) => {
      clearTimeout(timer);
      resolve(end);
    };
    const fail = (why: string) => {
      // Only where nobody listened, it certainly did not arrive.
      settle({ kind: 'unanswered', why, reached: why !== 'ECONNREFUSED' });
      request.destroy();
    };
    request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    request.on('response', (answer) => {
      if (hangUp) {
        answer.resume();
        return;
      }
      readText(answer).then(
        (text) => settle(endOf(answer, text)),
        (error: NodeJS.ErrnoException) => fail(error.code ?? error.message),
      );
    });
    request.end(body, () => {
      if (hangUp) setImmediate(() => fail('abandoned'));
    });
  });
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function endOf(answer: IncomingMessage, text: string): AttemptEnd {
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    const { id, outcome } = objectOf(text);
    return { kind: 'acknowledged', status, id, outcome: isOutcome(outcome) ? outcome : null };
  }
  // A 4xx says that the request is at fault, except 408 and 429, which say "later".
  const isFinal =
    isContractRefusal(status) || (status >= 400 && status < 500 && status !== 408 && status !== 429);
  if (isFinal) return { kind: 'refused', status };
  const seconds = Number(answer.headers['retry-after'] ?? 0);
  return { kind: 'rebuffed', status, retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 0 };
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isOutcome(value: unknown): value is Outcome {
  return OUTCOMES.some((outcome) => outcome === value);
}
