// Repeats that are written in another way than the event that they repeat. One that says the same is counted as a repeat. One
// that says something else is kept as a rejection beside the event, and can be let in as an event of its own, under an id that
// is made of the event's id and of its content.

import { firstVersionId, type NewEvent, versionId, versionIdRange } from '../contract/event.ts';
import { encodePayload } from '../contract/payload.ts';
import {
  comparableText,
  differenceProblem,
  differencesBetween,
  MAX_COMPARED_LENGTH,
} from '../contract/payload-comparison.ts';
import type { ContractProblem } from '../contract/problems.ts';
import { splitIntoBatches } from '../runtime/batching.ts';
import { countRepeats, type RecordableEvent, recordEvents, STORED_BY } from './events.ts';
import type { NewRejection } from './rejections.ts';
import { sha256Hex } from './sha256.ts';

/** So many events are compared together: with what is stored, their payloads take some 20 MB at the most. */
export const MAX_COMPARED_EVENTS = 16;
/** An event that is deleted just when a repeat is compared with it is recorded anew, but not again and again. */
const MAX_ROUNDS = 3;

/** A delivery of an event that is stored. */
interface StoredDelivery {
  /** Whether it was this delivery that stored it. */
  outcome: 'stored' | 'duplicate';
  /** Of the event that is stored. */
  seq: number;
  /** No other event lies between this place and its own, ever. */
  afterSeq: number;
  id: string;
}

/** A webhook with the ids of a stored event that says something else. */
export interface Differing {
  outcome: 'differs';
  /** Of the stored event. */
  eventId: string;
  /** Where it differs, without the values. */
  problems: ContractProblem[];
  /** SHA-256 of what it says, hexadecimal: the same for all that say the same. */
  digest: string;
}

/** What became of an event that was to be recorded. */
export type RecordOutcome = StoredDelivery | Differing;

interface StoredVersion {
  /** Which of the events it is compared with. */
  wanted: number;
  seq: number;
  id: string;
  /** Of the delivery that stored it. */
  requestId: string;
  /** `null` where it is too long to be compared. */
  payload: string | null;
}

/**
 * Compares events with those that are stored under their ids, as they came and as versions that were let in, and counts
 * those that say the same.
 *
 * @param events that {@link recordEvents} gave `null` for; {@link MAX_COMPARED_EVENTS} at most.
 * @returns one for each of `events`, in order. `null`: the stored event was deleted meanwhile, and this one can be recorded.
 */
export async function compareRepeats(
  db: D1Database,
  events: readonly NewEvent[],
): Promise<(RecordOutcome | null)[]> {
  const digested = await Promise.all(
    events.map(async (event) => ({ event, digest: await digestOf(event.payload) })),
  );
  const wanted = digested.map(({ event: { integration, id }, digest }) => ({
    integration,
    ids: [id, versionId(id, digest)],
  }));
  const { results } = await db
    .prepare(FIND_STORED)
    .bind(JSON.stringify(wanted), MAX_COMPARED_LENGTH)
    .run<StoredVersion>();
  const compared = digested.map(({ event, digest }, index) =>
    compare(
      event,
      digest,
      results.filter((stored) => stored.wanted === index),
    ),
  );
  const repeats = digested.flatMap(({ event: { requestId } }, index) => {
    const one = compared[index];
    return one && one.outcome !== 'differs' ? [{ seq: one.seq, requestId }] : [];
  });
  const counted = await countRepeats(db, repeats);
  return compared.map((one) => (one !== null && 'seq' in one && !counted.has(one.seq) ? null : one));
}

async function digestOf(payload: string): Promise<string> {
  return sha256Hex(new TextEncoder().encode(comparableText(payload)));
}

function compare(event: NewEvent, digest: string, stored: readonly StoredVersion[]): RecordOutcome | null {
  const first = stored.find(({ id }) => id === event.id);
  if (first === undefined) return null;
  const differences = differencesBetween(first.payload ?? '', event.payload);
  const same = differences.length === 0 ? first : stored.find(({ id }) => id === versionId(event.id, digest));
  if (same !== undefined) {
    const outcome = same.requestId === event.requestId ? 'stored' : 'duplicate';
    return { outcome, seq: same.seq, afterSeq: same.seq - 1, id: same.id };
  }
  return { outcome: 'differs', eventId: event.id, problems: differences.map(differenceProblem), digest };
}

