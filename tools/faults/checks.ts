// Checks the rules once faults are over and all is quiet.
import { isDeepStrictEqual } from 'node:util';
import { firstVersionId } from '../../src/contract/event.ts';
import type { Book } from './book.ts';
import { FULL_USAGE, NOTED_USAGE } from './full-usage.ts';
import type { StoredEvent } from './route-book.ts';
import { checkRoutes } from './route-checks.ts';
import { USUAL_DATABASE_GB } from './schedule.ts';
import { type ExpectedEvent, keyOf, type Webhook } from './webhooks.ts';
import { BEHIND, OPEN_REPLAYS, type World } from './world.ts';

const DAY_MS = 86_400_000;

interface EventRow {
  seq: number;
  id: string;
  integration: string;
  payload: string;
  deliveries: number;
  contact: string;
}

interface RejectionRow {
  seq: number;
  integration: string;
  reason: string;
  body: string;
  body_encoding: string;
}

/** Notes every violation in the world's book. */
export function checkAtTheEnd(world: World): void {
  const rows = new Map(
    world.database
      .ask<EventRow>('SELECT seq, id, integration, payload, deliveries, contact FROM events')
      .map((row) => [keyOf(row.integration, row.id), row]),
  );
  const rejections = world.database.ask<RejectionRow>(
    'SELECT seq, integration, reason, body, body_encoding FROM rejections',
  );
  const rejected = new Set(rejections.map((row) => keyOf(row.integration, bodyHex(row))));
  const differing = new Set(
    rejections
      .filter(({ reason }) => reason === 'differs')
      .map((row) => keyOf(row.integration, bodyHex(row))),
  );
  const sentEvents = new Map<string, ExpectedEvent[]>();
  const sentBodies = new Set<string>();
  for (const { sending, event, bytes } of world.webhooks) {
    if (event !== null) sentEvents.set(event.key, [...(sentEvents.get(event.key) ?? []), event]);
    sentBodies.add(keyOf(sending.slug, bytes.toString('hex')));
  }
  checkAcknowledged(world, rows, { rejected, differing });
  checkConsumed(world, sentEvents);
  checkInvented(world, rows, rejections, sentEvents, sentBodies);
  checkDeliveries(world, rows);
  checkCounters(world);
  checkUsage(world);
  checkRoutes(world);
  checkQuiet(world);
}

function bodyHex({ body, body_encoding }: RejectionRow): string {
  return Buffer.from(body, body_encoding === 'base64' ? 'base64' : 'utf8').toString('hex');
}

/**
 * Whether an operator may have deleted the event or the rejection of a webhook.
 *
 * @param differs whether another webhook had its ids and other content, so that it may be a rejection.
 */
function mayBeGone(book: Book, { sending, event, bytes }: Webhook, differs: boolean): boolean {
  if (event !== null && book.mayBeTaken(sending.slug, event.key)) return true;
  if (event !== null && !differs) return false;
  const text = bytes.toString('latin1');
  const namesErased = [...book.erasing].some((number) => text.includes(number.slice(-8)));
  return namesErased || book.deletedSlugs.has(sending.slug) || book.deletedRejections.size > 0;
}

/** The bodies of all rejections, and of those that differ from the event of their ids. */
interface Kept {
  rejected: ReadonlySet<string>;
  differing: ReadonlySet<string>;
}

function checkAcknowledged(world: World, rows: Map<string, EventRow>, { rejected, differing }: Kept): void {
  const { book, schedule } = world;
  const purgedBeforeMs = world.loop.nowMs - schedule.retentionDays * DAY_MS;
  const rowsUnder = Map.groupBy(rows.values(), ({ integration, id }) =>
    firstVersionId(keyOf(integration, id)),
  );
  const storedUnder = Map.groupBy(book.stored.values(), ({ integration, id }) =>
    firstVersionId(keyOf(integration, id)),
  );
  for (const { webhook, status } of book.answered) {
    const { sending, event, bytes } = webhook;
    const differs = event !== null && (world.editions.get(event.key)?.size ?? 0) > 1;
    if (![200, 202, 400, 422].includes(status) || mayBeGone(book, webhook, differs)) continue;
    const body = keyOf(sending.slug, bytes.toString('hex'));
    // A full database evicts the oldest of an integration, but no rejection that was answered 2xx.
    const mayBeEvicted = schedule.maxDatabaseGb < USUAL_DATABASE_GB;
    if (event === null) {
      if (!rejected.has(body) && !(mayBeEvicted && status >= 400))
        book.violated('kept', `${sending.name} was answered ${status} and is no rejection`);
      continue;
    }
    const isStored = rowsUnder.get(event.key)?.some(({ payload }) => payload === event.payload) ?? false;
    const isPurged = (storedUnder.get(event.key) ?? []).some(
      ({ deletedNo, storedAtMs }) => deletedNo !== null && (mayBeEvicted || storedAtMs < purgedBeforeMs),
    );
    const mayBeRejection = book.disturbed.has(sending.slug) || book.revoked.has(sending.slug);
    if (mayBeRejection && book.deletedRejections.size > 0) continue;
    const isKept = (mayBeRejection && rejected.has(body)) || (differs && differing.has(body));
    if (!isStored && !isPurged && !isKept) {
      book.violated('durable', `${sending.name} was answered ${status} and is not in D1: ${event.key}`);
    }
  }
}

