// The example pull consumer as it is started, against a local server that behaves as the documented API does:
// https://developers.cloudflare.com/queues/configuration/pull-consumers/
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { consumeByPull } from '../../examples/pull-consumer/pull.ts';
import { PROJECT } from '../../scripts/project.ts';
import { cloudEventHead } from '../../src/contract/cloudevent.ts';
import statusBody from '../samples/status.json' with { type: 'json' };

const TOKEN = 'token-of-the-tests';

interface QueuedMessage {
  id: string;
  body: string;
  attempts: number;
  visibleAtMs: number;
  leaseId?: string;
}

/** The queue of one account, over HTTP. Bodies are base64, as the API gives those of the content type `json`. */
class QueueApi {
  readonly messages: QueuedMessage[] = [];
  readonly calls: { path: string; body: Record<string, unknown> }[] = [];
  /** Statuses to answer with in place of an answer. */
  failures: number[] = [];
  readonly #server: Server = createServer(async (request, response) => {
    const answer = await this.#answer(request);
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer.body));
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/client/v4`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  send(...bodies: unknown[]): void {
    for (const body of bodies) {
      const id = `${this.messages.length}`.padStart(32, '0');
      this.messages.push({
        id,
        body: Buffer.from(JSON.stringify(body)).toString('base64'),
        attempts: 0,
        visibleAtMs: 0,
      });
    }
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const failure = this.failures.shift();
    if (failure !== undefined) return refusal(failure);
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return refusal(401);
    const [, action] =
      /^\/client\/v4\/accounts\/account\/queues\/queue\/messages\/(pull|ack)$/.exec(request.url ?? '') ?? [];
    if (request.method !== 'POST' || action === undefined) return refusal(404);
    const body = JSON.parse(text);
    this.calls.push({ path: action, body });
    return {
      status: 200,
      body: {
        success: true,
        errors: [],
        messages: [],
        result: action === 'pull' ? this.#pull(body) : this.#ack(body),
      },
    };
  }

  #pull({ batch_size = 5, visibility_timeout_ms = 30_000 }: Record<string, number>) {
    const now = Date.now();
    const pulled = this.messages.filter(({ visibleAtMs }) => visibleAtMs <= now).slice(0, batch_size);
    for (const message of pulled) {
      message.attempts++;
      message.visibleAtMs = now + visibility_timeout_ms;
      message.leaseId = `lease-${message.id}-${message.attempts}`;
    }
    return {
      message_backlog_count: this.messages.length,
      messages: pulled.map(({ id, body, attempts, leaseId }) => ({
        id,
        body,
        attempts,
        timestamp_ms: now,
        metadata: { 'CF-sourceMessageSource': 'worker', 'CF-Content-Type': 'json' },
        lease_id: leaseId,
      })),
    };
  }

  #ack({
    acks = [],
    retries = [],
  }: {
    acks?: { lease_id: string }[];
    retries?: { lease_id: string; delay_seconds?: number }[];
  }) {
    const find = (leaseId: string) => this.messages.findIndex((message) => message.leaseId === leaseId);
    for (const { lease_id } of acks) this.messages.splice(find(lease_id), find(lease_id) < 0 ? 0 : 1);
    for (const { lease_id, delay_seconds = 0 } of retries) {
      const message = this.messages[find(lease_id)];
      if (message) message.visibleAtMs = Date.now() + delay_seconds * 1000;
    }
    return { ackCount: acks.length, retryCount: retries.length, warnings: {} };
  }
}

function refusal(status: number) {
  return {
    status,
    body: { success: false, errors: [{ code: 10_000, message: 'no' }], messages: [], result: null },
  };
}

function event(id: string) {
  const head = {
    id,
    integration: 'shop',
    type: 'status' as const,
    status: 'delivered' as const,
    contact: '+5544999027914',
    appId: 'app',
    messageId: id,
    occurredAtMs: Date.UTC(2020, 0, 9, 20, 19, 44),
    receivedAtMs: Date.UTC(2020, 0, 9, 20, 19, 45),
  };
  return { ...cloudEventHead(head, { seq: 1, replay: null }), data: statusBody };
}

let api: QueueApi;
let origin: string;
beforeEach(async () => {
  api = new QueueApi();
  origin = await api.listen();
});
afterEach(async () => {
  await api.close();
  vi.restoreAllMocks();
});

describe('the pull consumer', () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function start(token = TOKEN) {
    const child = spawn(process.execPath, [join(PROJECT, 'examples/pull-consumer/index.ts')], {
      env: {
        PATH: process.env.PATH,
        CLOUDFLARE_BASE_URL: origin,
        CLOUDFLARE_ACCOUNT_ID: 'account',
        CLOUDFLARE_API_TOKEN: token,
        QUEUE_ID: 'queue',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    // Apart: which of two pipes is read first is the operating system's choice.
    const started = {
      child,
      out: '',
      err: '',
      ended: new Promise((resolve) => child.once('close', resolve)),
    };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      started.out += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      started.err += chunk;
    });
    return started;
  }

  it('prints and acknowledges events, retries what it cannot read, and ends on Ctrl-C', async () => {
    const poison = { ...event('poison'), contact: 5544999027914 };
    api.send(event('first'), poison, event('second'));
    const consumer = start();
    await vi.waitFor(() => expect(api.messages).toHaveLength(1), { timeout: 60_000 });
    api.send(event('later, after an empty pull'));
    await vi.waitFor(() => expect(api.messages).toHaveLength(1), { timeout: 60_000 });
    consumer.child.kill('SIGINT');

    expect(await consumer.ended).toBe(0);
    expect(consumer.out.trimEnd().split('\n')).toEqual([
      'Pulling events. Ctrl-C ends it.',
      '2020-01-09T20:19:44.000Z  delivered  first',
      '2020-01-09T20:19:44.000Z  delivered  second',
      '2020-01-09T20:19:44.000Z  delivered  later, after an empty pull',
      'Stopping after the event under way …',
    ]);
    // Once, or more often: on a slow machine it is retried before the end.
    expect([...new Set(consumer.err.trimEnd().split('\n'))]).toEqual([
      `message ${'1'.padStart(32, '0')} breaks the schema at contact`,
    ]);
    expect(api.calls.slice(0, 2)).toEqual([
      { path: 'pull', body: { batch_size: 10, visibility_timeout_ms: 60_000 } },
      {
        path: 'ack',
        body: {
          acks: [
            { lease_id: `lease-${'0'.padStart(32, '0')}-1` },
            { lease_id: `lease-${'2'.padStart(32, '0')}-1` },
          ],
          retries: [{ lease_id: `lease-${'1'.padStart(32, '0')}-1`, delay_seconds: expect.any(Number) }],
        },
      },
    ]);
  });

  it('ends with an error where the API refuses its token', async () => {
    const consumer = start('wrong');
    expect(await consumer.ended).toBe(1);
    expect(consumer.err).toContain('401');
  });

  it('names the settings that are missing', async () => {
    const consumer = start('');
    expect(await consumer.ended).toBe(1);
    expect(consumer.err).toMatch(/^Set CLOUDFLARE_ACCOUNT_ID, QUEUE_ID/);
  });
});

describe('consuming by pull', () => {
  // As the SDK does it, without its retries.
  const call = async (action: string, { account_id: _, ...body }: { account_id: string }) => {
    const response = await fetch(`${origin}/accounts/account/queues/queue/messages/${action}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw Object.assign(new Error(`${response.status}`), { status: response.status });
    return ((await response.json()) as { result: object }).result;
  };
  const messages = {
    pull: async (_: string, params: { account_id: string }) => call('pull', params),
    ack: async (_: string, params: { account_id: string }) => call('ack', params),
  };

  /** Consumes until `isOver`; gives the ids of the events that were handled. */
  async function consume(
    onEvent: (id: string, stop: AbortController) => Promise<void>,
    isOver: (handled: string[]) => boolean,
    options: { leaseMs?: number; batchSize?: number } = {},
  ): Promise<string[]> {
    const stop = new AbortController();
    const handled: string[] = [];
    await consumeByPull({
      messages,
      accountId: 'account',
      queueId: 'queue',
      stop: stop.signal,
      idleMs: 10,
      ...options,
      async onEvent({ id }) {
        await onEvent(id, stop);
        handled.push(id);
        if (isOver(handled)) stop.abort();
      },
    });
    return handled;
  }

  it('releases the messages that it has not begun when it is stopped', async () => {
    api.send(event('a'), event('b'), event('c'));
    expect(
      await consume(
        async () => undefined,
        ({ length }) => length === 1,
      ),
    ).toEqual(['a']);
    expect(api.messages.map(({ visibleAtMs }) => visibleAtMs <= Date.now())).toEqual([true, true]);
    expect(
      await consume(
        async () => undefined,
        ({ length }) => length === 2,
      ),
    ).toEqual(['b', 'c']);
    expect(api.messages).toEqual([]);
  });

  it('begins no event towards the end of its lease', async () => {
    api.send(event('a'), event('b'));
    const slow = async () => new Promise<void>((resolve) => setTimeout(resolve, 600));
    expect(await consume(slow, ({ length }) => length === 2, { leaseMs: 1_000 })).toEqual(['a', 'b']);
    expect(api.calls.map(({ path }) => path)).toEqual(['pull', 'ack', 'pull', 'ack']);
    expect(api.messages).toEqual([]);
  });

  it('retries a failed event later, and delays no other', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    api.send(event('a'), event('b'), event('c'));
    const fail = async (id: string) => {
      if (id === 'b') throw new Error('Maria');
    };
    expect(await consume(fail, ({ length }) => length === 2)).toEqual(['a', 'c']);
    const [left] = api.messages;
    expect(left?.attempts).toBe(1);
    expect((left?.visibleAtMs ?? 0) - Date.now()).toBeGreaterThan(2_000);
    expect(vi.mocked(console.error).mock.calls.flat()).toEqual([
      expect.stringMatching(/^message \d+ could not be handled: Error$/),
    ]);
  });

  it('goes on after an outage of the API', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    api.send(event('a'));
    api.failures = [503, 429];
    expect(
      await consume(
        async () => undefined,
        ({ length }) => length === 1,
      ),
    ).toEqual(['a']);
  });

  it('rejects where the API refuses it', async () => {
    api.failures = [403];
    await expect(
      consume(
        async () => undefined,
        () => false,
      ),
    ).rejects.toThrow('403');
  });
});