const FIND_STORED = `
  SELECT wanted.key AS wanted, e.seq, e.id, ${STORED_BY} AS requestId,
    iif(octet_length(e.payload) <= ?2, e.payload, NULL) AS payload
  FROM json_each(?1) AS wanted CROSS JOIN json_each(wanted.value -> 'ids') AS named CROSS JOIN events AS e
  ON e.id = named.value AND e.integration = wanted.value ->> 'integration'`;

/**
 * Records events as {@link recordEvents} does, and compares what is stored already.
 *
 * @param isLate whether no further comparison may begin: it rejects then. What is recorded by then stays recorded.
 * @returns one for each of `events`, in order.
 */
export async function recordOrCompare(
  db: D1Database,
  events: readonly RecordableEvent[],
  now: () => number,
  isLate: () => boolean = () => false,
): Promise<RecordOutcome[]> {
  const outcomes = new Map<RecordableEvent, RecordOutcome>();
  let left = events;
  for (let round = 0; left.length > 0; round++) {
    if (round === MAX_ROUNDS) throw new Error('events come and go while they are compared');
    const { recorded } = await recordEvents(db, left, now());
    for (const [index, one] of left.entries()) {
      const done = recorded[index];
      if (!done) continue;
      const { seq, afterSeq, isNew } = done;
      outcomes.set(one, { outcome: isNew ? 'stored' : 'duplicate', seq, afterSeq, id: one.event.id });
    }
    const unlike = left.filter((one) => !outcomes.has(one));
    for (const group of splitIntoBatches(unlike, () => 0, { maxItems: MAX_COMPARED_EVENTS, maxBytes: 0 })) {
      if (isLate()) throw new Error('no time is left to compare repeats');
      const compared = await compareRepeats(
        db,
        group.map(({ event }) => event),
      );
      for (const [index, one] of group.entries()) {
        const done = compared[index];
        if (done) outcomes.set(one, done);
      }
    }
    left = left.filter((one) => !outcomes.has(one));
  }
  return events.flatMap((event) => outcomes.get(event) ?? []);
}

/** Makes the rejection that a differing repeat is kept as. It is acknowledged, hence never deleted to make room. */
export function differingRejection(
  { integration, requestId, receivedAtMs, payload }: NewEvent,
  { eventId, problems, digest }: Differing,
  generation: number,
): NewRejection {
  const arrived = { integration, generation, requestId, receivedAtMs };
  const body = encodePayload(payload);
  return { ...arrived, reason: 'differs', problems, body, deferred: true, differsFrom: { eventId, digest } };
}

/** What came under the ids of an event with other contents. */
export interface Versions {
  /** Ids of events: the first one, and those that were let in. */
  events: string[];
  /** Places of rejections, newest first. */
  rejections: number[];
}

/** At most so many of each kind are found. */
const MAX_VERSIONS = 20;

/** The other versions of an event, which is the first or one of those that were let in. */
export async function findVersions(db: D1Database, integration: string, id: string): Promise<Versions> {
  const first = firstVersionId(id);
  const { results } = await db
    .prepare(FIND_VERSIONS)
    .bind(first, integration, ...versionIdRange(first), MAX_VERSIONS)
    .run<{ id: string; rejection: number | null }>();
  return {
    events: results.flatMap((row) => (row.rejection === null && row.id !== id ? [row.id] : [])),
    rejections: results.flatMap(({ rejection }) => (rejection === null ? [] : [rejection])),
  };
}

/** ?1 is the id of the first, ?2 the integration, ?3 and ?4 are the range of the others' ids, ?5 is {@link MAX_VERSIONS}. */
const FIND_VERSIONS = `
  SELECT id, NULL AS rejection FROM events WHERE id = ?1 AND integration = ?2
  UNION ALL
  SELECT id, NULL FROM (
    SELECT id FROM events WHERE id >= ?3 AND id < ?4 AND integration = ?2 ORDER BY id LIMIT ?5
  )
  UNION ALL
  SELECT event_id, seq FROM (
    SELECT event_id, seq FROM rejections WHERE event_id = ?1 AND integration = ?2 ORDER BY seq DESC LIMIT ?5
  )`;
