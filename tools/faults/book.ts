// The record of a run: what was answered, stored, taken by queues and consumed, numbered in the order in which it happened.
// Violations that show when something happens are noted at once.
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { firstVersionId } from '../../src/contract/event.ts';
import type { Change } from './database.ts';
import type { Slug } from './schedule.ts';
import { keyOf, type Webhook } from './webhooks.ts';

export interface Violation {
  rule: Rule;
  what: string;
  atMs: number;
}

/** The rules that hold whatever fails. */
export const RULES = {
  durable:
    'What was answered 2xx is in D1 once, byte for byte, and came out of the queue at least once; or it is kept as a ' +
    'rejection, where it differs from what has its ids.',
  kept: 'An authentic webhook that was refused is kept as a rejection.',
  quiet: 'Once faults are over nothing waits any more: outbox, replays, queues, dead letters.',
  invented: 'Nothing is there that nobody sent.',
  once: 'Where nothing failed, each event came out once.',
  deliveries: 'The count of deliveries is right, where no fault leaves it open.',
  counters: 'Counters equal a full count.',
  answers: 'Answers are what they must be: never a 5xx but 503, never a 2xx when nothing took the webhook.',
  prompt: 'An answer within 3 s of the body, whatever hangs.',
  erased: 'What was erased is erased.',
  purged: 'Nothing that was not forwarded is purged.',
  places: 'Places grow in commit order and are never given twice.',
  replayed: 'A replay sends every event that it was asked for.',
  limits: 'The limits of the platform are kept: sizes, requests of an invocation, no work outside of it.',
} as const;
export type Rule = keyof typeof RULES;

export interface StoredEvent {
  seq: number;
  id: string;
  integration: string;
  contact: string;
  isDeferred: boolean;
  storedNo: number;
  storedAtMs: number;
  deletedNo: number | null;
}

export interface Answered {
  webhook: Webhook;
  /** The generation of the token with which it was sent. */
  generation: number;
  status: number;
  body: Record<string, unknown> | null;
  requestId: string;
  no: number;
  atMs: number;
}

export interface Consumed {
  event: CloudEvent;
  atMs: number;
  no: number;
}

export class Book {
  readonly violations: Violation[] = [];
  readonly stored = new Map<number, StoredEvent>();
  /** The stored events by key, in the order in which they were stored. */
  readonly storedByKey = new Map<string, StoredEvent[]>();
  readonly answered: Answered[] = [];
  readonly consumed: Consumed[] = [];
  /** Keys of events that the consumer acknowledged. */
  readonly handled = new Set<string>();
  /** Keys of events that the events queue took, with the number at which it first did. */
  readonly taken = new Map<string, number>();
  /** Request ids that the intake queue took. */
  readonly deferred = new Set<string>();
  /** The people whom the payloads of a key name. */
  readonly people = new Map<string, readonly string[]>();
  readonly countedUpTo: { no: number; seq: number }[] = [];
  /** Integrations that an operator disabled or deleted, which may turn webhooks away. */
  readonly disturbed = new Set<string>();
  /** Integrations whose earlier tokens an operator revoked: deferred webhooks may then not be let in. */
  readonly revoked = new Set<string>();
  readonly deletedSlugs = new Set<string>();
  /** Numbers that an operator asked to erase. */
  readonly erasing = new Set<string>();
  /** The numbers at which rows were kept, by their places. */
  readonly keptNo = { rejections: new Map<number, number>(), dead_letters: new Map<number, number>() };
  readonly replays: { id: string; slug: Slug; kind: string | null; createdNo: number }[] = [];
  /** Ids of rejections that an operator deleted. */
  readonly deletedRejections = new Set<string>();
  rejectedCount = 0;
  forwardedCount = 0;
  no = 0;
  #lastPlace: Record<'event' | 'rejection' | 'dead letter', number> = {
    event: 0,
    rejection: 0,
    'dead letter': 0,
  };
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  violated(rule: Rule, what: string): void {
    this.violations.push({ rule, what, atMs: this.#nowMs() });
  }

  /** Whether an operator may have deleted an event: with its integration, or by erasing somebody whom it names. */
  mayBeTaken(integration: string, key: string): boolean {
    const people = this.people.get(firstVersionId(key)) ?? [];
    return this.deletedSlugs.has(integration) || people.some((person) => this.erasing.has(person));
  }

  /** Notes the changes of one transaction. */
  changed(changes: readonly Change[]): void {
    const no = ++this.no;
    const deleted = new Set(
      changes.flatMap((change) => (change.what === 'event deleted' ? [change.seq] : [])),
    );
    for (const change of changes) {
      switch (change.what) {
        case 'event stored': {
          this.#place('event', change.seq);
          const { seq, id, integration, contact, deferred } = change;
          const event: StoredEvent = {
            seq,
            id,
            integration,
            contact,
            isDeferred: deferred === 1,
            storedNo: no,
            storedAtMs: this.#nowMs(),
            deletedNo: null,
          };
          this.stored.set(seq, event);
          const key = keyOf(integration, id);
          this.storedByKey.set(key, [...(this.storedByKey.get(key) ?? []), event]);
          break;
        }
        case 'event deleted': {
          const event = this.stored.get(change.seq);
          if (event === undefined) break;
          event.deletedNo = no;
          const key = keyOf(event.integration, event.id);
          if (!this.taken.has(key) && !this.mayBeTaken(event.integration, key)) {
            this.violated('purged', `${key} was deleted before any queue took it`);
          }
          break;
        }
        case 'outbox left': {
          const event = this.stored.get(change.seq);
          if (event === undefined || deleted.has(change.seq) || event.deletedNo !== null) break;
          this.forwardedCount++;
          break;
        }
        case 'rejection kept':
          this.#place('rejection', change.seq);
          this.keptNo.rejections.set(change.seq, no);
          this.rejectedCount += change.deliveries;
          break;
        case 'rejection delivered again':
          this.rejectedCount += change.more;
          break;
        case 'dead letter kept':
          this.#place('dead letter', change.seq);
          this.keptNo.dead_letters.set(change.seq, no);
          break;
        case 'counted up to':
          this.countedUpTo.push({ no, seq: change.seq });
          break;
      }
    }
  }

  /** Whether the roll-up has counted an event, which existed when the roll-up passed its place. */
  isCounted({ seq, deletedNo }: StoredEvent): boolean {
    const passed = this.countedUpTo.find((mark) => mark.seq >= seq);
    return passed !== undefined && (deletedNo === null || deletedNo > passed.no);
  }

  #place(table: 'event' | 'rejection' | 'dead letter', seq: number): void {
    if (seq <= this.#lastPlace[table]) {
      this.violated('places', `${table} at ${seq}, behind or at ${this.#lastPlace[table]}`);
    }
    this.#lastPlace[table] = seq;
  }
}
