// Events in bulk, straight into D1: what a receiver would have stored, without the way there.

import { env } from 'cloudflare:workers';

export interface Bulk {
  count: number;
  integration?: string;
  /** How many contacts and messages they are spread over. */
  contacts?: number;
  messages?: number;
  /** Rare ones: only every n-th event is of this kind, the others are delivered statuses. */
  everyNthIsResponse?: number;
  firstSeq?: number;
  payload?: string;
}

/** The payload of each event unless another is given. */
export const STORED_PAYLOAD = '{"event":{"messageId":"e","type":"response"},"message":{"messageId":"m"}}';

const CHUNK = 5_000;

/** Stores `count` events, one a millisecond. All that is stored is forwarded then. */
export async function storeEvents({
  count,
  integration = 'shop',
  contacts = 1_000,
  messages = Math.ceil(count / 4),
  everyNthIsResponse = 10,
  firstSeq = 1_000_000,
  payload = STORED_PAYLOAD,
}: Bulk): Promise<void> {
  for (let from = 0; from < count; from += CHUNK) {
    const to = Math.min(from + CHUNK, count);
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO events (
         seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, replays
       )
       SELECT ?3 + i * 1000,
         'm' || (i % CAST(?5 AS INTEGER)) || ':e' || i || iif(i % CAST(?6 AS INTEGER) = 0, ':response', ':status:delivered'),
         ?8, iif(i % CAST(?6 AS INTEGER) = 0, 'response', 'status'), iif(i % CAST(?6 AS INTEGER) = 0, NULL, 'delivered'),
         '+55419' || (10000000 + i % CAST(?4 AS INTEGER)), 'app', 'request', CAST(?3 / 1000 AS INTEGER) + i, CAST(?3 / 1000 AS INTEGER) + i, ?7, -1
       FROM n`,
    )
      .bind(from, to, firstSeq, contacts, messages, everyNthIsResponse, payload, integration)
      .run();
  }
  await forwardAllBut('false');
}

/** Has a route have forwarded all that is stored, but for the events for which a condition holds: those are its gaps. */
export async function forwardAllBut(waits: string, route = 'events'): Promise<void> {
  await env.DB.batch([
    env.DB.prepare('DELETE FROM forwarded WHERE route = ?1').bind(route),
    env.DB.prepare(
      `UPDATE routes SET position = coalesce(
         (SELECT min(seq) - 1 FROM events WHERE ${waits}), (SELECT max(seq) FROM events), position
       ) WHERE name = ?1`,
    ).bind(route),
    env.DB.prepare(
      `INSERT INTO forwarded (route, after, last)
       SELECT ?1, seq, coalesce(next - 1, (SELECT max(seq) FROM events))
       FROM (SELECT seq, lead(seq) OVER (ORDER BY seq) AS next FROM events WHERE ${waits}) AS waiting
       WHERE EXISTS (
         SELECT 1 FROM events AS e WHERE e.seq > waiting.seq AND e.seq < coalesce(waiting.next, 9007199254740991)
       )`,
    ).bind(route),
    env.DB.prepare('UPDATE routes SET counted = min(counted, position)'),
  ]);
}
