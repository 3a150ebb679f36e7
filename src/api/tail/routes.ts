// GET /api/tail: events as they are stored, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html).
//
// The place of an event is its id on the stream, so that a client that reconnects goes on behind what it has seen. Nothing
// is remembered between two connections, and a page is read from D1 only when the client has taken the one before it. Every
// poll writes something, if only a comment, since a Worker learns by a failing write that its client has gone.

import { Hono } from 'hono';
import * as z from 'zod';
import { patterned } from '../../contract/problems.ts';
import { withTimeout } from '../../runtime/deadline.ts';
import { describeError, log } from '../../runtime/log.ts';
import { findEvent, type ListedEvent } from '../../store/events.ts';
import { findLastSeq, readTail, type TailFilter } from '../../store/tail.ts';
import type { ActorEnv } from '../access/actor.ts';
import { eventFilters, eventJson } from '../events/routes.ts';
import { watchingOperation } from '../health/routes.ts';
import { listingParameters } from '../query-parameters.ts';
import { serve } from '../serve.ts';

/** How often a stream polls D1, and when it ends. */
export interface TailPace {
  /** Between two polls while events come; up to `maxPollMs` while none do, as pages promise to show one within 2 s. */
  pollMs: number;
  maxPollMs: number;
  /** How long D1 may take for a statement. */
  statementTimeoutMs: number;
  /**
   * Statements after which a stream ends itself, for the client to reconnect. The free plan has 50 in a request:
   * https://developers.cloudflare.com/d1/platform/limits/
   */
  maxStatements: number;
}

const PACE: TailPace = { pollMs: 1_000, maxPollMs: 1_500, statementTimeoutMs: 10_000, maxStatements: 45 };
/** While no events come, each wait is longer than the one before by this factor. */
const POLL_GROWTH = 1.25;
/** What a client waits before it reconnects. */
const RECONNECT_MS = 1_000;

/** The id of an event on a stream. Some clients send an empty one before they have seen any. */
const lastEventId = patterned(/^\d{0,16}$/, 'not-a-tail-id')
  .transform((text) => (text === '' ? undefined : Number(text)))
  .describe('The id of the last event seen; the stream goes on behind it.')
  .optional();

export const tailParameters = z.strictObject({
  ...eventFilters,
  since: z
    .union([
      patterned(/^\d{1,16}$/, 'not-a-tail-id').transform((text) => ({ afterSeq: Number(text) })),
      listingParameters.since.unwrap().transform((ms) => ({ afterSeq: ms * 1000 - 1 })),
    ])
    .meta({
      description:
        'Where to begin: a moment, or the id of an event of an earlier stream, to go on behind it. ' +
        'Without it the stream begins with what is stored next.',
      example: '2026-03-01T00:00:00-03:00',
    })
    .optional(),
  lastEventId: lastEventId.describe('`Last-Event-ID` for clients that cannot send headers.'),
});

export const tailEvents = watchingOperation('tailEvents', 'GET /api/tail', {
  summary: 'Watch events as they are stored',
  query: tailParameters,
  // Browsers send it when they reconnect. It outweighs `since`, which is in the URL still.
  header: z.object({ 'last-event-id': lastEventId }),
  answers: {
    200: {
      description: 'Server-sent events.',
      mediaType: 'text/event-stream',
      schema: z.string().meta({
        description:
          'Each event has the id to go on from, `response` or `status` as its name, and as its ' +
          'data one line of JSON: the event as `GET /api/events` shows it. An id without data marks a place where ' +
          'nothing matched. The stream ends itself after about a minute; clients reconnect with `Last-Event-ID`.',
        example: 'id: 1772330400000000\nevent: status\ndata: {"id":"m1:e1:status:read","payload":{}}\n\n',
      }),
    },
  },
});

interface TailDeps {
  db: D1Database;
  /** Faster for tests. */
  tailPace?: Partial<TailPace>;
}

