// Measures what listings and the cron read, how long they take, and how fast events come in, depending on how many are stored.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LocalRuntime } from '../local-worker.ts';
import { median } from '../statistics.ts';
import { HttpConnection } from './http-connection.ts';
import { type Bench, measureLoad, takeCounts } from './measurements.ts';
import { ADMIN_HEADERS, type RunningReceiver } from './subjects.ts';

/** The cost of a listing, or of a run of the cron, with a number of events stored. */
export interface ListingCost {
  rowsRead: number;
  /** Of a listing over HTTP, as an operator waits for it. */
  p50Ms: number;
  /** Events or routes in the answer; `null` where it has none to list. */
  listed: number | null;
}

export interface Listing {
  listing: string;
  bySize: { stored: number; cost: ListingCost }[];
}

export interface Growth {
  listings: Listing[];
  /** Ingest at 64 connections. */
  ingest: { stored: number; eventsPerSecond: number; p99Ms: number; failures: number }[];
}

const INGEST_CONNECTIONS = 64;
const INSERTED_TOGETHER = 10_000;

/** All events are spread over the last 29 days, so that none exceeds its retention. */
const SPAN_MS = 29 * 86_400_000;
const CONTACTS = 5_000;
const EVENTS_PER_MESSAGE = 4;
/** One in so many events is a rare one. */
const RARE = 10_000;
/** Of the newest events so many wait to be forwarded. */
const WAITING = 100;