function checkConsumed(world: World, sentEvents: Map<string, ExpectedEvent[]>): void {
  const { book } = world;
  for (const { event } of book.consumed) {
    const integration = event.source.replace('/webhooks/', '');
    const key = keyOf(integration, event.id);
    const sent = sentEvents.get(firstVersionId(key));
    if (sent === undefined) {
      book.violated('invented', `the consumer got ${key}, which nobody sent`);
      continue;
    }
    const isRight = sent.some(
      ({ type, subject, contact, payload }) =>
        event.specversion === '1.0' &&
        event.type === `digital.grupoboticario.instantmessage.${type}` &&
        event.subject === subject &&
        event.contact === contact &&
        ('dataref' in event && event.dataref !== undefined
          ? String(event.dataref).includes(encodeURIComponent(event.id))
          : isDeepStrictEqual(event.data, JSON.parse(payload))),
    );
    if (!isRight) book.violated('durable', `the consumer got ${key} otherwise than it was sent`);
  }
}

function checkInvented(
  { book }: World,
  rows: Map<string, EventRow>,
  rejections: readonly RejectionRow[],
  sentEvents: Map<string, ExpectedEvent[]>,
  sentBodies: ReadonlySet<string>,
): void {
  for (const [key, { payload }] of rows) {
    if (!sentEvents.get(firstVersionId(key))?.some((sent) => sent.payload === payload))
      book.violated('invented', `${key} is in D1, and nobody sent that`);
  }
  for (const row of rejections) {
    if (!sentBodies.has(keyOf(row.integration, bodyHex(row)))) {
      book.violated('invented', `rejection ${row.seq} has a body that nobody sent`);
    }
  }
}

function checkDeliveries({ book, webhooks, schedule }: World, rows: Map<string, EventRow>): void {
  // A webhook that differs from the event of its ids is no delivery of it.
  const editionOf = (key: string, payload: string) => `${key} ${payload}`;
  const answeredByEdition = Map.groupBy(
    book.answered.filter(({ status, webhook }) => status === 200 && webhook.event !== null),
    ({ webhook: { event } }) => editionOf(event?.key ?? '', event?.payload ?? ''),
  );
  const sentByEdition = Map.groupBy(
    webhooks.filter(({ event, sending }) => event !== null && sending.auth !== 'forged'),
    ({ event }) => editionOf(event?.key ?? '', event?.payload ?? ''),
  );
  const isFaultFree = schedule.faults.length + schedule.deaths.length === 0 && schedule.duplicateRate === 0;
  for (const [key, row] of rows) {
    if (key !== firstVersionId(key)) continue; // it has deliveries of the rejection that it was
    const answered = answeredByEdition.get(editionOf(key, row.payload)) ?? [];
    const sent = sentByEdition.get(editionOf(key, row.payload)) ?? [];
    const isTurnedAway = book.disturbed.has(row.integration) || book.revoked.has(row.integration);
    if (isTurnedAway || book.mayBeTaken(row.integration, key)) continue;
    if ((book.storedByKey.get(key)?.length ?? 0) > 1) continue; // it was purged and sent again
    const most = sent.reduce((sum, { sending }) => sum + sending.repeatsAfterMs.length + sending.tries, 0);
    if (row.deliveries < answered.length || row.deliveries > most) {
      book.violated(
        'deliveries',
        `${key} has ${row.deliveries} deliveries; ${answered.length} were acknowledged, ${most} may have been sent`,
      );
    }
    const isHeardOut = sent.every(({ sending }) => sending.hangUpAfterMs === null); // else one was stored unacknowledged
    if (isFaultFree && isHeardOut && row.deliveries !== answered.length) {
      book.violated('deliveries', `${key} has ${row.deliveries} deliveries of ${answered.length}`);
    }
  }
}