export function tailRoutes({ db, tailPace }: TailDeps): Hono<ActorEnv> {
  const pace = { ...PACE, ...tailPace };
  const routes = new Hono<ActorEnv>();
  serve(routes, tailEvents, (c, { query, header }) => {
    const { since, lastEventId: fromUrl, ...filter } = query;
    const afterSeq = header['last-event-id'] ?? fromUrl ?? since?.afterSeq ?? null;
    const stream = pulled((gone) => tail(db, filter, afterSeq, pace, gone));
    // nginx and other proxies would hold back what does not fill a buffer
    return c.body(stream, 200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  });
  return routes;
}

/**
 * A stream of what is generated: the next chunk is generated once the reader has taken the one before. The signal tells
 * the generator that the reader has gone.
 */
function pulled(generate: (gone: AbortSignal) => AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  const chunks = generate(gone.signal);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (gone.signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel() {
        gone.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * The text of a stream, in chunks of at most a page or one large event.
 *
 * @param startAfterSeq the place to begin behind; `null`: begins with what is stored next.
 */
async function* tail(
  db: D1Database,
  filter: TailFilter,
  startAfterSeq: number | null,
  pace: TailPace,
  gone: AbortSignal,
): AsyncGenerator<string> {
  let saidSeq = startAfterSeq; // moves on only once something is written, so that a failure leaves no gap
  let pollMs = 0;
  let isFailing = false;
  let statements = 0;
  const ask = async <T>(statement: Promise<T>): Promise<T> => {
    statements++;
    return withTimeout(pace.statementTimeoutMs, statement);
  };

  yield `retry: ${RECONNECT_MS}\n\n`;
  while (statements < pace.maxStatements) {
    if (pollMs > 0) await sleep(pollMs, gone);
    if (gone.aborted) return;
    try {
      if (saidSeq === null) {
        const lastSeq = await ask(findLastSeq(db));
        yield placeFrame(lastSeq);
        saidSeq = lastSeq;
        pollMs = pace.pollMs;
        continue;
      }
      const { events, readToSeq, isFull } = await ask(readTail(db, filter, saidSeq));
      let chunk = '';
      let chunkSeq = saidSeq;
      for (const event of events) {
        if (event.payload === null) {
          if (chunk !== '') yield chunk;
          [chunk, saidSeq] = ['', chunkSeq];
          if (gone.aborted || statements >= pace.maxStatements) return;
          const whole = await ask(findEvent(db, event.integration, event.id));
          if (whole !== null) chunk = eventFrame(whole); // else it was erased just now
        } else {
          chunk += eventFrame({ ...event, payload: event.payload });
        }
        chunkSeq = event.seq;
      }
      if (readToSeq > chunkSeq) chunk += placeFrame(readToSeq);
      yield chunk === '' ? comment('') : chunk;
      pollMs = isFull ? 0 : readToSeq > saidSeq ? pace.pollMs : longer(pollMs, pace);
      saidSeq = readToSeq;
      isFailing = false;
    } catch (error) {
      if (!isFailing) log('warn', 'tail could not read events', { error: describeError(error) });
      isFailing = true;
      pollMs = pace.maxPollMs;
      yield comment('the database does not answer, trying again');
    }
  }
}

function longer(pollMs: number, pace: TailPace): number {
  return Math.min(Math.max(pollMs * POLL_GROWTH, pace.pollMs), pace.maxPollMs);
}

/** An event on the stream. Line breaks between the tokens of the JSON would end the field; within strings there are none. */
function eventFrame(event: ListedEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${eventJson(event).replace(/[\r\n]/g, ' ')}\n\n`;
}

/** An id without an event, which moves the place that a client goes on from. */
function placeFrame(seq: number): string {
  return `id: ${seq}\n\n`;
}

function comment(text: string): string {
  return `:${text && ` ${text}`}\n\n`;
}

/** Waits, but no longer than the reader stays. */
async function sleep(ms: number, gone: AbortSignal): Promise<void> {
  await scheduler.wait(ms, { signal: gone }).catch(() => undefined);
}