export async function measureGrowth(
  bench: Bench & { startGrowing(): Promise<RunningReceiver> },
): Promise<Growth> {
  const { rounds: ingestRounds, growth } = bench.plan;
  const { sizes } = growth;
  const fullSize = sizes.at(-1) ?? 0;
  const full = await bench.startGrowing();
  const events = new StoredEvents(full.runtime, Date.now() - SPAN_MS, SPAN_MS / fullSize);
  await storeCounters(full.runtime, Date.now());
  const listings = new Map<string, Listing>();
  for (const stored of sizes) {
    await events.storeUpTo(stored, (count) =>
      bench.progress(`growth, storing ${count.toLocaleString('en')}`),
    );
    bench.progress(`growth, listing ${stored.toLocaleString('en')}`);
    const note = (listing: string, cost: ListingCost) => {
      const row = listings.get(listing) ?? { listing, bySize: [] };
      row.bySize.push({ stored, cost });
      listings.set(listing, row);
    };
    for (const [listing, path] of Object.entries(events.listings())) {
      note(listing, await measureListing(full, path, growth.repeats));
    }
    note('cron with nothing to do', await measureIdleCron(full, growth.repeats));
  }
  const empty = await bench.start('receiver');
  const measured = [empty, full].map((running) => ({ running, rounds: [] as Ingest[] }));
  for (let round = 1; round <= ingestRounds; round++) {
    bench.progress(`growth, ingest, round ${round} of ${ingestRounds}`);
    for (const { running, rounds } of measured) {
      rounds.push(await measureLoad(bench, running, { connections: INGEST_CONNECTIONS }));
    }
  }
  await Promise.all([empty.stop(), full.stop()]);
  const ingest = measured.map(({ rounds }, index) => ({
    stored: index === 0 ? 0 : fullSize,
    eventsPerSecond: median(rounds.map(({ eventsPerSecond }) => eventsPerSecond)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
    failures: rounds.reduce((total, { failures }) => total + failures, 0),
  }));
  return { listings: [...listings.values()], ingest };
}

type Ingest = Awaited<ReturnType<typeof measureLoad>>;

/** Inserts events into the receiver's database as if they had been received, and all but the newest forwarded. */
class StoredEvents {
  readonly #runtime: LocalRuntime;
  readonly #startMs: number;
  readonly #stepMs: number;
  readonly #payload = readFileSync(
    fileURLToPath(new URL('../../test/samples/response.json', import.meta.url)),
    'utf8',
  );
  #count = 0;

  constructor(runtime: LocalRuntime, startMs: number, stepMs: number) {
    this.#runtime = runtime;
    this.#startMs = Math.floor(startMs);
    this.#stepMs = Math.floor(stepMs);
  }

  async storeUpTo(count: number, progress: (count: number) => void): Promise<void> {
    while (this.#count < count) {
      const to = Math.min(count, this.#count + INSERTED_TOGETHER);
      await this.#runtime.execute(
        'receiver',
        'DB',
        STORE_EVENTS,
        ...[this.#count, to, this.#startMs, this.#stepMs, this.#payload],
      );
      await this.#runtime.execute('receiver', 'DB', MOVE_POSITION);
      this.#count = to;
      progress(to);
    }
  }

  /** The paths of the API by the listing. */
  listings(): Record<string, string> {
    const placeOf = (share: number) => this.#startMs + Math.floor(this.#count * share) * this.#stepMs;
    const middleMs = placeOf(0.5);
    const cursor = `cursor=${placeOf(0.1) * 1000}`;
    const number = encodeURIComponent('+5544999000123');
    const contact = `contact=${number}`;
    const message = `5e178088${String(Math.floor(this.#count / EVENTS_PER_MESSAGE / 2)).padStart(16, '0')}`;
    const iso = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
    const weekAgo = `since=${iso(Date.now() - 7 * 86_400_000)}`;
    const queries = {
      'newest first': '',
      'of a contact': contact,
      'of a message': `messageId=${message}`,
      'of an hour': `since=${iso(middleMs)}&until=${iso(middleMs + 3_600_000)}`,
      'type, 1 in 4': 'type=response',
      'status, 1 in 4': 'status=delivered',
      'status, 1 in 10,000': 'status=failed',
      'integration, nearly all': 'integration=bench',
      'integration, 1 in 10,000': 'integration=seldom',
      'not forwarded': 'forwarded=false',
      'not forwarded on a route': 'forwarded=false&route=events',
      'deep: newest first': cursor,
      'deep: of a contact': `${contact}&${cursor}`,
      'deep: status, 1 in 10,000': `status=failed&${cursor}`,
    };
    return {
      ...Object.fromEntries(
        Object.entries(queries).map(([listing, query]) => [listing, `/api/events?${query}`]),
      ),
      conversation: `/api/contacts/${number}`,
      'timeline of a message': `/api/messages/${message}`,
      'stats, an hour': '/api/stats',
      'stats, 7 days': `/api/stats?${weekAgo}&step=1h`,
      routes: '/api/routes',
      health: '/api/health',
    };
  }
}

/** Inserts the counters of the cron: minutes for the 8 days that it keeps them, hours for as long as events are kept. */
async function storeCounters(runtime: LocalRuntime, nowMs: number): Promise<void> {
  for (const [stepSeconds, spanMs] of [
    [60, 8 * 86_400_000],
    [3_600, SPAN_MS],
  ] as const) {
    await runtime.execute('receiver', 'DB', STORE_COUNTERS, stepSeconds, nowMs - spanMs, nowMs);
  }
  await runtime.execute('receiver', 'DB', STORE_PROGRESS, Math.floor(nowMs / 3_600_000) * 3_600_000, nowMs);
}

/** The readers of the log have read everything. ?1 the end of the last hour that is summed up, ?2 now. */
const STORE_PROGRESS = `
  INSERT INTO progress (task, seq, at)
  SELECT reader.value, iif(reader.value = 'hours', CAST(?1 AS INTEGER), CAST(?2 AS INTEGER)) * 1000, ?2
  FROM json_each('["counters","hours","usage","business-numbers"]') AS reader`;

/** ?1 step in seconds, ?2 from, ?3 until. */
const STORE_COUNTERS = `
  WITH RECURSIVE
    starts(at) AS (
      SELECT CAST(?2 / (?1 * 1000) AS INTEGER) * CAST(?1 AS INTEGER) * 1000
      UNION ALL SELECT at + CAST(?1 AS INTEGER) * 1000 FROM starts WHERE at < ?3
    )
  INSERT INTO counters (step, start, integration, kind, count)
  SELECT CAST(?1 AS INTEGER), at, 'bench', kind.value, 10 FROM starts
  CROSS JOIN json_each('["response","status:sent","status:delivered","status:read","duplicate","forwarded"]') AS kind`;

/**
 * ?1 from, ?2 to, ?3 the time of the first, ?4 between two, ?5 payload. Message ids ascend, as the platform's do. With -1 for
 * its replays an event is in the log only, and not in the outbox of earlier versions.
 */
const STORE_EVENTS = `
  WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
  INSERT INTO events (
    seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, replays
  )
  SELECT
    (CAST(?3 AS INTEGER) + i * CAST(?4 AS INTEGER)) * 1000,
    printf('5e178088%016d:%08d:', i / ${EVENTS_PER_MESSAGE}, i) || CASE i % 4
      WHEN 0 THEN 'status:sent' WHEN 1 THEN 'status:delivered' WHEN 2 THEN 'status:read' ELSE 'response' END,
    iif(i % ${RARE} = ${RARE / 2}, 'seldom', 'bench'),
    iif(i % 4 = 3, 'response', 'status'),
    CASE WHEN i % ${RARE} = 0 THEN 'failed'
      ELSE CASE i % 4 WHEN 0 THEN 'sent' WHEN 1 THEN 'delivered' WHEN 2 THEN 'read' END END,
    printf('+5544999%06d', (i / ${EVENTS_PER_MESSAGE}) % ${CONTACTS}),
    '5e138ee5d53f5b001b96fa54', printf('%08d-0000-4000-8000-%012d', i, i),
    CAST(?3 AS INTEGER) + i * CAST(?4 AS INTEGER), CAST(?3 AS INTEGER) + i * CAST(?4 AS INTEGER), ?5, -1
  FROM n`;

/** The route has forwarded everything before the newest events, and that is counted. */
const MOVE_POSITION = `
  UPDATE routes SET position = forwarded.last, counted = forwarded.last
  FROM (SELECT seq AS last FROM events ORDER BY seq DESC LIMIT 1 OFFSET ${WAITING}) AS forwarded`;

/** Takes the rows from the Worker that counts, and the time from the one that does not. */
async function measureListing(
  { runtime, countedOrigin }: RunningReceiver,
  path: string,
  repeats: number,
): Promise<ListingCost> {
  await takeCounts(countedOrigin);
  const answer = await fetch(new URL(path, countedOrigin), { headers: ADMIN_HEADERS });
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}: ${await answer.text()}`);
  const {
    data = [],
    events = data,
    routes = events,
  } = (await answer.json()) as Record<'data' | 'events' | 'routes', unknown[] | undefined>;
  const { rowsRead } = await takeCounts(countedOrigin);

  const { host, hostname, port } = runtime.originOf('receiver');
  const request = Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${ADMIN_HEADERS.authorization}\r\n\r\n`,
  );
  const connection = await HttpConnection.open(hostname, Number(port));
  const elapsedMs: number[] = [];
  for (let i = -2; i < repeats; i++) {
    const startMs = performance.now();
    const status = await new Promise((resolve) => connection.send(request, resolve));
    if (status !== 200) throw new Error(`GET ${path} answered ${status}`);
    if (i >= 0) elapsedMs.push(performance.now() - startMs);
  }
  connection.close();
  return { rowsRead, p50Ms: median(elapsedMs), listed: routes.length };
}

/** Runs the cron once for what is due and what waits, and measures it when there is nothing left to do. */
async function measureIdleCron(
  { runtime, countedOrigin }: RunningReceiver,
  repeats: number,
): Promise<ListingCost> {
  await runtime.runCron('counted');
  await takeCounts(countedOrigin);
  await runtime.runCron('counted');
  const { rowsRead } = await takeCounts(countedOrigin);

  const elapsedMs: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const startMs = performance.now();
    await runtime.runCron('receiver');
    elapsedMs.push(performance.now() - startMs);
  }
  return { rowsRead, p50Ms: median(elapsedMs), listed: null };
}