function checkCounters({ book, database }: World): void {
  const told = new Map(
    database
      .ask<{ kind: string; n: number }>(
        `SELECT kind, sum(count) AS n FROM (
           SELECT kind, count FROM counters WHERE step = 0
           UNION ALL
           SELECT kind, count FROM counters
           WHERE step = 60 AND start >= coalesce((SELECT seq FROM progress WHERE task = 'hours'), 0) / 1000
         ) GROUP BY 1`,
      )
      .map(({ kind, n }) => [kind, n]),
  );
  const full = new Map<string, number>();
  const add = (kind: string, count: number) => {
    if (count > 0) full.set(kind, (full.get(kind) ?? 0) + count);
  };
  const isUncounted = (event: StoredEvent) => event.deletedNo === null && !book.isCounted(event);
  for (const event of book.stored.values()) {
    if (isUncounted(event)) book.violated('counters', `${event.integration} ${event.id} was never counted`);
    if (!book.isCounted(event)) continue;
    const id = firstVersionId(event.id);
    add(id.endsWith(':response') ? 'response' : id.slice(id.lastIndexOf(':status:') + 1), 1);
    if (event.isDeferred) add('deferred', 1);
  }
  add('rejected', book.rejectedCount);
  for (const [route, count] of book.routes.forwarded) add(`forwarded:${route}`, count);
  for (const [route, count] of book.routes.replayed) add(`replayed:${route}`, count);
  for (const kind of new Set([...full.keys(), ...told.keys()])) {
    // Only D1 counts repeats within the statement that stores an event.
    if (kind === 'duplicate' || !KINDS.test(kind)) continue;
    if (told.get(kind) !== full.get(kind)) {
      book.violated('counters', `${kind}: told ${told.get(kind) ?? 0}, in full ${full.get(kind) ?? 0}`);
    }
  }
}

/** The kinds of counters that this check can count. */
const KINDS = /^(response|status:\w+|deferred|rejected|(forwarded|replayed)(:\w+)?)$/;

function checkUsage({ book, database }: World): void {
  const summed = (sql: string) =>
    database
      .ask<{ kind: string; integration: string; items: number; bytes: number }>(sql)
      .map(({ kind, integration, items, bytes }) => `${kind} ${integration}: ${items} of ${bytes} bytes`)
      .toSorted((a, b) => a.localeCompare(b));
  const [noted, full] = [summed(NOTED_USAGE), summed(FULL_USAGE)];
  if (!isDeepStrictEqual(noted, full)) {
    const wrong = noted.filter((line) => !full.includes(line));
    const right = full.filter((line) => !noted.includes(line));
    book.violated('counters', `usage tells ${wrong.join('; ')}, and in full it is ${right.join('; ')}`);
  }
}

/** Notes rows that hold an erased number although they existed when its erasure began. */
export function checkErased({ book, database }: World, number: string, beganNo: number): void {
  const events = database.ask<{ seq: number; payload: string }>('SELECT seq, payload FROM events');
  for (const { seq, payload } of events) {
    if (payload.includes(number.slice(-8)) && (book.stored.get(seq)?.storedNo ?? 0) <= beganNo) {
      book.violated('erased', `event ${seq} still holds ${number}`);
    }
  }
  for (const table of ['rejections', 'dead_letters'] as const) {
    for (const { seq, body } of database.ask<{ seq: number; body: string }>(
      `SELECT seq, body FROM ${table}`,
    )) {
      if (body.includes(number.slice(-8)) && (book.keptNo[table].get(seq) ?? 0) <= beganNo) {
        book.violated('erased', `row ${seq} of ${table} still holds ${number}`);
      }
    }
  }
}

function checkQuiet({ book, database, queues, schedule }: World): void {
  const [waiting] = database.ask<Record<string, number>>(
    `SELECT (${BEHIND}) AS "active routes with gaps", (${OPEN_REPLAYS}) AS replays,
       (SELECT count(*) FROM dead_letters) AS "dead letters"`,
    JSON.stringify(schedule.boundRoutes),
  );
  for (const [what, count] of Object.entries({ ...waiting, ...queues.waiting() })) {
    if (count > 0) book.violated('quiet', `${count} still waiting: ${what}`);
  }
}
